//! A model that is read some bytes at a time: what has come is laid out at once, and
//! hardly anything is ever there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use candle_core::{Device, Tensor};

use super::ModelFile;
use crate::clip::carried::{CarriedZeroShot, ZERO_SHOT_TENSOR};
use crate::clip::layout::{Slot, is_linear};
use crate::clip::naming::Place;
use crate::clip::weights::{Carried, FingerprintHash, Kept};
use crate::clip::{ClipConfig, Configuration, Weights};
use crate::error::{Error, Result};
use crate::formats::{Outline, SCALE, StoredTensor, StoredType};
use crate::ops::{Compact, Weight};

/// Bytes that are asked for at a time, at most.
const PIECE: u64 = if cfg!(test) { 200 } else { 4 << 20 };

/// Reads the tensors of safetensors files in the order in which they lie there.
pub struct Loading {
    file: ModelFile<'static>,
    config: ClipConfig,
    slots: Vec<Slot>,
    /// The tensors of the files that slots are made of, those of a slot side by side.
    parts: Vec<Part>,
    /// What is to be read, from `next` on.
    reads: Vec<Read>,
    next: usize,
    kept: BTreeMap<String, Kept>,
    whole: BTreeSet<String>,
    /// Of each slot some values, for the fingerprint.
    samples: Vec<Vec<f32>>,
    done: u64,
    total: u64,
}

/// Bytes to be read.
struct Read {
    file: usize,
    place: Range<u64>,
    part: usize,
    is_scale: bool,
}

/// A tensor of the files.
struct Part {
    name: String,
    /// The slot that it is a part of; class features have none.
    slot: Option<usize>,
    dtype: StoredType,
    dims: Vec<usize>,
    floats: Vec<f32>,
    /// In place of floats.
    numbers: Vec<u8>,
    scale: Option<(Vec<usize>, Vec<f32>)>,
    /// Bytes that have yet to come.
    missing: u64,
    /// Values that are no numbers.
    odd: usize,
}

impl Loading {
    /// Begins with the outlines of a model's files, in their order, each with the place of
    /// its first tensor. `only_image` leaves the text encoder out.
    ///
    /// # Errors
    /// As [`ModelFile::open`] and [`ModelFile::weights`], as far as headers tell.
    pub fn new(
        outlines: Vec<(Outline, u64)>,
        configurations: &[Configuration],
        only_image: bool,
    ) -> Result<Self> {
        let mut checkpoints = Vec::new();
        let mut places = Vec::new();
        for (outline, first) in outlines {
            checkpoints.push(outline.checkpoint);
            places.push((outline.places, first));
        }
        let mut file = ModelFile::open(checkpoints, configurations)?;
        let config = file.config()?;
        let audit = file.audit();
        if !audit.is_clean() {
            return Err(Error::Audit(audit));
        }
        if only_image && let Some(text) = file.text.take() {
            file.hints.left_out_text = Some(text);
        }
        let slots = file.slots();
        let mut parts = Vec::new();
        for (slot, (name, dims)) in slots.iter().enumerate() {
            for (name, _) in file.stored.parts(name, dims) {
                parts.extend(Part::of(&file, name, Some(slot)));
            }
        }
        if file.zero_shot.is_some() {
            parts.extend(Part::of(&file, ZERO_SHOT_TENSOR.into(), None));
        }
        let mut reads = Vec::new();
        let mut total = 0;
        for (file, (places, first)) in places.into_iter().enumerate() {
            for (name, place) in places {
                let of_scale = name.strip_suffix(SCALE);
                let part = parts.iter().position(|part| {
                    part.name == name || (part.scale.is_some() && of_scale == Some(&part.name))
                });
                let Some(part) = part.filter(|_| !place.is_empty()) else {
                    continue;
                };
                total += place.end - place.start;
                reads.push(Read {
                    file,
                    place: first + place.start..first + place.end,
                    is_scale: name != parts[part].name,
                    part,
                });
            }
        }
        Ok(Self {
            samples: vec![Vec::new(); slots.len()],
            file,
            config,
            slots,
            parts,
            reads,
            next: 0,
            kept: BTreeMap::new(),
            whole: BTreeSet::new(),
            done: 0,
            total,
        })
    }

