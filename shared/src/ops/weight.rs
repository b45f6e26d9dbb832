//! A weight as this machine's products read it.

mod in_panels;

use std::sync::Arc;

use candle_core::{
    CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Storage, Tensor, bail,
};

use super::linear::times;
use super::panels::{length, pack};
use super::tile::COLUMNS;
use super::whole::{self, Column, QUAD};
#[cfg(not(target_arch = "wasm32"))]
use super::wide;
use super::{Then, contiguous, is_cpu_f32, linear};
use in_panels::{InPanels, Kind};

/// The weight `[out, in]` of a linear layer.
///
/// What is trained stays as it is, and so does what lies on a GPU. What is frozen is laid out
/// anew, once: in panels for WebAssembly and for processors with wide registers; elsewhere
/// column by column, since read from rows, above all from rows that take a multiple of a page,
/// which all fall into the same few places of the cache, it takes up to three times as long.
#[derive(Debug, Clone)]
pub struct Weight {
    values: Values,
    outputs: usize,
    inputs: usize,
}

#[derive(Debug, Clone)]
enum Values {
    /// `[out, in]`
    Dense(Tensor),
    /// `[⌈out / width⌉, in, width]`, the width 8 or 32
    Panels(Tensor),
    /// Bytes `[⌈out / 8⌉, ⌈in / 4⌉, 32]`, and what their columns mean.
    Whole(Tensor, Arc<[Column]>),
}

impl Weight {
    /// Takes a weight `[out, in]`.
    pub fn new(weight: Tensor) -> Result<Self> {
        #[cfg(not(target_arch = "wasm32"))]
        if is_frozen(&weight) && wide::is_there() {
            return Self::in_panels::<{ wide::COLUMNS }>(weight);
        }
        match cfg!(target_arch = "wasm32") && is_frozen(&weight) {
            true => Self::in_panels::<COLUMNS>(weight),
            false if weight.track_op() || !weight.device().is_cpu() => Self::dense(weight),
            false => Self::dense(weight.t()?.contiguous()?.t()?),
        }
    }

    /// The same for a weight that was kept in whole numbers of eight bits. Where products
    /// go by panels they are computed with as such, and what they are multiplied with is
    /// brought into seven bits, row by row; elsewhere as floats.
    pub fn whole(weight: Tensor) -> Result<Self> {
        match cfg!(target_arch = "wasm32") && is_frozen(&weight) {
            true => Self::in_bytes(weight),
            false => Self::new(weight),
        }
    }

    /// The same weight for a layer that gradients come back through, where natively it is
    /// read by rows.
    pub fn into_rows(self) -> Result<Self> {
        match cfg!(target_arch = "wasm32") {
            true => Ok(self),
            false => Self::dense(self.values()?.contiguous()?),
        }
    }

