//! What a file is, by its first bytes: names and types lie.

use clipwright_shared::checkpoint::{LEARNED_FORMAT, READY_FORMAT};

/// What the page does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Image,
    /// What was learned: a `learned.safetensors`, or what another program left.
    Learned,
    /// An adapter of PEFT, whose `adapter_config.json` belongs to it.
    Peft,
    /// Any other safetensors file.
    Model,
    /// A model in PyTorch's own container.
    PyTorchModel,
    /// A JSON text, which says something of the weights beside it.
    Configuration,
    /// Not one byte.
    Empty,
    Unknown,
}

/// Bytes in front of a safetensors header: its length.
pub const LENGTH_BYTES: usize = 8;
/// No header of a real model comes near this; a wrong length does.
const LONGEST_HEADER: u64 = 64 << 20;
/// As much of a file as is looked at. The names in one of PyTorch's are in front.
pub const HEAD_BYTES: usize = 1 << 20;

/// What comes before `ctx` in files of CoOp.
const CONTEXTS: [&str; 4] = [
    "ctx",
    "state_dict.ctx",
    "prompt_learner.ctx",
    "state_dict.prompt_learner.ctx",
];

/// The length of the safetensors header, if `head` (nine bytes or more) is the
/// beginning of such a file.
pub fn safetensors_header_length(head: &[u8]) -> Option<usize> {
    let length: [u8; LENGTH_BYTES] = head.get(..LENGTH_BYTES)?.try_into().ok()?;
    let length = u64::from_le_bytes(length);
    let opens = head.get(LENGTH_BYTES) == Some(&b'{');
    (opens && length <= LONGEST_HEADER).then_some(length as usize)
}

/// Tells what was learned from a model by the header of a safetensors file.
pub fn safetensors_kind(header: &[u8]) -> FileKind {
    let header: Option<serde_json::Value> = str::from_utf8(header)
        .ok()
        .and_then(|header| serde_json::from_str(header).ok());
    let Some(names) = header.as_ref().and_then(|header| header.as_object()) else {
        // The worker says what is wrong with a damaged one.
        return FileKind::Model;
    };
    let format = header
        .as_ref()
        .and_then(|header| header.pointer("/__metadata__/format"));
    // Of another version, too: the worker says so.
    let ours = [LEARNED_FORMAT, READY_FORMAT].map(|format| format.trim_end_matches('1'));
    if let Some(format) = format.and_then(|format| format.as_str())
        && ours.iter().any(|ours| format.starts_with(ours))
    {
        return FileKind::Learned;
    }
    let any = |is_it: &dyn Fn(&str) -> bool| names.keys().any(|name| is_it(name));
    if any(&|name| name.contains(".attn.qkv.lora_") || name.starts_with("weights.layer_")) {
        FileKind::Learned
    } else if any(&|name| name.contains(".lora_A.") || name.contains(".lora_B.")) {
        FileKind::Peft
    } else if any(&|name| CONTEXTS.contains(&name)) {
        FileKind::Learned
    } else {
        FileKind::Model
    }
}

/// What a file that is not safetensors is, by its `head` and its whole length.
pub fn other_kind(name: &str, head: &[u8], length: u64) -> FileKind {
    if length == 0 {
        return FileKind::Empty;
    }
    let images: [&[u8]; 4] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM"];
    let is_webp = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
    if is_webp || images.iter().any(|magic| head.starts_with(magic)) {
        return FileKind::Image;
    }
    if name.ends_with(".json") && head.trim_ascii_start().first() == Some(&b'{') {
        return FileKind::Configuration;
    }
    // Protocol 2 and later begin with their number.
    let is_pickle = matches!(head, [0x80, 2..=5, ..]);
    let is_archive = head.starts_with(b"PK\x03\x04");
    let is_whole = length <= head.len() as u64;
    match (is_pickle, is_archive) {
        (true, _) => pytorch_kind(head),
        // Any other archive has no pickle in it.
        (_, true) if !is_whole || holds(head, b".pkl") => pytorch_kind(head),
        _ => FileKind::Unknown,
    }
}

/// Tells what was learned from a model by the tensors' names, which stand in a
/// pickle as they are. Nothing is unpickled here.
fn pytorch_kind(head: &[u8]) -> FileKind {
    if holds(head, b".lora_A.") && holds(head, b"base_model.") {
        FileKind::Peft
    } else if holds(head, b"lora_A") || holds(head, b"token_prefix") {
        FileKind::Learned
    } else {
        FileKind::PyTorchModel
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
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
    fn the_header_tells_learned_from_model() {
        let cases = [
            (
                r#"{"__metadata__":{"format":"clipwright-learned-1"},"ctx":{}}"#,
                FileKind::Learned,
            ),
            (
                r#"{"__metadata__":{"format":"clipwright-learned-9"},"a":{}}"#,
                FileKind::Learned,
            ),
            (
                r#"{"__metadata__":{"format":"clipwright-ready-1"},"a":{}}"#,
                FileKind::Learned,
            ),
            (
                r#"{"__metadata__":{"format":"pt"},"visual.conv1.weight":{}}"#,
                FileKind::Model,
            ),
            (r#"{"prompt_learner.ctx":{}}"#, FileKind::Learned),
            (
                r#"{"weights.layer_0.q_proj.w_lora_A":{}}"#,
                FileKind::Learned,
            ),
            (
                r#"{"visual.transformer.resblocks.0.attn.qkv.lora_A.q":{}}"#,
                FileKind::Learned,
            ),
            (
                r#"{"base_model.model.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight":{}}"#,
                FileKind::Peft,
            ),
            (r#"{"visual"#, FileKind::Model),
        ];
        for (header, expected) in cases {
            assert_eq!(safetensors_kind(header.as_bytes()), expected, "{header}");
        }
    }

    #[test]
    fn other_files_are_known_by_their_first_bytes() {
        let cases: [(&str, &[u8], FileKind); 16] = [
            ("a", b"\x89PNG\r\n", FileKind::Image),
            ("a.txt", b"\xff\xd8\xff\xe0", FileKind::Image),
            ("a", b"RIFF\0\0\0\0WEBP", FileKind::Image),
            ("a", b"RIFF\0\0\0\0WAVE", FileKind::Unknown),
            ("a", b"GIF89a", FileKind::Image),
            ("a", b"BM\x46\0", FileKind::Image),
            ("config.json", b" {\"model_type\"", FileKind::Configuration),
            ("config.txt", b"{\"model_type\"", FileKind::Unknown),
            ("a.png", b"%PDF-1.7", FileKind::Unknown),
            ("a.png", b"", FileKind::Empty),
            ("a.zip", b"PK\x03\x04\0\0notes.txt", FileKind::Unknown),
            (
                "model.pth.tar-5",
                b"PK\x03\x04 archive/data.pkl X\x0c\0\0\0token_prefix",
                FileKind::Learned,
            ),
            (
                "lora.pt",
                b"PK\x03\x04 lora/data.pkl X\x08\0\0\0w_lora_A",
                FileKind::Learned,
            ),
            (
                "adapter_model.bin",
                b"PK\x03\x04 a/data.pkl base_model.model.x.lora_A.weight",
                FileKind::Peft,
            ),
            (
                "ViT-B-32.pt",
                b"PK\x03\x04 ViT/data.pkl visual.conv1.weight",
                FileKind::PyTorchModel,
            ),
            ("old.pt", b"\x80\x02\x8a\x0a", FileKind::PyTorchModel),
        ];
        for (name, head, expected) in cases {
            let length = head.len() as u64;
            assert_eq!(other_kind(name, head, length), expected, "{name}: {head:?}");
        }
    }
}
