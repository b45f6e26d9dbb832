//! Class names that are encoded some at a time.

use candle_core::Tensor;

use super::ready::Known;
use super::{KEPT_LISTS, Question, Session, Source, ZERO_SHOT};
use crate::error::Result;
use crate::learners::{Classifier, Learner, ZeroShot};

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
        let learner = match learned {
            Some(name) => match &self.find(name)?.known {
                Known::Learner(learner) => Some((**learner).clone()),
                Known::Ready(_) => None,
            },
            None => Some(Learner::ZeroShot(ZeroShot::new(templates.iter().cloned())?)),
        };
        let (Some(learner @ (Learner::ZeroShot(_) | Learner::Coop(_))), true) =
            (learner, self.clip.text.is_there())
        else {
            return self
                .classifier(learned, class_names, templates)
                .map(|_| None);
        };
        let source = match (&learner, learned) {
            (Learner::ZeroShot(own), None) => Source::ZeroShot(own.clone()),
            (_, name) => Source::Learned(name.unwrap_or(ZERO_SHOT).into()),
        };
        let question = (source, class_names.to_vec());
        if self.classifiers.get(&question).is_some() {
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
            return self
                .classifier(learned, class_names, templates)
                .map(|_| None);
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
        let most = KEPT_LISTS * (1 + self.learned.len());
        self.classifiers.put(begun.question, classifier, most);
        Ok(None)
    }
}
