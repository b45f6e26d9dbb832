//! Opening models and learned files.

use candle_core::Device;
use clipwright_shared::protocol::Answer;
use clipwright_shared::{Error, Session};

use super::memory::named;
use super::{Failure, Memory, NamedFile, Step, Work};

pub(super) struct LoadModel {
    pub files: Vec<NamedFile>,
}

impl Work for LoadModel {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        // A model that does not open leaves the one before in its place.
        let session = match Session::from_files(&named(&self.files), &Device::Cpu) {
            Err(Error::NoVocabulary { .. }) => return Ok(Step::Waiting),
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
