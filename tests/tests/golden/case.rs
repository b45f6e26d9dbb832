//! One golden case: its JSON file and the tensors beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_shared::clip::{Clip, Weights};
use serde_json::Value;

/// Hyper-parameters, names, and where the tensors are.
pub struct Case {
    root: PathBuf,
    path: PathBuf,
    pub json: Value,
}

impl Case {
    pub fn read(root: &Path, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        Ok(Self {
            root: root.into(),
            path: path.into(),
            json: serde_json::from_str(&text)?,
        })
    }

    /// The name of the folder the case lies in.
    pub fn folder(&self) -> &str {
        let folder = self.path.parent().and_then(Path::file_name);
        folder.and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The name of the case.
    pub fn stem(&self) -> &str {
        self.path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    /// The tensors of `<folder>/<name>.safetensors`.
    pub fn tensors(&self, name: &str) -> Result<HashMap<String, Tensor>> {
        let path = self.path.with_file_name(format!("{name}.safetensors"));
        read_tensors(&path)
    }

    /// The model named `folder/name` in the JSON files.
    pub fn model(&self, name: &str) -> Result<Clip> {
        let path = self.root.join(format!("{name}.weights.safetensors"));
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Clip::load(&Weights::from_safetensors(
            &bytes,
            &Device::Cpu,
        )?)?)
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

fn read_tensors(path: &Path) -> Result<HashMap<String, Tensor>> {
    candle_core::safetensors::load(path, &Device::Cpu)
        .with_context(|| format!("cannot read {}", path.display()))
}

/// A tensor by name.
pub fn get<'a>(tensors: &'a HashMap<String, Tensor>, name: &str) -> Result<&'a Tensor> {
    tensors
        .get(name)
        .with_context(|| format!("no tensor `{name}`"))
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
