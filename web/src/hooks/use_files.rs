//! Files that a person brings: told apart by content, then handed to the state.

use js_sys::Uint8Array;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File};
use yew::prelude::*;

use super::Sources;
use crate::sniff::{
    FileKind, LENGTH_BYTES, other_kind, safetensors_header_length, safetensors_kind,
};
use crate::state::{Action, Image, Problem, State, StoredFile};

/// What the callback does with each file, by its first bytes.
#[hook]
pub fn use_files(state: &UseReducerHandle<State>, sources: &Sources) -> Callback<Vec<File>> {
    let (dispatch, sources) = (state.dispatcher(), sources.clone());
    Callback::from(move |files: Vec<File>| {
        let (dispatch, sources) = (dispatch.clone(), sources.clone());
        spawn_local(async move {
            for file in files {
                dispatch.dispatch(match kind(&file).await {
                    Ok(kind) => arrival(file, kind, &sources),
                    Err(problem) => Action::FileRefused(problem),
                });
            }
        });
    })
}

fn arrival(file: File, kind: FileKind, sources: &Sources) -> Action {
    let name = file.name();
    let stem = name
        .strip_suffix(".safetensors")
        .unwrap_or(&name)
        .to_string();
    let store = |file: File| StoredFile {
        name: stem.clone(),
        bytes: file.size() as u64,
        source: sources.keep(file.into()),
    };
    match kind {
        FileKind::Learned => Action::LearnedArrived(store(file)),
        FileKind::Model => Action::ModelArrived(store(file)),
        FileKind::Image => {
            let (source, url) = sources.keep_image(file.into());
            Action::ImageChosen(Image {
                source,
                url,
                title: name,
                sample: None,
            })
        }
        FileKind::PyTorch => Action::FileRefused(Problem::new(
            format!("“{name}” looks like a PyTorch file; expected safetensors or an image"),
            "save the weights as safetensors and drop that file",
        )),
        FileKind::Unknown => Action::FileRefused(Problem::new(
            format!("“{name}” is neither an image nor a safetensors file"),
            "use a PNG, JPEG, WebP, GIF or BMP image, or a learned.safetensors",
        )),
    }
}

async fn kind(file: &File) -> Result<FileKind, Problem> {
    let unreadable = || {
        let message = format!("“{}” cannot be read", file.name());
        Problem::new(
            message,
            "a folder cannot be used here; drop the files in it",
        )
    };
    let head = read(file, 0, LENGTH_BYTES + 1)
        .await
        .ok_or_else(unreadable)?;
    Ok(match safetensors_header_length(&head) {
        Some(length) => {
            let header = read(file, LENGTH_BYTES, LENGTH_BYTES + length).await;
            safetensors_kind(&header.ok_or_else(unreadable)?)
        }
        None => other_kind(&head),
    })
}

async fn read(file: &File, start: usize, end: usize) -> Option<Vec<u8>> {
    let slice: Blob = file.slice_with_f64_and_f64(start as f64, end as f64).ok()?;
    let buffer = JsFuture::from(slice.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}
