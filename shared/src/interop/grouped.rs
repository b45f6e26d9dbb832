//! LoRA as DISEF's trainers save it: a state dict whose layers hold queries and
//! values in one tensor, `ENCODER.resblocks.N.attn.qkv.lora_A [2·rank, width]` and
//! `lora_B [2·width, rank]`, queries first; alpha/rank.

use std::collections::BTreeSet;

use super::layers::{Encoder, Layer, Layers, values};
use super::source::foreign;
use super::{ReadOptions, checked_alpha};
use crate::checkpoint::LearnedFile;
use crate::clip::Projection;
use crate::error::{Error, Result};
use crate::formats::Checkpoint;
use crate::learners::Scaling;

use super::notes::Notes;

/// What the files do not say: 32 in all of the trainers' settings.
const ALPHA: f64 = 32.0;
/// The factor on the cosine that they train with.
const LOGIT_SCALE: f64 = 100.0;

/// The projections in one tensor.
const GROUP: [Projection; 2] = [Projection::Query, Projection::Value];

/// # Errors
/// [`Error::WrongFile`] if it holds other tensors, [`Error::TensorShape`] if the two
/// of a layer do not fit together.
pub(super) fn read(file: &Checkpoint<'_>, options: &ReadOptions) -> Result<LearnedFile> {
    const EXPECTED: &str = "`transformer.resblocks.N.attn.qkv.lora_A`, `lora_B`, and the same \
                            under `visual.`";
    let alpha = checked_alpha(options.alpha.unwrap_or(ALPHA))?;
    let mut places = BTreeSet::new();
    let mut prefix = "";
    for name in file.tensors.keys() {
        let place = place(name);
        let (before, encoder, block) =
            place.ok_or_else(|| foreign("a file of grouped LoRA layers", name, EXPECTED))?;
        prefix = before;
        places.insert((encoder, block));
    }
    let mut layers = Layers::default();
    for (encoder, block) in places {
        let name = format!(
            "{prefix}{}.resblocks.{block}.attn.qkv.lora_",
            encoder.transformer()
        );
        let both = |letter: char| {
            let name = format!("{name}{letter}");
            let stored = file
                .tensors
                .get(&name)
                .ok_or_else(|| Error::MissingTensor {
                    name: name.clone(),
                    expected: [1, 1].as_slice().into(),
                })?;
            let rows = stored.dims.first().copied().unwrap_or(0);
            match stored.dims.len() == 2 && rows % GROUP.len() == 0 {
                true => Ok((values(&name, stored)?, rows / GROUP.len())),
                false => Err(Error::TensorShape {
                    name,
                    expected: [(rows + 1) / GROUP.len() * GROUP.len(), 1]
                        .as_slice()
                        .into(),
                    got: stored.dims.as_slice().into(),
                }),
            }
        };
        let ((a, rank), (b, width)) = (both('A')?, both('B')?);
        for (part, projection) in GROUP.into_iter().enumerate() {
            let pair = [
                a.narrow(0, part * rank, rank)?.contiguous()?,
                b.narrow(0, part * width, width)?.contiguous()?,
            ];
            let layer = Layer::new(&name, pair, Scaling::AlphaOverRank, alpha)?;
            layers.0.insert((encoder, block, projection), layer);
        }
    }
    let (tensors, facts) = layers.to_learned(Scaling::AlphaOverRank, LOGIT_SCALE)?;
    let mut metadata = Notes::default().adapter(options);
    metadata.facts.lora = Some(facts);
    Ok(LearnedFile { metadata, tensors })
}

/// What stands before the name, the encoder and the block of a tensor.
fn place(name: &str) -> Option<(&str, Encoder, usize)> {
    let name = name
        .strip_suffix(".attn.qkv.lora_A")
        .or_else(|| name.strip_suffix(".attn.qkv.lora_B"))?;
    let (transformer, block) = name.rsplit_once(".resblocks.")?;
    let block = block.parse().ok()?;
    let prefix = |encoder: Encoder| {
        let prefix = transformer.strip_suffix(encoder.transformer())?;
        (prefix.is_empty() || prefix.ends_with('.')).then_some((prefix, encoder, block))
    };
    Encoder::BOTH.into_iter().find_map(prefix)
}
