//! Forward passes of openai/CLIP, open_clip and transformers, from their own
//! files; and the same again from the file written in every other naming.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_shared::checkpoint::{ModelType, write_model};
use clipwright_shared::clip::{
    Clip, Configuration, ModelFile, Naming, TokenRow, logits, normalise,
};
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::learners::ensemble;

use super::case::{Case, close, close_relative, get, rows};

/// Tolerances of the golden data: its own f32 and f64 runs differ by up to 2e-5
/// of the largest feature, and by 1.5e-5 in a logit.
const FEATURES: f64 = 1e-4;
const LOGITS: f64 = 1e-3;

/// Bounds for weights rounded to a narrower type, of the largest feature: f16
/// has 11 significant bits and bf16 has 8; the rounding of every weight adds up.
const FEATURES_F16: f64 = 4e-3;
const FEATURES_BF16: f64 = 8e-2;

/// `clip/NAME.json` and `open_clip/NAME.json`: weights and numbers beside it.
pub fn check(case: &Case) -> Result<()> {
    let stem = case.stem();
    let weights = case.beside(&format!("{stem}.weights.safetensors"));
    // open_clip's sizes are in the case itself, in the form of its own file.
    check_model(case, &weights, Some(case.path()), &format!("{stem}.io"))?;
    if case.folder() == "clip" {
        check_ensemble(case, &weights)?;
    }
    Ok(())
}

/// `hf/NAME/config.json` with `hf/NAME.io.safetensors`, and the same weights
/// under other configurations: `hf/NAME.VARIANT.config.json`.
pub fn check_hugging_face(case: &Case) -> Result<()> {
    let (weights, io) = match case.stem() {
        "config" => (
            case.beside("model.safetensors"),
            format!("../{}.io", case.folder()),
        ),
        stem => {
            let variant = stem.trim_end_matches(".config");
            let name = variant.split('.').next().unwrap_or_default();
            let weights = case.beside(&format!("{name}/model.safetensors"));
            (weights, format!("{variant}.io"))
        }
    };
    check_model(case, &weights, Some(case.path()), &io)
}

/// `interop/jit`: a TorchScript archive through the model.
pub fn check_torch_script(case: &Case) -> Result<()> {
    let archives = case.files.paths().filter(|path| {
        path.ends_with(".pt") && path.rsplit_once('/').map(|at| at.0) == Some(case.parent())
    });
    let archives: Vec<&str> = archives.collect();
    ensure!(!archives.is_empty(), "no archive beside {}", case.path());
    for archive in archives {
        check_model(case, archive, None, "built_io")?;
    }
    Ok(())
}

/// Reads the file `weights` with the configuration beside it, and compares with
/// the numbers of `io`.
fn check_model(case: &Case, weights: &str, configuration: Option<&str>, io: &str) -> Result<()> {
    let io = case.tensors(io)?;
    let configurations: Vec<Configuration> = configuration
        .map(|path| {
            let json = String::from_utf8(case.files.get(path)?.to_vec())?;
            let name = path.to_string();
            Ok::<_, anyhow::Error>(Configuration { name, json })
        })
        .into_iter()
        .collect::<Result<_>>()?;
    let bytes = case.files.get(weights)?;
    let file = ModelFile::open(vec![Checkpoint::read(bytes)?], &configurations)?;
    let clip = case.with_shortcuts_or_without(load(&file)?);
    let (image, text) = compare(&clip, &io, FEATURES)?;

    // transformers also gives the normalised features.
    for (name, features) in [("image_embeds", &image), ("text_embeds", &text)] {
        if let Some(expected) = io.get(name) {
            close(name, &normalise(features)?, expected, FEATURES)?;
        }
    }
    let by_image = logits(&normalise(&image)?, &normalise(&text)?, clip.logit_scale()?)?;
    let expected = get(&io, "logits_per_image")?;
    close("logits_per_image", &by_image, expected, LOGITS)?;
    if let Some(expected) = io.get("logits_per_text") {
        close("logits_per_text", &by_image.t()?, expected, LOGITS)?;
    }

    let is_resnet = clip.image.vit().is_none();
    for naming in [
        Naming::OpenAi,
        Naming::OpenClipCustomText,
        Naming::HuggingFace,
    ] {
        if naming == Naming::HuggingFace && is_resnet {
            continue; // transformers has no CLIP with a ResNet
        }
        for (dtype, tolerance) in [
            (ModelType::F32, FEATURES),
            (ModelType::F16, FEATURES_F16),
            (ModelType::Bf16, FEATURES_BF16),
        ] {
            let mut converted = Vec::new();
            write_model(&file, naming, dtype, &mut converted)?;
            let again = ModelFile::open(vec![Checkpoint::read(&converted)?], &[])?;
            let same = case.with_shortcuts_or_without(load(&again)?);
            let what = || format!("as {naming:?} in {dtype:?}");
            let (image_again, text_again) = compare(&same, &io, tolerance).with_context(what)?;
            if dtype == ModelType::F32 {
                let off = (&image_again - &image)?
                    .abs()?
                    .max_all()?
                    .to_scalar::<f32>()?;
                ensure!(off == 0.0, "{}: image features are off by {off}", what());
                let off = (&text_again - &text)?
                    .abs()?
                    .max_all()?
                    .to_scalar::<f32>()?;
                ensure!(off == 0.0, "{}: text features are off by {off}", what());
            }
        }
    }
    Ok(())
}

