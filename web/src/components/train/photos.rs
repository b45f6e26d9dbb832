//! The classes, each with its photos, and examples to begin with.

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::class_row::ClassRow;
use crate::components::act;
use crate::components::button::button;
use crate::components::problem_box::problem_box;
use crate::components::text::help;
use crate::hooks::{Sources, lesson};
use crate::state::{Action, Problem, State, TrainAction};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub sources: Sources,
}

#[component]
pub fn Photos(props: &Props) -> Html {
    let Props { state, sources } = props;
    let is_fetching = use_state_eq(|| false);
    let problem = use_state_eq(|| None::<Problem>);
    let onclick = {
        let (page, sources) = (state.clone(), sources.clone());
        let (is_fetching, problem) = (is_fetching.setter(), problem.setter());
        Callback::from(move |_: MouseEvent| {
            let (page, sources) = (page.clone(), sources.clone());
            let (is_fetching, problem) = (is_fetching.clone(), problem.clone());
            is_fetching.set(true);
            spawn_local(async move {
                match lesson(page.train.settings.clone(), &sources).await {
                    Ok((photos, settings)) => {
                        problem.set(None);
                        let classes = photos.iter().map(|photo| photo.class.clone());
                        let mut classes: Vec<String> = classes.collect();
                        classes.dedup();
                        for action in [
                            Action::ClassesReplaced(classes),
                            Action::Train(TrainAction::Set(settings)),
                            Action::Train(TrainAction::LessonAdded(photos)),
                        ] {
                            page.dispatch(action);
                        }
                    }
                    Err(missing) => problem.set(Some(missing)),
                }
                is_fetching.set(false);
            });
        })
    };
    let rows = state.class_names.iter().enumerate().map(|(index, name)| {
        html! { <ClassRow key={name.clone()} {state} sources={sources.clone()} name={name.clone()} {index} /> }
    });
    let failure = (*problem).as_ref().map(problem_box);
    let strays = strays(state);
    let says = match *is_fetching {
        true => "Fetching the examples…",
        false => "Fill in example photos",
    };
    html! {
        <section class="card" aria-labelledby="train-photos-title" data-testid="train-photos-card">
            <div class="train-head">
                <h2 class="card-title" id="train-photos-title">{ "Photos" }</h2>
                // A page of somebody's own classifier has no examples.
                if state.site.is_none() {
                    { button("quiet", "train-lesson", says, *is_fetching, onclick) }
                }
            </div>
            { help("A handful of photos a class will do. Drop them on a class, choose them, or use the webcam; they never leave this device.") }
            { failure }
            { strays }
            <ul class="train-classes" aria-label="Classes to learn">{ for rows }</ul>
            <input
                class="chip-input" data-testid="train-class-input" type="text" placeholder="add a class"
                aria-label="Add a class" autocomplete="off" autocapitalize="off" spellcheck="false"
                enterkeyhint="done" onkeydown={on_class(state)}
            />
        </section>
    }
}

/// Photos whose classes left the list, and what can be done about them.
fn strays(state: &UseReducerHandle<State>) -> Option<Html> {
    let strays = state.train.strays(&state.class_names);
    let first = strays.first()?;
    let whose = match strays.len() {
        1 => format!("“{first}”, which is no class now"),
        count => format!("“{first}” and {} more, which are no classes now", count - 1),
    };
    let names = state.class_names.iter().chain(&strays).cloned().collect();
    let back = act(state, Action::ClassesReplaced(names));
    let dispatch = state.dispatcher();
    let remove = Callback::from(move |_: MouseEvent| {
        for class in &strays {
            dispatch.dispatch(Action::Train(TrainAction::ClassEmptied(class.clone())));
        }
    });
    Some(html! {
        <div class="train-head" role="status" data-testid="train-strays">
            { help(format!("There are photos of {whose}.")) }
            { button("quiet", "train-strays-back", "Make them classes", false, back) }
            { button("quiet", "train-strays-remove", "Remove the photos", false, remove) }
        </div>
    })
}

/// Enter adds a class to the page.
fn on_class(state: &UseReducerHandle<State>) -> Callback<KeyboardEvent> {
    let dispatch = state.dispatcher();
    Callback::from(move |event: KeyboardEvent| {
        if event.key() == "Enter" && !event.is_composing() {
            event.prevent_default();
            let input: HtmlInputElement = event.target_unchecked_into();
            dispatch.dispatch(Action::ClassesAdded(input.value()));
            input.set_value("");
        }
    })
}
