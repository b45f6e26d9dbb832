//! `clipwright data check [NAME] DIR`: what is there, what is missing, and where
//! that is from.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use crate::args::Check;
use crate::data::{Survey, survey};

pub fn check(args: &Check) -> Result<()> {
    let survey = survey(&args.data, args.name.as_deref(), args.decode)?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&survey)?),
        false => print_report(&survey),
    }
    survey.complete()
}

fn print_report(survey: &Survey) {
    match survey.name {
        Some(name) => println!("{name} in {}\n", survey.place),
        None => println!("{}\n", survey.place),
    }
    if !survey.splits.is_empty() {
        println!("{}\n", splits(survey));
    }
    let published = match survey.published_classes {
        Some(published) if published != survey.classes.len() => {
            format!(" (published: {published})")
        }
        _ => String::new(),
    };
    println!("{} classes{published}", survey.classes.len());
    if let Some(template) = &survey.template {
        println!("template {template:?}");
    }
    if survey.has_splits == Some(false) {
        println!("no splits: half of each class is for training, a fifth to validate");
    }
    if !survey.unused_folders.is_empty() {
        println!(
            "not in the split file: {}",
            survey.unused_folders.join(", ")
        );
    }
    for part in &survey.missing {
        println!("missing: {}, from {}", part.part, part.source);
    }
    if survey.absent_images > 0 {
        println!("listed images that do not exist: {}", survey.absent_images);
        survey
            .first_absent
            .iter()
            .for_each(|path| println!("  {path}"));
        let more = survey.absent_images - survey.first_absent.len();
        if more > 0 {
            println!("  and {more} more");
        }
    }
    if let Some(unreadable) = &survey.unreadable {
        println!("images that cannot be read: {}", unreadable.len());
        for image in unreadable {
            println!("  {}: {}", image.path, image.error);
        }
    }
}

fn splits(survey: &Survey) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let has_published = survey.splits.iter().any(|split| split.published.is_some());
    let mut header = vec!["split", "images", "smallest class"];
    if has_published {
        header.push("published");
    }
    table.set_header(header);
    for split in &survey.splits {
        let name = format!("{:?}", split.split).to_lowercase();
        let mut row = vec![
            name,
            split.images.to_string(),
            split.smallest_class.to_string(),
        ];
        row.extend(split.published.map(|published| published.to_string()));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
