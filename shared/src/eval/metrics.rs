//! Accuracy, error and F1 (Dassl `evaluation/evaluator.py`, scikit-learn's F1).

use serde::{Deserialize, Serialize};

use super::ranking::TOP;
use crate::error::{Error, Result};

/// Measures over a set of images. Shares are fractions between 0 and 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Number of images.
    pub images: usize,
    pub accuracy: f64,
    /// 1 − accuracy.
    pub error: f64,
    /// Mean F1 over the classes that have images.
    pub macro_f1: f64,
    /// Share of the images whose class is among the five ranked first. Known only
    /// from ranked predictions among more than five classes: else it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// One entry for each class, in label order.
    pub per_class: Vec<ClassMetrics>,
}

/// Measures of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    pub class: String,
    /// Number of images of this class.
    pub images: usize,
    /// Share of its images recognised; 0 without images.
    pub accuracy: f64,
    /// Harmonic mean of precision and recall; 0 where both are.
    pub f1: f64,
}

impl Metrics {
    /// Compares predicted with true labels, both indices into `class_names`.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no images, the lists differ in length, or
    /// a label is out of range.
    pub fn new(class_names: &[String], predicted: &[usize], labels: &[usize]) -> Result<Self> {
        let classes = class_names.len();
        check_labels(classes, predicted, labels)?;
        let (mut hits, mut guesses, mut images) =
            (vec![0; classes], vec![0; classes], vec![0; classes]);
        for (&guess, &label) in predicted.iter().zip(labels) {
            guesses[guess] += 1;
            images[label] += 1;
            hits[label] += usize::from(guess == label);
        }
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let per_class: Vec<ClassMetrics> = (0..classes)
            .map(|class| ClassMetrics {
                class: class_names[class].clone(),
                images: images[class],
                accuracy: share(hits[class], images[class]),
                f1: share(2 * hits[class], guesses[class] + images[class]),
            })
            .collect();
        let present: Vec<&ClassMetrics> =
            per_class.iter().filter(|class| class.images > 0).collect();
        let macro_f1 = present.iter().map(|class| class.f1).sum::<f64>() / present.len() as f64;
        let accuracy = share(hits.iter().sum(), labels.len());
        Ok(Self {
            images: labels.len(),
            accuracy,
            error: 1.0 - accuracy,
            macro_f1,
            top5: None,
            per_class,
        })
    }

    /// As [`Metrics::new`], with top-5 accuracy, from the classes of each image in
    /// the order of their scores ([`ranked`](super::ranked)).
    ///
    /// # Errors
    /// As [`Metrics::new`]; also if an image has too few ranked labels.
    pub fn from_ranked(
        class_names: &[String],
        ranked: &[Vec<usize>],
        labels: &[usize],
    ) -> Result<Self> {
        let classes = class_names.len();
        let least = classes.min(TOP);
        let fits =
            |labels: &[usize]| labels.len() >= least && labels.iter().all(|&label| label < classes);
        if let Some(wrong) = ranked.iter().find(|labels| !fits(labels)) {
            return Err(Error::setting(
                "a ranked prediction",
                format!("{wrong:?}"),
                format!("at least {least} labels below {classes}"),
            ));
        }
        let best: Vec<usize> = ranked
            .iter()
            .filter_map(|all| all.first())
            .copied()
            .collect();
        let mut metrics = Self::new(class_names, &best, labels)?;
        let among = |(ranked, label): &(&Vec<usize>, &usize)| ranked[..TOP].contains(label);
        metrics.top5 = (classes > TOP).then(|| {
            let hits = ranked.iter().zip(labels).filter(among).count();
            hits as f64 / labels.len() as f64
        });
        Ok(metrics)
    }
}

/// Refuses predictions that do not fit their labels.
pub(super) fn check_labels(classes: usize, predicted: &[usize], labels: &[usize]) -> Result<()> {
    let in_range = predicted.iter().chain(labels).all(|&label| label < classes);
    if labels.is_empty() || predicted.len() != labels.len() || !in_range {
        return Err(Error::setting(
            "the predictions",
            format!(
                "{} predictions for {} labels",
                predicted.len(),
                labels.len()
            ),
            format!("one for each of at least one image, below {classes}"),
        ));
    }
    Ok(())
}

/// `2·base·new / (base + new)`; 0 if both are.
pub fn harmonic_mean(base: f64, new: f64) -> f64 {
    match base + new {
        0.0 => 0.0,
        sum => 2.0 * base * new / sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let names = ["a", "b", "c"].map(String::from);
        let metrics = Metrics::new(&names, &[0, 0, 1, 1], &[0, 1, 1, 1]).unwrap();
        assert_eq!(
            (metrics.images, metrics.accuracy, metrics.error),
            (4, 0.75, 0.25)
        );
        let (a, b) = (2.0 / 3.0, 0.8);
        assert!(
            (metrics.macro_f1 - (a + b) / 2.0).abs() < 1e-12,
            "c has no images"
        );
        assert_eq!(metrics.per_class[2].images, 0);
        assert!(Metrics::new(&names, &[], &[]).is_err());
        assert!(Metrics::new(&names, &[3], &[0]).is_err());
        assert_eq!(harmonic_mean(0.0, 0.0), 0.0);
    }

    #[test]
    fn top_five_looks_at_five_of_more() {
        let names = ["a", "b", "c", "d", "e", "f", "g"].map(String::from);
        let ranked = [
            vec![0, 1, 2, 3, 4],
            vec![6, 5, 4, 3, 2, 1],
            vec![1, 0, 2, 3, 5],
        ];
        let metrics = Metrics::from_ranked(&names, &ranked, &[4, 1, 1]).unwrap();
        assert_eq!(metrics.top5, Some(2.0 / 3.0), "the sixth does not count");
        assert_eq!(metrics.accuracy, 1.0 / 3.0);
        let few = Metrics::from_ranked(&names[..2], &[vec![0, 1]], &[1]).unwrap();
        assert_eq!(few.top5, None, "all of two classes are among five");
        assert!(!serde_json::to_string(&few).unwrap().contains("top5"));
        for ranked in [&[vec![0, 1]][..], &[vec![]], &[vec![0, 1, 2, 3, 9]], &[]] {
            assert!(
                Metrics::from_ranked(&names, ranked, &[0]).is_err(),
                "{ranked:?}"
            );
        }
    }
}