    fn dense(weight: Tensor) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        Ok(Self {
            values: Values::Dense(weight),
            outputs,
            inputs,
        })
    }

    pub(super) fn in_panels<const WIDTH: usize>(weight: Tensor) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        let panels = (outputs.div_ceil(WIDTH), inputs, WIDTH);
        let values = weight.apply_op1_no_bwd(&IntoPanels::<WIDTH>)?;
        let values = values.reshape(panels)?;
        Ok(Self {
            values: Values::Panels(values),
            outputs,
            inputs,
        })
    }

    fn in_bytes(weight: Tensor) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        let weight = weight.contiguous()?;
        let (storage, layout) = weight.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            bail!("a weight in whole numbers is not on the CPU");
        };
        let values = contiguous("weight", storage, layout)?;
        let value = |input: usize, output: usize| values[output * inputs + input];
        let (bytes, columns) = whole::pack([inputs, outputs], value);
        let panels = (outputs.div_ceil(COLUMNS), (), QUAD * COLUMNS);
        let bytes = Tensor::from_vec(bytes, whole::length([inputs, outputs]), &Device::Cpu)?;
        Ok(Self {
            values: Values::Whole(bytes.reshape(panels)?, columns.into()),
            outputs,
            inputs,
        })
    }

    /// The panels `[⌈out / 32⌉, in, 32]`, if the weight lies in such.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn as_wide_panels(&self) -> Option<&Tensor> {
        match self.panels() {
            Some((panels, Kind::Wide)) => Some(panels),
            _ => None,
        }
    }

    /// `[out, in]`
    pub fn dims(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// The type of the values that it stands for.
    pub fn dtype(&self) -> DType {
        match &self.values {
            Values::Dense(values) => values.dtype(),
            Values::Panels(_) | Values::Whole(..) => DType::F32,
        }
    }

    /// `[out, in]`, however it lies.
    pub fn values(&self) -> Result<Tensor> {
        let (outputs, inputs) = (self.outputs, self.inputs);
        match &self.values {
            Values::Dense(values) => Ok(values.clone()),
            Values::Panels(panels) => panels
                .transpose(1, 2)? // [panels, width, in]
                .contiguous()?
                .reshape(((), inputs))?
                .narrow(0, 0, outputs),
            Values::Whole(bytes, columns) => {
                let bytes = bytes.flatten_all()?.to_vec1::<u8>()?;
                let places = (0..outputs * inputs).map(|at| (at % inputs, at / inputs));
                let values =
                    places.map(|(input, output)| whole::at(&bytes, columns, inputs, input, output));
                Tensor::from_vec(values.collect(), (outputs, inputs), &Device::Cpu)
            }
        }
    }

    /// The weight of `count` of the outputs, from `first` on.
    pub fn outputs(&self, first: usize, count: usize) -> Result<Self> {
        let some = || self.values()?.narrow(0, first, count);
        let are_panels = |width| first.is_multiple_of(width) && count.is_multiple_of(width);
        let panels = |all: &Tensor, width| all.narrow(0, first / width, count / width);
        let values = match &self.values {
            Values::Dense(values) => Values::Dense(values.narrow(0, first, count)?),
            Values::Panels(all) => match all.dims()[2] {
                width if are_panels(width) => Values::Panels(panels(all, width)?),
                _ => return Self::new(some()?),
            },
            Values::Whole(all, columns) if are_panels(COLUMNS) => {
                Values::Whole(panels(all, COLUMNS)?, columns[first..first + count].into())
            }
            Values::Whole(..) => return Self::in_bytes(some()?),
        };
        Ok(Self {
            values,
            outputs: count,
            inputs: self.inputs,
        })
    }

    /// `x·Wᵀ + b`: `x [.., in]`, `bias [out]` → `[.., out]`; see [`linear()`].
    pub fn linear(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        self.linear_then(x, bias, Then::Nothing)
    }

    /// The same and what follows it, in one go where no gradient comes back.
    pub fn linear_then(&self, x: &Tensor, bias: Option<&Tensor>, then: Then<'_>) -> Result<Tensor> {
        // A bias that is trained needs what panels do not have.
        let is_trained = bias.is_some_and(Tensor::track_op);
        let Some((panels, kind)) = self.panels().filter(|_| !is_trained) else {
            return then.behind(linear(x, &self.values()?, bias)?);
        };
        let bias = match bias {
            Some(bias) => bias.contiguous()?,
            None => Tensor::zeros(self.outputs, x.dtype(), x.device())?,
        };
        let product = InPanels::new(self.inputs, kind);
        product.linear(x, panels, &bias, then)
    }

    /// `grad·W`, `[rows, out]` → `[rows, in]`, without a graph.
    pub(super) fn times(&self, grad: &Tensor) -> Result<Tensor> {
        match self.panels() {
            Some((panels, kind)) => InPanels::new(self.inputs, kind).times(grad, panels),
            None => times(grad, &self.values()?),
        }
    }

    /// The panels, and how they lie.
    fn panels(&self) -> Option<(&Tensor, Kind)> {
        match &self.values {
            Values::Dense(_) => None,
            #[cfg(not(target_arch = "wasm32"))]
            Values::Panels(panels) if panels.dims()[2] == wide::COLUMNS => {
                Some((panels, Kind::Wide))
            }
            Values::Panels(panels) => Some((panels, Kind::Narrow)),
            Values::Whole(bytes, columns) => Some((bytes, Kind::Whole(columns.clone()))),
        }
    }

    /// Whether it gets no gradient.
    pub(super) fn is_frozen(&self) -> bool {
        match &self.values {
            Values::Dense(values) => !values.track_op(),
            Values::Panels(_) | Values::Whole(..) => true,
        }
    }
}

/// Whether a weight can lie in panels.
fn is_frozen(weight: &Tensor) -> bool {
    !weight.track_op() && is_cpu_f32(weight)
}

/// `weight [out, in]` → its transpose in panels.
struct IntoPanels<const WIDTH: usize>;

