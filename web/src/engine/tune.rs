//! Test-time tuning of one image: views are made and encoded some at a time, then one
//! step follows another.

use clipwright_shared::Session;
use clipwright_shared::clip::normalise;
use clipwright_shared::learners::{ClassTokenPosition, Coop, Learner, PromptTokens};
use clipwright_shared::protocol::{
    Answer, Progress, TuneAnswer, TuneRequest, TunedContext, TunedView,
};
use clipwright_shared::session::check_class_names;
use clipwright_shared::tuning::{Tuner, Tuning, View};

use super::encoding::{Encoded, Encoding};
use super::kept_views::{SeenViews, ViewsKey};
use super::memory::picture;
use super::{Failure, Lack, Memory, NamedFile, Step, Work};
use crate::prompt::PLACEHOLDER;

pub(super) struct Tune {
    request: TuneRequest,
    files: Vec<NamedFile>,
    begun: Option<Begun>,
}

/// What is there once all has been found to fit.
struct Begun {
    tuner: Tuner,
    context: TunedContext,
    key: ViewsKey,
    views: usize,
    /// None once they are encoded: now, or for a tuning before.
    encoding: Option<Encoding>,
    /// Once they are.
    tuning: Option<(Tuning, TuneAnswer)>,
}

impl Tune {
    pub fn new(request: TuneRequest, files: Vec<NamedFile>) -> Self {
        Self {
            request,
            files,
            begun: None,
        }
    }

    /// Finds what does not fit before the long work.
    fn begin(&self, memory: &mut Memory) -> Result<Begun, Failure> {
        let request = &self.request;
        let class_names = &request.prompts.class_names;
        check_class_names(class_names)?;
        let session = &*memory.session()?;
        let (coop, words) = start(session, request)?;
        let context = TunedContext {
            n_ctx: coop.n_ctx(),
            class_specific: coop.class_specific(),
            words,
            class_token_position: coop.position,
        };
        let tokens = PromptTokens::new(&session.tokenizer, class_names);
        let tuner = Tuner::new(&session.clip, &coop, &tokens, request.settings)?;
        let bytes = self.files.first().map_or(&[][..], NamedFile::bytes);
        // Tuning sees with the model's own encoder.
        let key = ViewsKey::new(session, bytes, request.augmenter, request.seed, None)?;
        let side = session.clip.config.image.side as u32;
        let encoding = match memory.views.get(&key) {
            Some(_) => None,
            None => {
                let image = picture(&self.files)?.into_rgb();
                let views = request.augmenter.in_turn(image, side, request.seed)?;
                Some(Encoding::new(views))
            }
        };
        Ok(Begun {
            tuner,
            context,
            key,
            views: request.augmenter.layout().views(),
            encoding,
            tuning: None,
        })
    }
}

impl Work for Tune {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let steps = self.request.settings.steps;
        let Some(begun) = &mut self.begun else {
            let begun = self.begin(memory)?;
            self.files.clear();
            let step = begun.told(steps);
            self.begun = Some(begun);
            return Ok(step);
        };
        if let Some(encoding) = &mut begun.encoding {
            match encoding.step(memory, None)? {
                Encoded::Some => {}
                Encoded::AllButAwaited => return Ok(Step::Waiting(Lack::News)),
                Encoded::All => {
                    let seen = SeenViews::new(begun.key.clone(), encoding)?;
                    memory.views.keep(seen);
                    begun.encoding = None;
                }
            }
            return Ok(begun.told(steps));
        }
        let seen = memory.views.get(&begun.key).ok_or_else(|| Failure {
            message: "the views that were encoded are no longer here".into(),
            hint: Some("tune again".into()),
        })?;
        match &mut begun.tuning {
            None => {
                let tuning = begun.tuner.begin(&[normalise(&seen.features)?])?;
                let answer = TuneAnswer {
                    side: seen.views.first().map_or(0, |view| view.pixels.width()),
                    views: seen.views.iter().map(shown).collect(),
                    context: begun.context.clone(),
                    points: begun.tuner.points(&tuning)?,
                };
                begun.tuning = Some((tuning, answer));
            }
            Some((tuning, answer)) => {
                begun.tuner.step(tuning)?;
                answer.points.extend(begun.tuner.points(tuning)?);
                if tuning.steps() >= steps {
                    return Ok(Step::Done(Answer::Tuned(answer.clone()), seen.rgba()));
                }
            }
        }
        Ok(begun.told(steps))
    }
}

impl Begun {
    /// How far it is, and what is known.
    fn told(&self, steps: usize) -> Step {
        let encoded = self.encoding.as_ref().map_or(self.views, Encoding::done);
        let tuning = self.tuning.as_ref();
        Step::Going(Progress {
            done: encoded + tuning.map_or(0, |(tuning, _)| tuning.steps()),
            total: self.views + steps,
            so_far: tuning.map(|(_, answer)| Answer::Tuned(answer.clone())),
        })
    }
}

/// What is told of a view.
fn shown(view: &View) -> TunedView {
    TunedView {
        kind: view.kind,
        source: view.source,
        is_flipped: view.is_flipped,
        is_mixed: view.mixed.is_some(),
    }
}

/// The context that is tuned, and what each of its vectors says if it is made of words.
fn start(session: &Session, request: &TuneRequest) -> Result<(Coop, Vec<String>), Failure> {
    let class_names = &request.prompts.class_names;
    if let Some(name) = &request.learned {
        return match session.learner(name)? {
            Learner::Coop(coop) => Ok((coop.for_classes(class_names)?, Vec::new())),
            other => Err(Failure {
                message: format!("“{name}” holds {}", other.method().title()),
                hint: Some("start from a context of CoOp, or from words".into()),
            }),
        };
    }
    let template = request.prompts.templates.first().map_or("", String::as_str);
    of_words(session, template, class_names)
}

/// A context of the tokens of a template, so that the start says just what the template
/// says; a full stop behind it is every prompt's own.
fn of_words(
    session: &Session,
    template: &str,
    class_names: &[String],
) -> Result<(Coop, Vec<String>), Failure> {
    let (before, behind) = template.split_once(PLACEHOLDER).unwrap_or((template, ""));
    let behind = behind.trim_end();
    let behind = behind.strip_suffix('.').unwrap_or(behind);
    let mut ids = session.tokenizer.encode(before);
    let vectors_before = ids.len();
    ids.extend(session.tokenizer.encode(behind));
    let most = session.clip.text.context_length() - 1;
    if ids.is_empty() || ids.len() > most {
        let tokens = ids.len();
        return Err(Failure {
            message: format!(
                "the template has {tokens} tokens beside the class name; expected 1 to {most} to tune"
            ),
            hint: Some("write some words, as in “a photo of a {}.”".into()),
        });
    }
    let words = ids.iter().map(|id| session.tokenizer.decode(&[*id]));
    let words = words.map(|word| Ok(word?.trim().to_string()));
    let words = words.collect::<Result<Vec<_>, Failure>>()?;
    let coop = Coop {
        context: session.clip.text.token_embedding(&ids)?.detach(),
        position: ClassTokenPosition::After(vectors_before),
        class_names: class_names.to_vec(),
        words: Some(template.into()),
    };
    Ok((coop, words))
}

#[cfg(test)]
mod tests;
