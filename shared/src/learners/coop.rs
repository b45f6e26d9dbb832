//! CoOp: a learned context in place of a template's words
//! (Zhou et al. 2022, "Learning to Prompt for Vision-Language Models").

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};

use super::learner::rows_of;
use super::zero_shot::PROMPTS_PER_FORWARD;
use super::{ClassTokenPosition, LearnerFacts, NamedTensors, PromptTokens, Prompts};
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
    /// The embeddings of these words, as many vectors as there are words (`n_ctx`
    /// does not count; of words of several tokens the last ones fall off, as in the
    /// reference). The context is then shared by all classes. `[CLS]` among them
    /// says where the class name stands.
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
    /// The words it started from, if it did not start from noise.
    pub words: Option<String>,
}

/// The name of a context in a state dict of CoOp's.
pub(super) const CONTEXT: &str = "ctx";

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
        let mut position = settings.position;
        let context = match &settings.init {
            ContextInit::Words(text) => {
                let words = InitialWords::new(text);
                let mut ids = tokenizer.encode(&words.text);
                if ids.is_empty() || words.count > most {
                    return Err(Error::setting(
                        "the initial words",
                        format!("{text:?}"),
                        format!("1 to {most} words"),
                    ));
                }
                ids.truncate(words.count);
                if let Some(before) = words.before_class {
                    position = ClassTokenPosition::After(before);
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
            position,
            class_names: class_names.to_vec(),
            words: match &settings.init {
                ContextInit::Words(words) => Some(words.clone()),
                ContextInit::Random { .. } => None,
            },
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
        let features = class_names
            .chunks(PROMPTS_PER_FORWARD)
            .enumerate()
            .map(|(chunk, names)| {
                let context = match self.class_specific() {
                    true => context.narrow(0, chunk * PROMPTS_PER_FORWARD, names.len())?,
                    false => context.clone(),
                };
                let prompts = self.prompts(clip, &PromptTokens::new(tokenizer, names))?;
                text_features(clip, &prompts, &context)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(&features, 0)?)
    }

    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        vec![(CONTEXT.into(), self.context.clone())]
    }

    pub(super) fn facts(&self) -> LearnerFacts {
        LearnerFacts {
            class_names: self.class_names.clone(),
            class_token_position: self.position,
            template: self.words.clone(),
            lora: None,
        }
    }

    pub(super) fn from_tensors(
        tensors: &mut NamedTensors,
        facts: &LearnerFacts,
        clip: &Clip,
    ) -> Result<Self> {
        let (classes, width) = (facts.class_names.len(), clip.text.width());
        let n_ctx = match tensors.get(CONTEXT).map(Tensor::dims) {
            Some([.., n_ctx, _]) => (*n_ctx).max(1),
            _ => 1,
        };
        let shared = [n_ctx, width];
        let own = [classes, n_ctx, width];
        let rank = tensors.get(CONTEXT).map_or(2, Tensor::rank);
        let expected: &[usize] = if rank == 3 { &own } else { &shared };
        Ok(Self {
            context: tensors.take_exactly(CONTEXT, expected)?,
            position: facts.class_token_position,
            class_names: facts.class_names.clone(),
            words: facts.template.clone(),
        })
    }

    /// The same context for these classes: the vectors that belong to them, if each class
    /// has its own.
    ///
    /// # Errors
    /// [`Error::Setting`] if a class-specific context was not learned on one of them.
    pub fn for_classes(&self, class_names: &[String]) -> Result<Self> {
        let context = match self.class_specific() {
            true => self.select(class_names)?,
            false => self.context.clone(),
        };
        Ok(Self {
            context,
            class_names: class_names.to_vec(),
            ..self.clone()
        })
    }

    /// The rows of a class-specific context that belong to `class_names`.
    fn select(&self, class_names: &[String]) -> Result<Tensor> {
        let device = self.context.device();
        let what = "class-specific context";
        let rows = rows_of(class_names, &self.class_names, what, device)?;
        Ok(self.context.index_select(&rows, 0)?)
    }
}

/// Initial words, read as the references do.
struct InitialWords {
    /// Without the mark of the class name.
    text: String,
    count: usize,
    /// How many words stand before the class name, if it is marked.
    before_class: Option<usize>,
}

/// Marks the place of the class name among initial words.
const CLASS_MARK: &str = "[CLS]";

impl InitialWords {
    fn new(text: &str) -> Self {
        let text = text.replace('_', " ");
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let before_class = words.iter().position(|word| *word == CLASS_MARK);
        words.retain(|word| *word != CLASS_MARK);
        Self {
            text: words.join(" "),
            count: words.len(),
            before_class,
        }
    }
}

/// Normalised text features `[n_classes, embed_dim]` of `prompts` filled with
/// `context`; differentiable in the context.
pub fn text_features(clip: &Clip, prompts: &Prompts, context: &Tensor) -> Result<Tensor> {
    normalise(&prompts.encode(&clip.text, context, 1)?)
}

/// The same for each of `count` contexts, which lie one behind another in `contexts`:
/// `[count · n_classes, embed_dim]`.
pub fn text_features_of_each(
    clip: &Clip,
    prompts: &Prompts,
    contexts: &Tensor,
    count: usize,
) -> Result<Tensor> {
    normalise(&prompts.encode(&clip.text, contexts, count)?)
}

/// Seeded normal values, the same on every platform.
pub(super) fn normal(dims: &[usize], deviation: f32, seed: u64, device: &Device) -> Result<Tensor> {
    let normal = Normal::new(0.0, deviation)
        .map_err(|_| Error::setting("the deviation", deviation, "a finite number"))?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = dims.iter().product();
    let values: Vec<f32> = (0..count).map(|_| normal.sample(&mut random)).collect();
    Ok(Tensor::from_vec(values, dims, device)?)
}
