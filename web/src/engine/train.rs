//! Learning a context in the page: a course goes on step by step, and is kept from one
//! request to the next.

mod course;
mod images;
mod record;
mod start;
mod testing;

use clipwright_shared::protocol::{Answer, Progress, TrainNews, TrainRequest};

pub use course::Course;

use super::{Failure, Memory, NamedFile, Step, Work};

pub(super) struct Train {
    request: TrainRequest,
    /// The record of the course, for a worker that does not know it.
    files: Vec<NamedFile>,
    /// Steps that had been done before this request.
    before: Option<usize>,
}

impl Train {
    pub fn new(request: TrainRequest, files: Vec<NamedFile>) -> Self {
        Self {
            request,
            files,
            before: None,
        }
    }

    /// The course of the request: as the worker knows it, else from the record, else new.
    fn course(&self, memory: &mut Memory) -> Result<Course, Failure> {
        let known = memory.course.take();
        if let Some(mut course) = known.filter(|course| course.number() == self.request.course) {
            course.plan_for(self.request.plan.epochs);
            return Ok(course);
        }
        match self.files.first() {
            Some(record) => Course::restore(&self.request, record.bytes(), memory.session()?),
            None => Course::begin(&self.request, memory),
        }
    }

    fn advance(&mut self, course: &mut Course, memory: &mut Memory) -> Result<Step, Failure> {
        let before = *self.before.get_or_insert(course.steps_done());
        let until = self.request.until;
        if course.is_told() && course.epochs_done() >= until {
            let (news, files) = course.keep(memory.session()?)?;
            return Ok(Step::Done(Answer::Trained(news), files));
        }
        let news = course.advance(memory.session()?)?;
        Ok(Step::Going(Progress {
            done: course.steps_done() - before,
            total: (until * course.steps_per_epoch()).saturating_sub(before),
            so_far: news.map(|news: TrainNews| Answer::Trained(news)),
        }))
    }
}

impl Work for Train {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let mut course = self.course(memory)?;
        let step = self.advance(&mut course, memory);
        // Whatever came of it, the course has its last good values.
        memory.course = Some(course);
        step
    }
}

#[cfg(test)]
mod tests;
