//! `clipwright base-to-new`, `few-shot`, `cross-dataset`, `domain-shift`.

use std::path::Path;

use anyhow::Result;

use super::train::settings;
use crate::args::{BaseToNew, Chosen, FewShot, TableFormat, Transfer};
use crate::data::{self, Subset};
use crate::model;
use crate::problem::problem;
use crate::protocol::{self, Experiment, Target, check_seeds};
use crate::report::charts::svg;
use crate::report::table::ResultTable;
use crate::settings::{MethodArg, Plan, Settings, Shots};
use crate::whole_file::write_whole;

/// Shots of CoOp's paper.
const SHOTS: [usize; 5] = [1, 2, 4, 8, 16];

/// `clipwright base-to-new METHOD`.
pub fn base_to_new(args: &BaseToNew) -> Result<()> {
    let (chosen, seeds) = (&args.chosen, &args.seeds);
    let (mut settings, preset) = experiment_settings(chosen, seeds)?;
    if settings.subset.is_some_and(|subset| subset != Subset::Base) {
        return Err(problem(
            "--subset with base-to-new",
            "it always learns on the base classes; leave the flag out",
        ));
    }
    settings.subset = Some(Subset::Base);
    if chosen.method == MethodArg::Coop && settings.ctx_init.is_none() && settings.n_ctx == Some(16)
    {
        eprintln!(
            "note: published numbers from base to new are of a context of four vectors that starts \
             from words: --preset coop-words"
        );
    }
    let plan = Plan::resolve(chosen.method, preset, &settings)?;
    with_experiment(chosen, &plan, |experiment| {
        let table = protocol::base_to_new(experiment, &plan, seeds)?;
        leave(&table, args.format, Some(&chosen.out), "base-to-new")
    })
}

/// `clipwright few-shot METHOD`.
pub fn few_shot(args: &FewShot) -> Result<()> {
    let (chosen, seeds) = (&args.chosen, &args.seeds);
    let (settings, preset) = experiment_settings(chosen, seeds)?;
    let shots = settings.shots.clone();
    let shots = shots.unwrap_or_else(|| Shots::Several(SHOTS.to_vec()));
    let plans = shots
        .numbers()
        .iter()
        .map(|&shots| {
            let settings = Settings {
                shots: Some(Shots::One(shots)),
                ..settings.clone()
            };
            Plan::resolve(chosen.method, preset.clone(), &settings)
        })
        .collect::<Result<Vec<_>>>()?;
    let Some(first) = plans.first() else {
        return Err(problem("--shots is empty", "expected 1,2,4,8,16 or others"));
    };
    with_experiment(chosen, first, |experiment| {
        let (table, chart) = protocol::few_shot(experiment, &plans, seeds)?;
        let path = chosen.out.join("few-shot.svg");
        write_whole(&path, svg(&chart)?.as_bytes())?;
        leave(&table, args.format, Some(&chosen.out), "few-shot")
    })
}

/// `clipwright cross-dataset`.
pub fn cross_dataset(args: &Transfer) -> Result<()> {
    transfer(args, "Cross-dataset transfer", "cross-dataset")
}

/// `clipwright domain-shift`.
pub fn domain_shift(args: &Transfer) -> Result<()> {
    transfer(args, "Domain shift", "domain-shift")
}

fn transfer(args: &Transfer, title: &str, stem: &str) -> Result<()> {
    let targets = args
        .data
        .iter()
        .map(|data| Target::open(data))
        .collect::<Result<Vec<_>>>()?;
    let mut session = model::open(&args.model)?;
    let table = protocol::transfer(&mut session, title, &args.learned, &targets)?;
    leave(&table, args.format, args.out.as_deref(), stem)
}

fn experiment_settings(chosen: &Chosen, seeds: &[u64]) -> Result<(Settings, String)> {
    check_seeds(seeds)?;
    if chosen.settings.seed.is_some() {
        return Err(problem(
            "--seed with an experiment of several runs",
            "give its seeds with --seeds, such as --seeds 1,2,3",
        ));
    }
    settings(chosen)
}

fn with_experiment(
    chosen: &Chosen,
    plan: &Plan,
    carry_out: impl FnOnce(&mut Experiment<'_>) -> Result<()>,
) -> Result<()> {
    let dataset = data::open(&plan.data, plan.dataset.as_deref())?;
    let mut session = model::open_by_name(&plan.model, &plan.device, plan.precision)?;
    carry_out(&mut Experiment {
        session: &mut session,
        dataset: &dataset,
        out: &chosen.out,
        overwrite: chosen.overwrite,
        checkpoint_every: chosen.checkpoint_every(),
    })
}

/// Prints a table, and writes all its forms into `out`.
pub(super) fn leave(
    table: &ResultTable,
    format: TableFormat,
    out: Option<&Path>,
    stem: &str,
) -> Result<()> {
    if let Some(out) = out {
        table.write_all(out, stem)?;
    }
    let text = match format {
        TableFormat::Terminal => table.terminal(),
        TableFormat::Markdown => table.markdown(),
        TableFormat::Latex => table.latex(),
        TableFormat::Csv => table.csv()?,
        TableFormat::Json => table.json()?,
    };
    println!("{}", text.trim_end());
    Ok(())
}
