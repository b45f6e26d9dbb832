//! A weight as this machine's products read it.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail,
};

use super::matmul::{Matrix, by_panels};
use super::panels::{add_product, at, length, pack};
use super::tile::COLUMNS;
use super::{contiguous, is_cpu_f32, linear};

/// The weight `[out, in]` of a linear layer.
///
/// What is trained stays as it is. What is frozen is laid out anew, once: in panels for
/// WebAssembly; elsewhere column by column, since read from rows, above all from rows that
/// take a multiple of a page, which all fall into the same few places of the cache, it
/// takes up to three times as long.
#[derive(Debug, Clone)]
pub struct Weight {
    values: Tensor, // [out, in], or panels [⌈out / 8⌉, in, 8]
    outputs: usize,
    inputs: usize,
}

impl Weight {
    /// Takes a weight `[out, in]`.
    pub fn new(weight: Tensor) -> Result<Self> {
        Self::laid_out(weight, cfg!(target_arch = "wasm32"), |it| {
            it.t()?.contiguous()?.t()
        })
    }

    /// The same for a weight that gradients come back through, which reads it by rows.
    pub fn by_rows(weight: Tensor) -> Result<Self> {
        Self::laid_out(weight, cfg!(target_arch = "wasm32"), Ok)
    }

    fn laid_out(
        weight: Tensor,
        in_panels: bool,
        otherwise: impl FnOnce(Tensor) -> Result<Tensor>,
    ) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        let values = match () {
            () if weight.track_op() => weight,
            () if in_panels && is_cpu_f32(&weight) => {
                let panels = (outputs.div_ceil(COLUMNS), inputs, COLUMNS);
                weight.apply_op1_no_bwd(&IntoPanels)?.reshape(panels)?
            }
            () => otherwise(weight)?,
        };
        Ok(Self {
            values,
            outputs,
            inputs,
        })
    }

    pub fn dtype(&self) -> DType {
        self.values.dtype()
    }

    fn is_in_panels(&self) -> bool {
        self.values.rank() == 3
    }

    /// `[out, in]`, however it lies.
    pub fn dense(&self) -> Result<Tensor> {
        match self.is_in_panels() {
            false => Ok(self.values.clone()),
            true => self
                .values
                .transpose(1, 2)? // [panels, 8, in]
                .contiguous()?
                .reshape(((), self.inputs))?
                .narrow(0, 0, self.outputs),
        }
    }

    /// The weight of `count` of the outputs, from `first` on.
    pub fn outputs(&self, first: usize, count: usize) -> Result<Self> {
        let whole_panels = first % COLUMNS == 0 && count % COLUMNS == 0;
        let values = match (self.is_in_panels(), whole_panels) {
            (false, _) => self.values.narrow(0, first, count)?,
            (true, true) => self.values.narrow(0, first / COLUMNS, count / COLUMNS)?,
            (true, false) => return Self::new(self.dense()?.narrow(0, first, count)?),
        };
        Ok(Self {
            values,
            outputs: count,
            inputs: self.inputs,
        })
    }

    /// `x·Wᵀ + b`: `x [.., in]`, `bias [out]` → `[.., out]`; see [`linear()`].
    pub fn linear(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        if !self.is_in_panels() {
            return linear(x, &self.values, bias);
        }
        if bias.is_some_and(|bias| bias.track_op()) {
            return linear(x, &self.dense()?, bias);
        }
        let bias = match bias {
            Some(bias) => bias.contiguous()?,
            None => Tensor::zeros(self.outputs, x.dtype(), x.device())?,
        };
        x.contiguous()?.apply_op3(&self.values, &bias, InPanels)
    }
}

/// `weight [out, in]` → its transpose in panels.
struct IntoPanels;

impl CustomOp1 for IntoPanels {
    fn name(&self) -> &'static str {
        "into-panels"
    }

    fn cpu_fwd(&self, weight: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (outputs, inputs) = layout.shape().dims2()?;
        let weight = &weight.as_slice::<f32>()?[layout.start_offset()..];
        let [of_output, of_input] = [layout.stride()[0], layout.stride()[1]];
        let shape = [inputs, outputs];
        let mut panels = Vec::new();
        let value = |input, output| weight[output * of_output + input * of_input];
        pack(shape, value, &mut panels);
        Ok((CpuStorage::F32(panels), Shape::from(length(shape))))
    }
}

/// `(x [.., in], panels [⌈out / 8⌉, in, 8], bias [out])` → `[.., out]`.
struct InPanels;

