//! The views of an image in groups: the image and its copies, then each patch and its
//! copies (the notebook's `reshape_output_patches`).

use candle_core::Tensor;

use super::{Layout, misfit};
use crate::error::Result;
use crate::tuning::confidence::{entropy_of_mean, rows_of, select_confident};

/// Logits in groups. Group 0 is the image's.
pub(super) struct Patches {
    /// `[patches + 1, n_aug + 1, C]`
    pub groups: Tensor,
}

impl Patches {
    /// # Errors
    /// [`crate::Error::Setting`] if the views are not as many as the layout's.
    pub fn new(logits: &Tensor, layout: Layout) -> Result<Self> {
        let (views, classes) = logits.dims2()?;
        if views != layout.views() {
            return Err(misfit(views, layout));
        }
        let dims = (layout.patches + 1, layout.n_aug + 1, classes);
        Ok(Self {
            groups: logits.reshape(dims)?,
        })
    }

    /// The logits `[C]` of the image itself.
    pub fn image(&self) -> Result<Tensor> {
        Ok(self.groups.get(0)?.get(0)?)
    }

    /// Number of groups and of views in each.
    fn sizes(&self) -> (usize, usize) {
        let dims = self.groups.dims();
        (dims[0], dims[1])
    }

    /// For each group, its most confident views by their places among all views.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if the share keeps none.
    pub fn trusted(&self, share: f64) -> Result<Vec<Vec<usize>>> {
        let (groups, size) = self.sizes();
        (0..groups)
            .map(|group| {
                let trusted = select_confident(&self.groups.get(group)?, share)?;
                Ok(trusted.iter().map(|view| group * size + view).collect())
            })
            .collect()
    }

    /// The trusted logits `[kept, C]` of each group.
    pub fn trusted_logits(&self, share: f64) -> Result<Vec<Tensor>> {
        let rows = self.groups.flatten(0, 1)?;
        let trusted = self.trusted(share)?;
        trusted
            .iter()
            .map(|trusted| rows_of(&rows, trusted))
            .collect()
    }

    /// The entropy of each group's mean prediction, `[patches + 1]`.
    pub fn entropies(&self, share: f64) -> Result<Tensor> {
        let trusted = self.trusted_logits(share)?;
        let entropies = trusted.iter().map(entropy_of_mean);
        Ok(Tensor::stack(&entropies.collect::<Result<Vec<_>>>()?, 0)?)
    }
}

/// Kept out of a division by zero (the notebook's `epsilon`).
pub(super) const EPSILON: f64 = 1e-6;
