//! A whole model, as a file.

use std::collections::BTreeMap;
use std::io::Write;

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};

use super::quantise::{channel_axis, quantise, scale_dims};
use super::safetensors_file::{Entry, f32_bytes, write};
use crate::clip::{
    CarriedZeroShot, Change, FINGERPRINT_KEY, HEADER_KEY, Hints, LOGIT_SCALE, ModelFile, Naming,
    Place, Weights, ZERO_SHOT_KEY, ZERO_SHOT_TENSOR,
};
use crate::error::{Error, Result};
use crate::formats::{INT8_KEY, INT8_NOTE, StoredType, scale_name};

/// The element type of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelType {
    F32,
    F16,
    Bf16,
    /// Matrices as whole numbers of eight bits with a scale for each output channel
    /// ([`crate::formats::INT8_KEY`]), the rest as f32.
    Int8,
}

impl ModelType {
    /// The type of a tensor of several values, unless it is quantised.
    fn stored(self) -> StoredType {
        match self {
            Self::F32 | Self::Int8 => StoredType::F32,
            Self::F16 => StoredType::F16,
            Self::Bf16 => StoredType::Bf16,
        }
    }

    /// Little-endian bytes, rounded to nearest.
    fn bytes(self, values: &[f32]) -> Vec<u8> {
        let values = values.iter();
        match self {
            Self::F32 | Self::Int8 => values.flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16 => values
                .flat_map(|x| f16::from_f32(*x).to_le_bytes())
                .collect(),
            Self::Bf16 => values
                .flat_map(|x| bf16::from_f32(*x).to_le_bytes())
                .collect(),
        }
    }

    /// Whether a copy has another fingerprint than what it was made of.
    fn is_approximate(self) -> bool {
        matches!(self, Self::Bf16 | Self::Int8)
    }
}

/// What a model is written as.
#[derive(Debug, Clone)]
pub struct ModelForm {
    pub naming: Naming,
    pub dtype: ModelType,
    /// The fingerprint of the model that the file is a copy or a part of, where the
    /// tensors themselves would give another.
    pub fingerprint: Option<String>,
    /// Features in the place of the text encoder, which is left out.
    pub zero_shot: Option<CarriedZeroShot>,
}

