//! The guided tour: a sheet at the page's lower edge that points at the real thing.

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::act;
use super::button::button;
use crate::hooks::use_pointed;
use crate::state::{Action, STEPS, State, Step, TourAction};

/// Starts the tour.
pub fn tour_button(state: &UseReducerHandle<State>) -> Html {
    let start = act(state, Action::Tour(TourAction::Start));
    button("tool", "tour", "Tour", false, start)
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn TourSheet(props: &Props) -> Html {
    let state = &props.state;
    let step = state.tour.step();
    let title = use_node_ref();
    use_pointed(step.map(|(_, step)| step.targets));
    use_focus(step.map(|(at, _)| at), &title);
    use_escape(state, step.is_some());
    let Some((at, step)) = step else {
        return Html::default();
    };
    let is_last = at + 1 == STEPS.len();
    let act = |action: TourAction| act(state, Action::Tour(action));
    let next = if is_last { "Done" } else { "Next" };
    html! {
        <section
            class="tour" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text"
            data-testid="tour-sheet" data-step={(at + 1).to_string()} onkeydown={on_arrow(state)}
        >
            <div class="tour-head">
                <p class="tour-count">{ format!("Step {} of {}", at + 1, STEPS.len()) }</p>
                <button class="remove" type="button" aria-label="End the tour" data-testid="tour-close" onclick={act(TourAction::Close)} />
            </div>
            <h2 class="tour-title" id="tour-title" tabindex="-1" ref={title}>{ step.title }</h2>
            <p class="tour-text" id="tour-text">{ step.text }{ " " }<strong>{ step.task }</strong></p>
            { templates(state, step) }
            <div class="tour-foot">
                { button("button", "tour-back", "Back", at == 0, act(TourAction::Back)) }
                <progress class="tour-progress" max={STEPS.len().to_string()} value={(at + 1).to_string()} aria-hidden="true" />
                { button("button is-main", "tour-next", next, false, act(TourAction::Next)) }
            </div>
        </section>
    }
}

/// The templates that the step compares.
fn templates(state: &UseReducerHandle<State>, step: &Step) -> Option<Html> {
    let buttons = step.templates.iter().enumerate().map(|(index, template)| {
        let onclick = act(state, Action::Tour(TourAction::Try(index)));
        let is_shown = state.templates == [*template];
        html! {
            <button class="tool" type="button" data-testid="tour-try" aria-pressed={is_shown.to_string()} {onclick}>
                { *template }
            </button>
        }
    });
    (!step.templates.is_empty()).then(|| html! {
        <div class="tour-tries" role="group" aria-label="Templates to compare">{ for buttons }</div>
    })
}

/// Arrows go through the steps while the focus is in the sheet.
fn on_arrow(state: &UseReducerHandle<State>) -> Callback<KeyboardEvent> {
    let dispatch = state.dispatcher();
    Callback::from(move |event: KeyboardEvent| {
        let action = match event.key().as_str() {
            "ArrowRight" => TourAction::Next,
            "ArrowLeft" => TourAction::Back,
            _ => return,
        };
        event.prevent_default();
        dispatch.dispatch(Action::Tour(action));
    })
}

/// Escape ends the tour wherever the focus is, unless something nearer took it.
#[hook]
fn use_escape(state: &UseReducerHandle<State>, is_open: bool) {
    let dispatch = state.dispatcher();
    use_effect_with(is_open, move |&is_open| {
        let window = web_sys::window().filter(|_| is_open);
        let listener = window.map(|window| {
            EventListener::new(&window, "keydown", move |event| {
                let event: &KeyboardEvent = event.unchecked_ref();
                if event.key() == "Escape" && !event.default_prevented() {
                    dispatch.dispatch(Action::Tour(TourAction::Close));
                }
            })
        });
        move || drop(listener)
    });
}

/// Each step takes the focus to its title, so that it is read out; the end gives it
/// back to where it was.
#[hook]
fn use_focus(step: Option<usize>, title: &NodeRef) {
    let before = use_mut_ref(|| None::<HtmlElement>);
    let title = title.clone();
    use_effect_with(step, move |step| {
        if step.is_some() {
            if before.borrow().is_none() {
                before.replace(focused());
            }
            if let Some(title) = title.cast::<HtmlElement>() {
                let _ = title.focus();
            }
        } else if let Some(element) = before.take() {
            let _ = element.focus();
        }
    });
}

fn focused() -> Option<HtmlElement> {
    let document = web_sys::window()?.document()?;
    document.active_element()?.dyn_into().ok()
}
