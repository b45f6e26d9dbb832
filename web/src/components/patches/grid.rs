//! The patches with what each says, laid out as they lie in the image, the whole image
//! above them.

use yew::prelude::*;

use crate::components::views::{CellRole, Pointing, ViewCell, described, moved};
use crate::state::{ShownViews, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub pointing: Pointing,
    pub trusted: Vec<usize>,
}

#[component]
pub fn PatchGrid(props: &Props) -> Html {
    let holder = use_node_ref();
    let Props {
        state, pointing, ..
    } = props;
    let shown = ShownViews::of(&state.patches.inquiry);
    let columns = match shown {
        Some(shown) => shown.grid(),
        None => state.patches.settings.grid,
    };
    let views = columns * columns + 1;
    let onkeydown = {
        let (holder, focused) = (holder.clone(), pointing.focused);
        Callback::from(move |event: KeyboardEvent| {
            if let Some(to) = moved(&event.key(), focused, views, columns, true) {
                event.prevent_default();
                Pointing::focus(&holder, to);
            }
        })
    };
    let rows = (0..columns).map(|row| {
        let cells = (0..columns).map(|column| cell(props, shown, 1 + row * columns + column));
        html! { <div class="patch-row" role="row" key={row}>{ for cells }</div> }
    });
    let is_blank = shown.is_none();
    html! {
        <div class="patch-scroll">
            <div
                ref={holder} class={classes!("patch-grid", is_blank.then_some("is-blank"))} role="grid"
                data-columns={columns.to_string()} aria-label="Patches and what each says" {onkeydown}
                onmouseover={pointing.on_over.clone()} onmouseout={pointing.on_out.clone()}
                onfocusin={pointing.on_focus.clone()} onclick={pointing.on_click.clone()}
            >
                <div class="patch-row is-whole" role="row">{ cell(props, shown, 0) }</div>
                { for rows }
            </div>
        </div>
    }
}

fn cell(props: &Props, shown: Option<ShownViews<'_>>, at: usize) -> Html {
    let pointing = &props.pointing;
    let view = shown.and_then(|shown| Some((shown, shown.answer.views.get(at)?)));
    let Some((shown, view)) = view else {
        return html! {
            <div class="view-cell" role="gridcell" key={at} aria-label="to come">
                <span class="view-picture"><span class="raster view-blank" /></span>
                <span class="view-class">{ "\u{a0}" }</span>
                <span class="view-numbers">{ "\u{a0}" }</span>
            </div>
        };
    };
    let (class, confidence) = shown.top(at).unwrap_or_default();
    let part = view.source;
    html! {
        <ViewCell
            key={at} role={CellRole::GridCell} {at} pixels={shown.pixels} side={shown.answer.side}
            title={described(view, shown.grid()).0} class={class.to_string()} {confidence} entropy={view.entropy}
            source={format!("{} {} {} {}", part.left, part.top, part.width, part.height)}
            is_trusted={props.trusted.contains(&at)} is_pointed={pointing.at == at}
            is_focused={pointing.focused == at}
        />
    }
}
