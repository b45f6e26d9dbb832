//! A course, as the page knows it.

use clipwright_shared::protocol::{Example, Request, TrainNews, TrainRequest};

use crate::state::{Asker, FilePart, Problem, SourceId, Task};

/// Epochs from one record to the next: so many are lost at most.
const EPOCHS_PER_RECORD: usize = 5;

/// A training, its news, and what is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// All but how far to go next.
    pub request: TrainRequest,
    /// One for each epoch and one before the first, in order.
    pub news: Vec<TrainNews>,
    /// Whether it is to go on.
    pub is_going: bool,
    /// The newest record.
    pub kept: Option<KeptCourse>,
    /// Bytes that have yet to find their places.
    pub fresh: Option<Fresh>,
    pub problem: Option<Problem>,
    /// Milliseconds of the newest epochs that were timed, and their number.
    pub pace: Option<(f64, usize)>,
}

/// Bytes as the worker sent them: what was learned, and behind it the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh {
    pub epoch: usize,
    pub source: SourceId,
    pub learned_bytes: usize,
}

/// What is kept behind an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptCourse {
    pub epoch: usize,
    /// `learned.safetensors`.
    pub learned: SourceId,
    pub learned_bytes: u64,
    /// To download it by.
    pub url: String,
    /// For another worker to go on from.
    pub record: SourceId,
}

impl Course {
    pub(super) fn begin(request: TrainRequest, number: u32) -> Self {
        Self {
            request: TrainRequest {
                course: number,
                ..request
            },
            news: Vec::new(),
            is_going: true,
            kept: None,
            fresh: None,
            problem: None,
            pace: None,
        }
    }

    /// A course of an earlier visit, still at rest.
    pub(super) fn restored(
        request: TrainRequest,
        news: Vec<TrainNews>,
        kept: KeptCourse,
        number: u32,
    ) -> Self {
        Self {
            news,
            kept: Some(kept),
            is_going: false,
            ..Self::begin(request, number)
        }
    }

    pub fn number(&self) -> u32 {
        self.request.course
    }

    /// Epochs that were told of.
    pub fn epochs_done(&self) -> usize {
        self.news.last().map_or(0, |news| news.epoch)
    }

    /// Epochs that are kept.
    pub fn epochs_kept(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.epoch)
    }

    pub fn epochs_planned(&self) -> usize {
        self.request.plan.epochs
    }

    pub fn is_finished(&self) -> bool {
        self.epochs_done() >= self.epochs_planned()
    }

    /// Whether `request` would be this course again.
    pub(super) fn is_of(&self, request: &TrainRequest) -> bool {
        let mut own = self.request.clone();
        own.course = request.course;
        own.until = request.until;
        // A longer one is the same course.
        own.plan.epochs = request.plan.epochs;
        own == *request
    }

    /// Every image of the course.
    pub(super) fn examples(&self) -> impl Iterator<Item = &Example> {
        let TrainRequest {
            learn,
            held_out,
            new,
            ..
        } = &self.request;
        learn.iter().chain(held_out).chain(new)
    }

    /// The next part of the course. A part ends with a record; a course that was stopped
    /// asks for one of the epochs it told of.
    pub(super) fn wish(&self, is_encoded: bool) -> Option<Task> {
        if self.fresh.is_some() || self.problem.is_some() {
            return None;
        }
        let (kept, told) = (self.epochs_kept(), self.epochs_done());
        let until = match self.is_going {
            true => self.next_record(),
            false if told > kept => told,
            false => return None,
        };
        if self.kept.is_none() && !is_encoded {
            return None;
        }
        let record = self.kept.iter();
        Some(Task {
            asker: Asker::Train,
            request: Request::Train(TrainRequest {
                until,
                ..self.request.clone()
            }),
            files: record
                .map(|kept| FilePart::new("course", kept.record))
                .collect(),
            epoch: 0,
        })
    }

    /// The epoch that the part under way ends with.
    pub fn next_record(&self) -> usize {
        let next = self.epochs_kept() + EPOCHS_PER_RECORD;
        next.min(self.epochs_planned())
    }

    pub(super) fn heard(&mut self, news: &TrainNews) {
        let is_next = self.news.last().is_none_or(|last| last.epoch < news.epoch);
        if news.course == self.number() && is_next {
            self.news.push(news.clone());
        }
    }

    pub(super) fn answered(
        &mut self,
        news: &TrainNews,
        milliseconds: f64,
        bytes: Option<SourceId>,
    ) {
        let epochs = news.epoch.saturating_sub(self.epochs_kept());
        if epochs > 0 && self.is_going {
            self.pace = Some((milliseconds, epochs));
        }
        self.heard(news);
        match bytes {
            Some(source) => {
                self.fresh = Some(Fresh {
                    epoch: news.epoch,
                    source,
                    learned_bytes: news.learned_bytes,
                });
            }
            None => self.failed(Problem::new(
                "the worker told of an epoch without what was learned in it",
                "continue the training",
            )),
        }
        if news.epoch >= self.epochs_planned() {
            self.is_going = false;
        }
    }

    pub(super) fn failed(&mut self, problem: Problem) {
        self.is_going = false;
        self.problem = Some(problem);
    }

    pub(super) fn stop(&mut self) {
        self.is_going = false;
    }

    /// Goes on, `longer` epochs behind those planned.
    pub(super) fn go_on(&mut self, longer: usize) {
        self.request.plan.epochs += longer;
        self.problem = None;
        self.is_going = !self.is_finished();
    }

    pub(super) fn keep(&mut self, kept: KeptCourse) {
        let expected = self.fresh.map(|fresh| fresh.epoch);
        if expected == Some(kept.epoch) {
            self.kept = Some(kept);
            self.fresh = None;
        }
    }

    /// It goes on from the newest record, or from its start.
    pub(super) fn worker_died(&mut self) {
        let kept = self.kept.as_ref().map(|kept| kept.epoch);
        let kept = self.fresh.map(|fresh| fresh.epoch).or(kept);
        self.news
            .retain(|news| kept.is_some_and(|kept| news.epoch <= kept));
    }

    /// Milliseconds that the rest takes, by the pace so far.
    pub fn milliseconds_left(&self) -> Option<f64> {
        let (milliseconds, epochs) = self.pace?;
        let left = self.epochs_planned().saturating_sub(self.epochs_done());
        Some(milliseconds / epochs as f64 * left as f64)
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = SourceId> {
        let kept = self.kept.iter();
        let kept = kept.flat_map(|kept| [kept.learned, kept.record]);
        kept.chain(self.fresh.map(|fresh| fresh.source))
    }
}
