//! A learned file: what it is, and what can be done with it.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::LearnedInfo;
use yew::prelude::*;

use super::button::{button, remove_button};
use super::problem_box::problem_box;
use super::prompt_line::prompt_line;
use super::text::help;
use super::{act, method_key, method_title};
use crate::format::{count, size};
use crate::prompt::learned_pieces;
use crate::state::{Action, Learned, LearnedStage, State};

pub fn learned_row(state: &UseReducerHandle<State>, learned: &Learned) -> Html {
    let Learned { file, stage, .. } = learned;
    let info = learned.info.as_ref();
    // What could not be opened is of no method that is known.
    let method = info.map(|info| info.method);
    let name = AttrValue::from(file.name.clone());
    let remove = act(
        state,
        Action::LearnedRemoved {
            name: name.to_string(),
        },
    );
    let content = match (stage, info) {
        (LearnedStage::Refused(problem), _) => problem_box(problem),
        (_, Some(info)) => html! {
            <>
                { prompt_line(&learned_pieces(info), "class", false) }
                { help(facts(info)) }
                { class_names(state, info) }
            </>
        },
        (_, None) => help(format!("Opening {}…", size(file.bytes))),
    };
    html! {
        <li
            key={&*name} class="learned" data-testid="learned-file" data-method={method.map(method_key)}
            data-learner={name.clone()}
        >
            <div class="learned-head">
                <span class="dot" />
                <strong>{ method.map_or("Learned file", method_title) }</strong>
                <span class="file-name" title={name.clone()}>{ name.clone() }</span>
                { remove_button(format!("remove {name}"), remove) }
            </div>
            { content }
        </li>
    }
}

/// `4 context vectors shared by all classes, learned from 16 shots a class`.
fn facts(info: &LearnedInfo) -> String {
    let from = match info.shots {
        Some(shots) => format!("{} a class", count(shots, "shot", "shots")),
        None => "all training images".into(),
    };
    let what = match info.method {
        Method::Lora => "adapters on the encoders' attention".into(),
        Method::LinearProbe => "a linear layer on image features".into(),
        _ => context_facts(info),
    };
    format!("{what}, learned from {from}")
}

fn context_facts(info: &LearnedInfo) -> String {
    let vectors = count(info.n_ctx, "context vector", "context vectors");
    let sets = if info.class_specific {
        "for each class"
    } else {
        "shared by all classes"
    };
    match info.method {
        Method::CoCoOp => format!("{vectors} that a small net moves for each image"),
        _ => format!("{vectors} {sets}"),
    }
}

fn class_names(state: &UseReducerHandle<State>, info: &LearnedInfo) -> Html {
    let replace = act(state, Action::ClassesReplaced(info.class_names.clone()));
    let in_use = info.class_names == state.class_names;
    let says = if in_use {
        "Class names in use"
    } else {
        "Use its class names"
    };
    let number = count(info.class_names.len(), "class", "classes");
    html! {
        <div class="learned-classes">
            <details>
                <summary>{ number }</summary>
                <p>{ info.class_names.join(", ") }</p>
            </details>
            { button("quiet", "use-class-names", says, in_use, replace) }
        </div>
    }
}
