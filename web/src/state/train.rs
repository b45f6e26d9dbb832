//! Learning a context in the page: classes with photos, settings, and a course that goes
//! on in parts, so that what is learned can be kept in between.

mod course;
mod photos;
mod saved;
mod settings;

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::{Answer, Example, Request, TrainPlan, TrainRequest};

pub use course::{Course, Fresh, KeptCourse};
pub use photos::{NewPhoto, Photo, PhotoStage};
pub use saved::{Offer, Saved, SavedPhoto};
pub use settings::TrainSettings;

use super::{
    Action, Answered, Asker, FilePart, Outcome, Problem, SourceId, State, StoredFile, Task,
};

/// The training images, the settings, and how it goes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Train {
    pub settings: TrainSettings,
    /// In the order they came.
    pub photos: Vec<Photo>,
    pub course: Option<Course>,
    /// Courses of earlier visits that can go on.
    pub offers: Vec<Offer>,
    /// What the page's own record is called on the device.
    pub kept_as: Option<String>,
    /// Why courses cannot be kept on this device.
    pub not_kept: Option<Problem>,
    /// Numbers given to photos and courses so far.
    photo_numbers: u32,
    course_numbers: u32,
}

/// What a person does there, and what the page does for them.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainAction {
    Set(TrainSettings),
    MethodChosen(Method),
    /// Photos and the names of their classes.
    PhotosAdded(Vec<NewPhoto>),
    /// The lesson's, without those that are there already.
    LessonAdded(Vec<NewPhoto>),
    PhotoRemoved(u32),
    ClassEmptied(String),
    /// The class is kept out of learning, or no longer.
    NewClassToggled(String),
    /// A course from its start, with the settings and photos as they are.
    Begin,
    Stop,
    Continue,
    /// So many epochs behind those planned.
    Longer(usize),
    /// What was learned becomes one of the page's learned files.
    Use,
    /// The bytes of the newest answer are in their places.
    Kept(KeptCourse),
    Offered(Vec<Offer>),
    OfferRemoved(String),
    /// An offer that is taken, with its bytes and photos: it goes on at once.
    Restored(Box<Offer>, KeptCourse, Vec<(u32, NewPhoto)>),
    KeptAs(String),
    NotKept(Problem),
}

/// Photos of one class that take part.
struct Share<'a> {
    name: &'a str,
    /// Learned from; of a new class there are none.
    learn: Vec<u32>,
    tested: Vec<u32>,
}

impl Train {
    /// What the training needs from the worker, in order.
    pub fn wishes(&self, _state: &State) -> Vec<Task> {
        let waiting = |photo: &&Photo| photo.stage == PhotoStage::Waiting;
        let encode = self.photos.iter().find(waiting).map(|photo| Task {
            asker: Asker::Train,
            request: Request::Encode {
                image: photo.number,
            },
            files: vec![FilePart::new(photo.title.clone(), photo.source)],
            // Other learned files change nothing about it; another model starts anew.
            epoch: 0,
        });
        let course = self.course.as_ref().and_then(|course| {
            let is_encoded = |example: &Example| self.is_encoded(example.image);
            course.wish(course.examples().all(is_encoded))
        });
        encode.into_iter().chain(course).collect()
    }

    fn is_encoded(&self, number: u32) -> bool {
        let mut photos = self.photos.iter();
        photos.any(|photo| photo.number == number && photo.stage == PhotoStage::Encoded)
    }

    /// How many photos have yet to be encoded.
    pub fn photos_waiting(&self) -> usize {
        let waiting = |photo: &&Photo| photo.stage == PhotoStage::Waiting;
        self.photos.iter().filter(waiting).count()
    }

    /// The photos of a class.
    pub fn photos_of<'a>(&'a self, class: &'a str) -> impl Iterator<Item = &'a Photo> + Clone {
        self.photos.iter().filter(move |photo| photo.class == class)
    }

    /// Whether a class is kept out of learning.
    pub fn is_new(&self, class: &str) -> bool {
        self.settings.new_classes.iter().any(|name| name == class)
    }

