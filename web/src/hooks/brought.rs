//! Files as a person brings them: by themselves, or in folders.

use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

use super::files_of;
use crate::state::Problem;

/// Most files that are taken from dropped folders: a drive is no set of images.
const MOST_FILES: usize = 2000;
/// Deepest folder in a folder that is looked into.
const MOST_DEPTH: usize = 8;

/// A file, with the folders that it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// `photos/cat/1.jpg`; the plain name of a file that came by itself.
    pub path: String,
    pub file: File,
}

impl From<File> for Brought {
    /// A chosen file knows the chosen folder that it lies in.
    fn from(file: File) -> Self {
        let path = Reflect::get(&file, &"webkitRelativePath".into());
        let path = path.ok().and_then(|path| path.as_string());
        let path = path.filter(|path| !path.is_empty());
        Self {
            path: path.unwrap_or_else(|| file.name()),
            file,
        }
    }
}

/// Files that were brought together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bundle {
    pub files: Vec<Brought>,
    /// Whether more was brought than these.
    is_cut: bool,
}

impl FromIterator<Brought> for Bundle {
    /// All that was brought; those of a folder in the order of their names, which browsers
    /// list them in no order.
    fn from_iter<T: IntoIterator<Item = Brought>>(files: T) -> Self {
        let files = files.into_iter();
        let mut files: Vec<_> = files.map(|it| (it.path, it.file.into())).collect();
        if files.iter().any(|(path, _)| path.contains('/')) {
            sort(&mut files);
        }
        let files = files.into_iter().map(|(path, file)| Brought {
            path,
            file: file.unchecked_into(),
        });
        Self {
            files: files.collect(),
            is_cut: false,
        }
    }
}

impl Bundle {
    /// What is to be said of the rest, if there is one.
    pub fn problem(&self) -> Option<Problem> {
        let taken = self.files.len();
        self.is_cut.then(|| {
            Problem::new(
                format!(
                    "only the first {taken} files were taken; expected at most {MOST_FILES}, \
                     in folders at most {MOST_DEPTH} deep"
                ),
                "drop one of its folders, or measure larger sets with `clipwright eval`",
            )
        })
    }
}

/// What was dropped. It has to be taken at once: after the event it is gone.
pub struct Dropped {
    entries: Vec<FileSystemEntry>,
    /// Those that the browser names no entries for.
    files: Vec<File>,
}

impl Dropped {
    pub fn take(transfer: &DataTransfer) -> Self {
        let items = transfer.items();
        let items = (0..items.length()).filter_map(|at| items.get(at));
        let entries = items.map(|item| item.webkit_get_as_entry().ok().flatten());
        let entries: Option<Vec<FileSystemEntry>> = entries.collect();
        let entries = entries.unwrap_or_default();
        let files = match entries.is_empty() {
            true => files_of(transfer.files()),
            false => Vec::new(),
        };
        Self { entries, files }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.files.is_empty()
    }

    /// All files in it and in its folders, sorted by name within each, as far as
    /// `MOST_FILES` and `MOST_DEPTH` go.
    pub async fn walk(self) -> Bundle {
        let mut is_cut = false;
        let mut found: Vec<Brought> = self.files.into_iter().map(Brought::from).collect();
        // Entries with their folder and depth, the next one last.
        let entries = self.entries.into_iter().rev();
        let mut waiting: Vec<(FileSystemEntry, String, usize)> =
            entries.map(|entry| (entry, String::new(), 0)).collect();
        while let Some((entry, folder, depth)) = waiting.pop() {
            if found.len() >= MOST_FILES {
                is_cut = true;
                break;
            }
            let path = format!("{folder}{}", entry.name());
            if !entry.is_directory() {
                found.extend(file(&entry).await.map(|file| Brought { path, file }));
            } else if depth < MOST_DEPTH {
                let mut inside = entries_in(&entry).await;
                is_cut |= inside.len() > MOST_FILES;
                sort(&mut inside);
                let inside = inside.into_iter().rev().map(|(_, entry)| {
                    let entry = entry.unchecked_into();
                    (entry, format!("{path}/"), depth + 1)
                });
                waiting.extend(inside);
            } else {
                is_cut = true;
            }
        }
        Bundle {
            files: found,
            is_cut,
        }
    }
}

async fn file(entry: &FileSystemEntry) -> Option<File> {
    let entry: &FileSystemFileEntry = entry.unchecked_ref();
    let file = Promise::new(&mut |resolve, reject| {
        entry.file_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(file).await.ok()?.dyn_into().ok()
}

/// By folder, then by name.
fn sort(named: &mut [(String, JsValue)]) {
    named.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
}

/// What lies in a folder, with names. A browser tells it in portions, an empty one last.
async fn entries_in(folder: &FileSystemEntry) -> Vec<(String, JsValue)> {
    let folder: &FileSystemDirectoryEntry = folder.unchecked_ref();
    let reader = folder.create_reader();
    let mut all = Vec::new();
    loop {
        let portion = portion(&reader).await.unwrap_or_default();
        if portion.length() == 0 || all.len() > MOST_FILES {
            return all;
        }
        all.extend(portion.iter().map(|entry| {
            let name = entry.unchecked_ref::<FileSystemEntry>().name();
            (name, entry)
        }));
    }
}

async fn portion(reader: &FileSystemDirectoryReader) -> Option<Array> {
    let portion = Promise::new(&mut |resolve, reject| {
        let _ = reader.read_entries_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(portion).await.ok()?.dyn_into().ok()
}
