//! One golden case: its JSON file and the tensors beside it.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_shared::clip::{Clip, Weights};
use serde_json::Value;

use super::Files;

/// Hyper-parameters, names, and where the tensors are.
pub struct Case<'a> {
    pub files: &'a Files,
    path: &'a str,
    pub json: Value,
    /// Whether models go without the shortcuts of their encoders.
    is_plain: bool,
}

impl<'a> Case<'a> {
    pub fn read(files: &'a Files, path: &'a str, is_plain: bool) -> Result<Self> {
        Ok(Self {
            files,
            path,
            is_plain,
            json: serde_json::from_slice(files.get(path)?)?,
        })
    }

    /// Another case of the same files, computed in the same way.
    pub fn another(&self, path: &'a str) -> Result<Self> {
        Self::read(self.files, path, self.is_plain)
    }

    /// The path of its JSON file.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The path of the folder the case lies in.
    pub fn parent(&self) -> &'a str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The first folder of its path: which references it belongs to.
    pub fn room(&self) -> &'a str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The name of the folder the case lies in.
    pub fn folder(&self) -> &str {
        let folder = self.path.rsplit('/').nth(1);
        folder.unwrap_or_default()
    }

    /// The name of the case.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".json")
    }

    /// The path of the file `name` beside the case, or of `../name` above it.
    pub fn beside(&self, name: &str) -> String {
        let mut folder = self.parent();
        let mut name = name;
        while let Some(rest) = name.strip_prefix("../") {
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            name = rest;
        }
        match folder {
            "" => name.into(),
            folder => format!("{folder}/{name}"),
        }
    }

    /// The tensors of `<folder>/<name>.safetensors`.
    pub fn tensors(&self, name: &str) -> Result<HashMap<String, Tensor>> {
        let path = self.beside(&format!("{name}.safetensors"));
        let bytes = self.files.get(&path)?;
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu);
        tensors.with_context(|| format!("cannot read {path}"))
    }

    /// The model named `folder/name` in the JSON files.
    pub fn model(&self, name: &str) -> Result<Clip> {
        let bytes = self.files.get(&format!("{name}.weights.safetensors"))?;
        let clip = Clip::load(Weights::from_bytes(bytes, &Device::Cpu)?)?;
        Ok(self.with_shortcuts_or_without(clip))
    }

    /// The model as this case computes with it.
    pub fn with_shortcuts_or_without(&self, clip: Clip) -> Clip {
        match self.is_plain {
            true => clip.plainly(),
            false => clip,
        }
    }

    /// A text of the JSON file.
    pub fn text(&self, key: &str) -> Result<&str> {
        self.json[key]
            .as_str()
            .with_context(|| format!("no text `{key}`"))
    }

    /// A number of the JSON file.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.json[key]
            .as_f64()
            .with_context(|| format!("no number `{key}`"))
    }
}

/// A tensor by name.
pub fn get<'a>(tensors: &'a HashMap<String, Tensor>, name: &str) -> Result<&'a Tensor> {
    tensors
        .get(name)
        .with_context(|| format!("no tensor `{name}`"))
}

/// The tensors whose names begin with `prefix`, without it.
pub fn under(tensors: &HashMap<String, Tensor>, prefix: &str) -> HashMap<String, Tensor> {
    let cut = |(name, tensor): (&String, &Tensor)| {
        Some((name.strip_prefix(prefix)?.to_string(), tensor.clone()))
    };
    tensors.iter().filter_map(cut).collect()
}

/// An integer tensor's rows as token ids.
pub fn rows(tensor: &Tensor) -> Result<Vec<Vec<u32>>> {
    Ok(tensor.to_dtype(DType::U32)?.to_vec2()?)
}

/// Largest absolute difference; the shapes must agree and all values be finite.
pub fn difference(got: &Tensor, expected: &Tensor) -> Result<f64> {
    ensure!(
        got.dims() == expected.dims(),
        "shape {:?}; expected {:?}",
        got.dims(),
        expected.dims()
    );
    let got = got.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let expected = expected
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    ensure!(
        got.iter().all(|x| x.is_finite()),
        "values that are not finite"
    );
    Ok(got
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max))
}

/// Fails unless `got` is within `tolerance` of `expected`.
pub fn close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f64) -> Result<()> {
    let difference = difference(got, expected).context(what.to_string())?;
    ensure!(
        difference <= tolerance,
        "{what}: off by {difference:e}; tolerance {tolerance:e}"
    );
    Ok(())
}

/// Fails unless `got` is within `tolerance` times the largest value of `expected`.
pub fn close_relative(what: &str, got: &Tensor, expected: &Tensor, tolerance: f64) -> Result<()> {
    let largest: f64 = expected
        .abs()?
        .max_all()?
        .to_dtype(DType::F64)?
        .to_scalar()?;
    ensure!(
        largest > 0.0,
        "{what}: nothing to compare with, all values are zero"
    );
    close(what, got, expected, tolerance * largest)
}
