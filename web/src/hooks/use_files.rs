//! Files that a person brings: told apart by content, then handed to the state.

use js_sys::Uint8Array;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File};
use yew::prelude::*;

use super::{Brought, Bundle, Sources};
use crate::pile::{Found, Parcel, sort};
use crate::sniff::{
    FileKind, HEAD_BYTES, LENGTH_BYTES, other_kind, safetensors_header_length, safetensors_kind,
};
use crate::state::{
    Action, BatchAction, FilePart, Image, MOST_IMAGES, NewRow, Problem, State, StoredFile, evenly,
};

/// What the callback does with files, by their content.
#[hook]
pub fn use_files(state: &UseReducerHandle<State>, sources: &Sources) -> Callback<Bundle> {
    let (dispatch, sources) = (state.dispatcher(), sources.clone());
    Callback::from(move |bundle: Bundle| {
        let (dispatch, sources) = (dispatch.clone(), sources.clone());
        spawn_local(async move {
            let cut = bundle.problem();
            let files = bundle.files;
            let mut pile = Vec::with_capacity(files.len());
            for Brought { path, file } in &files {
                let (path, kind) = (path.clone(), kind(file).await);
                pile.push(Found { path, kind });
            }
            let sorted = sort(&pile);
            let (actions, left_out) = actions(&sorted.parcels, &files, &sources);
            for action in actions {
                dispatch.dispatch(action);
            }
            let problems = [cut, left_out, sorted.problem];
            if let Some(problem) = problems.into_iter().flatten().reduce(Problem::and) {
                dispatch.dispatch(Action::FileRefused(problem));
            }
        });
    })
}

/// What happens to the page, and why some images do not.
fn actions(
    parcels: &[Parcel],
    files: &[Brought],
    sources: &Sources,
) -> (Vec<Action>, Option<Problem>) {
    let (mut actions, mut rows) = (Vec::new(), Vec::new());
    let labels = parcels.iter().filter_map(|parcel| match parcel {
        Parcel::Image { label, .. } => Some(label.as_deref()),
        _ => None,
    });
    let taken = evenly(&labels.collect::<Vec<_>>(), MOST_IMAGES);
    let left_out = taken.iter().filter(|taken| !**taken).count();
    let mut taken = taken.into_iter();
    for parcel in parcels {
        match parcel {
            Parcel::Image { at, label } => {
                if taken.next() == Some(true) {
                    rows.push(NewRow {
                        image: image(&files[*at].file, sources),
                        label: label.clone(),
                    });
                }
            }
            Parcel::Learned { name, parts } => {
                actions.push(Action::LearnedArrived(store(name, parts, files, sources)));
            }
            Parcel::Model { name, parts } => {
                actions.push(Action::ModelArrived(store(name, parts, files, sources)));
            }
        }
    }
    // One image is looked at; several, or one of a class's folder, go into the table.
    if let Some(first) = rows.first() {
        actions.push(Action::ImageChosen(first.image.clone()));
        if rows.len() > 1 || first.label.is_some() {
            actions.push(Action::Batch(BatchAction::Added(rows)));
        }
    }
    let problem = (left_out > 0).then(|| {
        let message = format!(
            "{left_out} images were left out, of every folder its share: the table holds {MOST_IMAGES}"
        );
        Problem::new(message, "clipwright eval measures larger sets")
    });
    (actions, problem)
}

fn image(file: &File, sources: &Sources) -> Image {
    let title = file.name();
    let (source, url) = sources.keep_image(file.clone().into());
    Image {
        source,
        url,
        title,
        sample: None,
    }
}

fn store(name: &str, parts: &[usize], files: &[Brought], sources: &Sources) -> StoredFile {
    let parts = parts.iter().map(|&at| &files[at].file);
    StoredFile {
        name: name.into(),
        bytes: parts.clone().map(|file| file.size() as u64).sum(),
        parts: parts
            .map(|file| FilePart::new(file.name(), sources.keep(file.clone().into())))
            .collect(),
    }
}

/// None if it cannot be read.
async fn kind(file: &File) -> Option<FileKind> {
    let head = read(file, 0, LENGTH_BYTES + 8).await?;
    if let Some(length) = safetensors_header_length(&head) {
        let header = read(file, LENGTH_BYTES, LENGTH_BYTES + length).await?;
        return Some(safetensors_kind(&header));
    }
    let length = file.size() as u64;
    match other_kind(&file.name(), &head, length) {
        FileKind::Image => Some(FileKind::Image),
        _ => {
            let head = read(file, 0, HEAD_BYTES).await?;
            Some(other_kind(&file.name(), &head, length))
        }
    }
}

async fn read(file: &File, start: usize, end: usize) -> Option<Vec<u8>> {
    let slice: Blob = file.slice_with_f64_and_f64(start as f64, end as f64).ok()?;
    let buffer = JsFuture::from(slice.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}
