//! Weights in eight bits: the features stay near, the files are a quarter, and what was
//! learned on the model still fits.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor, safetensors};
use clipwright_shared::checkpoint::{ModelType, write_model};
use clipwright_shared::clip::{
    Clip, Configuration, ModelFile, Naming, TokenRow, Weights, normalise,
};
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::{Session, views};
use clipwright_tests::{clipwright_json, refuses, repository_root, run_clipwright, succeeds};

/// The least cosine between a feature of the int8 weights and that of the f32 ones.
const LEAST_COSINE: f32 = 0.995;
/// Sizes of files: matrices are a quarter, the rest of these small models is as before.
const MOST_OF_F32: f64 = 0.28;

/// A golden model: its weights, what is known of it, and inputs.
const GOLDEN: [[&str; 3]; 7] = [
    [
        "clip/vit_a.weights.safetensors",
        "",
        "clip/vit_a.io.safetensors",
    ],
    [
        "clip/rn_1111_w4.weights.safetensors",
        "",
        "clip/rn_1111_w4.io.safetensors",
    ],
    [
        "clip/rn_1211_w6.weights.safetensors",
        "",
        "clip/rn_1211_w6.io.safetensors",
    ],
    [
        "open_clip/vit_gelu.weights.safetensors",
        "open_clip/vit_gelu.json",
        "open_clip/vit_gelu.io.safetensors",
    ],
    [
        "open_clip/vit_gelu_customtext.weights.safetensors",
        "open_clip/vit_gelu_customtext.json",
        "open_clip/vit_gelu_customtext.io.safetensors",
    ],
    [
        "open_clip/vit_quick.weights.safetensors",
        "open_clip/vit_quick.json",
        "open_clip/vit_quick.io.safetensors",
    ],
    [
        "hf/vit_a/model.safetensors",
        "hf/vit_a/config.json",
        "hf/vit_a.io.safetensors",
    ],
];

fn golden(path: &str) -> PathBuf {
    repository_root().join("tests/golden").join(path)
}

fn clip(bytes: &[u8], configurations: &[Configuration]) -> Result<Clip> {
    let file = ModelFile::open(vec![Checkpoint::read(bytes)?], configurations)?;
    Ok(Clip::load(file.weights(&Device::Cpu, &mut |_, _| {})?)?)
}

/// The least cosine between rows of the same place.
fn least_cosine(a: &Tensor, b: &Tensor) -> Result<f32> {
    let product = (normalise(a)? * normalise(b)?)?.sum(1)?;
    Ok(product.min(0)?.to_scalar::<f32>()?)
}

fn features(clip: &Clip, io: &HashMap<String, Tensor>) -> Result<[Tensor; 2]> {
    let tokens = io.get("tokens").context("no tokens")?;
    let end = clip.config.text.end_of_text;
    let rows = tokens.to_dtype(candle_core::DType::U32)?.to_vec2::<u32>()?;
    let rows: Vec<TokenRow> = rows
        .into_iter()
        .map(|ids| TokenRow::ending(ids, end))
        .collect();
    let image = io.get("image").context("no image")?;
    Ok([clip.image.forward(image)?, clip.encode_tokens(&rows)?])
}

#[test]
fn golden_features_stay_near() -> Result<()> {
    for [weights, configuration, io] in GOLDEN {
        let bytes = fs::read(golden(weights))?;
        let io = safetensors::load(golden(io), &Device::Cpu)?;
        let configurations = match configuration {
            "" => Vec::new(),
            name => vec![Configuration {
                name: name.into(),
                json: fs::read_to_string(golden(name))?,
            }],
        };
        let file = ModelFile::open(vec![Checkpoint::read(&bytes)?], &configurations)?;
        let full = clip(&bytes, &configurations)?;
        let expected = features(&full, &io)?;
        for naming in [
            Naming::OpenAi,
            Naming::OpenClipCustomText,
            Naming::HuggingFace,
        ] {
            if naming == Naming::HuggingFace && full.image.vit().is_none() {
                continue; // transformers has no CLIP with a ResNet
            }
            let mut small = Vec::new();
            write_model(&file, naming, ModelType::Int8, &mut small)?;
            let got = features(&clip(&small, &[])?, &io)?;
            for (what, got, expected) in [
                ("image", &got[0], &expected[0]),
                ("text", &got[1], &expected[1]),
            ] {
                let cosine = least_cosine(got, expected)?;
                println!("{weights} as {naming:?}: {what} {cosine:.5}");
                ensure!(
                    cosine >= LEAST_COSINE,
                    "{weights} {naming:?} {what}: {cosine}"
                );
                ensure!(cosine < 1.0, "{weights} {what}: not quantised at all");
            }
        }
    }
    Ok(())
}

