//! What a file is that is no file of tensors: a message says more than
//! "unknown format" where people meet it often.

use crate::error::Error;

const EXPECTED: &str = "safetensors or a PyTorch file";
const FETCH_AGAIN: &str = "fetch the file again, and look at its size";

/// The error for bytes that no reader knows.
pub(super) fn unknown(bytes: &[u8]) -> Error {
    let (found, remedy) = describe(bytes);
    Error::WrongFile {
        found,
        expected: EXPECTED.into(),
        remedy,
    }
}

fn describe(bytes: &[u8]) -> (String, &'static str) {
    let text = bytes.trim_ascii_start();
    let begins = |start: &str| {
        text.get(..start.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
    };
    let (found, remedy) = if bytes.is_empty() {
        ("an empty file", FETCH_AGAIN)
    } else if begins("version https://git-lfs") {
        (
            "a Git LFS pointer, which stands for a file that was not fetched",
            "fetch the file itself with `git lfs pull`, or download it from its page",
        )
    } else if begins("<!doctype") || begins("<html") || begins("<head") || begins("<?xml") {
        (
            "a web page",
            "the address leads to a page about the file, or to an error: use the address of the \
             file itself",
        )
    } else if begins("{") || begins("[") {
        (
            "a JSON document",
            "name the file of weights beside it, or the folder of both",
        )
    } else if bytes.starts_with(b"\x1f\x8b") {
        ("a file packed by gzip", "unpack it first")
    } else if bytes.starts_with(b"PK") {
        ("a zip archive without entries", FETCH_AGAIN)
    } else if bytes.get(257..262) == Some(b"ustar") {
        (
            "a tar archive",
            "unpack it first; what PyTorch before 0.1.10 saved as tar must be saved again by a \
             newer one",
        )
    } else if bytes.starts_with(b"GGUF") {
        ("a GGUF file", "use the model's safetensors file")
    } else if bytes.starts_with(b"\x89HDF") {
        ("an HDF5 file", "use the model's safetensors file")
    } else if bytes.starts_with(b"\x93NUMPY") {
        ("a file of numpy's", "save the tensors as safetensors")
    } else if matches!(bytes, [0x80, 0..=5, ..]) {
        (
            "a Python pickle that PyTorch did not write, or the beginning of one",
            "save the tensors as safetensors, or with torch.save",
        )
    } else if bytes.iter().take(512).all(|&byte| byte == 0) {
        (
            "a file of zeros, whose download did not finish",
            FETCH_AGAIN,
        )
    } else {
        let start: Vec<String> = bytes.iter().take(8).map(|x| format!("{x:02x}")).collect();
        let found = format!(
            "a file of an unknown kind ({} bytes, beginning with {})",
            bytes.len(),
            start.join(" ")
        );
        return (found, FETCH_AGAIN);
    };
    (found.into(), remedy)
}
