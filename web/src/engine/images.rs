//! Image features: told, or kept to be trained on.

use clipwright_shared::clip::normalise;
use clipwright_shared::protocol::Answer;

use super::memory::picture;
use super::{Failure, Memory, NamedFile, Step, Work};

pub(super) struct Encode {
    pub image: u32,
    pub files: Vec<NamedFile>,
}

impl Work for Encode {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let image = picture(&self.files)?.into_rgb();
        let features = memory.session()?.image_features(None, &[image])?;
        memory.features.insert(self.image, normalise(&features)?);
        let image = self.image;
        Ok(Step::Done(Answer::Encoded { image }, Vec::new()))
    }
}

pub(super) struct Features {
    pub learned: Option<String>,
    pub files: Vec<NamedFile>,
}

impl Work for Features {
    fn step(&mut self, memory: &mut Memory) -> Result<Step, Failure> {
        let image = picture(&self.files)?.into_rgb();
        let session = memory.session()?;
        let features = session.image_features(self.learned.as_deref(), &[image])?;
        let features = features.get(0)?.to_vec1()?;
        Ok(Step::Done(Answer::Features { features }, Vec::new()))
    }
}
