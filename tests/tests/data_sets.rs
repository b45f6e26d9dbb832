//! Data sets: the named ones laid out as their authors document them, split files,
//! lists, few-shot draws, and `clipwright data`.

#[path = "data_sets/check.rs"]
mod check;
#[path = "data_sets/draws.rs"]
mod draws;
#[path = "data_sets/layouts.rs"]
mod layouts;
#[path = "data_sets/lists.rs"]
mod lists;
#[path = "data_sets/named.rs"]
mod named;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use clipwright::data::{Dataset, Split, Subset};
use clipwright::problem::hint;
use image::{ImageFormat, RgbImage};

/// Writes files below `root`, with the folders they need.
fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes tiny photographs.
fn write_images(root: &Path, paths: &[&str]) {
    let mut jpeg = Cursor::new(Vec::new());
    let pixels = RgbImage::from_pixel(8, 8, image::Rgb([90, 140, 200]));
    pixels.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    for path in paths {
        write(root, path, jpeg.get_ref());
    }
}

/// Numbers of images to train on, to validate and to test on.
fn counts(dataset: &Dataset) -> [usize; 3] {
    [Split::Train, Split::Val, Split::Test].map(|split| dataset.len(split))
}

/// Paths below `root` and labels, in order.
fn listed(dataset: &Dataset, split: Split, subset: Subset, root: &Path) -> Vec<(String, usize)> {
    let items = dataset.items(split, subset).into_iter();
    let inside = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    items.map(|item| (inside(&item.path), item.label)).collect()
}

/// The refusal, which must name all of `parts` and give a hint.
fn refused<T>(what: &str, result: anyhow::Result<T>, parts: &[&str]) {
    let Err(error) = result else {
        panic!("{what} was accepted");
    };
    let message = format!("{error:#}\nhint: {}", hint(&error).unwrap_or_default());
    assert!(hint(&error).is_some(), "{what}: no hint: {message}");
    for part in parts {
        assert!(message.contains(part), "{what}: no {part:?} in: {message}");
    }
}
