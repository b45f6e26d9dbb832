//! Courses kept on this device. Each page has a record of its own, and offers those
//! that no other page holds.

use js_sys::{Array, Date, Math};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement, window};

use super::Sources;
use super::storage::{self, NotKept, come};
use crate::state::{KeptCourse, NewPhoto, Offer, Photo, Problem, Saved};

/// The folder of all records.
const FOLDER: &str = "trainings/";
/// Older records make room for newer ones.
const MOST_RECORDS: usize = 5;
/// Digits of the length that a record begins with.
const LENGTH_DIGITS: usize = 10;
/// The longer side of a kept photo, in pixels: enough for every CLIP's view.
const MOST_PREVIEW_SIDE: f64 = 448.0;
/// Photos of fewer bytes are kept as they are.
const SMALL_PHOTO_BYTES: f64 = 100_000.0;

/// A name that no other page has.
pub fn new_id() -> String {
    format!("{:.0}-{:06.0}", Date::now(), Math::random() * 1e6)
}

/// Says to other pages that this one goes on with a record.
pub fn hold(id: &str) {
    storage::hold(&format!("{FOLDER}{id}"));
}

/// The records that nobody holds, newest first.
pub async fn offers() -> Vec<Offer> {
    let held = storage::held().await;
    let mut offers = Vec::new();
    for path in storage::paths().await {
        let id = path
            .strip_prefix(FOLDER)
            .and_then(|path| path.strip_suffix("/course"));
        let Some(id) = id.filter(|id| !held.contains(&format!("{FOLDER}{id}"))) else {
            continue;
        };
        if let Some((saved, _)) = open(id).await {
            offers.push(Offer {
                id: id.into(),
                saved,
            });
        }
    }
    offers.sort_by(|a, b| b.saved.saved_at.total_cmp(&a.saved.saved_at));
    for old in offers.split_off(offers.len().min(MOST_RECORDS)) {
        remove(&old.id).await;
    }
    offers
}

/// Keeps a course. Its bytes are those of `kept`.
pub async fn save(
    id: &str,
    saved: &Saved,
    kept: &KeptCourse,
    sources: &Sources,
) -> Result<(), NotKept> {
    let blobs = sources.blob(kept.learned).zip(sources.blob(kept.record));
    let (Some((learned, record)), Ok(json)) = (blobs, serde_json::to_string(saved)) else {
        return Err(NotKept::Refused);
    };
    let length = format!("{:0LENGTH_DIGITS$}", json.len());
    let parts = Array::new();
    parts.push(&length.into());
    parts.push(&json.into());
    parts.push(&learned);
    parts.push(&record);
    storage::put(&format!("{FOLDER}{id}/course"), &parts).await
}

/// Keeps a photo, or a smaller picture of it.
pub async fn save_photo(id: &str, photo: &Photo, sources: &Sources) -> Result<(), NotKept> {
    let blob = sources.blob(photo.source).ok_or(NotKept::Refused)?;
    let blob = match blob.size() > SMALL_PHOTO_BYTES {
        true => preview(&photo.url).await.ok_or(NotKept::Refused)?,
        false => blob,
    };
    storage::put(&photo_path(id, photo.number), &Array::of1(&blob)).await
}

/// A record with its bytes and photos, put on the shelf.
pub async fn restore(
    id: &str,
    sources: &Sources,
) -> Option<(Offer, KeptCourse, Vec<(u32, NewPhoto)>)> {
    let (saved, bytes) = open(id).await?;
    let mut photos = Vec::new();
    for photo in &saved.photos {
        photos.extend(
            storage::get(&photo_path(id, photo.number))
                .await
                .zip(Some(photo)),
        );
    }
    let middle = saved.learned_bytes as f64;
    let learned = bytes.slice_with_f64_and_f64(0.0, middle).ok()?;
    let record = bytes.slice_with_f64_and_f64(middle, bytes.size()).ok()?;
    let photos = photos.into_iter().map(|(blob, photo)| {
        let (source, url) = sources.keep_image(blob);
        let number = photo.number;
        let photo = NewPhoto {
            class: photo.class.clone(),
            title: photo.title.clone(),
            source,
            url,
        };
        (number, photo)
    });
    let photos = photos.collect();
    let kept = keep(sources, learned, record, saved.epochs().0);
    let id = id.to_string();
    Some((Offer { id, saved }, kept, photos))
}

/// Puts what was learned and the record behind it on the shelf.
pub fn keep(sources: &Sources, learned: Blob, record: Blob, epoch: usize) -> KeptCourse {
    let learned_bytes = learned.size() as u64;
    let (learned, url) = sources.keep_image(learned);
    KeptCourse {
        epoch,
        learned,
        learned_bytes,
        url,
        record: sources.keep(record),
    }
}

/// Forgets a record.
pub async fn remove(id: &str) {
    storage::remove(&format!("{FOLDER}{id}/")).await;
}

/// What is said if a course cannot be kept.
pub fn problem(why: NotKept) -> Problem {
    let (message, hint) = match why {
        NotKept::NoPlace => (
            "this page has no place on your device to keep the training in",
            "a reload would lose it: download what was learned in time",
        ),
        NotKept::Full => (
            "your device has no room left to keep the training",
            "it goes on, but a reload would lose it: remove kept models or other sites' data",
        ),
        NotKept::Refused => (
            "the training could not be kept on your device",
            "it goes on, but a reload would lose it: download what was learned in time",
        ),
    };
    Problem::new(message, hint)
}

/// A record, and the bytes behind it.
async fn open(id: &str) -> Option<(Saved, Blob)> {
    let blob = storage::get(&format!("{FOLDER}{id}/course")).await?;
    let slice = |from: f64, to: f64| blob.slice_with_f64_and_f64(from, to).ok();
    let digits = LENGTH_DIGITS as f64;
    let length = come(slice(0.0, digits)?.text()).await?.as_string()?;
    let end = digits + length.parse::<f64>().ok()?;
    let json = come(slice(digits, end)?.text()).await?.as_string()?;
    let saved = serde_json::from_str(&json).ok()?;
    Some((saved, slice(end, blob.size())?))
}

fn photo_path(id: &str, number: u32) -> String {
    format!("{FOLDER}{id}/photo-{number}")
}

/// A smaller picture of a photo, as JPEG.
async fn preview(url: &str) -> Option<Blob> {
    let image = HtmlImageElement::new().ok()?;
    image.set_src(url);
    come(image.decode()).await?;
    let (width, height) = (image.natural_width(), image.natural_height());
    let share = (MOST_PREVIEW_SIDE / f64::from(width.max(height))).min(1.0);
    let [width, height] = [width, height].map(|side| (f64::from(side) * share).round().max(1.0));
    let canvas = window()?.document()?.create_element("canvas").ok()?;
    let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let context = canvas.get_context("2d").ok()??;
    let context: CanvasRenderingContext2d = context.dyn_into().ok()?;
    context
        .draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, width, height)
        .ok()?;
    blob_of(&canvas, "image/jpeg").await
}

/// What a canvas shows, as a file.
pub async fn blob_of(canvas: &HtmlCanvasElement, kind: &str) -> Option<Blob> {
    let canvas = canvas.clone();
    let blob = js_sys::Promise::new(&mut |resolve, _| {
        let _ = canvas.to_blob_with_type(&resolve, kind);
    });
    JsFuture::from(blob).await.ok()?.dyn_into().ok()
}
