//! How the image is tuned on.

use clipwright_shared::tuning::{Loss, Preset};
use yew::prelude::*;

use super::losses::meaning;
use crate::components::changing;
use crate::components::check::{Check, check};
use crate::components::choice::{Chance, Choice};
use crate::components::seed_field::seed_field;
use crate::components::slider::{Range, Slider, slider};
use crate::format::count;
use crate::state::{Action, LEARNING_RATES, State, TuneAction, TuneSettings, TuneShare, TuneViews};

/// What the preset list says of settings that are nobody's.
const OWN: &str = "own";

/// What the list of starts calls the template's words.
const WORDS: &str = "";

const CROPS: Range = [3.0, 127.0, 4.0];
const GRID: Range = [1.0, 8.0, 1.0];
const OVERLAP: Range = [0.0, 0.9, 0.1];
const COPIES: Range = [0.0, 4.0, 1.0];
const SHARE: Range = [0.05, 1.0, 0.05];
const STEPS: Range = [1.0, 10.0, 1.0];

pub fn tune_controls(state: &UseReducerHandle<State>) -> Html {
    html! {
        <div class="tune-controls">
            <div class="tune-row-of-three tune-choices">
                { preset(state) }
                { loss(state) }
                { start(state) }
            </div>
            <p class="help tune-meaning" id="tune-loss-help" data-testid="tune-loss-help">
                { meaning(state.tune.settings.loss) }
            </p>
            <div class="tune-row-of-three">{ views(state) }</div>
            <div class="tune-row-of-three">{ step(state) }</div>
            <details class="tune-losses">
                <summary>{ "What each loss does" }</summary>
                <dl>
                    { for Loss::ALL.into_iter().map(|loss| html! {
                        <><dt>{ loss.name() }</dt><dd>{ meaning(loss) }</dd></>
                    }) }
                </dl>
            </details>
        </div>
    }
}

fn preset(state: &UseReducerHandle<State>) -> Html {
    let chosen = state.tune.settings.preset();
    let classes = state.class_names.len();
    let mut chances: Vec<Chance> = Preset::ALL
        .into_iter()
        .map(|preset| {
            let settings = state.tune.settings.with_preset(preset);
            // What is wrong with any settings is told once, below.
            let refusal = (classes > 1).then(|| settings.refusal(classes)).flatten();
            Chance {
                refusal,
                ..Chance::new(preset.name(), title(preset))
            }
        })
        .collect();
    if chosen.is_none() {
        chances.push(Chance::new(OWN, "Your own"));
    }
    let dispatch = state.dispatcher();
    let on_value = Callback::from(move |name: String| {
        let preset = Preset::ALL.into_iter().find(|preset| preset.name() == name);
        if let Some(preset) = preset {
            dispatch.dispatch(Action::Tune(TuneAction::PresetChosen(preset)));
        }
    });
    let value = chosen.map_or(OWN, Preset::name);
    html! { <Choice id="tune-preset" label="Preset" {chances} {value} {on_value} /> }
}

fn title(preset: Preset) -> &'static str {
    match preset {
        Preset::Notebook => "Mixed crops",
        Preset::Tpt => "Plain crops (the paper's)",
        Preset::Hard1 => "Mixed crops, one class",
        Preset::Patches => "4 × 4 patches",
        Preset::Overlap => "4 × 4 patches that overlap",
        Preset::OverlapHard1 => "Overlapping patches, one class",
    }
}

fn loss(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.tune.settings;
    let classes = state.class_names.len();
    let chances = Loss::ALL.map(|loss| {
        let refusal = (classes > 1).then(|| settings.refusal_of(loss, classes));
        Chance {
            refusal: refusal.flatten().filter(|_| loss != settings.loss),
            ..Chance::new(loss.name(), loss.name())
        }
    });
    let on_value = change(state, |settings: &mut TuneSettings, name: String| {
        if let Ok(loss) = name.parse() {
            settings.loss = loss;
        }
    });
    html! {
        <Choice
            id="tune-loss" label="Loss" chances={chances.to_vec()} value={settings.loss.name()} {on_value}
            described_by="tune-loss-help"
        />
    }
}

fn start(state: &UseReducerHandle<State>) -> Html {
    let mut chances = vec![Chance::new(WORDS, "The template's words")];
    let starts = state.tuning_starts();
    chances
        .extend(starts.map(|info| Chance::new(info.name.clone(), format!("CoOp: {}", info.name))));
    let chosen = state.tune.settings.start.clone();
    if let Some(gone) = chosen.clone().filter(|name| !has(&chances, name)) {
        chances.push(Chance {
            refusal: Some("it is not there, or not for these classes".into()),
            ..Chance::new(gone.clone(), gone)
        });
    }
    let on_value = change(state, |settings: &mut TuneSettings, name: String| {
        settings.start = (name != WORDS).then_some(name);
    });
    let value = chosen.unwrap_or_else(|| WORDS.into());
    html! { <Choice id="tune-start-from" label="Start" {chances} {value} {on_value} /> }
}

fn has(chances: &[Chance], name: &str) -> bool {
    chances.iter().any(|chance| chance.value == name)
}

