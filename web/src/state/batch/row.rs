//! One image of the table.

use std::ops::Deref;
use std::rc::Rc;

use clipwright_shared::protocol::{ClassProbability, Ranking};

use crate::state::{Image, Problem};

/// Classes of each ranking that are kept: of many images, only the first are of use.
const MOST_KEPT_CLASSES: usize = 10;

/// An image that is to come into the table.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRow {
    pub image: Image,
    /// What is seen on it, as the name of its folder says.
    pub label: Option<String>,
}

/// An image, what it is, and what the learners say.
#[derive(Debug, Clone)]
pub struct Row {
    pub image: Image,
    pub label: Option<String>,
    outcome: Option<RowOutcome>,
}

#[derive(Debug, Clone)]
struct RowOutcome {
    question: u64,
    milliseconds: f64,
    result: Result<Vec<Ranking>, Problem>,
}

/// A row that is never changed, only replaced: the same one is known by its place,
/// so that a table of hundreds is compared at once.
#[derive(Debug, Clone)]
pub struct Entry(Rc<Row>);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Entry {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.0
    }
}

impl Entry {
    pub(super) fn new(row: NewRow) -> Self {
        Self(Rc::new(Row {
            image: row.image,
            label: row.label,
            outcome: None,
        }))
    }

    /// The row with another answer.
    pub(super) fn answered(
        &self,
        question: u64,
        milliseconds: f64,
        mut result: Result<Vec<Ranking>, Problem>,
    ) -> Self {
        for ranking in result.iter_mut().flatten() {
            ranking.classes.truncate(MOST_KEPT_CLASSES);
        }
        let outcome = Some(RowOutcome {
            question,
            milliseconds,
            result,
        });
        Self(Rc::new(Row {
            outcome,
            ..(*self.0).clone()
        }))
    }
}

impl Row {
    /// Whether `question` is settled, for good or ill.
    pub fn is_answered(&self, question: u64) -> bool {
        self.outcome
            .as_ref()
            .is_some_and(|outcome| outcome.question == question)
    }

    /// How long its answer took.
    pub fn milliseconds(&self) -> f64 {
        self.outcome
            .as_ref()
            .map_or(0.0, |outcome| outcome.milliseconds)
    }

    /// Every learner's newest answer, to whatever question.
    pub fn rankings(&self) -> &[Ranking] {
        match self.outcome.as_ref().map(|outcome| &outcome.result) {
            Some(Ok(rankings)) => rankings,
            _ => &[],
        }
    }

    /// Why it has no answer.
    pub fn problem(&self) -> Option<&Problem> {
        self.outcome.as_ref()?.result.as_ref().err()
    }

    pub fn ranking(&self, learner: &str) -> Option<&Ranking> {
        let mut rankings = self.rankings().iter();
        rankings.find(|ranking| ranking.name == learner)
    }

    /// What a learner finds most probable.
    pub fn top(&self, learner: &str) -> Option<&ClassProbability> {
        self.ranking(learner)?.classes.first()
    }
}
