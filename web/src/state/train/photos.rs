//! Photos to learn from.

use super::Train;
use crate::state::{Problem, SourceId};

/// A photo that a person brought.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPhoto {
    pub class: String,
    pub title: String,
    pub source: SourceId,
    /// An object URL to show it by.
    pub url: String,
}

/// A photo of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// What the worker knows it by.
    pub number: u32,
    pub class: String,
    pub title: String,
    pub source: SourceId,
    pub url: String,
    pub stage: PhotoStage,
}

/// How far a photo is.
#[derive(Debug, Clone, PartialEq)]
pub enum PhotoStage {
    /// The worker is to encode it.
    Waiting,
    /// The worker keeps its features.
    Encoded,
    Refused(Problem),
}

impl Photo {
    /// Whether it can be learned from, now or soon.
    pub fn is_usable(&self) -> bool {
        !matches!(self.stage, PhotoStage::Refused(_))
    }
}

impl Train {
    /// Whether the class has a photo of that title.
    pub(super) fn has(&self, class: &str, title: &str) -> bool {
        let mut photos = self.photos.iter();
        photos.any(|photo| photo.class == class && photo.title == title)
    }

    /// Classes of photos that are not among `class_names`, each once: the photos stay, but
    /// nothing is learned from them.
    pub fn strays(&self, class_names: &[String]) -> Vec<String> {
        let mut strays: Vec<String> = Vec::new();
        for Photo { class, .. } in &self.photos {
            if !class_names.contains(class) && !strays.contains(class) {
                strays.push(class.clone());
            }
        }
        strays
    }

    pub(super) fn add_photo(&mut self, photo: NewPhoto) {
        self.photo_numbers += 1;
        self.photos.push(Photo {
            number: self.photo_numbers,
            class: photo.class.trim().into(),
            title: photo.title,
            source: photo.source,
            url: photo.url,
            stage: PhotoStage::Waiting,
        });
    }
}
