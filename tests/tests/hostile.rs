//! Files made to do harm, damaged ones, and ones that are something else: each is
//! refused with a message that says why, in little memory.

#[path = "hostile/allocations.rs"]
mod allocations;
#[path = "hostile/damaged.rs"]
mod damaged;
#[path = "hostile/pickles.rs"]
mod pickles;
#[path = "hostile/samples.rs"]
mod samples;
/// What the fuzz targets do; the inputs they kept are replayed here.
#[path = "../fuzz/src/targets.rs"]
mod targets;
#[path = "hostile/tensors.rs"]
mod tensors;

use clipwright_shared::Error;
use clipwright_shared::formats::{Checkpoint, Container};

use allocations::{Counting, peak_of};
use samples::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that reading may hold for each byte of a file, and besides.
const BYTES_PER_BYTE: usize = 160;
const BYTES_AT_LEAST: usize = 64 << 10;

/// The error for `bytes`, which took little memory.
fn refused(what: &str, bytes: &[u8]) -> Error {
    let (error, peak) = peak_of(|| match Checkpoint::read(bytes) {
        Ok(checkpoint) => panic!("{what} was read: {:?}", checkpoint.tensors.keys()),
        Err(error) => error,
    });
    let most = bytes.len() * BYTES_PER_BYTE + BYTES_AT_LEAST;
    assert!(
        peak <= most,
        "{what}: {peak} bytes of memory for {} of file",
        bytes.len()
    );
    error
}

/// Fails unless `bytes` are refused with a message that has `reason` in it.
fn check(what: &str, bytes: &[u8], reason: &str) {
    let error = refused(what, bytes);
    let message = error.to_string();
    assert!(
        message.contains(reason),
        "{what}: {message}; expected: {reason}"
    );
    assert!(error.hint().is_some(), "{what}: no hint");
    assert!(!message.contains(char::is_control), "{what}: {message:?}");
}

#[test]
fn the_samples_themselves_are_read() {
    for (bytes, container, name) in [
        (archive(&state_dict()), Container::TorchZip, "weight"),
        (legacy(&state_dict()), Container::TorchLegacy, "weight"),
        (
            torch_script(&script_module()),
            Container::TorchScript,
            "inner.weight",
        ),
        (
            safetensors(
                &format!("{{{}}}", entry("weight", "F32", "[4,4]", 0, 64)),
                64,
            ),
            Container::Safetensors,
            "weight",
        ),
    ] {
        let checkpoint = Checkpoint::read(&bytes).unwrap();
        assert_eq!(checkpoint.container, container);
        let tensor = &checkpoint.tensors[name];
        assert_eq!(tensor.dims, [4, 4]);
        if container != Container::Safetensors {
            let values = tensor.to_f32_tensor().unwrap().to_vec2::<f32>().unwrap();
            assert_eq!(values[3], [12.0, 13.0, 14.0, 15.0]);
        }
    }
}

#[test]
fn safetensors_headers_that_lie() {
    let one = |entries: &[String], data| safetensors(&format!("{{{}}}", entries.join(",")), data);
    let huge = u64::MAX;
    let mut absurd = safetensors("{}", 0);
    absurd[..8].copy_from_slice(&huge.to_le_bytes());
    check(
        "a header of 2⁶⁴ bytes",
        &absurd,
        "should have 18446744073709551615 bytes",
    );
    absurd[..8].copy_from_slice(&99_999_999_u64.to_le_bytes());
    check("a header beyond the file", &absurd, "the file ends after 2");

    let a = || entry("a", "F32", "[2]", 0, 8);
    for (what, entries, data, reason) in [
        (
            "overlap",
            vec![a(), entry("b", "F32", "[2]", 4, 12)],
            12,
            "`b` begins at byte 4; expected 8",
        ),
        (
            "the same bytes twice",
            vec![a(), entry("b", "F32", "[2]", 0, 8)],
            8,
            "expected 8",
        ),
        (
            "a gap",
            vec![a(), entry("b", "F32", "[2]", 12, 20)],
            20,
            "`b` begins at byte 12; expected 8",
        ),
        (
            "beyond the file",
            vec![entry("a", "F32", "[2]", 0, 8)],
            4,
            "describes 8 bytes of tensors; the file has 4",
        ),
        (
            "far beyond the file",
            vec![entry("a", "U8", "[18446744073709551615]", 0, huge)],
            9,
            "describes 18446744073709551615 bytes of tensors; the file has 9",
        ),
        (
            "a beginning far beyond the file",
            vec![entry("a", "U8", "[9]", huge - 9, huge)],
            9,
            "begins at byte 18446744073709551606; expected 0",
        ),
        (
            "bytes that nothing describes",
            vec![a()],
            12,
            "the file has 12",
        ),
        (
            "an end before the beginning",
            vec![entry("b", "U8", "[0]", 8, 0), a()],
            8,
            "`b`: it ends at byte 0, before its beginning at byte 8",
        ),
        (
            "another size than the shape's",
            vec![entry("a", "F32", "[3]", 0, 8)],
            8,
            "`a`: shape [3] of f32 does not fit its 8 bytes",
        ),
        (
            "a shape that overflows",
            vec![entry("a", "F32", "[4294967296,4294967296,4]", 0, 0)],
            0,
            "too many elements",
        ),
        (
            "more dimensions than there are",
            vec![entry("a", "U8", &format!("[{}1]", "1,".repeat(40)), 0, 1)],
            1,
            "41 dimensions",
        ),
        (
            "a type that is none",
            vec![entry("a", "F33", "[2]", 0, 8)],
            8,
            "unknown variant `F33`",
        ),
        (
            "a type of eight bits",
            vec![entry("a", "F8_E4M3", "[8]", 0, 8)],
            8,
            "its type is F8_E4M3; expected",
        ),
        (
            "one name twice",
            vec![a(), entry("a", "F32", "[0]", 8, 8)],
            8,
            "names `a` twice",
        ),
        (
            "metadata twice",
            vec![r#""__metadata__":{}"#.into(), r#""__metadata__":{}"#.into()],
            0,
            "`__metadata__` twice",
        ),
        (
            "no offsets",
            vec![r#""a":{"dtype":"F32","shape":[2]}"#.into()],
            8,
            "missing field",
        ),
        (
            "a negative size",
            vec![entry("a", "F32", "[-2]", 0, 8)],
            8,
            "invalid value",
        ),
        (
            "deep nesting",
            vec![format!(r#""a":{}"#, r#"{"x":["#.repeat(50_000))],
            0,
            "header cannot be read",
        ),
    ] {
        check(what, &one(&entries, data), reason);
    }
}
