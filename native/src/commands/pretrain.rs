//! `clipwright pretrain`: the embedded model, from scratch.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use candle_core::Device;
use clipwright_shared::Session;
use clipwright_shared::checkpoint::model_to_bytes;
use clipwright_shared::clip::{Tokenizer, Weights};
use clipwright_shared::eval::Metrics;
use clipwright_shared::learners::DEFAULT_TEMPLATE;
use clipwright_shared::views::RgbImage;
use serde_json::json;

use crate::args::Pretrain;
use crate::measure::rankings;
use crate::pretrain::{PretrainSettings, Pretraining, Sizes};
use crate::progress::steps_bar;
use crate::whole_file::write_whole;
use crate::world::{Domain, Split};

/// Steps between two looks at the validation pictures.
const STEPS_PER_LOOK: usize = 250;

pub fn run(args: &Pretrain) -> Result<()> {
    let sizes = Sizes::default();
    let settings = PretrainSettings {
        seed: args.seed,
        steps: args.steps,
        batch: args.batch,
        lr: args.lr,
        warmup: 100.min(args.steps),
        weight_decay: 0.05,
        kept_patches: args.kept_patches,
    };
    let metadata = BTreeMap::from([
        ("format".to_string(), "clipwright-pretrained-1".to_string()),
        ("sizes".to_string(), serde_json::to_string(&sizes)?),
        ("settings".to_string(), serde_json::to_string(&settings)?),
    ]);
    let start = Instant::now();
    let tokenizer = Tokenizer::new(sizes.vocabulary)?;
    let mut training = Pretraining::new(&sizes, settings)?;
    let bar = steps_bar(args.steps);
    for step in 1..=args.steps {
        let report = training.step(&tokenizer)?;
        bar.set_message(format!("loss {:.3}  lr {:.2e}", report.loss, report.lr));
        bar.inc(1);
        if step % STEPS_PER_LOOK == 0 && step < args.steps {
            let weights = training.weights()?;
            let record = json!({
                "step": step,
                "loss": report.loss,
                "logit_scale": report.logit_scale,
                "world_val_accuracy": zero_shot(&weights, Domain::World, Split::Validation)?.accuracy,
                "seconds": start.elapsed().as_secs(),
            });
            bar.suspend(|| println!("{record}"));
        }
    }
    bar.finish_and_clear();
    let bytes = model_to_bytes(&training.weights()?, &metadata)?;
    write_whole(&args.out, &bytes)?;
    // What is measured is what was written, rounded to f16.
    let weights = Weights::from_bytes(&bytes, &Device::Cpu)?;
    let world = zero_shot(&weights, Domain::World, Split::Test)?;
    let shifted = zero_shot(&weights, Domain::Shifted, Split::Test)?;
    println!(
        "{}",
        json!({
            "step": args.steps,
            "out": args.out,
            "bytes": bytes.len(),
            "world_test_accuracy": world.accuracy,
            "shifted_test_accuracy": shifted.accuracy,
            "images": world.images,
            "seconds": start.elapsed().as_secs(),
        })
    );
    Ok(())
}

/// Zero-shot measures on 50 pictures of each held-out class.
fn zero_shot(weights: &Weights, domain: Domain, split: Split) -> Result<Metrics> {
    const PICTURES: usize = 50;
    const SEED: u64 = 0;
    let mut session = Session::new(weights.clone(), &Device::Cpu)?;
    let names = domain.class_names();
    let side = session.clip.config.image.side;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for label in 0..names.len() {
        for index in 0..PICTURES {
            let pixels = domain.image(split, label, index, SEED, side);
            images.extend(RgbImage::from_raw(side as u32, side as u32, pixels));
            labels.push(label);
        }
    }
    let features = session.image_features(None, &images)?;
    let classifier = session.classifier(None, &names, &[DEFAULT_TEMPLATE.into()])?;
    let best = rankings(&classifier, &features)?;
    let predicted: Vec<usize> = best.iter().map(|ranking| ranking[0]).collect();
    Ok(Metrics::new(&names, &predicted, &labels)?)
}
