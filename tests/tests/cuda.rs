//! A GPU against the CPU: every operation that has a kernel, and trainings. With the feature
//! `cuda` only, and then there must be a GPU.
#![cfg(feature = "cuda")]

use std::cell::{Cell, RefCell};
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::Session;
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{
    Blocks, ClassTokenPosition, CoCoOp, ContextInit, Coop, CoopSettings, EncoderLora, Lora,
    LoraFacts, LoraSettings, PromptTokens, Scaling, ZeroShot,
};
use clipwright_shared::ops::cuda::device::{Recording, open, warmed_up};
use clipwright_shared::ops::{self, Dropout, Group, Replayed, Sequences};
use clipwright_shared::train::{
    CoCoOpTrainer, CoopTrainer, Input, LoraTrainer, LoraTraining, Optimizer, OptimizerSettings,
    Targets, Trainer,
};
use clipwright_shared::tuning::{Tuned, Tuner, TuningSettings};
use clipwright_tests::{clipwright_json, run_clipwright};
use serde_json::Value;

/// Each type, and how far off a result may be of the largest. Products of bf16 are rounded
/// to 8 bits, several times on the way.
const TYPES: [(DType, f32); 2] = [(DType::F32, 1e-4), (DType::BF16, 0.05)];

/// One test after another: opening a device waits for all that it does, which it must not
/// do while one of its streams records.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gpu() -> Result<Device> {
    open(0).context("no GPU")
}

/// Values between −1 and 1 that bf16 has, on the CPU.
fn values(dims: &[usize], seed: usize) -> Result<Tensor> {
    let count: usize = dims.iter().product();
    let value = |at: usize| ((at as f32 + 1.0) * (0.37 + seed as f32 * 0.11)).sin();
    let values: Vec<f32> = (0..count).map(value).collect();
    let values = Tensor::from_vec(values, dims, &Device::Cpu)?;
    Ok(values.to_dtype(DType::BF16)?.to_dtype(DType::F32)?)
}

fn near(what: &str, got: &Tensor, expected: &Tensor, share: f32) -> Result<()> {
    let got = got.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
    let off: f32 = (got - expected)?.abs()?.max_all()?.to_scalar()?;
    let largest: f32 = expected.abs()?.max_all()?.to_scalar()?;
    ensure!(
        off <= share * largest,
        "{what}: {off} off, the largest is {largest}"
    );
    Ok(())
}

/// What an operation gives, and the gradients of all of its inputs, here and there.
fn compare(
    name: &str,
    inputs: &[Tensor],
    operation: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>,
) -> Result<()> {
    let gpu = gpu()?;
    let run = |device: &Device, dtype: DType| -> Result<Vec<Tensor>> {
        let place = |input: &Tensor| input.to_device(device)?.to_dtype(dtype);
        let variables = inputs.iter().map(|input| Var::from_tensor(&place(input)?));
        let variables = variables.collect::<candle_core::Result<Vec<Var>>>()?;
        let tensors: Vec<Tensor> = variables.iter().map(|it| it.as_tensor().clone()).collect();
        let y = operation(&tensors)?;
        let gradients = (&y * place(&values(y.dims(), 9)?)?)?
            .sum_all()?
            .backward()?;
        let mut all = vec![y];
        for variable in &variables {
            all.push(gradients.get(variable).context("no gradient")?.clone());
        }
        Ok(all)
    };
    let expected = run(&Device::Cpu, DType::F32)?;
    for (dtype, share) in TYPES {
        for (at, (got, expected)) in run(&gpu, dtype)?.iter().zip(&expected).enumerate() {
            near(&format!("{name} in {dtype:?}, {at}"), got, expected, share)?;
        }
    }
    Ok(())
}

