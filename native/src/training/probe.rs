//! A linear probe: logistic regression on the features of the training images, its
//! penalty searched on the validation images.

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::learners::LinearProbe;
use clipwright_shared::train::{FIRST_C, HALVINGS, Labelled, LogisticRegression, search_c};

use crate::data::Item;
use crate::measure::{Validation, features};
use crate::progress::steps_bar;
use crate::settings::Probe;

/// Fits of a search: the first list, both ends of the range, then one for each halving.
const FITS: usize = FIRST_C.len() + HALVINGS + 1;

/// Fits a probe on `items`; returns it with the values of C that were tried and their
/// validation accuracy.
///
/// # Errors
/// If an image cannot be read, or a class has none.
pub fn fit_probe(
    session: &Session,
    probe: Probe,
    items: &[Item],
    validation: Option<&Validation>,
    class_names: &[String],
) -> Result<(LinearProbe, Vec<(f64, f64)>)> {
    let features = features(session, &session.clip.image, items)?;
    let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
    let settings = LogisticRegression::default();
    let (fit, trials) = match (probe.c, validation) {
        (None, Some(validation)) => {
            let train = Labelled {
                features: &features,
                labels: &labels,
            };
            let (features, labels) = validation.material();
            let validation = Labelled { features, labels };
            let bar = steps_bar(FITS);
            let classes = class_names.len();
            let best = search_c(settings, train, validation, classes, HALVINGS, |trial| {
                bar.set_message(format!(
                    "C {:.2e}  validation accuracy {:.1} %",
                    trial.c,
                    100.0 * trial.accuracy
                ));
                bar.inc(1);
            })?;
            bar.finish_and_clear();
            let trials = best.trials.iter().map(|trial| (trial.c, trial.accuracy));
            (best.fit, trials.collect())
        }
        (c, _) => {
            let c = c.unwrap_or(settings.c);
            let settings = LogisticRegression { c, ..settings };
            (
                settings.fit(&features, &labels, class_names.len())?,
                Vec::new(),
            )
        }
    };
    let probe = LinearProbe {
        weight: fit.weight,
        bias: fit.bias,
        class_names: class_names.to_vec(),
    };
    Ok((probe, trials))
}