    /// The model's sizes.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// Whether the text encoder is not among its tensors.
    pub fn is_without_text(&self) -> bool {
        self.file.text.is_none()
    }

    /// How many of how many bytes have come.
    pub fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    /// The bytes to be given next, of which file; none once all have come.
    pub fn wants(&self) -> Option<(usize, Range<u64>)> {
        let left = self.reads.get(self.next..)?;
        let (file, start) = left.first().map(|read| (read.file, read.place.start))?;
        let mut end = start;
        // Small tensors that lie side by side come together.
        for read in left {
            if read.file != file || read.place.start != end {
                break;
            }
            end = read.place.end.min(start + PIECE);
            if end < read.place.end {
                let size = self.parts[read.part].element_size(read.is_scale);
                end -= (end - read.place.start) % size;
                break;
            }
        }
        Some((file, start..end))
    }

    /// Takes what [`Self::wants`] said.
    ///
    /// # Errors
    /// [`Error::Format`] if it is less, or more than there is room for;
    /// [`Error::NotFinite`].
    pub fn give(&mut self, bytes: &[u8]) -> Result<()> {
        let Some((_, wanted)) = self.wants() else {
            return Ok(());
        };
        let (mut at, mut left) = (wanted.start, bytes);
        while at < wanted.end {
            let read = &mut self.reads[self.next];
            let part = &mut self.parts[read.part];
            let count = read.place.end.min(wanted.end) - at;
            let Some((own, others)) = left.split_at_checked(count as usize) else {
                let ends = at + left.len() as u64;
                return Err(unread(&part.name, format!("the file ends at byte {ends}")));
            };
            part.take(own, read.is_scale)?;
            (at, left) = (at + count, others);
            self.done += count;
            read.place.start = at;
            if read.place.is_empty() {
                self.next += 1;
            }
            if let (Some(slot), 0) = (part.slot, part.missing) {
                self.settle(slot)?;
            }
        }
        Ok(())
    }

    /// Lays a slot out, if all of its parts are there.
    fn settle(&mut self, slot: usize) -> Result<()> {
        let (name, dims) = &self.slots[slot];
        let parts = self.parts.iter_mut().filter(|part| part.slot == Some(slot));
        let mut parts: Vec<&mut Part> = parts.collect();
        if parts.iter().any(|part| part.missing > 0) {
            return Ok(());
        }
        let compact = match (self.file.stored.place(name), &mut parts[..]) {
            (Place::Transposed(_), [only]) => only.compact()?.transposed()?,
            (_, [only]) => only.compact()?,
            (_, parts) => {
                let parts = parts.iter_mut().map(|part| part.compact());
                Compact::below_each_other(&parts.collect::<Result<Vec<_>>>()?)?
            }
        };
        let compact = compact.reshape(dims)?;
        if self.file.stated_fingerprint.is_none() {
            self.samples[slot] = FingerprintHash::sample_of(&compact.floats()?)?;
        }
        let is_whole = self.file.stored.is_whole(name, dims);
        if is_whole {
            self.whole.insert(name.clone());
        }
        let kept = match (is_linear(name), is_whole) {
            (false, _) => Kept::Compact(compact),
            (true, true) => Kept::LaidOut(Weight::whole(compact.floats()?)?),
            (true, false) => Kept::LaidOut(Weight::new(compact.floats()?)?),
        };
        self.kept.insert(name.clone(), kept);
        Ok(())
    }

