//! `clipwright models`: the short names, and what of the Hub is in the cache.

use std::path::PathBuf;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::DecimalBytes;
use serde::Serialize;

use crate::args::Models;
use crate::hub::{SHORT_NAMES, Settings, Snapshot, clip_snapshots};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    /// The cache folder.
    cache: PathBuf,
    models: Vec<Known>,
    /// Other CLIPs in the cache.
    others: Vec<Snapshot>,
}

/// A short name.
#[derive(Debug, Serialize)]
struct Known {
    name: &'static str,
    also: &'static [&'static str],
    repository: &'static str,
    parameters: u64,
    /// What the numbers of the weights are stored as.
    precision: &'static str,
    /// Size of the weights in that precision.
    download_bytes: u64,
    /// Snapshots of it in the cache.
    cached: Vec<Snapshot>,
}

pub fn run(args: &Models) -> Result<()> {
    let cache = Settings::from_env()?.cache;
    let ours: Vec<&str> = SHORT_NAMES.iter().map(|short| short.repository).collect();
    let mut snapshots = clip_snapshots(&cache, &ours);
    let models = SHORT_NAMES.iter().map(|short| {
        let is_it = |snapshot: &mut Snapshot| snapshot.repository == short.repository;
        Known {
            name: short.name,
            also: short.also,
            repository: short.repository,
            parameters: short.parameters,
            precision: "f32",
            download_bytes: short.download_bytes(),
            cached: snapshots.extract_if(.., is_it).collect(),
        }
    });
    let report = Report {
        models: models.collect(),
        cache: cache.path().clone(),
        others: snapshots,
    };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print_tables(&report),
    }
    Ok(())
}

fn print_tables(report: &Report) {
    let mut known = Table::new();
    known.load_preset(presets::NOTHING);
    known.set_header([
        "name",
        "parameters",
        "f32 weights",
        "on the Hub",
        "in the cache",
    ]);
    for model in &report.models {
        let cached = match model.cached.is_empty() {
            true => "no",
            false => "yes",
        };
        known.add_row([
            model.name.into(),
            format!("{:.1} M", model.parameters as f64 / 1e6),
            DecimalBytes(model.download_bytes).to_string(),
            model.repository.into(),
            cached.to_string(),
        ]);
    }
    for column in known.column_iter_mut().skip(1).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{known}\n\nin the cache {}:", report.cache.display());
    let ours = report.models.iter().flat_map(|model| &model.cached);
    let mut cached = Table::new();
    cached.load_preset(presets::NOTHING);
    for snapshot in ours.chain(&report.others) {
        let revision = match snapshot.revisions.is_empty() {
            true => snapshot.commit.clone(),
            false => snapshot.revisions.join(", "),
        };
        cached.add_row([
            snapshot.repository.clone(),
            revision,
            DecimalBytes(snapshot.bytes).to_string(),
            snapshot.path.display().to_string(),
        ]);
    }
    match cached.is_empty() {
        true => println!(" nothing yet: `clipwright pull NAME` downloads a model"),
        false => println!("{cached}"),
    }
}
