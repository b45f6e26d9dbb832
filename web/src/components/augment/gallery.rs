//! The views with what each says, in the order they were drawn or the most confident
//! first.

use yew::prelude::*;

use crate::components::views::{CellRole, Pointing, ViewCell, columns_of, described, moved};
use crate::state::{ShownViews, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub pointing: Pointing,
    pub trusted: Vec<usize>,
}

#[component]
pub fn Gallery(props: &Props) -> Html {
    let holder = use_node_ref();
    let Props {
        state,
        pointing,
        trusted,
    } = props;
    let settings = &state.augment.settings;
    let Some(shown) = ShownViews::of(&state.augment.inquiry) else {
        let blank = (0..=settings.count).map(|at| {
            html! {
                <div class="view-cell" key={at}>
                    <span class="view-picture"><span class="raster view-blank" /></span>
                    <span class="view-class">{ "\u{a0}" }</span>
                    <span class="view-numbers">{ "\u{a0}" }</span>
                </div>
            }
        });
        return html! { <div class="gallery is-blank" aria-hidden="true">{ for blank }</div> };
    };
    let order: Vec<usize> = match settings.is_sorted {
        true => shown.by_entropy(),
        false => (0..shown.answer.views.len()).collect(),
    };
    let onkeydown = {
        let (holder, focused, order) = (holder.clone(), pointing.focused, order.clone());
        Callback::from(move |event: KeyboardEvent| {
            let at = order.iter().position(|view| *view == focused).unwrap_or(0);
            let to = moved(&event.key(), at, order.len(), columns_of(&holder), false);
            if let Some(view) = to.and_then(|to| order.get(to)) {
                event.prevent_default();
                Pointing::focus(&holder, *view);
            }
        })
    };
    let cells = order.iter().filter_map(|at| {
        let view = shown.answer.views.get(*at)?;
        let (class, confidence) = shown.top(*at)?;
        let part = view.source;
        Some(html! {
            <ViewCell
                key={*at} role={CellRole::Choice} at={*at} pixels={shown.pixels} side={shown.answer.side}
                title={described(view, 0).0} class={class.to_string()} {confidence} entropy={view.entropy}
                source={format!("{} {} {} {}", part.left, part.top, part.width, part.height)}
                is_trusted={trusted.contains(at)} is_pointed={pointing.at == *at}
                is_focused={pointing.focused == *at}
            />
        })
    });
    html! {
        <div
            ref={holder} class="gallery" role="listbox" aria-label="Views and what each says" {onkeydown}
            data-testid="gallery" onmouseover={pointing.on_over.clone()} onmouseout={pointing.on_out.clone()}
            onfocusin={pointing.on_focus.clone()} onclick={pointing.on_click.clone()}
        >
            { for cells }
        </div>
    }
}
