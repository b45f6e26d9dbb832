//! The same layer on other devices and of other types: the device's own product.
//!
//! candle's product would differentiate both of its sides.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, op};

use super::{gradient_of_input, gradient_of_weight, shape_of_result};
#[cfg(feature = "cuda")]
use crate::ops::cuda::device;

/// `x [.., in]`, `weight [out, in]`, `bias [out]` → `[.., out]`.
pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let x = x.contiguous()?;
    let weight = match is_whole(weight.layout()) {
        true => weight.clone(),
        false => weight.contiguous()?,
    };
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, WithBias),
        None => x.apply_op2(&weight, Product),
    }
}

/// Whether a weight lies row by row or column by column, none of it left out: what every
/// device multiplies by.
fn is_whole(weight: &Layout) -> bool {
    let transposed = weight.transpose(0, 1);
    weight.is_contiguous() || transposed.is_ok_and(|layout| layout.is_contiguous())
}

/// `x·Wᵀ`, of contiguous `x`.
fn product<S: BackendStorage>(
    x: &S,
    x_layout: &Layout,
    weight: &S,
    weight_layout: &Layout,
) -> Result<(S, Shape)> {
    let (outputs, inputs) = weight_layout.shape().dims2()?;
    let shape = shape_of_result(x_layout, [outputs, inputs])?;
    let rows = shape.elem_count() / outputs.max(1);
    let x_layout = Layout::contiguous_with_offset((rows, inputs), x_layout.start_offset());
    let sizes = (1, rows, outputs, inputs);
    let y = x.matmul(weight, sizes, &x_layout, &weight_layout.transpose(0, 1)?)?;
    Ok((y, shape))
}

/// `(x, weight) → y`.
struct Product;

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        product(x, x_layout, weight, weight_layout)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        product(x, x_layout, weight, weight_layout)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (outputs, _) = weight.dims2()?;
        let grad = grad.contiguous()?.detach().reshape(((), outputs))?;
        let of_x = gradient_of_input(x, weight, &grad)?;
        Ok((of_x, gradient_of_weight(x, weight, &grad)?))
    }
}

/// `(x, weight, bias) → y`.
struct WithBias;

impl CustomOp3 for WithBias {
    fn name(&self) -> &'static str {
        "product-with-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, shape) = product(x, x_layout, weight, weight_layout)?;
        let bias_layout = bias_layout.broadcast_as(&shape)?;
        let y = y.binary_impl::<op::Add>(bias, &Layout::contiguous(&shape), &bias_layout)?;
        Ok((y, shape))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
        bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (y, shape) = product(x, x_layout, weight, weight_layout)?;
        let y = device::add_bias(self.name(), y, &shape, bias, bias_layout)?;
        Ok((y, shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (outputs, _) = weight.dims2()?;
        let grad = grad.contiguous()?.detach().reshape(((), outputs))?;
        let of_x = gradient_of_input(x, weight, &grad)?;
        let of_weight = gradient_of_weight(x, weight, &grad)?;
        let of_bias = match bias.track_op() {
            true => Some(grad.sum(0)?),
            false => None,
        };
        Ok((of_x, of_weight, of_bias))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Result, Tensor, Var};

    use crate::ops::fixture::values;
    use crate::ops::linear;

    fn difference(a: &Tensor, b: &Tensor) -> Result<f64> {
        let difference = (a.to_dtype(DType::F64)? - b.to_dtype(DType::F64)?)?;
        difference.abs()?.max_all()?.to_scalar()
    }

    /// What the layer gives in one type, and the gradients of its input, its weight and its
    /// bias, if they are trained.
    fn in_type(dtype: DType, is_trained: bool, by_columns: bool) -> Result<[Option<Tensor>; 4]> {
        let variable = |dims: &[usize]| Var::from_tensor(&values(dims)?.to_dtype(dtype)?);
        let (x, weight, bias) = (variable(&[2, 3, 8])?, variable(&[5, 8])?, variable(&[5])?);
        let operand = |variable: &Var| match is_trained {
            true => variable.as_tensor().clone(),
            false => variable.as_detached_tensor(),
        };
        let matrix = match by_columns {
            true => operand(&weight).t()?.contiguous()?.t()?,
            false => operand(&weight),
        };
        let both = linear(&x, &matrix, Some(&operand(&bias)))?;
        let y = (both + linear(&x, &matrix, None)?)?;
        let upstream = values(&[2, 3, 5])?.to_dtype(dtype)?;
        let gradients = (&y * upstream)?.sum_all()?.backward()?;
        if !is_trained {
            assert!(gradients.get(&matrix).is_none(), "a frozen weight's");
        }
        let of = |variable: &Var| gradients.get(variable).cloned();
        Ok([Some(y.clone()), of(&x), of(&weight), of(&bias)])
    }

    #[test]
    fn other_types_give_what_f32_gives_and_only_the_gradients_that_are_asked_for() -> Result<()> {
        for (dtype, near) in [(DType::F64, 1e-5), (DType::F16, 0.02)] {
            for is_trained in [true, false] {
                for by_columns in [true, false] {
                    let expected = in_type(DType::F32, is_trained, by_columns)?;
                    let got = in_type(dtype, is_trained, by_columns)?;
                    assert_eq!(got[2].is_some(), is_trained);
                    for (got, expected) in got.iter().zip(&expected) {
                        assert_eq!(got.is_some(), expected.is_some());
                        if let (Some(got), Some(expected)) = (got, expected) {
                            assert_eq!((got.dims(), got.dtype()), (expected.dims(), dtype));
                            let off = difference(got, expected)?;
                            assert!(off < near, "{dtype:?}: {off}");
                        }
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_part_of_a_weight_is_multiplied_by_as_it_is() -> Result<()> {
        let weight = values(&[6, 8])?.to_dtype(DType::F64)?;
        let x = values(&[3, 4])?.to_dtype(DType::F64)?;
        let part = weight.narrow(1, 2, 4)?.narrow(0, 1, 5)?;
        let expected = x.matmul(&part.t()?.contiguous()?)?;
        assert!(difference(&linear(&x, &part, None)?, &expected)? < 1e-12);
        Ok(())
    }
}
