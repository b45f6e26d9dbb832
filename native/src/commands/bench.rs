//! `clipwright bench`: where the time of a training goes.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets as borders};

use crate::args::Bench;
use crate::bench::{self, Course, Figures};
use crate::model;
use crate::settings::{Plan, layered};

/// Steps, unless the settings say.
const STEPS: usize = 10;

pub fn run(args: &Bench) -> Result<()> {
    let photos = bench::photos(args.images)?;
    let (mut settings, preset) =
        layered(args.method, args.preset.as_deref(), None, &args.settings)?;
    settings.data = Some(photos.folder().to_path_buf());
    let own = &args.settings;
    if own.steps.is_none() && own.epochs.is_none() && own.steps_per_shot.is_none() {
        settings.epochs = None;
        settings.steps_per_shot = None;
        settings.steps = Some(STEPS);
    }
    let plan = Plan::resolve(args.method, preset, &settings)?;
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
    let mut table = Table::new();
    table.load_preset(borders::NOTHING);
    table.set_header(["part", "seconds", "of all", "times"]);
    for part in &figures.parts {
        let share = 100.0 * part.seconds / figures.seconds;
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
    println!("\ndecode and crop run beside the others, on threads of their own");
}
