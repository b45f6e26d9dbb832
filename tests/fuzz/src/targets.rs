//! What each fuzz target does with its bytes. The tests of the workspace do the
//! same with the inputs that are kept, hence no dependency but `shared`.
//!
//! A target panics where something is wrong: libFuzzer and the tests both see it.

use candle_core::Device;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::{Configuration, Hints, ModelFile, Naming, Tokenizer, Weights};
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::interop::{self, NamedBytes, ReadOptions};
use clipwright_shared::{Error, views};

/// What is done with one input.
pub type Target = fn(&[u8]);

/// A target's name, which is its corpus' too, and what it does.
pub const TARGETS: [(&str, Target); 9] = [
    ("safetensors", checkpoint),
    ("torch_archive", checkpoint),
    ("torch_legacy", checkpoint),
    ("torch_pickle", torch_pickle),
    ("torch_script", torch_script),
    ("model", model),
    ("learned", learned),
    ("image", image),
    ("text", text),
];

/// Any file of tensors: read, and every tensor copied.
pub fn checkpoint(bytes: &[u8]) {
    let checkpoint = match Checkpoint::read(bytes) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return explained(&error),
    };
    let mut total = 0;
    for (name, tensor) in &checkpoint.tensors {
        let count = tensor.elem_count();
        assert_eq!(tensor.contiguous_bytes().len(), tensor.nbytes(), "{name}");
        let mut values = vec![0.0; count];
        tensor.copy_f32(&mut values).expect("as many as there are");
        match tensor.i64_values() {
            Ok(integers) => assert_eq!(integers.len(), count, "{name}"),
            Err(error) => explained(&error),
        }
        total += tensor.nbytes();
    }
    // Views may share bytes, but a file is no bomb.
    assert!(
        total <= bytes.len() * 16 + (2 << 20),
        "{total} bytes of tensors"
    );
}

/// A pickle in an archive of `torch.save`, beside a few storages.
pub fn torch_pickle(pickle: &[u8]) {
    checkpoint(&archive(pickle, &[]));
}

/// A pickle in an archive of `torch.jit.save`.
pub fn torch_script(pickle: &[u8]) {
    checkpoint(&archive(pickle, &[("constants.pkl", b"\x80\x02).")]));
}

/// A file of tensors as a model.
pub fn model(bytes: &[u8]) {
    // A header may ask for a model of any size; the fuzzer looks at small ones.
    let Ok(checkpoint) = Checkpoint::read(bytes) else {
        return;
    };
    match ModelFile::open(vec![checkpoint], &[]) {
        Ok(file) => {
            let missing = file.audit();
            std::hint::black_box(missing);
        }
        Err(error) => explained(&error),
    }
    if let Err(error) = Weights::from_bytes(bytes, &Device::Cpu) {
        explained(&error);
    }
}

/// What was learned: our own file, and one of any program's.
pub fn learned(bytes: &[u8]) {
    if let Err(error) = LearnedFile::from_bytes(bytes) {
        explained(&error);
    }
    let file = NamedBytes {
        name: "file",
        bytes,
    };
    let options = ReadOptions {
        class_names: Some(vec!["a".into(), "b".into()]),
        ..ReadOptions::default()
    };
    match interop::read(&[file], &options) {
        // What was read can be written.
        Ok(file) => drop(file.to_bytes().expect("it was read")),
        Err(error) => explained(&error),
    }
}

/// An encoded image.
pub fn image(bytes: &[u8]) {
    match views::decode(bytes) {
        Ok(picture) => {
            let (width, height) = picture.dimensions();
            assert!(width > 0 && height > 0);
        }
        Err(error) => explained(&error),
    }
}

/// A text to be tokenised, and the same text as a configuration file.
pub fn text(bytes: &[u8]) {
    thread_local! {
        static TOKENIZER: Tokenizer = Tokenizer::new(49_408).expect("CLIP's own vocabulary");
    }
    let text = String::from_utf8_lossy(bytes);
    TOKENIZER.with(|tokenizer| {
        let ids = tokenizer.encode(&text);
        tokenizer.decode(&ids).expect("its own ids");
        if let Err(error) = tokenizer.row(&text, 77) {
            explained(&error);
        }
    });
    let configuration = Configuration {
        name: "config.json".into(),
        json: text.into_owned(),
    };
    if let Err(error) = Hints::read(&[configuration], Naming::OpenAi) {
        explained(&error);
    }
}

/// An error says something, on a line that a terminal can show.
fn explained(error: &Error) {
    let message = error.to_string();
    assert!(message.len() > 10, "{message:?}");
}

/// A zip archive with the pickle, four storages of 64 bytes, and more entries.
pub fn archive(pickle: &[u8], more: &[(&str, &[u8])]) -> Vec<u8> {
    let storage: Vec<u8> = (0..64).collect();
    let mut entries = vec![("a/data.pkl".to_string(), pickle)];
    for key in 0..4 {
        entries.push((format!("a/data/{key}"), &storage));
    }
    for (name, bytes) in more {
        entries.push((format!("a/{name}"), bytes));
    }
    zip(&entries)
}

/// A zip archive whose entries are stored as they are.
pub fn zip(entries: &[(String, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in entries {
        let offset = file.len() as u32;
        let size = (bytes.len() as u32).to_le_bytes();
        // Version, flags, method, time and date; then a checksum that nobody reads.
        let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0; 4], &size, &size];
        let length = (name.len() as u16).to_le_bytes();
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&common.concat());
        file.extend_from_slice(&[length, [0; 2]].concat());
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(bytes);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common.concat());
        directory.extend_from_slice(&length);
        directory.extend_from_slice(&[0; 12]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (start, size) = (file.len() as u32, directory.len() as u32);
    file.extend_from_slice(&directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&[count, count].concat());
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(&start.to_le_bytes());
    file.extend_from_slice(&[0; 2]);
    file
}
