//! What the table says in all: who is right, and the order that it is read in.

use std::cmp::Ordering;

use clipwright_shared::learners::Method;
use clipwright_shared::session::ZERO_SHOT;

use super::{Entry, Row, SortKey};
use crate::state::State;

/// A learner with a column of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLearner {
    pub name: String,
    pub method: Method,
}

/// How many of the labelled images a learner has got right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    pub right: usize,
    pub of: usize,
}

impl Score {
    /// Between 0 and 1; none without labelled images.
    pub fn accuracy(self) -> Option<f64> {
        (self.of > 0).then(|| self.right as f64 / self.of as f64)
    }
}

impl State {
    /// Zero-shot and the learned files that are open.
    pub fn batch_learners(&self) -> Vec<BatchLearner> {
        let zero_shot = BatchLearner {
            name: ZERO_SHOT.into(),
            method: Method::ZeroShot,
        };
        let learned = self.learned.iter().filter_map(|learned| {
            Some(BatchLearner {
                name: learned.file.name.clone(),
                method: learned.info.as_ref()?.method,
            })
        });
        [zero_shot].into_iter().chain(learned).collect()
    }

    /// Whether a learner is right on an image; none unless its label is one of the
    /// classes and the learner has answered what is asked now.
    pub fn is_right(&self, row: &Row, learner: &str) -> Option<bool> {
        let label = row.label.as_ref()?;
        let question = self.batch_question()?;
        if !row.is_answered(question) || !self.class_names.contains(label) {
            return None;
        }
        Some(row.top(learner)?.class == *label)
    }

    /// Of the images whose labels are classes and that are answered.
    pub fn score(&self, learner: &str) -> Score {
        let rows = self.batch.rows().iter();
        let mut score = Score::default();
        for is_right in rows.filter_map(|row| self.is_right(row, learner)) {
            score.of += 1;
            score.right += usize::from(is_right);
        }
        score
    }

    /// The table as it is looked at.
    pub fn batch_view(&self) -> Vec<Entry> {
        let settings = &self.batch.settings;
        let learners = self.batch_learners();
        let is_wrong = |row: &Row| {
            let mut learners = learners.iter();
            learners.any(|learner| self.is_right(row, &learner.name) == Some(false))
        };
        let mut rows: Vec<Entry> = self.batch.rows().to_vec();
        // Without labels nobody is wrong, and there is nothing to untick.
        if settings.only_wrong && !self.batch.labels().is_empty() {
            rows.retain(|row| is_wrong(row));
        }
        rows.sort_by(|a, b| compare(a, b, &settings.sort));
        if settings.is_descending {
            rows.reverse();
        }
        rows
    }
}

fn compare(a: &Row, b: &Row, key: &SortKey) -> Ordering {
    match key {
        SortKey::Order => Ordering::Equal,
        SortKey::Name => a.image.title.cmp(&b.image.title),
        SortKey::Label => a.label.cmp(&b.label),
        SortKey::Learner(learner) => {
            let probability = |row: &Row| row.top(learner).map_or(-1.0, |top| top.probability);
            probability(a).total_cmp(&probability(b))
        }
    }
}
