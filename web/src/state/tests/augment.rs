//! Stories of the augmented views.

use clipwright_shared::protocol::Request;
use clipwright_shared::tuning::{Augmenter, Preset, view_seed};
use clipwright_shared::views::augmix::AugMix;

use super::patches::views;
use super::{answer, answered, next, start};
use crate::state::{Action, AugmentAction, AugmentSettings, State, Tab};

fn change(state: &mut State, change: impl FnOnce(&mut AugmentSettings)) {
    let mut settings = state.augment.settings.clone();
    change(&mut settings);
    state.apply(Action::Augment(AugmentAction::Changed(settings)));
}

fn room() -> State {
    let mut state = answered();
    state.apply(Action::TabChosen(Tab::Augment));
    state
}

fn asked(state: &State) -> (Augmenter, u64) {
    match next(state) {
        Some(Request::Views(request)) => (request.augmenter, request.seed),
        other => panic!("asked for {other:?}"),
    }
}

#[test]
fn it_asks_for_the_crops_that_the_settings_say() {
    let mut state = room();
    change(&mut state, |settings| {
        *settings = AugmentSettings {
            count: 8,
            smallest: 0.5,
            flip: 0.25,
            severity: 4,
            width: 2,
            depth: 3,
            seed: 11,
            ..AugmentSettings::default()
        };
    });
    let (augmenter, seed) = asked(&state);
    let Augmenter::Views {
        count,
        crop,
        augmix,
    } = augmenter
    else {
        panic!("asked for {augmenter:?}");
    };
    assert_eq!(
        (count, crop.scale, crop.flip, seed),
        (8, [0.5, 1.0], 0.25, view_seed(11, 0))
    );
    let expected = AugMix {
        severity: 4,
        mixture_width: 2,
        chain_depth: Some(3),
        ..AugMix::default()
    };
    assert_eq!(augmix, Some(expected));
    change(&mut state, |settings| settings.depth = 0);
    let (Augmenter::Views { augmix, .. }, _) = asked(&state) else {
        panic!("no crops");
    };
    assert_eq!(augmix.unwrap().chain_depth, None, "drawn for each chain");
    change(&mut state, |settings| settings.is_mixed = false);
    let (Augmenter::Views { augmix, .. }, _) = asked(&state) else {
        panic!("no crops");
    };
    assert_eq!(augmix, None);
}

#[test]
fn it_opens_with_the_views_that_tuning_looks_at() {
    let mut augmenter = AugmentSettings::default().augmenter();
    let Augmenter::Views { count, .. } = &mut augmenter else {
        panic!("no crops");
    };
    *count = 63;
    assert_eq!(augmenter, Preset::Notebook.augmenter());
}

#[test]
fn a_new_seed_asks_for_others_and_an_order_does_not() {
    let mut state = room();
    start(&mut state);
    answer(&mut state, views(64, 64, 0.0, &[(0.5, 0.1), (0.4, 0.2)]));
    change(&mut state, |settings| {
        settings.is_sorted = true;
        settings.share = 0.6;
    });
    assert_eq!(next(&state), None);
    state.apply(Action::Augment(AugmentAction::NewSeed));
    assert_eq!(
        asked(&state).1,
        view_seed(AugmentSettings::default().seed + 1, 0)
    );
    change(&mut state, |settings| settings.seed = u64::MAX);
    assert_eq!(asked(&state).1, view_seed(AugmentSettings::LAST_SEED, 0));
    state.apply(Action::Augment(AugmentAction::NewSeed));
    assert_eq!(asked(&state).1, view_seed(0, 0));
}

#[test]
fn settings_stay_within_bounds() {
    let mut state = room();
    for extreme in [0, usize::MAX] {
        change(&mut state, |settings| {
            settings.count = extreme;
            settings.severity = extreme;
            settings.width = extreme;
            settings.depth = extreme;
            settings.smallest = extreme as f64;
            settings.flip = extreme as f64;
        });
        let settings = &state.augment.settings;
        assert!(settings.augmenter().check().is_ok(), "{settings:?}");
        assert!((1..=64).contains(&settings.count), "{settings:?}");
    }
}
