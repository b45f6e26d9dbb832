//! Steps of the optimisers, in place: nothing comes back to the host.

use candle_core::{DType, Result, Tensor, bail};

use super::{Real, address_of, launch};
use crate::ops::cuda::{AdamWRates, AdamWStep, Address, Kernel, SgdStep};

/// Whether a variable's steps are there for where it lies, and for its type.
pub fn steps_here(variable: &Tensor) -> bool {
    variable.device().is_cuda() && variable.dtype() == DType::F32 && variable.is_contiguous()
}

/// What a step reads beside its operands, where there is such.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The loss of the step, one number: if it is none, nothing changes.
    pub loss: Option<&'a Tensor>,
    /// What is another number in each step, read when the step is made: `[lr]` for SGD,
    /// [`AdamWRates::values`] for AdamW. A step that is recorded has it.
    pub rates: Option<&'a Tensor>,
}

/// Changes a variable and its velocity, which is zero before the first step. All are
/// contiguous, of one shape and in f32.
///
/// # Errors
/// If they are not.
pub fn sgd_step(
    [value, velocity, gradient]: [&Tensor; 3],
    beside: Beside<'_>,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
) -> Result<()> {
    let count = value.elem_count() as u64;
    let operands = [value, velocity, gradient];
    in_place("sgd-step", operands, beside, 1, |addresses, loss, rates| {
        let [value, velocity, gradient] = addresses;
        SgdStep {
            value,
            velocity,
            gradient,
            loss,
            rates,
            count,
            lr: lr as f32,
            momentum: momentum as f32,
            weight_decay: weight_decay as f32,
        }
    })
}

/// The same for a variable, its two moments and the gradient.
///
/// # Errors
/// As of [`sgd_step`].
pub fn adam_w_step(operands: [&Tensor; 4], beside: Beside<'_>, now: AdamWRates) -> Result<()> {
    let count = operands[0].elem_count();
    let numbers = now.values().len();
    let kernel = |addresses, loss, rates| AdamWStep {
        rates,
        ..AdamWStep::new(addresses, loss, count, now)
    };
    in_place("adam-w-step", operands, beside, numbers, kernel)
}

/// Launches what changes some of the operands where they lie. Of the rates there are
/// `numbers`.
///
/// Only the storage's lock is shared: what changes is memory of the device, in the order of
/// its one stream, as `Var::set` changes it.
fn in_place<const N: usize, K: Kernel>(
    operation: &str,
    operands: [&Tensor; N],
    beside: Beside<'_>,
    numbers: usize,
    kernel: impl FnOnce([Address; N], Address, Address) -> K,
) -> Result<()> {
    let shape = operands[0].shape();
    let device = operands[0].device().as_cuda_device()?.clone();
    let mut addresses = [0; N];
    for (address, tensor) in addresses.iter_mut().zip(operands) {
        if tensor.shape() != shape || tensor.dtype() != DType::F32 {
            bail!("{operation} needs operands of one shape, in f32");
        }
        *address = address_of(operation, tensor, &device)?;
    }
    let of = |tensor: Option<&Tensor>, numbers: usize| match tensor {
        Some(tensor) if tensor.elem_count() != numbers || tensor.dtype() != DType::F32 => {
            bail!("{operation} needs {numbers} numbers in f32, not {tensor:?}")
        }
        Some(tensor) => address_of(operation, tensor, &device),
        None => Ok(0),
    };
    let (loss, rates) = (of(beside.loss, 1)?, of(beside.rates, numbers)?);
    // SAFETY: all are contiguous and of as many values as the kernel says.
    unsafe { launch(&device, kernel(addresses, loss, rates), Real::F32) }
}
