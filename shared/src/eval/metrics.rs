//! Accuracy, error and F1 (Dassl `evaluation/evaluator.py`, scikit-learn's F1).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Measures over a set of images. Shares are fractions between 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Number of images.
    pub images: usize,
    pub accuracy: f64,
    /// 1 − accuracy.
    pub error: f64,
    /// Mean F1 over the classes that have images.
    pub macro_f1: f64,
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
            per_class,
        })
    }
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
}
