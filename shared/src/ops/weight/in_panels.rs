//! Products with a weight in panels, and the gradient of what they are multiplied with.

use std::cell::RefCell;
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

use crate::ops::finish::{Finish, Finisher};
use crate::ops::linear::shape_of_result;
use crate::ops::matmul::{Matrix, by_panels};
use crate::ops::panels::{at, product};
use crate::ops::rectangles::Threads;
use crate::ops::tile::COLUMNS;
use crate::ops::whole::{self, Column};
#[cfg(not(target_arch = "wasm32"))]
use crate::ops::wide;
use crate::ops::{Then, contiguous};

/// How panels lie.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `[⌈out / 8⌉, in, 8]`
    Narrow,
    /// `[⌈out / 32⌉, in, 32]`
    #[cfg(not(target_arch = "wasm32"))]
    Wide,
    /// Bytes `[⌈out / 8⌉, ⌈in / 4⌉, 32]`, and what their columns mean.
    Whole(Arc<[Column]>),
}

/// Operations with panels of a weight `[out, in]`.
#[derive(Debug, Clone)]
pub struct InPanels {
    inputs: usize,
    kind: Kind,
}

impl InPanels {
    pub fn new(inputs: usize, kind: Kind) -> Self {
        Self { inputs, kind }
    }

    /// `x [.., in]`, `bias [out]` → `[.., out]`, and what follows it.
    pub fn linear(
        self,
        x: &Tensor,
        panels: &Tensor,
        bias: &Tensor,
        then: Then<'_>,
    ) -> Result<Tensor> {
        let x = x.contiguous()?;
        if x.track_op() || then.beside().is_some_and(Tensor::track_op) {
            let finish = Finish::new(Then::Nothing)?;
            let product = self;
            let y = x.apply_op3(panels, bias, Linear { product, finish })?;
            return then.behind(y);
        }
        let finish = Finish::new(then)?;
        let product = self;
        x.apply_op3_no_bwd(panels, bias, &Linear { product, finish })
    }

    /// `grad·W`, `[.., out]` → `[.., in]`, without a graph.
    pub fn times(self, grad: &Tensor, panels: &Tensor) -> Result<Tensor> {
        grad.apply_op2_no_bwd(panels, &Times(self))
    }
}

/// `(x [.., in], panels, bias [out])` → `[.., out]`.
struct Linear {
    product: InPanels,
    finish: Finish,
}

thread_local! {
    static MULTIPLIER: RefCell<whole::Multiplier> = RefCell::default();
}

impl CustomOp3 for Linear {
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
        let (inputs, outputs) = (self.product.inputs, bias_layout.shape().elem_count());
        let result = shape_of_result(x_layout, [outputs, inputs])?;
        let x = contiguous(self.name(), x, x_layout)?;
        let rows = x.len() / inputs.max(1);
        let bias = contiguous(self.name(), bias, bias_layout)?;
        let shape = [rows, inputs, outputs];
        let floats = || contiguous(self.name(), panels, panels_layout);
        let y = match &self.product.kind {
            #[cfg(not(target_arch = "wasm32"))]
            Kind::Wide => {
                let (panels, x) = (floats()?, Matrix::rows(x, inputs));
                let right = wide::Right { panels, bias };
                let work = |finisher: Finisher<'_>| wide::product(rows, &x, right, finisher);
                self.finish.on([rows, outputs], work)?
            }
            Kind::Narrow => {
                let (panels, x) = (floats()?, Matrix::rows(x, inputs));
                let work = |finisher: Finisher<'_>| product(shape, x, panels, bias, finisher);
                self.finish.on([rows, outputs], work)?
            }
            Kind::Whole(columns) => {
                let right = (bytes(panels, panels_layout)?, &**columns);
                let work = |finisher: Finisher<'_>| {
                    // Taken, since a thread that waits for others may begin another product.
                    let mut multiplier = MULTIPLIER.take();
                    let y = whole::product(shape, x, right, bias, finisher, &mut multiplier);
                    MULTIPLIER.set(multiplier);
                    y
                };
                self.finish.on([rows, outputs], work)?
            }
        };
        Ok((CpuStorage::F32(y), result))
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
            true => Some(self.product.clone().times(&grad, &panels.detach())?),
            false => None,
        };
        Ok((grad_x, None, None))
    }
}

fn bytes<'a>(panels: &'a CpuStorage, layout: &Layout) -> Result<&'a [u8]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&panels.as_slice::<u8>()?[start..end]),
        None => bail!("linear needs contiguous panels"),
    }
}

/// `(grad [.., out], panels)` → `grad·W`, `[.., in]`.
struct Times(InPanels);

impl CustomOp2 for Times {
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
        let inputs = self.0.inputs;
        let mut dims = grad_layout.dims().to_vec();
        let outputs = match dims.last_mut() {
            Some(last) => std::mem::replace(last, inputs),
            None => bail!("linear: a gradient without dimensions"),
        };
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let rows = grad.len() / outputs.max(1);
        let shape = [rows, outputs, inputs];
        let grad = Matrix::rows(grad, outputs);
        let floats = || contiguous(self.name(), panels, panels_layout);
        let out = match &self.0.kind {
            #[cfg(not(target_arch = "wasm32"))]
            Kind::Wide => {
                let right = wide::Right {
                    panels: &wide::transposed([inputs, outputs], floats()?),
                    bias: &vec![0.0; inputs],
                };
                wide::product(rows, &grad, right, Finisher::NONE)
            }
            Kind::Narrow => {
                let panels = floats()?;
                let value = |output, input| at::<COLUMNS>(panels, inputs, input, output);
                times(shape, grad, value)
            }
            Kind::Whole(columns) => {
                let bytes = bytes(panels, panels_layout)?;
                let value = |output, input| whole::at(bytes, columns, inputs, input, output);
                times(shape, grad, value)
            }
        };
        Ok((CpuStorage::F32(out), Shape::from(dims)))
    }
}

/// The product of `grad [rows, out]` with the values of a matrix `[out, in]`.
fn times(
    [rows, outputs, inputs]: [usize; 3],
    grad: Matrix<'_>,
    value: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut out = vec![0f32; rows * inputs];
    let shape = [rows, outputs, inputs];
    by_panels(shape, grad, value, &mut out, inputs, Threads::All);
    out
}
