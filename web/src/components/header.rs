//! Name, model, the promise that nothing leaves the machine, and what goes for the
//! whole page.

use yew::prelude::*;

use super::model_status::model_status;
use super::share_button::ShareButton;
use super::theme_button::theme_button;
use super::tour::tour_button;
use crate::hooks::use_theme;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Header(props: &Props) -> Html {
    let state = &props.state;
    let (theme, choose) = use_theme();
    html! {
        <header class="top">
            { name(state) }
            { model_status(state) }
            <p class="promise">{ "Nothing is uploaded." }</p>
            <div class="tools">
                { theme_button(theme, &choose) }
                if state.site.is_none() {
                    { tour_button(state) }
                }
                <ShareButton {state} />
            </div>
        </header>
    }
}

/// The product's, or that of somebody's own classifier.
fn name(state: &State) -> Html {
    match &state.site {
        Some(site) => html! { <h1 class="wordmark is-site">{ &site.title }</h1> },
        None => html! { <h1 class="wordmark">{ "clip" }<b>{ "wright" }</b></h1> },
    }
}
