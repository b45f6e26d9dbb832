//! How the image is tuned on.

use clipwright_shared::tuning::{Loss, Preset};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::choice::{Chance, Choice};
use super::losses::meaning;
use crate::components::slider::Slider;
use crate::format::count;
use crate::state::{Action, LEARNING_RATES, State, TuneAction, TuneSettings, TuneShare, TuneViews};

/// What the preset list says of settings that are nobody's.
const OWN: &str = "own";

/// What the list of starts calls the template's words.
const WORDS: &str = "";

/// Numbers to choose from: lowest, highest, and between two of them.
type Range = [f64; 3];

const CROPS: Range = [3.0, 127.0, 4.0];
const GRID: Range = [1.0, 8.0, 1.0];
const OVERLAP: Range = [0.0, 0.9, 0.1];
const COPIES: Range = [0.0, 4.0, 1.0];
const SHARE: Range = [0.05, 1.0, 0.05];
const STEPS: Range = [1.0, 10.0, 1.0];

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn TuneControls(props: &Props) -> Html {
    let state = &props.state;
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
    let chance = |value: &'static str, label: &'static str, refusal: Option<String>| Chance {
        value: value.into(),
        label: label.into(),
        refusal,
    };
    let classes = state.class_names.len();
    let mut chances: Vec<Chance> = Preset::ALL
        .into_iter()
        .map(|preset| {
            let settings = state.tune.settings.with_preset(preset);
            // What is wrong with any settings is told once, below.
            let refusal = (classes > 1).then(|| settings.refusal(classes)).flatten();
            chance(preset.name(), title(preset), refusal)
        })
        .collect();
    if chosen.is_none() {
        chances.push(chance(OWN, "Your own", None));
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
            value: loss.name().into(),
            label: loss.name().into(),
            refusal: refusal.flatten().filter(|_| loss != settings.loss),
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
    let chance = |value: String, label: String| Chance {
        value: value.into(),
        label: label.into(),
        refusal: None,
    };
    let mut chances = vec![chance(WORDS.into(), "The template's words".into())];
    let starts = state.tuning_starts();
    chances.extend(starts.map(|info| chance(info.name.clone(), format!("CoOp: {}", info.name))));
    let chosen = state.tune.settings.start.clone();
    if let Some(gone) = chosen.clone().filter(|name| !has(&chances, name)) {
        chances.push(Chance {
            refusal: Some("it is not there, or not for these classes".into()),
            ..chance(gone.clone(), gone)
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
    let kinds = [("Crops", TuneViews::Crops), ("Patches", TuneViews::Patches)];
    let kinds = kinds.map(|(label, kind)| {
        let onchange = change(state, move |settings: &mut TuneSettings, _: Event| {
            settings.views = kind;
        });
        let key = label.to_lowercase();
        html! {
            <label class="segment">
                <input
                    type="radio" name="tune-views" data-testid={format!("tune-{key}")} {onchange}
                    checked={settings.views == kind}
                />
                <span>{ label }</span>
            </label>
        }
    });
    let number = match is_patches {
        false => html! {
            <Number
                id="tune-count" label="Crops" shown={settings.crops.to_string()} value={settings.crops as f64} range={CROPS}
                help="How many random crops are looked at beside the image itself."
                on_value={change(state, |settings: &mut TuneSettings, value: f64| settings.crops = value as usize)}
            />
        },
        true => html! {
            <Number
                id="tune-grid" label="Grid" shown={format!("{0} × {0}", settings.grid)} value={settings.grid as f64} range={GRID}
                help="Patches along each side of the image."
                on_value={change(state, |settings: &mut TuneSettings, value: f64| settings.grid = value as usize)}
            />
        },
    };
    let mixed = change(state, |settings: &mut TuneSettings, event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        settings.augmix = input.checked();
    });
    html! {
        <>
            <fieldset class="segments">
                <legend class="slider-label">
                    { "Views" }<output>{ count(settings.views_in_all(), "in all", "in all") }</output>
                </legend>
                { for kinds }
            </fieldset>
            { number }
            { seed(state) }
            <Number
                id="tune-overlap" label="Overlap" shown={format!("{:.1}", settings.overlap)} value={settings.overlap}
                range={OVERLAP} disabled={!is_patches}
                help="How far a patch reaches over its cell, as a share of the cell."
                on_value={change(state, |settings: &mut TuneSettings, value: f64| settings.overlap = (value * 10.0).round() / 10.0)}
            />
            <Number
                id="tune-copies" label="Copies" shown={settings.copies.to_string()} value={settings.copies as f64}
                range={COPIES} disabled={!is_patches}
                help="Copies of the image and of each patch; with AugMix, each is mixed in its own way."
                on_value={change(state, |settings: &mut TuneSettings, value: f64| settings.copies = value as usize)}
            />
            <label class="check" title="Mixes each view with changed copies of itself.">
                <input type="checkbox" data-testid="tune-augmix" checked={settings.augmix} onchange={mixed} />
                <span>{ "AugMix" }</span>
            </label>
        </>
    }
}

fn seed(state: &UseReducerHandle<State>) -> Html {
    let oninput = change(state, |settings: &mut TuneSettings, event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Ok(seed) = input.value().parse() {
            settings.seed = seed;
        }
    });
    html! {
        <label class="choice" title="Names the random draws: the same seed gives the same views.">
            <span class="slider-label">{ "Seed" }</span>
            <input
                class="text-input" type="number" min="0" max={u32::MAX.to_string()} step="1" {oninput}
                data-testid="tune-seed" value={state.tune.settings.seed.to_string()}
            />
        </label>
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
    let on_share = change(state, |settings: &mut TuneSettings, value: f64| {
        let value = (value * 20.0).round() / 20.0;
        match settings.share() {
            TuneShare::OfAll => settings.share_of_all = value,
            TuneShare::OfPatch => settings.share_of_patch = value,
            TuneShare::None => {}
        }
    });
    let near = |rate: &f64| (rate.ln() - settings.lr.ln()).abs() < 0.1;
    let rate = LEARNING_RATES.iter().position(near).unwrap_or(0);
    let on_rate = change(state, |settings: &mut TuneSettings, value: f64| {
        if let Some(lr) = LEARNING_RATES.get(value as usize) {
            settings.lr = *lr;
        }
    });
    html! {
        <>
            <Number
                id="tune-share" {label} {shown} value={share} range={SHARE} disabled={settings.share() == TuneShare::None}
                help="Which share of the views counts: those whose predictions have the lowest entropy."
                on_value={on_share}
            />
            <Number
                id="tune-lr" label="Learning rate" shown={settings.lr.to_string()} value={rate as f64}
                range={[0.0, (LEARNING_RATES.len() - 1) as f64, 1.0]}
                help="How far a step of AdamW moves each number of the context."
                on_value={on_rate}
            />
            <Number
                id="tune-steps" label="Steps" shown={settings.steps.to_string()} value={settings.steps as f64} range={STEPS}
                help="How often the context is moved. The trusted views are chosen anew before each step."
                on_value={change(state, |settings: &mut TuneSettings, value: f64| settings.steps = value as usize)}
            />
        </>
    }
}

#[derive(Properties, PartialEq)]
struct NumberProps {
    id: AttrValue,
    label: AttrValue,
    shown: AttrValue,
    value: f64,
    range: Range,
    help: AttrValue,
    #[prop_or_default]
    disabled: bool,
    on_value: Callback<f64>,
}

/// A slider over a [`Range`].
#[component]
fn Number(props: &NumberProps) -> Html {
    let NumberProps {
        id,
        label,
        shown,
        value,
        range: [min, max, step],
        help,
        disabled,
        on_value,
    } = props;
    html! {
        <Slider
            {id} {label} {shown} value={*value} min={*min} max={*max} step={*step} {help} disabled={*disabled}
            on_value={on_value.clone()}
        />
    }
}

/// A callback that changes the settings as they are when it is called.
fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: impl Fn(&mut TuneSettings, T) + 'static,
) -> Callback<T> {
    let state = state.clone();
    Callback::from(move |value: T| {
        let mut settings = state.tune.settings.clone();
        change(&mut settings, value);
        state.dispatch(Action::Tune(TuneAction::Changed(settings)));
    })
}
