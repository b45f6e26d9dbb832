//! `clipwright features`: what the encoders make of images and texts, as tensors.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clipwright_shared::checkpoint::tensors_to_bytes;
use clipwright_shared::clip::{TokenRow, normalise};
use clipwright_shared::views;
use serde_json::json;

use crate::args::Features;
use crate::model;
use crate::problem::problem;
use crate::whole_file::write_whole;

pub fn run(args: &Features) -> Result<()> {
    if args.image.is_empty() && args.text.is_empty() {
        return Err(problem(
            "there is nothing to encode",
            "name images with --image FILE or texts with --text WORDS; both may be repeated",
        ));
    }
    let session = model::open(&args.model)?;
    let clip = &session.clip;
    let mut tensors = Vec::new();
    if !args.image.is_empty() {
        let side = clip.config.image.side as u32;
        let features = session.encode_views(&clip.image, args.image.len(), |at| -> Result<_> {
            let path = &args.image[at];
            let context = || format!("cannot read {}", path.display());
            let bytes = std::fs::read(path).with_context(context)?;
            let picture = views::decode(&bytes).with_context(context)?;
            Ok(views::clip_view(&picture, side)?)
        })?;
        tensors.push(("image_features", features));
    }
    if !args.text.is_empty() {
        let length = clip.text.context_length();
        let rows = args
            .text
            .iter()
            .map(|text| match args.truncate {
                true => Ok(session.tokenizer.truncated_row(text, length)),
                false => session.tokenizer.row(text, length),
            })
            .collect::<Result<Vec<TokenRow>, _>>()?;
        tensors.push(("text_features", clip.encode_tokens(&rows)?));
    }
    if args.normalise {
        for (_, features) in &mut tensors {
            *features = normalise(features)?;
        }
    }
    write_whole(&args.out, &tensors_to_bytes(&tensors, &BTreeMap::new())?)?;
    let shapes = tensors
        .iter()
        .map(|(name, tensor)| (name.to_string(), json!(tensor.dims())));
    let shapes: serde_json::Map<_, _> = shapes.collect();
    println!("{}", json!({ "out": args.out, "tensors": shapes }));
    Ok(())
}
