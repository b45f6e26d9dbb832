//! Pretraining the embedded model: a small CLIP from scratch, on pictures and
//! captions of the little [`world`](crate::world).

mod init;
mod step;

use candle_core::Var;
use clipwright_shared::clip::{Clip, Weights};
use clipwright_shared::train::AdamW;
use clipwright_shared::{Error, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use init::Sizes;
pub use step::StepLoss;

/// Everything that defines a pretraining run, besides its sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainSettings {
    pub seed: u64,
    pub steps: usize,
    /// Image–caption pairs in a step.
    pub batch: usize,
    /// Highest learning rate; it rises to it over `warmup` steps and falls along
    /// a half cosine.
    pub lr: f64,
    pub warmup: usize,
    /// Decoupled weight decay of the matrices.
    pub weight_decay: f64,
    /// Share of the patches that the image encoder sees in a step (Li et al.
    /// 2023, "Scaling Language-Image Pre-training via Masking"): half of them
    /// cost half. The last tenth of the steps sees all.
    pub kept_patches: f64,
}

/// A model in pretraining.
pub struct Pretraining {
    settings: PretrainSettings,
    variables: Vec<(String, Var)>,
    clip: Clip,
    optimizer: AdamW,
    random: ChaCha8Rng,
    step: usize,
}

impl Pretraining {
    /// Draws the first weights.
    pub fn new(sizes: &Sizes, settings: PretrainSettings) -> Result<Self> {
        if settings.batch < 2 || settings.steps == 0 {
            return Err(Error::setting(
                "the batch and number of steps",
                format!("{} and {}", settings.batch, settings.steps),
                "at least 2 pairs and 1 step",
            ));
        }
        if !(settings.kept_patches > 0.0 && settings.kept_patches <= 1.0) {
            let expected = "a share above 0 and at most 1";
            return Err(Error::setting(
                "kept patches",
                settings.kept_patches,
                expected,
            ));
        }
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        let variables = init::variables(sizes, &mut random)?;
        let weights = weights(&variables)?;
        let mut optimizer = AdamW::new(
            variables
                .iter()
                .map(|(_, variable)| variable.clone())
                .collect(),
            settings.weight_decay,
        );
        optimizer.betas = (0.9, 0.98);
        optimizer.decay_vectors = false;
        Ok(Self {
            clip: Clip::load(weights)?,
            settings,
            variables,
            optimizer,
            random,
            step: 0,
        })
    }

    /// The weights as they are now.
    pub fn weights(&self) -> Result<Weights> {
        weights(&self.variables)
    }

    /// The learning rate of the step to come.
    fn lr(&self) -> f64 {
        let settings = &self.settings;
        if self.step < settings.warmup {
            return settings.lr * (self.step + 1) as f64 / settings.warmup as f64;
        }
        let passed = (self.step - settings.warmup) as f64;
        let all = settings.steps.saturating_sub(settings.warmup).max(1) as f64;
        0.5 * settings.lr * (1.0 + (std::f64::consts::PI * passed / all).cos())
    }

    /// The share of patches that the step to come sees.
    fn kept_patches(&self) -> f64 {
        match 10 * self.step >= 9 * self.settings.steps {
            true => 1.0,
            false => self.settings.kept_patches,
        }
    }
}

fn weights(variables: &[(String, Var)]) -> Result<Weights> {
    let tensor = |(name, variable): &(String, Var)| (name.clone(), variable.as_tensor().clone());
    Weights::from_tensors(variables.iter().map(tensor))
}
