//! Tensors by name, each taken once and with the shape that is expected of it.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use crate::error::{Dims, Error, Result};

/// Tensors out of a file, on their way into a learner.
#[derive(Debug, Clone, Default)]
pub struct NamedTensors(BTreeMap<String, Tensor>);

impl NamedTensors {
    /// The same names on `device`.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        let moved = self
            .0
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        Ok(Self(moved))
    }

    /// The tensor `name`, still there.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The tensor `name`, which must have the shape that `fits` asks for;
    /// `expected` is that shape with this model's sizes, for the error.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`].
    pub fn take(
        &mut self,
        name: &str,
        expected: &[usize],
        fits: impl Fn(&[usize]) -> bool,
    ) -> Result<Tensor> {
        let tensor = self.0.remove(name).ok_or_else(|| Error::MissingTensor {
            name: name.into(),
            expected: expected.into(),
        })?;
        match fits(tensor.dims()) {
            true => Ok(tensor),
            false => Err(Error::TensorShape {
                name: name.into(),
                expected: Dims(expected.to_vec()),
                got: tensor.dims().into(),
            }),
        }
    }

    /// The tensor `name` of exactly this shape.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_exactly(&mut self, name: &str, dims: &[usize]) -> Result<Tensor> {
        self.take(name, dims, |got| got == dims)
    }

    /// # Errors
    /// [`Error::Format`] if a tensor was not taken.
    pub fn finish(&self, what: &str) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::format(
                what,
                format!("`{name}` is not a tensor of its method"),
            )),
        }
    }

    /// Every name with its tensor, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }
}

impl FromIterator<(String, Tensor)> for NamedTensors {
    fn from_iter<T: IntoIterator<Item = (String, Tensor)>>(tensors: T) -> Self {
        Self(tensors.into_iter().collect())
    }
}
