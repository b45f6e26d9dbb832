//! `cargo xtask`: the project's commands. Each sets up what it misses first, and
//! says what and why.

mod browser;
mod demo;
mod fetch;
mod project;
mod served;
mod setup;
mod tally;
mod threads;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::project::Project;

const USAGE: &str = "\
cargo xtask COMMAND

  demo [--once] [--port N] [--threads]
                             learn a prompt, build the page, serve it on this machine;
                             --once checks that it is served and ends
  test [ARGUMENTS]           every test, a real browser included; the arguments go to
                             `cargo test --workspace`, such as: --test browser
  setup                      install what the others need, the browser included
  web [--threads]            build the page; with --threads its worker also for hosts
                             that isolate it, as `clipwright serve` does
  film                       build the page, and draw the README's moving picture of it
  help                       this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("no command\n\n{USAGE}");
    };
    match command.as_str() {
        "demo" => demo::run(Project::find()?, &demo_options(rest)?),
        "test" => test(Project::find()?, rest),
        "setup" => {
            no_more(rest)?;
            let mut project = Project::find()?;
            setup::page_tools(&mut project, true)?;
            browser::find_or_install().map(drop)
        }
        "web" => {
            let threaded = matches!(rest, [only] if only == "--threads");
            if !threaded {
                no_more(rest)?;
            }
            let mut project = Project::find()?;
            setup::page_tools(&mut project, threaded)?;
            let page = project.build_page(threaded)?;
            println!("the page is in {}", page.display());
            Ok(())
        }
        "film" => {
            no_more(rest)?;
            film(Project::find()?)
        }
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("unknown command {other:?}\n\n{USAGE}"),
    }
}

/// Every test. The page is built first: the browser's tests open it.
fn test(mut project: Project, arguments: &[String]) -> Result<()> {
    let mut cargo = with_the_page(&mut project)?;
    let golden_page = project.build_golden_page()?;
    cargo
        .args(["test", "--workspace"])
        .args(arguments)
        .env("CLIPWRIGHT_GOLDEN_PAGE", golden_page);
    tally::run(&mut cargo)
}

/// Draws `docs/page.gif`.
fn film(mut project: Project) -> Result<()> {
    let mut cargo = with_the_page(&mut project)?;
    let picture = project.root.join("docs/page.gif");
    cargo.args(["run", "--bin", "film", "--"]).arg(picture);
    project::succeed(&mut cargo, "filming the page")
}

/// Builds the page; a cargo whose programs find it, and a browser to open it in.
fn with_the_page(project: &mut Project) -> Result<Command> {
    setup::page_tools(project, true)?;
    let browser = browser::find_or_install()?;
    let page = project.build_page(true)?;
    let mut cargo = project.cargo();
    cargo
        .env("CLIPWRIGHT_DIST", page)
        .env("CHROMIUM", browser.chromium)
        .env("CHROMEDRIVER", browser.chromedriver);
    Ok(cargo)
}

fn demo_options(arguments: &[String]) -> Result<demo::Options> {
    let mut options = demo::Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--once" => options.once = true,
            "--threads" => options.threads = true,
            "--port" => {
                let value = rest.next().context("--port needs a number")?;
                let port = value.parse();
                options.port =
                    port.with_context(|| format!("--port {value}: expected 0 to 65535"))?;
            }
            other => bail!("unknown argument {other:?} to demo\n\n{USAGE}"),
        }
    }
    Ok(options)
}

fn no_more(arguments: &[String]) -> Result<()> {
    match arguments.first() {
        Some(argument) => bail!("unexpected argument {argument:?}\n\n{USAGE}"),
        None => Ok(()),
    }
}
