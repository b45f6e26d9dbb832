//! What a training must remember to go on as if it had never stopped.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};

/// Tensors and whole numbers by name.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub tensors: BTreeMap<String, Tensor>,
    pub numbers: BTreeMap<String, u64>,
}

impl State {
    /// Keeps a copy of `tensor` in main memory, whatever becomes of it later.
    pub fn put(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let copy = tensor.detach().to_device(&Device::Cpu)?.copy()?;
        self.tensors.insert(name.into(), copy);
        Ok(())
    }

    /// Keeps a number.
    pub fn put_number(&mut self, name: &str, number: u64) {
        self.numbers.insert(name.into(), number);
    }

    /// The number `name`.
    ///
    /// # Errors
    /// [`Error::Format`] if it is not there.
    pub fn number(&self, name: &str) -> Result<u64> {
        let found = self.numbers.get(name).copied();
        found.ok_or_else(|| Error::format("the training's state", format!("no `{name}`")))
    }

    /// The tensor `name`, of the shape and on the device of `like`.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`].
    pub fn get_like(&self, name: &str, like: &Tensor) -> Result<Tensor> {
        let found = self.find_like(name, like)?;
        found.ok_or_else(|| Error::MissingTensor {
            name: name.into(),
            expected: like.dims().into(),
        })
    }

    /// As [`Self::get_like`], where there may be none.
    ///
    /// # Errors
    /// [`Error::TensorShape`].
    pub fn find_like(&self, name: &str, like: &Tensor) -> Result<Option<Tensor>> {
        let Some(tensor) = self.tensors.get(name) else {
            return Ok(None);
        };
        if tensor.dims() != like.dims() {
            return Err(Error::TensorShape {
                name: name.into(),
                expected: like.dims().into(),
                got: tensor.dims().into(),
            });
        }
        Ok(Some(tensor.to_device(like.device())?.copy()?))
    }
}
