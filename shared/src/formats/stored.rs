//! A tensor as it lies in a file.

use std::borrow::Cow;

use candle_core::{Device, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::element::{Element, elements};
use super::positions::Positions;
use super::stored_type::StoredType;
use crate::error::{Dims, Error, Result};

/// More dimensions than any tensor of a model has.
const MOST_DIMENSIONS: usize = 32;
/// Bytes of a view that has more elements than its storage: a mask or a row of
/// numbers that was broadcast.
const LARGEST_REPETITION: usize = 1 << 16;
/// Values that are widened at a time: small enough for the stack and the cache.
const BATCH: usize = 2048;

/// A tensor in a file: its bytes are borrowed, nothing is copied yet.
#[derive(Debug, Clone)]
pub struct StoredTensor<'a> {
    pub dtype: StoredType,
    pub dims: Vec<usize>,
    /// Elements to go on by for one step along each dimension; none if the
    /// elements lie in row-major order without gaps.
    strides: Option<Vec<usize>>,
    /// Little-endian elements from the first one on: all of them if there are no
    /// strides, else up to the end of the storage that views share.
    bytes: &'a [u8],
    /// What whole numbers are multiplied by, where they stand for floats.
    pub(super) scale: Option<Box<StoredTensor<'a>>>,
}

impl<'a> StoredTensor<'a> {
    /// A tensor whose elements lie in row-major order in exactly `bytes`.
    pub(crate) fn contiguous(
        dtype: StoredType,
        dims: Vec<usize>,
        bytes: &'a [u8],
    ) -> std::result::Result<Self, String> {
        let count = checked_count(&dims)?;
        if count.checked_mul(dtype.size()) != Some(bytes.len()) {
            return Err(format!(
                "shape {} of {} does not fit its {} bytes",
                Dims(dims),
                dtype.name(),
                bytes.len()
            ));
        }
        Ok(Self {
            dtype,
            dims,
            strides: None,
            bytes,
            scale: None,
        })
    }

    /// A tensor of which a header tells, whose `count` bytes are elsewhere.
    pub(super) fn outlined(
        dtype: StoredType,
        dims: Vec<usize>,
        count: usize,
    ) -> std::result::Result<Self, String> {
        if checked_count(&dims)?.checked_mul(dtype.size()) != Some(count) {
            let (dims, dtype) = (Dims(dims), dtype.name());
            return Err(format!(
                "shape {dims} of {dtype} does not fit its {count} bytes"
            ));
        }
        Ok(Self {
            dtype,
            dims,
            strides: None,
            bytes: &[],
            scale: None,
        })
    }

    /// A view of a storage: its elements begin at element `offset` and lie
    /// `strides` apart.
    pub(super) fn view(
        dtype: StoredType,
        dims: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        storage: &'a [u8],
    ) -> std::result::Result<Self, String> {
        let size = dtype.size();
        let available = storage.len() / size;
        let count = checked_count(&dims)?;
        if strides.len() != dims.len() {
            return Err(format!(
                "it has {} strides for {} dimensions",
                strides.len(),
                dims.len()
            ));
        }
        if count == 0 {
            return Self::contiguous(dtype, dims, &[]);
        }
        let steps = dims.iter().zip(&strides);
        let last = steps.clone().try_fold(offset, |last, (&dim, &stride)| {
            (dim - 1).checked_mul(stride)?.checked_add(last)
        });
        let Some(last) = last.filter(|&last| last < available) else {
            return Err(format!(
                "shape {} with strides {strides:?} from element {offset} on goes beyond its \
                 storage of {available} elements",
                Dims(dims)
            ));
        };
        // Strides of zero repeat elements: a few bytes could be any number of them.
        if count > available && count.saturating_mul(size) > LARGEST_REPETITION {
            return Err(format!(
                "it repeats a storage of {available} elements to {count} ones"
            ));
        }
        // Where a dimension has one element its stride is never walked.
        let mut expected = 1;
        let mut in_order = true;
        for (&dim, &stride) in dims.iter().zip(&strides).rev() {
            in_order &= dim == 1 || stride == expected;
            expected *= dim;
        }
        let (strides, end) = if in_order {
            (None, offset + count)
        } else {
            (Some(strides), last + 1)
        };
        Ok(Self {
            dtype,
            dims,
            strides,
            bytes: &storage[offset * size..end * size],
            scale: None,
        })
    }

    /// The number of elements.
    pub fn elem_count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Bytes of the elements in their own type, and of their scale.
    pub fn nbytes(&self) -> usize {
        let scale = self.scale().map_or(0, Self::nbytes);
        self.elem_count() * self.dtype.size() + scale
    }

    /// Whether elements are floating-point numbers, or stand for some.
    pub fn is_float(&self) -> bool {
        self.dtype.is_float() || self.scale.is_some()
    }