impl<const WIDTH: usize> CustomOp1 for IntoPanels<WIDTH> {
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
        pack::<WIDTH>(shape, value, &mut panels);
        let length = length::<WIDTH>(shape);
        Ok((CpuStorage::F32(panels), Shape::from(length)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Result, Tensor, Var};

    use super::{COLUMNS, Weight, is_frozen, wide};
    use crate::ops::fixture::values;
    use crate::ops::{Activation, Then, linear};

    fn difference(a: &Tensor, b: &Tensor) -> Result<f32> {
        (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar()
    }

    /// How far outputs, and gradients of the input, are from those of the dense weight.
    fn compare(weight: &Weight, dense: &Tensor) -> Result<[f32; 2]> {
        let (outputs, inputs) = dense.dims2()?;
        let bias = values(&[outputs])?;
        let x = Var::from_tensor(&values(&[2, 3, inputs])?)?;
        let upstream = values(&[2, 3, outputs])?;
        let plain = linear(&x, dense, Some(&bias))?;
        let got = weight.linear(&x, Some(&bias))?;
        let gradient = |y: &Tensor| -> Result<Tensor> {
            let gradients = (y * &upstream)?.sum_all()?.backward()?;
            Ok(gradients.get(&x).expect("x is a variable").clone())
        };
        let of_x = difference(&gradient(&got)?, &gradient(&plain)?)?;
        Ok([difference(&got, &plain)?, of_x])
    }

    #[test]
    fn however_it_lies_it_gives_what_the_weight_gives_forwards_and_backwards() -> Result<()> {
        for [outputs, inputs] in [[8, 5], [24, 16], [13, 9], [3, 2], [70, 9]] {
            let weight = values(&[outputs, inputs])?;
            let panels = Weight::in_panels::<COLUMNS>(weight.clone())?;
            let wide = Weight::in_panels::<{ wide::COLUMNS }>(weight.clone())?;
            for panels in [&panels, &wide] {
                assert_eq!(difference(&panels.values()?, &weight)?, 0.0);
                assert!(compare(panels, &weight)?.iter().all(|error| *error < 1e-5));
            }
            let bytes = Weight::in_bytes(weight.clone())?;
            let near = bytes.values()?;
            assert!(difference(&near, &weight)? < 0.004); // half a step of values up to 1
            let [forwards, backwards] = compare(&bytes, &near)?;
            // Only what goes in is rounded, to seven bits.
            assert!(forwards < 0.008 * inputs as f32 && backwards < 1e-5);
            for [first, count] in [[0, 3], [0, outputs], [1, 2]] {
                for (whole, all) in [(&panels, &weight), (&wide, &weight), (&bytes, &near)] {
                    let some = whole.outputs(first, count)?;
                    let expected = all.narrow(0, first, count)?;
                    assert!(difference(&some.values()?, &expected)? < 1e-6);
                }
            }
            let again = Weight::in_bytes(near.clone())?;
            assert!(difference(&again.values()?, &near)? < 1e-6);
        }
        Ok(())
    }

    fn all(beside: &Tensor) -> [Then<'_>; 6] {
        [
            Then::Nothing,
            Then::Relu,
            Then::Activation(Activation::QuickGelu),
            Then::Activation(Activation::Gelu),
            Then::Add(beside),
            Then::AddRelu(beside),
        ]
    }

    #[test]
    fn what_follows_is_the_same_as_an_operation_of_its_own() -> Result<()> {
        let (weight, bias) = (values(&[35, 9])?, values(&[35])?);
        let x = Var::from_tensor(&values(&[2, 3, 9])?)?;
        let beside = Var::from_tensor(&values(&[2, 3, 35])?)?;
        let weights = [
            Weight::dense(weight.clone())?,
            Weight::in_panels::<COLUMNS>(weight.clone())?,
            Weight::in_panels::<{ wide::COLUMNS }>(weight.clone())?,
            Weight::in_bytes(weight)?,
        ];
        for weight in weights {
            let expected = weight.linear(&x.detach(), Some(&bias))?;
            let detached = beside.detach();
            for (then, tracked) in all(&detached).into_iter().zip(all(&beside)) {
                let expected = then.behind(expected.clone())?;
                let got = weight.linear_then(&x.detach(), Some(&bias), then)?;
                assert!(difference(&got, &expected)? < 1e-6, "{then:?}");
                // In a graph too, where gradients come back to both.
                let got = weight.linear_then(&x, Some(&bias), tracked)?;
                assert!(difference(&got, &expected)? < 1e-6, "{then:?}");
                let gradients = got.sum_all()?.backward()?;
                assert!(gradients.get(&x).is_some());
                assert_eq!(gradients.get(&beside).is_some(), tracked.beside().is_some());
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_trained_or_of_another_type_stays_as_it_is() -> Result<()> {
        let weight = values(&[8, 4])?;
        let trained = Var::from_tensor(&weight)?;
        assert!(!is_frozen(trained.as_tensor()));
        assert!(!is_frozen(&weight.to_dtype(DType::F16)?));
        let trained_bias = Var::from_tensor(&values(&[8])?)?;
        let frozen = Weight::new(weight)?;
        let y = frozen.linear(&values(&[2, 4])?, Some(&trained_bias))?;
        let gradients = y.sum_all()?.backward()?;
        let of_bias = gradients
            .get(&trained_bias)
            .expect("the bias is a variable");
        assert_eq!(of_bias.to_vec1::<f32>()?, [2.0; 8]);
        Ok(())
    }
}
