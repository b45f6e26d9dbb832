//! Views of an image, each with its prediction: made and encoded some at a time, and
//! kept, so that other prompts need no new features.

use candle_core::Tensor;
use clipwright_shared::learners::Classifier;
use clipwright_shared::ops::softmax;
use clipwright_shared::protocol::{Answer, ViewOfImage, ViewsAnswer, ViewsRequest};
use clipwright_shared::session::check_class_names;
use clipwright_shared::tuning::entropy;

use super::encoding::{Encoded, Encoding};
use super::kept_views::{SeenViews, ViewsKey};
use super::memory::picture;
use super::{Failure, Lack, Memory, NamedFile, Step, Work, going};

pub(super) struct Views {
    request: ViewsRequest,
    files: Vec<NamedFile>,
    begun: Option<Begun>,
}

/// What is there once all has been found to fit.
struct Begun {
    key: ViewsKey,
    classifier: Classifier,
    /// None where the views were kept from a question before.
    encoding: Option<Encoding>,
    /// Of the views predicted so far, each `[some, n_classes]`.
    logits: Vec<Tensor>,
    predicted: usize,
}

impl Views {
    pub fn new(request: ViewsRequest, files: Vec<NamedFile>) -> Self {
        Self {
            request,
            files,
            begun: None,
        }
    }

    /// Finds what does not fit before the long work.
    fn begin(&self, memory: &mut Memory) -> Result<Begun, Failure> {
        let ViewsRequest {
            augmenter,
            seed,
            learned,
            prompts,
        } = &self.request;
        check_class_names(&prompts.class_names)?;
        let session = memory.session()?;
        let classifier =
            session.classifier(learned.as_deref(), &prompts.class_names, &prompts.templates)?;
        let bytes = self.files.first().map_or(&[][..], NamedFile::bytes);
        let key = ViewsKey::new(session, bytes, *augmenter, *seed, learned.as_deref())?;
        let side = session.clip.config.image.side as u32;
        let encoding = match memory.views.get(&key) {
            Some(_) => None,
            None => {
                let image = picture(&self.files)?.into_rgb();
                Some(Encoding::new(augmenter.in_turn(image, side, *seed)?))
            }
        };
        Ok(Begun {
            key,
            classifier,
            encoding,
            logits: Vec::new(),
            predicted: 0,
        })
    }
}

impl Work for Views {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let Some(begun) = &mut self.begun else {
            let begun = self.begin(memory)?;
            self.files.clear();
            let views = self.request.augmenter.layout().views();
            let step = going(0, views * begun.rounds());
            self.begun = Some(begun);
            return Ok(step);
        };
        if let Some(encoding) = &mut begun.encoding {
            let encoded = encoding.step(memory, self.request.learned.as_deref())?;
            if encoded == Encoded::AllButAwaited {
                return Ok(Step::Waiting(Lack::News));
            }
            let is_done = encoded == Encoded::All;
            let (encoded, total) = (encoding.done(), encoding.total());
            if is_done {
                let seen = SeenViews::new(begun.key.clone(), encoding)?;
                memory.views.keep(seen);
                begun.encoding = None;
            }
            if !is_done || begun.rounds() > 1 {
                return Ok(going(encoded, total * begun.rounds()));
            }
        }
        let seen = memory.views.get(&begun.key).ok_or_else(|| Failure {
            message: "the views that were encoded are no longer here".into(),
            hint: Some("ask again".into()),
        })?;
        let views = seen.views.len();
        begun.predict(seen)?;
        if begun.predicted < views {
            return Ok(going(views + begun.predicted, 2 * views));
        }
        let side = seen.views.first().map_or(0, |view| view.pixels.width());
        let logits = Tensor::cat(&begun.logits, 0)?;
        let answer = ViewsAnswer {
            width: seen.dimensions.0,
            height: seen.dimensions.1,
            side,
            views: predictions(seen, &logits)?,
        };
        Ok(Step::Done(Answer::Views(answer), seen.rgba()))
    }
}

impl Begun {
    /// How often each view is looked at: prompts that each image has of its own are
    /// work once more.
    fn rounds(&self) -> usize {
        match self.classifier {
            Classifier::PerImage(_) => 2,
            _ => 1,
        }
    }

    /// The logits of the next view, or of all where that is little work.
    fn predict(&mut self, seen: &SeenViews) -> Result<(), Failure> {
        let left = seen.views.len() - self.predicted;
        let some = if self.rounds() > 1 { left.min(1) } else { left };
        let features = seen.features.narrow(0, self.predicted, some)?;
        self.logits.push(self.classifier.logits(&features)?);
        self.predicted += some;
        Ok(())
    }
}

fn predictions(seen: &SeenViews, logits: &Tensor) -> Result<Vec<ViewOfImage>, Failure> {
    let entropies: Vec<f32> = entropy(logits)?.to_vec1()?;
    let probabilities: Vec<Vec<f32>> = softmax(logits)?.to_vec2()?;
    let views = seen
        .views
        .iter()
        .zip(entropies.into_iter().zip(probabilities));
    let views = views.map(|(view, (entropy, probabilities))| ViewOfImage {
        kind: view.kind,
        source: view.source,
        is_flipped: view.is_flipped,
        mixed: view.mixed.clone(),
        entropy,
        probabilities,
    });
    Ok(views.collect())
}

#[cfg(test)]
mod tests;
