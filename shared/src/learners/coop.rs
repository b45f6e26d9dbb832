//! CoOp: a learned context in place of a template's words
//! (Zhou et al. 2022, "Learning to Prompt for Vision-Language Models").

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};

use super::{ClassTokenPosition, PromptTokens, Prompts};
use crate::clip::{Clip, Tokenizer, normalise};
use crate::error::{Error, Result};

/// What a context is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoopSettings {
    /// Number of context vectors.
    pub n_ctx: usize,
    /// Each class its own context, or one for all.
    pub class_specific: bool,
    pub position: ClassTokenPosition,
    pub init: ContextInit,
}

/// Where a context starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextInit {
    /// Normal values with a standard deviation of 0.02.
    Random { seed: u64 },
    /// The embeddings of these words, one vector for each of their tokens
    /// (`n_ctx` does not count). The context is then shared by all classes, as
    /// in the reference.
    Words(String),
}

/// A context, with what is needed to build prompts around it.
#[derive(Debug, Clone)]
pub struct Coop {
    /// `[n_ctx, width]`, or `[n_classes, n_ctx, width]` if class-specific.
    pub context: Tensor,
    pub position: ClassTokenPosition,
    /// The classes it was learned on; a class-specific context knows no others.
    pub class_names: Vec<String>,
}

/// Standard deviation of a random context (KaiyangZhou/CoOp `PromptLearner`).
const RANDOM_INIT_STD: f32 = 0.02;

impl Coop {
    /// A context to start learning from.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no context vectors, or more than fit.
    pub fn new(
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
        settings: &CoopSettings,
    ) -> Result<Self> {
        let (n_ctx, width) = (settings.n_ctx, clip.text.width());
        let most = clip.text.context_length() - 1;
        let context = match &settings.init {
            ContextInit::Words(words) => {
                let ids = tokenizer.encode(&words.replace('_', " "));
                if ids.is_empty() || ids.len() > most {
                    let expected = format!("words of 1 to {most} tokens");
                    return Err(Error::setting(
                        "the initial words",
                        format!("{words:?}"),
                        expected,
                    ));
                }
                clip.text.token_embedding(&ids)?.detach()
            }
            ContextInit::Random { .. } if n_ctx == 0 || n_ctx > most => {
                return Err(Error::setting(
                    "n_ctx",
                    n_ctx,
                    format!("between 1 and {most}"),
                ));
            }
            ContextInit::Random { seed } => {
                let classes = class_names.len();
                let dims = match settings.class_specific {
                    true => vec![classes, n_ctx, width],
                    false => vec![n_ctx, width],
                };
                normal(&dims, RANDOM_INIT_STD, *seed, clip.log_logit_scale.device())?
            }
        };
        Ok(Self {
            context,
            position: settings.position,
            class_names: class_names.to_vec(),
        })
    }

    /// Number of context vectors.
    pub fn n_ctx(&self) -> usize {
        let dims = self.context.dims();
        dims[dims.len() - 2]
    }

    /// Whether each class has its own context.
    pub fn class_specific(&self) -> bool {
        self.context.rank() == 3
    }

    /// The prompts of `tokens` with an empty place for this context.
    pub fn prompts(&self, clip: &Clip, tokens: &PromptTokens) -> Result<Prompts> {
        Prompts::new(
            &clip.text,
            tokens,
            self.n_ctx(),
            self.position,
            self.class_specific(),
        )
    }

    /// Normalised text features `[n_classes, embed_dim]` of any class names, or,
    /// for a class-specific context, of names it was learned on.
    pub fn text_features_of(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Tensor> {
        let context = match self.class_specific() {
            true => self.select(class_names)?,
            false => self.context.clone(),
        };
        let prompts = self.prompts(clip, &PromptTokens::new(tokenizer, class_names))?;
        text_features(clip, &prompts, &context)
    }

    /// The rows of a class-specific context that belong to `class_names`.
    fn select(&self, class_names: &[String]) -> Result<Tensor> {
        let row = |name: &String| {
            let found = self.class_names.iter().position(|known| known == name);
            found.map(|row| row as u32).ok_or_else(|| {
                Error::setting(
                    "a class name",
                    format!("{name:?}"),
                    format!(
                        "one that the class-specific context was learned on: {}",
                        self.class_names.join(", ")
                    ),
                )
            })
        };
        let rows: Vec<u32> = class_names.iter().map(row).collect::<Result<_>>()?;
        let rows = Tensor::new(rows, self.context.device())?;
        Ok(self.context.index_select(&rows, 0)?)
    }
}

/// Normalised text features `[n_classes, embed_dim]` of `prompts` filled with
/// `context`; differentiable in the context.
pub fn text_features(clip: &Clip, prompts: &Prompts, context: &Tensor) -> Result<Tensor> {
    let filled = prompts.assemble(context)?;
    normalise(&clip.text.forward(&filled, prompts.end_of_text())?)
}

/// Seeded normal values, the same on every platform.
fn normal(dims: &[usize], deviation: f32, seed: u64, device: &Device) -> Result<Tensor> {
    let normal = Normal::new(0.0, deviation)
        .map_err(|_| Error::setting("the deviation", deviation, "a finite number"))?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = dims.iter().product();
    let values: Vec<f32> = (0..count).map(|_| normal.sample(&mut random)).collect();
    Ok(Tensor::from_vec(values, dims, device)?)
}