#[test]
fn layer_norm_linear_and_quick_gelu() -> Result<()> {
    let _alone = alone();
    for [rows, width] in [[1, 32], [70, 100], [300, 768]] {
        let x = values(&[rows, width], 1)?;
        let (weight, bias) = (values(&[width], 2)?, values(&[width], 3)?);
        compare("layer_norm", &[x.clone(), weight, bias], |x| {
            ops::layer_norm(&x[0], &x[1], &x[2], 1e-5)
        })?;
        let large = (&x * 20.0)?;
        compare("quick_gelu", &[large], |x| {
            ops::Activation::QuickGelu.forward(&x[0])
        })?;
        let (weight, bias) = (values(&[24, width], 4)?, values(&[24], 5)?);
        compare("linear", &[x.clone(), weight.clone(), bias], |x| {
            ops::linear(&x[0], &x[1], Some(&x[2]))
        })?;
        compare("linear without a bias", &[x, weight], |x| {
            ops::linear(&x[0], &x[1], None)
        })?;
    }
    Ok(())
}

#[test]
fn a_frozen_weight_has_no_gradient() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let x = Var::from_tensor(&values(&[7, 12], 1)?.to_device(&gpu)?)?;
    let weight = values(&[8, 12], 2)?.to_device(&gpu)?;
    let bias = values(&[8], 3)?.to_device(&gpu)?;
    let gradients = ops::linear(&x, &weight, Some(&bias))?
        .sum_all()?
        .backward()?;
    ensure!(gradients.get(&x).is_some(), "the input's");
    ensure!(gradients.get(&weight).is_none() && gradients.get(&bias).is_none());
    Ok(())
}

fn sequences(groups: &[(usize, Vec<usize>)]) -> Result<Sequences> {
    let groups = groups.iter().cloned();
    let groups = groups.map(|(shared, own)| Group { shared, own });
    Ok(Sequences::new(groups.collect())?)
}

#[test]
fn attention_of_every_kind() -> Result<()> {
    let _alone = alone();
    let prompts = sequences(&[
        (3, vec![2, 1, 4]),
        (0, vec![80]),
        (17, vec![5; 70]),
        (40, vec![1]),
    ])?;
    let images = sequences(&[(0, vec![197]), (0, vec![197]), (0, vec![50])])?;
    for [heads, width] in [[3, 4], [2, 36], [8, 64], [2, 128]] {
        for (sequences, causal) in [(&prompts, true), (&images, false)] {
            let columns = heads * width;
            let qkv = values(&[sequences.rows(), 3 * columns], 1)?;
            let name = format!("{heads} heads of {width}, causal: {causal}");
            compare(&name, &[qkv], |x| {
                ops::self_attention(&x[0], sequences, heads, causal)
            })?;
            let queries = values(&[sequences.count(), columns], 2)?;
            let others = values(&[sequences.rows(), 2 * columns], 3)?;
            compare(&format!("{name}, one query"), &[queries, others], |x| {
                ops::attention_of_one(&x[0], &x[1], sequences, heads)
            })?;
        }
    }
    Ok(())
}

/// Three steps with gradients that are the same everywhere.
fn steps(settings: OptimizerSettings, device: &Device) -> Result<Vec<f32>> {
    let variable = Var::from_tensor(&values(&[300], 1)?.to_device(device)?)?;
    let mut optimizer: Optimizer = settings.start(vec![variable.clone()]);
    for turn in 2..5 {
        let gradient = values(&[300], turn)?.to_device(device)?;
        let gradients: GradStore = (variable.as_tensor() * gradient)?.sum_all()?.backward()?;
        optimizer.step(&gradients, 0.03)?;
    }
    Ok(variable.to_device(&Device::Cpu)?.to_vec1()?)
}

#[test]
fn optimisers_step_to_the_same_bits() -> Result<()> {
    let _alone = alone();
    for settings in [OptimizerSettings::coop(), OptimizerSettings::adam_w(0.01)] {
        let expected = steps(settings, &Device::Cpu)?;
        ensure!(steps(settings, &gpu()?)? == expected, "{settings:?}");
    }
    Ok(())
}

