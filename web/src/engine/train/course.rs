//! A course: a context in training, its images, and where it is.

use candle_core::Tensor;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::explain::Plane;
use clipwright_shared::learners::{Learner, ZeroShot};
use clipwright_shared::protocol::{
    CourseStart, Seen, TestScores, TrainNews, TrainPlan, TrainRequest,
};
use clipwright_shared::session::check_class_names;
use clipwright_shared::train::{Schedule, State, Targets, Trainer, epoch_batches, steps_per_epoch};
use clipwright_shared::{Error, Session};

use super::images::Images;
use super::record::Record;
use super::start::trainer;
use super::testing::{Tested, Testing};
use crate::engine::{Failure, Memory};

/// The parts that the map is fitted to.
const IMAGES: usize = 0;
const PROMPTS: usize = 1;

/// A training under way.
pub struct Course {
    request: TrainRequest,
    trainer: Box<dyn Trainer>,
    learn: Images,
    held_out: Images,
    new: Images,
    /// Mean `[1, embed_dim]` of the features that are learned from.
    middle: Tensor,
    map: Option<Map>,
    zero_shot: TestScores,
    stage: Stage,
    /// Whole epochs done.
    epoch: usize,
    /// As it was behind the last whole epoch.
    kept: Option<Kept>,
}

/// Where it is.
enum Stage {
    /// Before the first step, words alone are tested.
    ZeroShot(Testing),
    Learning(Epoch),
    /// Behind an epoch, or before the first.
    Testing(Testing, Option<Seen>),
}

/// An epoch under way.
struct Epoch {
    batches: Vec<Vec<usize>>,
    /// Batches done.
    at: usize,
    loss: f64,
    correct: usize,
    seen: usize,
    lr: f64,
}

/// The course behind an epoch.
struct Kept {
    learner: Learner,
    state: State,
    news: TrainNews,
}

/// Where images and prompts are drawn.
struct Map {
    plane: Plane,
    /// The prompts before the first step, which the plane was fitted with.
    first_prompts: Tensor,
}

impl Course {
    /// A course before its first step.
    ///
    /// # Errors
    /// If the plan does not fit the model, or images have not been encoded.
    pub fn begin(request: &TrainRequest, memory: &mut Memory) -> Result<Self, Failure> {
        let (base, new) = (request.class_names.len(), request.new_class_names.len());
        let learn = Images::kept(&request.learn, base, memory)?;
        let held_out = Images::kept(&request.held_out, base, memory)?;
        let new = Images::kept(&request.new, new, memory)?;
        let session = memory.session()?;
        let mut course = Self::new(request, [learn, held_out, new], session)?;
        let templates = ZeroShot::new(request.templates.iter().cloned())?;
        course.stage = Stage::ZeroShot(course.testing(Learner::ZeroShot(templates)));
        Ok(course)
    }

    /// A course from its record.
    ///
    /// # Errors
    /// If the record is damaged, or another course's or model's.
    pub fn restore(
        request: &TrainRequest,
        record: &[u8],
        session: &Session,
    ) -> Result<Self, Failure> {
        let record = Record::from_bytes(record, session.fingerprint())?;
        let (base, new) = (request.class_names.len(), request.new_class_names.len());
        let [learn, held_out, others] = record.features;
        let images = [
            Images::new(learn, &request.learn, base)?,
            Images::new(held_out, &request.held_out, base)?,
            Images::new(others, &request.new, new)?,
        ];
        let mut course = Self::new(request, images, session)?;
        course.trainer.restore(&record.state)?;
        course.epoch = record.epoch;
        course.zero_shot = record.zero_shot;
        course.map = Some(Map::fit(&course, record.first_prompts)?);
        let learner = course.trainer.learner()?;
        course.kept = Some(Kept {
            learner,
            state: record.state,
            news: record.news,
        });
        course.stage = Stage::Learning(course.next_epoch());
        Ok(course)
    }

