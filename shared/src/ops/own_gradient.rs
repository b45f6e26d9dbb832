//! Results that are computed without a graph, and differentiated by a function of their own.
//!
//! A graph keeps what each of its operations took and gave until the loss is dropped. Of
//! what is computed in here only that stays which the function keeps.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, InplaceOp1, Layout, Result, Shape, Tensor, bail};

/// `value`, f32 on the CPU, as a function of the inputs: `backward` makes their gradients
/// of its own. Nobody else may hold `value`: its memory becomes the result's.
pub(super) fn with_gradient<const INPUTS: usize>(
    value: Tensor,
    inputs: [&Tensor; INPUTS],
    backward: impl Fn(&Tensor) -> Result<[Option<Tensor>; INPUTS]> + Send + Sync + 'static,
) -> Result<Tensor> {
    const { assert!(matches!(INPUTS, 1..=3)) };
    let shape = value.shape().clone();
    let operation = OwnGradient {
        value: Mutex::new(into_values(value)?),
        shape,
        backward: move |grad: &Tensor| -> Result<Vec<Option<Tensor>>> {
            Ok(backward(grad)?.into())
        },
    };
    // The first one stands in where there are fewer than three.
    let input = |at: usize| inputs.get(at).copied().unwrap_or(inputs[0]);
    inputs[0].apply_op3(input(1), input(2), operation)
}

/// The values of a contiguous tensor; they are taken away from whoever else holds it.
pub(super) fn into_values(tensor: Tensor) -> Result<Vec<f32>> {
    let values = Taken::default();
    tensor.contiguous()?.inplace_op1(&values)?;
    Ok(values
        .0
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}

#[derive(Default)]
struct Taken(Mutex<Vec<f32>>);

impl InplaceOp1 for Taken {
    fn name(&self) -> &'static str {
        "take"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let whole = Some((0, layout.shape().elem_count()));
        match storage {
            CpuStorage::F32(values) if layout.contiguous_offsets() == whole => {
                let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                *taken = std::mem::take(values);
                Ok(())
            }
            _ => bail!("take: not all values of an f32 tensor"),
        }
    }
}

struct OwnGradient<F> {
    /// What the forward pass gives, until it has.
    value: Mutex<Vec<f32>>,
    shape: Shape,
    backward: F,
}

impl<F: Fn(&Tensor) -> Result<Vec<Option<Tensor>>>> CustomOp3 for OwnGradient<F> {
    fn name(&self) -> &'static str {
        "own-gradient"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let value = std::mem::take(&mut *value);
        Ok((CpuStorage::F32(value), self.shape.clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut gradients = (self.backward)(&grad.contiguous()?)?.into_iter();
        let mut next = || gradients.next().flatten();
        Ok((next(), next(), next()))
    }
}