#[test]
fn trainings_go_the_same_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let run = |line: &str| -> Result<()> {
        let output = run_clipwright(here, line.split_whitespace())?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{line}: {error}");
        Ok(())
    };
    run("data generate shifted --out data --per-class 2")?;
    for method in [
        "coop --n-ctx 2 --epochs 2 --shots 1",
        "cocoop --epochs 1 --batch 5 --shots 1",
        "lora --steps 3 --rank 2 --shots 1 --batch 4",
    ] {
        let result = |more: &str| -> Result<(f64, Vec<(String, Tensor)>)> {
            run(&format!(
                "train {method} --model tiny --data data --subset base {more} --out run --overwrite"
            ))?;
            let summary: Value = serde_json::from_slice(&fs::read(here.join("run/summary.json"))?)?;
            let loss = summary["last_epoch"]["loss"].as_f64().context("no loss")?;
            let file = here.join("run/learned.safetensors");
            let mut learned: Vec<_> = candle_core::safetensors::load(file, &Device::Cpu)?
                .into_iter()
                .collect();
            learned.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok((loss, learned))
        };
        let (expected_loss, expected) = result("--device cpu")?;
        for (more, share) in [("f32", 0.005), ("tf32", 0.05), ("bf16", 0.1)] {
            let (loss, learned) = result(&format!("--device cuda --precision {more}"))?;
            let off = (loss - expected_loss).abs() / expected_loss;
            ensure!(
                off < f64::from(share),
                "{method} in {more}: {loss}, {expected_loss}"
            );
            ensure!(learned.len() == expected.len());
            for ((name, got), (_, expected)) in learned.iter().zip(&expected) {
                ensure!(got.dtype() == DType::F32, "{name}");
                if more == "f32" {
                    near(&format!("{method}: {name}"), got, expected, share)?;
                }
            }
        }
    }
    Ok(())
}

/// Images of each batch.
const BATCHES: [usize; 12] = [4, 4, 4, 3, 4, 4, 3, 3, 4, 4, 3, 4];

/// How many of five classes' prompts a training encodes together: all, and some.
const AT_ONCE: [usize; 2] = [100, 2];

const CONTEXT: CoopSettings = CoopSettings {
    n_ctx: 3,
    class_specific: false,
    position: ClassTokenPosition::End,
    init: ContextInit::Random { seed: 1 },
};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Coop,
    CoCoOp,
    /// With this share of its inputs dropped.
    Lora(f64),
}

fn lora(
    session: &Session,
    names: &[String],
    optimizer: OptimizerSettings,
    (dropout, classes_at_once): (f64, usize),
) -> Result<LoraTrainer> {
    let sizes = Some(EncoderLora {
        rank: 2,
        alpha: 1.0,
    });
    let scaling = Scaling::AlphaOverRank;
    let settings = LoraSettings {
        image: sizes,
        text: sizes,
        projections: Projection::ALL.to_vec(),
        blocks: Blocks::All,
        scaling,
        seed: 1,
    };
    let prompt = ZeroShot::new(["a photo of a {}."])?;
    let rows = prompt.rows(&session.clip, &session.tokenizer, names)?;
    let lora = Lora {
        adapter: settings.start(&session.clip)?,
        facts: LoraFacts {
            image: sizes,
            text: sizes,
            scaling,
            logit_scale: 20.0,
        },
        prompt,
        class_names: names.to_vec(),
    };
    let training = LoraTraining {
        optimizer,
        dropout,
        seed: 3,
        classes_at_once,
    };
    Ok(LoraTrainer::new(&session.clip, lora, rows, training)?)
}