    /// The weights, once all bytes have come.
    ///
    /// # Errors
    /// [`Error::Format`] for class features that do not fit their description.
    pub fn finish(mut self) -> Result<Weights> {
        let features = self.parts.last_mut().filter(|part| part.slot.is_none());
        let zero_shot = match (&self.file.zero_shot, features) {
            (Some(json), Some(features)) => {
                let features = features.compact()?.floats()?;
                let carried = CarriedZeroShot::from_header(json, features, self.file.embed_dim);
                Some(carried?)
            }
            _ => None,
        };
        let fingerprint = self.file.stated_fingerprint.clone().unwrap_or_else(|| {
            let mut hash = FingerprintHash::default();
            for name in self.kept.keys() {
                let slots = self.slots.iter().zip(&self.samples);
                for ((_, dims), sample) in slots.filter(|((slot, _), _)| slot == name) {
                    hash.add(name, dims, sample.iter().copied());
                }
            }
            hash.finish()
        });
        let carried = Carried {
            without_text: self.is_without_text(),
            whole: self.whole,
            zero_shot,
            fingerprint: Some(fingerprint),
        };
        Ok(Weights::kept(self.config, self.kept, carried))
    }
}

impl Part {
    fn of(file: &ModelFile<'_>, name: String, slot: Option<usize>) -> Option<Self> {
        let tensor = file.stored.tensors.get(&name)?;
        let scale = tensor.scale();
        Some(Self {
            name,
            slot,
            dtype: tensor.dtype,
            dims: tensor.dims.clone(),
            floats: Vec::new(),
            numbers: Vec::new(),
            scale: scale.map(|scale| (scale.dims.clone(), Vec::new())),
            missing: tensor.nbytes() as u64,
            odd: 0,
        })
    }

    /// Bytes of a value, or of one of the scale's.
    fn element_size(&self, is_scale: bool) -> u64 {
        let dtype = if is_scale {
            StoredType::F32
        } else {
            self.dtype
        };
        dtype.size() as u64
    }

    fn take(&mut self, bytes: &[u8], is_scale: bool) -> Result<()> {
        let all = self.dims.iter().product::<usize>();
        let name = &self.name;
        let no_room = |_| unread(name, format!("there is no room for its {all} values"));
        self.missing -= bytes.len() as u64;
        let (dtype, floats) = match &mut self.scale {
            Some((_, scale)) if is_scale => (StoredType::F32, scale),
            Some(_) => {
                let more = all - self.numbers.len();
                self.numbers.try_reserve_exact(more).map_err(no_room)?;
                self.numbers.extend_from_slice(bytes);
                return Ok(());
            }
            None => {
                let more = all - self.floats.len();
                self.floats.try_reserve_exact(more).map_err(no_room)?;
                (self.dtype, &mut self.floats)
            }
        };
        let (first, count) = (floats.len(), bytes.len() / dtype.size());
        floats.resize(first + count, 0.0);
        let piece = StoredTensor::contiguous(dtype, vec![count], bytes);
        let piece = piece.map_err(|reason| unread(name, reason))?;
        piece.copy_f32(&mut floats[first..])?;
        let is_odd = |value: &&f32| !value.is_finite();
        self.odd += floats[first..].iter().filter(is_odd).count();
        match (self.missing, self.odd) {
            (0, 1..) => Err(Error::NotFinite {
                name: name.clone(),
                count: self.odd,
            }),
            _ => Ok(()),
        }
    }

    /// Its values, which are not here any more then.
    fn compact(&mut self) -> Result<Compact> {
        let floats = |values, dims: &[usize]| Tensor::from_vec(values, dims, &Device::Cpu);
        Ok(match self.scale.take() {
            Some((dims, scale)) => {
                let numbers = std::mem::take(&mut self.numbers);
                Compact::whole(numbers, &self.dims, floats(scale, &dims)?)?
            }
            None => Compact::Floats(floats(std::mem::take(&mut self.floats), &self.dims)?),
        })
    }
}

fn unread(name: &str, reason: impl std::fmt::Display) -> Error {
    Error::format(format!("the tensor `{name}`"), reason)
}