    fn new(
        request: &TrainRequest,
        [learn, held_out, new]: [Images; 3],
        session: &Session,
    ) -> Result<Self, Failure> {
        check_class_names(&request.class_names)?;
        let Some(features) = &learn.features else {
            return Err(Error::setting("the list of photos", "empty", "at least one").into());
        };
        if request.plan.class_specific && !request.new_class_names.is_empty() {
            let expected = "a context that all classes share, to test new class names";
            return Err(Error::setting("the context", "class-specific", expected).into());
        }
        let middle = features.mean_keepdim(0)?;
        let trainer = trainer(session, &request.plan, &request.class_names)?;
        let placeholder = Epoch::of(Vec::new(), 0.0);
        let mut course = Self {
            request: request.clone(),
            trainer,
            learn,
            held_out,
            new,
            middle,
            map: None,
            zero_shot: TestScores::default(),
            stage: Stage::Learning(placeholder),
            epoch: 0,
            kept: None,
        };
        course.stage = Stage::Learning(course.next_epoch());
        Ok(course)
    }

    pub fn number(&self) -> u32 {
        self.request.course
    }

    /// Another length of the whole: the learning rate of later epochs follows it.
    pub fn plan_for(&mut self, epochs: usize) {
        self.request.plan.epochs = epochs;
        let lr = self.lr();
        if let Stage::Learning(epoch) = &mut self.stage
            && epoch.at == 0
        {
            epoch.lr = lr;
        }
    }

    /// Whole epochs done and tested.
    pub fn epochs_done(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.news.epoch)
    }

    /// Whether there are news to answer with.
    pub fn is_told(&self) -> bool {
        self.kept.is_some()
    }

    pub fn steps_per_epoch(&self) -> usize {
        // As CoOp trains: of an epoch's last, incomplete batch nothing is learned.
        steps_per_epoch(self.learn.len(), self.request.plan.batch, true)
    }

    pub fn steps_done(&self) -> usize {
        let within = match &self.stage {
            Stage::Learning(epoch) => epoch.at,
            _ => 0,
        };
        self.epoch * self.steps_per_epoch() + within
    }

    /// Goes on for a moment: one step, or a part of the tests. The news, whenever an epoch
    /// has been tested.
    ///
    /// # Errors
    /// If the loss is no longer a number; what is learned keeps its last good value.
    pub fn advance(&mut self, session: &Session) -> Result<Option<TrainNews>, Failure> {
        match &mut self.stage {
            Stage::Learning(epoch) if epoch.at < epoch.batches.len() => {
                let step = step(self.trainer.as_mut(), &self.learn, epoch);
                step.map(|()| None)
            }
            Stage::Learning(epoch) => {
                let seen = epoch.report();
                self.epoch += 1;
                let testing = self.testing(self.trainer.learner()?);
                self.stage = Stage::Testing(testing, Some(seen));
                Ok(None)
            }
            Stage::ZeroShot(testing) => {
                let images = [&self.held_out, &self.new];
                if let Some(tested) = testing.advance(session, images, &self.middle)? {
                    self.zero_shot = tested.scores;
                    let testing = self.testing(self.trainer.learner()?);
                    self.stage = Stage::Testing(testing, None);
                }
                Ok(None)
            }
            Stage::Testing(testing, seen) => {
                let images = [&self.held_out, &self.new];
                let Some(tested) = testing.advance(session, images, &self.middle)? else {
                    return Ok(None);
                };
                let seen = *seen;
                self.tested(tested, seen).map(Some)
            }
        }
    }

    /// What is told and kept behind an epoch.
    fn tested(&mut self, tested: Tested, seen: Option<Seen>) -> Result<TrainNews, Failure> {
        let is_first = self.map.is_none();
        if is_first {
            self.map = Some(Map::fit(self, tested.prompts.clone())?);
        }
        let points = |part: usize, features: &Tensor| match &self.map {
            Some(map) => map.plane.points_of(part, features),
            None => Ok(Vec::new()),
        };
        let start = match is_first {
            true => Some(CourseStart {
                zero_shot: self.zero_shot,
                images: points(IMAGES, &self.all_features()?)?,
            }),
            false => None,
        };
        let news = TrainNews {
            course: self.number(),
            epoch: self.epoch,
            seen,
            test: tested.scores,
            start,
            prompts: points(PROMPTS, &tested.prompts)?,
            learned_bytes: 0,
        };
        self.kept = Some(Kept {
            learner: self.trainer.learner()?,
            state: self.trainer.state()?,
            news: news.clone(),
        });
        self.stage = Stage::Learning(self.next_epoch());
        Ok(news)
    }

    /// The news of the last whole epoch; beside them `learned.safetensors`, and behind it
    /// the record of the course.
    pub fn keep(&self, session: &Session) -> Result<(TrainNews, Vec<u8>), Failure> {
        let (Some(kept), Some(map)) = (&self.kept, &self.map) else {
            return Err(Error::setting("the course", "not begun", "one under way").into());
        };
        let mut file = LearnedFile::new(&kept.learner, Some(session.fingerprint().into()));
        file.metadata.shots = self.learn.shots(self.request.class_names.len());
        file.metadata.seed = self.request.plan.seed;
        file.metadata.epochs = kept.news.epoch;
        let mut bytes = file.to_bytes()?;
        let news = TrainNews {
            learned_bytes: bytes.len(),
            ..kept.news.clone()
        };
        let features = [&self.learn, &self.held_out, &self.new];
        let record = Record {
            epoch: kept.news.epoch,
            state: kept.state.clone(),
            features: features.map(|images| images.features.clone()),
            first_prompts: map.first_prompts.clone(),
            zero_shot: self.zero_shot,
            news: news.clone(),
        };
        bytes.extend(record.to_bytes(session.fingerprint())?);
        Ok((news, bytes))
    }

    fn testing(&self, learner: Learner) -> Testing {
        let request = &self.request;
        Testing::new(learner, &request.class_names, &request.new_class_names)
    }

    fn next_epoch(&self) -> Epoch {
        let TrainPlan { batch, seed, .. } = self.request.plan;
        let steps = self.steps_per_epoch();
        let batches = epoch_batches(self.learn.len(), batch, steps, seed, self.epoch);
        Epoch::of(batches, self.lr())
    }

    /// The learning rate of the epoch under way.
    fn lr(&self) -> f64 {
        let TrainPlan { lr, epochs, .. } = self.request.plan;
        Schedule::coop(lr, epochs).lr(self.epoch)
    }

    /// Features of all images: learned from, held out, new.
    fn all_features(&self) -> Result<Tensor, Failure> {
        let sets = [&self.learn, &self.held_out, &self.new];
        let sets: Vec<&Tensor> = sets
            .iter()
            .filter_map(|set| set.features.as_ref())
            .collect();
        Ok(Tensor::cat(&sets, 0)?)
    }
}

