//! The forms that what was learned can be written in.

use std::fmt;

use crate::learners::Method;

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Our own `learned.safetensors`.
    Safetensors,
    /// A PEFT adapter over transformers' `CLIPModel`: a folder.
    Peft,
    /// CoOp's and CoCoOp's `model.pth.tar-N`.
    Coop,
    /// CLIP-LoRA's `.pt`.
    ClipLora,
    /// An adapter added into its model: a whole model.
    Merged,
}

impl Form {
    /// The forms that what `method` learns has.
    pub fn of(method: Method) -> &'static [Self] {
        match method {
            Method::ZeroShot => &[],
            Method::LinearProbe => &[Self::Safetensors],
            Method::Coop | Method::CoCoOp => &[Self::Safetensors, Self::Coop],
            Method::Lora => &[Self::Safetensors, Self::Peft, Self::ClipLora, Self::Merged],
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::Peft => "peft",
            Self::Coop => "coop",
            Self::ClipLora => "clip-lora",
            Self::Merged => "merged",
        })
    }
}