fn trainer(
    session: &Session,
    kind: Kind,
    optimizer: OptimizerSettings,
    at_once: usize,
) -> Result<Box<dyn Trainer>> {
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    let names = ["cat", "dog", "small red bird", "fish", "blue car"].map(String::from);
    let tokens = PromptTokens::new(tokenizer, &names);
    let settings = CONTEXT;
    Ok(match kind {
        Kind::Lora(dropout) => Box::new(lora(session, &names, optimizer, (dropout, at_once))?),
        Kind::CoCoOp => {
            let cocoop = CoCoOp::new(clip, tokenizer, &names, &settings, 1)?;
            let trainer = CoCoOpTrainer::new(clip, &cocoop, &tokens, at_once, optimizer)?;
            Box::new(trainer)
        }
        Kind::Coop => {
            let coop = Coop::new(clip, tokenizer, &names, &settings)?;
            let trainer = CoopTrainer::new(clip, coop, &tokens, at_once, optimizer)?;
            Box::new(trainer)
        }
    })
}

/// Losses of steps on batches of two sizes, and what was learned. Half-way the training goes
/// on from its own state, as one that was interrupted does.
fn losses(trainer: &mut dyn Trainer, session: &Session) -> Result<(Vec<f32>, Vec<Tensor>)> {
    let device = &session.device;
    let (width, side) = (
        session.clip.config.embed_dim,
        session.clip.config.image.side,
    );
    let mut losses = Vec::new();
    for (step, images) in BATCHES.into_iter().enumerate() {
        let input = match trainer.input() {
            Input::Features => {
                let features = values(&[images, width], step)?.to_device(device)?;
                features.broadcast_div(&features.sqr()?.sum_keepdim(1)?.sqrt()?)?
            }
            Input::Pixels => values(&[images, 3, side, side], step)?.to_device(device)?,
        };
        let labels: Vec<usize> = (0..images).map(|image| (image + step) % 5).collect();
        let targets = Targets::of(&labels, device)?;
        let targets = match step % 5 {
            4 => targets.softened(5, 0.1, None)?,
            _ => targets,
        };
        let report = trainer.step(&input, &targets, 0.02 / (step + 1) as f64)?;
        losses.push(report.loss);
        if step == 4 {
            trainer.restore(&trainer.state()?)?;
        }
    }
    let learned = trainer.learner()?.tensors();
    let learned = learned.into_iter().map(|(_, tensor)| tensor);
    Ok((losses, learned.collect()))
}

/// What is dropped is what the CPU drops: by the seed, or a key that lies on the device.
#[test]
fn dropout_draws_what_the_cpu_draws() -> Result<()> {
    let _alone = alone();
    for is_told in [false, true] {
        let drop = |x: &[Tensor]| {
            let device = x[0].device();
            // A key that lies on the device goes before the seed, of which nothing is known.
            let is_told = is_told && device.is_cuda();
            let key = is_told.then(|| Tensor::new(&Dropout::key_of(7)[..], device));
            let dropout = Dropout {
                rate: 0.25,
                seed: if is_told { 8 } else { 7 },
                stream: 3,
                key: key.transpose()?,
            };
            dropout.forward(&x[0])
        };
        compare("dropout", &[values(&[70, 33], 1)?], drop)?;
    }
    Ok(())
}

