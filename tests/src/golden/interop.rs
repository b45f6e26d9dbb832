//! What other programs save: CoOp's checkpoints, loralib's files, TorchScript
//! archives, and every kind of tensor in both containers of `torch.save`.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_shared::formats::{Checkpoint, StoredTensor};
use serde_json::Value;

use super::Files;
use super::case::Case;

/// A TorchScript archive's tensors, with their types.
pub fn check_torch_script(case: &Case) -> Result<()> {
    let expected = load(case.files, &case.beside("expected_state_dict.safetensors"))?;
    let dtypes = case.json["dtypes"].as_object().context("no dtypes")?;
    for path in files_of(case.files, &case.beside(""), ".pt")? {
        let checkpoint = read(case.files, path)?;
        same_tensors(&checkpoint, "", &expected).with_context(|| path.to_string())?;
        for (name, dtype) in dtypes {
            let tensor = tensor(&checkpoint, name)?;
            let expected = match dtype.as_str().context("no text")? {
                "torch.float64" => "f64",
                "torch.float32" => "f32",
                "torch.float16" => "f16",
                "torch.bfloat16" => "bf16",
                "torch.int64" => "i64",
                "torch.int32" => "i32",
                other => bail!("no reader for {other}"),
            };
            ensure!(
                tensor.dtype.name() == expected,
                "{path}, {name}: {}; expected {expected}",
                tensor.dtype.name()
            );
        }
    }
    Ok(())
}

/// CoOp's checkpoint in both containers; and the files of `interop` that have no
/// JSON file of their own.
pub fn check_checkpoints(case: &Case) -> Result<()> {
    let folder = case.beside("");
    let expected = load(case.files, &case.beside("expected.safetensors"))?;
    let keys = case.json["keys"].as_array().context("no keys")?;
    let keys: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    for path in files_of(case.files, &folder, "")? {
        if path[folder.len()..].starts_with("expected.") {
            continue;
        }
        let checkpoint = read(case.files, path)?;
        check_checkpoint(&checkpoint, &case.json, &keys, &expected)
            .with_context(|| path.to_string())?;
    }
    check_loose(case.files, &case.beside("../"))
}

fn check_checkpoint(
    checkpoint: &Checkpoint,
    json: &Value,
    keys: &BTreeSet<&str>,
    expected: &HashMap<String, Tensor>,
) -> Result<()> {
    let learned = "state_dict.";
    let names = checkpoint.tensors.keys();
    let found: BTreeSet<&str> = names
        .filter_map(|name| name.strip_prefix(learned))
        .collect();
    ensure!(found == *keys, "keys {found:?}; expected {keys:?}");
    for (name, expected) in expected {
        let name = match name.strip_prefix("optimizer.") {
            Some(state) => format!("optimizer.state.0.{state}"),
            None => format!("{learned}{name}"),
        };
        same(tensor(checkpoint, &name)?, expected).context(name)?;
    }
    same_value(checkpoint, "epoch", &json["epoch"])?;
    same_value(checkpoint, "scheduler", &json["scheduler"])
}

/// Compares a plain value, or all those under a name.
fn same_value(checkpoint: &Checkpoint, name: &str, expected: &Value) -> Result<()> {
    match expected {
        Value::Object(entries) => entries
            .iter()
            .try_for_each(|(key, value)| same_value(checkpoint, &format!("{name}.{key}"), value)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| same_value(checkpoint, &format!("{name}.{at}"), value)),
        expected => {
            let got = checkpoint.values.get(name);
            let same = match (got.and_then(Value::as_f64), expected.as_f64()) {
                (Some(got), Some(expected)) => got == expected,
                _ => got == Some(expected),
            };
            ensure!(same, "{name} is {got:?}; expected {expected}");
            Ok(())
        }
    }
}