#[test]
fn samples_are_ranked_as_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    succeeds(
        folder.path(),
        "data generate shifted --out data --per-class 4 --seed 3",
    )?;
    succeeds(
        folder.path(),
        "convert tiny --dtype int8 --out small.safetensors",
    )?;
    let bytes = fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let small = fs::read(folder.path().join("small.safetensors"))?;
    let mut full = Session::from_bytes(&bytes, &Device::Cpu)?;
    let mut small = Session::from_bytes(&small, &Device::Cpu)?;
    ensure!(
        full.fingerprint() == small.fingerprint(),
        "a copy is told to be one"
    );

    let mut pictures = Vec::new();
    let test = folder.path().join("data/test");
    let mut classes = Vec::new();
    for class in fs::read_dir(&test)? {
        let class = class?;
        classes.push(class.file_name().to_string_lossy().into_owned());
        for picture in fs::read_dir(class.path())? {
            pictures.push(picture?.path());
        }
    }
    for sample in fs::read_dir(repository_root().join("static/samples"))? {
        pictures.push(sample?.path());
    }
    pictures.retain(|path| path.extension().is_some_and(|kind| kind == "png"));
    pictures.sort();
    classes.sort();
    let (mut same, mut least) = (0, 1f32);
    for path in &pictures {
        let picture = views::decode(&fs::read(path)?)?;
        let image = [image::open(path)?.into_rgb8()];
        let cosine = least_cosine(
            &full.image_features(None, &image)?,
            &small.image_features(None, &image)?,
        )?;
        least = least.min(cosine);
        let top = |session: &mut Session| -> Result<String> {
            let answer = session.classify(&picture, &classes, &["a photo of a {}.".into()])?;
            Ok(answer.rankings[0].classes[0].class.clone())
        };
        same += usize::from(top(&mut full)? == top(&mut small)?);
    }
    println!(
        "{} pictures: least cosine {least:.5}, same class for {same}",
        pictures.len()
    );
    ensure!(pictures.len() > 80, "{} pictures", pictures.len());
    ensure!(least >= LEAST_COSINE, "an image feature is {least} near");
    ensure!(
        same * 100 >= pictures.len() * 95,
        "{same} of {}",
        pictures.len()
    );
    Ok(())
}

#[test]
fn files_are_a_quarter_and_say_what_they_are() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let size = |name: &str| -> Result<f64> { Ok(fs::metadata(here.join(name))?.len() as f64) };
    succeeds(here, "convert tiny --dtype f32 --out full.safetensors")?;
    for (naming, out) in [
        ("openai", "openai.safetensors"),
        ("hugging-face", "hf.safetensors"),
    ] {
        succeeds(
            here,
            &format!("convert tiny --dtype int8 --naming {naming} --out {out}"),
        )?;
        let share = size(out)? / size("full.safetensors")?;
        println!("{naming}: {share:.3} of f32's size");
        ensure!(share < MOST_OF_F32, "{out} has {share} of f32's size");
        let report = clipwright_json(here, ["inspect", out, "--json"])?;
        let stored = report["clip"]["stored as"].as_str().unwrap_or_default();
        ensure!(stored.contains("int8 with a scale"), "{stored}");
        ensure!(
            report["clip"]["problems"].to_string().contains("none"),
            "{report}"
        );
    }
    // Scales lie beside their tensors, under the name that the documentation gives.
    let bytes = fs::read(here.join("openai.safetensors"))?;
    let header = ::safetensors::SafeTensors::deserialize(&bytes)?;
    let scale = header.tensor("visual.transformer.resblocks.0.mlp.c_fc.weight.scale")?;
    ensure!(scale.shape() == [512, 1], "{:?}", scale.shape());
    ensure!(header.tensor("visual.proj.scale")?.shape() == [1, 128]);
    ensure!(header.tensor("visual.proj")?.dtype() == ::safetensors::Dtype::I8);
    Ok(())
}

