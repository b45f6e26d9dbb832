//! What a course is learned with.

use clipwright_shared::learners::{ClassTokenPosition, Method};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::changing;
use crate::components::check::{Check, check};
use crate::components::choice::{Chance, Choice};
use crate::components::prompt_line::prompt_line;
use crate::components::seed_field::seed_field;
use crate::components::slider::{Slider, slider};
use crate::components::text::{help, span};
use crate::components::{method_key, method_title};
use crate::prompt::Piece;
use crate::state::{Action, State, TrainAction, TrainSettings};

/// Learning rates that can be chosen.
const RATES: [f64; 8] = [5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1];

const POSITIONS: [(&str, ClassTokenPosition, &str); 3] = [
    ("end", ClassTokenPosition::End, "behind the vectors"),
    ("middle", ClassTokenPosition::Middle, "among the vectors"),
    ("front", ClassTokenPosition::Front, "before the vectors"),
];

pub fn settings(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.train.settings;
    let plan = &settings.plan;
    let has_words = !plan.words.trim().is_empty();
    let methods = [Method::Coop, Method::CoCoOp].map(|method| method_choice(state, method));
    let photos = Slider {
        id: "train-batch",
        label: "Photos a step",
        shown: plan.batch.to_string(),
        value: plan.batch as f64,
        range: [1.0, 32.0, 1.0],
        help: "What an epoch leaves behind its last whole batch is not learned from in it",
        is_disabled: false,
    };
    let on_photos = change(state, |settings, value: f64| {
        settings.plan.batch = value as usize
    });
    let same =
        "Names the first context and the orders of the photos: the same seed learns the same";
    let on_seed = change(state, |settings, seed: u32| {
        settings.plan.seed = seed.into()
    });
    html! {
        <section class="card train-settings" aria-labelledby="train-settings-title">
            <h2 class="card-title" id="train-settings-title">{ "What is learned" }</h2>
            <div class="train-methods" role="radiogroup" aria-label="Method">{ for methods }</div>
            { help(explained(plan.method)) }
            { prompt_line(&pieces(settings), "class", false) }
            <div class="controls">{ numbers(state, has_words) }</div>
            <details class="train-more">
                <summary data-testid="train-more">{ "More settings" }</summary>
                <div class="controls">
                    { slider(photos, &on_photos) }
                    { words_field(state) }
                    { position_field(state) }
                    { seed_field("train-seed", plan.seed as u32, same, &on_seed) }
                    { own_field(state, has_words) }
                </div>
            </details>
        </section>
    }
}

/// What is chosen for every course.
fn numbers(state: &UseReducerHandle<State>, has_words: bool) -> Html {
    let settings = &state.train.settings;
    let plan = &settings.plan;
    let vectors = Slider {
        id: "train-n-ctx",
        label: "Context vectors",
        shown: plan.n_ctx.to_string(),
        value: plan.n_ctx as f64,
        range: [1.0, 16.0, 1.0],
        help: "How many vectors stand in place of a template's words",
        is_disabled: has_words,
    };
    let epochs = Slider {
        id: "train-epochs",
        label: "Epochs",
        shown: plan.epochs.to_string(),
        value: plan.epochs as f64,
        range: [5.0, 200.0, 5.0],
        help: "How often every photo is seen",
        is_disabled: false,
    };
    let rate = RATES.iter().position(|rate| *rate >= plan.lr);
    let rate = Slider {
        id: "train-lr",
        label: "Learning rate",
        shown: plan.lr.to_string(),
        value: rate.unwrap_or(RATES.len() - 1) as f64,
        range: [0.0, (RATES.len() - 1) as f64, 1.0],
        help: "How far a step goes; it falls to nothing by a half cosine",
        is_disabled: false,
    };
    let on_rate = change(state, |settings, value: f64| {
        settings.plan.lr = RATES[(value as usize).min(RATES.len() - 1)];
    });
    let held_out = Slider {
        id: "train-held-out",
        label: "Kept for testing",
        shown: format!("{}\u{202f}%", settings.held_out_percent),
        value: f64::from(settings.held_out_percent),
        range: [0.0, 50.0, 5.0],
        help: "The share of each class's photos that is not learned from",
        is_disabled: false,
    };
    html! {
        <>
            { slider(vectors, &change(state, |settings, value: f64| settings.plan.n_ctx = value as usize)) }
            { slider(epochs, &change(state, |settings, value: f64| settings.plan.epochs = value as usize)) }
            { slider(rate, &on_rate) }
            { slider(held_out, &change(state, |settings, value: f64| settings.held_out_percent = value as u32)) }
        </>
    }
}

