//! openai/CLIP's forward pass.

use anyhow::Result;
use clipwright_shared::clip::{TokenRow, logits, normalise};

use super::case::{Case, close, close_relative, get, rows};

/// Tolerances of the golden data: its own f32 and f64 runs differ by up to 2e-5
/// of the largest feature, and by 1.5e-5 in a logit.
const FEATURES: f64 = 1e-4;
const LOGITS: f64 = 1e-3;

pub fn check(case: &Case) -> Result<()> {
    let clip = case.model(&format!("clip/{}", case.stem()))?;
    let io = case.tensors(&format!("{}.io", case.stem()))?;
    let image = clip.image.forward(get(&io, "image")?)?;
    close_relative(
        "image_features",
        &image,
        get(&io, "image_features")?,
        FEATURES,
    )?;
    let tokens: Vec<TokenRow> = rows(get(&io, "tokens")?)?
        .into_iter()
        .map(TokenRow::new)
        .collect();
    let text = clip.encode_tokens(&tokens)?;
    close_relative("text_features", &text, get(&io, "text_features")?, FEATURES)?;
    let by_image = logits(&normalise(&image)?, &normalise(&text)?, clip.logit_scale()?)?;
    close(
        "logits_per_image",
        &by_image,
        get(&io, "logits_per_image")?,
        LOGITS,
    )?;
    close(
        "logits_per_text",
        &by_image.t()?,
        get(&io, "logits_per_text")?,
        LOGITS,
    )
}
