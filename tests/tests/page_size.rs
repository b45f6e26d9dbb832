//! What one visit downloads, packed as file hosts pack it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clipwright_tests::page_folder;

/// Most bytes of one visit, without models (their vocabulary is part of them) and samples.
const MOST: usize = 1_500_000;

/// What is code or looks.
const EXTENSIONS: [&str; 5] = ["html", "js", "css", "wasm", "webmanifest"];

/// The builds of the worker.
const WORKERS: [&str; 3] = ["worker", "worker_relaxed", "worker_threads"];

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
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push((packed(&path), name));
        }
    }
    files.sort();
    let is_of = |worker: &str, name: &str| {
        name == format!("{worker}.js") || name == format!("{worker}_bg.wasm")
    };
    let of_worker = |worker: &str| -> usize {
        let own = files.iter().filter(|(_, name)| is_of(worker, name));
        own.map(|(bytes, _)| bytes).sum()
    };
    // A browser fetches one of them.
    let workers = WORKERS.map(of_worker);
    assert!(workers.iter().all(|bytes| *bytes > 0), "{files:?}");
    let rest = files
        .iter()
        .filter(|(_, name)| !WORKERS.iter().any(|it| is_of(it, name)));
    let rest: Vec<_> = rest.collect();
    let wasm = rest.iter().filter(|(_, name)| name.ends_with(".wasm"));
    assert_eq!(wasm.count(), 1, "the page itself: {files:?}");
    let total = workers.iter().max().unwrap() + rest.iter().map(|(bytes, _)| bytes).sum::<usize>();
    for (bytes, name) in &files {
        println!("{bytes:9} {name}");
    }
    println!("{total:9} in all");
    assert!(
        total <= MOST,
        "{total} bytes; at most {MOST} are allowed: {files:?}"
    );
}
