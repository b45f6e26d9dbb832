//! What a course is learned with.

use clipwright_shared::learners::{ClassTokenPosition, Method};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::components::prompt_line::PromptLine;
use crate::components::slider::Slider;
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

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Settings(props: &Props) -> Html {
    let state = &props.state;
    let settings = &state.train.settings;
    let plan = &settings.plan;
    let has_words = !plan.words.trim().is_empty();
    let methods = [Method::Coop, Method::CoCoOp].map(|method| method_choice(state, method));
    let number = |change: fn(&mut TrainSettings, f64)| set(state, change);
    let rate = RATES.iter().position(|rate| *rate >= plan.lr);
    let rate = rate.unwrap_or(RATES.len() - 1);
    html! {
        <section class="card train-settings" aria-labelledby="train-settings-title">
            <h2 class="card-title" id="train-settings-title">{ "What is learned" }</h2>
            <div class="train-methods" role="radiogroup" aria-label="Method">{ for methods }</div>
            <p class="help">{ explained(plan.method) }</p>
            <PromptLine pieces={pieces(settings)} class_name="class" />
            <div class="controls">
                <Slider
                    id="train-n-ctx" label="Context vectors" shown={plan.n_ctx.to_string()} disabled={has_words}
                    help="How many vectors stand in place of a template's words"
                    value={plan.n_ctx as f64} min=1.0 max=16.0 step=1.0
                    on_value={number(|settings, value| settings.plan.n_ctx = value as usize)}
                />
                <Slider
                    id="train-epochs" label="Epochs" shown={plan.epochs.to_string()}
                    help="How often every photo is seen"
                    value={plan.epochs as f64} min=5.0 max=200.0 step=5.0
                    on_value={number(|settings, value| settings.plan.epochs = value as usize)}
                />
                <Slider
                    id="train-lr" label="Learning rate" shown={plan.lr.to_string()}
                    help="How far a step goes; it falls to nothing by a half cosine"
                    value={rate as f64} min=0.0 max={(RATES.len() - 1) as f64} step=1.0
                    on_value={number(|settings, value| settings.plan.lr = RATES[(value as usize).min(RATES.len() - 1)])}
                />
                <Slider
                    id="train-held-out" label="Kept for testing" shown={format!("{}\u{202f}%", settings.held_out_percent)}
                    help="The share of each class's photos that is not learned from"
                    value={f64::from(settings.held_out_percent)} min=0.0 max=50.0 step=5.0
                    on_value={number(|settings, value| settings.held_out_percent = value as u32)}
                />
            </div>
            <details class="train-more">
                <summary data-testid="train-more">{ "More settings" }</summary>
                <div class="controls">
                    <Slider
                        id="train-batch" label="Photos a step" shown={plan.batch.to_string()}
                        help="What an epoch leaves behind its last whole batch is not learned from in it"
                        value={plan.batch as f64} min=1.0 max=32.0 step=1.0
                        on_value={number(|settings, value| settings.plan.batch = value as usize)}
                    />
                    { words_field(state) }
                    { position_field(state) }
                    { seed_field(state) }
                    { own_field(state, has_words) }
                </div>
            </details>
        </section>
    }
}

/// What a control does with its value.
fn set(state: &UseReducerHandle<State>, change: fn(&mut TrainSettings, f64)) -> Callback<f64> {
    let (dispatch, settings) = (state.dispatcher(), state.train.settings.clone());
    Callback::from(move |value: f64| {
        let mut settings = settings.clone();
        change(&mut settings, value);
        dispatch.dispatch(Action::Train(TrainAction::Set(settings)));
    })
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
    let (dispatch, settings) = (state.dispatcher(), state.train.settings.clone());
    let words = settings.plan.words.clone();
    let onchange = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        let mut settings = settings.clone();
        settings.plan.words = input.value();
        dispatch.dispatch(Action::Train(TrainAction::Set(settings)));
    });
    html! {
        <label class="train-field">
            <span>{ "Words to start from" }</span>
            <input
                class="text-input" type="text" value={words} placeholder="from noise" {onchange}
                data-testid="train-words" autocomplete="off" spellcheck="false"
            />
        </label>
    }
}

fn position_field(state: &UseReducerHandle<State>) -> Html {
    let (dispatch, settings) = (state.dispatcher(), state.train.settings.clone());
    let position = settings.plan.position;
    let onchange = Callback::from(move |event: Event| {
        let select: HtmlSelectElement = event.target_unchecked_into();
        let chosen = POSITIONS.iter().find(|(key, ..)| *key == select.value());
        let mut settings = settings.clone();
        if let Some((_, position, _)) = chosen {
            settings.plan.position = *position;
        }
        dispatch.dispatch(Action::Train(TrainAction::Set(settings)));
    });
    let options = POSITIONS.iter().map(|(key, value, title)| {
        html! { <option value={*key} selected={*value == position}>{ *title }</option> }
    });
    html! {
        <label class="train-field">
            <span>{ "The class name stands" }</span>
            <select class="text-input" data-testid="train-position" {onchange}>{ for options }</select>
        </label>
    }
}

fn seed_field(state: &UseReducerHandle<State>) -> Html {
    let (dispatch, settings) = (state.dispatcher(), state.train.settings.clone());
    let seed = settings.plan.seed.to_string();
    let onchange = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        let mut settings = settings.clone();
        if let Ok(seed) = input.value().trim().parse::<u32>() {
            settings.plan.seed = u64::from(seed);
        }
        // What is no number is put back.
        input.set_value(&settings.plan.seed.to_string());
        dispatch.dispatch(Action::Train(TrainAction::Set(settings)));
    });
    html! {
        <label class="train-field" title="Names the first context and the orders of the photos: the same seed learns the same">
            <span>{ "Seed" }</span>
            <input class="text-input" type="number" min="0" step="1" value={seed} {onchange} data-testid="train-seed" />
        </label>
    }
}

fn own_field(state: &UseReducerHandle<State>, has_words: bool) -> Html {
    let (dispatch, settings) = (state.dispatcher(), state.train.settings.clone());
    let plan = &settings.plan;
    let disabled = has_words || plan.method == Method::CoCoOp;
    let checked = plan.class_specific && !disabled;
    let onchange = Callback::from(move |_: Event| {
        let mut settings = settings.clone();
        settings.plan.class_specific = !settings.plan.class_specific;
        dispatch.dispatch(Action::Train(TrainAction::Set(settings)));
    });
    html! {
        <label class="train-check" title="Fits these classes more closely, and knows no others">
            <input type="checkbox" data-testid="train-csc" {checked} {disabled} {onchange} />
            { "vectors of its own for each class" }
        </label>
    }
}
