//! Model files as people bring them: every naming, container and split answers
//! the same, and what does not fit is named.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, safetensors};
use clipwright_tests::{clipwright_json, refuses, repository_root, run_clipwright};
use serde_json::{Value, json};

type Tensors = HashMap<String, Tensor>;

/// A file of the golden folder.
fn golden(path: &str) -> PathBuf {
    repository_root().join("tests/golden").join(path)
}

fn load(path: &Path) -> Result<Tensors> {
    Ok(safetensors::load(path, &Device::Cpu)?)
}

fn convert(folder: &Path, model: &Path, out: &str, more: &str) -> Result<()> {
    let model = model.to_string_lossy();
    let more = more.split(' ').filter(|word| !word.is_empty());
    let base = ["convert", &model, "--out", out];
    clipwright_json(folder, base.into_iter().chain(more))?;
    Ok(())
}

#[test]
fn every_form_of_a_model_answers_the_same() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let tiny = Path::new("tiny");
    convert(here, tiny, "openai.safetensors", "--naming openai")?;
    convert(here, tiny, "half.safetensors", "--dtype f16")?;
    convert(here, tiny, "hf", "--naming hugging-face")?;
    convert(here, tiny, "open", "--naming open-clip")?;
    convert(here, tiny, "custom", "--naming open-clip-custom-text")?;
    convert(here, tiny, "parts", "--only image")?;
    convert(here, tiny, "parts", "--only text")?;
    convert(
        here,
        tiny,
        "hf-parts/image.safetensors",
        "--only image --naming hugging-face",
    )?;
    convert(
        here,
        tiny,
        "hf-parts/text.safetensors",
        "--only text --naming hugging-face",
    )?;
    make_shards(&here.join("hf"), &here.join("shards"))?;
    for file in ["hf/config.json", "open/open_clip_config.json"] {
        ensure!(here.join(file).is_file(), "no {file}");
    }
    let picture = repository_root().join("static/samples/yellow-plain-cross.png");
    let answer = |model: &str| {
        let picture = picture.to_string_lossy();
        let classes = "yellow plain cross,red striped diamond,green dotted circle";
        let arguments = [
            "classify",
            "--model",
            model,
            "--json",
            "--classes",
            classes,
            &picture,
        ];
        clipwright_json(here, arguments)
    };
    let expected = answer("tiny")?;
    for model in [
        "openai.safetensors",
        "half.safetensors",
        "hf",
        "hf/model.safetensors",
        "open",
        "custom",
        "custom/open_clip_model.safetensors",
        "parts",
        "hf-parts",
        "shards",
        "shards/model.safetensors.index.json",
    ] {
        let got = answer(model).with_context(|| model.to_string())?;
        ensure!(got == expected, "{model}: {got} instead of {expected}");
    }
    let half = fs::metadata(here.join("half.safetensors"))?.len();
    let whole = fs::metadata(here.join("openai.safetensors"))?.len();
    ensure!(
        2 * half < whole + 20_000,
        "f16 has {half} bytes, f32 {whole}"
    );
    Ok(())
}

/// Splits a Hugging Face folder's one file into two, with an index.
fn make_shards(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    fs::copy(from.join("config.json"), to.join("config.json"))?;
    let (mut shards, mut map) = ([Tensors::new(), Tensors::new()], serde_json::Map::new());
    for (at, (name, tensor)) in load(&from.join("model.safetensors"))?
        .into_iter()
        .enumerate()
    {
        map.insert(name.clone(), json!(format!("shard-{}.safetensors", at % 2)));
        shards[at % 2].insert(name, tensor);
    }
    for (at, shard) in shards.iter().enumerate() {
        safetensors::save(shard, to.join(format!("shard-{at}.safetensors")))?;
    }
    let index = json!({ "metadata": {}, "weight_map": map });
    Ok(fs::write(
        to.join("model.safetensors.index.json"),
        index.to_string(),
    )?)
}

