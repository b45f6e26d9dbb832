//! The classes of an image, ranked by every learner.

use clipwright_shared::protocol::{Answer, Prompts};

use super::memory::picture;
use super::{Failure, Memory, NamedFile, Step, Work};

pub(super) struct Classify {
    pub prompts: Prompts,
    pub files: Vec<NamedFile>,
}

impl Work for Classify {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let Prompts {
            class_names,
            templates,
        } = &self.prompts;
        let session = memory.session()?;
        let classification = session.classify(&picture(&self.files)?, class_names, templates)?;
        Ok(Step::Done(Answer::Classified(classification), Vec::new()))
    }
}
