//! What follows a product, done to each piece of its result while that is in the nearest cache.

use candle_core::{Result, Storage, Tensor, bail};

use super::number::{Four, Lanes, Number};
use super::tile::{Eight, copy};
use super::{Activation, contiguous};

/// What follows a product.
#[derive(Debug, Clone, Copy)]
pub enum Then<'a> {
    Nothing,
    Relu,
    Activation(Activation),
    /// The sum with another of the same shape.
    Add(&'a Tensor),
    /// The same, then ReLU.
    AddRelu(&'a Tensor),
}

impl<'a> Then<'a> {
    /// What is added.
    pub(super) fn beside(self) -> Option<&'a Tensor> {
        match self {
            Self::Add(beside) | Self::AddRelu(beside) => Some(beside),
            Self::Nothing | Self::Relu | Self::Activation(_) => None,
        }
    }

    /// The same as an operation of its own.
    pub(super) fn behind(self, y: Tensor) -> Result<Tensor> {
        match self {
            Self::Nothing => Ok(y),
            Self::Relu => y.relu(),
            Self::Activation(activation) => activation.forward(&y),
            Self::Add(beside) => y + beside,
            Self::AddRelu(beside) => (y + beside)?.relu(),
        }
    }
}

/// What a value becomes.
#[derive(Debug, Clone, Copy)]
enum Pointwise {
    Itself,
    Relu,
    Activation(Activation),
}

/// [`Then`], with what is added at hand.
#[derive(Debug)]
pub(super) struct Finish {
    beside: Option<Tensor>,
    pointwise: Pointwise,
}

impl Finish {
    pub fn new(then: Then<'_>) -> Result<Self> {
        Ok(Self {
            beside: then.beside().map(Tensor::contiguous).transpose()?,
            pointwise: match then {
                Then::Nothing | Then::Add(_) => Pointwise::Itself,
                Then::Relu | Then::AddRelu(_) => Pointwise::Relu,
                Then::Activation(activation) => Pointwise::Activation(activation),
            },
        })
    }

    /// Gives `work` what finishes a result of so many rows and columns.
    ///
    /// # Errors
    /// If what is added is of another size.
    pub fn on<R>(
        &self,
        [rows, columns]: [usize; 2],
        work: impl FnOnce(Finisher<'_>) -> R,
    ) -> Result<R> {
        let beside = self.beside.as_ref().map(Tensor::storage_and_layout);
        let beside = match &beside {
            Some((storage, layout)) => {
                let Storage::Cpu(storage) = &**storage else {
                    bail!("what is added to a product is not on the CPU");
                };
                let values = contiguous("what is added to a product", storage, layout)?;
                if values.len() != rows * columns {
                    bail!("{} values to add to {rows} × {columns}", values.len());
                }
                Some(values)
            }
            None => None,
        };
        Ok(work(Finisher {
            beside,
            columns,
            pointwise: self.pointwise,
        }))
    }
}

/// [`Finish`] for a result of known size.
#[derive(Clone, Copy)]
pub(super) struct Finisher<'a> {
    /// `[rows, columns]`
    beside: Option<&'a [f32]>,
    columns: usize,
    pointwise: Pointwise,
}

impl Finisher<'_> {
    /// Nothing is done.
    pub const NONE: Self = Self {
        beside: None,
        columns: 0,
        pointwise: Pointwise::Itself,
    };

    /// Finishes `values` of a row, from `column` on.
    #[inline(always)]
    pub fn finish(&self, row: usize, column: usize, values: &mut [f32]) {
        if !self.is_nothing() {
            self.change(row, column, values);
        }
    }

    /// Finishes the first `width` values of some rows, from `row` and `column` on; what is
    /// behind those means nothing.
    #[inline(always)]
    pub fn finish_rows(&self, row: usize, column: usize, width: usize, rows: &mut [Eight]) {
        if !self.is_nothing() {
            self.change_rows(row, column, width, rows);
        }
    }

    fn is_nothing(&self) -> bool {
        self.beside.is_none() && matches!(self.pointwise, Pointwise::Itself)
    }

    /// It is called, not copied: as a part of the product's innermost loops it would take a
    /// tenth of the time of all.
    #[inline(never)]
    fn change(&self, row: usize, column: usize, values: &mut [f32]) {
        if let Some(beside) = self.beside {
            let values = values
                .iter_mut()
                .zip(&beside[row * self.columns + column..]);
            values.for_each(|(value, beside)| *value += beside);
        }
        self.change_each(values);
    }

    #[inline(never)]
    fn change_rows(&self, row: usize, column: usize, width: usize, rows: &mut [Eight]) {
        if let Some(beside) = self.beside {
            for (row, values) in (row..).zip(rows.iter_mut()) {
                let mut more = Eight::default();
                let beside = &beside[row * self.columns + column..][..width];
                copy(beside, &mut more.as_flattened_mut()[..width]);
                for (values, more) in values.iter_mut().zip(&more) {
                    Lanes::load(values).plus(Lanes::load(more)).store(values);
                }
            }
        }
        self.change_each(rows.as_flattened_mut().as_flattened_mut());
    }

    #[inline(always)]
    fn change_each(&self, values: &mut [f32]) {
        match self.pointwise {
            Pointwise::Itself => (),
            Pointwise::Relu => values.iter_mut().for_each(|value| *value = value.max(0.0)),
            Pointwise::Activation(activation) => activation.in_place(values),
        }
    }

    /// The result of a product whose sums have no terms.
    pub fn of_bias(&self, rows: usize, bias: &[f32]) -> Vec<f32> {
        let mut out = bias.repeat(rows);
        let of_rows = out.chunks_exact_mut(bias.len().max(1)).enumerate();
        of_rows.for_each(|(row, values)| self.finish(row, 0, values));
        out
    }
}
