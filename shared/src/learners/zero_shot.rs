//! Zero-shot classification: class names in a template.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::clip::{Clip, Tokenizer, normalise};
use crate::error::{Error, Result};

/// The template of CLIP's paper.
pub const DEFAULT_TEMPLATE: &str = "a photo of a {}.";

/// A template with `{}` where the class name goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZeroShot {
    template: String,
}

impl ZeroShot {
    /// # Errors
    /// [`Error::Setting`] unless the template holds `{}` exactly once.
    pub fn new(template: impl Into<String>) -> Result<Self> {
        let template = template.into();
        if template.matches("{}").count() != 1 {
            return Err(Error::setting(
                "the template",
                format!("{template:?}"),
                format!("a text with one {{}} for the class name, such as {DEFAULT_TEMPLATE:?}"),
            ));
        }
        Ok(Self { template })
    }

    /// Normalised text features `[n_classes, embed_dim]`.
    pub fn text_features(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Tensor> {
        let context_length = clip.text.context_length();
        let rows = class_names
            .iter()
            .map(|name| tokenizer.row(&fill_template(&self.template, name), context_length))
            .collect::<Result<Vec<_>>>()?;
        normalise(&clip.encode_tokens(&rows)?)
    }
}

/// Normalised text features of several templates `[n_classes, n_templates, embed_dim]`
/// → one for each class `[n_classes, embed_dim]`, normalised again (openai/CLIP,
/// prompt ensembling).
pub fn ensemble(features: &Tensor) -> Result<Tensor> {
    normalise(&features.mean(1)?)
}

/// The prompt text of one class: `_` becomes a space, as in the reference.
pub fn fill_template(template: &str, class_name: &str) -> String {
    template.replace("{}", &class_name.replace('_', " "))
}
