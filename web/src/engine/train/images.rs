//! Labelled image features.

use candle_core::Tensor;
use clipwright_shared::Error;
use clipwright_shared::protocol::Example;

use crate::engine::{Failure, Memory};

/// Normalised image features with their classes.
pub struct Images {
    /// `[images, embed_dim]`; none without images.
    pub features: Option<Tensor>,
    /// Places among the class names.
    pub labels: Vec<usize>,
}

impl Images {
    /// The features that are kept of `examples`.
    ///
    /// # Errors
    /// If one has not been encoded, or its class is not among `classes`.
    pub fn kept(examples: &[Example], classes: usize, memory: &Memory) -> Result<Self, Failure> {
        let kept = |example: &Example| {
            let features = memory.features.get(&example.image).cloned();
            features.ok_or_else(|| Failure {
                message: format!("image {} has not been encoded", example.image),
                hint: Some("remove the photo and add it again".into()),
            })
        };
        let features = examples.iter().map(kept).collect::<Result<Vec<_>, _>>()?;
        let features = match features.is_empty() {
            true => None,
            false => Some(Tensor::cat(&features, 0)?),
        };
        Self::new(features, examples, classes)
    }

    /// Known features of `examples`.
    ///
    /// # Errors
    /// If they are not as many, or a class is not among `classes`.
    pub fn new(
        features: Option<Tensor>,
        examples: &[Example],
        classes: usize,
    ) -> Result<Self, Failure> {
        let rows = features
            .as_ref()
            .map_or(Ok(0), |features| features.dim(0))?;
        let labels: Vec<usize> = examples.iter().map(|example| example.label).collect();
        if rows != labels.len() || labels.iter().any(|&label| label >= classes) {
            let expected = format!("one feature each and labels below {classes}");
            let got = format!("{} images with {rows} features", labels.len());
            return Err(Error::setting("a set of examples", got, expected).into());
        }
        Ok(Self { features, labels })
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// How many images each class has, if all have as many.
    pub fn shots(&self, classes: usize) -> Option<usize> {
        let mut counts = vec![0; classes];
        self.labels.iter().for_each(|&label| counts[label] += 1);
        let first = *counts.first()?;
        counts.iter().all(|&count| count == first).then_some(first)
    }
}
