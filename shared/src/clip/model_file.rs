//! A CLIP in files: which naming, which sizes, what is there and what is not.
//! Nothing is copied until the weights are asked for.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{Device, Tensor};

use super::carried::{FINGERPRINT_KEY, OWN_PREFIX, ZERO_SHOT_KEY, ZERO_SHOT_TENSOR};
use super::config::Shapes;
use super::hints::HEADER_KEY;
use super::layout::{LOGIT_SCALE, Slot, image_slots, is_buffer, text_slots};
use super::naming::{Naming, Place};
use super::weights::{Carried, FingerprintHash};
use super::{CarriedZeroShot, ClipConfig, Configuration, Hints, ImageConfig, TextConfig, Weights};
use crate::error::{Audit, Error, Misshapen, Result};
use crate::formats::{Checkpoint, StoredTensor, StoredType};
use crate::parallel::*;

mod loading;

pub use loading::Loading;

/// Changes the values of a tensor, row-major, by its name in OpenAI's state dict.
pub type Change<'a> = dyn Fn(&str, &mut [f32]) -> Result<()> + 'a;

/// The tensors of a CLIP, or of one of its encoders, in one file or several.
pub struct ModelFile<'a> {
    pub naming: Naming,
    /// What stands before each name in the file: `state_dict.`, or nothing.
    pub prefix: String,
    pub image: Option<ImageConfig>,
    pub text: Option<TextConfig>,
    /// Width of the joint space.
    pub embed_dim: usize,
    /// What files beside the tensors, or their header, said.
    pub hints: Hints,
    /// The fingerprint of the model that this is a copy or a part of, if all of its files
    /// say the same one.
    stated_fingerprint: Option<String>,
    /// The header's description of the features in place of a text encoder.
    zero_shot: Option<String>,
    stored: Stored<'a>,
}

impl<'a> ModelFile<'a> {
    /// Finds the naming and the sizes. Several checkpoints are the shards of one
    /// model; `configurations` are the files beside them.
    ///
    /// # Errors
    /// If no tensor is a CLIP's, or if the shapes that tell the sizes do not fit
    /// together.
    pub fn open(
        checkpoints: Vec<Checkpoint<'a>>,
        configurations: &[Configuration],
    ) -> Result<Self> {
        let mut header = Hints::default();
        let mut tensors = BTreeMap::new();
        let mut zero_shot = None;
        let mut fingerprints = BTreeSet::new();
        for checkpoint in checkpoints {
            fingerprints.insert(checkpoint.metadata.get(FINGERPRINT_KEY).cloned());
            zero_shot = zero_shot.or(checkpoint.metadata.get(ZERO_SHOT_KEY).cloned());
            if let Some(json) = checkpoint.metadata.get(HEADER_KEY) {
                header.fill(Hints::from_header(json)?);
            }
            for (name, tensor) in checkpoint.tensors {
                if tensors.insert(name.clone(), tensor).is_some() {
                    let reason = format!("`{name}` is in two of its files");
                    return Err(Error::format("the model", reason));
                }
            }
        }
        let names = tensors.keys().map(String::as_str);
        let (naming, prefix) = Naming::detect(names).ok_or_else(|| Error::NotClip {
            names: tensors.keys().take(5).cloned().collect(),
            count: tensors.len(),
        })?;
        // A converted file knows itself better than what happens to lie beside it.
        header.fill(Hints::read(configurations, naming)?);
        let hints = header;
        let stored = Stored {
            naming,
            prefix: prefix.clone(),
            tensors,
        };
        let in_file = |error: Error| stored.in_file(error);
        let image = match ImageConfig::is_there(&stored) {
            true => Some(ImageConfig::read(&stored, &hints).map_err(in_file)?),
            false => None,
        };
        let text = match TextConfig::is_there(&stored) {
            true => Some(TextConfig::read(&stored, &hints).map_err(in_file)?),
            false => None,
        };
        let embed_dim = match (&image, &text) {
            (Some(image), _) => image.embed_dim(&stored).map_err(in_file)?,
            (None, Some(text)) => text.embed_dim(&stored).map_err(in_file)?,
            (None, None) => 0, // ruled out by the naming
        };
        Ok(Self {
            naming,
            prefix,
            image,
            text,
            embed_dim,
            hints,
            // One file that says nothing is no part of what the others are.
            stated_fingerprint: match fingerprints.len() {
                1 => fingerprints.pop_first().flatten(),
                _ => None,
            },
            zero_shot,
            stored,
        })
    }

    /// The sizes of the whole model.
    ///
    /// # Errors
    /// [`Error::HalfModel`] if one of the encoders is not there.
    pub fn config(&self) -> Result<ClipConfig> {
        let half = |there: &'static str, missing: &'static str| Error::HalfModel { there, missing };
        let missing_image = || half("text", "image");
        let missing_text = || half("image", "text");
        Ok(ClipConfig {
            embed_dim: self.embed_dim,
            image: self.image.clone().ok_or_else(missing_image)?,
            text: match self.left_out_text() {
                Some(left_out) => left_out.clone(),
                None => self.text.clone().ok_or_else(missing_text)?,
            },
        })
    }

