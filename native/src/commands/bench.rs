//! `clipwright bench`: where the time of a training goes, or of loading images.

use anyhow::Result;
use clipwright_shared::views::RandomResizedCrop;
use comfy_table::{CellAlignment, Table, presets as borders};

use crate::args::{Bench, BenchLoading, BenchTraining, LoadedView};
use crate::bench::{self, Course, Figures, Loading, LoadingFigures, Part};
use crate::data::loader::{Ahead, ViewKind};
use crate::data::{self, Split, Subset};
use crate::model;
use crate::settings::{MethodArg, Plan, layered};

/// Steps, unless the settings say.
const STEPS: usize = 10;

pub fn run(args: &Bench) -> Result<()> {
    match args {
        Bench::Loading(args) => load(args),
        Bench::Coop(args) => train(MethodArg::Coop, args),
        Bench::Cocoop(args) => train(MethodArg::Cocoop, args),
        Bench::Lora(args) => train(MethodArg::Lora, args),
        Bench::LinearProbe(args) => train(MethodArg::LinearProbe, args),
    }
}

fn load(args: &BenchLoading) -> Result<()> {
    let mut made_up = None;
    let images = match &args.data {
        Some(data) => data::open(data, None)?
            .items(Split::All, Subset::All)
            .into_iter()
            .map(|item| item.path)
            .collect(),
        None => made_up.insert(bench::photos(args.images)?).paths().to_vec(),
    };
    let figures = bench::load(&Loading {
        images,
        view: match args.view {
            LoadedView::Centre => ViewKind::Test,
            LoadedView::Crop => ViewKind::Crop {
                augment: RandomResizedCrop::default(),
                seed: 1,
            },
        },
        side: args.side,
        batch: args.batch,
        threads: args.threads.unwrap_or(Ahead::default().threads),
        passes: args.passes,
    })?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&figures)?),
        false => print_loading(&figures),
    }
    Ok(())
}

fn print_loading(figures: &LoadingFigures) {
    println!(
        "{:.1} images/s on {} threads, {} images, {} passes\n",
        figures.images_per_second,
        figures.threads,
        figures.images,
        figures.seconds.len()
    );
    print_parts(&figures.parts, figures.seconds.iter().sum());
    println!("\nall but wait run on the loader's threads, and are added up over these");
}

fn train(method: MethodArg, args: &BenchTraining) -> Result<()> {
    let photos = bench::photos(args.images)?;
    let (mut settings, preset) = layered(method, args.preset.as_deref(), None, &args.settings)?;
    settings.data = Some(photos.folder().to_path_buf());
    let own = &args.settings;
    if own.steps.is_none() && own.epochs.is_none() && own.steps_per_shot.is_none() {
        settings.epochs = None;
        settings.steps_per_shot = None;
        settings.steps = Some(STEPS);
    }
    let plan = Plan::resolve(method, preset, &settings)?;
    let session = model::open_by_name(&plan.model, &plan.device, plan.precision)?;
    let course = Course {
        plan: &plan,
        classes: args.classes,
        photos: &photos,
        trace: args.trace.as_deref(),
    };
    let figures = bench::run(&session, &course)?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&figures)?),
        false => print(&figures),
    }
    Ok(())
}

fn print(figures: &Figures) {
    println!(
        "{}: {} steps of {} images, {} classes, {}",
        figures.title, figures.steps, figures.batch, figures.classes, figures.device
    );
    println!(
        "{:.1} images/s, {:.3} s a step (median), {:.1} s in all, {:.0} MiB of memory at most\n",
        figures.images_per_second,
        figures.step_seconds,
        figures.seconds,
        figures.peak_memory_bytes as f64 / f64::from(1 << 20)
    );
    print_parts(&figures.parts, figures.seconds);
    println!("\ndecode, crop and normalise run beside the others, on threads of their own");
}

fn print_parts(parts: &[Part], seconds: f64) {
    let mut table = Table::new();
    table.load_preset(borders::NOTHING);
    table.set_header(["part", "seconds", "of all", "times"]);
    for part in parts {
        let share = 100.0 * part.seconds / seconds;
        table.add_row([
            part.name.clone(),
            format!("{:.3}", part.seconds),
            format!("{share:.1} %"),
            part.times.to_string(),
        ]);
    }
    for column in 1..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
}
