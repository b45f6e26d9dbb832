//! Labelled images: where they are listed, how they are split, which are drawn.
//!
//! [`open`] takes an image folder, a list, or one of the [`named`] data sets in
//! its authors' layout, and gives a [`Dataset`]: class names in label order and
//! images by split. [`Dataset::few_shot`] draws from it as Dassl does.

mod dataset;
pub mod few_shot;
mod folder;
mod item;
mod list;
mod listing;
pub mod loader;
pub mod named;
mod picture;
pub mod python_random;
mod split;
mod split_file;
mod survey;
mod text_file;

pub use dataset::Dataset;
pub use few_shot::FewShot;
pub use item::Item;
pub use listing::{folder_names, image_files};
pub use picture::{read_image, read_picture};
pub use split::{Split, Subset};
pub use survey::{Survey, survey};

use std::path::Path;

use anyhow::Result;

use crate::problem::problem;

/// Opens a data set: an image folder, a list of images (.csv, .json), or, with
/// its name, one of the named in the folder layout its authors document; then
/// `data` is the data set's own folder or the one that holds it.
///
/// # Errors
/// If the name is unknown, a file or folder that is needed is missing, or what
/// is there does not follow its form.
pub fn open(data: &Path, dataset: Option<&str>) -> Result<Dataset> {
    let (opened, check) = read(data, dataset)?;
    let absent = opened.absent();
    let Some(first) = absent.first() else {
        return Ok(opened);
    };
    let message = match absent.len() - 1 {
        0 => format!("{} is listed but does not exist", first.display()),
        more => format!(
            "{} and {more} more images are listed but do not exist",
            first.display()
        ),
    };
    Err(problem(
        message,
        format!("`clipwright data check {check}` says what is missing and where it is from"),
    ))
}

/// As [`open`], but whether the images of a list exist is not asked; and how the
/// data are named on the command line.
fn read(data: &Path, dataset: Option<&str>) -> Result<(Dataset, String)> {
    if let Some(name) = dataset {
        let named = named::find(name)?;
        let folder = named::locate(named, data)?;
        let check = format!("{} {}", named.name, data.display());
        return Ok((named.read(&folder)?, check));
    }
    let dataset = if data.is_dir() {
        folder::read_folder(data)?
    } else if data.is_file() && list::is_list_name(data) {
        list::read_list(data)?
    } else {
        return Err(problem(
            format!(
                "{} is not a folder of images, nor a .csv or .json list of them",
                data.display()
            ),
            "expected a folder with one folder of images for each class, or a list with the columns path,class",
        ));
    };
    Ok((dataset, data.display().to_string()))
}
