//! What was learned, in words and distances, of one learner at a time.

use clipwright_shared::protocol::{Answer, LearnedAnswer, LearnedInfo, LearnedRequest, Request};
use clipwright_shared::session::ZERO_SHOT;
use serde::{Deserialize, Serialize};

use super::{Asker, FilePart, Inquiry, LearnedStage, PhotoStage, Problem, SourceId, State, Task};

/// What the tab shows and asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearnedTab {
    pub settings: LearnedTabSettings,
    /// The samples, once the tab has been opened.
    pub samples: Vec<MapSample>,
    pub inquiry: Inquiry,
}

/// What a person chooses there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedTabSettings {
    /// `zero-shot` or a learned file's name; without one, the learned file that came last.
    pub learner: Option<String>,
    /// The class whose own context vectors are told; without one, the first.
    pub class: Option<String>,
    /// Whether images and prompts are laid over each other on the map.
    pub together: bool,
    /// Whether the samples are on the map.
    pub samples: bool,
}

impl Default for LearnedTabSettings {
    fn default() -> Self {
        Self {
            learner: None,
            class: None,
            together: true,
            samples: true,
        }
    }
}

/// A sample for the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapSample {
    /// Its place among the samples.
    pub sample: usize,
    pub title: String,
    pub source: SourceId,
}

/// What a person does there.
#[derive(Debug, Clone, PartialEq)]
pub enum LearnedTabAction {
    Set(LearnedTabSettings),
    SamplesBrought(Vec<MapSample>),
    /// Asks again for what failed or was stopped.
    Again,
    /// Stops what is under way.
    Stop,
}

/// An image on the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapImage {
    pub title: String,
    /// Its class, where that is known.
    pub class: Option<String>,
    place: ImagePlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ImagePlace {
    File {
        source: SourceId,
        is_shown: bool,
    },
    /// The worker's number of a photo of the training.
    Kept(u32),
}

/// The newest answer, with its question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownLearned<'a> {
    pub request: &'a LearnedRequest,
    pub answer: &'a LearnedAnswer,
    /// Whether it answers what is asked now.
    pub is_current: bool,
}

impl LearnedTab {
    /// What the tab asks.
    pub fn question(&self, state: &State) -> Option<Task> {
        if state.learned_tab_obstacle().is_some() {
            return None;
        }
        let (mut images, mut files, mut kept, mut shown) = (vec![], vec![], vec![], None);
        for image in state.map_images() {
            match image.place {
                ImagePlace::File { source, is_shown } => {
                    if is_shown {
                        shown = Some(files.len());
                    }
                    images.push(source.0);
                    files.push(FilePart::new(image.title, source));
                }
                ImagePlace::Kept(number) => kept.push(number),
            }
        }
        let learner = state.looked_at_learner();
        let request = Request::Learned(LearnedRequest {
            learned: learner.map(|info| info.name.clone()),
            class: state.looked_at_class().map(Into::into),
            prompts: state.prompts(),
            images,
            shown,
            kept,
        });
        Some(state.task(Asker::Learned, request, files))
    }

    /// The question, until it is settled.
    pub fn wish(&self, state: &State) -> Option<Task> {
        self.inquiry.filter(self.question(state))
    }

    pub fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.samples.iter().map(|sample| sample.source)
    }
}

impl State {
    pub(super) fn learned_tab_did(&mut self, action: LearnedTabAction) {
        match action {
            LearnedTabAction::Set(settings) => self.learned_tab.settings = settings,
            LearnedTabAction::SamplesBrought(samples) => self.learned_tab.samples = samples,
            LearnedTabAction::Again => self.learned_tab.inquiry.again(),
            LearnedTabAction::Stop => {
                let question = self.learned_tab.question(self);
                self.learned_tab.inquiry.stop(question);
            }
        }
    }

    /// What keeps the tab from asking, and what to do about it. An image is no must.
    pub fn learned_tab_obstacle(&self) -> Option<Problem> {
        let is_unasked = self.template_problem().is_some() || self.class_names.len() < 2;
        self.obstacle().filter(|_| is_unasked)
    }

    /// The learned files that can be looked into, in the order they came.
    pub fn open_learned(&self) -> impl DoubleEndedIterator<Item = &LearnedInfo> {
        let open = self.learned.iter();
        let open = open.filter(|learned| learned.stage == LearnedStage::Open);
        open.filter_map(|learned| learned.info.as_ref())
    }

    /// The learned file that is looked at; none is zero-shot.
    pub fn looked_at_learner(&self) -> Option<&LearnedInfo> {
        let chosen = self.learned_tab.settings.learner.as_deref();
        if chosen == Some(ZERO_SHOT) {
            return None;
        }
        let mut open = self.open_learned();
        let found = open.find(|info| chosen == Some(info.name.as_str()));
        found.or_else(|| self.open_learned().next_back())
    }

    /// The class whose own context vectors are told, if each class has its own.
    pub fn looked_at_class(&self) -> Option<&str> {
        let info = self
            .looked_at_learner()
            .filter(|info| info.class_specific)?;
        let chosen = self.learned_tab.settings.class.as_ref();
        let known = chosen.filter(|class| info.class_names.contains(class));
        let in_use = self.class_names.iter();
        let mut in_use = in_use.filter(|class| info.class_names.contains(class));
        let class = known.or_else(|| in_use.next()).or(info.class_names.first());
        class.map(String::as_str)
    }

    /// The images of the map, in the order in which the worker is told of them.
    pub fn map_images(&self) -> Vec<MapImage> {
        let shown = self.image.as_ref();
        let shown_sample = shown.and_then(|image| image.sample);
        let class_of = |title: &str| self.class_names.iter().find(|name| *name == title).cloned();
        let samples = &self.learned_tab.samples;
        let samples = samples.iter().filter(|sample| {
            self.learned_tab.settings.samples || Some(sample.sample) == shown_sample
        });
        let mut images: Vec<MapImage> = samples
            .map(|sample| MapImage {
                title: sample.title.clone(),
                class: class_of(&sample.title),
                place: ImagePlace::File {
                    source: sample.source,
                    is_shown: Some(sample.sample) == shown_sample,
                },
            })
            .collect();
        let is_there =
            |image: &MapImage| matches!(image.place, ImagePlace::File { is_shown, .. } if is_shown);
        if let Some(image) = shown.filter(|_| !images.iter().any(is_there)) {
            images.push(MapImage {
                title: image.title.clone(),
                class: class_of(&image.title),
                place: ImagePlace::File {
                    source: image.source,
                    is_shown: true,
                },
            });
        }
        let photos = self.train.photos.iter();
        let photos = photos.filter(|photo| photo.stage == PhotoStage::Encoded);
        images.extend(photos.map(|photo| MapImage {
            title: photo.title.clone(),
            class: Some(photo.class.clone()),
            place: ImagePlace::Kept(photo.number),
        }));
        images
    }

    /// What there is to see.
    pub fn shown_learned(&self) -> Option<ShownLearned<'_>> {
        let inquiry = &self.learned_tab.inquiry;
        let task = inquiry.answered_task()?;
        let (Request::Learned(request), Answer::Learned(answer)) =
            (&task.request, &inquiry.answered()?.answer)
        else {
            return None;
        };
        Some(ShownLearned {
            request,
            answer,
            is_current: self.learned_tab.question(self).as_ref() == Some(task),
        })
    }
}

impl MapImage {
    /// Whether it is the image that is shown.
    pub fn is_shown(&self) -> bool {
        matches!(self.place, ImagePlace::File { is_shown: true, .. })
    }
}
