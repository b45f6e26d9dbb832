//! Trainings of earlier visits, offered to be continued.

use js_sys::Date;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::components::button::button;
use crate::components::method_title;
use crate::format::count;
use crate::hooks::Sources;
use crate::hooks::kept_trainings::{hold, remove, restore};
use crate::state::{Action, Offer, Problem, State, TrainAction};

pub fn offers(state: &UseReducerHandle<State>, sources: &Sources) -> Html {
    // In the middle of another one, nobody wants to be asked.
    if state.train.course.is_some() || state.train.offers.is_empty() {
        return Html::default();
    }
    let offers = state.train.offers.iter();
    let offers = offers.map(|offer| offered(state, offer, sources));
    html! {
        <section class="card train-offers" aria-label="Trainings of earlier visits" data-testid="train-offers">
            <ul>{ for offers }</ul>
        </section>
    }
}

fn offered(state: &UseReducerHandle<State>, offer: &Offer, sources: &Sources) -> Html {
    let saved = &offer.saved;
    let (done, planned) = saved.epochs();
    let fits = state.model.fingerprint.as_ref() == Some(&saved.fingerprint);
    let onclick = {
        let (dispatch, sources, id) = (state.dispatcher(), sources.clone(), offer.id.clone());
        Callback::from(move |_: MouseEvent| {
            let (dispatch, sources, id) = (dispatch.clone(), sources.clone(), id.clone());
            spawn_local(async move {
                dispatch.dispatch(match restore(&id, &sources).await {
                    Some((offer, kept, photos)) => {
                        hold(&id);
                        Action::Train(TrainAction::Restored(Box::new(offer), kept, photos))
                    }
                    None => Action::FileRefused(Problem::new(
                        "the training is no longer on this device",
                        "begin a new one",
                    )),
                });
            });
        })
    };
    let ondiscard = {
        let (dispatch, id) = (state.dispatcher(), offer.id.clone());
        Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(Action::Train(TrainAction::OfferRemoved(id.clone())));
            let id = id.clone();
            spawn_local(async move { remove(&id).await });
        })
    };
    let method = method_title(saved.request.plan.method);
    let classes = count(saved.request.class_names.len(), "class", "classes");
    let when = time_of(saved.saved_at);
    html! {
        <li class="train-offer" key={offer.id.clone()} data-testid="train-offer">
            <div>
                <p><strong>{ format!("Continue the training of {when}?") }</strong></p>
                <p class="help">
                    { format!("{method}, {classes}, {done} of {planned} epochs, on {}", saved.model) }
                    { if fits { "" } else { ": open that model to continue" } }
                </p>
            </div>
            { button("button", "train-offer-continue", "Continue", !fits, onclick) }
            { button("quiet", "train-offer-discard", "Discard", false, ondiscard) }
        </li>
    }
}

/// Day and time as the browser's language has them.
fn time_of(milliseconds: f64) -> String {
    let date = Date::new(&JsValue::from_f64(milliseconds));
    String::from(date.to_locale_string("default", &JsValue::UNDEFINED))
}
