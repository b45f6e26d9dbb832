//! The tabs' settings that a link can hold, each with what it may be: a link is made by
//! anybody, and asks for no more than the page's own controls do.

use std::ops::RangeInclusive;
use std::str::FromStr;

use clipwright_shared::learners::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::share::LONGEST_VALUE;
use crate::state::{AugmentSettings, LEARNING_RATES, PatchesSettings, State, TrainAction};

/// A setting of a tab, as links know it.
pub struct Setting {
    pub key: &'static str,
    pub get: fn(&State) -> String,
    /// Whether the value made sense; if not, nothing changed.
    pub set: fn(&mut State, &str) -> bool,
}

/// A number within a range.
macro_rules! number {
    ($key:literal, $($field:ident).+, $range:expr) => {
        Setting {
            key: $key,
            get: |state| state.$($field).+.to_string(),
            set: |state, value| put(&mut state.$($field).+, within(value, $range)),
        }
    };
}

/// One of several, by its name.
macro_rules! choice {
    ($key:literal, $($field:ident).+) => {
        Setting {
            key: $key,
            get: |state| name(&state.$($field).+),
            set: |state, value| put(&mut state.$($field).+, named(value)),
        }
    };
}

/// Every setting that a link can hold. Where one sets others, it stands before them.
pub const SETTINGS: &[Setting] = &[
    number!(
        "patches.grid",
        patches.settings.grid,
        1..=PatchesSettings::MOST_ALONG
    ),
    number!(
        "patches.overlap",
        patches.settings.overlap,
        0.0..=PatchesSettings::MOST_OVERLAP
    ),
    number!("patches.share", patches.settings.share, 0.0..=1.0),
    Setting {
        key: "patches.class",
        // Nothing is the class that the image shows most probably.
        get: |state| {
            let class = state.patches.settings.class.as_ref();
            let class = class.filter(|class| state.class_names.contains(class));
            let fits = |class: &&String| class.chars().count() <= LONGEST_VALUE;
            class.filter(fits).cloned().unwrap_or_default()
        },
        set: |state, value| {
            let class = (!value.is_empty()).then(|| value.to_string());
            let is_one = class.iter().all(|class| state.class_names.contains(class));
            if is_one {
                state.patches.settings.class = class;
            }
            is_one
        },
    },
    number!(
        "augment.crops",
        augment.settings.count,
        1..=AugmentSettings::MOST_CROPS
    ),
    number!(
        "augment.smallest",
        augment.settings.smallest,
        AugmentSettings::LEAST_SCALE..=1.0
    ),
    number!("augment.flip", augment.settings.flip, 0.0..=1.0),
    choice!("augment.augmix", augment.settings.is_mixed),
    number!(
        "augment.severity",
        augment.settings.severity,
        1..=AugmentSettings::MOST_SEVERE
    ),
    number!(
        "augment.width",
        augment.settings.width,
        1..=AugmentSettings::MOST_CHAINS
    ),
    number!(
        "augment.depth",
        augment.settings.depth,
        0..=AugmentSettings::DEEPEST
    ),
    number!(
        "augment.seed",
        augment.settings.seed,
        0..=AugmentSettings::LAST_SEED
    ),
    number!("augment.share", augment.settings.share, 0.0..=1.0),
    choice!("augment.sorted", augment.settings.is_sorted),
    choice!("tune.loss", tune.settings.loss),
    choice!("tune.views", tune.settings.views),
    number!("tune.crops", tune.settings.crops, 3..=127),
    number!("tune.grid", tune.settings.grid, 1..=8),
    number!("tune.overlap", tune.settings.overlap, 0.0..=0.9),
    number!("tune.copies", tune.settings.copies, 0..=4),
    choice!("tune.augmix", tune.settings.augmix),
    number!("tune.share", tune.settings.share_of_all, 0.05..=1.0),
    number!("tune.patch_share", tune.settings.share_of_patch, 0.05..=1.0),
    number!(
        "tune.lr",
        tune.settings.lr,
        LEARNING_RATES[0]..=LEARNING_RATES[8]
    ),
    number!("tune.steps", tune.settings.steps, 1..=10),
    number!("tune.seed", tune.settings.seed, 0..=u32::MAX),
    Setting {
        key: "train.method",
        get: |state| name(&state.train.settings.plan.method),
        set: |state, value| match named(value) {
            Some(method @ (Method::Coop | Method::CoCoOp)) => {
                if method != state.train.settings.plan.method {
                    state.train_did(TrainAction::MethodChosen(method));
                }
                true
            }
            _ => false,
        },
    },
    number!("train.vectors", train.settings.plan.n_ctx, 1..=16),
    number!("train.epochs", train.settings.plan.epochs, 1..=1000),
    number!("train.lr", train.settings.plan.lr, 1e-5..=1.0),
    number!("train.batch", train.settings.plan.batch, 1..=256),
    number!(
        "train.seed",
        train.settings.plan.seed,
        0..=u64::from(u32::MAX)
    ),
    number!("train.held_out", train.settings.held_out_percent, 0..=90),
    choice!("batch.sort", batch.settings.sort),
    choice!("batch.descending", batch.settings.is_descending),
    choice!("batch.only_wrong", batch.settings.only_wrong),
    choice!("learned.together", learned_tab.settings.together),
    choice!("learned.samples", learned_tab.settings.samples),
];

fn put<T>(place: &mut T, value: Option<T>) -> bool {
    let is_there = value.is_some();
    if let Some(value) = value {
        *place = value;
    }
    is_there
}

/// A number within `range`; what is no number is in no range.
fn within<T: FromStr + PartialOrd>(value: &str, range: RangeInclusive<T>) -> Option<T> {
    value.parse().ok().filter(|number| range.contains(number))
}

/// The name that the value has in files, too.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    let plain = serde_json::Value::String(name.into());
    serde_json::from_value(plain)
        .or_else(|_| serde_json::from_str(name))
        .ok()
}
