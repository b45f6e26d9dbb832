//! What the worker computes: messages and files in, events out. Free of the
//! browser, so that it runs in native tests too.
//!
//! Whatever takes long is [`Work`] in steps of a moment each: between two of them
//! the worker hears what else the page wants. There are two lanes, so that an
//! image can be classified while a context is being learned.

mod classify;
mod encoding;
mod files;
mod images;
mod kept_views;
mod learned;
mod memory;
mod train;
mod tune;
mod views;
mod work;

use clipwright_shared::Error;
use clipwright_shared::protocol::{Event, Message, Progress, Request};

pub use memory::{Memory, NamedFile};
pub use train::Course;
pub use work::{Step, Work};

/// The worker: what it remembers and what it is doing.
#[derive(Default)]
pub struct Engine {
    memory: Memory,
    question: Option<Running>,
    training: Option<Running>,
}

/// A task under way.
struct Running {
    task: u32,
    work: Box<dyn Work>,
}

/// An event, with the pixels that go beside it.
#[derive(Debug, PartialEq)]
pub struct Reply {
    pub event: Event,
    pub pixels: Vec<u8>,
}

impl Engine {
    /// Takes a message. `files` came beside it.
    pub fn receive(&mut self, message: Message, files: Vec<NamedFile>) -> Vec<Reply> {
        match message {
            Message::Do { task, request } => {
                let lane = match *request {
                    Request::Train(_) => &mut self.training,
                    _ => &mut self.question,
                };
                // The page asks one thing at a time; a second one ends the first.
                let ended = lane.replace(Running {
                    task,
                    work: start(*request, files),
                });
                ended
                    .map(|ended| cancelled(ended.task))
                    .into_iter()
                    .collect()
            }
            Message::Cancel { task } => {
                let lanes = [&mut self.question, &mut self.training];
                let ended = lanes
                    .into_iter()
                    .find_map(|lane| lane.take_if(|running| running.task == task));
                ended
                    .map(|ended| cancelled(ended.task))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.question.is_none() && self.training.is_none()
    }

    /// Does one step of what is under way, questions first.
    pub fn step(&mut self) -> Option<Reply> {
        let lane = match self.question {
            Some(_) => &mut self.question,
            None => &mut self.training,
        };
        let running = lane.as_mut()?;
        let task = running.task;
        let (event, pixels) = match running.work.step(&mut self.memory) {
            Ok(Step::Going(progress)) => (Event::Progress { task, progress }, Vec::new()),
            Ok(Step::Done(answer, pixels)) => (Event::Done { task, answer }, pixels),
            Err(failure) => {
                let Failure { message, hint } = failure;
                let event = Event::Failed {
                    task,
                    message,
                    hint,
                };
                (event, Vec::new())
            }
        };
        if !matches!(event, Event::Progress { .. }) {
            *lane = None;
        }
        Some(Reply { event, pixels })
    }
}

fn cancelled(task: u32) -> Reply {
    Reply {
        event: Event::Cancelled { task },
        pixels: Vec::new(),
    }
}

/// The work that answers a request.
fn start(request: Request, files: Vec<NamedFile>) -> Box<dyn Work> {
    match request {
        Request::LoadModel { .. } => Box::new(files::LoadModel { files }),
        Request::LoadLearned { name } => Box::new(files::LoadLearned { name, files }),
        Request::RemoveLearned { name } => Box::new(files::RemoveLearned { name }),
        Request::Classify { prompts } => Box::new(classify::Classify { prompts, files }),
        Request::Features { learned } => Box::new(images::Features { learned, files }),
        Request::Encode { image } => Box::new(images::Encode { image, files }),
        Request::Views(request) => Box::new(views::Views::new(request, files)),
        Request::Tune(request) => Box::new(tune::Tune::new(*request, files)),
        Request::Train(request) => Box::new(train::Train::new(request, files)),
        Request::Learned(request) => Box::new(learned::Explain::new(request, files)),
    }
}

/// Progress of a task that tells nothing before it ends.
fn going(done: usize, total: usize) -> Step {
    Step::Going(Progress {
        done,
        total,
        so_far: None,
    })
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl From<candle_core::Error> for Failure {
    fn from(error: candle_core::Error) -> Self {
        Error::from(error).into()
    }
}

#[cfg(test)]
mod tests;
