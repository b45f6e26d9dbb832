//! The search for a linear probe's `C` on a validation set, as
//! KaiyangZhou/CoOp `lpclip/linear_probe.py` searches.

use super::labelled::{Examples, Labelled};
use super::logistic_regression::{Fit, LogisticRegression};
use crate::error::{Error, Result};

/// The values of `C` tried first.
pub const FIRST_C: [f64; 7] = [1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6];

/// How often the range is then halved (`num_step`).
pub const HALVINGS: usize = 8;

/// One value of `C` on the validation set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    pub c: f64,
    /// Right answers among all, 0 to 1.
    pub accuracy: f64,
    pub iterations: usize,
    pub converged: bool,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct BestC {
    pub c: f64,
    pub fit: Fit,
    /// In the order of the reference: the first list, then left and right of each
    /// halving.
    pub trials: Vec<Trial>,
}

/// Tries [`FIRST_C`], then halves the range around the best of them (a tenth of it
/// to ten times it, in logarithms) `halvings` times, keeping the half beside the
/// better end: the right one only if it is strictly better. The better end of the
/// last range is taken, as in the reference, even where an earlier trial was
/// better. Of `settings` all but `C` holds for every fit; `on_trial` sees each
/// trial as soon as it is done.
///
/// Every fit begins at zero, as the reference's: a fit stops within its tolerance
/// of the minimum, and where depends on its beginning. An end that stays is not
/// fitted again.
///
/// # Errors
/// Those of [`LogisticRegression::fit`], for either set; [`Error::Setting`] if there
/// is no validation example.
pub fn search_c(
    settings: LogisticRegression,
    train: Labelled<'_>,
    validation: Labelled<'_>,
    n_classes: usize,
    halvings: usize,
    mut on_trial: impl FnMut(&Trial),
) -> Result<BestC> {
    let examples = Examples::new(train, n_classes)?;
    if validation.labels.is_empty() {
        let expected = "at least 1 to search C with";
        return Err(Error::setting(
            "the number of validation images",
            0,
            expected,
        ));
    }
    validation.counts(n_classes)?;
    let features = validation.rows()?;
    if features.dim(1)? != examples.width()? {
        return Err(Error::TensorShape {
            name: "validation features".into(),
            expected: vec![features.dim(0)?, examples.width()?].into(),
            got: features.dims().into(),
        });
    }
    let mut trials: Vec<Trial> = Vec::new();
    let mut attempt = |c: f64| -> Result<(Trial, Fit)> {
        let fit = LogisticRegression { c, ..settings }.fit_to(&examples)?;
        let predicted = fit.predict(&features)?;
        let pairs = predicted.iter().zip(validation.labels);
        let right = pairs.filter(|(guess, label)| guess == label).count();
        let trial = Trial {
            c,
            accuracy: right as f64 / validation.labels.len() as f64,
            iterations: fit.iterations,
            converged: fit.converged,
        };
        on_trial(&trial);
        Ok((trial, fit))
    };

    let mut best: Option<(Trial, Fit)> = None;
    for c in FIRST_C {
        let tried = attempt(c)?;
        trials.push(tried.0);
        if best
            .as_ref()
            .is_none_or(|best| tried.0.accuracy > best.0.accuracy)
        {
            best = Some(tried);
        }
    }
    let Some(mut best) = best else {
        return Err(Error::setting(
            "the values of C to try",
            "none",
            "at least one",
        ));
    };
    let mut ends = [best.0.c * 0.1, best.0.c * 10.0];
    let mut kept: [Option<(Trial, Fit)>; 2] = [None, None];
    for _ in 0..halvings {
        let [left, right] = kept;
        let left = left.map_or_else(|| attempt(ends[0]), Ok)?;
        let right = right.map_or_else(|| attempt(ends[1]), Ok)?;
        trials.extend([left.0, right.0]);
        let middle = (ends[0].log10() + ends[1].log10()) * 0.5;
        let middle = 10f64.powf(middle);
        if left.0.accuracy < right.0.accuracy {
            ends[0] = middle;
            best = right.clone();
            kept = [None, Some(right)];
        } else {
            ends[1] = middle;
            best = left.clone();
            kept = [Some(left), None];
        }
    }
    let (trial, fit) = best;
    Ok(BestC {
        c: trial.c,
        fit,
        trials,
    })
}
