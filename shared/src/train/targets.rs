//! What a step should answer: labels, softened or mixed, and how much each image
//! counts.

use candle_core::{D, DType, Tensor};

use crate::error::{Error, Result};
use crate::ops::{cross_entropy, log_softmax};

/// The right answers for a batch.
#[derive(Debug, Clone)]
pub struct Targets {
    labels: Tensor,          // [B], u32
    known: Option<Vec<u32>>, // the same, if they came from here
    soft: Option<Tensor>,    // [B, n_classes], rows that sum to 1
    weights: Option<Tensor>, // [B]
}

impl Targets {
    /// One label for each image: `[B]` (u32).
    pub fn labels(labels: &Tensor) -> Self {
        Self {
            labels: labels.clone(),
            known: None,
            soft: None,
            weights: None,
        }
    }

    /// The same, from plain numbers.
    pub fn of(labels: &[usize], device: &candle_core::Device) -> Result<Self> {
        let labels: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
        Ok(Self {
            known: Some(labels.clone()),
            ..Self::labels(&Tensor::new(labels, device)?)
        })
    }

    /// Every label becomes `1 − smoothing` of itself and `smoothing` of all classes
    /// evenly (`torch.nn.CrossEntropyLoss`, `label_smoothing`); then, with `mix`,
    /// each image answers for its share and its partner's label for the rest.
    ///
    /// # Errors
    /// [`Error::Setting`] if a share is outside 0 to 1.
    pub fn softened(self, n_classes: usize, smoothing: f64, mix: Option<&Mix>) -> Result<Self> {
        let share = |name: &str, value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(value as f32),
            false => Err(Error::setting(name, value, "between 0 and 1")),
        };
        let smoothing = share("the label smoothing", smoothing)?;
        let labels = match &self.known {
            Some(labels) => labels.clone(),
            None => self.labels.to_dtype(DType::U32)?.to_vec1()?,
        };
        let row = |label: u32| {
            let mut row = vec![smoothing / n_classes as f32; n_classes];
            if let Some(own) = row.get_mut(label as usize) {
                *own += 1.0 - smoothing;
            }
            row
        };
        let mut values: Vec<Vec<f32>> = labels.iter().map(|&label| row(label)).collect();
        if let Some(mix) = mix {
            let plain = values.clone();
            for ((row, &kept), &partner) in values.iter_mut().zip(&mix.kept).zip(&mix.partners) {
                let kept = share("the mixed share", kept)?;
                for (value, other) in row.iter_mut().zip(&plain[partner]) {
                    *value = kept * *value + (1.0 - kept) * other;
                }
            }
        }
        let values: Vec<f32> = values.into_iter().flatten().collect();
        let dims = (labels.len(), n_classes);
        Ok(Self {
            soft: Some(Tensor::from_vec(values, dims, self.labels.device())?),
            ..self
        })
    }

    /// The loss is the sum of each image's cross-entropy times its weight, instead of
    /// their mean.
    pub fn weighted(self, weights: &[f32]) -> Result<Self> {
        Ok(Self {
            weights: Some(Tensor::new(weights, self.labels.device())?),
            ..self
        })
    }

    /// DISEF's weights: `λ` times the mean over real images and `1 − λ` times the mean
    /// over synthetic ones; either may be missing (seed 001).
    pub fn real_and_synthetic(self, is_synthetic: &[bool], lambda: f64) -> Result<Self> {
        let synthetic = is_synthetic.iter().filter(|&&it| it).count();
        let real = is_synthetic.len() - synthetic;
        let weights: Vec<f32> = is_synthetic
            .iter()
            .map(|&it| match it {
                true => ((1.0 - lambda) / synthetic as f64) as f32,
                false => (lambda / real as f64) as f32,
            })
            .collect();
        self.weighted(&weights)
    }

    /// The loss of `logits [B, n_classes]` (a scalar, in nats).
    pub fn loss(&self, logits: &Tensor) -> Result<Tensor> {
        if self.soft.is_none() && self.weights.is_none() {
            return Ok(cross_entropy(logits, &self.labels)?);
        }
        let log = log_softmax(logits)?;
        let each = match &self.soft {
            Some(soft) => (soft * log)?.sum(D::Minus1)?,
            None => log.gather(&self.labels.unsqueeze(1)?, 1)?.squeeze(1)?,
        }
        .neg()?; // [B]
        Ok(match &self.weights {
            Some(weights) => (each * weights)?.sum_all()?,
            None => each.mean_all()?,
        })
    }

    /// How many rows of `logits [B, n_classes]` are highest at their label.
    pub fn correct(&self, logits: &Tensor) -> Result<usize> {
        Ok(self.hits(logits)?.to_scalar::<f32>()? as usize)
    }

    /// The same, as a scalar where the logits are.
    fn hits(&self, logits: &Tensor) -> Result<Tensor> {
        let highest = logits.detach().argmax(D::Minus1)?;
        let hits = highest.eq(&self.labels.to_dtype(DType::U32)?)?;
        Ok(hits.to_dtype(DType::F32)?.sum_all()?)
    }

    /// What there is of labels, softened ones and weights.
    #[cfg(feature = "cuda")]
    fn tensors(&self) -> [Option<&Tensor>; 3] {
        [
            Some(&self.labels),
            self.soft.as_ref(),
            self.weights.as_ref(),
        ]
    }

    /// Whether the same work answers both.
    #[cfg(feature = "cuda")]
    pub(super) fn are_like(&self, others: &Self) -> bool {
        let form = |of: Option<&Tensor>| of.map(|of| (of.dims().to_vec(), of.dtype()));
        self.tensors().map(form) == others.tensors().map(form)
    }

    /// The same in memory of its own.
    #[cfg(feature = "cuda")]
    pub(super) fn copied(&self) -> Result<Self> {
        let copied = |of: &Option<Tensor>| of.as_ref().map(Tensor::force_contiguous).transpose();
        Ok(Self {
            labels: self.labels.force_contiguous()?,
            known: self.known.clone(),
            soft: copied(&self.soft)?,
            weights: copied(&self.weights)?,
        })
    }

    /// Writes `others`, which are like these, over these where they lie.
    #[cfg(feature = "cuda")]
    pub(super) fn overwrite(&self, others: &Self) -> Result<()> {
        for (to, from) in self.tensors().into_iter().zip(others.tensors()) {
            if let (Some(to), Some(from)) = (to, from) {
                to.slice_set(&from.contiguous()?, 0, 0)?;
            }
        }
        Ok(())
    }

    /// Loss and hits of `logits [B, n_classes]`, neither of them waited for.
    pub(super) fn answered(&self, logits: &Tensor) -> Result<Answered> {
        Ok(Answered {
            loss: self.loss(logits)?,
            hits: self.hits(logits)?,
        })
    }
}

/// What the logits of a batch are worth.
pub(super) struct Answered {
    /// A scalar, in nats.
    pub loss: Tensor,
    /// How many rows were highest at their label: a scalar in f32.
    pub hits: Tensor,
}

impl Answered {
    /// The same without what they were computed from.
    pub fn detached(&self) -> Self {
        Self {
            loss: self.loss.detach(),
            hits: self.hits.detach(),
        }
    }
}

/// How images of a batch were mixed with others of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// For each image the share of itself.
    pub kept: Vec<f64>,
    /// For each image the one it was mixed with, by its place in the batch.
    pub partners: Vec<usize>,
}