fn views(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.tune.settings;
    let is_patches = settings.views == TuneViews::Patches;
    let on_crops = change(state, |settings, _: Event| {
        settings.views = TuneViews::Crops
    });
    let on_patches = change(state, |settings, _: Event| {
        settings.views = TuneViews::Patches
    });
    let overlap = Slider {
        id: "tune-overlap",
        label: "Overlap",
        shown: format!("{:.1}", settings.overlap),
        value: settings.overlap,
        range: OVERLAP,
        help: "How far a patch reaches over its cell, as a share of the cell.",
        is_disabled: !is_patches,
    };
    let on_overlap = change(state, |settings, value: f64| {
        settings.overlap = (value * 10.0).round() / 10.0;
    });
    let copies = Slider {
        id: "tune-copies",
        label: "Copies",
        shown: settings.copies.to_string(),
        value: settings.copies as f64,
        range: COPIES,
        help: "Copies of the image and of each patch; with AugMix, each is mixed in its own way.",
        is_disabled: !is_patches,
    };
    let on_copies = change(state, |settings, value: f64| {
        settings.copies = value as usize
    });
    let mixed = Check {
        testid: "tune-augmix",
        label: "AugMix",
        help: Some("Mixes each view with changed copies of itself."),
        is_on: settings.augmix,
        is_disabled: false,
    };
    let on_mixed = change(state, |settings, is_on| settings.augmix = is_on);
    let same = "Names the random draws: the same seed gives the same views.";
    let on_seed = change(state, |settings, seed| settings.seed = seed);
    html! {
        <>
            <fieldset class="segments">
                <legend class="slider-label">
                    { "Views" }<output>{ count(settings.views_in_all(), "in all", "in all") }</output>
                </legend>
                { segment("tune-crops", "Crops", !is_patches, on_crops) }
                { segment("tune-patches", "Patches", is_patches, on_patches) }
            </fieldset>
            { number(state) }
            { seed_field("tune-seed", settings.seed, same, &on_seed) }
            { slider(overlap, &on_overlap) }
            { slider(copies, &on_copies) }
            { check(mixed, &on_mixed) }
        </>
    }
}

/// One of the kinds of views.
fn segment(
    testid: &'static str,
    label: &'static str,
    is_chosen: bool,
    onchange: Callback<Event>,
) -> Html {
    html! {
        <label class="segment">
            <input type="radio" name="tune-views" data-testid={testid} {onchange} checked={is_chosen} />
            <span>{ label }</span>
        </label>
    }
}

/// How many views there are.
fn number(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.tune.settings;
    match settings.views {
        TuneViews::Crops => slider(
            Slider {
                id: "tune-count",
                label: "Crops",
                shown: settings.crops.to_string(),
                value: settings.crops as f64,
                range: CROPS,
                help: "How many random crops are looked at beside the image itself.",
                is_disabled: false,
            },
            &change(state, |settings, value: f64| {
                settings.crops = value as usize
            }),
        ),
        TuneViews::Patches => slider(
            Slider {
                id: "tune-grid",
                label: "Grid",
                shown: format!("{0} × {0}", settings.grid),
                value: settings.grid as f64,
                range: GRID,
                help: "Patches along each side of the image.",
                is_disabled: false,
            },
            &change(state, |settings, value: f64| settings.grid = value as usize),
        ),
    }
}

fn step(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.tune.settings;
    let share = match settings.share() {
        TuneShare::OfPatch => settings.share_of_patch,
        _ => settings.share_of_all,
    };
    let (label, shown) = match settings.share() {
        TuneShare::OfAll => ("Trusted views", format!("{:.0} %", 100.0 * share)),
        TuneShare::OfPatch => ("Trusted of a patch", format!("{:.0} %", 100.0 * share)),
        TuneShare::None => ("Trusted views", "all, weighted".into()),
    };
    let trusted = Slider {
        id: "tune-share",
        label,
        shown,
        value: share,
        range: SHARE,
        help: "Which share of the views counts: those whose predictions have the lowest entropy.",
        is_disabled: settings.share() == TuneShare::None,
    };
    let on_share = change(state, |settings, value: f64| {
        let value = (value * 20.0).round() / 20.0;
        match settings.share() {
            TuneShare::OfAll => settings.share_of_all = value,
            TuneShare::OfPatch => settings.share_of_patch = value,
            TuneShare::None => {}
        }
    });
    let near = |rate: &f64| (rate.ln() - settings.lr.ln()).abs() < 0.1;
    let rate = LEARNING_RATES.iter().position(near).unwrap_or(0);
    let rate = Slider {
        id: "tune-lr",
        label: "Learning rate",
        shown: settings.lr.to_string(),
        value: rate as f64,
        range: [0.0, (LEARNING_RATES.len() - 1) as f64, 1.0],
        help: "How far a step of AdamW moves each number of the context.",
        is_disabled: false,
    };
    let on_rate = change(state, |settings, value: f64| {
        if let Some(lr) = LEARNING_RATES.get(value as usize) {
            settings.lr = *lr;
        }
    });
    let steps = Slider {
        id: "tune-steps",
        label: "Steps",
        shown: settings.steps.to_string(),
        value: settings.steps as f64,
        range: STEPS,
        help: "How often the context is moved. The trusted views are chosen anew before each step.",
        is_disabled: false,
    };
    let on_steps = change(state, |settings, value: f64| {
        settings.steps = value as usize
    });
    html! {
        <>
            { slider(trusted, &on_share) }
            { slider(rate, &on_rate) }
            { slider(steps, &on_steps) }
        </>
    }
}

/// A callback that changes the settings.
fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: fn(&mut TuneSettings, T),
) -> Callback<T> {
    let action = |settings| Action::Tune(TuneAction::Changed(settings));
    changing(state, |state| &state.tune.settings, action, change)
}
