//! What a person chooses before a training.

use clipwright_shared::learners::{ClassTokenPosition, Method};
use clipwright_shared::protocol::TrainPlan;
use serde::{Deserialize, Serialize};

/// Everything that shapes a course, but for the photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    #[serde(flatten)]
    pub plan: TrainPlan,
    /// Share of each class's photos that is only tested on, in percent.
    pub held_out_percent: u32,
    /// Classes that are kept out of learning, to be tested as new names.
    pub new_classes: Vec<String>,
}

/// The words that CoCoOp is published with.
const COCOOP_WORDS: &str = "a photo of a";

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            plan: plan(Method::Coop, 1),
            held_out_percent: 25,
            new_classes: Vec::new(),
        }
    }
}

/// As published, but for CoOp's length and number of vectors: this many do for the few
/// photos of a page.
fn plan(method: Method, seed: u64) -> TrainPlan {
    let is_cocoop = method == Method::CoCoOp;
    TrainPlan {
        method,
        n_ctx: 4,
        words: if is_cocoop { COCOOP_WORDS } else { "" }.into(),
        position: ClassTokenPosition::End,
        class_specific: false,
        epochs: if is_cocoop { 10 } else { 50 },
        lr: 2e-3,
        batch: if is_cocoop { 1 } else { 32 },
        seed,
    }
}

impl TrainSettings {
    /// Another method, with the settings it is published with.
    pub(super) fn choose(&mut self, method: Method) {
        self.plan = plan(method, self.plan.seed);
    }

    pub(super) fn toggle_new(&mut self, class: String) {
        let before = self.new_classes.len();
        self.new_classes.retain(|name| *name != class);
        if self.new_classes.len() == before {
            self.new_classes.push(class);
        }
    }

    /// How many of `photos` of a class are only tested on; one is always learned from.
    pub fn held_out_of(&self, photos: usize) -> usize {
        let share = f64::from(self.held_out_percent) / 100.0;
        let held_out = (photos as f64 * share).round() as usize;
        held_out.min(photos.saturating_sub(1))
    }
}