    /// The elements in row-major order, in their own type, little-endian.
    /// Borrowed unless the tensor is a view with gaps or another order. Without a scale.
    pub fn contiguous_bytes(&self) -> Cow<'a, [u8]> {
        let Some(strides) = &self.strides else {
            return Cow::Borrowed(self.bytes);
        };
        let size = self.dtype.size();
        let mut bytes = Vec::with_capacity(self.nbytes());
        for at in Positions::new(&self.dims, strides) {
            bytes.extend_from_slice(&self.bytes[at * size..][..size]);
        }
        Cow::Owned(bytes)
    }

    /// Writes the elements to `out` in row-major order, whatever their type is:
    /// narrower ones widened, wider ones rounded, quantised ones scaled, `false` and
    /// `true` as 0 and 1.
    ///
    /// # Errors
    /// [`Error::Format`] if `out` has another length than the tensor, or its bytes
    /// are elsewhere.
    pub fn copy_f32(&self, out: &mut [f32]) -> Result<()> {
        self.check_here()?;
        if out.len() != self.elem_count() {
            return Err(invalid(format!(
                "it has {} elements; {} are asked for",
                self.elem_count(),
                out.len()
            )));
        }
        match (self.dtype, &self.strides) {
            (StoredType::F16, None) => widen(self.bytes, out, f16::from_bits, |from, to| {
                from.convert_to_f32_slice(to);
            }),
            (StoredType::Bf16, None) => widen(self.bytes, out, bf16::from_bits, |from, to| {
                from.convert_to_f32_slice(to);
            }),
            (dtype, _) => elements!(dtype, T => self.read_into::<T, _>(out, T::to_f32)),
        }
        self.apply_scale(out)
    }

    /// The tensor as f32 on the CPU, in its own shape.
    ///
    /// # Errors
    /// [`Error::Tensor`] if candle cannot make it.
    pub fn to_f32_tensor(&self) -> Result<Tensor> {
        let mut values = vec![0.0; self.elem_count()];
        self.copy_f32(&mut values)?;
        Ok(Tensor::from_vec(
            values,
            self.dims.as_slice(),
            &Device::Cpu,
        )?)
    }

    /// The elements of a tensor of integers or flags, in row-major order.
    ///
    /// # Errors
    /// [`Error::Format`] if the elements are floating-point numbers or too large,
    /// or elsewhere.
    pub fn i64_values(&self) -> Result<Vec<i64>> {
        self.check_here()?;
        let mut values: Vec<Option<i64>> = vec![None; self.elem_count()];
        elements!(self.dtype, T => self.read_into::<T, _>(&mut values, T::to_i64));
        let values: Option<Vec<i64>> = values.into_iter().collect();
        values.ok_or_else(|| {
            invalid(format!(
                "it holds {} values; expected integers that fit 64 bits",
                self.dtype.name()
            ))
        })
    }

    /// # Errors
    /// [`Error::Format`] if only an [`super::Outline`] tells of the tensor.
    fn check_here(&self) -> Result<()> {
        if self.strides.is_none() && self.bytes.len() != self.elem_count() * self.dtype.size() {
            let reason = "its bytes are not here, only its header's words on it";
            return Err(invalid(reason.into()));
        }
        Ok(())
    }

    /// Reads every element in row-major order and writes what `convert` makes of it.
    fn read_into<T: Element, V>(&self, out: &mut [V], convert: impl Fn(T) -> V) {
        let size = self.dtype.size();
        match &self.strides {
            None => {
                for (out, bytes) in out.iter_mut().zip(self.bytes.chunks_exact(size)) {
                    *out = convert(T::read(bytes));
                }
            }
            Some(strides) => {
                for (out, at) in out.iter_mut().zip(Positions::new(&self.dims, strides)) {
                    *out = convert(T::read(&self.bytes[at * size..][..size]));
                }
            }
        }
    }
}

fn invalid(reason: String) -> Error {
    Error::format("a tensor's use", reason)
}

/// Widens 16-bit floats, a batch at a time through a buffer that is aligned,
/// which the bytes of a file need not be.
fn widen<T: Copy + Default>(
    bytes: &[u8],
    out: &mut [f32],
    from_bits: impl Fn(u16) -> T,
    convert: impl Fn(&[T], &mut [f32]),
) {
    let mut batch = [T::default(); BATCH];
    for (bytes, out) in bytes.chunks(BATCH * 2).zip(out.chunks_mut(BATCH)) {
        for (value, bytes) in batch.iter_mut().zip(bytes.as_chunks().0) {
            *value = from_bits(u16::from_le_bytes(*bytes));
        }
        convert(&batch[..out.len()], out);
    }
}