#[test]
fn replayed_steps_go_the_way_of_plain_ones() -> Result<()> {
    let _alone = alone();
    let model = include_bytes!("../../static/model/tiny.safetensors");
    let session = Session::from_bytes(model, &gpu()?)?;
    let of_cpu = Session::from_bytes(model, &Device::Cpu)?;
    for optimizer in [OptimizerSettings::coop(), OptimizerSettings::adam_w(0.01)] {
        for (kind, at_once) in [
            (Kind::Coop, AT_ONCE[0]),
            (Kind::Coop, AT_ONCE[1]),
            (Kind::CoCoOp, 100),
            (Kind::Lora(0.0), AT_ONCE[0]),
            (Kind::Lora(0.25), AT_ONCE[1]),
        ] {
            let mut plain = trainer(&session, kind, optimizer, at_once)?;
            plain.record(false);
            let (expected_losses, expected) = losses(plain.as_mut(), &session)?;
            let mut replayed = trainer(&session, kind, optimizer, at_once)?;
            let (got_losses, got) = losses(replayed.as_mut(), &session)?;
            let mut cpu = trainer(&of_cpu, kind, optimizer, at_once)?;
            for (got, expected) in got_losses.iter().zip(losses(cpu.as_mut(), &of_cpu)?.0) {
                let is_near = (got - expected).abs() <= 0.005 * expected.abs();
                ensure!(is_near, "{kind:?}: on the CPU {expected}, replayed {got}");
            }
            for (got, expected) in got_losses.iter().zip(&expected_losses) {
                let is_near = (got - expected).abs() <= 1e-4 * expected.abs();
                ensure!(is_near, "{got_losses:?}, {expected_losses:?}");
            }
            for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let expected = expected.to_device(&Device::Cpu)?;
                let what = format!("{kind:?}, tensor {at}, {optimizer:?}");
                near(&what, got, &expected, 1e-3)?;
            }
        }
    }
    Ok(())
}

#[test]
fn steps_go_on_plainly_where_they_cannot_be_recorded() -> Result<()> {
    let _alone = alone();
    let model = include_bytes!("../../static/model/tiny.safetensors");
    // candle's own choice of a stream is one for each thread.
    let session = Session::from_bytes(model, &Device::new_cuda(0)?)?;
    let of_cpu = Session::from_bytes(model, &Device::Cpu)?;
    let optimizer = OptimizerSettings::adam_w(0.01);
    let got = losses(
        trainer(&session, Kind::Coop, optimizer, 100)?.as_mut(),
        &session,
    )?;
    let expected = losses(
        trainer(&of_cpu, Kind::Coop, optimizer, 100)?.as_mut(),
        &of_cpu,
    )?;
    for (got, expected) in got.0.iter().zip(expected.0) {
        let is_near = (got - expected).abs() <= 0.005 * expected.abs();
        ensure!(is_near, "on the CPU {expected}, on the GPU {got}");
    }
    Ok(())
}

/// The third call of a shape, and all behind it, are replays.
#[test]
fn a_function_is_replayed_for_each_of_two_shapes() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let (replayed, calls) = (Replayed::new(true), Cell::new(0));
    for turn in 0..5 {
        // The last of them comes too late to be recorded.
        for (at, rows) in [4, 7, 2].into_iter().enumerate() {
            let x = values(&[rows, 6], turn)?;
            calls.set(0);
            let y = replayed.call(&x.to_device(&gpu)?, |x| {
                calls.set(calls.get() + 1);
                x.sqr()?.sum_keepdim(1)
            })?;
            near("a call", &y, &x.sqr()?.sum_keepdim(1)?, 1e-5)?;
            let expected = if turn < 2 || at == 2 { 1 } else { 0 };
            ensure!(calls.get() == expected, "turn {turn}, {rows} rows");
        }
    }
    Ok(())
}

