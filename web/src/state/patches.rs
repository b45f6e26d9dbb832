//! Patches of the image, each with its prediction.

use clipwright_shared::tuning::Augmenter;
use serde::{Deserialize, Serialize};

use super::{Asker, Inquiry, ShownViews, State, Task};

/// What shapes the tab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchesSettings {
    /// Patches along each side of the image, 1 to [`Self::MOST_ALONG`].
    pub grid: usize,
    /// How far a patch reaches over its cell, as a share of the cell, 0 to 0.9.
    pub overlap: f64,
    /// The share of the views that is trusted, 0 to 1.
    pub share: f64,
    /// A learned file, or zero-shot.
    pub learned: Option<String>,
    /// The class whose heat is shown; none is the one that the image shows most probably.
    pub class: Option<String>,
}

impl Default for PatchesSettings {
    fn default() -> Self {
        Self {
            grid: 4,
            overlap: 0.4,
            share: 0.1,
            learned: None,
            class: None,
        }
    }
}

impl PatchesSettings {
    pub const MOST_ALONG: usize = 8;
    pub const MOST_OVERLAP: f64 = 0.9;

    pub fn augmenter(&self) -> Augmenter {
        Augmenter::Patches {
            patches: self.grid.pow(2),
            overlap: self.overlap,
            n_aug: 0,
            augmix: None,
        }
    }

    /// The same within bounds.
    fn bounded(self) -> Self {
        Self {
            grid: self.grid.clamp(1, Self::MOST_ALONG),
            overlap: bounded(self.overlap, 0.0, Self::MOST_OVERLAP),
            share: bounded(self.share, 0.0, 1.0),
            ..self
        }
    }
}

/// `number` in hundredths and within bounds: sliders say 0.30000000000000004.
pub(super) fn bounded(number: f64, low: f64, high: f64) -> f64 {
    ((number * 100.0).round() / 100.0).max(low).min(high)
}

/// What the tab shows and asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patches {
    pub settings: PatchesSettings,
    pub inquiry: Inquiry,
}

/// What a person does there.
#[derive(Debug, Clone, PartialEq)]
pub enum PatchesAction {
    Changed(PatchesSettings),
    /// Asks again for what failed or was stopped.
    Again,
    /// Stops what is under way.
    Stop,
}

impl Patches {
    /// What the tab asks about the image that is shown.
    pub fn question(&self, state: &State) -> Option<Task> {
        let PatchesSettings { learned, .. } = &self.settings;
        let augmenter = self.settings.augmenter();
        state.views_question(Asker::Patches, augmenter, 0, learned.as_deref())
    }

    /// The question, until it is settled.
    pub fn wish(&self, state: &State) -> Option<Task> {
        self.inquiry.filter(self.question(state))
    }

    /// The class whose heat is shown, by its place: the chosen one, or what the image
    /// shows most probably.
    pub fn heat_class(&self, shown: &ShownViews<'_>) -> usize {
        let names = shown.class_names();
        let place = |name: &str| names.iter().position(|known| known == name);
        let chosen = self.settings.class.as_deref().and_then(place);
        let top = || shown.top(0).and_then(|(name, _)| place(name));
        chosen.or_else(top).unwrap_or(0)
    }
}

impl State {
    pub(super) fn patches_did(&mut self, action: PatchesAction) {
        match action {
            PatchesAction::Changed(settings) => self.patches.settings = settings.bounded(),
            PatchesAction::Again => self.patches.inquiry.again(),
            PatchesAction::Stop => {
                let question = self.patches.question(self);
                self.patches.inquiry.stop(question);
            }
        }
    }
}
