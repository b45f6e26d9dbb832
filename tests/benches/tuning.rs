//! Test-time prompt tuning: shared text features and graphs against a plain loop in the
//! reference's manner (azshue/TPT: for each image, prompts of all 77 slots are encoded
//! before, in and after the step). Both see the same views, one round after the other;
//! medians of the rounds are compared.
//!
//! `cargo bench --workspace --exclude clipwright-web --profile dev --bench tuning`

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor, Var};
use clipwright::world::{Domain, Split};
use clipwright_shared::Session;
use clipwright_shared::clip::{Clip, logits, normalise};
use clipwright_shared::learners::{
    ClassTokenPosition, ContextInit, Coop, CoopSettings, PromptTokens, Prompts, text_features,
};
use clipwright_shared::train::AdamW;
use clipwright_shared::tuning::{Augmenter, Tuner, TuningSettings};
use clipwright_shared::views::RgbImage;
use clipwright_tests::repository_root;

const IMAGES: usize = 16;
const ROUNDS: usize = 7;

fn main() -> Result<()> {
    // `cargo test` builds and starts every bench; it is to be run by name only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let bytes = std::fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let session = Session::from_bytes(&bytes, &Device::Cpu)?;
    let names = Domain::Shifted.class_names();
    let settings = CoopSettings {
        n_ctx: 4,
        class_specific: false,
        position: ClassTokenPosition::End,
        init: ContextInit::Words("a photo of a".into()),
    };
    let coop = Coop::new(&session.clip, &session.tokenizer, &names, &settings)?;
    let tokens = PromptTokens::new(&session.tokenizer, &names);
    let tuner = Tuner::new(&session.clip, &coop, &tokens, TuningSettings::default())?;
    let reference = session.clip.plainly();
    let prompts = coop.prompts(&reference, &tokens)?;
    let images = (0..IMAGES)
        .map(|at| features(&session, at % names.len(), at))
        .collect::<Result<Vec<_>>>()?;

    let (mut plain, mut shared) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let start = Instant::now();
        let mut tuned = Vec::new();
        for views in &images {
            tuned.push(plain_step(&reference, &tuner, &coop, &prompts, views)?);
        }
        let plain_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let together = tuner.tune_many(&images)?;
        let shared_seconds = start.elapsed().as_secs_f64();
        for (alone, together) in tuned.iter().zip(&together) {
            for (a, b) in alone.iter().zip(&together.tuned) {
                ensure!((a - b).abs() < 2e-2, "logits {a} and {b}");
            }
        }
        // The first round warms up.
        if round > 0 {
            plain.push(plain_seconds);
            shared.push(shared_seconds);
        }
    }
    let per_image = |seconds: &mut Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        1000.0 * seconds[seconds.len() / 2] / IMAGES as f64
    };
    let (plain, shared) = (per_image(&mut plain), per_image(&mut shared));
    println!("plain loop      {plain:8.1} ms an image");
    println!("shared          {shared:8.1} ms an image");
    println!("ratio           {:8.2}", plain / shared);
    Ok(())
}

/// Normalised features `[64, embed_dim]` of the views of one picture.
fn features(session: &Session, label: usize, index: usize) -> Result<Tensor> {
    let side = session.clip.config.image.side;
    let pixels = Domain::Shifted.image(Split::Test, label, index, 1, side);
    let picture = RgbImage::from_raw(side as u32, side as u32, pixels).context("no picture")?;
    let views = Augmenter::tpt().views(&picture, side as u32, index as u64)?;
    let pixels: Vec<RgbImage> = views.into_iter().map(|view| view.pixels).collect();
    let encoded = session.clip.image.forward(&session.pixels(&pixels)?)?;
    Ok(normalise(&encoded)?.detach())
}

/// The tuned logits of one image, as the reference computes them.
fn plain_step(
    clip: &Clip,
    tuner: &Tuner,
    coop: &Coop,
    prompts: &Prompts,
    views: &Tensor,
) -> Result<Vec<f32>> {
    let text = |context: &Tensor| text_features(clip, prompts, context);
    let context = Var::from_tensor(&coop.context.detach())?;
    let mut optimizer = AdamW::new(vec![context.clone()], 1e-2);
    let image = views.narrow(0, 0, 1)?;
    let scale = clip.logit_scale()?;
    let _before = logits(&image, &text(&context.detach())?, scale)?;
    let all = logits(views, &text(context.as_tensor())?, scale)?;
    let TuningSettings {
        loss,
        layout,
        selection,
        lr,
        ..
    } = *tuner.settings();
    let loss = loss.value(&all, layout, selection)?;
    optimizer.step(&loss.backward()?, lr)?;
    let after = logits(&image, &text(&context.detach())?, scale)?;
    Ok(after.get(0)?.to_vec1::<f32>()?)
}
