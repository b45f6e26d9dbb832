//! How a context is tuned on one image.

use serde::{Deserialize, Serialize};

use super::{Layout, Loss, Selection};
use crate::error::{Error, Result};

/// How a context is tuned on one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TuningSettings {
    pub loss: Loss,
    /// How the views of an image follow each other.
    pub layout: Layout,
    pub selection: Selection,
    /// AdamW's learning rate.
    pub lr: f64,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// Steps on each image. The views are selected anew in each.
    pub steps: usize,
    /// Classes whose prompts are encoded together: a bound on memory that does not
    /// change the result.
    pub classes_at_once: usize,
}

impl Default for TuningSettings {
    /// The notebook's (`default_args`, with 63 views beside the image).
    fn default() -> Self {
        Self {
            loss: Loss::DefaultTpt,
            layout: Layout {
                patches: 0,
                n_aug: 63,
            },
            selection: Selection::default(),
            lr: 5e-3,
            weight_decay: 1e-2,
            steps: 1,
            classes_at_once: 256,
        }
    }
}

impl TuningSettings {
    /// Whether images of `views` views can be tuned on with `classes` classes.
    ///
    /// # Errors
    /// [`Error::Setting`] with what does not fit.
    pub fn check(&self, views: usize, classes: usize) -> Result<()> {
        if views == 0 {
            return Err(Error::setting("the number of views", 0, "1 or more"));
        }
        if classes < 2 {
            let expected = "2 or more: of a single class there is nothing to tell apart";
            return Err(Error::setting("the number of classes", classes, expected));
        }
        if self.steps == 0 {
            return Err(Error::setting("the number of steps", 0, "1 or more"));
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Error::setting("lr", self.lr, "above 0"));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            let got = self.weight_decay;
            return Err(Error::setting("the weight decay", got, "0 or above"));
        }
        self.loss.check(views, classes, self.layout, self.selection)
    }
}
