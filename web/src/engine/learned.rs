//! What was learned: first the images of the map are encoded, one a step, then each
//! learner's prompts, then the words are looked up.

mod map;
mod words;

use candle_core::Tensor;
use clipwright_shared::clip::normalise;
use clipwright_shared::learners::{Classifier, Method};
use clipwright_shared::protocol::{Answer, LearnedAnswer, LearnedRequest, LearnerPrompts, Prompts};
use clipwright_shared::session::ZERO_SHOT;
use clipwright_shared::views::{clip_view, decode};

use super::{Failure, Memory, NamedFile, Step, Work, going};

/// Classes that are compared and placed; thousands could not be looked at.
const MOST_CLASSES: usize = 100;

pub(super) struct Explain {
    request: LearnedRequest,
    files: Vec<NamedFile>,
    /// What has been asked of the session so far.
    images: Vec<Option<Tensor>>, // each [1, embed_dim]
    learners: Vec<Looked>,
}

/// A learner's prompts.
struct Looked {
    told: LearnerPrompts,
    /// Normalised text features `[n_classes, embed_dim]`, if it has prompts.
    prompts: Option<Tensor>,
}

impl Explain {
    pub fn new(mut request: LearnedRequest, files: Vec<NamedFile>) -> Self {
        request.prompts.class_names.truncate(MOST_CLASSES);
        Self {
            request,
            files,
            images: Vec::new(),
            learners: Vec::new(),
        }
    }
}

impl Work for Explain {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let learners = 1 + memory.session()?.learned().count();
        let total = self.files.len() + learners + 1;
        if self.images.len() < self.files.len() {
            let features = self.encode(self.images.len(), memory)?;
            self.images.push(features);
        } else if self.learners.len() < learners {
            let looked = self.look(self.learners.len(), memory)?;
            self.learners.push(looked);
        } else {
            let answer = self.answer(memory)?;
            return Ok(Step::Done(Answer::Learned(answer), Vec::new()));
        }
        Ok(going(self.images.len() + self.learners.len(), total))
    }
}

impl Explain {
    /// Image features as the learner sees them; nothing if the file is no image.
    fn encode(&self, at: usize, memory: &mut Memory) -> Result<Option<Tensor>, Failure> {
        let has_own = self.has_own_encoder(memory)?;
        let number = self.request.images.get(at).copied();
        let known = number.filter(|_| !has_own);
        if let Some(features) = known.and_then(|number| memory.mapped.get(&number)) {
            return Ok(Some(features.clone()));
        }
        let session = memory.session()?;
        let Ok(picture) = decode(self.files[at].bytes()) else {
            return Ok(None);
        };
        let side = session.clip.config.image.side as u32;
        let pixels = session.pixels(&[clip_view(&picture, side)?])?;
        let encoder = session.image_encoder(self.request.learned.as_deref())?;
        let features = encoder.forward(&pixels)?.detach();
        if let Some(number) = known {
            memory.mapped.insert(number, features.clone());
        }
        Ok(Some(features))
    }

    /// Whether what is looked at sees images with an encoder of its own.
    fn has_own_encoder(&self, memory: &mut Memory) -> Result<bool, Failure> {
        let session = memory.session()?;
        let own = session.image_encoder(self.request.learned.as_deref())?;
        Ok(!std::ptr::eq(own, &session.clip.image))
    }

    /// The features of the image that is shown.
    fn shown(&self) -> Option<&Tensor> {
        self.images.get(self.request.shown?)?.as_ref()
    }

    /// The prompts of one learner: zero-shot, then each learned file.
    fn look(&self, at: usize, memory: &mut Memory) -> Result<Looked, Failure> {
        let Prompts {
            class_names,
            templates,
        } = &self.request.prompts;
        let session = memory.session()?;
        let info = at.checked_sub(1).and_then(|at| session.learned().nth(at));
        let info = info.cloned();
        let name = info.as_ref().map(|info| info.name.as_str());
        let mut told = LearnerPrompts {
            name: name.unwrap_or(ZERO_SHOT).into(),
            method: info.as_ref().map_or(Method::ZeroShot, |info| info.method),
            similarity: Vec::new(),
            problem: None,
        };
        let classifier = match session.classifier(name, class_names, templates) {
            Ok(classifier) => classifier,
            Err(error) => {
                told.problem = Some(error.to_string());
                return Ok(Looked {
                    told,
                    prompts: None,
                });
            }
        };
        let prompts = classifier.text_features_for(self.shown())?;
        let compared = match &classifier {
            Classifier::Linear { weight, .. } => Some(normalise(weight)?),
            _ => prompts.clone(),
        };
        match compared {
            Some(rows) if at == 0 || name == self.request.learned.as_deref() => {
                told.similarity = rows.matmul(&rows.t()?)?.to_vec2()?;
            }
            Some(_) => {}
            None => {
                told.problem = Some("its prompts depend on the image, and there is none".into())
            }
        }
        Ok(Looked { told, prompts })
    }

    fn answer(&mut self, memory: &mut Memory) -> Result<LearnedAnswer, Failure> {
        let kept = self.kept(memory)?;
        let images = self.images.iter().cloned().chain(kept);
        let images: Vec<Option<Tensor>> = images.collect();
        let prompts: Vec<Option<&Tensor>> = self
            .learners
            .iter()
            .map(|looked| looked.prompts.as_ref())
            .collect();
        let map = map::map(&images, &prompts)?;
        memory
            .mapped
            .retain(|number, _| self.request.images.contains(number));
        let told = words::told(&self.request, self.shown(), memory.session()?)?;
        Ok(LearnedAnswer {
            explanation: told.explanation,
            problem: told.problem,
            shift: told.shift,
            classes: self.request.prompts.class_names.len(),
            learners: std::mem::take(&mut self.learners)
                .into_iter()
                .map(|looked| looked.told)
                .collect(),
            map,
        })
    }

    /// The training's images, which only the model's own encoder has seen.
    fn kept(&self, memory: &mut Memory) -> Result<Vec<Option<Tensor>>, Failure> {
        let has_own = self.has_own_encoder(memory)?;
        let kept = self.request.kept.iter();
        Ok(kept
            .map(|number| memory.features.get(number).filter(|_| !has_own).cloned())
            .collect())
    }
}

#[cfg(test)]
mod tests;
