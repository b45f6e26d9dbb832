//! What a file is, by its first bytes: names and types lie.

use clipwright_shared::checkpoint::LEARNED_FORMAT;

/// What the page does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Image,
    /// A `learned.safetensors`.
    Learned,
    /// Any other safetensors file.
    Model,
    /// A pickle, or a zip archive that may hold one: not read in the page.
    PyTorch,
    Unknown,
}

/// Bytes in front of a safetensors header: its length.
pub const LENGTH_BYTES: usize = 8;
/// No header of a real model comes near this; a wrong length does.
const LONGEST_HEADER: u64 = 64 << 20;

/// The length of the safetensors header, if `head` (nine bytes or more) is the
/// beginning of such a file.
pub fn safetensors_header_length(head: &[u8]) -> Option<usize> {
    let length: [u8; LENGTH_BYTES] = head.get(..LENGTH_BYTES)?.try_into().ok()?;
    let length = u64::from_le_bytes(length);
    let opens = head.get(LENGTH_BYTES) == Some(&b'{');
    (opens && length <= LONGEST_HEADER).then_some(length as usize)
}

/// Tells a learned file from a model by the header of a safetensors file.
pub fn safetensors_kind(header: &[u8]) -> FileKind {
    let header: Option<serde_json::Value> = serde_json::from_slice(header).ok();
    let format = header
        .as_ref()
        .and_then(|header| header.pointer("/__metadata__/format"));
    match format.and_then(|format| format.as_str()) {
        Some(LEARNED_FORMAT) => FileKind::Learned,
        _ => FileKind::Model,
    }
}

/// What a file that is not safetensors is.
pub fn other_kind(head: &[u8]) -> FileKind {
    let images: [&[u8]; 5] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF"];
    let pickles: [&[u8]; 2] = [b"PK\x03\x04", b"\x80\x02"];
    if images.iter().any(|magic| head.starts_with(magic)) {
        FileKind::Image
    } else if pickles.iter().any(|magic| head.starts_with(magic)) {
        FileKind::PyTorch
    } else {
        FileKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::{FileKind, other_kind, safetensors_header_length, safetensors_kind};

    #[test]
    fn a_safetensors_file_opens_with_a_length_and_a_brace() {
        let cases: [(&[u8], Option<usize>); 5] = [
            (b"\x10\0\0\0\0\0\0\0{\"a\"", Some(16)),
            (b"\x10\0\0\0\0\0\0\0[", None),
            (b"\x10\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff{", None),
            (b"\x89PNG\r\n\x1a\n{", None),
        ];
        for (head, expected) in cases {
            assert_eq!(safetensors_header_length(head), expected, "{head:?}");
        }
    }

    #[test]
    fn the_metadata_tells_learned_from_model() {
        let learned = br#"{"__metadata__":{"format":"clipwright-learned-1"},"ctx":{}}"#;
        assert_eq!(safetensors_kind(learned), FileKind::Learned);
        let model = br#"{"__metadata__":{"format":"pt"},"visual.conv1.weight":{}}"#;
        assert_eq!(safetensors_kind(model), FileKind::Model);
        // The worker says what is wrong with a damaged one.
        assert_eq!(safetensors_kind(b"{\"visual"), FileKind::Model);
    }

    #[test]
    fn images_are_known_by_their_first_bytes() {
        let cases: [(&[u8], FileKind); 6] = [
            (b"\x89PNG\r\n", FileKind::Image),
            (b"\xff\xd8\xff\xe0", FileKind::Image),
            (b"RIFF\0\0\0\0WEBP", FileKind::Image),
            (b"PK\x03\x04", FileKind::PyTorch),
            (b"%PDF-1.7", FileKind::Unknown),
            (b"", FileKind::Unknown),
        ];
        for (head, expected) in cases {
            assert_eq!(other_kind(head), expected, "{head:?}");
        }
    }
}