impl Map {
    fn fit(course: &Course, first_prompts: Tensor) -> Result<Self, Failure> {
        Ok(Self {
            plane: Plane::fit_parts(&[&course.all_features()?, &first_prompts])?,
            first_prompts,
        })
    }
}

impl Epoch {
    fn of(batches: Vec<Vec<usize>>, lr: f64) -> Self {
        Self {
            batches,
            at: 0,
            loss: 0.0,
            correct: 0,
            seen: 0,
            lr,
        }
    }

    fn report(&self) -> Seen {
        let seen = self.seen.max(1) as f64;
        Seen {
            loss: self.loss / seen,
            accuracy: self.correct as f64 / seen,
            lr: self.lr,
        }
    }
}

/// One step on the next batch of an epoch.
fn step(trainer: &mut dyn Trainer, learn: &Images, epoch: &mut Epoch) -> Result<(), Failure> {
    let (Some(batch), Some(features)) = (epoch.batches.get(epoch.at), &learn.features) else {
        return Ok(());
    };
    let device = features.device();
    let rows: Vec<u32> = batch.iter().map(|&image| image as u32).collect();
    let features = features.index_select(&Tensor::new(rows, device)?, 0)?;
    let labels: Vec<usize> = batch.iter().map(|&image| learn.labels[image]).collect();
    let report = trainer.step(&features, &Targets::of(&labels, device)?, epoch.lr)?;
    epoch.loss += f64::from(report.loss) * batch.len() as f64;
    epoch.correct += report.correct;
    epoch.seen += batch.len();
    epoch.at += 1;
    Ok(())
}
