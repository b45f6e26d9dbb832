//! One file for each command: from arguments to a plan, and the plan carried out.

mod classify;
mod convert;
mod data;
mod eval;
mod features;
mod inspect;
mod models;
mod pretrain;
mod pull;
mod serve;
mod train_coop;

use std::path::Path;

use anyhow::{Context, Result};
use clipwright_shared::Session;

use crate::args::{Command, Data, Train};

/// Carries out a command.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(Train::Coop(args)) => train_coop::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Data(Data::Generate(args)) => data::generate(&args),
        Command::Data(Data::Samples(args)) => data::samples(&args),
        Command::Pretrain(args) => pretrain::run(&args),
        Command::Serve(args) => serve::run(&args),
    }
}

/// Reads a learned file into the session, under its file name; returns that.
fn load_learned(session: &mut Session, path: &Path) -> Result<String> {
    let context = || format!("cannot load the learned file {}", path.display());
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(context)?;
    session.add_learned(&name, &bytes).with_context(context)?;
    Ok(name)
}