#[test]
fn tuning_goes_as_on_the_cpu_call_after_call() -> Result<()> {
    let _alone = alone();
    let model = include_bytes!("../../static/model/tiny.safetensors");
    let names = ["cat", "dog", "small red bird", "fish", "blue car"].map(String::from);
    for at_once in [100, 2] {
        let run = |device: &Device| -> Result<Vec<Tuned>> {
            let session = Session::from_bytes(model, device)?;
            let coop = Coop::new(&session.clip, &session.tokenizer, &names, &CONTEXT)?;
            let tokens = PromptTokens::new(&session.tokenizer, &names);
            let settings = TuningSettings {
                classes_at_once: at_once,
                ..TuningSettings::default()
            };
            let views = settings.layout.views();
            let tuner = Tuner::new(&session.clip, &coop, &tokens, settings)?;
            let mut tuned = Vec::new();
            for group in 0..4 {
                let images = (0..2).map(|image| {
                    let dims = [views, session.clip.config.embed_dim];
                    let views = values(&dims, 2 * group + image)?.to_device(device)?;
                    Ok(views.broadcast_div(&views.sqr()?.sum_keepdim(1)?.sqrt()?)?)
                });
                tuned.extend(tuner.tune_many(&images.collect::<Result<Vec<_>>>()?)?);
            }
            Ok(tuned)
        };
        for (got, expected) in run(&gpu()?)?.iter().zip(run(&Device::Cpu)?) {
            for (got, expected) in got.tuned.iter().zip(&expected.tuned) {
                let off = (got - expected).abs();
                ensure!(off < 0.02, "{at_once}: {got}, on the CPU {expected}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_training_replays_all_steps_but_the_first() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for method in ["coop", "cocoop", "lora"] {
        let replays = |more: &str| -> Result<Option<u64>> {
            let line = format!(
                "bench {method} --model tiny --device cuda --classes 3 --images 8 --batch 2 \
                 --steps 8 --augment none {more} --json"
            );
            let figures = clipwright_json(folder.path(), line.split_whitespace())?;
            let parts = figures["parts"].as_array().context("no parts")?;
            let replay = parts.iter().find(|part| part["name"] == "replay");
            Ok(replay.and_then(|part| part["times"].as_u64()))
        };
        ensure!(replays("")? == Some(7), "{method}");
        ensure!(replays("--replay false")?.is_none(), "{method}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_replayed_is_refused_and_the_device_goes_on() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let x = values(&[4, 6], 1)?.to_device(&gpu)?;
    let kept = RefCell::new(None);
    let older = RefCell::new(Some(x.copy()?));
    let reads_back = || (&x + 1.0)?.to_vec2::<f32>().map(|_| ());
    let sends = || {
        let many = Tensor::new(vec![1f32; 5000], &gpu)?;
        (many + 1.0).map(|_| ())
    };
    let keeps = || {
        *kept.borrow_mut() = Some((&x + 1.0)?);
        Ok(())
    };
    let drops = || {
        older.take();
        (&x + 1.0).map(|_| ())
    };
    let does_nothing = || Ok(());
    let fails = || {
        let _sum = (&x + 1.0)?;
        candle_core::bail!("as it is meant to")
    };
    warmed_up(&gpu, || (&x + 1.0)?.to_vec2::<f32>())??;
    let works: [(&str, &dyn Fn() -> candle_core::Result<()>); 6] = [
        ("reads back", &reads_back),
        ("sends", &sends),
        ("keeps a tensor", &keeps),
        ("drops an older one", &drops),
        ("does nothing", &does_nothing),
        ("fails", &fails),
    ];
    for (what, work) in works {
        let refused = Recording::of(&gpu, work);
        ensure!(refused.is_err(), "what {what} is recorded");
        // The driver does not know this memory any more, and says so once.
        kept.take();
        let _ = gpu.synchronize();
        near(what, &(&x * 2.0)?, &(values(&[4, 6], 1)? * 2.0)?, 1e-6)?;
    }
    Ok(())
}

#[test]
fn a_replay_reads_what_lies_there_now() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let x = values(&[4, 6], 1)?.to_device(&gpu)?;
    let result = x.zeros_like()?;
    let work = || result.slice_set(&(x.t()? + 1.0)?.t()?.contiguous()?, 0, 0);
    warmed_up(&gpu, work)??;
    let recording = Recording::of(&gpu, work)?;
    ensure!(recording.tally().kernels > 0, "{:?}", recording.tally());
    for turn in 2..5 {
        x.slice_set(&values(&[4, 6], turn)?.to_device(&gpu)?, 0, 0)?;
        recording.replay()?;
        near("a replay", &result, &(values(&[4, 6], turn)? + 1.0)?, 1e-6)?;
    }
    Ok(())
}
