//! One class name: read, renamed in its place, moved, removed.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::text::looks;

pub struct Chip {
    pub index: usize,
    pub name: AttrValue,
    pub count: usize,
    /// Whether the Tab key comes to this one; arrows go on from there.
    pub is_current: bool,
    /// Whether it is being renamed.
    pub is_edited: bool,
}

/// What is done with the chip at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum ChipAct {
    /// It has got the focus.
    Focused(usize),
    /// The focus is to go there.
    Focus(usize),
    /// It is to be renamed.
    Edit(usize),
    /// The renaming is over.
    Settled,
    Move {
        at: usize,
        to: usize,
    },
    Rename {
        at: usize,
        name: String,
    },
    Remove {
        at: usize,
        by_key: bool,
    },
}

pub fn chip(chip: Chip, on_act: &Callback<ChipAct>) -> Html {
    let Chip {
        index,
        name,
        count,
        is_current,
        is_edited,
    } = chip;
    let tabindex = if is_current { "0" } else { "-1" };
    let content = match is_edited {
        true => html! { <Edit {index} name={name.clone()} {on_act} /> },
        false => {
            html! {
                <span
                    class="chip-name" role="button" data-chip={index.to_string()} data-testid="class-name"
                    {tabindex} onkeydown={on_key(index, count, on_act.clone())}
                    onclick={on_act.reform(move |_: MouseEvent| ChipAct::Edit(index))}
                    onfocus={on_act.reform(move |_: FocusEvent| ChipAct::Focused(index))}
                    aria-label={format!("{name}, class {} of {count}", index + 1)} aria-describedby="class-help"
                    title="Click, Enter or F2 renames"
                >
                    { name.clone() }
                </span>
            }
        }
    };
    let remove = on_act.reform(move |event: MouseEvent| ChipAct::Remove {
        at: index,
        // A key counts no clicks.
        by_key: event.detail() == 0,
    });
    html! {
        <li
            key={&*name} class={looks("chip", is_edited.then_some("is-edited"))} data-testid="class-chip"
            data-class={name.clone()}
        >
            { content }
            <button
                class="remove" type="button" onclick={remove} aria-label={format!("remove {name}")} {tabindex}
            />
        </li>
    }
}

/// Enter and F2 rename, Delete removes, arrows go to the neighbours, with Alt the chip
/// goes there itself.
fn on_key(index: usize, count: usize, on_act: Callback<ChipAct>) -> Callback<KeyboardEvent> {
    Callback::from(move |event: KeyboardEvent| {
        let to = match event.key().as_str() {
            "Enter" | "F2" | " " => {
                event.prevent_default();
                return on_act.emit(ChipAct::Edit(index));
            }
            "Delete" | "Backspace" => {
                event.prevent_default();
                let by_key = true;
                return on_act.emit(ChipAct::Remove { at: index, by_key });
            }
            "ArrowRight" | "ArrowDown" => (index + 1).min(count - 1),
            "ArrowLeft" | "ArrowUp" => index.saturating_sub(1),
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        on_act.emit(match event.alt_key() {
            true => ChipAct::Move { at: index, to },
            false => ChipAct::Focus(to),
        });
    })
}

#[derive(Properties, PartialEq)]
struct EditProps {
    index: usize,
    name: AttrValue,
    on_act: Callback<ChipAct>,
}

/// The name as a field, all of it selected.
#[component]
fn Edit(props: &EditProps) -> Html {
    let input = use_node_ref();
    // Enter and Escape take the field away, which also takes its focus.
    let is_settled = use_mut_ref(|| false);
    {
        let input = input.clone();
        use_effect_with((), move |()| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                let _ = input.focus();
                input.select();
            }
        });
    }
    let settle = {
        let (on_act, input) = (props.on_act.clone(), input.clone());
        let (index, is_settled) = (props.index, is_settled.clone());
        Callback::from(move |(keeps, focuses): (bool, bool)| {
            if is_settled.replace(true) {
                return;
            }
            let name = input.cast::<HtmlInputElement>().map(|input| input.value());
            on_act.emit(ChipAct::Settled);
            if let Some(name) = name.filter(|_| keeps) {
                on_act.emit(ChipAct::Rename { at: index, name });
            }
            if focuses {
                on_act.emit(ChipAct::Focus(index));
            }
        })
    };
    let onkeydown = {
        let settle = settle.clone();
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Enter" if !event.is_composing() => settle.emit((true, true)),
            "Escape" => settle.emit((false, true)),
            _ => {}
        })
    };
    let width = props.name.chars().count().clamp(6, 30).to_string();
    html! {
        <input
            ref={input} class="chip-edit" data-testid="class-edit" type="text" value={props.name.clone()} size={width}
            aria-label={format!("Rename {}", props.name)} {onkeydown}
            onblur={settle.reform(|_: FocusEvent| (true, false))}
            autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="done"
        />
    }
}
