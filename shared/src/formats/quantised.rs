//! Matrices kept as whole numbers of eight bits, with a scale for each of their output
//! channels.
//!
//! A safetensors file whose header has the key [`INT8_KEY`] may hold a tensor `NAME` as
//! I8 with `NAME.scale` as F32 beside it. The scale has as many dimensions as the tensor;
//! one of them is as long, the others are 1. A value is the product of the two.

use std::collections::BTreeMap;

use super::{StoredTensor, StoredType};
use crate::error::{Dims, Error, Result};

/// The header's key that says that tensors with a scale beside them are quantised.
pub const INT8_KEY: &str = "clipwright.int8";

/// The value of [`INT8_KEY`], for people who read the header.
pub const INT8_NOTE: &str = "symmetric by output channel: NAME as I8 times NAME.scale as F32";

/// The ending of the name of a tensor's scale.
pub const SCALE: &str = ".scale";

/// The name of the scale of the tensor `name`.
pub fn scale_name(name: &str) -> String {
    format!("{name}{SCALE}")
}

/// Puts every scale to its tensor, if the header says that there are some.
///
/// # Errors
/// [`Error::Format`] if a tensor has no scale, or one of another type or shape.
pub(super) fn attach_scales(
    tensors: &mut BTreeMap<String, StoredTensor<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    if !metadata.contains_key(INT8_KEY) {
        return Ok(());
    }
    let quantised = |(_, tensor): &(&String, &StoredTensor<'_>)| tensor.dtype == StoredType::I8;
    let names: Vec<String> = tensors
        .iter()
        .filter(quantised)
        .map(|(name, _)| name.clone())
        .collect();
    for name in names {
        let scale = tensors.remove(&scale_name(&name));
        let Some(tensor) = tensors.get_mut(&name) else {
            continue;
        };
        let attached = match scale {
            Some(scale) => tensor.attach_scale(scale),
            None => Err(format!("`{}` is missing", scale_name(&name))),
        };
        attached.map_err(|reason| Error::format(format!("the int8 tensor `{name}`"), reason))?;
    }
    Ok(())
}

impl<'a> StoredTensor<'a> {
    /// The factor of each output channel, if the values are whole numbers to be scaled.
    pub fn scale(&self) -> Option<&StoredTensor<'a>> {
        self.scale.as_deref()
    }

    fn attach_scale(&mut self, scale: StoredTensor<'a>) -> std::result::Result<(), String> {
        let whole = scale.dims.len() == self.dims.len();
        let mut long = scale
            .dims
            .iter()
            .zip(&self.dims)
            .filter(|(len, _)| **len != 1);
        let fits = long.next().is_none_or(|(len, of)| len == of) && long.next().is_none();
        if scale.dtype != StoredType::F32 || !whole || !fits {
            return Err(format!(
                "its scale is {} of shape {}; expected f32 with one dimension of {} and else 1",
                scale.dtype.name(),
                Dims(scale.dims),
                Dims(self.dims.clone()),
            ));
        }
        self.scale = Some(Box::new(scale));
        Ok(())
    }

    /// Multiplies `values`, this tensor's in row-major order, by the scale of their channel.
    pub(super) fn apply_scale(&self, values: &mut [f32]) -> Result<()> {
        let Some(scale) = &self.scale else {
            return Ok(());
        };
        let mut factors = vec![0.0; scale.elem_count()];
        scale.copy_f32(&mut factors)?;
        let axis = scale.dims.iter().position(|&len| len != 1);
        let inner: usize = axis.map_or(1, |axis| self.dims[axis + 1..].iter().product());
        let factors = factors.iter().cycle();
        for (values, factor) in values.chunks_mut(inner.max(1)).zip(factors) {
            for value in values {
                *value *= factor;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{INT8_KEY, attach_scales};
    use crate::formats::{StoredTensor, StoredType};
    use std::collections::BTreeMap;

    fn pair(
        dims: &[usize],
        scale: &[f32],
        scale_dims: &[usize],
        note: bool,
    ) -> Result<Vec<f32>, String> {
        let values: Vec<u8> = (0..dims.iter().product::<usize>() as u8).collect();
        let scale: Vec<u8> = scale.iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut tensors = BTreeMap::from([
            (
                "a.weight".to_string(),
                StoredTensor::contiguous(StoredType::I8, dims.into(), &values)?,
            ),
            (
                "a.weight.scale".to_string(),
                StoredTensor::contiguous(StoredType::F32, scale_dims.into(), &scale)?,
            ),
        ]);
        let note = note.then(|| (INT8_KEY.to_string(), String::new()));
        attach_scales(&mut tensors, &note.into_iter().collect())
            .map_err(|error| error.to_string())?;
        let tensor = &tensors["a.weight"];
        if tensors.len() != 1 {
            return Err("the scale is still a tensor".into());
        }
        let mut read = vec![0.0; tensor.elem_count()];
        tensor
            .copy_f32(&mut read)
            .map_err(|error| error.to_string())?;
        assert!(tensor.is_float());
        Ok(read)
    }

    #[test]
    fn values_are_scaled_by_channel() {
        for (dims, scale, scale_dims, expected) in [
            (
                vec![2, 3],
                vec![1.0, 10.0],
                vec![2, 1],
                vec![0.0, 1.0, 2.0, 30.0, 40.0, 50.0],
            ),
            (
                vec![2, 3],
                vec![1.0, 2.0, 3.0],
                vec![1, 3],
                vec![0.0, 2.0, 6.0, 3.0, 8.0, 15.0],
            ),
            (
                vec![2, 3],
                vec![0.5],
                vec![1, 1],
                vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5],
            ),
            (
                vec![2, 1, 2],
                vec![1.0, -1.0],
                vec![2, 1, 1],
                vec![0.0, 1.0, -2.0, -3.0],
            ),
        ] {
            let read = pair(&dims, &scale, &scale_dims, true).unwrap();
            assert_eq!(read, expected, "{dims:?} by {scale_dims:?}");
        }
    }

    #[test]
    fn scales_that_do_not_fit_are_refused() {
        for (scale, scale_dims) in [
            (vec![1.0, 1.0], vec![2]),
            (vec![1.0; 6], vec![2, 3]),
            (vec![1.0; 3], vec![3, 1]),
        ] {
            let error = pair(&[2, 3], &scale, &scale_dims, true).unwrap_err();
            assert!(error.contains("its scale is f32 of shape"), "{error}");
        }
        // Without the note in the header the two are tensors like any.
        let error = pair(&[2, 3], &[1.0, 1.0], &[2, 1], false).unwrap_err();
        assert!(error.contains("still a tensor"), "{error}");
    }
}
