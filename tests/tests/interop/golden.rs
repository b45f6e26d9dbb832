//! The reference's own files, through to its logits.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, safetensors};
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::{
    Clip, Configuration, ModelFile, TokenRow, Weights, logits, normalise,
};
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::interop::{ModelSizes, NamedBytes, ReadOptions, read};
use clipwright_shared::learners::{Learner, Method};
use clipwright_tests::repository_root;

type Tensors = HashMap<String, Tensor>;

/// Logits go up to 100; f32 against f64 differs by 1.5e-5.
const LOGITS: f32 = 1e-3;

pub fn path(name: &str) -> PathBuf {
    repository_root().join("tests/golden").join(name)
}

pub fn load(name: &str) -> Result<Tensors> {
    let path = path(name);
    let tensors = safetensors::load(&path, &Device::Cpu);
    tensors.with_context(|| path.display().to_string())
}

/// Reads files of the golden folder together.
pub fn learned(names: &[&str], options: &ReadOptions) -> Result<LearnedFile> {
    let bytes = names
        .iter()
        .map(|name| Ok(fs::read(path(name))?))
        .collect::<Result<Vec<_>>>()?;
    let files: Vec<NamedBytes<'_>> = names
        .iter()
        .zip(&bytes)
        .map(|(name, bytes)| NamedBytes {
            name: name.rsplit('/').next().unwrap_or(name),
            bytes,
        })
        .collect();
    read(&files, options).with_context(|| names.join(", "))
}

pub fn vit_a() -> Result<Clip> {
    let bytes = fs::read(path("clip/vit_a.weights.safetensors"))?;
    Ok(Clip::load(Weights::from_bytes(&bytes, &Device::Cpu)?)?)
}

fn sizes(clip: &Clip) -> Result<ReadOptions> {
    Ok(ReadOptions {
        model: Some(ModelSizes::of(clip)?),
        ..ReadOptions::default()
    })
}

pub fn bits(tensor: &Tensor) -> Result<Vec<u32>> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.into_iter().map(f32::to_bits).collect())
}