    /// The classes that take part, each with its photos.
    fn shares<'a>(&'a self, class_names: &'a [String]) -> Vec<Share<'a>> {
        let share = |name: &'a String| {
            let usable = self.photos_of(name).filter(|photo| photo.is_usable());
            let mut learn: Vec<u32> = usable.map(|photo| photo.number).collect();
            let tested = match self.is_new(name) {
                true => std::mem::take(&mut learn),
                false => learn.split_off(learn.len() - self.settings.held_out_of(learn.len())),
            };
            Share {
                name,
                learn,
                tested,
            }
        };
        let shares = class_names.iter().map(share);
        shares
            .filter(|share| share.learn.len() + share.tested.len() > 0)
            .collect()
    }

    /// Whether a photo is only tested on.
    pub fn is_held_out(&self, class_names: &[String], number: u32) -> bool {
        let mut shares = self.shares(class_names).into_iter();
        shares.any(|share| share.tested.contains(&number))
    }

    /// The course that would begin now.
    fn request(&self, state: &State) -> TrainRequest {
        let shares = self.shares(&state.class_names);
        let (new, base): (Vec<_>, Vec<_>) = shares
            .into_iter()
            .partition(|share| self.is_new(share.name));
        let examples = |shares: &[Share<'_>], images: fn(&Share<'_>) -> Vec<u32>| {
            let shares = shares.iter().enumerate();
            let examples = shares.flat_map(|(label, share)| {
                let images = images(share).into_iter();
                images.map(move |image| Example { image, label })
            });
            examples.collect::<Vec<_>>()
        };
        let names = |shares: &[Share<'_>]| shares.iter().map(|share| share.name.into()).collect();
        let templates = match state.template_problem() {
            None => state.templates.clone(),
            Some(_) => vec![clipwright_shared::learners::DEFAULT_TEMPLATE.into()],
        };
        TrainRequest {
            course: 0,
            plan: self.settings.plan.clone(),
            class_names: names(&base),
            new_class_names: names(&new),
            templates,
            learn: examples(&base, |share| share.learn.clone()),
            held_out: examples(&base, |share| share.tested.clone()),
            new: examples(&new, |share| share.tested.clone()),
            until: 0,
        }
    }

    /// News of a training under way.
    pub(super) fn heard(&mut self, so_far: &Answer) {
        if let (Answer::Trained(news), Some(course)) = (so_far, &mut self.course) {
            course.heard(news);
        }
    }

    pub(super) fn settle(&mut self, task: Task, outcome: Outcome) {
        match (task.request, outcome) {
            (Request::Encode { image }, outcome) => {
                let mut photos = self.photos.iter_mut();
                if let Some(photo) = photos.find(|photo| photo.number == image) {
                    photo.stage = match outcome {
                        Ok(_) => PhotoStage::Encoded,
                        Err(problem) => PhotoStage::Refused(problem),
                    };
                }
            }
            (Request::Train(request), outcome) => {
                let course = self.course.as_mut();
                let Some(course) = course.filter(|it| it.number() == request.course) else {
                    return;
                };
                match outcome {
                    Ok(Answered {
                        answer: Answer::Trained(news),
                        milliseconds,
                        pixels,
                    }) => course.answered(&news, milliseconds, pixels),
                    Ok(_) => {}
                    Err(problem) => course.failed(problem),
                }
            }
            _ => {}
        }
    }

    /// Features that were kept are those of another model.
    pub(super) fn model_changed(&mut self) {
        self.encode_again();
        self.course = None;
    }

    /// The worker forgot everything that it kept.
    pub(super) fn worker_died(&mut self) {
        self.encode_again();
        if let Some(course) = &mut self.course {
            course.worker_died();
        }
    }

    fn encode_again(&mut self) {
        for photo in &mut self.photos {
            if photo.stage == PhotoStage::Encoded {
                photo.stage = PhotoStage::Waiting;
            }
        }
    }

    pub fn sources(&self) -> impl Iterator<Item = SourceId> {
        let photos = self.photos.iter().map(|photo| photo.source);
        photos.chain(self.course.iter().flat_map(Course::sources))
    }
}

impl State {
    /// What keeps a course from beginning, and what to do about it.
    pub fn train_obstacle(&self) -> Option<Problem> {
        let request = self.train.request(self);
        if request.class_names.len() < 2 {
            let count = crate::format::count(request.class_names.len(), "class", "classes");
            return Some(Problem::new(
                format!("{count} with photos to learn from; expected at least two"),
                "add photos to two classes or more, or fill in the examples",
            ));
        }
        let TrainPlan { class_specific, .. } = request.plan;
        if class_specific && !request.new_class_names.is_empty() {
            return Some(Problem::new(
                "a context of its own for each class cannot be tested on new class names",
                "let the classes share one context, or learn from all classes",
            ));
        }
        None
    }

