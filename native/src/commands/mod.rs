//! One file for each command: from arguments to a plan, and the plan carried out.

mod bench;
mod classify;
mod convert;
mod data;
mod eval;
mod explain;
mod export;
mod features;
mod inspect;
mod models;
mod pretrain;
mod protocol;
mod pull;
pub mod serve;
mod site;
mod synthetic;
mod train;
mod tune;

use std::path::Path;

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::interop::ReadOptions;

use crate::args::{Command, Sweep, Synthetic};
use crate::learned;

/// Carries out a command.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(args) => train::run(&args),
        Command::BaseToNew(args) => protocol::base_to_new(&args),
        Command::FewShot(args) => protocol::few_shot(&args),
        Command::CrossDataset(args) => protocol::cross_dataset(&args),
        Command::DomainShift(args) => protocol::domain_shift(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Sweep(Sweep::Tune(args)) => tune::run_sweep(&args),
        Command::Synthetic(Synthetic::Plan(args)) => synthetic::plan(&args),
        Command::Synthetic(Synthetic::Filter(args)) => synthetic::filter(&args),
        Command::Presets(args) => train::presets(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Pretrain(args) => pretrain::run(&args),
        Command::Site(args) => site::run(&args),
        Command::Serve(args) => serve::run(&args),
    }
}

/// Reads what was learned into the session, under its path; returns that.
fn load_learned(session: &mut Session, path: &Path) -> Result<String> {
    load_learned_with(session, path, &ReadOptions::default())
}

/// As [`load_learned`], with what the file itself may not say.
fn load_learned_with(session: &mut Session, path: &Path, options: &ReadOptions) -> Result<String> {
    Ok(learned::load(session, path, options)?.name)
}
