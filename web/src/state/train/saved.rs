//! A course as it is kept on the device from one visit to the next.

use clipwright_shared::protocol::{TrainNews, TrainRequest};
use serde::{Deserialize, Serialize};

use super::{Course, TrainSettings};
use crate::state::State;

/// A course that is kept, but for its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The model it belongs to.
    pub model: String,
    pub fingerprint: String,
    /// Milliseconds since 1970.
    pub saved_at: f64,
    /// The page's classes.
    pub class_names: Vec<String>,
    pub settings: TrainSettings,
    pub photos: Vec<SavedPhoto>,
    pub request: TrainRequest,
    /// Up to the epoch that is kept.
    pub news: Vec<TrainNews>,
    pub learned_bytes: u64,
}

/// A photo that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedPhoto {
    pub number: u32,
    pub class: String,
    pub title: String,
}

/// A kept course that can go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its place among the kept ones.
    pub id: String,
    pub saved: Saved,
}

impl Saved {
    /// Epochs that are kept, and those planned.
    pub fn epochs(&self) -> (usize, usize) {
        let done = self.news.last().map_or(0, |news| news.epoch);
        (done, self.request.plan.epochs)
    }
}

impl State {
    /// What is to be kept of the course; none before its first record.
    pub fn train_saved(&self, now: f64) -> Option<Saved> {
        let train = &self.train;
        let Course {
            request,
            news,
            kept: Some(kept),
            ..
        } = train.course.as_ref()?
        else {
            return None;
        };
        let photo = |photo: &super::Photo| SavedPhoto {
            number: photo.number,
            class: photo.class.clone(),
            title: photo.title.clone(),
        };
        let news = news.iter().filter(|news| news.epoch <= kept.epoch);
        Some(Saved {
            model: self.model.open.as_ref()?.name.clone(),
            fingerprint: self.model.info()?.fingerprint.clone(),
            saved_at: now,
            class_names: self.class_names.clone(),
            settings: train.settings.clone(),
            photos: train.photos.iter().map(photo).collect(),
            request: request.clone(),
            news: news.cloned().collect(),
            learned_bytes: kept.learned_bytes,
        })
    }
}
