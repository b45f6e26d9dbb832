//! Fetches what is missing of a model, chunk by chunk, and makes one file of it.

use js_sys::{Array, Uint8Array};
use web_sys::Blob;

use super::net::{Failure, Net, sleep};
use super::store::Store;
use crate::hooks::Sources;
use crate::hub::{Record, Request, Stream, folder_of};
use crate::state::{FilePart, HubAction, Problem, StoredFile};

/// Tries without a single new byte, after which it stops.
const ATTEMPTS: u32 = 5;

/// The wait after the first one, in milliseconds; each further one doubles it.
const FIRST_WAIT: i32 = 500;

/// Between two words on how far it is pass so many milliseconds.
const BETWEEN_WORDS: f64 = 250.0;

/// Fetches what is missing; `tell` hears how it goes. The last word is that it
/// stopped or arrived; after a cancellation there is none.
pub async fn download(
    net: &Net,
    store: &Store,
    record: &Record,
    turn: u32,
    tell: impl Fn(HubAction),
) {
    let mut words = Words {
        turn,
        tell: &tell,
        last: f64::NEG_INFINITY,
    };
    match fetch(net, store, record, &mut words).await {
        _ if net.is_cancelled() => {}
        Ok(()) => tell(HubAction::Arrived { turn }),
        Err(problem) => tell(HubAction::Stopped { turn, problem }),
    }
}

async fn fetch(
    net: &Net,
    store: &Store,
    record: &Record,
    words: &mut Words<'_, impl Fn(HubAction)>,
) -> Result<(), Problem> {
    let kept = store.text(&record.path()).await;
    if kept.and_then(|text| Record::read(&text)).as_ref() != Some(record) {
        // Chunks of another plan would not fit.
        store.remove(&folder_of(&record.key())).await;
        let json = record.to_json();
        words.kept(store.put(&record.path(), json.as_bytes()).await);
    }
    let have = record.chunks_in(&store.paths().await);
    let mut stream = Stream::new(record.plan.clone(), &have);
    words.here(stream.here(), true);
    let mut failures = 0;
    while let Some(request) = stream.next_request() {
        let before = stream.here();
        let failure = match transfer(net, store, record, &request, &mut stream, words).await {
            Ok(()) if stream.is_served() => continue,
            // It ended too early.
            Ok(()) => Failure::Broken,
            Err(failure) => failure,
        };
        if net.is_cancelled() {
            return Ok(());
        }
        if let Failure::Refused(problem) = failure {
            return Err(problem);
        }
        failures = if stream.here() > before {
            1
        } else {
            failures + 1
        };
        if failures == ATTEMPTS {
            return Err(net.offline());
        }
        words.retrying();
        sleep(FIRST_WAIT << (failures - 1)).await;
        if net.is_cancelled() {
            return Ok(());
        }
    }
    words.here(stream.here(), true);
    Ok(())
}

/// One request, and the chunks that its answer completes.
async fn transfer(
    net: &Net,
    store: &Store,
    record: &Record,
    request: &Request,
    stream: &mut Stream,
    words: &mut Words<'_, impl Fn(HubAction)>,
) -> Result<(), Failure> {
    let url = net
        .hub
        .file(&record.repository.name, &record.commit, &request.file);
    let answer = net.range(&url, &request.range(), request.from).await?;
    let other_size = answer
        .file_bytes
        .is_some_and(|bytes| bytes != request.file_bytes);
    if other_size || answer.from > request.from {
        return Err(Failure::Refused(Problem::new(
            format!(
                "the Hub sends other bytes of {} than were asked for",
                request.file
            ),
            "look the repository up again; if that does not help, try later",
        )));
    }
    stream.begin(answer.from);
    answer
        .read(async |bytes| {
            let chunks = stream.feed(&bytes);
            // Told at once: the next bytes may be long in coming.
            let is_kept = !chunks.is_empty();
            for (number, chunk) in chunks {
                words.kept(store.put(&record.chunk_path(number), &chunk).await);
            }
            words.here(stream.here(), is_kept);
            stream.is_served() || net.is_cancelled()
        })
        .await
}

/// What is told of a download, and not too often.
struct Words<'t, T> {
    turn: u32,
    tell: &'t T,
    last: f64,
}

impl<T: Fn(HubAction)> Words<'_, T> {
    fn here(&mut self, here: u64, now_at_once: bool) {
        let performance = web_sys::window().and_then(|window| window.performance());
        let now = performance.map_or(0.0, |clock| clock.now());
        if now_at_once || now - self.last >= BETWEEN_WORDS {
            self.last = now;
            let turn = self.turn;
            (self.tell)(HubAction::Heard { turn, here, now });
        }
    }

    fn kept(&self, kept: bool) {
        if !kept {
            (self.tell)(HubAction::Unkept { turn: self.turn });
        }
    }

    fn retrying(&self) {
        (self.tell)(HubAction::Retrying { turn: self.turn });
    }
}

/// A whole model as files for the worker; the bytes stay where they are kept.
pub async fn stored_file(
    store: &Store,
    sources: &Sources,
    record: &Record,
) -> Result<StoredFile, Problem> {
    let gone = || {
        Problem::new(
            format!(
                "a part of {} is no longer on this device",
                record.repository
            ),
            "the browser may have made room; continue its download",
        )
    };
    let parts = Array::new();
    let head = record.plan.head();
    if !head.is_empty() {
        parts.push(&Uint8Array::from(&head[..]));
    }
    for number in 0..record.plan.chunks() {
        let chunk = store.blob(&record.chunk_path(number)).await;
        let chunk: Blob = chunk.ok_or_else(gone)?;
        parts.push(&chunk);
    }
    let weights = Blob::new_with_blob_sequence(&parts).map_err(|_| gone())?;
    let first = record.plan.parts.first().map_or("", |part| &part.file);
    let mut files = vec![FilePart::new(first, sources.keep(weights))];
    for (name, json) in record.configurations() {
        let text = Blob::new_with_str_sequence(&Array::of1(&json.into())).map_err(|_| gone())?;
        files.push(FilePart::new(name.clone(), sources.keep(text)));
    }
    Ok(StoredFile {
        name: record.repository.to_string(),
        bytes: record.plan.bytes(),
        parts: files,
    })
}
