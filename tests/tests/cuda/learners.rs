//! Steps of every learner and of test-time tuning, replayed and plain, beside the CPU's.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{
    Blocks, ClassTokenPosition, CoCoOp, ContextInit, Coop, CoopSettings, EncoderLora, Lora,
    LoraFacts, LoraSettings, PromptTokens, Scaling, ZeroShot,
};
use clipwright_shared::train::{
    CoCoOpTrainer, CoopTrainer, Input, LoraTrainer, LoraTraining, OptimizerSettings, Targets,
    Trainer,
};
use clipwright_shared::tuning::{Tuned, Tuner, TuningSettings};

use crate::{alone, gpu, near, values};

/// The model that steps are taken on.
const MODEL: &[u8] = include_bytes!("../../../static/model/tiny.safetensors");

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

#[test]
fn replayed_steps_go_the_way_of_plain_ones() -> Result<()> {
    let _alone = alone();
    let session = Session::from_bytes(MODEL, &gpu()?)?;
    let of_cpu = Session::from_bytes(MODEL, &Device::Cpu)?;
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
    // candle's own choice of a stream is one for each thread.
    let session = Session::from_bytes(MODEL, &Device::new_cuda(0)?)?;
    let of_cpu = Session::from_bytes(MODEL, &Device::Cpu)?;
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

#[test]
fn tuning_goes_as_on_the_cpu_call_after_call() -> Result<()> {
    let _alone = alone();
    let names = ["cat", "dog", "small red bird", "fish", "blue car"].map(String::from);
    for at_once in [100, 2] {
        let run = |device: &Device| -> Result<Vec<Tuned>> {
            let session = Session::from_bytes(MODEL, device)?;
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
