//! How the image is tuned on, as it is slid and chosen.

use clipwright_shared::tuning::{Augmenter, Loss, Preset, Selection, TuningSettings};
use serde::{Deserialize, Serialize};

/// Everything that shapes a tuning beside image, classes and prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneSettings {
    pub loss: Loss,
    pub views: TuneViews,
    /// Random crops beside the image itself.
    pub crops: usize,
    /// Patches along each side.
    pub grid: usize,
    /// How far a patch reaches over its cell, as a share of the cell.
    pub overlap: f64,
    /// Copies of the image and of each patch.
    pub copies: usize,
    pub augmix: bool,
    /// The most confident share of all views that counts.
    pub share_of_all: f64,
    /// The most confident share of the views of one patch that counts.
    pub share_of_patch: f64,
    pub lr: f64,
    pub steps: usize,
    /// A learned file; without one, the words of the template.
    pub start: Option<String>,
    pub seed: u32,
}

/// What views are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TuneViews {
    Crops,
    Patches,
}

/// Which share a loss goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TuneShare {
    OfAll,
    OfPatch,
    /// All views count, some more than others.
    None,
}

/// The learning rates to choose from.
pub const LEARNING_RATES: [f64; 9] = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2];

impl Default for TuneSettings {
    /// The first preset's; with patches, those of the presets that have some.
    fn default() -> Self {
        let usual = TuningSettings::default();
        Self {
            loss: usual.loss,
            views: TuneViews::Crops,
            crops: usual.layout.n_aug,
            grid: 4,
            overlap: 0.0,
            copies: 4,
            augmix: true,
            share_of_all: usual.selection.all,
            share_of_patch: usual.selection.patch,
            lr: usual.lr,
            steps: usual.steps,
            start: None,
            seed: 1337,
        }
        .with_preset(Preset::default())
    }
}

impl TuneSettings {
    /// Everything as `preset` has it, except the start and the seed.
    pub fn with_preset(&self, preset: Preset) -> Self {
        let usual = TuningSettings::default();
        let mut settings = Self {
            loss: preset.loss(),
            share_of_all: usual.selection.all,
            share_of_patch: usual.selection.patch,
            lr: usual.lr,
            steps: usual.steps,
            ..self.clone()
        };
        match preset.augmenter() {
            Augmenter::Views { count, augmix, .. } => {
                settings.views = TuneViews::Crops;
                settings.crops = count;
                settings.augmix = augmix.is_some();
            }
            Augmenter::Patches {
                patches,
                overlap,
                n_aug,
                augmix,
            } => {
                settings.views = TuneViews::Patches;
                settings.grid = patches.isqrt();
                settings.overlap = overlap;
                settings.copies = n_aug;
                settings.augmix = augmix.is_some();
            }
        }
        settings
    }

    /// The preset that these are.
    pub fn preset(&self) -> Option<Preset> {
        let is_it = |preset: &Preset| self.with_preset(*preset) == *self;
        Preset::ALL.into_iter().find(is_it)
    }

    pub fn augmenter(&self) -> Augmenter {
        let augmix = self.augmix.then(Preset::augmix);
        match (self.views, Augmenter::tpt()) {
            (TuneViews::Crops, Augmenter::Views { crop, .. }) => Augmenter::Views {
                count: self.crops,
                crop,
                augmix,
            },
            _ => Augmenter::Patches {
                patches: self.grid.pow(2),
                overlap: self.overlap,
                n_aug: self.copies,
                augmix,
            },
        }
    }

    pub fn tuning(&self) -> TuningSettings {
        TuningSettings {
            loss: self.loss,
            layout: self.augmenter().layout(),
            selection: Selection {
                all: self.share_of_all,
                patch: self.share_of_patch,
                ..Selection::default()
            },
            lr: self.lr,
            steps: self.steps,
            ..TuningSettings::default()
        }
    }

    /// Views in all, the image itself among them.
    pub fn views_in_all(&self) -> usize {
        self.augmenter().layout().views()
    }

    /// Which share the loss goes by.
    pub fn share(&self) -> TuneShare {
        match self.loss {
            Loss::DefaultTpt
            | Loss::CrossEntropySoft
            | Loss::CrossEntropyHard1
            | Loss::CrossEntropyHard5 => TuneShare::OfAll,
            Loss::PatchLoss1 | Loss::PatchLoss2 | Loss::PatchLoss3 | Loss::PatchLoss4 => {
                TuneShare::OfPatch
            }
            Loss::PatchLoss5 | Loss::PatchLoss6 => TuneShare::None,
        }
    }

    /// Why these cannot work with so many classes, as the library says it.
    pub fn refusal(&self, classes: usize) -> Option<String> {
        let views = self.augmenter().check();
        let checked = views.and_then(|()| self.tuning().check(self.views_in_all(), classes));
        checked.err().map(|error| error.to_string())
    }

    /// Why `loss` could not be chosen in place of this one.
    pub fn refusal_of(&self, loss: Loss, classes: usize) -> Option<String> {
        let other = Self {
            loss,
            ..self.clone()
        };
        other.refusal(classes)
    }
}
