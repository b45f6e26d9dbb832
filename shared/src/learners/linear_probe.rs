//! Linear probe: logistic regression on image features (Radford et al. 2021,
//! section 3.2; KaiyangZhou/CoOp `lpclip`). It knows no class names but its own.

use candle_core::Tensor;

use super::learner::rows_of;
use super::{Classifier, LearnerFacts, NamedTensors};
use crate::clip::Clip;
use crate::error::Result;

/// One linear layer on image features that are not normalised.
#[derive(Debug, Clone)]
pub struct LinearProbe {
    pub weight: Tensor, // [n_classes, embed_dim]
    pub bias: Tensor,   // [n_classes]
    /// The classes it was learned on, in the order of rows.
    pub class_names: Vec<String>,
}

const WEIGHT: &str = "probe.weight";
const BIAS: &str = "probe.bias";

impl LinearProbe {
    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        vec![
            (BIAS.into(), self.bias.clone()),
            (WEIGHT.into(), self.weight.clone()),
        ]
    }

    pub(super) fn from_tensors(
        tensors: &mut NamedTensors,
        facts: &LearnerFacts,
        clip: &Clip,
    ) -> Result<Self> {
        let classes = facts.class_names.len();
        Ok(Self {
            weight: tensors.take_exactly(WEIGHT, &[classes, clip.config.embed_dim])?,
            bias: tensors.take_exactly(BIAS, &[classes])?,
            class_names: facts.class_names.clone(),
        })
    }

    pub(super) fn classifier(&self, class_names: &[String]) -> Result<Classifier> {
        let device = self.weight.device();
        let rows = rows_of(class_names, &self.class_names, "linear probe", device)?;
        Ok(Classifier::Linear {
            weight: self.weight.index_select(&rows, 0)?,
            bias: self.bias.index_select(&rows, 0)?,
        })
    }
}
