//! A safetensors file by its header alone: enough to see what it holds, and which
//! of its bytes to fetch.

use std::ops::Range;

use super::{Checkpoint, safetensors_file};
use crate::error::Result;

/// What a header tells.
#[derive(Debug)]
pub struct Outline {
    /// The tensors with types and shapes; their values cannot be read.
    pub checkpoint: Checkpoint<'static>,
    /// The bytes of each tensor, scales too, in the order in which they lie there, counted
    /// from the first one behind the header.
    pub places: Vec<(String, Range<u64>)>,
}

impl Outline {
    /// Bytes of a file's beginning that tell whether it is a safetensors file, and where
    /// its header ends.
    pub const BEGINNING: usize = 9;

    /// The place of the header, by the file's [`Self::BEGINNING`]; none if it is no
    /// safetensors file.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if the header is longer than the format allows.
    pub fn header_place(beginning: &[u8]) -> Result<Option<Range<u64>>> {
        safetensors_file::header_place(beginning)
    }

    /// Reads the header that a file has in `place`, as far as the file goes.
    ///
    /// # Errors
    /// As [`Self::read`]; [`crate::Error::Format`] too if the header is cut, or the file,
    /// where its length is known, has other bytes behind it than are described.
    pub fn of_file(header: &[u8], place: &Range<u64>, file_bytes: Option<u64>) -> Result<Self> {
        let length = place.end - place.start;
        if header.len() as u64 != length {
            return Err(safetensors_file::header_is_cut(length, header.len()));
        }
        let outline = Self::read(header)?;
        if let Some(bytes) = file_bytes {
            let got = bytes.saturating_sub(place.end);
            safetensors_file::check_data(outline.data_bytes(), got)?;
        }
        Ok(outline)
    }

    /// Bytes behind the header.
    pub fn data_bytes(&self) -> u64 {
        self.places.last().map_or(0, |(_, place)| place.end)
    }

    /// Reads a header: what stands between the length at the file's beginning and
    /// the first tensor.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if it is cut or damaged, or describes tensors that
    /// overlap, leave gaps or do not fit their bytes.
    pub fn read(header: &[u8]) -> Result<Self> {
        safetensors_file::outline(header)
    }
}

#[cfg(test)]
mod tests {
    use super::Outline;
    use crate::formats::Checkpoint;

    #[test]
    fn tells_what_the_whole_file_would() {
        let header = r#"{"__metadata__":{"a":"b"},"y":{"dtype":"I64","shape":[1],"data_offsets":[6,14]},"x":{"dtype":"F16","shape":[3,1],"data_offsets":[0,6]}}"#;
        let outline = Outline::read(header.as_bytes()).unwrap();
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(&[7; 14]);
        let whole = Checkpoint::read(&file).unwrap();
        assert_eq!(outline.checkpoint.metadata, whole.metadata);
        for (name, tensor) in &whole.tensors {
            let told = &outline.checkpoint.tensors[name];
            assert_eq!((told.dtype, &told.dims), (tensor.dtype, &tensor.dims));
            assert_eq!(told.nbytes(), tensor.nbytes());
            let mut values = vec![0.0; told.elem_count()];
            assert!(told.copy_f32(&mut values).is_err(), "{name}");
            assert!(told.i64_values().is_err(), "{name}");
        }
        assert_eq!(outline.data_bytes(), 14);
        let place = 8..8 + header.len() as u64;
        let beginning = &file[..Outline::BEGINNING];
        assert_eq!(Outline::header_place(beginning).unwrap(), Some(place));
        assert_eq!(Outline::header_place(b"PK\x03\x04 zip?").unwrap(), None);
        assert_eq!(Outline::header_place(&file[..8]).unwrap(), None);
        assert!(Outline::header_place(b"\xff\xff\xff\xff\xff\0\0\0{").is_err());
        assert_eq!(outline.places, [("x".into(), 0..6), ("y".into(), 6..14)]);
    }

    #[test]
    fn refuses_what_the_whole_file_would() {
        for (header, reason) in [
            ("", "cannot be read"),
            ("[]", "cannot be read"),
            (
                r#"{"x":{"dtype":"F16","shape":[3],"data_offsets":[0,4]}}"#,
                "does not fit",
            ),
            (
                r#"{"x":{"dtype":"F16","shape":[3],"data_offsets":[2,8]}}"#,
                "begins at byte 2",
            ),
            (
                r#"{"x":{"dtype":"F16","shape":[0],"data_offsets":[0,0]},"x":{"dtype":"F16","shape":[0],"data_offsets":[0,0]}}"#,
                "twice",
            ),
            (
                r#"{"x":{"dtype":"F16","shape":[18446744073709551615,2],"data_offsets":[0,4]}}"#,
                "too many",
            ),
        ] {
            let error = Outline::read(header.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{header}: {error}");
        }
    }
}
