use std::collections::HashMap;
use std::io::Cursor;

use clipwright_shared::protocol::{Event, Request};
use safetensors::tensor::{Dtype, TensorView};

use super::Engine;

/// Layers, patch and side of the little model below.
const PATCH: usize = 4;
const WIDTH: usize = 64;
const VOCABULARY: usize = 600;

fn block(prefix: &str) -> Vec<(String, Vec<usize>)> {
    let prefix = format!("{prefix}.resblocks.0");
    let mut tensors = Vec::new();
    for norm in ["ln_1", "ln_2"] {
        tensors.push((format!("{prefix}.{norm}.weight"), vec![WIDTH]));
        tensors.push((format!("{prefix}.{norm}.bias"), vec![WIDTH]));
    }
    for (layer, rows, columns) in [
        ("attn.out_proj", WIDTH, WIDTH),
        ("mlp.c_fc", 4 * WIDTH, WIDTH),
        ("mlp.c_proj", WIDTH, 4 * WIDTH),
    ] {
        tensors.push((format!("{prefix}.{layer}.weight"), vec![rows, columns]));
        tensors.push((format!("{prefix}.{layer}.bias"), vec![rows]));
    }
    tensors.push((
        format!("{prefix}.attn.in_proj_weight"),
        vec![3 * WIDTH, WIDTH],
    ));
    tensors.push((format!("{prefix}.attn.in_proj_bias"), vec![3 * WIDTH]));
    tensors
}

/// A CLIP of one layer with arbitrary weights, as f16 safetensors.
fn little_model() -> Vec<u8> {
    let mut shapes: Vec<(String, Vec<usize>)> = [
        ("visual.conv1.weight", vec![WIDTH, 3, PATCH, PATCH]),
        ("visual.class_embedding", vec![WIDTH]),
        ("visual.positional_embedding", vec![5, WIDTH]),
        ("visual.ln_pre.weight", vec![WIDTH]),
        ("visual.ln_pre.bias", vec![WIDTH]),
        ("visual.ln_post.weight", vec![WIDTH]),
        ("visual.ln_post.bias", vec![WIDTH]),
        ("visual.proj", vec![WIDTH, WIDTH]),
        ("token_embedding.weight", vec![VOCABULARY, WIDTH]),
        ("positional_embedding", vec![16, WIDTH]),
        ("ln_final.weight", vec![WIDTH]),
        ("ln_final.bias", vec![WIDTH]),
        ("text_projection", vec![WIDTH, WIDTH]),
        ("logit_scale", vec![]),
    ]
    .map(|(name, dims)| (name.to_string(), dims))
    .into();
    shapes.extend(block("visual.transformer"));
    shapes.extend(block("transformer"));
    let mut state = 1u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        half::f16::from_f32((state >> 8) as f32 / (1 << 24) as f32 - 0.5)
    };
    let data: HashMap<String, (Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, dims)| {
            let count = dims.iter().product();
            let bytes = (0..count).flat_map(|_| value().to_le_bytes()).collect();
            (name, (dims, bytes))
        })
        .collect();
    let views = data.iter().map(|(name, (dims, bytes))| {
        (
            name,
            TensorView::new(Dtype::F16, dims.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

fn png() -> Vec<u8> {
    let image =
        image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8 * 16, y as u8 * 16, 90]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn load(name: &str) -> Request {
    Request::LoadModel { name: name.into() }
}

fn classify(id: u32) -> Request {
    Request::Classify {
        id,
        class_names: vec!["ring".into(), "star".into(), "heart".into()],
        template: "a photo of a {}.".into(),
    }
}

#[test]
fn classifies_with_an_open_model() {
    let mut engine = Engine::default();
    let Event::ModelLoaded { name, info } = engine.answer(load("little"), &little_model()) else {
        panic!("the model was not opened");
    };
    assert_eq!(
        (name.as_str(), info.image_side, info.embed_dim),
        ("little", 8, WIDTH)
    );
    let Event::Classified { id, classification } = engine.answer(classify(7), &png()) else {
        panic!("the image was not classified");
    };
    let classes = &classification.rankings[0].classes;
    assert_eq!((id, classes.len()), (7, 3));
    assert!(classes.is_sorted_by(|a, b| a.probability >= b.probability));
    let sum: f32 = classes.iter().map(|class| class.probability).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn a_question_before_any_model_fails_with_its_id_and_a_hint() {
    let answer = Engine::default().answer(classify(3), &png());
    assert!(
        matches!(
            answer,
            Event::Failed {
                id: Some(3),
                hint: Some(_),
                ..
            }
        ),
        "{answer:?}"
    );
}

#[test]
fn a_damaged_model_leaves_the_open_one() {
    let mut engine = Engine::default();
    let mut bytes = little_model();
    engine.answer(load("little"), &bytes);
    bytes.truncate(bytes.len() / 2);
    let answer = engine.answer(load("cut"), &bytes);
    assert!(
        matches!(
            answer,
            Event::Failed {
                id: None,
                hint: Some(_),
                ..
            }
        ),
        "{answer:?}"
    );
    let answer = engine.answer(classify(1), &png());
    assert!(
        matches!(answer, Event::Classified { id: 1, .. }),
        "{answer:?}"
    );
}

#[test]
fn a_truncated_image_fails_with_the_id_of_its_question() {
    let mut engine = Engine::default();
    engine.answer(load("little"), &little_model());
    let mut bytes = png();
    bytes.truncate(60);
    let Event::Failed { id, message, .. } = engine.answer(classify(9), &bytes) else {
        panic!("half a picture was classified");
    };
    assert_eq!(id, Some(9));
    assert!(message.starts_with("image "), "{message}");
}
