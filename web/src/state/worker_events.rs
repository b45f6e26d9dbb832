//! What the worker says, and what its death means.

use clipwright_shared::protocol::{Event, LearnedInfo, ModelInfo};
use clipwright_shared::session::ZERO_SHOT;

use super::{
    Answer, LearnedStage, ModelFile, ModelStage, Problem, State, StoredFile, Task, WorkerPhase,
};

/// Starts in a row that may come to nothing before the page gives up.
const MOST_FAILED_STARTS: u32 = 2;

impl State {
    pub(super) fn worker_said(&mut self, event: Event, milliseconds: f64) {
        match event {
            Event::Ready => {
                self.worker.phase = WorkerPhase::Ready;
                self.worker.failed_starts = 0;
            }
            Event::ModelLoaded { info, .. } => {
                if let Some(Task::LoadModel(file)) = self.in_flight.take() {
                    self.model_opened(file, info);
                }
            }
            Event::LearnedLoaded { info } => {
                self.in_flight = None;
                self.learned_opened(info);
            }
            Event::LearnedRemoved { name } => {
                self.in_flight = None;
                self.forgotten.retain(|forgotten| *forgotten != name);
            }
            Event::Classified {
                id,
                mut classification,
            } => {
                self.in_flight = None;
                self.settled = self.settled.max(id);
                if id == self.question {
                    // A file may have been removed while the answer was made.
                    classification.rankings.retain(|ranking| {
                        ranking.name == ZERO_SHOT || self.learned_info(&ranking.name).is_some()
                    });
                    self.question_problem = None;
                    self.answer = Some(Answer {
                        id,
                        classification,
                        milliseconds,
                    });
                }
            }
            Event::Failed { message, hint, .. } => self.task_failed(Problem { message, hint }),
        }
    }

    fn model_opened(&mut self, file: StoredFile, info: ModelInfo) {
        let another = self.model.fingerprint.as_ref() != Some(&info.fingerprint);
        for learned in &mut self.learned {
            // What this model refused before it would refuse again.
            if another || !matches!(learned.stage, LearnedStage::Refused(_)) {
                learned.stage = LearnedStage::Waiting;
            }
        }
        let is_opened = |next: &ModelFile| next.source() == Some(file.source);
        if self.model.next.as_ref().is_some_and(is_opened) {
            self.model.next = None;
        }
        self.forgotten.clear();
        self.model.fingerprint = Some(info.fingerprint.clone());
        self.model.open = Some(ModelFile {
            name: file.name.clone(),
            stage: ModelStage::Open(file, info),
        });
        // A question that failed would fail again, or kill the next worker too.
        if another || self.question_problem.is_none() {
            self.ask();
        }
    }

    fn learned_opened(&mut self, info: LearnedInfo) {
        let mut learned = self.learned.iter_mut();
        if let Some(learned) = learned.find(|learned| learned.file.name == info.name) {
            learned.stage = LearnedStage::Open;
            learned.info = Some(info);
            if self.question_problem.is_none() {
                self.ask();
            }
        }
    }

    /// The task in flight came to nothing; its place shows why.
    pub(super) fn task_failed(&mut self, problem: Problem) {
        match self.in_flight.take() {
            Some(Task::LoadModel(file)) => {
                let is_failed = |next: &ModelFile| next.source() == Some(file.source);
                if self.model.next.as_ref().is_some_and(is_failed) {
                    self.model.next = None;
                }
                let message = format!("“{}” was not opened: {}", file.name, problem.message);
                self.model.problem = Some(Problem { message, ..problem });
            }
            Some(Task::LoadLearned(file)) => {
                let mut learned = self.learned.iter_mut();
                if let Some(learned) = learned.find(|learned| learned.file.name == file.name) {
                    learned.stage = LearnedStage::Refused(problem);
                }
            }
            Some(Task::RemoveLearned { name }) => {
                self.forgotten.retain(|forgotten| *forgotten != name);
            }
            Some(Task::Classify { id, .. }) => {
                self.settled = self.settled.max(id);
                if id == self.question {
                    self.question_problem = Some(problem);
                }
            }
            None => self.notice = Some(problem),
        }
    }

    /// Starts another worker and gives it everything again, except what the last
    /// one died of: that would only kill the next.
    pub(super) fn worker_died(&mut self, reason: &str) {
        if self.worker.phase != WorkerPhase::Ready {
            self.worker.failed_starts += 1;
        }
        if self.worker.failed_starts >= MOST_FAILED_STARTS {
            self.worker.phase = WorkerPhase::Stopped(Problem::new(
                format!("the worker that computes could not be started: {reason}"),
                "reload the page; if that does not help, try a current browser",
            ));
            return;
        }
        self.worker.generation += 1;
        self.worker.phase = WorkerPhase::Starting;
        if self.in_flight.is_some() {
            let message = format!("the worker stopped over this: {reason}");
            self.task_failed(Problem::new(message, "try a smaller file, or try again"));
        }
        if let Some(open) = self.model.open.take()
            && self
                .model
                .next
                .as_ref()
                .is_none_or(|_| self.model.is_fetching())
        {
            self.model.next = open.file().cloned().map(ModelFile::waiting);
        }
        for learned in &mut self.learned {
            if learned.stage == LearnedStage::Open {
                learned.stage = LearnedStage::Waiting;
            }
        }
        self.forgotten.clear();
        self.notice = Some(Problem::new(
            format!("the worker stopped ({reason}) and was started again"),
            "nothing that you loaded is lost",
        ));
    }
}
