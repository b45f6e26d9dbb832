//! The `clipwright` binary: standard output is data, standard error everything
//! else; exit code 0 is success, 1 an error, 2 a wrong command line.

use std::process::ExitCode;

use clap::Parser;
use clipwright::{args::Args, commands, problem};

fn main() -> ExitCode {
    end_quietly_without_a_reader();
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

/// A reader that has gone away, such as `head`, is no failure: `println!` panics then.
fn end_quietly_without_a_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.to_string().contains("Broken pipe") {
            std::process::exit(0);
        }
        usual(panic);
    }));
}
