//! What a training leaves: its bytes are put in their places, and kept on the device.

use std::collections::BTreeSet;

use js_sys::{Array, Date};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;
use yew::prelude::*;

use super::Sources;
use super::kept_trainings::{self, hold, keep, new_id, problem, save, save_photo};
use crate::state::{Action, Course, Fresh, State, TrainAction};

/// Looks after the page's training, whichever tab is looked at.
#[hook]
pub fn use_training(state: &UseReducerHandle<State>, sources: &Sources) {
    let train = &state.train;
    let dispatch = state.dispatcher();
    use_effect_with((), move |()| {
        spawn_local(async move {
            let offers = kept_trainings::offers().await;
            if !offers.is_empty() {
                dispatch.dispatch(Action::Train(TrainAction::Offered(offers)));
            }
        });
    });

    let fresh = train.course.as_ref().and_then(|course| course.fresh);
    let (dispatch, shelf) = (state.dispatcher(), sources.clone());
    use_effect_with(fresh, move |fresh| {
        if let Some((fresh, [learned, record])) = fresh.and_then(|it| Some((it, cut(it, &shelf)?)))
        {
            let kept = keep(&shelf, learned, record, fresh.epoch);
            dispatch.dispatch(Action::Train(TrainAction::Kept(kept)));
        }
    });

    let photos_kept = use_mut_ref(BTreeSet::<(String, u32)>::new);
    let kept = train.course.as_ref().and_then(|course| {
        let epoch = course.kept.as_ref()?.epoch;
        Some((course.number(), epoch, train.kept_as.clone()))
    });
    let (page, shelf) = (state.clone(), sources.clone());
    use_effect_with(kept, move |kept| {
        let Some((_, _, id)) = kept.clone() else {
            return;
        };
        let dispatch = page.dispatcher();
        let Some(id) = id else {
            let id = new_id();
            hold(&id);
            return dispatch.dispatch(Action::Train(TrainAction::KeptAs(id)));
        };
        let saved = page.train_saved(Date::now());
        let course = page.train.course.as_ref();
        let kept = course.and_then(|course: &Course| course.kept.clone());
        let Some((saved, kept)) = saved.zip(kept) else {
            return;
        };
        let photos = page.train.photos.clone();
        spawn_local(async move {
            if let Err(why) = save(&id, &saved, &kept, &shelf).await {
                let action = TrainAction::NotKept(problem(why));
                return dispatch.dispatch(Action::Train(action));
            }
            for photo in photos.iter().filter(|photo| photo.is_usable()) {
                // A photo that finds no room is missed; the course itself is kept.
                if photos_kept.borrow_mut().insert((id.clone(), photo.number)) {
                    let _ = save_photo(&id, photo, &shelf).await;
                }
            }
        });
    });
}

/// What was learned, and the record behind it.
fn cut(fresh: Fresh, sources: &Sources) -> Option<[Blob; 2]> {
    let bytes = sources.pixels(fresh.source)?;
    let middle = fresh.learned_bytes as u32;
    let parts = [
        bytes.subarray(0, middle),
        bytes.subarray(middle, bytes.length()),
    ];
    let [learned, record] =
        parts.map(|part| Blob::new_with_u8_array_sequence(&Array::of1(&part)).ok());
    Some([learned?, record?])
}