impl ModelForm {
    /// A copy of `file`, which must still have all of its encoders, with its tensors
    /// changed on the way if there is a `change`. A copy that is only approximate is told
    /// to be one, so that what was learned on the one fits the other.
    ///
    /// # Errors
    /// As [`ModelFile::fingerprint`].
    pub fn copy_of(
        file: &ModelFile<'_>,
        naming: Naming,
        dtype: ModelType,
        change: Option<&Change<'_>>,
    ) -> Result<Self> {
        let is_whole = file.config().is_ok();
        let fingerprint = match change {
            _ if !is_whole => None,
            Some(change) if dtype.is_approximate() => Some(file.fingerprint_of_changed(change)?),
            Some(_) => None,
            None if dtype.is_approximate() || file.states_fingerprint() => {
                Some(file.fingerprint()?)
            }
            None => None,
        };
        Ok(Self {
            naming,
            dtype,
            fingerprint,
            zero_shot: None,
        })
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
    let form = ModelForm::copy_of(file, naming, dtype, None)?;
    write_model_as(file, &form, &|_, _| Ok(()), out)
}

/// Writes a model in the form that is asked for, with the values of each tensor changed on
/// the way: `change` gets its name in OpenAI's state dict and its values, row-major.
///
/// # Errors
/// As [`write_model`]; whatever `change` fails with.
pub fn write_model_as(
    file: &ModelFile<'_>,
    form: &ModelForm,
    change: &Change<'_>,
    out: &mut dyn Write,
) -> Result<()> {
    let (naming, dtype) = (form.naming, form.dtype);
    let is_resnet = file.image.as_ref().is_some_and(|image| image.is_resnet());
    if is_resnet && naming == Naming::HuggingFace {
        return Err(Error::setting(
            "the naming",
            "Hugging Face for a ResNet, which transformers' CLIP has not",
            "OpenAI's or open_clip's",
        ));
    }
    let mut hints = Hints::of(file.image.as_ref(), file.text.as_ref());
    hints.left_out_text = file.left_out_text().cloned();
    let mut slots = file.slots();
    if form.zero_shot.is_some() {
        hints.left_out_text = file.text.clone().or(hints.left_out_text);
        slots.retain(|(name, _)| name.starts_with("visual.") || name == LOGIT_SCALE);
    }
    let mut metadata = BTreeMap::from([
        (HEADER_KEY.to_string(), hints.to_header()?),
        // transformers asks for it.
        ("format".to_string(), "pt".to_string()),
    ]);
    if dtype == ModelType::Int8 {
        metadata.insert(INT8_KEY.into(), INT8_NOTE.into());
    }
    if let Some(fingerprint) = &form.fingerprint {
        metadata.insert(FINGERPRINT_KEY.into(), fingerprint.clone());
    }
    let (mut entries, mut sources) = (Vec::new(), Vec::new());
    for (at, (slot, dims)) in slots.iter().enumerate() {
        let place = naming.place(slot);
        let transposed = matches!(place, Place::Transposed(_));
        for (part, (name, dims)) in place.split(dims).into_iter().enumerate() {
            let axis = match dtype {
                ModelType::Int8 => channel_axis(slot, &dims, transposed),
                _ => None,
            };
            let scale = axis.map(|axis| Entry {
                name: scale_name(&name),
                dtype: StoredType::F32,
                dims: scale_dims(&dims, axis),
            });
            entries.push(Entry {
                name,
                dtype: axis.map_or(dtype.stored(), |_| StoredType::I8),
                dims,
            });
            sources.push(Source::Tensor { at, part, axis });
            if let Some(scale) = scale {
                entries.push(scale);
                sources.push(Source::Scale);
            }
        }
    }
    if let Some(zero_shot) = &form.zero_shot {
        metadata.insert(ZERO_SHOT_KEY.into(), zero_shot.to_header()?);
        entries.push(Entry {
            name: ZERO_SHOT_TENSOR.into(),
            dtype: StoredType::F32,
            dims: zero_shot.classes.all().dims().to_vec(),
        });
        sources.push(Source::ZeroShot(zero_shot));
    }
    // A scale follows its tensor and is made with it.
    let mut scale = Vec::new();
    let dims: Vec<Vec<usize>> = entries.iter().map(|entry| entry.dims.clone()).collect();
    write(out, &entries, &metadata, |entry| {
        let (at, part, axis) = match sources[entry] {
            Source::Tensor { at, part, axis } => (at, part, axis),
            Source::Scale => return Ok(std::mem::take(&mut scale)),
            Source::ZeroShot(zero_shot) => return f32_bytes(zero_shot.classes.all()),
        };
        let (name, slot_dims) = &slots[at];
        let mut values = file.values(&slots[at])?;
        change(name, &mut values)?;
        let values = match naming.place(name) {
            Place::Same(_) => values,
            Place::Transposed(_) => transpose(&values, slot_dims),
            Place::Parts(names) => {
                let length = values.len() / names.len();
                values[part * length..][..length].to_vec()
            }
        };
        Ok(match axis {
            None => dtype.bytes(&values),
            Some(axis) => {
                let quantised = quantise(&values, &dims[entry], axis);
                scale = ModelType::F32.bytes(&quantised.scale);
                quantised.values
            }
        })
    })
}

/// Where the bytes of an entry come from.
enum Source<'a> {
    Tensor {
        /// Of the slots.
        at: usize,
        part: usize,
        /// The dimension of output channels, if it is quantised.
        axis: Option<usize>,
    },
    /// That of the tensor before.
    Scale,
    ZeroShot(&'a CarriedZeroShot),
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
    let tensors = weights.iter().collect::<Result<Vec<_>>>()?;
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
