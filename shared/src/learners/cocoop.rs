//! CoCoOp: a context that a small net moves for each image (Zhou et al. 2022,
//! "Conditional Prompt Learning for Vision-Language Models").

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::classifier::PerImage;
use super::coop::{CONTEXT, text_features};
use super::{Classifier, Coop, CoopSettings, LearnerFacts, NamedTensors, PromptTokens, Prompts};
use crate::clip::{Clip, Tokenizer, logits};
use crate::error::{Error, Result};
use crate::ops;

/// A context and the net that moves it.
#[derive(Debug, Clone)]
pub struct CoCoOp {
    /// The context, shared by all classes, before any image.
    pub coop: Coop,
    pub meta_net: MetaNet,
}

/// Image feature → one shift for every context vector: two linear layers with a
/// ReLU between them.
#[derive(Debug, Clone)]
pub struct MetaNet {
    pub linear1_weight: Tensor, // [hidden, embed_dim]
    pub linear1_bias: Tensor,   // [hidden]
    pub linear2_weight: Tensor, // [width, hidden]
    pub linear2_bias: Tensor,   // [width]
}

const LINEAR1_WEIGHT: &str = "meta_net.linear1.weight";
const LINEAR1_BIAS: &str = "meta_net.linear1.bias";
const LINEAR2_WEIGHT: &str = "meta_net.linear2.weight";
const LINEAR2_BIAS: &str = "meta_net.linear2.bias";

/// The hidden layer is this many times smaller than an image feature.
const REDUCTION: usize = 16;

/// The stream of random numbers that a first net takes; a context takes stream 0.
const NET_STREAM: u64 = 1;

impl MetaNet {
    /// A first net for `clip`: every value uniform within ±1/√inputs of its layer
    /// (`torch.nn.Linear`).
    pub fn new(clip: &Clip, seed: u64) -> Result<Self> {
        let (embed_dim, width) = (clip.config.embed_dim, clip.text.width());
        let hidden = (embed_dim / REDUCTION).max(1);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(NET_STREAM);
        let mut uniform = |dims: &[usize], inputs: usize, device: &Device| -> Result<Tensor> {
            let bound = 1.0 / (inputs as f32).sqrt();
            let count = dims.iter().product::<usize>();
            let values: Vec<f32> = (0..count)
                .map(|_| random.random_range(-bound..bound))
                .collect();
            Ok(Tensor::from_vec(values, dims, device)?)
        };
        let device = clip.device();
        Ok(Self {
            linear1_weight: uniform(&[hidden, embed_dim], embed_dim, device)?,
            linear1_bias: uniform(&[hidden], embed_dim, device)?,
            linear2_weight: uniform(&[width, hidden], hidden, device)?,
            linear2_bias: uniform(&[width], hidden, device)?,
        })
    }

    /// Normalised image features `[B, embed_dim]` → shifts `[B, width]`.
    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let hidden = ops::linear(features, &self.linear1_weight, Some(&self.linear1_bias))?;
        let hidden = hidden.relu()?;
        Ok(ops::linear(
            &hidden,
            &self.linear2_weight,
            Some(&self.linear2_bias),
        )?)
    }

    /// The tensors with the names of CoCoOp's state dict.
    pub fn tensors(&self) -> [(&'static str, &Tensor); 4] {
        [
            (LINEAR1_WEIGHT, &self.linear1_weight),
            (LINEAR1_BIAS, &self.linear1_bias),
            (LINEAR2_WEIGHT, &self.linear2_weight),
            (LINEAR2_BIAS, &self.linear2_bias),
        ]
    }
}

impl CoCoOp {
    /// A context and a net to start learning from.
    ///
    /// # Errors
    /// As [`Coop::new`]; [`Error::Setting`] for a class-specific context, which the
    /// method has not.
    pub fn new(
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
        settings: &CoopSettings,
        seed: u64,
    ) -> Result<Self> {
        if settings.class_specific {
            return Err(Error::setting(
                "CoCoOp's context",
                "class-specific",
                "one context shared by all classes",
            ));
        }
        Ok(Self {
            coop: Coop::new(clip, tokenizer, class_names, settings)?,
            meta_net: MetaNet::new(clip, seed)?,
        })
    }

    /// Every learned tensor: the context, then the net's in their order.
    pub fn tensors_mut(&mut self) -> [&mut Tensor; 5] {
        let net = &mut self.meta_net;
        [
            &mut self.coop.context,
            &mut net.linear1_weight,
            &mut net.linear1_bias,
            &mut net.linear2_weight,
            &mut net.linear2_bias,
        ]
    }

    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        let net = self.meta_net.tensors();
        let net = net.map(|(name, tensor)| (name.to_string(), tensor.clone()));
        self.coop.tensors().into_iter().chain(net).collect()
    }

    pub(super) fn from_tensors(
        tensors: &mut NamedTensors,
        facts: &LearnerFacts,
        clip: &Clip,
    ) -> Result<Self> {
        let (embed_dim, width) = (clip.config.embed_dim, clip.text.width());
        let rows = |name: &str| tensors.get(name).and_then(|tensor| tensor.dims().first());
        let hidden = rows(LINEAR1_BIAS).copied().unwrap_or(1).max(1);
        let coop = Coop::from_tensors(tensors, facts, clip)?;
        if coop.class_specific() {
            return Err(Error::TensorShape {
                name: CONTEXT.into(),
                expected: [coop.n_ctx(), width].as_slice().into(),
                got: coop.context.dims().into(),
            });
        }
        Ok(Self {
            coop,
            meta_net: MetaNet {
                linear1_weight: tensors.take_exactly(LINEAR1_WEIGHT, &[hidden, embed_dim])?,
                linear1_bias: tensors.take_exactly(LINEAR1_BIAS, &[hidden])?,
                linear2_weight: tensors.take_exactly(LINEAR2_WEIGHT, &[width, hidden])?,
                linear2_bias: tensors.take_exactly(LINEAR2_BIAS, &[width])?,
            },
        })
    }

    /// Makes it ready to tell any class names apart.
    pub(super) fn classifier(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Classifier> {
        let tokens = PromptTokens::new(tokenizer, class_names);
        Ok(Classifier::PerImage(Box::new(PerImage {
            prompts: self.coop.prompts(clip, &tokens)?,
            clip: clip.clone(),
            cocoop: self.clone(),
        })))
    }

    /// The context for each image: normalised image features `[B, embed_dim]` →
    /// `[B, n_ctx, width]`.
    pub fn contexts(&self, features: &Tensor) -> Result<Tensor> {
        let shifts = self.meta_net.forward(features)?.unsqueeze(1)?; // [B, 1, width]
        Ok(self.coop.context.unsqueeze(0)?.broadcast_add(&shifts)?)
    }

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`: each
    /// image has text features of its own. Differentiable in the context and the
    /// net.
    pub fn logits(&self, clip: &Clip, prompts: &Prompts, features: &Tensor) -> Result<Tensor> {
        let scale = clip.logit_scale()?;
        let contexts = self.contexts(features)?;
        let rows = (0..features.dim(0)?)
            .map(|image| {
                let context = contexts.narrow(0, image, 1)?.squeeze(0)?;
                let text = text_features(clip, prompts, &context)?;
                logits(&features.narrow(0, image, 1)?, &text, scale)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(&rows, 0)?)
    }
}
