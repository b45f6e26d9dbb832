//! Named ways of tuning: those that the project's notebook runs (its sections 8 to 10).

use serde::{Deserialize, Serialize};

use super::{Augmenter, Loss};
use crate::views::augmix::AugMix;

/// A named way of tuning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The notebook's default: 63 crops, mixed with severity 2, `defaultTPT`.
    #[default]
    Notebook,
    /// The same without AugMix, as the paper of test-time prompt tuning.
    Tpt,
    /// 63 mixed crops, `crossentropy_hard1`.
    Hard1,
    /// 16 patches and 4 mixed copies of each, `patch_loss1`.
    Patches,
    /// 16 patches that overlap by 0.8, 4 mixed copies of each, `defaultTPT`.
    Overlap,
    /// The same with `crossentropy_hard1`.
    OverlapHard1,
}

/// AugMix's severity in the notebook.
const SEVERITY: usize = 2;

impl Preset {
    pub const ALL: [Self; 6] = [
        Self::Notebook,
        Self::Tpt,
        Self::Hard1,
        Self::Patches,
        Self::Overlap,
        Self::OverlapHard1,
    ];

    /// What the command line and links know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notebook => "notebook",
            Self::Tpt => "tpt",
            Self::Hard1 => "hard1",
            Self::Patches => "patches",
            Self::Overlap => "overlap",
            Self::OverlapHard1 => "overlap-hard1",
        }
    }

    pub fn loss(self) -> Loss {
        match self {
            Self::Notebook | Self::Tpt | Self::Overlap => Loss::DefaultTpt,
            Self::Hard1 | Self::OverlapHard1 => Loss::CrossEntropyHard1,
            Self::Patches => Loss::PatchLoss1,
        }
    }

    pub fn augmenter(self) -> Augmenter {
        let augmix = (self != Self::Tpt).then(Self::augmix);
        let overlap = match self {
            Self::Notebook | Self::Tpt | Self::Hard1 => {
                let mut views = Augmenter::tpt();
                if let Augmenter::Views { augmix: mixed, .. } = &mut views {
                    *mixed = augmix;
                }
                return views;
            }
            Self::Patches => 0.0,
            Self::Overlap | Self::OverlapHard1 => 0.8,
        };
        Augmenter::Patches {
            patches: 16,
            overlap,
            n_aug: 4,
            augmix,
        }
    }

    /// How views are mixed where they are.
    pub fn augmix() -> AugMix {
        AugMix {
            severity: SEVERITY,
            ..AugMix::default()
        }
    }
}
