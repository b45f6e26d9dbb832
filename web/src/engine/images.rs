//! Image features: told, kept to be trained on, or made for another worker.

use clipwright_shared::clip::normalise;
use clipwright_shared::protocol::Answer;
use clipwright_shared::views::RgbImage;

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

/// The name of the newest adapter for views of another worker.
const ADAPTER: &str = "adapter";

/// The features of views, RGB one after another, for the worker that shares its work;
/// little-endian floats beside the answer.
pub(super) fn encode_views(
    memory: &mut Memory,
    side: u32,
    adapted: bool,
    files: &[NamedFile],
) -> Result<(Answer, Vec<u8>), Failure> {
    let session = memory.session()?;
    if let Some(adapter) = files.get(1) {
        session.add_learned(ADAPTER, adapter.bytes())?;
    }
    let encoder = session.image_encoder(adapted.then_some(ADAPTER))?;
    let bytes = files.first().map_or(&[][..], NamedFile::bytes);
    let views = bytes.chunks_exact((3 * side * side).max(1) as usize);
    let views = views.filter_map(|view| RgbImage::from_raw(side, side, view.to_vec()));
    let pixels = session.pixels(&views.collect::<Vec<_>>())?;
    let features = encoder.forward(&pixels)?.flatten_all()?;
    let features = features.to_vec1::<f32>()?;
    let bytes = features.into_iter().flat_map(f32::to_le_bytes);
    Ok((Answer::ViewsEncoded, bytes.collect()))
}
