//! `clipwright data generate` and `data samples`: pictures of the embedded model's
//! world, as files.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result};
use clipwright_shared::learners::DEFAULT_TEMPLATE;
use image::{ImageFormat, RgbImage};
use rayon::prelude::*;
use serde_json::json;

use crate::args::{Generate, Samples};
use crate::problem::problem;
use crate::whole_file::write_whole;
use crate::world::{Domain, Split};

/// `data generate DOMAIN --out DIR`: `DIR/{train,val,test}/<class>/NNNN.png`.
pub fn generate(args: &Generate) -> Result<()> {
    let domain: Domain = args.domain.parse()?;
    if args.per_class == 0 || !(16..=1024).contains(&args.side) {
        return Err(problem(
            format!("{} pictures of {} pixels", args.per_class, args.side),
            "expected at least 1 picture per class and a side of 16 to 1024 pixels",
        ));
    }
    let splits = [
        (Split::Train, "train", args.per_class),
        (Split::Validation, "val", args.per_class.div_ceil(4)),
        (Split::Test, "test", args.per_class),
    ];
    let mut written = 0;
    for (split, folder, count) in splits {
        for (label, name) in domain.class_names().iter().enumerate() {
            let folder = args.out.join(folder).join(name);
            (0..count).into_par_iter().try_for_each(|index| {
                let pixels = domain.image(split, label, index, args.seed, args.side);
                write_picture(&folder.join(format!("{index:04}.png")), pixels, args.side)
            })?;
            written += count;
        }
    }
    eprintln!(
        "wrote {written} pictures of {domain} to {}",
        args.out.display()
    );
    Ok(())
}

/// The classes whose pictures are samples of the page.
const SAMPLE_CLASSES: [usize; 6] = [7, 1, 11, 14, 8, 19];

/// `data samples --out DIR`: pictures and `samples.json` for the page.
pub fn samples(args: &Samples) -> Result<()> {
    const SIDE: usize = 160;
    let mut list = Vec::new();
    for (domain, index) in [(Domain::World, 3), (Domain::Shifted, 5)] {
        let names = domain.class_names();
        for label in SAMPLE_CLASSES.into_iter().skip(list.len()).take(3) {
            let file = format!("{}.png", names[label].replace(' ', "-"));
            let pixels = domain.image(Split::Test, label, index, 0, SIDE);
            write_picture(&args.out.join(&file), pixels, SIDE)?;
            list.push(json!({"file": file, "title": names[label]}));
        }
    }
    let names = Domain::World.class_names();
    let classes: Vec<&String> = SAMPLE_CLASSES.iter().map(|&label| &names[label]).collect();
    let listing = json!({"classes": classes, "template": DEFAULT_TEMPLATE, "samples": list});
    let listing = serde_json::to_string_pretty(&listing)? + "\n";
    write_whole(&args.out.join("samples.json"), listing.as_bytes())?;
    eprintln!("wrote {} samples to {}", list.len(), args.out.display());
    Ok(())
}

fn write_picture(path: &Path, pixels: Vec<u8>, side: usize) -> Result<()> {
    let picture = RgbImage::from_raw(side as u32, side as u32, pixels)
        .context("a picture of another size")?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    write_whole(path, &bytes.into_inner())
}
