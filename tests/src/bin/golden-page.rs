//! The golden cases for a browser: compiled to WebAssembly with the page's own
//! profile, driven by `tests/tests/golden_in_browser.rs`.

use clipwright_tests::golden::{self, Files};
use wasm_bindgen::prelude::wasm_bindgen;

/// A golden folder in the browser's memory.
#[wasm_bindgen]
#[derive(Default)]
pub struct GoldenFolder {
    files: Files,
}

#[wasm_bindgen]
impl GoldenFolder {
    /// An empty folder.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    pub fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        self.files.insert(path, bytes);
    }

    /// What is wrong with a case, or nothing.
    pub fn check(&self, path: &str) -> Option<String> {
        let outcome = golden::check(&self.files, path);
        outcome.err().map(|error| format!("{error:#}"))
    }
}

fn main() {
    #[cfg(target_arch = "wasm32")]
    console_error_panic_hook::set_once();
}
