//! Which learner is looked at, and which of its classes.

use clipwright_shared::learners::Method;
use clipwright_shared::session::ZERO_SHOT;
use yew::prelude::*;

use crate::components::changing;
use crate::components::choice::{Chance, Choice};
use crate::components::{method_key, method_title};
use crate::state::{Action, LearnedTabAction, LearnedTabSettings, State};

pub fn chooser(state: &UseReducerHandle<State>) -> Html {
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

/// A callback that changes the settings.
pub fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: fn(&mut LearnedTabSettings, T),
) -> Callback<T> {
    let action = |settings| Action::LearnedTab(LearnedTabAction::Set(settings));
    changing(state, |state| &state.learned_tab.settings, action, change)
}

fn choice(
    state: &UseReducerHandle<State>,
    name: &str,
    detail: &str,
    method: Method,
    is_chosen: bool,
) -> Html {
    let on_value = change(state, |settings, learner| settings.learner = Some(learner));
    let learner = name.to_string();
    let onchange = on_value.reform(move |_: Event| learner.clone());
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
    let on_value = change(state, |settings, class| settings.class = Some(class));
    let names = info.class_names.iter();
    let chances = names.map(|name| Chance::new(name.clone(), name.clone()));
    let chances: Vec<Chance> = chances.collect();
    Some(html! {
        <Choice
            id="learned-class" label="Each class has its own vectors; those of" is_row={true} {chances}
            value={looked_at} {on_value}
        />
    })
}
