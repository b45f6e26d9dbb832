//! A whole model, as a file.

use std::collections::BTreeMap;
use std::io::Write;

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};

use super::safetensors_file::{Entry, f32_bytes, write};
use crate::clip::{HEADER_KEY, Hints, ModelFile, Naming, Place, Weights};
use crate::error::{Error, Result};
use crate::formats::StoredType;

/// The element type of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelType {
    F32,
    F16,
    Bf16,
}

impl ModelType {
    fn stored(self) -> StoredType {
        match self {
            Self::F32 => StoredType::F32,
            Self::F16 => StoredType::F16,
            Self::Bf16 => StoredType::Bf16,
        }
    }

    /// Little-endian bytes, rounded to nearest.
    fn bytes(self, values: &[f32]) -> Vec<u8> {
        let values = values.iter();
        match self {
            Self::F32 => values.flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16 => values
                .flat_map(|x| f16::from_f32(*x).to_le_bytes())
                .collect(),
            Self::Bf16 => values
                .flat_map(|x| bf16::from_f32(*x).to_le_bytes())
                .collect(),
        }
    }
}

/// Writes the encoders of `file` as safetensors in another naming and type, one
/// tensor in memory at a time. The header keeps what shapes do not tell, so that
/// the new file needs no configuration beside it.
///
/// # Errors
/// [`Error::Setting`] for a ResNet in transformers' naming, which has none;
/// whatever reading the tensors fails with.
pub fn write_model(
    file: &ModelFile<'_>,
    naming: Naming,
    dtype: ModelType,
    out: &mut dyn Write,
) -> Result<()> {
    write_changed_model(file, naming, dtype, &|_, _| Ok(()), out)
}

/// As [`write_model`], with the values of each tensor changed on the way: `change`
/// gets its name in OpenAI's state dict and its values, row-major.
///
/// # Errors
/// As [`write_model`]; whatever `change` fails with.
pub fn write_changed_model(
    file: &ModelFile<'_>,
    naming: Naming,
    dtype: ModelType,
    change: &dyn Fn(&str, &mut [f32]) -> Result<()>,
    out: &mut dyn Write,
) -> Result<()> {
    let is_resnet = file.image.as_ref().is_some_and(|image| image.is_resnet());
    if is_resnet && naming == Naming::HuggingFace {
        return Err(Error::setting(
            "the naming",
            "Hugging Face for a ResNet, which transformers' CLIP has not",
            "OpenAI's or open_clip's",
        ));
    }
    let slots = file.slots();
    let (mut entries, mut sources) = (Vec::new(), Vec::new());
    for (at, (name, dims)) in slots.iter().enumerate() {
        for (part, (name, dims)) in naming.place(name).split(dims).into_iter().enumerate() {
            entries.push(Entry {
                name,
                dtype: dtype.stored(),
                dims,
            });
            sources.push((at, part));
        }
    }
    let hints = Hints::of(file.image.as_ref(), file.text.as_ref());
    let metadata = BTreeMap::from([
        (HEADER_KEY.to_string(), hints.to_header()?),
        // transformers asks for it.
        ("format".to_string(), "pt".to_string()),
    ]);
    write(out, &entries, &metadata, |at| {
        let (slot, part) = sources[at];
        let (name, dims) = &slots[slot];
        let mut values = file.values(&slots[slot])?;
        change(name, &mut values)?;
        Ok(match naming.place(name) {
            Place::Same(_) => dtype.bytes(&values),
            Place::Transposed(_) => dtype.bytes(&transpose(&values, dims)),
            Place::Parts(names) => {
                let length = values.len() / names.len();
                dtype.bytes(&values[part * length..][..length])
            }
        })
    })
}

/// A row-major matrix of shape `dims`, rows and columns exchanged.
fn transpose(values: &[f32], dims: &[usize]) -> Vec<f32> {
    let [rows, columns] = *dims else {
        return values.to_vec();
    };
    let at = |i: usize| values[(i % rows) * columns + i / rows];
    (0..values.len()).map(at).collect()
}

/// The bytes of a safetensors file with every tensor of `weights` as f16 in the
/// order of names, and `metadata` in its header.
pub fn model_to_bytes(weights: &Weights, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let dtype = ModelType::F16;
    let tensors: Vec<_> = weights.iter().collect();
    let entries: Vec<Entry> = tensors
        .iter()
        .map(|(name, tensor)| Entry {
            name: name.to_string(),
            dtype: dtype.stored(),
            dims: tensor.dims().to_vec(),
        })
        .collect();
    let mut bytes = Vec::new();
    write(&mut bytes, &entries, metadata, |at| {
        let tensor = tensors[at]
            .1
            .to_device(&Device::Cpu)?
            .to_dtype(DType::F32)?;
        Ok(dtype.bytes(&tensor.flatten_all()?.to_vec1::<f32>()?))
    })?;
    Ok(bytes)
}

/// The bytes of a safetensors file with these tensors as f32, and `metadata` in its
/// header.
pub fn tensors_to_bytes(
    tensors: &[(&str, Tensor)],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let entry = |(name, tensor): &(&str, Tensor)| Entry {
        name: name.to_string(),
        dtype: StoredType::F32,
        dims: tensor.dims().to_vec(),
    };
    let entries: Vec<Entry> = tensors.iter().map(entry).collect();
    let mut bytes = Vec::new();
    write(&mut bytes, &entries, metadata, |at| {
        f32_bytes(&tensors[at].1)
    })?;
    Ok(bytes)
}
