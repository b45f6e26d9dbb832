//! A session of a model whose files are read some bytes at a time: from a disk, or as they
//! come over the net.

use std::ops::Range;

use candle_core::Device;

use super::Session;
use crate::clip::{Configuration, Loading, ModelFile, Tokenizer};
use crate::error::{Error, Result};
use crate::formats::{Checkpoint, Outline};

/// A file that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPart {
    /// With its extension: a `.json` is a configuration beside the weights.
    pub name: String,
    /// Its length, if that is known.
    pub bytes: Option<u64>,
}

/// A session in the making. It says which bytes it needs ([`Self::wants`]) and is given
/// them ([`Self::give`]): of safetensors files forwards, a few at a time, of others all at
/// once.
pub struct Opening {
    only_image: bool,
    parts: Vec<ModelPart>,
    stage: Stage,
    configurations: Vec<Configuration>,
    outlines: Vec<(Outline, u64)>,
    /// The number of the file behind each outline.
    outlined: Vec<usize>,
    /// Weights that are read all at once, for one of them is no safetensors file.
    whole: Option<Vec<Vec<u8>>>,
}

/// What is read next.
enum Stage {
    /// Of a file, what tells its kind.
    Beginning(usize),
    Header(usize, Range<u64>),
    /// All of a file.
    All(usize),
    Tensors(Box<Loading>),
    /// Nothing any more.
    There,
}

/// To a file's end.
const ALL: Range<u64> = 0..u64::MAX;

impl Opening {
    /// Begins with a model's files: weights (several are the shards of one model), and the
    /// configurations beside them. `only_image` leaves the text encoder out where that saves
    /// reading it, of safetensors files.
    pub fn new(parts: Vec<ModelPart>, only_image: bool) -> Self {
        Self {
            only_image,
            stage: Stage::Beginning(0),
            parts,
            configurations: Vec::new(),
            outlines: Vec::new(),
            outlined: Vec::new(),
            whole: None,
        }
    }

    /// The number of a file, and its bytes that are to be given next; none once there is
    /// all that [`Self::finish`] needs. A file that ends within them is given as far as it
    /// goes.
    pub fn wants(&self) -> Option<(usize, Range<u64>)> {
        match &self.stage {
            Stage::Beginning(file) if self.is_configuration(*file) => Some((*file, ALL)),
            Stage::Beginning(file) => Some((*file, 0..Outline::BEGINNING as u64)),
            Stage::Header(file, place) => Some((*file, place.clone())),
            Stage::All(file) => Some((*file, ALL)),
            Stage::Tensors(loading) => {
                let (outline, place) = loading.wants()?;
                Some((self.outlined[outline], place))
            }
            Stage::There => None,
        }
    }

    /// Takes the bytes that it wants.
    ///
    /// # Errors
    /// As [`Loading::new`] and [`Loading::give`]; [`Error::Format`] if a file is cut.
    pub fn give(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.stage {
            Stage::Beginning(file) => {
                let file = *file;
                if self.is_configuration(file) {
                    self.configurations.push(Configuration {
                        name: self.parts[file].name.clone(),
                        json: String::from_utf8_lossy(bytes).into_owned(),
                    });
                    return self.go_on(file + 1);
                }
                self.stage = match Outline::header_place(bytes)? {
                    _ if self.whole.is_some() => Stage::All(file),
                    Some(place) => Stage::Header(file, place),
                    None => {
                        // What is known of others is of no use then.
                        *self = Self {
                            whole: Some(Vec::new()),
                            ..Self::new(std::mem::take(&mut self.parts), self.only_image)
                        };
                        match file {
                            0 => Stage::All(0),
                            _ => Stage::Beginning(0),
                        }
                    }
                };
                Ok(())
            }
            Stage::Header(file, place) => {
                let (file, first) = (*file, place.end);
                let outline = Outline::of_file(bytes, place, self.parts[file].bytes)?;
                self.outlines.push((outline, first));
                self.outlined.push(file);
                self.go_on(file + 1)
            }
            Stage::All(file) => {
                let file = *file;
                self.whole.get_or_insert_default().push(bytes.into());
                self.go_on(file + 1)
            }
            Stage::Tensors(loading) => loading.give(bytes),
            Stage::There => Ok(()),
        }
    }

    fn is_configuration(&self, file: usize) -> bool {
        let part = self.parts.get(file);
        part.is_some_and(|part| part.name.ends_with(".json"))
    }

    /// Goes on with a file, or with the tensors of all.
    fn go_on(&mut self, file: usize) -> Result<()> {
        self.stage = if file < self.parts.len() {
            Stage::Beginning(file)
        } else if self.outlines.is_empty() {
            Stage::There
        } else {
            let outlines = std::mem::take(&mut self.outlines);
            let loading = Loading::new(outlines, &self.configurations, self.only_image)?;
            match check_vocabulary(&loading) {
                Ok(()) | Err(Error::NoVocabulary { .. }) => {}
                Err(error) => return Err(error),
            }
            Stage::Tensors(Box::new(loading))
        };
        Ok(())
    }

    /// How many of how many bytes of tensors have come, as far as that is known.
    pub fn progress(&self) -> Option<(u64, u64)> {
        match &self.stage {
            Stage::Tensors(loading) => Some(loading.progress()),
            _ => None,
        }
    }

