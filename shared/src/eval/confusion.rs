//! Which class was taken for which.

use serde::{Deserialize, Serialize};

use super::metrics::check_labels;
use crate::error::Result;

/// How often each class was taken for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    pub class_names: Vec<String>,
    /// Images by true class, then by predicted class.
    pub counts: Vec<Vec<usize>>,
}

/// Images of one class that were taken for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusedPair {
    pub true_class: String,
    pub predicted_class: String,
    pub images: usize,
    /// Of the true class's images, between 0 and 1.
    pub share: f64,
}

impl ConfusionMatrix {
    /// Counts predicted against true labels, both indices into `class_names`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if there are no images, the lists
    /// differ in length, or a label is out of range.
    pub fn new(class_names: &[String], predicted: &[usize], labels: &[usize]) -> Result<Self> {
        let classes = class_names.len();
        check_labels(classes, predicted, labels)?;
        let mut counts = vec![vec![0; classes]; classes];
        for (&guess, &label) in predicted.iter().zip(labels) {
            counts[label][guess] += 1;
        }
        Ok(Self {
            class_names: class_names.to_vec(),
            counts,
        })
    }

    /// Number of images of each true class.
    pub fn images_per_class(&self) -> Vec<usize> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// The pairs confused most often, at most `most` of them: by images, then by
    /// share, then in label order. Pairs never confused are left out.
    pub fn most_confused(&self, most: usize) -> Vec<ConfusedPair> {
        let images = self.images_per_class();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for (label, row) in self.counts.iter().enumerate() {
            let wrong = |&guess: &usize| guess != label && row[guess] > 0;
            pairs.extend((0..row.len()).filter(wrong).map(|guess| (label, guess)));
        }
        let share = |(label, guess): (usize, usize)| {
            self.counts[label][guess] as f64 / images[label] as f64
        };
        pairs.sort_by(|&a, &b| {
            let by_images = self.counts[b.0][b.1].cmp(&self.counts[a.0][a.1]);
            by_images
                .then(share(b).total_cmp(&share(a)))
                .then(a.cmp(&b))
        });
        pairs.truncate(most);
        let pair = |(label, guess): (usize, usize)| ConfusedPair {
            true_class: self.class_names[label].clone(),
            predicted_class: self.class_names[guess].clone(),
            images: self.counts[label][guess],
            share: share((label, guess)),
        };
        pairs.into_iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_confused_come_first() {
        let names = ["a", "b", "c"].map(String::from);
        let labels = [0, 0, 0, 0, 1, 1, 2, 2, 2];
        let predicted = [0, 1, 1, 2, 0, 0, 2, 2, 1];
        let matrix = ConfusionMatrix::new(&names, &predicted, &labels).unwrap();
        assert_eq!(matrix.counts, [[1, 2, 1], [2, 0, 0], [0, 1, 2]]);
        assert_eq!(matrix.images_per_class(), [4, 2, 3]);
        let found: Vec<(String, String, usize)> = matrix
            .most_confused(3)
            .into_iter()
            .map(|pair| (pair.true_class, pair.predicted_class, pair.images))
            .collect();
        let expected = [("b", "a", 2), ("a", "b", 2), ("c", "b", 1)];
        assert_eq!(found, expected.map(|(t, p, n)| (t.into(), p.into(), n)));
        assert_eq!(matrix.most_confused(9).len(), 4);
        assert_eq!(matrix.most_confused(9)[0].share, 1.0);
        let text = serde_json::to_string(&matrix).unwrap();
        assert_eq!(
            serde_json::from_str::<ConfusionMatrix>(&text).unwrap(),
            matrix
        );
        for (predicted, labels) in [(&[0, 3][..], &[0, 0][..]), (&[0], &[0, 1]), (&[], &[])] {
            assert!(ConfusionMatrix::new(&names, predicted, labels).is_err());
        }
    }
}
