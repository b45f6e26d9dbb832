//! Steps of the optimisers, in place: nothing comes back to the host.

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::{CudaDevice, DType, Result, Storage, Tensor, bail};

use super::{Real, launch, operand};
use crate::ops::cuda::{AdamWRates, AdamWStep, Address, Kernel, SgdStep};

/// Whether a variable's steps are there for where it lies, and for its type.
pub fn steps_here(variable: &Tensor) -> bool {
    variable.device().is_cuda() && variable.dtype() == DType::F32 && variable.is_contiguous()
}

/// Changes a variable and its velocity, which is zero before the first step. All are
/// contiguous, of one shape and in f32. If there is a `loss`, and it is no number, nothing
/// changes.
///
/// # Errors
/// If they are not.
pub fn sgd_step(
    [value, velocity, gradient]: [&Tensor; 3],
    loss: Option<&Tensor>,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
) -> Result<()> {
    let count = value.elem_count() as u64;
    in_place(
        "sgd-step",
        [value, velocity, gradient],
        loss,
        |addresses, loss| {
            let [value, velocity, gradient] = addresses;
            SgdStep {
                value,
                velocity,
                gradient,
                loss,
                count,
                lr: lr as f32,
                momentum: momentum as f32,
                weight_decay: weight_decay as f32,
            }
        },
    )
}

/// The same for a variable, its two moments and the gradient.
///
/// # Errors
/// As of [`sgd_step`].
pub fn adam_w_step(operands: [&Tensor; 4], loss: Option<&Tensor>, rates: AdamWRates) -> Result<()> {
    let count = operands[0].elem_count();
    in_place("adam-w-step", operands, loss, |addresses, loss| {
        AdamWStep::new(addresses, loss, count, rates)
    })
}

/// Launches what changes some of the operands where they lie.
///
/// Only the storage's lock is shared: what changes is memory of the device, in the order of
/// its one stream, as `Var::set` changes it.
fn in_place<const N: usize, K: Kernel>(
    operation: &str,
    operands: [&Tensor; N],
    loss: Option<&Tensor>,
    kernel: impl FnOnce([Address; N], Address) -> K,
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
    let loss = match loss {
        Some(loss) if loss.elem_count() != 1 || loss.dtype() != DType::F32 => {
            bail!("{operation} needs a loss of one number in f32");
        }
        Some(loss) => address_of(operation, loss, &device)?,
        None => 0,
    };
    // SAFETY: all are contiguous and of as many values as the kernel says.
    unsafe { launch(&device, kernel(addresses, loss), Real::F32) }
}

fn address_of(operation: &str, tensor: &Tensor, device: &CudaDevice) -> Result<Address> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else {
        bail!("{operation} needs operands on the device");
    };
    if !storage.device().same_device(device) {
        bail!("{operation} needs operands on one device");
    }
    let stream = device.cuda_stream();
    Ok(operand(operation, storage, layout, &stream)?.address)
}
