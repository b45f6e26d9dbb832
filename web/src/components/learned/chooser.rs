//! Which learner is looked at, and which of its classes.

use clipwright_shared::learners::Method;
use clipwright_shared::session::ZERO_SHOT;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::super::{method_key, method_title};
use crate::state::{Action, LearnedTabAction, LearnedTabSettings, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Chooser(props: &Props) -> Html {
    let state = &props.state;
    let chosen = state.looked_at_learner().map(|info| info.name.as_str());
    let learned = state.open_learned().map(|info| {
        let is_chosen = chosen == Some(info.name.as_str());
        choice(state, &info.name, &info.name, info.method, is_chosen)
    });
    html! {
        <>
            <fieldset class="learner-choices">
                <legend class="visually-hidden">{ "Whose prompts to look at" }</legend>
                { choice(state, ZERO_SHOT, "words alone", Method::ZeroShot, chosen.is_none()) }
                { for learned }
            </fieldset>
            { class_choice(state) }
        </>
    }
}

fn set(state: &UseReducerHandle<State>, settings: LearnedTabSettings) {
    let action = LearnedTabAction::Set(settings);
    state.dispatch(Action::LearnedTab(action));
}

fn choice(
    state: &UseReducerHandle<State>,
    name: &str,
    detail: &str,
    method: Method,
    is_chosen: bool,
) -> Html {
    let onchange = {
        let (state, name) = (state.clone(), name.to_string());
        Callback::from(move |_: Event| {
            let settings = LearnedTabSettings {
                learner: Some(name.clone()),
                ..state.learned_tab.settings.clone()
            };
            set(&state, settings);
        })
    };
    html! {
        <label key={name.to_string()} class="learner-choice" data-method={method_key(method)}>
            <input
                type="radio" name="looked-at-learner" checked={is_chosen} {onchange}
                data-testid="learned-choice" data-learner={name.to_string()}
            />
            <span class="learner-choice-face">
                <span class="dot" />
                <b>{ method_title(method) }</b>
                <span class="learner-choice-name" title={detail.to_string()}>{ detail }</span>
            </span>
        </label>
    }
}

/// Where each class has its own context, one of them is looked at.
fn class_choice(state: &UseReducerHandle<State>) -> Option<Html> {
    let looked_at = state.looked_at_class()?.to_string();
    let info = state.looked_at_learner()?;
    let onchange = {
        let state = state.clone();
        Callback::from(move |event: Event| {
            let list: HtmlSelectElement = event.target_unchecked_into();
            let settings = LearnedTabSettings {
                class: Some(list.value()),
                ..state.learned_tab.settings.clone()
            };
            set(&state, settings);
        })
    };
    let options = info.class_names.iter().map(|name| {
        html! { <option value={name.clone()} selected={*name == looked_at}>{ name }</option> }
    });
    Some(html! {
        <label class="learned-class">
            <span>{ "Each class has its own vectors; those of" }</span>
            <select class="text-input" data-testid="learned-class" {onchange}>{ for options }</select>
        </label>
    })
}