    /// The sizes of a text encoder that the file is whole without.
    pub fn left_out_text(&self) -> Option<&TextConfig> {
        let left_out = self.hints.left_out_text.as_ref();
        left_out.filter(|_| self.text.is_none() && self.image.is_some())
    }

    /// Every tensor that encoders of these sizes have, under OpenAI's names.
    pub fn slots(&self) -> Vec<Slot> {
        let image = self.image.iter();
        let text = self.text.iter();
        let scale = self
            .left_out_text()
            .map(|_| (LOGIT_SCALE.into(), Vec::new()));
        image
            .flat_map(|image| image_slots(image, self.embed_dim))
            .chain(text.flat_map(|text| text_slots(text, self.embed_dim)))
            .chain(scale)
            .collect()
    }

    /// Compares the file with what its sizes ask for.
    pub fn audit(&self) -> Audit {
        let mut audit = Audit::default();
        let mut known = BTreeSet::new();
        for (name, dims) in self.slots() {
            for (name, dims) in self.stored.parts(&name, &dims) {
                match self.stored.tensors.get(&name) {
                    None => audit.missing.push((name.clone(), dims.into())),
                    Some(tensor) if !fits(&tensor.dims, &dims) => audit.misshapen.push(Misshapen {
                        name: name.clone(),
                        expected: dims.into(),
                        got: tensor.dims.as_slice().into(),
                    }),
                    Some(tensor) if !tensor.is_float() => {
                        let dtype = tensor.dtype.name();
                        audit.mistyped.push((name.clone(), dtype.into()));
                    }
                    Some(_) => {}
                }
                known.insert(name);
            }
        }
        let extra = self.stored.tensors.iter().filter(|(name, _)| {
            name.starts_with(&self.prefix)
                && !name.starts_with(OWN_PREFIX)
                && !is_buffer(name)
                && !known.contains(*name)
        });
        audit.extra = extra
            .map(|(name, tensor)| (name.clone(), tensor.dims.as_slice().into()))
            .collect();
        audit
    }

    /// How many values the encoders have, and in which types they are stored.
    pub fn contents(&self) -> (usize, BTreeMap<StoredType, usize>) {
        let mut types = BTreeMap::new();
        let mut values = 0;
        for (name, dims) in self.slots() {
            for (name, _) in self.stored.parts(&name, &dims) {
                if let Some(tensor) = self.stored.tensors.get(&name) {
                    values += tensor.elem_count();
                    *types.entry(tensor.dtype).or_default() += 1;
                }
            }
        }
        (values, types)
    }

    /// Reads the weights as f32 into `device`, tensor by tensor; `progress` hears
    /// after each how many of how many bytes are done.
    ///
    /// # Errors
    /// [`Error::Audit`] if tensors are missing, left over or misshapen,
    /// [`Error::NotFinite`] if one holds NaN or infinity.
    pub fn weights(&self, device: &Device, progress: &mut dyn FnMut(u64, u64)) -> Result<Weights> {
        let config = self.config()?;
        let audit = self.audit();
        if !audit.is_clean() {
            return Err(Error::Audit(audit));
        }
        let slots = self.slots();
        let bytes = |(name, dims): &Slot| self.stored.bytes(name, dims);
        let total: u64 = slots.iter().map(bytes).sum();
        let mut done = 0;
        let mut tensors = Vec::with_capacity(slots.len());
        let mut whole = BTreeSet::new();
        for slot in slots {
            if self.stored.is_whole(&slot.0, &slot.1) {
                whole.insert(slot.0.clone());
            }
            let values = self.stored.values(&slot.0, &slot.1)?;
            let tensor = Tensor::from_vec(values, slot.1.as_slice(), device)?;
            done += bytes(&slot);
            progress(done, total);
            tensors.push((slot.0, tensor));
        }
        let mut weights = Weights::new(config, tensors);
        weights.carried = Carried {
            without_text: self.text.is_none(),
            whole,
            zero_shot: self.zero_shot(device)?,
            fingerprint: self.stated_fingerprint.clone(),
        };
        Ok(weights)
    }

    fn zero_shot(&self, device: &Device) -> Result<Option<CarriedZeroShot>> {
        let tensor = self.stored.tensors.get(ZERO_SHOT_TENSOR);
        let (Some(json), Some(tensor)) = (&self.zero_shot, tensor) else {
            return Ok(None);
        };
        let features = tensor.to_f32_tensor()?.to_device(device)?;
        CarriedZeroShot::from_header(json, features, self.embed_dim).map(Some)
    }

    /// The fingerprint that the weights of this file have: [`Weights::fingerprint`].
    ///
    /// # Errors
    /// As [`Self::values`].
    pub fn fingerprint(&self) -> Result<String> {
        match &self.stated_fingerprint {
            Some(stated) => Ok(stated.clone()),
            None => self.fingerprint_of_changed(&|_, _| Ok(())),
        }
    }

