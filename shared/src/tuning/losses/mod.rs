//! The ten losses of the project's notebook, under its names and with its quirks
//! (sections 7.3, 8.4 and 10). All take the logits of all views and no label.

mod aggregation;
mod consistency;
mod cross_entropy;
mod patches;
mod reliability;

use std::str::FromStr;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::confidence::{entropy_of_mean, keeps_none, kept_of, rows_of, select_confident};
use crate::error::{Error, Result};
use patches::Patches;

/// How the views of an image follow each other: the image and its copies, then each
/// patch and its copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Number of patches.
    pub patches: usize,
    /// Copies behind the image and behind each patch.
    pub n_aug: usize,
}

impl Layout {
    /// Number of views.
    pub fn views(self) -> usize {
        (self.patches + 1) * (self.n_aug + 1)
    }
}

/// Which predictions a loss trusts, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The most confident share of all views.
    pub all: f64,
    /// The most confident share of the views of one patch.
    pub patch: f64,
    /// How fast a patch loses weight with its entropy (`patch_loss6`).
    pub alpha: f64,
}

impl Default for Selection {
    /// The notebook's.
    fn default() -> Self {
        Self {
            all: 0.1,
            patch: 0.9,
            alpha: 1.0,
        }
    }
}

/// What a step makes smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// The entropy of the mean prediction of the most confident views (the paper's).
    #[serde(rename = "defaultTPT")]
    DefaultTpt,
    /// Cross-entropy to the mean of the confident views' logits, softmaxed.
    #[serde(rename = "crossentropy_soft")]
    CrossEntropySoft,
    /// Cross-entropy to the class that is highest in that mean.
    #[serde(rename = "crossentropy_hard1")]
    CrossEntropyHard1,
    /// Cross-entropy to the five highest classes of that mean.
    #[serde(rename = "crossentropy_hard5")]
    CrossEntropyHard5,
    /// Cross-entropy to how often the patches name each class, sure ones counting more.
    #[serde(rename = "patch_loss1")]
    PatchLoss1,
    /// Cross-entropy to the class that the patches name most, sure ones counting more.
    #[serde(rename = "patch_loss2")]
    PatchLoss2,
    /// The patches' entropies, sure ones counting more.
    #[serde(rename = "patch_loss3")]
    PatchLoss3,
    /// The lowest entropy of a patch.
    #[serde(rename = "patch_loss4")]
    PatchLoss4,
    /// The entropy of the patches' joint prediction, weighted by inverse entropy.
    #[serde(rename = "patch_loss5")]
    PatchLoss5,
    /// The same, weighted by the exponential of the negative entropy.
    #[serde(rename = "patch_loss6")]
    PatchLoss6,
}

impl Loss {
    pub const ALL: [Self; 10] = [
        Self::DefaultTpt,
        Self::CrossEntropySoft,
        Self::CrossEntropyHard1,
        Self::CrossEntropyHard5,
        Self::PatchLoss1,
        Self::PatchLoss2,
        Self::PatchLoss3,
        Self::PatchLoss4,
        Self::PatchLoss5,
        Self::PatchLoss6,
    ];

