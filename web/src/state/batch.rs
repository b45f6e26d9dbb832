//! Many images, ranked one after another, and what comes of them in all.

mod row;
mod scores;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use clipwright_shared::protocol::{Answer, Progress, Prompts, Request};
use serde::{Deserialize, Serialize};

pub use row::{Entry, NewRow, Row};
pub use scores::{BatchLearner, Score};

use super::{Action, Asker, FilePart, Outcome, Problem, Running, SourceId, State, Task};

/// Most images in the table.
pub const MOST_IMAGES: usize = 500;

/// The images and their rankings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    pub settings: BatchSettings,
    rows: Vec<Entry>,
    /// The question that a person has stopped.
    stopped: Option<u64>,
}

/// How the table is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BatchSettings {
    pub sort: SortKey,
    pub is_descending: bool,
    /// Only the images that some learner has got wrong.
    pub only_wrong: bool,
}

/// What the table is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// As the images came.
    #[default]
    Order,
    Name,
    Label,
    /// How probable a learner finds what it answers.
    Learner(String),
}

/// What a person does with the images.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchAction {
    Added(Vec<NewRow>),
    Removed(SourceId),
    Cleared,
    /// Shows one as the image.
    Shown(SourceId),
    Stopped,
    Resumed,
    /// By the same once more is the other way round.
    SortedBy(SortKey),
    OnlyWrong(bool),
    /// The labels become the classes.
    LabelsAsClasses,
}

impl Batch {
    pub fn rows(&self) -> &[Entry] {
        &self.rows
    }

    /// The next image to rank.
    pub fn wish(&self, state: &State) -> Option<Task> {
        let question = state.batch_question()?;
        if self.stopped == Some(question) {
            return None;
        }
        let row = self.rows.iter().find(|row| !row.is_answered(question))?;
        let prompts = state.prompts();
        let part = FilePart::new(row.image.title.clone(), row.image.source);
        Some(state.task(Asker::Batch, Request::Classify { prompts }, vec![part]))
    }

    pub(super) fn settle(&mut self, task: Task, outcome: Outcome) {
        let Request::Classify { prompts } = &task.request else {
            return;
        };
        let question = fingerprint(task.epoch, prompts);
        let Some(source) = task.files.first().map(|part| part.source) else {
            return;
        };
        let mut rows = self.rows.iter_mut();
        let Some(row) = rows.find(|row| row.image.source == source) else {
            return;
        };
        let (milliseconds, result) = match outcome {
            Ok(answered) => match answered.answer {
                Answer::Classified(classification) => {
                    (answered.milliseconds, Ok(classification.rankings))
                }
                _ => return,
            },
            Err(problem) => (0.0, Err(problem)),
        };
        *row = row.answered(question, milliseconds, result);
    }

    /// What was under way has failed; the others go on.
    pub(super) fn worker_died(&mut self) {}

    pub fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.rows.iter().map(|row| row.image.source)
    }

    /// Whether a person has stopped `question`.
    pub fn is_stopped(&self, question: Option<u64>) -> bool {
        question.is_some() && self.stopped == question
    }

    /// Different labels, sorted.
    pub fn labels(&self) -> BTreeSet<&str> {
        self.rows
            .iter()
            .filter_map(|row| row.label.as_deref())
            .collect()
    }

    fn add(&mut self, rows: Vec<NewRow>) -> Option<Problem> {
        let room = MOST_IMAGES - self.rows.len();
        let brought = rows.len();
        self.rows
            .extend(rows.into_iter().take(room).map(Entry::new));
        self.stopped = None;
        (brought > room).then(|| {
            let message = format!(
                "{} images were left out: the table holds {MOST_IMAGES}",
                brought - room
            );
            let hint = "clear the table first; clipwright eval measures larger sets";
            Problem::new(message, hint)
        })
    }
}

/// Which of the images with these labels are taken if at most `most` are: the first ones
/// of each label, as many of one as of another as far as they go.
pub fn evenly(labels: &[Option<&str>], most: usize) -> Vec<bool> {
    // The turn in which each image would come, if labels took turns.
    let mut counts = BTreeMap::new();
    let turns = labels.iter().map(|label| {
        let count: &mut usize = counts.entry(label).or_default();
        *count += 1;
        *count
    });
    let mut order: Vec<(usize, usize)> = turns.zip(0..).collect();
    order.sort_unstable();
    let mut taken = vec![false; labels.len()];
    for (_, at) in order.into_iter().take(most) {
        taken[at] = true;
    }
    taken
}

impl State {
    /// Names the question that the images are asked: classes, templates, model and
    /// learned files. None while something keeps it from being asked.
    pub fn batch_question(&self) -> Option<u64> {
        let is_askable = self.template_problem().is_none() && self.class_names.len() >= 2;
        is_askable.then(|| fingerprint_of(self.epoch, &self.class_names, &self.templates))
    }

    /// How far the table is, as one long work; none when all is answered.
    pub fn batch_work(&self) -> Option<Running> {
        let task = self.batch.wish(self)?;
        let question = self.batch_question()?;
        let answered = || {
            self.batch
                .rows
                .iter()
                .filter(|row| row.is_answered(question))
        };
        Some(Running {
            id: 0,
            task,
            progress: Some(Progress {
                done: answered().count(),
                total: self.batch.rows.len(),
                so_far: None,
            }),
            milliseconds: answered().map(|row| row.milliseconds()).sum(),
            is_cancelled: false,
        })
    }

    pub(super) fn batch_did(&mut self, action: BatchAction) {
        match action {
            BatchAction::Added(rows) => {
                if let Some(problem) = self.batch.add(rows) {
                    self.notice = Some(problem);
                }
            }
            BatchAction::Removed(source) => {
                self.batch.rows.retain(|row| row.image.source != source);
            }
            BatchAction::Cleared => {
                self.batch.rows.clear();
                self.batch.settings.only_wrong = false;
            }
            BatchAction::Shown(source) => {
                let mut rows = self.batch.rows.iter();
                if let Some(row) = rows.find(|row| row.image.source == source) {
                    self.image = Some(row.image.clone());
                }
            }
            BatchAction::Stopped => self.batch.stopped = self.batch_question(),
            BatchAction::Resumed => self.batch.stopped = None,
            BatchAction::SortedBy(key) => {
                let settings = &mut self.batch.settings;
                settings.is_descending = settings.sort == key && !settings.is_descending;
                settings.sort = key;
            }
            BatchAction::OnlyWrong(only_wrong) => self.batch.settings.only_wrong = only_wrong,
            BatchAction::LabelsAsClasses => {
                let labels = self.batch.labels().into_iter().map(String::from);
                let labels = labels.collect();
                self.apply(Action::ClassesReplaced(labels));
            }
        }
    }
}

fn fingerprint(epoch: u32, prompts: &Prompts) -> u64 {
    fingerprint_of(epoch, &prompts.class_names, &prompts.templates)
}

fn fingerprint_of(epoch: u32, class_names: &[String], templates: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (epoch, class_names, templates).hash(&mut hasher);
    hasher.finish()
}
