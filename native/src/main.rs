//! The `clipwright` binary: standard output is data, standard error everything
//! else; exit code 0 is success, 1 an error, 2 a wrong command line.

use std::process::ExitCode;

use clap::Parser;
use clipwright::{args::Args, commands, problem, process};

fn main() -> ExitCode {
    process::end_quietly_without_a_reader();
    process::keep_to_one_pool();
    process::keep_memory();
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
