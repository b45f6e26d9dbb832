//! A question that follows from the state, and its newest answer.

use clipwright_shared::protocol::Answer;

use super::{Problem, SourceId, Task};

/// An answer, with what came beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    pub answer: Answer,
    /// How long the worker took.
    pub milliseconds: f64,
    /// RGBA pixels that came beside it.
    pub pixels: Option<SourceId>,
}

/// What came of a task.
pub type Outcome = Result<Answered, Problem>;

/// A question that follows from the state. It is asked while the state's wish differs
/// from what was answered, failed or was stopped last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inquiry {
    answered: Option<(Task, Answered)>,
    failed: Option<(Task, Problem)>,
    stopped: Option<Task>,
    /// Goes up with each answer.
    pub answers: u32,
}

impl Inquiry {
    /// Whether `wish` has yet to be asked, or is being worked on.
    pub fn wants(&self, wish: &Task) -> bool {
        let answered = self.answered.as_ref().map(|(task, _)| task);
        let failed = self.failed.as_ref().map(|(task, _)| task);
        ![answered, failed, self.stopped.as_ref()].contains(&Some(wish))
    }

    /// `wish`, unless it has been settled.
    pub fn filter(&self, wish: Option<Task>) -> Option<Task> {
        wish.filter(|wish| self.wants(wish))
    }

    /// Keeps what came of a task. An answer stays until the next one, so that nothing
    /// flickers.
    pub fn settle(&mut self, task: Task, outcome: Outcome) {
        match outcome {
            Ok(answered) => {
                self.answered = Some((task, answered));
                self.failed = None;
                self.answers += 1;
            }
            Err(problem) => self.failed = Some((task, problem)),
        }
    }

    /// Stops asking for `wish`, until it is another or [`Self::again`] is called.
    pub fn stop(&mut self, wish: Option<Task>) {
        self.stopped = wish;
    }

    /// Asks again for what failed or was stopped.
    pub fn again(&mut self) {
        self.failed = None;
        self.stopped = None;
    }

    /// The newest answer, to whatever question.
    pub fn answered(&self) -> Option<&Answered> {
        self.answered.as_ref().map(|(_, answered)| answered)
    }

    /// The question of the newest answer.
    pub fn answered_task(&self) -> Option<&Task> {
        self.answered.as_ref().map(|(task, _)| task)
    }

    /// Why `wish` has no answer.
    pub fn problem(&self, wish: Option<&Task>) -> Option<&Problem> {
        let (task, problem) = self.failed.as_ref()?;
        (Some(task) == wish).then_some(problem)
    }

    /// Whether `wish` was stopped.
    pub fn is_stopped(&self, wish: Option<&Task>) -> bool {
        wish.is_some() && self.stopped.as_ref() == wish
    }

    /// Pixels that may be drawn again.
    pub fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.answered()
            .and_then(|answered| answered.pixels)
            .into_iter()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self {
            answers: self.answers,
            ..Self::default()
        };
    }
}
