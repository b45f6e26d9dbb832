//! `clipwright train METHOD`: one run; `clipwright presets`.

use anyhow::Result;
use comfy_table::{Table, presets as borders};

use crate::args::{Chosen, Presets, Train};
use crate::data;
use crate::model;
use crate::problem::problem;
use crate::run::{self, Run};
use crate::settings::{PRESETS, Plan, Preset, Settings, did_you_mean, layered};

pub fn run(args: &Train) -> Result<()> {
    let (settings, preset) = settings(&args.chosen)?;
    let plan = Plan::resolve(args.chosen.method, preset, &settings)?;
    let dataset = data::open(&plan.data, plan.dataset.as_deref())?;
    let mut session = model::open_by_name(&plan.model, &plan.device, plan.precision)?;
    let outcome = run::run(
        &mut session,
        &dataset,
        &Run {
            plan: &plan,
            out: &args.chosen.out,
            existing: args.existing(),
            checkpoint_every: args.chosen.checkpoint_every(),
        },
    )?;
    let summary = &outcome.summary;
    if outcome.reused {
        eprintln!("this run was finished before");
    }
    match &summary.test {
        Some(test) => eprintln!(
            "{}: test accuracy {:.2} %, {:.1} s",
            summary.title,
            100.0 * test.accuracy,
            summary.seconds
        ),
        None => eprintln!("{:.1} s; the data have no test images", summary.seconds),
    }
    println!("{}", outcome.learned.display());
    Ok(())
}

/// The settings of a command line, laid over its file and preset; and the preset's name.
pub(super) fn settings(chosen: &Chosen) -> Result<(Settings, String)> {
    layered(
        chosen.method,
        chosen.preset.as_deref(),
        chosen.config.as_deref(),
        &chosen.settings,
    )
}

/// `clipwright presets [NAME]`.
pub fn presets(args: &Presets) -> Result<()> {
    if let Some(name) = &args.name {
        let preset = Preset::find(name).ok_or_else(|| {
            let names = PRESETS.iter().map(|preset| preset.name);
            problem(
                format!("there is no preset {name:?}"),
                did_you_mean(name, names),
            )
        })?;
        print!("{}", preset.toml);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(borders::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    for preset in PRESETS {
        table.add_row([preset.name, &preset.description()]);
    }
    println!("{table}");
    Ok(())
}
