//! One class: its photos, and the ways to bring more.

use web_sys::File;
use yew::prelude::*;

use crate::components::act;
use crate::components::button::remove_button;
use crate::components::camera::{Camera, Shots};
use crate::components::file_input::{Takes, file_input};
use crate::components::text::looks;
use crate::format::count;
use crate::hooks::{Sources, files_of};
use crate::state::{Action, NewPhoto, Photo, PhotoStage, State, TrainAction};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub sources: Sources,
    pub name: AttrValue,
    /// Its place among the page's classes.
    pub index: usize,
}

#[component]
pub fn ClassRow(props: &Props) -> Html {
    let Props {
        state,
        sources,
        name,
        index,
    } = props;
    let is_over = use_state_eq(|| false);
    let is_filming = use_state_eq(|| false);
    let on_files = {
        let (dispatch, sources, name) = (state.dispatcher(), sources.clone(), name.clone());
        Callback::from(move |files: Vec<File>| {
            let photos = files.into_iter().map(|file| {
                let title = file.name();
                let (source, url) = sources.keep_image(file.into());
                NewPhoto {
                    class: name.to_string(),
                    title,
                    source,
                    url,
                }
            });
            let photos = photos.collect();
            dispatch.dispatch(Action::Train(TrainAction::PhotosAdded(photos)));
        })
    };
    let photos: Vec<&Photo> = state.train.photos_of(name).collect();
    let is_new = state.train.is_new(name);
    let thumbnails = photos.iter().map(|photo| thumbnail(state, photo));
    let onchange = {
        let (dispatch, name) = (state.dispatcher(), name.to_string());
        Callback::from(move |_: Event| {
            let toggled = TrainAction::NewClassToggled(name.clone());
            dispatch.dispatch(Action::Train(toggled));
        })
    };
    let emptied = TrainAction::ClassEmptied(name.to_string());
    let onclick = act(state, Action::Train(emptied));
    let empty = (!photos.is_empty()).then(|| {
        html! {
            <button
                class="quiet" type="button" {onclick}
                data-testid={format!("train-empty-{index}")}
                aria-label={format!("Remove all photos of {name}")}
            >
                { "Remove all" }
            </button>
        }
    });
    let film = {
        let is_filming = is_filming.clone();
        Callback::from(move |_: MouseEvent| is_filming.set(!*is_filming))
    };
    let on_close = {
        let is_filming = is_filming.setter();
        Callback::from(move |()| is_filming.set(false))
    };
    let webcam = is_filming.then(|| {
        html! { <Camera shots={Shots::Squares(name.clone())} on_photos={on_files.clone()} {on_close} /> }
    });
    let look = classes!(
        "train-class",
        is_over.then_some("is-over"),
        is_new.then_some("is-new")
    );
    let [ondragover, ondragleave] = [true, false].map(|over| {
        let is_over = is_over.setter();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            is_over.set(over);
        })
    });
    let ondrop = {
        let (on_files, is_over) = (on_files.clone(), is_over.setter());
        Callback::from(move |event: DragEvent| {
            is_over.set(false);
            let files = files_of(event.data_transfer().and_then(|transfer| transfer.files()));
            if !files.is_empty() {
                event.prevent_default();
                on_files.emit(files);
            }
        })
    };
    html! {
        <li
            class={look} data-testid="train-class" data-class={name.clone()}
            {ondragover} {ondragleave} {ondrop}
        >
            <div class="train-class-head">
                <strong class="train-class-name">{ name }</strong>
                <span class="help" data-testid={format!("train-count-{index}")}>
                    { facts(state, name, &photos) }
                </span>
                <label class="train-new" title="Its photos are not learned from: they test the prompt on a name it has not seen">
                    <input
                        type="checkbox" checked={is_new} {onchange}
                        data-testid={format!("train-new-{index}")}
                        aria-label={format!("Keep {name} out of learning, as a new name to test")}
                    />
                    { "new name" }
                </label>
            </div>
            <ul class="train-photos" aria-label={format!("Photos of {name}")}>{ for thumbnails }</ul>
            { webcam }
            <div class="train-class-ways">
                <label class="add">
                    { "Add photos" }
                    { file_input(
                        Takes::Images, format!("train-photos-{index}"), format!("Add photos of {name}"), &on_files,
                    ) }
                </label>
                <button
                    class="quiet" type="button" onclick={film} data-testid={format!("train-webcam-{index}")}
                    aria-expanded={is_filming.to_string()} aria-label={format!("Webcam for {name}")}
                >
                    { "Webcam" }
                </button>
                { empty }
            </div>
        </li>
    }
}

/// `8 photos: 6 to learn from, 2 to test`.
fn facts(state: &State, name: &str, photos: &[&Photo]) -> String {
    let train = &state.train;
    let usable = photos.iter().filter(|photo| photo.is_usable()).count();
    let all = count(usable, "photo", "photos");
    let held_out = train.settings.held_out_of(usable);
    match (usable, train.is_new(name)) {
        (0, _) => "no photos yet".into(),
        (_, true) => format!("{all}, all to test"),
        _ if held_out == 0 => format!("{all} to learn from"),
        _ => format!("{} to learn from, {held_out} to test", usable - held_out),
    }
}

fn thumbnail(state: &UseReducerHandle<State>, photo: &Photo) -> Html {
    let held_out = state.train.is_held_out(&state.class_names, photo.number);
    let (kind, told) = match &photo.stage {
        PhotoStage::Waiting => ("is-waiting", "being read".to_string()),
        PhotoStage::Encoded if held_out => ("is-held-out", "only tested on".into()),
        PhotoStage::Encoded => ("is-learned", "learned from".into()),
        PhotoStage::Refused(problem) => ("is-refused", problem.message.clone()),
    };
    let removed = TrainAction::PhotoRemoved(photo.number);
    let remove = act(state, Action::Train(removed));
    let title = AttrValue::from(format!("{}: {told}", photo.title));
    let refused = (kind == "is-refused")
        .then(|| html! { <span class="train-photo-sign" aria-hidden="true">{ "!" }</span> });
    html! {
        <li
            key={photo.number} class={looks("train-photo", kind)} data-testid="train-photo"
            data-stage={kind} title={title.clone()}
        >
            <img src={photo.url.clone()} alt={title.clone()} width="52" height="52" />
            { refused }
            { remove_button(format!("Remove {title}"), remove) }
        </li>
    }
}