    /// Whether another course would begin now than the one that is there.
    pub fn train_is_other(&self) -> bool {
        let request = self.train.request(self);
        let course = self.train.course.as_ref();
        course.is_some_and(|course| !course.is_of(&request))
    }

    pub(super) fn train_did(&mut self, action: TrainAction) {
        let train = &mut self.train;
        match action {
            TrainAction::Set(settings) => train.settings = settings,
            TrainAction::MethodChosen(method) => train.settings.choose(method),
            TrainAction::PhotosAdded(photos) => self.photos_added(photos),
            TrainAction::LessonAdded(mut photos) => {
                photos.retain(|new| !train.has(&new.class, &new.title));
                self.photos_added(photos);
            }
            TrainAction::PhotoRemoved(number) => {
                train.photos.retain(|photo| photo.number != number);
            }
            TrainAction::ClassEmptied(class) => {
                train.photos.retain(|photo| photo.class != class);
            }
            TrainAction::NewClassToggled(class) => train.settings.toggle_new(class),
            TrainAction::Begin => {
                if self.train_obstacle().is_none() {
                    let request = self.train.request(self);
                    let train = &mut self.train;
                    train.course_numbers += 1;
                    train.course = Some(Course::begin(request, train.course_numbers));
                }
            }
            TrainAction::Stop => {
                if let Some(course) = &mut train.course {
                    course.stop();
                }
            }
            TrainAction::Continue => {
                if let Some(course) = &mut train.course {
                    course.go_on(0);
                }
            }
            TrainAction::Longer(epochs) => {
                if let Some(course) = &mut train.course {
                    course.go_on(epochs);
                }
            }
            TrainAction::Use => self.train_use(),
            TrainAction::Kept(kept) => {
                if let Some(course) = &mut train.course {
                    course.keep(kept);
                }
            }
            TrainAction::Offered(offers) => train.offers = offers,
            TrainAction::OfferRemoved(id) => train.offers.retain(|offer| offer.id != id),
            TrainAction::Restored(offer, kept, photos) => self.train_restored(*offer, kept, photos),
            TrainAction::KeptAs(id) => train.kept_as = Some(id),
            TrainAction::NotKept(problem) => train.not_kept = Some(problem),
        }
    }

    fn train_use(&mut self) {
        let course = self.train.course.as_ref();
        if let Some((course, kept)) = course.and_then(|it| Some((it, it.kept.as_ref()?))) {
            let title = course.request.plan.method.title();
            let epochs = crate::format::count(kept.epoch, "epoch", "epochs");
            self.apply(Action::LearnedArrived(StoredFile {
                name: format!("{title} trained here, {epochs}"),
                bytes: kept.learned_bytes,
                parts: vec![FilePart::new("learned.safetensors", kept.learned)],
            }));
        }
    }

    fn photos_added(&mut self, photos: Vec<NewPhoto>) {
        for photo in photos {
            self.class_added(&photo.class);
            self.train.add_photo(photo);
        }
    }

    /// A course of an earlier visit takes the place of what is there.
    fn train_restored(&mut self, offer: Offer, kept: KeptCourse, photos: Vec<(u32, NewPhoto)>) {
        let Offer { id, saved } = offer;
        self.class_names.clear();
        for name in &saved.class_names {
            self.class_added(name);
        }
        let train = &mut self.train;
        train.offers.clear();
        train.kept_as = Some(id);
        let before = train.photo_numbers;
        train.settings = saved.settings;
        train.photos.clear();
        // The course names its photos by their numbers.
        for (number, photo) in photos {
            train.photo_numbers = number.max(1) - 1;
            train.add_photo(photo);
        }
        let most = train.photos.iter().map(|photo| photo.number).max();
        train.photo_numbers = most.unwrap_or(0).max(before);
        train.course_numbers += 1;
        train.course = Some(Course::restored(
            saved.request,
            saved.news,
            kept,
            train.course_numbers,
        ));
        self.train_did(TrainAction::Continue);
    }
}