    /// The notebook's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::DefaultTpt => "defaultTPT",
            Self::CrossEntropySoft => "crossentropy_soft",
            Self::CrossEntropyHard1 => "crossentropy_hard1",
            Self::CrossEntropyHard5 => "crossentropy_hard5",
            Self::PatchLoss1 => "patch_loss1",
            Self::PatchLoss2 => "patch_loss2",
            Self::PatchLoss3 => "patch_loss3",
            Self::PatchLoss4 => "patch_loss4",
            Self::PatchLoss5 => "patch_loss5",
            Self::PatchLoss6 => "patch_loss6",
        }
    }

    /// Whether it goes by patches, so that the views must follow a [`Layout`].
    pub fn by_patches(self) -> bool {
        self.patch_share(0.0).is_some() || matches!(self, Self::PatchLoss5 | Self::PatchLoss6)
    }

    /// Whether this loss says something of an image with `views` views and `classes`
    /// classes: asked before any work. [`Self::value`] refuses only what has no value.
    ///
    /// # Errors
    /// [`Error::Setting`] with the sizes that do not fit.
    pub fn check(
        self,
        views: usize,
        classes: usize,
        layout: Layout,
        selection: Selection,
    ) -> Result<()> {
        let name = self.name();
        for (what, share) in [
            ("the share of trusted views", selection.all),
            ("the share of trusted views of a patch", selection.patch),
        ] {
            if !(share > 0.0 && share <= 1.0) {
                return Err(Error::setting(what, share, "above 0 and at most 1"));
            }
        }
        if !selection.alpha.is_finite() {
            return Err(Error::setting("alpha", selection.alpha, "a number"));
        }
        let least = if self == Self::CrossEntropyHard5 {
            cross_entropy::HARD5
        } else {
            2
        };
        if classes < least {
            let expected = format!("{least} or more for {name}");
            return Err(Error::setting("the number of classes", classes, expected));
        }
        if self.by_patches() && views != layout.views() {
            return Err(misfit(views, layout));
        }
        if matches!(self, Self::PatchLoss1 | Self::PatchLoss2) && layout.patches == 0 {
            let expected = format!("1 or more for {name}");
            return Err(Error::setting("the number of patches", 0, expected));
        }
        let (share, of) = match self.patch_share(selection.patch) {
            Some(share) => (share, layout.n_aug + 1),
            None => match self {
                Self::DefaultTpt => (selection.all, views),
                // The image itself is what is compared.
                Self::CrossEntropySoft | Self::CrossEntropyHard1 | Self::CrossEntropyHard5 => {
                    (selection.all, views.saturating_sub(1))
                }
                _ => (1.0, views),
            },
        };
        match kept_of(of, share) {
            0 => Err(keeps_none(share, of)),
            _ => Ok(()),
        }
    }

    /// The loss, a scalar, of `logits [views, classes]`; differentiable in them.
    ///
    /// # Errors
    /// [`Error::Setting`] if a selection keeps no views (of `crossentropy_hard1` the
    /// target is then class 0, as in the notebook), `patch_loss2` has no patches, or the
    /// number of views is not the layout's.
    pub fn value(self, logits: &Tensor, layout: Layout, selection: Selection) -> Result<Tensor> {
        let patches = || Patches::new(logits, layout);
        match self {
            Self::DefaultTpt => {
                let trusted = select_confident(logits, selection.all)?;
                entropy_of_mean(&rows_of(logits, &trusted)?)
            }
            Self::CrossEntropySoft => cross_entropy::soft(logits, selection.all),
            Self::CrossEntropyHard1 => cross_entropy::hard1(logits, selection.all),
            Self::CrossEntropyHard5 => cross_entropy::hard5(logits, selection.all),
            Self::PatchLoss1 => consistency::with_distribution(&patches()?, selection.patch),
            Self::PatchLoss2 => consistency::with_class(&patches()?, selection.patch),
            Self::PatchLoss3 => reliability::weighted(&patches()?, selection.patch),
            Self::PatchLoss4 => reliability::lowest(&patches()?, selection.patch),
            Self::PatchLoss5 => aggregation::by_inverse(&patches()?),
            Self::PatchLoss6 => aggregation::by_exponential(&patches()?, selection.alpha),
        }
    }

    /// Which views count in the loss of `logits [views, classes]`, in the order of views.
    /// Where the image itself is compared with others, it is not among them.
    ///
    /// # Errors
    /// Those of [`Self::value`].
    pub fn selected(
        self,
        logits: &Tensor,
        layout: Layout,
        selection: Selection,
    ) -> Result<Vec<usize>> {
        let views = logits.dims2()?.0;
        let mut selected = match self {
            Self::DefaultTpt => select_confident(logits, selection.all)?,
            Self::CrossEntropySoft | Self::CrossEntropyHard1 | Self::CrossEntropyHard5 => {
                let others = cross_entropy::others(logits)?;
                let trusted = select_confident(&others, selection.all)?;
                trusted.into_iter().map(|view| view + 1).collect()
            }
            _ => match self.patch_share(selection.patch) {
                Some(share) => Patches::new(logits, layout)?.trusted(share)?.concat(),
                None => (0..views).collect(),
            },
        };
        selected.sort_unstable();
        Ok(selected)
    }

    /// `share`, if it selects within patches.
    fn patch_share(self, share: f64) -> Option<f64> {
        matches!(
            self,
            Self::PatchLoss1 | Self::PatchLoss2 | Self::PatchLoss3 | Self::PatchLoss4
        )
        .then_some(share)
    }
}

impl FromStr for Loss {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|loss| loss.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::setting("the loss", name, format!("one of {names}"))
        })
    }
}

fn misfit(views: usize, layout: Layout) -> Error {
    let Layout { patches, n_aug } = layout;
    let expected = format!(
        "{}: {patches} patches and the image, each with {n_aug} copies",
        layout.views()
    );
    Error::setting("the number of views", views, expected)
}
