//! What a learner recognises of images that it did not learn from, in moments.

use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::eval::harmonic_mean;
use clipwright_shared::learners::{Classifier, Coop, Learner};
use clipwright_shared::protocol::TestScores;
use clipwright_shared::train::Targets;

use super::images::Images;
use crate::engine::Failure;

/// Prompts encoded in a moment, where every image has prompts of its own.
const PROMPTS_PER_MOMENT: usize = 24;

/// Tests of one learner: its prompts are encoded, then images are recognised.
pub struct Testing {
    learner: Learner,
    /// Of the learned classes, then of the new ones.
    sets: [TestedSet; 2],
}

struct TestedSet {
    class_names: Vec<String>,
    ready: Option<Ready>,
    /// Images seen.
    at: usize,
    hits: usize,
}

struct Ready {
    classifier: Classifier,
    /// Normalised text features `[n_classes, embed_dim]` of the prompts.
    prompts: Tensor,
}

/// What tests come to.
pub struct Tested {
    pub scores: TestScores,
    /// Normalised text features of all prompts, those of new classes behind.
    pub prompts: Tensor,
}

impl Testing {
    pub fn new(learner: Learner, class_names: &[String], new_class_names: &[String]) -> Self {
        let set = |class_names: &[String]| TestedSet {
            class_names: class_names.to_vec(),
            ready: None,
            at: 0,
            hits: 0,
        };
        Self {
            learner,
            sets: [set(class_names), set(new_class_names)],
        }
    }

    /// Goes on for a moment; the outcome, once there is nothing left. `middle` is the mean
    /// `[1, embed_dim]` of the features that are learned from.
    pub fn advance(
        &mut self,
        session: &Session,
        images: [&Images; 2],
        middle: &Tensor,
    ) -> Result<Option<Tested>, Failure> {
        for (set, images) in self.sets.iter_mut().zip(images) {
            if set.class_names.is_empty() {
                continue;
            }
            let Some(ready) = &set.ready else {
                set.ready = Some(ready(&self.learner, session, &set.class_names, middle)?);
                return Ok(None);
            };
            if let Some(features) = images.features.as_ref().filter(|_| set.at < images.len()) {
                let count = match ready.classifier {
                    Classifier::PerImage(_) => PROMPTS_PER_MOMENT.div_ceil(set.class_names.len()),
                    _ => images.len(),
                };
                let count = count.min(images.len() - set.at);
                let logits = ready
                    .classifier
                    .logits(&features.narrow(0, set.at, count)?)?;
                let labels = &images.labels[set.at..set.at + count];
                set.hits += Targets::of(labels, &Device::Cpu)?.correct(&logits)?;
                set.at += count;
                return Ok(None);
            }
        }
        let prompts = self.sets.iter().filter_map(|set| set.ready.as_ref());
        let prompts: Vec<&Tensor> = prompts.map(|ready| &ready.prompts).collect();
        let [base, new] = [0, 1].map(|set| {
            let TestedSet { at, hits, .. } = self.sets[set];
            (at > 0).then(|| hits as f64 / at as f64)
        });
        Ok(Some(Tested {
            scores: TestScores {
                base,
                new,
                harmonic: base.zip(new).map(|(base, new)| harmonic_mean(base, new)),
            },
            prompts: Tensor::cat(&prompts, 0)?,
        }))
    }
}

fn ready(
    learner: &Learner,
    session: &Session,
    class_names: &[String],
    middle: &Tensor,
) -> Result<Ready, Failure> {
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    if let Learner::CoCoOp(cocoop) = learner {
        // Its prompts follow the image; the map shows those of a middling one.
        let coop = Coop {
            context: cocoop.contexts(middle)?.squeeze(0)?,
            ..cocoop.coop.clone()
        };
        return Ok(Ready {
            classifier: learner.classifier(clip, tokenizer, class_names)?,
            prompts: coop
                .text_features_of(clip, tokenizer, class_names)?
                .detach(),
        });
    }
    let classifier = learner.classifier(clip, tokenizer, class_names)?;
    let prompts = classifier.text_features().map(Tensor::detach);
    let prompts = prompts.ok_or_else(|| Failure {
        message: format!("{} has no prompts to test", learner.method().title()),
        hint: None,
    })?;
    Ok(Ready {
        classifier,
        prompts,
    })
}