    /// Opens the session, on the CPU.
    ///
    /// # Errors
    /// [`Error::NoVocabulary`], and it can be tried again once that is supplied; as
    /// [`ModelFile::open`] and [`Tokenizer::check`].
    pub fn finish(&mut self) -> Result<Session> {
        if let Stage::Tensors(loading) = &self.stage {
            check_vocabulary(loading)?;
        }
        match std::mem::replace(&mut self.stage, Stage::There) {
            Stage::Tensors(loading) => Session::new(loading.finish()?, &Device::Cpu),
            _ => {
                let whole = self.whole.iter().flatten();
                let checkpoints = whole.map(|bytes| Checkpoint::read(bytes));
                let checkpoints = checkpoints.collect::<Result<Vec<_>>>()?;
                let file = ModelFile::open(checkpoints, &self.configurations)?;
                if file.left_out_text().is_none() {
                    Tokenizer::check(file.config()?.text.vocabulary)?;
                }
                Session::new(file.weights(&Device::Cpu, &mut |_, _| {})?, &Device::Cpu)
            }
        }
    }
}

fn check_vocabulary(loading: &Loading) -> Result<()> {
    match loading.is_without_text() {
        true => Ok(()),
        false => Tokenizer::check(loading.config().text.vocabulary),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{ModelPart, Opening, Session};
    use crate::checkpoint::{ModelType, write_model};
    use crate::clip::{ModelFile, Naming, Weights};
    use crate::error::Result;
    use crate::formats::Checkpoint;

    const TINY: &[u8] = include_bytes!("../../../static/model/tiny.safetensors");

    /// The embedded model in another form.
    fn tiny(naming: Naming, dtype: ModelType) -> Result<Vec<u8>> {
        let file = ModelFile::open(vec![Checkpoint::read(TINY)?], &[])?;
        let mut bytes = Vec::new();
        write_model(&file, naming, dtype, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads files as they are asked for; says how many bytes were asked for at most.
    fn open(files: &[(&str, &[u8])], lengths: bool) -> Result<(Session, usize)> {
        let part = |(name, bytes): &(&str, &[u8])| ModelPart {
            name: name.to_string(),
            bytes: lengths.then_some(bytes.len() as u64),
        };
        let mut opening = Opening::new(files.iter().map(part).collect(), false);
        let mut last = [0; 4];
        let mut most = 0;
        while let Some((file, place)) = opening.wants() {
            let bytes = files[file].1;
            let end = bytes.len().min(place.end as usize);
            let start = end.min(place.start as usize);
            assert!(start >= last[file] || start == 8, "forwards only");
            last[file] = start;
            most = most.max(end - start);
            opening.give(&bytes[start..end])?;
            if let Some((done, total)) = opening.progress() {
                assert!(done <= total);
            }
        }
        Ok((opening.finish()?, most))
    }

    fn features(session: &Session) -> Result<Vec<f32>> {
        let side = session.clip.config.image.side;
        let pixels = Tensor::arange(0f32, (3 * side * side) as f32, &Device::Cpu)?;
        let pixels = (pixels * 0.01)?.sin()?.reshape((1, 3, side, side))?;
        let rows = [session.tokenizer.row("a red circle", 16)?];
        let features = [
            session.clip.image.forward(&pixels)?,
            session.clip.encode_tokens(&rows)?,
        ];
        Ok(Tensor::cat(&features, 0)?.flatten_all()?.to_vec1()?)
    }

    #[test]
    fn what_is_read_in_pieces_is_what_is_read_at_once() -> Result<()> {
        for naming in [
            Naming::OpenAi,
            Naming::OpenClipCustomText,
            Naming::HuggingFace,
        ] {
            for dtype in [ModelType::F32, ModelType::F16, ModelType::Int8] {
                let bytes = tiny(naming, dtype)?;
                let whole = Session::new(Weights::from_bytes(&bytes, &Device::Cpu)?, &Device::Cpu)?;
                for lengths in [true, false] {
                    let (session, _) = open(&[("model.safetensors", &bytes)], lengths)?;
                    let what = format!("{naming:?} {dtype:?}");
                    assert_eq!(features(&session)?, features(&whole)?, "{what}");
                    assert_eq!(session.fingerprint(), whole.fingerprint(), "{what}");
                    assert_eq!(session.model_info(), whole.model_info(), "{what}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn no_more_than_a_piece_is_held_besides_the_tensors() -> Result<()> {
        let bytes = tiny(Naming::OpenAi, ModelType::F32)?;
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
        let (_, most) = open(&[("model.safetensors", &bytes)], true)?;
        assert_eq!(most as u64, header, "the header is the longest");
        Ok(())
    }

    #[test]
    fn damaged_files_are_refused_wherever_they_end() -> Result<()> {
        let bytes = tiny(Naming::OpenAi, ModelType::F32)?;
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
        for (end, reason) in [
            (0, "not a file"),
            (8, "not a file"),
            (9, "the file ends after 1 of them"),
            (header, "the file ends after"),
            (header + 8, "the file ends at byte"),
            (bytes.len() / 2, "the file ends at byte"),
            (bytes.len() - 1, "the file ends at byte"),
        ] {
            let cut = open(&[("model.safetensors", &bytes[..end])], false);
            let message = cut.err().map(|error| error.to_string()).unwrap_or_default();
            if end > 8 {
                assert!(message.contains(reason), "{end}: {message}");
            }
            let known = open(&[("model.safetensors", &bytes[..end])], true);
            assert!(known.is_err(), "{end}: its length is known");
        }
        let longer = [&bytes[..], b"!"].concat();
        let message = match open(&[("model.safetensors", &longer)], true) {
            Err(error) => error.to_string(),
            Ok(_) => "none".into(),
        };
        assert!(message.contains("its header describes"), "{message}");
        let mut odd = bytes.clone();
        let at = bytes.len() - 400;
        odd[at..at + 8].copy_from_slice(&[0xff; 8]);
        let message = match open(&[("model.safetensors", &odd)], true) {
            Err(error) => error.to_string(),
            Ok(_) => "none".into(),
        };
        assert!(message.contains("2 values"), "{message}");
        Ok(())
    }
}