/// A callback that changes the settings.
fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: fn(&mut TrainSettings, T),
) -> Callback<T> {
    let action = |settings| Action::Train(TrainAction::Set(settings));
    changing(state, |state| &state.train.settings, action, change)
}

fn method_choice(state: &UseReducerHandle<State>, method: Method) -> Html {
    let chosen = state.train.settings.plan.method == method;
    let dispatch = state.dispatcher();
    let onchange = Callback::from(move |_: Event| {
        dispatch.dispatch(Action::Train(TrainAction::MethodChosen(method)));
    });
    let key = method_key(method);
    html! {
        <label class="train-method" data-method={key}>
            <input type="radio" name="train-method" data-testid={format!("train-method-{key}")} checked={chosen} {onchange} />
            <span class="dot" />
            { method_title(method) }
        </label>
    }
}

fn explained(method: Method) -> &'static str {
    match method {
        Method::CoCoOp => {
            "A context, and a small net that moves it for each image: slower to learn, made for new class names."
        }
        _ => "A context: vectors in place of a template's words, found by gradient descent.",
    }
}

/// The prompt as it will be.
fn pieces(settings: &TrainSettings) -> Vec<Piece> {
    let plan = &settings.plan;
    let words = plan.words.split_whitespace().count();
    let n_ctx = if words > 0 { words } else { plan.n_ctx };
    let mut pieces: Vec<Piece> = (1..=n_ctx).map(Piece::Vector).collect();
    pieces.insert(plan.position.vectors_before(n_ctx), Piece::Class);
    pieces.push(Piece::Word(".".into()));
    pieces
}

fn words_field(state: &UseReducerHandle<State>) -> Html {
    let words = state.train.settings.plan.words.clone();
    let onchange = change(state, |settings, event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        settings.plan.words = input.value();
    });
    html! {
        <label class="choice">
            { span("slider-label", "Words to start from") }
            <input
                class="text-input" type="text" value={words} placeholder="from noise" {onchange}
                data-testid="train-words" autocomplete="off" spellcheck="false"
            />
        </label>
    }
}

fn position_field(state: &UseReducerHandle<State>) -> Html {
    let position = state.train.settings.plan.position;
    let at = POSITIONS.iter().find(|(_, value, _)| *value == position);
    let value = at.map_or("", |(key, ..)| key);
    let chances = POSITIONS.map(|(key, _, title)| Chance::new(key, title));
    let on_value = change(state, |settings, chosen: String| {
        if let Some((_, position, _)) = POSITIONS.iter().find(|(key, ..)| *key == chosen) {
            settings.plan.position = *position;
        }
    });
    html! {
        <Choice
            id="train-position" label="The class name stands" chances={chances.to_vec()} {value} {on_value}
        />
    }
}

fn own_field(state: &UseReducerHandle<State>, has_words: bool) -> Html {
    let plan = &state.train.settings.plan;
    let is_disabled = has_words || plan.method == Method::CoCoOp;
    let own = Check {
        testid: "train-csc",
        label: "vectors of its own for each class",
        help: Some("Fits these classes more closely, and knows no others"),
        is_on: plan.class_specific && !is_disabled,
        is_disabled,
    };
    check(
        own,
        &change(state, |settings, is_on| {
            settings.plan.class_specific = is_on
        }),
    )
}