fn load(file: &ModelFile<'_>) -> Result<Clip> {
    Ok(Clip::load(file.weights(&Device::Cpu, &mut |_, _| {})?)?)
}

/// Image and text features, not normalised, once they are what is expected.
fn compare(
    clip: &Clip,
    io: &std::collections::HashMap<String, Tensor>,
    tolerance: f64,
) -> Result<(Tensor, Tensor)> {
    let image = clip.image.forward(get(io, "image")?)?;
    let expected = get(io, "image_features")?;
    close_relative("image_features", &image, expected, tolerance)?;
    let text = clip.encode_tokens(&token_rows(clip, get(io, "tokens")?)?)?;
    let expected = get(io, "text_features")?;
    close_relative("text_features", &text, expected, tolerance)?;
    Ok((image, text))
}

fn token_rows(clip: &Clip, tokens: &Tensor) -> Result<Vec<TokenRow>> {
    let end_of_text = clip.config.text.end_of_text;
    let rows = rows(tokens)?.into_iter();
    Ok(rows.map(|ids| TokenRow::ending(ids, end_of_text)).collect())
}

/// `clip/zeroshot_ensemble.safetensors` has no JSON of its own: it belongs to the
/// first ViT of the folder that its image and features fit.
fn check_ensemble(case: &Case, weights: &str) -> Result<()> {
    let Ok(golden) = case.tensors("zeroshot_ensemble") else {
        return Ok(());
    };
    let (tokens, image) = (get(&golden, "tokens")?, get(&golden, "image")?);
    let expected = get(&golden, "zeroshot_weights")?;
    let fits = |path: &str| -> Result<bool> {
        let name = path.replace(".json", ".weights.safetensors");
        let bytes = case.files.get(&name)?;
        let file = ModelFile::open(vec![Checkpoint::read(bytes)?], &[])?;
        let config = file.config()?;
        Ok(!config.image.is_resnet()
            && image.dims().last() == Some(&config.image.side)
            && expected.dim(0)? == config.embed_dim)
    };
    for path in case.files.cases().filter(|path| path.starts_with("clip/")) {
        if fits(path)? {
            if path != case.path() {
                return Ok(());
            }
            break;
        }
    }
    let clip = case.model(weights.trim_end_matches(".weights.safetensors"))?;
    let (classes, templates, length) = tokens.dims3()?;
    let ids = tokens.reshape((classes * templates, length))?;
    let features = normalise(&clip.encode_tokens(&token_rows(&clip, &ids)?)?)?;
    let columns = features.dim(1)?;
    let text = ensemble(&features.reshape((classes, templates, columns))?)?;
    close("zeroshot_weights", &text.t()?, expected, FEATURES)?;
    let image = normalise(&clip.image.forward(image)?)?;
    let logits = logits(&image, &text, 100.0)?;
    close("logits", &logits, get(&golden, "logits")?, LOGITS)?;
    let probabilities = clipwright_shared::ops::softmax(&logits)?;
    let expected = get(&golden, "probs")?.to_dtype(DType::F32)?;
    close("probs", &probabilities, &expected, LOGITS)
}
