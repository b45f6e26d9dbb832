//! Early stopping: the best weights by validation accuracy, and when to give up.

use anyhow::Result;
use clipwright_shared::learners::Learner;

/// What did best on the validation images so far.
#[derive(Debug, Clone)]
pub struct Best {
    /// Counted from 1.
    pub epoch: usize,
    pub accuracy: f64,
    pub learner: Learner,
}

/// Keeps the best weights, if there is a patience.
pub(super) struct EarlyStopping {
    patience: Option<usize>,
    best: Option<Best>,
    /// Epochs in a row that have not improved on the best.
    impatience: usize,
}

impl EarlyStopping {
    pub fn new(patience: Option<usize>) -> Self {
        Self {
            patience,
            best: None,
            impatience: 0,
        }
    }

    /// Goes on from a snapshot.
    pub fn resume(&mut self, best: Option<Best>, impatience: usize) {
        self.best = best;
        self.impatience = impatience;
    }

    /// Sees an epoch's validation accuracy; only a higher one is an improvement.
    pub fn observe<E>(
        &mut self,
        epoch: usize,
        accuracy: f64,
        learner: impl FnOnce() -> Result<Learner, E>,
    ) -> Result<(), E> {
        if self.patience.is_none() {
            return Ok(());
        }
        if self
            .best
            .as_ref()
            .is_none_or(|best| accuracy > best.accuracy)
        {
            self.best = Some(Best {
                epoch,
                accuracy,
                learner: learner()?,
            });
            self.impatience = 0;
        } else {
            self.impatience += 1;
        }
        Ok(())
    }

    /// Whether more epochs than the patience have brought nothing (seed 001 counts its
    /// patience down to zero and stops at the epoch behind that).
    pub fn is_over(&self) -> bool {
        self.patience
            .is_some_and(|patience| self.impatience > patience)
    }

    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    pub fn impatience(&self) -> usize {
        self.impatience
    }

    pub fn into_best(self) -> Option<Best> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use clipwright_shared::learners::{DEFAULT_TEMPLATE, ZeroShot};

    use super::*;

    #[test]
    fn stops_behind_the_patience_and_keeps_the_first_best() {
        let learner = || ZeroShot::new([DEFAULT_TEMPLATE]).map(Learner::ZeroShot);
        let mut stopping = EarlyStopping::new(Some(1));
        for (epoch, accuracy, over) in [
            (1, 0.5, false),
            (2, 0.5, false),
            (3, 0.6, false),
            (4, 0.6, false),
            (5, 0.1, true),
        ] {
            stopping.observe(epoch, accuracy, learner).unwrap();
            assert_eq!(stopping.is_over(), over, "epoch {epoch}");
        }
        assert_eq!(stopping.into_best().map(|best| best.epoch), Some(3));

        let mut none = EarlyStopping::new(None);
        none.observe(1, 0.5, learner).unwrap();
        assert!(!none.is_over() && none.into_best().is_none());
    }
}
