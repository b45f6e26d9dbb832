//! How images are tuned on, with everything filled in.

use anyhow::Result;
use clipwright_shared::tuning::{Augmenter, Loss, Preset, Selection, TuningSettings};
use clipwright_shared::views::augmix::AugMix;
use serde::{Deserialize, Serialize};

use crate::args::{AugmenterArg, TuneHow, TunePreset};
use crate::problem::problem;

/// Where the context of every image starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// A learned context, by the fingerprint of its file.
    Learned(String),
    Words(String),
    Noise {
        n_ctx: usize,
        seed: u64,
    },
}

/// A resolved way of tuning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TunePlan {
    pub augmenter: Augmenter,
    pub settings: TuningSettings,
}

/// Fills in `how` from its preset and checks it against `classes` classes.
///
/// # Errors
/// If a setting makes no sense, or the views do not fit the loss.
pub fn resolve(how: &TuneHow, classes: usize) -> Result<TunePlan> {
    let preset = Defaults::of(how.preset);
    let augmenter = how.augmenter.unwrap_or(preset.augmenter);
    let mixed = how
        .augmix
        .unwrap_or(preset.augmix || how.severity.is_some());
    check_typed(how, augmenter, mixed)?;
    let mixture = Preset::augmix();
    let augmix = mixed.then(|| AugMix {
        severity: how.severity.unwrap_or(mixture.severity),
        ..mixture
    });
    let augmenter = match (augmenter, Augmenter::tpt()) {
        (AugmenterArg::Views, Augmenter::Views { crop, .. }) => Augmenter::Views {
            count: how.views.unwrap_or(63),
            crop,
            augmix,
        },
        _ => Augmenter::Patches {
            patches: how.patches.unwrap_or(16),
            overlap: how.overlap.unwrap_or(preset.overlap),
            n_aug: how.views.unwrap_or(4),
            augmix,
        },
    };
    augmenter.check()?;
    let usual = TuningSettings::default();
    let settings = TuningSettings {
        loss: how.loss.unwrap_or(preset.loss),
        layout: augmenter.layout(),
        selection: Selection {
            all: how.select.unwrap_or(usual.selection.all),
            patch: how.select_patch.unwrap_or(usual.selection.patch),
            alpha: how.alpha.unwrap_or(usual.selection.alpha),
        },
        lr: how.lr.unwrap_or(usual.lr),
        weight_decay: how.weight_decay.unwrap_or(usual.weight_decay),
        steps: how.steps.unwrap_or(usual.steps),
        ..usual
    };
    settings.check(settings.layout.views(), classes)?;
    Ok(TunePlan {
        augmenter,
        settings,
    })
}

/// # Errors
/// If a flag was given that means nothing here.
fn check_typed(how: &TuneHow, augmenter: AugmenterArg, mixed: bool) -> Result<()> {
    let views = augmenter == AugmenterArg::Views;
    for (given, flag, needs) in [
        (
            views && how.patches.is_some(),
            "--patches",
            "--augmenter patches",
        ),
        (
            views && how.overlap.is_some(),
            "--overlap",
            "--augmenter patches",
        ),
        (!mixed && how.severity.is_some(), "--severity", "--augmix"),
    ] {
        if given {
            return Err(problem(
                format!("{flag} means nothing without {needs}"),
                format!("add {needs}, or leave {flag} out"),
            ));
        }
    }
    Ok(())
}

struct Defaults {
    augmenter: AugmenterArg,
    overlap: f64,
    augmix: bool,
    loss: Loss,
}

impl Defaults {
    fn of(preset: TunePreset) -> Self {
        let preset = match preset {
            TunePreset::Notebook => Preset::Notebook,
            TunePreset::Tpt => Preset::Tpt,
            TunePreset::Hard1 => Preset::Hard1,
            TunePreset::Patches => Preset::Patches,
            TunePreset::Overlap => Preset::Overlap,
            TunePreset::OverlapHard1 => Preset::OverlapHard1,
        };
        let (augmenter, overlap, augmix) = match preset.augmenter() {
            Augmenter::Views { augmix, .. } => (AugmenterArg::Views, 0.0, augmix),
            Augmenter::Patches {
                overlap, augmix, ..
            } => (AugmenterArg::Patches, overlap, augmix),
        };
        Self {
            augmenter,
            overlap,
            augmix: augmix.is_some(),
            loss: preset.loss(),
        }
    }
}

impl TunePlan {
    /// The augmenter, in the notebook's columns: its name, copies, patches, overlap.
    pub fn columns(&self) -> [String; 4] {
        match self.augmenter {
            Augmenter::Views { count, .. } => {
                ["views".into(), count.to_string(), "0".into(), "–".into()]
            }
            Augmenter::Patches {
                patches,
                overlap,
                n_aug,
                ..
            } => [
                "patches".into(),
                n_aug.to_string(),
                patches.to_string(),
                format!("{overlap}"),
            ],
        }
    }
}
