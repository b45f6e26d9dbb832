//! A lesson: small example photos of a few classes, to learn from at once, which words
//! alone do not tell apart well.

use serde::Deserialize;

use super::Sources;
use super::fetch::{fetch_blob, fetch_text};
use crate::state::{NewPhoto, Problem, TrainSettings};

const FOLDER: &str = "samples/train/";

/// `samples/train/lesson.json`.
#[derive(Deserialize)]
struct Lesson {
    /// A learning rate and a number of photos a step that these few photos ask for: an
    /// epoch of one large step learns little, and larger steps overshoot.
    lr: f64,
    batch: usize,
    classes: Vec<LessonClass>,
}

#[derive(Deserialize)]
struct LessonClass {
    name: String,
    files: Vec<String>,
    /// Meant to be tested as a new name.
    is_new: bool,
}

/// The lesson's photos, and `settings` as it asks for.
pub async fn lesson(
    mut settings: TrainSettings,
    sources: &Sources,
) -> Result<(Vec<NewPhoto>, TrainSettings), Problem> {
    let address = format!("{FOLDER}lesson.json");
    let lesson: Lesson = serde_json::from_str(&fetch_text(&address).await?).map_err(|error| {
        let message = format!("{address} is not as expected: {error}");
        Problem::new(message, "build the page again with its samples in place")
    })?;
    let mut blobs = Vec::new();
    for class in &lesson.classes {
        for file in &class.files {
            let blob = fetch_blob(&format!("{FOLDER}{file}")).await?;
            blobs.push((class.name.clone(), file.clone(), blob));
        }
    }
    let photos = blobs.into_iter().map(|(class, title, blob)| {
        let (source, url) = sources.keep_image(blob);
        NewPhoto {
            class,
            title,
            source,
            url,
        }
    });
    let photos = photos.collect();
    let new = lesson.classes.into_iter().filter(|class| class.is_new);
    settings.new_classes = new.map(|class| class.name).collect();
    settings.plan.lr = lesson.lr;
    settings.plan.batch = lesson.batch;
    Ok((photos, settings))
}
