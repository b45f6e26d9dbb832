//! Zero-shot classification: class names in one or more templates.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::clip::{Clip, TokenRow, Tokenizer, normalise};
use crate::error::{Error, Result};

/// The template of CLIP's paper.
pub const DEFAULT_TEMPLATE: &str = "a photo of a {}.";

/// Templates with `{}` where the class name goes. The text features of several are
/// averaged (prompt ensembling).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ZeroShot {
    templates: Vec<String>,
}

impl ZeroShot {
    /// # Errors
    /// [`Error::Setting`] unless there is a template, and each holds `{}` exactly once.
    pub fn new<T: Into<String>>(templates: impl IntoIterator<Item = T>) -> Result<Self> {
        let templates: Vec<String> = templates.into_iter().map(Into::into).collect();
        let expected =
            || format!("a text with one {{}} for the class name, such as {DEFAULT_TEMPLATE:?}");
        if templates.is_empty() {
            return Err(Error::setting("the template", "missing", expected()));
        }
        if let Some(odd) = templates
            .iter()
            .find(|template| template.matches("{}").count() != 1)
        {
            return Err(Error::setting(
                "the template",
                format!("{odd:?}"),
                expected(),
            ));
        }
        Ok(Self { templates })
    }

    /// The templates.
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// The prompts of `class_names` as rows of token ids, class by class and for each
    /// the templates in their order.
    ///
    /// # Errors
    /// [`Error::TextTooLong`].
    pub fn rows(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Vec<TokenRow>> {
        let context_length = clip.text.context_length();
        let prompts = class_names.iter().flat_map(|name| {
            let templates = self.templates.iter();
            templates.map(move |template| fill_template(template, name))
        });
        prompts
            .map(|prompt| tokenizer.row(&prompt, context_length))
            .collect()
    }

    /// Normalised text features `[n_classes, embed_dim]`.
    pub fn text_features(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Tensor> {
        let rows = self.rows(clip, tokenizer, class_names)?;
        let features = rows
            .chunks(PROMPTS_PER_FORWARD)
            .map(|rows| normalise(&clip.encode_tokens(rows)?))
            .collect::<Result<Vec<_>>>()?;
        let features = Tensor::cat(&features, 0)?;
        match self.templates.len() {
            1 => Ok(features),
            templates => ensemble(&features.reshape((
                class_names.len(),
                templates,
                clip.config.embed_dim,
            ))?),
        }
    }
}

/// Prompts encoded together; bounds the memory of a thousand classes.
pub(super) const PROMPTS_PER_FORWARD: usize = 256;

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
