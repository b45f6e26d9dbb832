//! Name, model, the promise that nothing leaves the machine, and what goes for the
//! whole page.

use yew::prelude::*;

use super::model_status::ModelStatus;
use super::share_button::ShareButton;
use super::theme_button::ThemeButton;
use super::tour::TourButton;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Header(props: &Props) -> Html {
    html! {
        <header class="top">
            { name(&props.state) }
            <ModelStatus state={props.state.clone()} />
            <p class="promise">{ "Nothing is uploaded." }</p>
            <div class="tools">
                <ThemeButton />
                if props.state.site.is_none() {
                    <TourButton state={props.state.clone()} />
                }
                <ShareButton state={props.state.clone()} />
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
