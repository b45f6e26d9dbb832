//! What one visit downloads, packed as file hosts pack it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clipwright_tests::page_folder;

/// Most bytes of one visit, without models (their vocabulary is part of them) and samples.
const MOST: usize = 1_500_000;

/// What is code or looks.
const EXTENSIONS: [&str; 5] = ["html", "js", "css", "wasm", "webmanifest"];

fn packed(path: &PathBuf) -> usize {
    let mut packed = Vec::new();
    {
        // Quality 11 and a window of 2^22, as hosts pack what does not change.
        let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, 11, 22);
        writer.write_all(&fs::read(path).unwrap()).unwrap();
    }
    packed.len()
}

#[test]
fn a_visit_downloads_at_most_a_megabyte_and_a_half() {
    let folder = page_folder().unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            files.push((packed(&path), path.file_name().unwrap().to_owned()));
        }
    }
    files.sort();
    let wasm = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".wasm");
    assert_eq!(
        files.iter().filter(|(_, name)| wasm(name)).count(),
        2,
        "the page and its worker: {files:?}"
    );
    let total: usize = files.iter().map(|(bytes, _)| bytes).sum();
    for (bytes, name) in &files {
        println!("{bytes:9} {}", name.display());
    }
    println!("{total:9} in all");
    assert!(
        total <= MOST,
        "{total} bytes; at most {MOST} are allowed: {files:?}"
    );
}