/// The files without a JSON file: `NAME.expected.safetensors` beside `NAME*.pt`,
/// `clip_lora/expected_NAME.safetensors` above loralib's `NAME.pt`, and
/// `seed001_*.pt`, whose tensors lie in `clip_lora/seed001_*.safetensors`.
fn check_loose(files: &Files, interop: &str) -> Result<()> {
    let mut expected_files = BTreeSet::new();
    let mut others = BTreeSet::new();
    for path in files_of(files, interop, "")? {
        let name = &path[interop.len()..];
        let folder = name.split_once('/').map(|(folder, _)| folder);
        if matches!(folder, Some("jit" | "coop_ckpt")) {
            continue;
        }
        let Some(stem) = name.strip_suffix(".pt") else {
            others.insert(path.to_string());
            continue;
        };
        let checkpoint = read(files, path)?;
        let (prefix, expected) = match folder {
            Some("clip_lora") => {
                let stem = stem.rsplit('/').next().unwrap_or_default();
                (
                    "weights.",
                    format!("{interop}clip_lora/expected_{stem}.safetensors"),
                )
            }
            Some(other) => bail!("no reader for the folder {other}"),
            None if stem.starts_with("seed001_") => {
                same_as_seed(&checkpoint, files, interop).with_context(|| path.to_string())?;
                continue;
            }
            None => {
                let stem = stem.trim_end_matches("legacy").trim_end_matches(['_', '.']);
                ("", format!("{interop}{stem}.expected.safetensors"))
            }
        };
        same_tensors(&checkpoint, prefix, &load(files, &expected)?)
            .with_context(|| path.to_string())?;
        expected_files.insert(expected);
    }
    ensure!(
        others == expected_files,
        "files {others:?}; compared with {expected_files:?}"
    );
    Ok(())
}

/// One of the cases in `clip_lora` has just these tensors as `param.*`.
fn same_as_seed(checkpoint: &Checkpoint, files: &Files, interop: &str) -> Result<()> {
    let root = interop.trim_end_matches("interop/");
    let mut reasons = Vec::new();
    for path in files_of(files, &format!("{root}clip_lora/seed001_"), ".safetensors")? {
        let mut expected = load(files, path)?;
        expected.retain(|name, _| name.starts_with("param."));
        let expected = expected
            .into_iter()
            .map(|(name, tensor)| (name["param.".len()..].to_string(), tensor))
            .collect();
        match same_tensors(checkpoint, "", &expected) {
            Ok(()) => return Ok(()),
            Err(error) => reasons.push(format!("{path}: {error:#}")),
        }
    }
    bail!("equals none: {}", reasons.join("; "))
}

/// The files whose paths begin with `prefix` and end with `suffix`; at least one.
fn files_of<'a>(files: &'a Files, prefix: &str, suffix: &str) -> Result<Vec<&'a str>> {
    let paths: Vec<&str> = files
        .paths()
        .filter(|path| path.starts_with(prefix) && path.ends_with(suffix))
        .collect();
    ensure!(!paths.is_empty(), "no files {prefix}*{suffix}");
    Ok(paths)
}

fn read<'a>(files: &'a Files, path: &str) -> Result<Checkpoint<'a>> {
    Checkpoint::read(files.get(path)?).with_context(|| format!("cannot read {path}"))
}

fn load(files: &Files, path: &str) -> Result<HashMap<String, Tensor>> {
    let tensors = candle_core::safetensors::load_buffer(files.get(path)?, &Device::Cpu);
    let tensors = tensors.with_context(|| format!("cannot read {path}"))?;
    ensure!(!tensors.is_empty(), "{path} is empty");
    Ok(tensors)
}

fn tensor<'a, 'b>(checkpoint: &'b Checkpoint<'a>, name: &str) -> Result<&'b StoredTensor<'a>> {
    let tensor = checkpoint.tensors.get(name);
    tensor.with_context(|| format!("no tensor `{name}`"))
}

/// The tensors under `prefix` are those of `expected`, no more and no fewer.
fn same_tensors(
    checkpoint: &Checkpoint,
    prefix: &str,
    expected: &HashMap<String, Tensor>,
) -> Result<()> {
    for (name, expected) in expected {
        let name = format!("{prefix}{name}");
        same(tensor(checkpoint, &name)?, expected).context(name)?;
    }
    ensure!(
        checkpoint.tensors.len() == expected.len(),
        "{} tensors; expected {}",
        checkpoint.tensors.len(),
        expected.len()
    );
    Ok(())
}

/// Bit for bit: floats as f32, all else as i64.
fn same(got: &StoredTensor, expected: &Tensor) -> Result<()> {
    ensure!(
        got.dims == expected.dims(),
        "shape {:?}; expected {:?}",
        got.dims,
        expected.dims()
    );
    let expected = expected.flatten_all()?;
    if expected.dtype() == DType::F32 {
        ensure!(got.is_float(), "{}; expected floats", got.dtype.name());
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let got = got.to_f32_tensor()?.flatten_all()?.to_vec1()?;
        ensure!(bits(got) == bits(expected.to_vec1()?), "other values");
    } else {
        let expected: Vec<i64> = expected.to_dtype(DType::I64)?.to_vec1()?;
        ensure!(got.i64_values()? == expected, "other values");
    }
    Ok(())
}
