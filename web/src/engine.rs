//! What the worker computes: messages and files in, events out. Free of the
//! browser, so that it runs in native tests too.
//!
//! Whatever takes long is [`Work`] in steps of a moment each: between two of them
//! the worker hears what else the page wants. There are two lanes, so that an
//! image can be classified while a context is being learned.

mod classify;
mod content;
mod encoding;
mod files;
mod helpers;
mod images;
mod kept_views;
mod learned;
mod memory;
mod train;
mod tune;
mod views;
mod work;

use clipwright_shared::Error;
use clipwright_shared::clip::supply_merges;
use clipwright_shared::protocol::{Event, Message, Progress, Request};

pub use content::{Content, NamedFile, Reader};
pub use files::KIBIBYTE;
pub use helpers::Helpers;
pub use memory::Memory;
pub use train::Course;
pub use work::{Lack, Step, Work};

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
    /// What it waits for.
    lacks: Option<Lack>,
}

impl Running {
    fn goes_on(lane: &Option<Self>) -> bool {
        lane.as_ref().is_some_and(|running| running.lacks.is_none())
    }

    fn lacks(&self, what: Lack) -> bool {
        self.lacks == Some(what)
    }
}

/// An event, with the pixels that go beside it.
#[derive(Debug, PartialEq)]
pub struct Reply {
    pub event: Event,
    pub pixels: Vec<u8>,
}

impl Engine {
    /// Lets others encode views too.
    pub fn helped_by(&mut self, helpers: impl Helpers + 'static) {
        self.memory.helpers = Some(Box::new(helpers));
    }

    /// Takes a message. `files` came beside it.
    pub fn receive(&mut self, message: Message, files: Vec<NamedFile>) -> Vec<Reply> {
        match message {
            Message::Do { task, request } => {
                let lane = match *request {
                    // A helper does one after the other as they come.
                    Request::EncodeViews { side, adapted } => {
                        let encoded = images::encode_views(&mut self.memory, side, adapted, &files);
                        return vec![match encoded {
                            Ok((answer, pixels)) => Reply {
                                event: Event::Done { task, answer },
                                pixels,
                            },
                            Err(failure) => failed(task, failure),
                        }];
                    }
                    Request::Train(_) => &mut self.training,
                    _ => &mut self.question,
                };
                // The page asks one thing at a time; a second one ends the first.
                let ended = lane.replace(Running {
                    task,
                    work: start(*request, files),
                    lacks: None,
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
        !Running::goes_on(&self.question) && !Running::goes_on(&self.training)
    }

    /// Whether a model waits for the rules of the whole vocabulary.
    pub fn wants_vocabulary(&self) -> bool {
        let question = self.question.as_ref();
        question.is_some_and(|running| running.lacks(Lack::Vocabulary))
    }

    /// The rules of the whole vocabulary, or why they could not be had: what waits for
    /// them goes on, or fails.
    pub fn bring_vocabulary(&mut self, fetched: Result<String, String>) -> Option<Reply> {
        let supplied = fetched
            .map_err(|reason| Failure {
                message: format!("the vocabulary of this model could not be fetched: {reason}"),
                hint: Some("it lies beside this page: connect once, then open it again".into()),
            })
            .and_then(|merges| Ok(supply_merges(merges)?));
        let question = self.question.as_mut();
        let waiting = question.filter(|running| running.lacks(Lack::Vocabulary))?;
        waiting.lacks = None;
        let task = waiting.task;
        let failure = supplied.err()?;
        self.question = None;
        Some(failed(task, failure))
    }

    /// More has come of a file, or from a helper: what waits for it goes on.
    pub fn news_came(&mut self) -> Option<Reply> {
        if let Some(running) = &mut self.question
            && running.lacks(Lack::News)
        {
            running.lacks = None;
        }
        None
    }

    /// Does one step of what is under way, questions first.
    pub fn step(&mut self) -> Option<Reply> {
        let lane = match Running::goes_on(&self.question) {
            true => &mut self.question,
            false => &mut self.training,
        };
        let running = lane.as_mut()?;
        let task = running.task;
        let (event, pixels) = match running.work.step(&mut self.memory) {
            Ok(Step::Going(progress)) => (Event::Progress { task, progress }, Vec::new()),
            Ok(Step::Waiting(lack)) => {
                running.lacks = Some(lack);
                return None;
            }
            Ok(Step::Done(answer, pixels)) => (Event::Done { task, answer }, pixels),
            Err(failure) => {
                *lane = None;
                return Some(failed(task, failure));
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

fn failed(task: u32, Failure { message, hint }: Failure) -> Reply {
    Reply {
        event: Event::Failed {
            task,
            message,
            hint,
        },
        pixels: Vec::new(),
    }
}

/// The work that answers a request.
fn start(request: Request, files: Vec<NamedFile>) -> Box<dyn Work> {
    match request {
        Request::LoadModel { only_image, .. } => Box::new(files::LoadModel::new(files, only_image)),
        Request::LoadLearned { name } => Box::new(files::LoadLearned { name, files }),
        Request::RemoveLearned { name } => Box::new(files::RemoveLearned { name }),
        Request::Classify { prompts } => Box::new(classify::Classify::new(prompts, files)),
        Request::Features { learned } => Box::new(images::Features { learned, files }),
        Request::EncodeViews { .. } => unreachable!("done as it comes"),
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