/// The number of elements of a shape, or why there can be no such tensor.
fn checked_count(dims: &[usize]) -> std::result::Result<usize, String> {
    if dims.len() > MOST_DIMENSIONS {
        return Err(format!(
            "it has {} dimensions; expected at most {MOST_DIMENSIONS}",
            dims.len()
        ));
    }
    dims.iter()
        .try_fold(1_usize, |count, &dim| count.checked_mul(dim))
        .ok_or_else(|| format!("shape {} has too many elements", Dims(dims.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::StoredTensor;
    use crate::formats::StoredType;

    fn numbers(range: std::ops::Range<u16>) -> Vec<u8> {
        range.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn views_are_read_in_row_major_order() {
        let storage = numbers(0..24);
        for (dims, strides, offset, expected) in [
            (vec![2, 3], vec![3, 1], 0, vec![0, 1, 2, 3, 4, 5]),
            (vec![2, 3], vec![3, 1], 18, vec![18, 19, 20, 21, 22, 23]),
            (vec![3, 2], vec![1, 3], 0, vec![0, 3, 1, 4, 2, 5]),
            (vec![2, 2], vec![12, 5], 1, vec![1, 6, 13, 18]),
            (vec![2, 1, 3], vec![3, 99, 1], 2, vec![2, 3, 4, 5, 6, 7]),
            (
                vec![2, 2, 2],
                vec![1, 2, 4],
                0,
                vec![0, 4, 2, 6, 1, 5, 3, 7],
            ),
            (vec![3], vec![0], 7, vec![7, 7, 7]),
            (vec![10, 3], vec![0, 0], 7, vec![7; 30]),
            (vec![], vec![], 23, vec![23]),
            (vec![4, 0], vec![1, 1], 24, vec![]),
        ] {
            let what = format!("{dims:?} {strides:?} from {offset}");
            let count: usize = dims.iter().product();
            let view = StoredTensor::view(StoredType::U16, dims, strides, offset, &storage);
            let view = view.unwrap();
            assert_eq!(view.i64_values().unwrap(), expected, "{what}");
            let bytes: Vec<u8> = expected
                .iter()
                .flat_map(|&x| (x as u16).to_le_bytes())
                .collect();
            assert_eq!(view.contiguous_bytes(), bytes, "{what}");
            let mut floats = vec![0.0; count];
            view.copy_f32(&mut floats).unwrap();
            let floats: Vec<i64> = floats.into_iter().map(|x| x as i64).collect();
            assert_eq!(floats, expected, "{what}");
        }
    }

    #[test]
    fn views_beyond_their_storage_are_refused() {
        let storage = numbers(0..24);
        let huge = usize::MAX / 2;
        for (dims, strides, offset, reason) in [
            (vec![5, 5], vec![5, 1], 0, "goes beyond its storage"),
            (vec![24], vec![1], 1, "goes beyond its storage"),
            (vec![1], vec![1], huge, "goes beyond its storage"),
            (vec![3], vec![huge], 5, "goes beyond its storage"),
            (vec![huge, 3], vec![1, 1], 0, "too many elements"),
            (
                vec![1 << 40],
                vec![0],
                0,
                "repeats a storage of 24 elements to 1099511627776",
            ),
            (vec![2, 2], vec![1], 0, "1 strides for 2 dimensions"),
            (vec![1; 33], vec![1; 33], 0, "33 dimensions"),
        ] {
            let view = StoredTensor::view(StoredType::U16, dims, strides, offset, &storage);
            let error = view.unwrap_err();
            assert!(error.contains(reason), "{error}; expected: {reason}");
        }
    }

    #[test]
    fn every_type_is_widened_or_narrowed() {
        use StoredType::*;
        let half = half::f16::from_f32(-2.5).to_le_bytes().to_vec();
        let brain = half::bf16::from_f32(-2.5).to_le_bytes().to_vec();
        for (dtype, bytes, float, integer) in [
            (F64, (-2.5_f64).to_le_bytes().to_vec(), -2.5, None),
            (F32, (-2.5_f32).to_le_bytes().to_vec(), -2.5, None),
            (F16, half, -2.5, None),
            (Bf16, brain, -2.5, None),
            (I64, (-7_i64).to_le_bytes().to_vec(), -7.0, Some(-7)),
            (I32, (-7_i32).to_le_bytes().to_vec(), -7.0, Some(-7)),
            (I16, (-7_i16).to_le_bytes().to_vec(), -7.0, Some(-7)),
            (I8, vec![0xf9], -7.0, Some(-7)),
            (U64, 7_u64.to_le_bytes().to_vec(), 7.0, Some(7)),
            (U64, u64::MAX.to_le_bytes().to_vec(), 2_f32.powi(64), None),
            (
                U32,
                u32::MAX.to_le_bytes().to_vec(),
                2_f32.powi(32),
                Some(u32::MAX.into()),
            ),
            (U16, vec![7, 0], 7.0, Some(7)),
            (U8, vec![200], 200.0, Some(200)),
            (Bool, vec![1], 1.0, Some(1)),
            (Bool, vec![0], 0.0, Some(0)),
        ] {
            // Enough elements for more than one batch, and some that fill none.
            let count = 5000;
            let bytes = bytes.repeat(count);
            let tensor = StoredTensor::contiguous(dtype, vec![count], &bytes).unwrap();
            let mut floats = vec![0.0; count];
            tensor.copy_f32(&mut floats).unwrap();
            assert!(
                floats.iter().all(|&x| x == float),
                "{dtype:?}: {}",
                floats[0]
            );
            assert!(tensor.copy_f32(&mut floats[1..]).is_err());
            let integers = tensor.i64_values().ok();
            assert_eq!(integers, integer.map(|x: i64| vec![x; count]), "{dtype:?}");
            assert_eq!(tensor.nbytes(), bytes.len());
        }
    }
}
