//! The classes of an image, ranked by every learner. The prompts of a long list of classes
//! are encoded some at a time, once for all images.

use clipwright_shared::clip::TextConfig;
use clipwright_shared::protocol::{Answer, Prompts};
use clipwright_shared::session::check_class_names;
use clipwright_shared::views::Picture;

use super::memory::picture;
use super::{Failure, Memory, NamedFile, Step, Work, going};

/// Multiplications that take a browser some 100 ms.
const A_MOMENT: usize = 2_000_000_000;
/// Tokens of a prompt that are its own, as far as can be said beforehand.
const OWN_TOKENS: usize = 6;

pub(super) struct Classify {
    prompts: Prompts,
    files: Vec<NamedFile>,
    picture: Option<Picture>,
}

impl Classify {
    pub fn new(prompts: Prompts, files: Vec<NamedFile>) -> Self {
        Self {
            prompts,
            files,
            picture: None,
        }
    }
}

impl Work for Classify {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let Prompts {
            class_names,
            templates,
        } = &self.prompts;
        check_class_names(class_names)?;
        if self.picture.is_none() {
            // What is no image is found before the long work.
            self.picture = Some(picture(&self.files)?);
        }
        let session = memory.session()?;
        let at_once = names_at_once(&session.clip.config.text, templates.len());
        let learned: Vec<String> = session.learned().map(|info| info.name.clone()).collect();
        let learners = [None].into_iter().chain(learned.iter().map(Some));
        for (at, learned) in learners.enumerate() {
            let learned = learned.map(String::as_str);
            // A learner that cannot answer says so in its ranking.
            let prepared = session.prepare(learned, class_names, templates, at_once);
            if let Ok(Some(done)) = prepared {
                let each = class_names.len();
                return Ok(going(
                    at * each + done,
                    (session.learned().count() + 1) * each,
                ));
            }
        }
        let picture = self.picture.take().ok_or_else(|| Failure {
            message: "the image is no longer here".into(),
            hint: Some("ask again".into()),
        })?;
        let classification = session.classify(&picture, class_names, templates)?;
        Ok(Step::Done(Answer::Classified(classification), Vec::new()))
    }
}

/// As many names as take a moment.
fn names_at_once(config: &TextConfig, templates: usize) -> usize {
    let token = config.tower.multiplications(0);
    (A_MOMENT / (token * OWN_TOKENS * templates.max(1)).max(1)).max(2)
}
