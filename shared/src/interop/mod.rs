//! What was learned, as other programs keep it: read from whatever people bring,
//! and written so that those programs read it.
//!
//! ```text
//! CoOp's model.pth.tar-N ─┐                   ┌─ CoOp's checkpoint
//! CLIP-LoRA's .pt         ├─ a learned file ──┼─ CLIP-LoRA's .pt
//! PEFT's folder           │                   ├─ PEFT's folder
//! grouped LoRA layers ────┘                   └─ added into the model
//! ```
//!
//! What came from elsewhere names no model: whether it fits one is decided by its
//! shapes.

mod clip_lora;
mod coop;
mod form;
mod grouped;
mod layers;
mod merge;
mod notes;
mod peft;
mod peft_config;
mod source;

pub use clip_lora::write as clip_lora_file;
pub use coop::write as coop_checkpoint;
pub use form::Form;
pub use layers::{AdapterLayer, adapter_layers};
pub use merge::Merge;
pub use peft::{ADAPTER, CONFIGURATION, write as peft_files};

use crate::checkpoint::LearnedFile;
use crate::clip::{Backbone, Clip};
use crate::error::{Error, Result};
use crate::formats::Checkpoint;
use crate::learners::ClassTokenPosition;
use source::Source;

/// A file's bytes with its name, without its folder.
#[derive(Debug, Clone, Copy)]
pub struct NamedBytes<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// What some files do not say. Whatever a file says itself comes first, but for the
/// template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOptions {
    /// The classes in label order.
    pub class_names: Option<Vec<String>>,
    pub class_token_position: Option<ClassTokenPosition>,
    /// LoRA's alpha.
    pub alpha: Option<f64>,
    /// The prompt that an adapter was learned with, `{}` for the class name.
    pub template: Option<String>,
    /// The model that it will be used with.
    pub model: Option<ModelSizes>,
}

/// The sizes of a model that an adapter's layers are counted by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelSizes {
    /// Blocks of the image encoder; none of a ResNet.
    pub image_layers: usize,
    pub text_layers: usize,
    /// The factor on the cosine.
    pub logit_scale: f64,
}

impl ModelSizes {
    /// Those of `clip`.
    pub fn of(clip: &Clip) -> Result<Self> {
        Ok(Self {
            image_layers: match &clip.config.image.backbone {
                Backbone::Vit { tower, .. } => tower.layers,
                Backbone::ResNet { .. } => 0,
            },
            text_layers: clip.config.text.tower.layers,
            logit_scale: clip.logit_scale()?,
        })
    }
}

/// Reads what was learned: one file, or the two of a PEFT adapter. What kind it is
/// is seen from its content.
///
/// # Errors
/// [`Error::WrongFile`] if it is none of the kinds that are understood, or does not
/// say what has to be known; [`Error::Configuration`] for a PEFT adapter of another
/// kind; [`Error::Format`] and [`Error::NotFinite`] if it is damaged.
pub fn read(files: &[NamedBytes<'_>], options: &ReadOptions) -> Result<LearnedFile> {
    let (configurations, weights): (Vec<&NamedBytes<'_>>, Vec<_>) =
        files.iter().partition(|file| file.name.ends_with(".json"));
    let configuration = configurations
        .iter()
        .find(|file| file.name == CONFIGURATION)
        .or(configurations.first());
    let weights = match weights[..] {
        [weights] => weights,
        [] => return Err(source::no_weights(configuration.map(|file| file.name))),
        [first, second, ..] => return Err(source::two_weights(first.name, second.name)),
    };
    let checkpoint = Checkpoint::read(weights.bytes)?;
    match (Source::of(&checkpoint)?, configuration) {
        (Source::Peft, Some(configuration)) => peft::read(
            &checkpoint,
            configuration.name,
            configuration.bytes,
            options,
        ),
        (Source::Peft, None) => Err(source::no_configuration()),
        (Source::Clipwright, _) => LearnedFile::from_bytes(weights.bytes),
        (Source::Coop(prefix), _) => coop::read(&checkpoint, &prefix, options),
        (Source::ClipLora, _) => clip_lora::read(&checkpoint, options),
        (Source::GroupedLora, _) => grouped::read(&checkpoint, options),
    }
}

/// A number that `--alpha` or a file gives, which has to be usable.
///
/// # Errors
/// [`Error::Setting`] unless it is above 0.
fn checked_alpha(alpha: f64) -> Result<f64> {
    match alpha > 0.0 && alpha.is_finite() {
        true => Ok(alpha),
        false => Err(Error::setting("alpha", alpha, "a number above 0")),
    }
}