#[test]
fn a_round_trip_through_every_naming_is_exact() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    for (name, namings) in [
        ("clip/vit_a", "hugging-face open-clip-custom-text openai"),
        ("open_clip/vit_gelu", "hugging-face openai"),
        ("clip/rn_1211_w6", "open-clip-custom-text openai"),
    ] {
        let first = golden(&format!("{name}.weights.safetensors"));
        let mut file = first.clone();
        for (at, naming) in namings.split(' ').enumerate() {
            let out = format!("{}-{at}.safetensors", name.replace('/', "-"));
            convert(here, &file, &out, &format!("--naming {naming}"))?;
            file = here.join(out);
        }
        let mut before = load(&first)?;
        before.retain(|name, _| !name.ends_with("num_batches_tracked"));
        let after = load(&file)?;
        ensure!(
            before.len() == after.len(),
            "{name}: {} and {} tensors",
            before.len(),
            after.len()
        );
        for (tensor, values) in &before {
            let values = values.flatten_all()?.to_vec1::<f32>()?;
            let again = after[tensor].flatten_all()?.to_vec1::<f32>()?;
            let bits =
                |values: &[f32]| -> Vec<u32> { values.iter().map(|x| x.to_bits()).collect() };
            ensure!(bits(&values) == bits(&again), "{name}: {tensor} is another");
        }
    }
    Ok(())
}

#[test]
fn inspect_says_what_a_file_is() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let clean = "none: every tensor is there, of the right shape, and none is left over";
    for (file, expected) in [
        (
            "tiny".into(),
            vec![
                ("/container", json!("safetensors")),
                ("/clip/image encoder/kind", json!("ViT")),
            ],
        ),
        (
            golden("clip/rn_1211_w6.weights.safetensors"),
            vec![
                ("/clip/image encoder/kind", json!("ModifiedResNet")),
                ("/clip/image encoder/bottlenecks", json!([1, 2, 1, 1])),
                ("/clip/problems", json!(clean)),
            ],
        ),
        (
            golden("hf/vit_a"),
            vec![
                ("/clip/naming", json!("Hugging Face's")),
                ("/clip/text encoder/heads", json!(2)),
                (
                    "/clip/text encoder/end of text",
                    json!("the highest id of a row"),
                ),
                ("/clip/problems", json!(clean)),
            ],
        ),
        (
            golden("open_clip/vit_gelu_customtext.weights.safetensors"),
            vec![
                ("/clip/naming", json!("open_clip's custom text layout")),
                ("/clip/image encoder/activation", json!("GELU")),
            ],
        ),
        (
            golden("interop/jit/tiny_clip_jit.pt"),
            vec![
                (
                    "/container",
                    json!("TorchScript archive (its code is not run)"),
                ),
                ("/clip/text encoder/vocabulary", json!(120)),
                ("/clip/stored as", json!("f32, f16")),
                ("/clip/problems", json!(clean)),
            ],
        ),
        (
            golden("interop/coop_ckpt/prompt_learner/model.pth.tar-5"),
            vec![
                ("/container", json!("torch.save (zip)")),
                ("/values/epoch", json!(5)),
            ],
        ),
    ] {
        let file = file.to_string_lossy().into_owned();
        let report = clipwright_json(here, ["inspect", &file, "--json"])?;
        for (pointer, value) in expected {
            let got = report.pointer(pointer).unwrap_or(&Value::Null);
            ensure!(
                *got == value,
                "{file}: {pointer} is {got}, expected {value}"
            );
        }
        let text = run_clipwright(here, ["inspect", &file])?;
        ensure!(
            text.status.success() && !text.stdout.is_empty(),
            "{file}: as text"
        );
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_named() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let whole = load(&golden("clip/vit_a.weights.safetensors"))?;
    let bias = "visual.transformer.resblocks.1.mlp.c_fc.bias";
    let save = |name: &str, change: &dyn Fn(&mut Tensors) -> Result<()>| -> Result<()> {
        let mut tensors = whole.clone();
        change(&mut tensors)?;
        Ok(safetensors::save(&tensors, here.join(name))?)
    };
    let zeros = |dims: &[usize], dtype| Tensor::zeros(dims, dtype, &Device::Cpu);
    save("missing.safetensors", &|tensors| {
        tensors.remove(bias);
        tensors.remove("ln_final.weight");
        Ok(())
    })?;
    save("misshapen.safetensors", &|tensors| {
        tensors.insert(bias.into(), zeros(&[7], DType::F32)?);
        Ok(())
    })?;
    save("extra.safetensors", &|tensors| {
        tensors.insert(
            "visual.transformer.resblocks.0.ls_1.gamma".into(),
            zeros(&[64], DType::F32)?,
        );
        Ok(())
    })?;
    save("integers.safetensors", &|tensors| {
        tensors.insert(bias.into(), zeros(&[256], DType::I64)?);
        Ok(())
    })?;
    save("nan.safetensors", &|tensors| {
        let nan = (zeros(&[256], DType::F32)? / 0.0)?;
        tensors.insert(bias.into(), nan);
        Ok(())
    })?;
    save("half.safetensors", &|tensors| {
        tensors.retain(|name, _| name.starts_with("visual."));
        Ok(())
    })?;
    save("other.safetensors", &|tensors| {
        *tensors = Tensors::from([("layer.weight".into(), zeros(&[2, 2], DType::F32)?)]);
        Ok(())
    })?;
    for (file, parts) in [
        (
            "missing",
            &[bias, "is missing", "[256]", "ln_final.weight"][..],
        ),
        ("misshapen", &[bias, "[7]", "expected [256]"]),
        ("extra", &["ls_1.gamma", "not a CLIP's"]),
        ("integers", &[bias, "i64", "floating-point"]),
        ("nan", &[bias, "256 values that are not finite"]),
        ("other", &["no CLIP", "layer.weight", "visual.conv1.weight"]),
    ] {
        let line = format!("convert {file}.safetensors --out out.safetensors");
        refuses(here, &line, parts)?;
        ensure!(
            !here.join("out.safetensors").exists(),
            "{file}: something was written"
        );
    }
    let line = "features --model half.safetensors --text a --out out.safetensors";
    refuses(here, line, &["only the image encoder", "the text encoder"])?;
    for (file, part) in [
        ("missing", bias),
        ("extra", "ls_1.gamma"),
        ("misshapen", "[7]"),
    ] {
        let report = clipwright_json(here, ["inspect", &format!("{file}.safetensors"), "--json"])?;
        let problems = report["clip"]["problems"].to_string();
        ensure!(problems.contains(part), "{file}: {problems}");
    }
    Ok(())
}

