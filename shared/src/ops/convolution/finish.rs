//! What is done to each piece of a convolution's result while it is in the cache.

use candle_core::{Result, Storage, Tensor, bail};

use super::Then;
use crate::ops::contiguous;

/// [`Then`], with values that can be read piece by piece.
pub struct Finish {
    beside: Option<Tensor>,
    is_rectified: bool,
}

impl Finish {
    pub fn new(then: Then<'_>) -> Result<Self> {
        Ok(Self {
            is_rectified: !matches!(then, Then::Nothing),
            beside: then.beside().map(Tensor::contiguous).transpose()?,
        })
    }

    /// Gives `work` what finishes `values` of a place, from an output on:
    /// `finish(place, output, values)`, for a result `[places, outputs]`.
    ///
    /// It is called, not copied: as a part of the product's innermost loops it would take a
    /// tenth of the time of all.
    pub fn on<R>(
        &self,
        [places, outputs]: [usize; 2],
        work: impl FnOnce(&(dyn Fn(usize, usize, &mut [f32]) + Sync)) -> R,
    ) -> Result<R> {
        let rectify = |values: &mut [f32]| values.iter_mut().for_each(|y| *y = y.max(0.0));
        let Some(beside) = &self.beside else {
            return Ok(match self.is_rectified {
                true => work(&|_, _, values| rectify(values)),
                false => work(&|_, _, _| ()),
            });
        };
        let (storage, layout) = beside.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            bail!("convolution: what is added is not on the CPU");
        };
        let beside = contiguous("convolution", storage, layout)?;
        if beside.len() != places * outputs {
            bail!(
                "convolution: {} values to add to {places} × {outputs}",
                beside.len()
            );
        }
        Ok(work(&|place, output, values| {
            let beside = &beside[place * outputs + output..];
            values
                .iter_mut()
                .zip(beside)
                .for_each(|(y, beside)| *y += beside);
            if self.is_rectified {
                rectify(values);
            }
        }))
    }
}
