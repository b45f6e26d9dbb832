//! Work in steps.

use clipwright_shared::protocol::{Answer, Progress};

use super::{Failure, Memory};

/// A task that is done step by step. A step takes a moment, some 100 ms at most
/// where that can be: between two of them a cancel is heard.
pub trait Work {
    /// Goes on. Never called again after [`Step::Done`] or an error.
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure>;
}

/// Where a task is after a step.
#[derive(Debug, PartialEq)]
pub enum Step {
    Going(Progress),
    /// It goes on once there is what it lacks.
    Waiting(Lack),
    /// The answer, and pixels as RGBA that go beside it.
    Done(Answer, Vec<u8>),
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The rules of the whole vocabulary
    /// ([`Engine::bring_vocabulary`](super::Engine::bring_vocabulary)).
    Vocabulary,
    /// More of a file, or features from a helper
    /// ([`Engine::news_came`](super::Engine::news_came)).
    News,
}