    /// Whether class features stand in the place of the text encoder.
    pub fn carries_zero_shot(&self) -> bool {
        self.zero_shot.is_some()
    }

    /// Whether the header says whose copy or part this is.
    pub fn states_fingerprint(&self) -> bool {
        self.stated_fingerprint.is_some()
    }

    /// The fingerprint that the weights have once `change` has been at each tensor.
    ///
    /// # Errors
    /// As [`Self::values`]; whatever `change` fails with.
    pub fn fingerprint_of_changed(&self, change: &Change<'_>) -> Result<String> {
        let mut slots = self.slots();
        slots.sort();
        let mut hash = FingerprintHash::default();
        for slot in slots {
            let mut values = self.values(&slot)?;
            change(&slot.0, &mut values)?;
            let sample = FingerprintHash::sample(values.len());
            hash.add(&slot.0, &slot.1, sample.map(|at| values[at]));
        }
        Ok(hash.finish())
    }

    /// The values of the slot `name` of shape `dims`, row-major.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] and [`Error::NotFinite`], under the file's names.
    pub fn values(&self, (name, dims): &Slot) -> Result<Vec<f32>> {
        self.stored.values(name, dims)
    }
}

impl Shapes for ModelFile<'_> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.stored.shape(name)
    }
}

/// Tensors by the file's names, asked for by OpenAI's.
struct Stored<'a> {
    naming: Naming,
    prefix: String,
    tensors: BTreeMap<String, StoredTensor<'a>>,
}

impl Stored<'_> {
    fn place(&self, name: &str) -> Place {
        let place = self.naming.place(name);
        let full = |name: String| format!("{}{name}", self.prefix);
        match place {
            Place::Same(name) => Place::Same(full(name)),
            Place::Transposed(name) => Place::Transposed(full(name)),
            Place::Parts(names) => Place::Parts(names.map(full)),
        }
    }

    /// The tensors in the file, with their shapes, that make up the slot `name`
    /// of shape `dims`.
    fn parts(&self, name: &str, dims: &[usize]) -> Vec<(String, Vec<usize>)> {
        self.place(name).split(dims)
    }

    /// Whether a slot is kept in whole numbers of eight bits.
    fn is_whole(&self, name: &str, dims: &[usize]) -> bool {
        let parts = self.parts(name, dims);
        let mut stored = parts.iter().filter_map(|(name, _)| self.tensors.get(name));
        stored.any(|tensor| tensor.scale().is_some())
    }

    fn bytes(&self, name: &str, dims: &[usize]) -> u64 {
        let parts = self.parts(name, dims);
        let stored = parts.iter().filter_map(|(name, _)| self.tensors.get(name));
        stored.map(|tensor| tensor.nbytes() as u64).sum()
    }

    fn values(&self, name: &str, dims: &[usize]) -> Result<Vec<f32>> {
        let parts = self.parts(name, dims);
        let transposed = matches!(self.place(name), Place::Transposed(_));
        let mut values = vec![0f32; dims.iter().product()];
        let length = values.len() / parts.len();
        for (part, (name, dims)) in values.chunks_mut(length.max(1)).zip(parts) {
            let missing = || Error::MissingTensor {
                name: name.clone(),
                expected: dims.as_slice().into(),
            };
            self.tensors
                .get(&name)
                .ok_or_else(missing)?
                .copy_f32(part)?;
            let count = part.par_iter().filter(|value| !value.is_finite()).count();
            if count > 0 {
                return Err(Error::NotFinite { name, count });
            }
        }
        if let ([rows, columns], true) = (dims, transposed) {
            // The file has [columns, rows].
            let stored = std::mem::take(&mut values);
            let at = |i: usize| stored[(i % columns) * rows + i / columns];
            values = (0..stored.len()).map(at).collect();
        }
        Ok(values)
    }

    /// The error under the file's own name for the tensor.
    fn in_file(&self, error: Error) -> Error {
        let rename = |name: String| match self.place(&name).names() {
            [first, ..] => first.clone(),
            [] => name,
        };
        match error {
            Error::MissingTensor { name, expected } => Error::MissingTensor {
                name: rename(name),
                expected,
            },
            Error::TensorShape {
                name,
                expected,
                got,
            } => Error::TensorShape {
                name: rename(name),
                expected,
                got,
            },
            other => other,
        }
    }
}

impl Shapes for Stored<'_> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let place = self.place(name);
        let mut dims = self.tensors.get(place.names().first()?)?.dims.clone();
        match &place {
            Place::Same(_) => {}
            Place::Transposed(_) => dims.reverse(),
            Place::Parts(names) => {
                if let Some(rows) = dims.first_mut() {
                    *rows = rows.saturating_mul(names.len());
                }
            }
        }
        Some(dims)
    }
}

/// A scalar may be stored as one value in a row.
fn fits(got: &[usize], expected: &[usize]) -> bool {
    got == expected || (expected.is_empty() && got == [1])
}
