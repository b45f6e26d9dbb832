//! The `clipwright` binary: standard output is data, standard error everything
//! else; exit code 0 is success, 1 an error, 2 a wrong command line.

use std::process::ExitCode;

use clap::Parser;
use clipwright::{args::Args, commands, problem};

fn main() -> ExitCode {
    match commands::run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if let Some(hint) = problem::hint(&error) {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}
