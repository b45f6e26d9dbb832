//! `clipwright data list`: the data sets that are known by name.

use std::collections::BTreeMap;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::args::DataList;
use crate::data::named::{NAMED, Named};

/// What `--json` prints of a data set.
#[derive(Debug, Serialize)]
struct Known {
    name: &'static str,
    title: &'static str,
    also: &'static [&'static str],
    classes: usize,
    /// Training, validation and test images.
    images: [usize; 3],
    template: &'static str,
    folder: &'static str,
    /// Each part of the folder, and where it is from.
    sources: BTreeMap<&'static str, &'static str>,
}

pub fn list(args: &DataList) -> Result<()> {
    if args.json {
        let known: Vec<Known> = NAMED.iter().map(known).collect();
        println!("{}", serde_json::to_string_pretty(&known)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["name", "classes", "template", "folder", "in it"]);
    for named in NAMED {
        table.add_row([
            named.name.to_string(),
            named.classes.to_string(),
            named.template.into(),
            named.folder.into(),
            named.layout.describe(),
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    Ok(())
}

fn known(named: &'static Named) -> Known {
    Known {
        name: named.name,
        title: named.title,
        also: named.also,
        classes: named.classes,
        images: named.images,
        template: named.template,
        folder: named.folder,
        sources: named.sources.iter().copied().collect(),
    }
}
