//! Class names that are encoded some at a time.

use candle_core::Tensor;

use super::{Question, Session, Source};
use crate::error::Result;
use crate::learners::{Classifier, Learner};

/// A classifier in the making.
pub(super) struct Preparing {
    question: Question,
    done: usize,
    features: Vec<Tensor>, // each [some, embed_dim]
}

impl Session {
    /// Makes ready what [`Self::classifier`] gives, at most `count` (at least two) more of
    /// the class names at a time, so that a long list can be stopped: how many are done;
    /// nothing once it is ready. Only the last list that was begun is gone on with, and
    /// only zero-shot's and CoOp's prompts can be encoded in parts: others are at once.
    ///
    /// # Errors
    /// As [`Self::classifier`].
    pub fn prepare(
        &mut self,
        learned: Option<&str>,
        class_names: &[String],
        templates: &[String],
        count: usize,
    ) -> Result<Option<usize>> {
        let is_ready = self
            .ready_classifier(learned, class_names, templates)?
            .is_some();
        let question = (Source::of(learned, templates)?, class_names.to_vec());
        if is_ready || self.classifiers.get(&question).is_some() {
            return Ok(None);
        }
        let learner = self.answering(&question.0)?.into_owned();
        if !matches!(learner, Learner::ZeroShot(_) | Learner::Coop(_)) {
            self.classifier(learned, class_names, templates)?;
            return Ok(None);
        }
        let begun = self.preparing.take();
        let begun = begun.filter(|begun| begun.question == question);
        let mut begun = begun.unwrap_or(Preparing {
            question,
            done: 0,
            features: Vec::new(),
        });
        // No part of one name alone.
        let left = class_names.len() - begun.done;
        let some = if left <= count + 1 {
            left
        } else {
            count.max(2)
        };
        let names = &class_names[begun.done..begun.done + some];
        let part = learner.classifier(&self.clip, &self.tokenizer, names)?;
        let Classifier::Text { features, scale } = part else {
            self.classifier(learned, class_names, templates)?;
            return Ok(None);
        };
        begun.features.push(features);
        begun.done += some;
        if begun.done < class_names.len() {
            let done = begun.done;
            self.preparing = Some(begun);
            return Ok(Some(done));
        }
        let features = Tensor::cat(&begun.features, 0)?;
        let classifier = Classifier::Text { features, scale };
        self.keep(begun.question, classifier);
        Ok(None)
    }
}