impl CustomOp3 for InPanels {
    fn name(&self) -> &'static str {
        "linear-in-panels"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        panels: &CpuStorage,
        panels_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, inputs, _) = panels_layout.shape().dims3()?;
        let outputs = bias_layout.shape().elem_count();
        let mut dims = x_layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == inputs => *last = outputs,
            _ => bail!(
                "linear: x is {:?}, weight [{outputs}, {inputs}]",
                x_layout.dims()
            ),
        }
        let x = contiguous(self.name(), x, x_layout)?;
        let rows = x.len() / inputs.max(1);
        let panels = contiguous(self.name(), panels, panels_layout)?;
        let mut y = contiguous(self.name(), bias, bias_layout)?.repeat(rows);
        let x = Matrix::rows(x, inputs);
        add_product([rows, inputs, outputs], x, panels, &mut y, outputs);
        Ok((CpuStorage::F32(y), Shape::from(dims)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        panels: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if panels.track_op() || bias.track_op() {
            bail!("linear: a weight in panels is frozen, and so is its bias");
        }
        let grad = grad.contiguous()?.detach();
        let grad_x = match x.track_op() {
            true => Some(grad.apply_op2_no_bwd(&panels.detach(), &TimesPanels)?),
            false => None,
        };
        Ok((grad_x, None, None))
    }
}

/// `(grad [.., out], panels [⌈out / 8⌉, in, 8])` → `grad·W`, `[.., in]`.
struct TimesPanels;

impl CustomOp2 for TimesPanels {
    fn name(&self) -> &'static str {
        "times-panels"
    }

    fn cpu_fwd(
        &self,
        grad: &CpuStorage,
        grad_layout: &Layout,
        panels: &CpuStorage,
        panels_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, inputs, _) = panels_layout.shape().dims3()?;
        let mut dims = grad_layout.dims().to_vec();
        let outputs = match dims.last_mut() {
            Some(last) => std::mem::replace(last, inputs),
            None => bail!("linear: a gradient without dimensions"),
        };
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let panels = contiguous(self.name(), panels, panels_layout)?;
        let rows = grad.len() / outputs.max(1);
        let mut out = vec![0f32; rows * inputs];
        let shape = [rows, outputs, inputs];
        let value = |output, input| at(panels, inputs, input, output);
        by_panels(shape, Matrix::rows(grad, outputs), value, &mut out, inputs);
        Ok((CpuStorage::F32(out), Shape::from(dims)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Result, Tensor, Var};

    use super::Weight;
    use crate::ops::linear;

    fn values(dims: &[usize]) -> Result<Tensor> {
        let count = dims.iter().product::<usize>() as f32;
        let values = Tensor::arange(0f32, count, &Device::Cpu)?;
        (values * 0.37)?.sin()?.reshape(dims)
    }

    fn difference(a: &Tensor, b: &Tensor) -> Result<f32> {
        (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar()
    }

    #[test]
    fn in_panels_gives_what_the_weight_gives_forwards_and_backwards() -> Result<()> {
        for [outputs, inputs] in [[8, 5], [24, 16], [13, 9], [3, 2]] {
            let weight = values(&[outputs, inputs])?;
            let bias = values(&[outputs])?;
            let in_panels = Weight::laid_out(weight.clone(), true, Ok)?;
            assert!(in_panels.is_in_panels());
            assert_eq!(difference(&in_panels.dense()?, &weight)?, 0.0);
            let x = Var::from_tensor(&values(&[2, 3, inputs])?)?;
            let upstream = values(&[2, 3, outputs])?;
            let plain = linear(&x, &weight, Some(&bias))?;
            let got = in_panels.linear(&x, Some(&bias))?;
            assert!(difference(&got, &plain)? < 1e-5);
            let gradient = |y: &Tensor| -> Result<Tensor> {
                let gradients = (y * &upstream)?.sum_all()?.backward()?;
                Ok(gradients.get(&x).expect("x is a variable").clone())
            };
            assert!(difference(&gradient(&got)?, &gradient(&plain)?)? < 1e-5);
            for [first, count] in [[0, 3], [0, outputs], [1, 2]] {
                let some = in_panels.outputs(first, count)?;
                let expected = weight.narrow(0, first, count)?;
                assert_eq!(difference(&some.dense()?, &expected)?, 0.0);
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_trained_or_of_another_type_stays_as_it_is() -> Result<()> {
        let weight = values(&[8, 4])?;
        let trained = Var::from_tensor(&weight)?;
        assert!(!Weight::laid_out(trained.as_tensor().clone(), true, Ok)?.is_in_panels());
        let half = weight.to_dtype(DType::F16)?;
        assert!(!Weight::laid_out(half, true, Ok)?.is_in_panels());
        let trained_bias = Var::from_tensor(&values(&[8])?)?;
        let frozen = Weight::laid_out(weight, true, Ok)?;
        let y = frozen.linear(&values(&[2, 4])?, Some(&trained_bias))?;
        let gradients = y.sum_all()?.backward()?;
        let of_bias = gradients
            .get(&trained_bias)
            .expect("the bias is a variable");
        assert_eq!(of_bias.to_vec1::<f32>()?, [2.0; 8]);
        Ok(())
    }
}
