//! A learned file: what it is, and what can be done with it.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::LearnedInfo;
use yew::prelude::*;

use super::problem_box::ProblemBox;
use super::prompt_line::PromptLine;
use super::{method_key, method_title};
use crate::format::{count, size};
use crate::prompt::learned_pieces;
use crate::state::{Action, Learned, LearnedStage, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub learned: Learned,
}

#[component]
pub fn LearnedRow(props: &Props) -> Html {
    let Learned { file, stage, .. } = &props.learned;
    let info = props.learned.info.as_ref();
    let method = info.map_or(Method::Coop, |info| info.method);
    let remove = {
        let (dispatch, name) = (props.state.dispatcher(), file.name.clone());
        Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(Action::LearnedRemoved { name: name.clone() });
        })
    };
    let content = match (stage, info) {
        (LearnedStage::Refused(problem), _) => html! { <ProblemBox problem={problem.clone()} /> },
        (_, Some(info)) => html! {
            <>
                <PromptLine pieces={learned_pieces(info)} class_name="class" />
                <p class="help">{ facts(info) }</p>
                { class_names(&props.state, info) }
            </>
        },
        (_, None) => {
            html! { <p class="help">{ format!("Opening {}…", size(file.bytes)) }</p> }
        }
    };
    html! {
        <li class="learned" data-testid="learned-file" data-method={method_key(method)} data-learner={file.name.clone()}>
            <div class="learned-head">
                <span class="dot" />
                <strong>{ method_title(method) }</strong>
                <span class="file-name" title={file.name.clone()}>{ &file.name }</span>
                <button class="remove" type="button" onclick={remove} aria-label={format!("remove {}", file.name)} />
            </div>
            { content }
        </li>
    }
}

/// `4 context vectors shared by all classes, learned from 16 shots a class`.
fn facts(info: &LearnedInfo) -> String {
    let shots = match info.shots {
        Some(shots) => count(shots, "shot", "shots"),
        None => "all training images".into(),
    };
    let what = match info.method {
        Method::Lora => "adapters on the encoders' attention".into(),
        Method::LinearProbe => "a linear layer on image features".into(),
        _ => context_facts(info),
    };
    format!("{what}, learned from {shots} a class")
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
    let dispatch = state.dispatcher();
    let names = info.class_names.clone();
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatch.dispatch(Action::ClassesReplaced(names.clone()));
    });
    let in_use = info.class_names == state.class_names;
    let number = count(info.class_names.len(), "class", "classes");
    html! {
        <div class="learned-classes">
            <details>
                <summary>{ number }</summary>
                <p>{ info.class_names.join(", ") }</p>
            </details>
            <button class="quiet" type="button" data-testid="use-class-names" {onclick} disabled={in_use}>
                { if in_use { "Class names in use" } else { "Use its class names" } }
            </button>
        </div>
    }
}
