//! Augmented views of the image, each with its prediction.

use clipwright_shared::tuning::{Augmenter, Preset, view_seed};
use clipwright_shared::views::RandomResizedCrop;
use clipwright_shared::views::augmix::{AugMix, MAGNITUDES};
use serde::{Deserialize, Serialize};

use super::patches::bounded;
use super::{Asker, Inquiry, State, Task};

/// What shapes the tab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AugmentSettings {
    /// Crops beside the image itself, 1 to [`Self::MOST_CROPS`].
    pub count: usize,
    /// Smallest share of the image's area that a crop shows.
    pub smallest: f64,
    /// Probability of a horizontal flip.
    pub flip: f64,
    /// Whether crops are mixed by AugMix.
    pub is_mixed: bool,
    pub severity: usize,
    /// Chains of operations that are mixed.
    pub width: usize,
    /// Operations in a chain; 0 draws 1 to 3 for each.
    pub depth: usize,
    pub seed: u64,
    /// The share of the views that is trusted, 0 to 1.
    pub share: f64,
    /// A learned file, or zero-shot.
    pub learned: Option<String>,
    /// Whether the most confident views come first.
    pub is_sorted: bool,
}

impl Default for AugmentSettings {
    fn default() -> Self {
        let crop = RandomResizedCrop::default();
        let augmix = Preset::augmix();
        Self {
            count: 23,
            smallest: crop.scale[0],
            flip: crop.flip,
            is_mixed: true,
            severity: augmix.severity,
            width: augmix.mixture_width,
            depth: 0,
            seed: 1,
            share: 0.1,
            learned: None,
            is_sorted: false,
        }
    }
}

impl AugmentSettings {
    pub const MOST_CROPS: usize = 64;
    pub const LEAST_SCALE: f64 = 0.02;
    pub const MOST_SEVERE: usize = MAGNITUDES;
    pub const MOST_CHAINS: usize = 8;
    pub const DEEPEST: usize = 5;
    /// What a page's number can hold exactly.
    pub const LAST_SEED: u64 = u32::MAX as u64;

    pub fn augmenter(&self) -> Augmenter {
        // Those that test-time tuning looks at, but for what is set here.
        let mut augmenter = Augmenter::tpt();
        if let Augmenter::Views {
            count,
            crop,
            augmix,
        } = &mut augmenter
        {
            *count = self.count;
            crop.scale[0] = self.smallest;
            crop.flip = self.flip;
            *augmix = self.is_mixed.then(|| AugMix {
                severity: self.severity,
                mixture_width: self.width,
                chain_depth: (self.depth > 0).then_some(self.depth),
                ..Preset::augmix()
            });
        }
        augmenter
    }

    /// The same within bounds.
    fn bounded(self) -> Self {
        Self {
            count: self.count.clamp(1, Self::MOST_CROPS),
            smallest: bounded(self.smallest, Self::LEAST_SCALE, 1.0),
            flip: bounded(self.flip, 0.0, 1.0),
            severity: self.severity.clamp(1, Self::MOST_SEVERE),
            width: self.width.clamp(1, Self::MOST_CHAINS),
            depth: self.depth.min(Self::DEEPEST),
            seed: self.seed.min(Self::LAST_SEED),
            share: bounded(self.share, 0.0, 1.0),
            ..self
        }
    }
}

/// What the tab shows and asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Augment {
    pub settings: AugmentSettings,
    pub inquiry: Inquiry,
}

/// What a person does there.
#[derive(Debug, Clone, PartialEq)]
pub enum AugmentAction {
    Changed(AugmentSettings),
    /// Other draws.
    NewSeed,
    /// Asks again for what failed or was stopped.
    Again,
    /// Stops what is under way.
    Stop,
}

impl Augment {
    /// What the tab asks about the image that is shown.
    pub fn question(&self, state: &State) -> Option<Task> {
        let AugmentSettings { seed, learned, .. } = &self.settings;
        let augmenter = self.settings.augmenter();
        // The same views as test-time tuning makes with this seed.
        let seed = view_seed(*seed, 0);
        state.views_question(Asker::Augment, augmenter, seed, learned.as_deref())
    }

    /// The question, until it is settled.
    pub fn wish(&self, state: &State) -> Option<Task> {
        self.inquiry.filter(self.question(state))
    }
}

impl State {
    pub(super) fn augment_did(&mut self, action: AugmentAction) {
        match action {
            AugmentAction::Changed(settings) => self.augment.settings = settings.bounded(),
            AugmentAction::NewSeed => {
                let seed = &mut self.augment.settings.seed;
                *seed = if *seed < AugmentSettings::LAST_SEED {
                    *seed + 1
                } else {
                    0
                };
            }
            AugmentAction::Again => self.augment.inquiry.again(),
            AugmentAction::Stop => {
                let question = self.augment.question(self);
                self.augment.inquiry.stop(question);
            }
        }
    }
}
