//! One error for the whole crate. Every message names what was wrong and what
//! was expected; where there is a remedy, [`Error::hint`] says it in a line.

use std::fmt;

/// What a function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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

    /// The tensors of a model file are not those that its sizes ask for.
    #[error("the weights do not fit: {0}")]
    Audit(Audit),

    /// No tensor of a file has a name that a CLIP's have.
    #[error("no CLIP is in these {count} tensors ({}); expected `visual.conv1.weight` \
             (OpenAI, open_clip) or `vision_model.embeddings.patch_embedding.weight` \
             (Hugging Face) among them", .names.join(", "))]
    NotClip { names: Vec<String>, count: usize },

    /// A file holds one encoder, and both are needed.
    #[error("only the {there} encoder is here; expected the {missing} encoder too")]
    HalfModel {
        there: &'static str,
        missing: &'static str,
    },

    /// A text is to be encoded where there is no text encoder, only features of these
    /// class names.
    #[error("there is no text encoder here to read {asked}; expected one of the class names \
             whose features are carried: {}", few(.carried))]
    NoTextEncoder { asked: String, carried: Vec<String> },

    /// The merge rules of a large vocabulary did not come along.
    #[error("the vocabulary of {vocabulary} ids is not here; expected its merge rules")]
    NoVocabulary { vocabulary: usize },

    /// A configuration beside a model asks for what is not done here.
    #[error("{field} in {file} is {got}; expected {expected}")]
    Configuration {
        field: String,
        file: String,
        got: String,
        expected: String,
    },

    /// A file does not follow its format.
    #[error("{what} is not valid: {reason}")]
    Format { what: String, reason: String },

    /// A file is something else than was asked for.
    #[error("this is {found}; expected {expected}")]
    WrongFile {
        found: String,
        expected: String,
        remedy: &'static str,
    },

    /// A pickle asks for code to be run. It is only ever read as data.
    #[error("the file asks to run `{name}`, which is code; expected only tensors and plain values")]
    ForeignCode { name: String },

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
    #[error("text `{text}` is too long for context length {context_length}: it has {got} tokens")]
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
            Self::Audit(_) => {
                "is the file complete, and is the configuration beside it its own? `clipwright \
                 inspect` lists every tensor that does not fit"
                    .into()
            }
            Self::Configuration { .. } => {
                "this variant of CLIP is not read here; if the file is another model's, keep the \
                 two in folders of their own"
                    .into()
            }
            Self::NotClip { .. } => {
                "is this a whole CLIP checkpoint? Learned prompts and adapters are given with \
                 --learned"
                    .into()
            }
            Self::HalfModel { missing, .. } => format!(
                "put the file with the {missing} encoder beside it and name the folder, or use \
                 the whole model"
            ),
            Self::NoTextEncoder { .. } => {
                "open the whole model to use other names and prompts; `clipwright site --classes` \
                 writes a page for other names"
                    .into()
            }
            Self::NoVocabulary { .. } => {
                "fetch vocabulary/merges.txt, which lies beside the page, and supply it".into()
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
            Self::WrongFile { remedy, .. } => (*remedy).into(),
            Self::ForeignCode { .. } => {
                "nothing was run. Do not load this file with Python either; fetch the weights from \
                 a source you trust, best as safetensors"
                    .into()
            }
            Self::Format { .. } => "check that the download or copy was complete".into(),
            Self::Setting { .. } | Self::Tensor(_) => return None,
        })
    }
}

/// How the tensors of a file differ from those that its sizes ask for, under the
/// file's own names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    pub missing: Vec<(String, Dims)>,
    pub misshapen: Vec<Misshapen>,
    /// Tensors that are not floating-point numbers, with the type they have.
    pub mistyped: Vec<(String, String)>,
    /// Tensors that nothing would read.
    pub extra: Vec<(String, Dims)>,
}

/// A tensor of another shape than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshapen {
    pub name: String,
    pub expected: Dims,
    pub got: Dims,
}

impl Audit {
    /// Whether everything fits.
    pub fn is_clean(&self) -> bool {
        self.lines().next().is_none()
    }

    /// One line for each tensor that does not fit.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let missing = self.missing.iter();
        let missing =
            missing.map(|(name, dims)| format!("`{name}` is missing, expected shape {dims}"));
        let misshapen = self.misshapen.iter().map(
            |Misshapen {
                 name,
                 expected,
                 got,
             }| { format!("`{name}` has shape {got}, expected {expected}") },
        );
        let mistyped = self.mistyped.iter();
        let mistyped = mistyped
            .map(|(name, dtype)| format!("`{name}` is {dtype}, expected floating-point numbers"));
        let extra = self.extra.iter();
        let extra = extra.map(|(name, dims)| format!("`{name}` {dims} is not a CLIP's"));
        missing.chain(misshapen).chain(mistyped).chain(extra)
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let lines: Vec<String> = self.lines().collect();
        f.write_str(&lines[..lines.len().min(SHOWN)].join("; "))?;
        match lines.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Names in a row, the first of them where there are many.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len() {
        0 => "none".into(),
        count if count > SHOWN => format!("{shown} and {} more", count - SHOWN),
        _ => shown,
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

impl From<Vec<usize>> for Dims {
    fn from(dims: Vec<usize>) -> Self {
        Self(dims)
    }
}

impl From<&[usize]> for Dims {
    fn from(dims: &[usize]) -> Self {
        Self(dims.to_vec())
    }
}
