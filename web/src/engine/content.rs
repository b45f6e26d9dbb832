//! Files that come beside a message.

use std::ops::Range;

use super::Failure;

/// A file that came beside a message.
pub struct NamedFile {
    pub name: String,
    pub content: Content,
}

/// What is in a file.
pub enum Content {
    Bytes(Vec<u8>),
    /// A large file, of which there is never more here than is being looked at.
    Elsewhere(Box<dyn Reader>),
}

/// Reads a file forwards.
pub trait Reader {
    /// Its bytes in all, if that is known.
    fn length(&self) -> Option<u64>;

    /// The bytes of a place, no more than there are; none as long as they have yet to
    /// come. No place begins before the one that was read last.
    fn read(&mut self, place: Range<u64>) -> Result<Option<Vec<u8>>, Failure>;
}

impl NamedFile {
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            content: Content::Bytes(bytes.into()),
        }
    }

    /// All of it; nothing of a file that is elsewhere.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Elsewhere(_) => &[],
        }
    }

    pub fn length(&self) -> Option<u64> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::Elsewhere(reader) => reader.length(),
        }
    }

    /// Gives `then` the bytes of a place, as far as they go; `None` if they have yet to
    /// come.
    pub fn read<T>(
        &mut self,
        place: Range<u64>,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        match &mut self.content {
            Content::Bytes(bytes) => {
                let [from, to] = [place.start, place.end].map(|at| at.min(bytes.len() as u64));
                Ok(Some(then(&bytes[from as usize..to as usize])))
            }
            Content::Elsewhere(reader) => Ok(reader.read(place)?.map(|bytes| then(&bytes))),
        }
    }
}
