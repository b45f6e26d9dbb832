//! Opening models and learned files.

use clipwright_shared::Error;
use clipwright_shared::protocol::Answer;
use clipwright_shared::session::{ModelPart, Opening};

use super::memory::named;
use super::{Failure, Lack, Memory, NamedFile, Step, Work, going};

/// Bytes that progress is counted in: a number of any model fits 32 bits.
pub const KIBIBYTE: u64 = 1024;

/// Reads a model a few megabytes a step.
pub(super) struct LoadModel {
    files: Vec<NamedFile>,
    opening: Opening,
}

impl LoadModel {
    pub fn new(files: Vec<NamedFile>, only_image: bool) -> Self {
        let part = |file: &NamedFile| ModelPart {
            name: file.name.clone(),
            bytes: file.length(),
        };
        Self {
            opening: Opening::new(files.iter().map(part).collect(), only_image),
            files,
        }
    }
}

impl Work for LoadModel {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        if let Some((file, place)) = self.opening.wants() {
            let opening = &mut self.opening;
            let given = self.files[file].read(place, |bytes| opening.give(bytes));
            let Some(given) = given? else {
                return Ok(Step::Waiting(Lack::News));
            };
            given?;
            let (done, total) = self.opening.progress().unwrap_or_default();
            return Ok(going(
                (done / KIBIBYTE) as usize,
                (total / KIBIBYTE) as usize,
            ));
        }
        // A model that does not open leaves the one before in its place.
        let session = match self.opening.finish() {
            Err(Error::NoVocabulary { .. }) => return Ok(Step::Waiting(Lack::Vocabulary)),
            opened => opened?,
        };
        let info = session.model_info();
        memory.open(session);
        Ok(Step::Done(Answer::ModelLoaded { info }, Vec::new()))
    }
}

pub(super) struct LoadLearned {
    pub name: String,
    pub files: Vec<NamedFile>,
}

impl Work for LoadLearned {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let session = memory.session()?;
        let info = session.add_learned_files(&self.name, &named(&self.files))?;
        // One of that name may have been there before.
        memory.views.forget(&self.name);
        Ok(Step::Done(Answer::LearnedLoaded { info }, Vec::new()))
    }
}

pub(super) struct RemoveLearned {
    pub name: String,
}

impl Work for RemoveLearned {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        memory.session()?.remove_learned(&self.name);
        let name = self.name.clone();
        Ok(Step::Done(Answer::LearnedRemoved { name }, Vec::new()))
    }
}