fn close(what: &str, got: &Tensor, expected: &Tensor) -> Result<()> {
    let off = (got - expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
    ensure!(off <= LOGITS, "{what}: off by {off:e}");
    Ok(())
}

/// Logits of the golden images and tokens with the learner's adapter.
fn adapted_logits(
    clip: &Clip,
    learner: &Learner,
    io: &Tensors,
    scale: Option<f64>,
) -> Result<Tensor> {
    let Learner::Lora(lora) = learner else {
        anyhow::bail!("it is no adapter");
    };
    let clip = clip.merged(&lora.adapter)?;
    let rows = io["tokens"].to_dtype(DType::U32)?.to_vec2::<u32>()?;
    let end = clip.config.text.end_of_text;
    let rows: Vec<TokenRow> = rows
        .into_iter()
        .map(|ids| TokenRow::ending(ids, end))
        .collect();
    let text = normalise(&clip.encode_tokens(&rows)?)?;
    let image = normalise(&clip.image.forward(&io["image"])?)?;
    let scale = scale.unwrap_or(lora.facts.logit_scale);
    Ok(logits(&image, &text, scale)?)
}

#[test]
fn coop_checkpoints_hold_their_context() -> Result<()> {
    let expected = load("interop/coop_ckpt/expected.safetensors")?;
    for name in ["model.pth.tar-5", "legacy_model.pth.tar-5"] {
        let name = format!("interop/coop_ckpt/prompt_learner/{name}");
        let file = learned(&[&name], &ReadOptions::default())?;
        ensure!(file.metadata.method == Method::Coop, "{name}");
        ensure!(file.metadata.epochs == 5 && file.metadata.model_fingerprint.is_none());
        ensure!(file.tensors.iter().count() == 1, "more than `ctx`");
        let context = file.tensors.get("ctx").context("no ctx")?;
        ensure!(bits(context)? == bits(&expected["ctx"])?, "{name}");
        // Its shapes decide whether it fits a model.
        let Learner::Coop(coop) = file.learner(&vit_a()?, "any")? else {
            anyhow::bail!("{name}: no CoOp");
        };
        ensure!(coop.n_ctx() == 4 && !coop.class_specific());
    }
    Ok(())
}

#[test]
fn clip_lora_files_give_the_references_logits() -> Result<()> {
    let clip = vit_a()?;
    for name in ["qkv_r2_a1_both", "qv_r4_a2_vision"] {
        let file = format!("interop/clip_lora/vitb16/toy/4shots/seed1/lora_{name}.pt");
        let io = load(&format!("clip_lora/{name}.safetensors"))?;
        // With the model's sizes, and by the widths alone.
        for options in [sizes(&clip)?, ReadOptions::default()] {
            let file = learned(&[&file], &options)?;
            for (name, tensor) in file.tensors.iter() {
                let name = name.replace(".lora_", ".w_lora_");
                let expected = &io[&format!("param.{name}")];
                ensure!(bits(tensor)? == bits(expected)?, "{name}");
            }
            let parameters = io.keys().filter(|name| name.starts_with("param.")).count();
            ensure!(file.tensors.iter().count() == parameters);
            let learner = file.learner(&clip, "any")?;
            let got = adapted_logits(&clip, &learner, &with_tokens(io.clone())?, None)?;
            close(name, &got, &io["logits"])?;
        }
    }
    Ok(())
}

/// The shared inputs, for cases that do not repeat them.
fn with_tokens(mut io: Tensors) -> Result<Tensors> {
    let shared = load("clip_lora/qkv_r2_a1_both.safetensors")?;
    for name in ["tokens", "image"] {
        if !io.contains_key(name) {
            io.insert(name.into(), shared[name].clone());
        }
    }
    Ok(io)
}

#[test]
fn grouped_layers_give_the_references_logits() -> Result<()> {
    let clip = vit_a()?;
    let options = ReadOptions {
        alpha: Some(8.0),
        ..ReadOptions::default()
    };
    let file = learned(&["interop/seed001_LoRA_qv_r4.pt"], &options)?;
    let io = with_tokens(load("clip_lora/seed001_qv_r4.safetensors")?)?;
    let learner = file.learner(&clip, "any")?;
    close(
        "logits",
        &adapted_logits(&clip, &learner, &io, None)?,
        &io["logits"],
    )?;
    // Its files do not say alpha; another one is another adapter.
    let file = learned(&["interop/seed001_LoRA_qv_r4.pt"], &ReadOptions::default())?;
    let lora = file.metadata.facts.lora.context("no adapter")?;
    ensure!(
        lora.image
            .is_some_and(|image| image.alpha == 32.0 && image.rank == 4)
    );
    Ok(())
}

#[test]
fn peft_folders_give_the_references_logits() -> Result<()> {
    let json = fs::read_to_string(path("hf/vit_a/config.json"))?;
    let weights = fs::read(path("hf/vit_a/model.safetensors"))?;
    let configuration = Configuration {
        name: "config.json".into(),
        json,
    };
    let model = ModelFile::open(vec![Checkpoint::read(&weights)?], &[configuration])?;
    let clip = Clip::load(model.weights(&Device::Cpu, &mut |_, _| {})?)?;
    for name in ["qv_r4", "rslora_qkvo_r2"] {
        let [config, weights] = ["adapter_config.json", "adapter_model.safetensors"]
            .map(|file| format!("hf_peft/{name}/{file}"));
        let file = learned(&[&config, &weights], &sizes(&clip)?)?;
        let io = load(&format!("hf_peft/{name}.io.safetensors"))?;
        let learner = file.learner(&clip, "any")?;
        let got = adapted_logits(&clip, &learner, &io, None)?;
        close(name, &got, &io["logits_per_image"])?;
        let plain = (&got - &io["logits_without_adapter"])?;
        let change = plain.abs()?.max_all()?.to_scalar::<f32>()?;
        ensure!(change > 0.1, "{name}: the adapter changes nothing");
    }
    Ok(())
}
