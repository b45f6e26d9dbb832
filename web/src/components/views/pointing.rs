//! Which view is looked at: the one under the pointer, else the one with the focus, else
//! the one that had it last. So there always is one, and nothing jumps.

use wasm_bindgen::JsCast;
use web_sys::{Element, FocusEvent, HtmlElement, MouseEvent};
use yew::prelude::*;

/// The attribute that a view's element carries its number in.
const VIEW: &str = "data-view";

/// What is looked at, and what changes it. The callbacks belong on whatever holds
/// elements with `data-view`.
#[derive(Clone, PartialEq)]
pub struct Pointing {
    /// The view that is looked at.
    pub at: usize,
    /// The one that the keyboard is at.
    pub focused: usize,
    pub on_over: Callback<MouseEvent>,
    pub on_out: Callback<MouseEvent>,
    pub on_focus: Callback<FocusEvent>,
    pub on_click: Callback<MouseEvent>,
}

impl Pointing {
    /// Moves the focus to a view inside of `holder`.
    pub fn focus(holder: &NodeRef, view: usize) {
        let selector = format!("[{VIEW}=\"{view}\"]");
        let holder = holder.cast::<Element>();
        let found = holder.and_then(|holder| holder.query_selector(&selector).ok()?);
        if let Some(found) = found {
            // Whatever is drawn in an SVG takes the focus in the same way.
            let _ = found.unchecked_ref::<HtmlElement>().focus();
        }
    }
}

/// Of `count` views, the first is looked at to begin with.
#[hook]
pub fn use_pointing(count: usize) -> Pointing {
    let hovered = use_state_eq(|| None::<usize>);
    let focused = use_state_eq(|| 0_usize);
    let last = count.saturating_sub(1);
    let is_there = |at: &usize| *at <= last;
    let (at, held) = (hovered.filter(is_there), (*focused).min(last));
    let hover = |to: fn(&MouseEvent) -> Option<usize>| {
        let setter = hovered.setter();
        Callback::from(move |event: MouseEvent| setter.set(to(&event)))
    };
    let set = focused.setter();
    let click = focused.setter();
    Pointing {
        at: at.unwrap_or(held),
        focused: held,
        on_over: hover(|event| view_of(event)),
        on_out: hover(|_| None),
        on_focus: Callback::from(move |event: FocusEvent| {
            if let Some(view) = view_of(&event) {
                set.set(view);
            }
        }),
        on_click: Callback::from(move |event: MouseEvent| {
            if let Some(view) = view_of(&event) {
                click.set(view);
            }
        }),
    }
}

/// The view that an event happened in.
fn view_of(event: &web_sys::Event) -> Option<usize> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let element = target.closest(&format!("[{VIEW}]")).ok()??;
    element.get_attribute(VIEW)?.parse().ok()
}

/// How many elements stand in the first row of `holder`.
pub fn columns_of(holder: &NodeRef) -> usize {
    let first = holder
        .cast::<Element>()
        .and_then(|holder| holder.first_element_child());
    let top = |element: &Element| element.unchecked_ref::<HtmlElement>().offset_top();
    let Some(first) = first else {
        return 1;
    };
    let row = top(&first);
    let next = |element: &Element| element.next_element_sibling();
    let in_row = std::iter::successors(Some(first), next).take_while(|element| top(element) == row);
    in_row.count()
}
