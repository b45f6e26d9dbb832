//! Files dropped anywhere on the page, or pasted.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, File, FileList};
use yew::prelude::*;

use super::{Brought, Bundle, Dropped};

/// The files of a list.
pub fn files_of(list: Option<FileList>) -> Vec<File> {
    let list = list.as_ref();
    list.map_or_else(Vec::new, |list| {
        (0..list.length())
            .filter_map(|index| list.get(index))
            .collect()
    })
}

/// Hands dropped and pasted files, and those in dropped folders, to `on_files`; whether
/// files hover over the page right now.
#[hook]
pub fn use_page_drop(on_files: &Callback<Bundle>) -> bool {
    let hovering = use_state_eq(|| false);
    // The listeners outlive a render; they ask for the newest callback.
    let newest = use_mut_ref(|| on_files.clone());
    newest.replace(on_files.clone());
    let setter = hovering.setter();
    use_effect_with((), move |()| {
        let listeners = web_sys::window().map(|window| {
            let listen = |kind: &'static str, act: Box<dyn Fn(&web_sys::Event)>| {
                let options = EventListenerOptions::enable_prevent_default();
                EventListener::new_with_options(&window, kind, options, move |event| act(event))
            };
            let (over, leave, drop) = (setter.clone(), setter.clone(), setter.clone());
            let (on_drop, on_paste) = (newest.clone(), newest.clone());
            [
                listen(
                    "dragover",
                    Box::new(move |event| {
                        if transfer(event).is_some_and(|transfer| has_files(&transfer)) {
                            event.prevent_default();
                            over.set(true);
                        }
                    }),
                ),
                listen(
                    "dragleave",
                    Box::new(move |event| {
                        let event: &DragEvent = event.unchecked_ref();
                        // Leaving one element for another is no leaving of the page.
                        if event.related_target().is_none() {
                            leave.set(false);
                        }
                    }),
                ),
                listen(
                    "drop",
                    Box::new(move |event| {
                        drop.set(false);
                        // A place of the page has taken them.
                        if event.default_prevented() {
                            return;
                        }
                        let dropped = transfer(event).map(|transfer| Dropped::take(&transfer));
                        let Some(dropped) = dropped.filter(|dropped| !dropped.is_empty()) else {
                            return;
                        };
                        event.prevent_default();
                        let on_drop = on_drop.clone();
                        spawn_local(async move {
                            let files = dropped.walk().await;
                            // Not borrowed while it is emitted: that may render.
                            let on_drop = on_drop.borrow().clone();
                            on_drop.emit(files);
                        });
                    }),
                ),
                listen(
                    "paste",
                    Box::new(move |event| {
                        let event: &ClipboardEvent = event.unchecked_ref();
                        let clipboard = event.clipboard_data();
                        let files = files_of(clipboard.and_then(|clipboard| clipboard.files()));
                        if !files.is_empty() {
                            event.prevent_default();
                            let files = files.into_iter().map(Brought::from);
                            let on_paste = on_paste.borrow().clone();
                            on_paste.emit(files.collect());
                        }
                    }),
                ),
            ]
        });
        move || drop(listeners)
    });
    *hovering
}

fn transfer(event: &web_sys::Event) -> Option<DataTransfer> {
    event.unchecked_ref::<DragEvent>().data_transfer()
}

fn has_files(transfer: &DataTransfer) -> bool {
    transfer.types().includes(&"Files".into(), 0)
}
