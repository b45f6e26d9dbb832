//! LoRA in its three forms: CLIP-LoRA's loralib, the grouped layers of seed 001
//! with DISEF's loss, and PEFT's adapters over a Hugging Face model.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::clip::{
    Adapter, BlockAdapter, Clip, Configuration, LowRank, ModelFile, Projection, TokenRow, logits,
    normalise,
};
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::learners::{DEFAULT_TEMPLATE, Learner, Lora, LoraFacts, Scaling, ZeroShot};
use clipwright_shared::ops::cross_entropy;
use clipwright_shared::train::{
    LoraTrainer, LoraTraining, OptimizerSettings, Targets, Trainer, cosine_per_step,
};

use super::case::{Case, close, close_relative, get, rows, under};

const FEATURES: f64 = 1e-4;
const LOGITS: f64 = 1e-3;
const GRADIENTS: f64 = 1e-3;

/// CLIP-LoRA and seed 001: one forward and its gradients.
pub fn check_forward(case: &Case) -> Result<()> {
    let clip = case.model(case.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let form = match case.json["scaling"].as_f64() {
        Some(factor) => Form::Loralib(factor),
        None => Form::Grouped {
            image: alpha_over_rank(case, "visual")?,
            text: alpha_over_rank(case, "text")?,
        },
    };
    let parameters = under(&golden, "param.");
    let (adapter, variables) = adapter(&clip, &parameters, form)?;
    let pixels = get(&golden, "image")?;
    let tokens = token_rows(get(&golden, "tokens")?)?;
    let labels = get(&golden, "label")?.to_dtype(DType::U32)?;

    let on = clip.adapted(&adapter)?;
    let image = on.image.forward(pixels)?;
    let text = on.encode_tokens(&tokens)?;
    let merged = clip.merged(&adapter)?;
    for (name, got) in [
        ("image_features", &image),
        ("image_features_eval", &merged.image.forward(pixels)?),
        ("text_features", &text),
        ("text_features_eval", &merged.encode_tokens(&tokens)?),
        ("text_features_normalized", &normalise(&text)?),
    ] {
        if let Some(expected) = golden.get(name) {
            // Both references keep some of them normalised.
            let norm = expected.get(0)?.sqr()?.sum_all()?.to_scalar::<f32>()?;
            let is_normalised = (norm - 1.0).abs() < 1e-4;
            let got = if is_normalised {
                normalise(got)?
            } else {
                got.clone()
            };
            close_relative(name, &got, expected, FEATURES)?;
        }
    }
    let scale = case.json["logit_scale"].as_f64().unwrap_or(100.0);
    let logits_on = logits(&normalise(&image)?, &normalise(&text)?, scale)?;
    close("logits", &logits_on, get(&golden, "logits")?, LOGITS)?;
    if let Some(expected) = golden.get("logits_eval_merged") {
        let image = normalise(&merged.image.forward(pixels)?)?;
        let text = normalise(&merged.encode_tokens(&tokens)?)?;
        close(
            "logits_eval_merged",
            &logits(&image, &text, scale)?,
            expected,
            LOGITS,
        )?;
    }
    let loss = cross_entropy(&logits_on, &labels)?;
    close("loss", &loss, get(&golden, "loss")?, LOGITS)?;
    let gradients = under(&golden, "grad.");
    check_gradients(&loss.backward()?, &variables, &gradients)
}

/// CLIP-LoRA: every step of a training.
pub fn check_trajectory(case: &Case) -> Result<()> {
    let clip = case.model(case.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let data = case.text("images_labels_tokens")?;
    let data = case.tensors(data.trim_start_matches("in "))?;
    let forward = case.stem().trim_start_matches("traj_");
    let path = case.beside(&format!("{forward}.json"));
    let forward = case.another(&path)?;
    let form = Form::Loralib(forward.number("scaling")?);
    let (start, _) = adapter(&clip, &under(&golden, "step0."), form)?;
    let lora = Lora {
        adapter: start,
        facts: LoraFacts {
            image: None,
            text: None,
            scaling: Scaling::AlphaOverRootRank,
            logit_scale: forward.number("logit_scale")?,
        },
        prompt: ZeroShot::new([DEFAULT_TEMPLATE])?,
        class_names: Vec::new(),
    };
    // All classes at once, and two at a time: the same training.
    for classes_at_once in [usize::MAX, 2] {
        let rows = token_rows(get(&data, "tokens")?)?;
        let training = LoraTraining {
            optimizer: OptimizerSettings::adam_w(1e-2),
            dropout: 0.0,
            seed: 0,
            classes_at_once,
        };
        let trainer = LoraTrainer::new(&clip, lora.clone(), rows, training)?;
        follow(case, &golden, &data, trainer, form)
            .with_context(|| format!("{classes_at_once} classes at once"))?;
    }
    Ok(())
}

/// Trains along the golden steps.
fn follow(
    case: &Case,
    golden: &HashMap<String, Tensor>,
    data: &HashMap<String, Tensor>,
    mut trainer: LoraTrainer,
    form: Form,
) -> Result<()> {
    let adapter = |trainer: &LoraTrainer| match trainer.learner() {
        Ok(Learner::Lora(lora)) => Ok(lora.adapter),
        other => bail!("no adapter: {:?}", other.err()),
    };
    let images = get(data, "images")?;
    let labels = get(data, "labels")?.to_dtype(DType::U32)?;
    let losses = case.json["losses"].as_array().context("no losses")?;
    let rates = case.json["lr_per_step"]
        .as_array()
        .context("no lr_per_step")?;
    let rate = |step: usize| rates[step].as_f64().context("no number");
    for (step, expected) in losses.iter().enumerate() {
        let lr = cosine_per_step(rate(0)?, 1e-6, step, losses.len());
        let off = (lr - rate(step)?).abs();
        ensure!(off < 1e-12, "lr of step {step}: {lr} for {}", rate(step)?);
        let targets = Targets::labels(&labels.get(step)?);
        let report = trainer.step(&images.get(step)?, &targets, lr)?;
        let expected = expected.as_f64().context("no number")?;
        let off = (f64::from(report.loss) - expected).abs();
        ensure!(
            off <= LOGITS * expected.max(1.0),
            "step {step}: loss {} for {expected}",
            report.loss
        );
        let name = format!("step{}", step + 1);
        let parameters = under(golden, &format!("{name}."));
        if parameters.is_empty() {
            continue;
        }
        // AdamW's first steps move each value by about the learning rate, however
        // small its gradient: a gradient near zero may go either way.
        let bound = case.json["max_abs_param_diff_f32_vs_f64"][&name].as_f64();
        let tolerance = 10.0 * bound.context("no bound")? + 2e-6;
        for (name, got) in named(&adapter(&trainer)?, form)? {
            let expected = get(&parameters, &name)?;
            close(
                &format!("{name} after step {}", step + 1),
                &got,
                expected,
                tolerance,
            )?;
        }
    }
    let expected = get(golden, "final_logits_batch0_eval")?;
    let logits = trainer.logits(&adapter(&trainer)?, &images.get(0)?)?;
    close("final_logits_batch0_eval", &logits, expected, 5.0 * LOGITS)
}

/// DISEF: λ · loss of the real images + (1 − λ) · loss of the synthetic ones.
pub fn check_disef(case: &Case) -> Result<()> {
    let uses = case.text("uses")?; // "NAME: rows 0..A real, row B synthetic"
    let (name, rows) = uses.split_once(": ").context("no name")?;
    let numbers: Vec<usize> = rows
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let [first, last, synthetic] = numbers[..] else {
        bail!("no rows in {uses:?}");
    };
    let golden = case.tensors(name)?;
    let logits = get(&golden, "logits")?;
    let labels = get(&golden, "label")?.to_dtype(DType::U32)?;
    let part = |from: usize, count: usize| -> Result<(Tensor, Tensor)> {
        Ok((
            logits.narrow(0, from, count)?,
            labels.narrow(0, from, count)?,
        ))
    };
    let (real, real_labels) = part(first, last + 1 - first)?;
    let (made, made_labels) = part(synthetic, 1)?;
    let share = case.number("lambda_weight")?;
    let real = cross_entropy(&real, &real_labels)?;
    let made = cross_entropy(&made, &made_labels)?;
    let both = ((&real * share)? + (&made * (1.0 - share))?)?;
    // The same as one batch with its weights.
    let rows = last + 1 - first;
    let batch = Tensor::cat(&[&part(first, rows)?.0, &part(synthetic, 1)?.0], 0)?;
    let batch_labels = Tensor::cat(&[&real_labels, &made_labels], 0)?;
    let is_synthetic: Vec<bool> = (0..=rows).map(|row| row == rows).collect();
    let weighted = Targets::labels(&batch_labels).real_and_synthetic(&is_synthetic, share)?;
    let weighted = weighted.loss(&batch)?;
    for (name, got) in [
        ("loss_real", real),
        ("loss_syn", made),
        ("loss", both),
        ("loss", weighted),
    ] {
        let expected = Tensor::new(case.number(name)?, &Device::Cpu)?;
        close(name, &got, &expected, LOGITS)?;
    }
    Ok(())
}

/// `hf_peft/NAME/adapter_config.json`: an adapter over the model in `hf`.
pub fn check_peft(case: &Case) -> Result<()> {
    let io = case.tensors(&format!("../{}.io", case.folder()))?;
    let (model, configuration) = base_model(case)?;
    let configuration = Configuration {
        json: String::from_utf8(case.files.get(&configuration)?.to_vec())?,
        name: configuration,
    };
    let checkpoint = Checkpoint::read(case.files.get(&model)?)?;
    let file = ModelFile::open(vec![checkpoint], &[configuration])?;
    let clip = Clip::load(file.weights(&Device::Cpu, &mut |_, _| {})?)?;
    let (rank, alpha) = (case.number("r")?, case.number("lora_alpha")?);
    let scaling = match case.json["use_rslora"].as_bool() {
        Some(true) => alpha / rank.sqrt(),
        _ => alpha / rank,
    };
    let parameters: HashMap<String, Tensor> = case
        .tensors("adapter_model")?
        .into_iter()
        .map(|(name, tensor)| (name.trim_start_matches("base_model.model.").into(), tensor))
        .collect();
    let (adapter, variables) = adapter(&clip, &parameters, Form::Peft(scaling))?;
    let pixels = get(&io, "image")?;
    let end_of_text = clip.config.text.end_of_text;
    let tokens: Vec<TokenRow> = rows(get(&io, "tokens")?)?
        .into_iter()
        .map(|ids| TokenRow::ending(ids, end_of_text))
        .collect();
    let scale = clip.logit_scale()?;
    let answer = |clip: &Clip| -> Result<(Tensor, Tensor, Tensor)> {
        let image = normalise(&clip.image.forward(pixels)?)?;
        let text = normalise(&clip.encode_tokens(&tokens)?)?;
        let logits = logits(&image, &text, scale)?;
        Ok((image, text, logits))
    };
    let (_, _, without) = answer(&clip)?;
    close(
        "logits_without_adapter",
        &without,
        get(&io, "logits_without_adapter")?,
        LOGITS,
    )?;
    for clip in [clip.merged(&adapter)?, clip.adapted(&adapter)?] {
        let (image, text, by_image) = answer(&clip)?;
        close("image_embeds", &image, get(&io, "image_embeds")?, FEATURES)?;
        close("text_embeds", &text, get(&io, "text_embeds")?, FEATURES)?;
        close(
            "logits_per_image",
            &by_image,
            get(&io, "logits_per_image")?,
            LOGITS,
        )?;
    }
    let (_, _, by_image) = answer(&clip.adapted(&adapter)?)?;
    let loss = cross_entropy(&by_image, &get(&io, "label")?.to_dtype(DType::U32)?)?;
    close("loss", &loss, get(&io, "loss")?, LOGITS)?;
    check_gradients(&loss.backward()?, &variables, &under(&io, "grad."))
}

/// The one model of `hf`, with its configuration.
fn base_model(case: &Case) -> Result<(String, String)> {
    let mut models = case
        .files
        .paths()
        .filter(|path| path.starts_with("hf/") && path.ends_with("/model.safetensors"));
    let model = models.next().context("no model in hf")?.to_string();
    ensure!(models.next().is_none(), "more than one model in hf");
    let configuration = model.replace("model.safetensors", "config.json");
    Ok((model, configuration))
}

/// How a file names its adapters, and what their products are multiplied by.
#[derive(Clone, Copy)]
enum Form {
    /// `ENCODER.resblocks.N.attn.q_proj.w_lora_A`.
    Loralib(f64),
    /// `ENCODER.resblocks.N.attn.qkv.lora_A`: queries and values, one below the other.
    Grouped { image: f64, text: f64 },
    /// `ENCODER.encoder.layers.N.self_attn.q_proj.lora_A.weight`.
    Peft(f64),
}

fn alpha_over_rank(case: &Case, encoder: &str) -> Result<f64> {
    let alpha = case.number(&format!("lora_alpha_{encoder}"))?;
    Ok(alpha / case.number(&format!("lora_r_{encoder}"))?)
}

/// The adapter that `parameters` describe, and its variables by their names.
fn adapter(
    clip: &Clip,
    parameters: &HashMap<String, Tensor>,
    form: Form,
) -> Result<(Adapter, HashMap<String, Var>)> {
    let variables: HashMap<String, Var> = parameters
        .iter()
        .map(|(name, tensor)| Ok((name.clone(), Var::from_tensor(tensor)?)))
        .collect::<Result<_>>()?;
    let (image, text) = blocks(clip)?;
    let mut used = 0;
    let mut encoder = |count: usize, is_image: bool| -> Result<Vec<BlockAdapter>> {
        let mut blocks = vec![BlockAdapter::default(); count];
        for (at, block) in blocks.iter_mut().enumerate() {
            for projection in Projection::ALL {
                let Some((a, b, row)) = names(form, is_image, at, projection) else {
                    continue;
                };
                let (Some(a), Some(b)) = (variables.get(&a), variables.get(&b)) else {
                    continue;
                };
                // Grouped layers hold two of the same size in one tensor.
                let half = |tensor: &Tensor| -> Result<Tensor> {
                    match row {
                        None => Ok(tensor.clone()),
                        Some(part) => {
                            let rows = tensor.dim(0)? / 2;
                            Ok(tensor.narrow(0, part * rows, rows)?.contiguous()?)
                        }
                    }
                };
                let scaling = match form {
                    Form::Loralib(factor) | Form::Peft(factor) => factor,
                    Form::Grouped { image, .. } if is_image => image,
                    Form::Grouped { text, .. } => text,
                };
                let (a, b) = (half(a.as_tensor())?, half(b.as_tensor())?);
                block.parts.push((projection, LowRank { a, b, scaling }));
                used += if row == Some(1) { 0 } else { 2 };
            }
        }
        let any = blocks.iter().any(|block| !block.parts.is_empty());
        Ok(if any { blocks } else { Vec::new() })
    };
    let adapter = Adapter {
        image: encoder(image, true)?,
        text: encoder(text, false)?,
    };
    ensure!(
        used == variables.len(),
        "{used} of {} tensors used",
        variables.len()
    );
    let adapter = match form {
        Form::Loralib(_) => adapter.with_detached_inputs(),
        _ => adapter,
    };
    Ok((adapter, variables))
}

/// Blocks of the image and of the text encoder.
fn blocks(clip: &Clip) -> Result<(usize, usize)> {
    let image = match &clip.config.image.backbone {
        clipwright_shared::clip::Backbone::Vit { tower, .. } => tower.layers,
        _ => bail!("a ResNet"),
    };
    Ok((image, clip.config.text.tower.layers))
}

/// The tensors of an adapter, under loralib's names.
fn named(adapter: &Adapter, form: Form) -> Result<Vec<(String, Tensor)>> {
    let mut named = Vec::new();
    for (blocks, is_image) in [(&adapter.image, true), (&adapter.text, false)] {
        for (at, block) in blocks.iter().enumerate() {
            for (projection, part) in &block.parts {
                let (a, b, _) = names(form, is_image, at, *projection).context("no name")?;
                named.extend([(a, part.a.clone()), (b, part.b.clone())]);
            }
        }
    }
    Ok(named)
}

/// The names of A and B, and which half of them it is if they are grouped.
fn names(
    form: Form,
    is_image: bool,
    at: usize,
    projection: Projection,
) -> Option<(String, String, Option<usize>)> {
    let letter = projection.letter();
    let encoder = if is_image {
        "visual.transformer"
    } else {
        "transformer"
    };
    let block = format!("{encoder}.resblocks.{at}.attn");
    Some(match form {
        Form::Loralib(_) => {
            let name = if letter == 'o' {
                "proj".into()
            } else {
                format!("{letter}_proj")
            };
            let prefix = format!("{block}.{name}.w_lora_");
            (format!("{prefix}A"), format!("{prefix}B"), None)
        }
        Form::Grouped { .. } => {
            let half = ['q', 'v'].iter().position(|known| *known == letter)?;
            let prefix = format!("{block}.qkv.lora_");
            (format!("{prefix}A"), format!("{prefix}B"), Some(half))
        }
        Form::Peft(_) => {
            let encoder = if is_image {
                "vision_model"
            } else {
                "text_model"
            };
            let name = if letter == 'o' {
                "out_proj".into()
            } else {
                format!("{letter}_proj")
            };
            let prefix = format!("{encoder}.encoder.layers.{at}.self_attn.{name}.lora_");
            (
                format!("{prefix}A.weight"),
                format!("{prefix}B.weight"),
                None,
            )
        }
    })
}

fn check_gradients(
    gradients: &GradStore,
    variables: &HashMap<String, Var>,
    expected: &HashMap<String, Tensor>,
) -> Result<()> {
    ensure!(!expected.is_empty(), "no gradients to compare with");
    for (name, expected) in expected {
        let variable = variables
            .get(name)
            .with_context(|| format!("no parameter {name}"))?;
        let gradient = gradients
            .get(variable)
            .with_context(|| format!("{name} has no gradient"))?;
        close_relative(&format!("grad.{name}"), gradient, expected, GRADIENTS)?;
    }
    Ok(())
}

fn token_rows(tokens: &Tensor) -> Result<Vec<TokenRow>> {
    Ok(rows(tokens)?.into_iter().map(TokenRow::new).collect())
}