#[test]
fn a_long_text_is_refused_or_cut() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let text = "a red plain cross ".repeat(40);
    let long = [
        "features",
        "--model",
        "tiny",
        "--out",
        "out.safetensors",
        "--text",
        &text,
    ];
    let output = run_clipwright(here, long)?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1), "{:?}", output.status);
    ensure!(
        error.contains("too long for context length 77") && error.contains("hint: "),
        "{error}"
    );
    let cut = clipwright_json(here, long.iter().chain(&["--truncate", "--normalise"]))?;
    ensure!(cut["tensors"]["text_features"] == json!([1, 128]), "{cut}");
    let features = &load(&here.join("out.safetensors"))?["text_features"];
    let length = features.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
    ensure!((length - 1.0).abs() < 1e-5, "a length of {length}");
    Ok(())
}

#[test]
fn wrong_arguments_and_folders_are_refused() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    fs::create_dir_all(here.join("empty"))?;
    fs::create_dir_all(here.join("away"))?;
    fs::create_dir_all(here.join("gone"))?;
    fs::create_dir_all(here.join("config"))?;
    let index = |file: &str| json!({ "weight_map": { "logit_scale": file } }).to_string();
    fs::write(
        here.join("away/model.safetensors.index.json"),
        index("../tiny.safetensors"),
    )?;
    fs::write(
        here.join("gone/model.safetensors.index.json"),
        index("gone.safetensors"),
    )?;
    fs::copy(
        golden("hf/vit_a/model.safetensors"),
        here.join("config/model.safetensors"),
    )?;
    fs::write(
        here.join("config/config.json"),
        r#"{"vision_config": {"hidden_act": "tanh"}}"#,
    )?;
    convert(here, Path::new("tiny"), "there.safetensors", "")?;
    fs::write(here.join("file.bin"), "x")?;
    let resnet = golden("clip/rn_1211_w6.weights.safetensors");
    let resnet = resnet.to_string_lossy();
    for (line, parts) in [
        ("inspect nowhere", &["no model nowhere"][..]),
        ("inspect empty", &["no weights", "model.safetensors"]),
        ("inspect away", &["../tiny.safetensors", "names the file"]),
        ("inspect gone", &["gone.safetensors", "not there"]),
        (
            "convert config --out out",
            &["hidden_act", "tanh", "quick_gelu"],
        ),
        (
            "convert tiny --out there.safetensors",
            &["there already", "--overwrite"],
        ),
        ("convert tiny --out file.bin", &["file.bin", ".safetensors"]),
        (
            &format!("convert {resnet} --out out --naming hugging-face"),
            &["ResNet"],
        ),
        (
            "features --model tiny --out out.safetensors",
            &["nothing to encode"],
        ),
    ] {
        refuses(here, line, parts)?;
    }
    ensure!(!here.join("out").exists(), "something was written");
    Ok(())
}