#[test]
fn what_was_learned_on_the_model_fits_its_copies() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    succeeds(here, "data generate shifted --out data --per-class 2")?;
    succeeds(
        here,
        "train coop --model tiny --data data --shots 1 --epochs 1 --n-ctx 2 --out run",
    )?;
    succeeds(here, "convert tiny --dtype int8 --out small.safetensors")?;
    // Halves, joined again; a copy of a copy; another float type that is only near.
    succeeds(here, "convert tiny --dtype int8 --only image --out halves")?;
    succeeds(here, "convert tiny --dtype int8 --only text --out halves")?;
    succeeds(
        here,
        "convert small.safetensors --dtype f32 --out again.safetensors",
    )?;
    succeeds(here, "convert tiny --dtype bf16 --out brain.safetensors")?;
    for model in [
        "small.safetensors",
        "halves",
        "again.safetensors",
        "brain.safetensors",
    ] {
        succeeds(
            here,
            &format!("eval --model {model} --learned run --data data"),
        )?;
    }
    // One half of another model is no copy.
    fs::create_dir(here.join("mixed"))?;
    fs::copy(
        here.join("halves/image.safetensors"),
        here.join("mixed/image.safetensors"),
    )?;
    succeeds(here, "convert tiny --only text --out mixed")?;
    refuses(
        here,
        "eval --model mixed --learned run --data data",
        &["made for model"],
    )
}

#[test]
fn damaged_scales_are_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    succeeds(here, "convert tiny --dtype int8 --out small.safetensors")?;
    let bytes = fs::read(here.join("small.safetensors"))?;
    let name = "visual.conv1.weight.scale";
    let renamed = |to: &str| -> Vec<u8> {
        let mut windows = bytes.windows(name.len());
        let at = windows.position(|window| window == name.as_bytes());
        let at = at.expect("the scale is in the header");
        let mut bytes = bytes.clone();
        bytes[at..at + name.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let check = |bytes: Vec<u8>, part: &str| -> Result<()> {
        fs::write(here.join("bad.safetensors"), bytes)?;
        refuses(
            here,
            "convert bad.safetensors --out out.safetensors",
            &[part],
        )
    };
    check(
        renamed("visual.conv1.weight.scalf"),
        "`visual.conv1.weight.scale` is missing",
    )?;
    // A scale that is not finite makes values that are not.
    let header = ::safetensors::SafeTensors::read_metadata(&bytes)?;
    let (length, metadata) = header;
    let info = metadata.info(name).context("no scale")?;
    let at = 8 + length + info.data_offsets.0;
    let mut infinite = bytes.clone();
    infinite[at..at + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    check(infinite, "visual.conv1.weight")
}

#[test]
fn the_engine_reads_them_from_bytes() -> Result<()> {
    let bytes = fs::read(golden("clip/vit_a.weights.safetensors"))?;
    let file = ModelFile::open(vec![Checkpoint::read(&bytes)?], &[])?;
    let mut small = Vec::new();
    write_model(&file, Naming::OpenAi, ModelType::Int8, &mut small)?;
    let weights = Weights::from_bytes(&small, &Device::Cpu)?;
    ensure!(weights.fingerprint()? == file.fingerprint()?);
    let full = Weights::from_bytes(&bytes, &Device::Cpu)?;
    ensure!(full.fingerprint()? == file.fingerprint()?);
    // Truncated anywhere it is an error, never a panic.
    for end in [small.len() - 1, small.len() / 2, 4000, 100, 9] {
        ensure!(
            Weights::from_bytes(&small[..end], &Device::Cpu).is_err(),
            "{end}"
        );
    }
    let output = run_clipwright(Path::new("."), ["convert", "--help"])?;
    ensure!(String::from_utf8_lossy(&output.stdout).contains("int8"));
    Ok(())
}
