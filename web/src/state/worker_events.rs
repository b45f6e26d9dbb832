//! What the worker says, and what its death means.

use clipwright_shared::protocol::{Answer, Event, LearnedInfo, ModelInfo};

use super::{
    Answered, Asker, LearnedStage, ModelFile, ModelStage, Outcome, Problem, Running, SourceId,
    State, StoredFile, Task, WorkerPhase,
};

/// Starts in a row that may come to nothing before the page gives up.
const MOST_FAILED_STARTS: u32 = 2;

impl State {
    pub(super) fn worker_said(
        &mut self,
        event: Event,
        milliseconds: f64,
        pixels: Option<SourceId>,
    ) {
        match event {
            Event::Ready => {
                self.worker.phase = WorkerPhase::Ready;
                self.worker.failed_starts = 0;
            }
            Event::Progress { task, progress } => {
                let mut lanes = self.running.iter_mut().flatten();
                if let Some(running) = lanes.find(|running| running.id == task) {
                    if let (Asker::Train, Some(so_far)) = (running.task.asker, &progress.so_far) {
                        self.train.heard(so_far);
                    }
                    running.progress = Some(progress);
                    running.milliseconds = milliseconds;
                }
            }
            Event::Done { task, answer } => {
                let answered = Answered {
                    answer,
                    milliseconds,
                    pixels,
                };
                self.task_settled(task, Ok(answered));
            }
            Event::Failed {
                task,
                message,
                hint,
            } => self.task_settled(task, Err(Problem { message, hint })),
            Event::Cancelled { task } => {
                self.take_running(task);
            }
        }
    }

    pub(super) fn task_started(&mut self, id: u32, task: Task) {
        let lane = task.lane() as usize;
        self.started[lane] += 1;
        self.running[lane] = Some(Running {
            id,
            task,
            progress: None,
            milliseconds: 0.0,
            is_cancelled: false,
        });
    }

    pub(super) fn task_cancelled(&mut self, id: u32) {
        let mut lanes = self.running.iter_mut().flatten();
        if let Some(running) = lanes.find(|running| running.id == id) {
            running.is_cancelled = true;
        }
    }

    fn take_running(&mut self, id: u32) -> Option<Running> {
        let mut lanes = self.running.iter_mut();
        lanes.find_map(|lane| lane.take_if(|running| running.id == id))
    }

    /// Brings an outcome to the part of the page that asked.
    pub(super) fn task_settled(&mut self, id: u32, outcome: Outcome) {
        match self.take_running(id) {
            Some(running) => self.settle(running.task, outcome),
            None => {
                if let Err(problem) = outcome {
                    self.notice = Some(problem);
                }
            }
        }
    }

    fn settle(&mut self, task: Task, outcome: Outcome) {
        match task.asker {
            Asker::Model => self.model_settled(&task, outcome),
            Asker::LearnedFiles => self.learned_settled(&task, outcome),
            Asker::Classify => self.classify.settle(task, outcome),
            Asker::Batch => self.batch.settle(task, outcome),
            Asker::Patches => self.patches.inquiry.settle(task, outcome),
            Asker::Augment => self.augment.inquiry.settle(task, outcome),
            Asker::Tune => self.tune.inquiry.settle(task, outcome),
            Asker::Train => self.train.settle(task, outcome),
            Asker::Learned => self.learned_tab.inquiry.settle(task, outcome),
        }
    }

    fn model_settled(&mut self, task: &Task, outcome: Outcome) {
        let next = self
            .model
            .next
            .take_if(|next| next.file().is_some_and(|file| file.parts == task.files));
        let Some(file) = next.as_ref().and_then(ModelFile::file).cloned() else {
            // Another has been wished for meanwhile, and will take its place.
            return;
        };
        match outcome {
            Ok(Answered {
                answer: Answer::ModelLoaded { info },
                ..
            }) => self.model_opened(file, info),
            Ok(_) => {}
            Err(problem) => {
                let message = format!("“{}” was not opened: {}", file.name, problem.message);
                self.model.problem = Some(Problem { message, ..problem });
            }
        }
    }

    fn learned_settled(&mut self, task: &Task, outcome: Outcome) {
        use clipwright_shared::protocol::Request;
        match (&task.request, outcome) {
            (Request::RemoveLearned { name }, _) => {
                self.forgotten.retain(|forgotten| forgotten != name);
            }
            (
                _,
                Ok(Answered {
                    answer: Answer::LearnedLoaded { info },
                    ..
                }),
            ) => self.learned_opened(info),
            (Request::LoadLearned { name }, Err(problem)) => {
                let mut learned = self.learned.iter_mut();
                if let Some(learned) = learned.find(|learned| learned.file.name == *name) {
                    learned.stage = LearnedStage::Refused(problem);
                }
            }
            _ => {}
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
        self.forgotten.clear();
        self.model.fingerprint = Some(info.fingerprint.clone());
        self.model.open = Some(ModelFile {
            name: file.name.clone(),
            stage: ModelStage::Open(file, info),
        });
        if another {
            self.epoch += 1;
            self.train.model_changed();
        }
    }

    fn learned_opened(&mut self, info: LearnedInfo) {
        let mut learned = self.learned.iter_mut();
        if let Some(learned) = learned.find(|learned| learned.file.name == info.name) {
            learned.stage = LearnedStage::Open;
            // A new worker opens it once more, which changes no answer.
            if learned.info.replace(info).is_none() {
                self.epoch += 1;
            }
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
        for running in std::mem::take(&mut self.running).into_iter().flatten() {
            let message = format!("the worker stopped over this: {reason}");
            let problem = Problem::new(message, "try a smaller file, or try again");
            self.settle(running.task, Err(problem));
        }
        self.batch.worker_died();
        self.train.worker_died();
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
