//! One error for the whole crate. Every message names what was wrong and what
//! was expected; where there is a remedy, [`Error::hint`] says it in a line.

use std::fmt;

/// What a function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong between bytes and probabilities.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor that the model needs is not in the weights.
    #[error("tensor `{name}` is missing; expected shape {expected}")]
    MissingTensor { name: String, expected: Dims },

    /// A tensor is there but has another shape than the model needs.
    #[error("tensor `{name}` has shape {got}; expected {expected}")]
    TensorShape {
        name: String,
        expected: Dims,
        got: Dims,
    },

    /// A tensor holds NaN or infinite values.
    #[error("tensor `{name}` holds {count} values that are not finite")]
    NotFinite { name: String, count: usize },

    /// A file does not follow its format.
    #[error("{what} is not valid: {reason}")]
    Format { what: String, reason: String },

    /// A learned file belongs to another model.
    #[error("the learned file was made for model {expected}; this model is {got}")]
    OtherModel { expected: String, got: String },

    /// A setting or argument is outside what makes sense.
    #[error("{name} is {got}; expected {expected}")]
    Setting {
        name: String,
        got: String,
        expected: String,
    },

    /// An image could not be decoded, or is too large to decode safely.
    #[error("image {reason}")]
    Image { reason: String },

    /// A text has more tokens than the context length.
    #[error("text `{text}` has {got} tokens; the context length is {context_length}")]
    TextTooLong {
        text: String,
        got: usize,
        context_length: usize,
    },

    /// A tensor operation failed (source: candle).
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// A setting outside what makes sense.
    pub fn setting(name: &str, got: impl fmt::Display, expected: impl Into<String>) -> Self {
        Self::Setting {
            name: name.into(),
            got: got.to_string(),
            expected: expected.into(),
        }
    }

    /// A file that does not follow its format.
    pub fn format(what: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Format {
            what: what.into(),
            reason: reason.to_string(),
        }
    }

    /// The next thing to try, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::MissingTensor { .. } => {
                "is this a CLIP checkpoint, and is the file complete? A vision-only or text-only \
                 file cannot be used alone"
                    .into()
            }
            Self::TensorShape { .. } => {
                "the file mixes tensors of different models, or is not a CLIP checkpoint".into()
            }
            Self::NotFinite { .. } => {
                "the file is damaged or its training diverged; fetch or train it again".into()
            }
            Self::OtherModel { .. } => {
                "load the model it was trained on, or learn again on this one".into()
            }
            Self::TextTooLong { .. } => {
                "shorten the class name or template, or use fewer context vectors".into()
            }
            Self::Image { .. } => "use a PNG, JPEG, WebP, GIF or BMP file".into(),
            Self::Format { .. } => "check that the download or copy was complete".into(),
            Self::Setting { .. } | Self::Tensor(_) => return None,
        })
    }
}

/// A shape as it is printed: `[4, 128]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dims(pub Vec<usize>);

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl From<&[usize]> for Dims {
    fn from(dims: &[usize]) -> Self {
        Self(dims.to_vec())
    }
}
