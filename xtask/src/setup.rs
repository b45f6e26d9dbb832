//! The tools that build the page: found, or installed into the target folder.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::{Project, WASM_TARGET, output, succeed, with_hint};
use crate::threads;

/// The version whose configuration the page is written for.
const TRUNK_VERSION: &str = "0.22.0-beta.1";

/// A program that cargo can install.
struct Tool {
    package: &'static str,
    program: &'static str,
    version: String,
    why: &'static str,
    arguments: &'static [&'static str],
}

/// Makes sure that the wasm target, trunk and wasm-bindgen are there, and what a page needs
/// whose worker is to have threads, if it is.
pub fn page_tools(project: &mut Project, threaded: bool) -> Result<()> {
    wasm_target(project)?;
    if threaded {
        threads::tools(project)?;
    }
    let lockfile = project.root.join("Cargo.lock");
    let locked = fs::read_to_string(&lockfile)
        .with_context(|| format!("cannot read {}", lockfile.display()))?;
    let tools = [
        Tool {
            package: "trunk",
            program: "trunk",
            version: TRUNK_VERSION.into(),
            why: "it builds the page and its worker",
            arguments: &[],
        },
        Tool {
            package: "wasm-bindgen-cli",
            program: "wasm-bindgen",
            version: locked_version(&locked, "wasm-bindgen")
                .context("Cargo.lock names no wasm-bindgen\nhint: is the checkout complete?")?
                .into(),
            why: "it writes the JavaScript around the page's WebAssembly, and must be of the \
                  very version that the page is linked with",
            // Its default features are the TLS of a test runner that is not used.
            arguments: &["--no-default-features", "--bin", "wasm-bindgen"],
        },
    ];
    for tool in &tools {
        find_or_install(project, tool)?;
    }
    Ok(())
}

fn wasm_target(project: &Project) -> Result<()> {
    let library = output(project.program("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        WASM_TARGET,
    ]))?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    eprintln!("setup: adding the Rust target {WASM_TARGET}: the page is compiled for it");
    let mut rustup = project.program("rustup");
    rustup.args(["target", "add", WASM_TARGET]);
    succeed(&mut rustup, "adding the wasm target").map_err(|error| {
        let hint = format!("without rustup, install your distribution's std for {WASM_TARGET}");
        with_hint(error, &hint)
    })
}

/// A matching program on `PATH` is taken as it is; otherwise one of the project's
/// own is used, and installed if it is not there yet.
fn find_or_install(project: &mut Project, tool: &Tool) -> Result<()> {
    let found = version(project.program(tool.program));
    if found.as_ref() == Some(&tool.version) {
        return Ok(());
    }
    let root = project.tools();
    let folder = root.join("bin");
    let own = folder.join(format!("{}{}", tool.program, std::env::consts::EXE_SUFFIX));
    if version(project.program(&own)).as_ref() != Some(&tool.version) {
        let Tool {
            package,
            version,
            why,
            ..
        } = tool;
        let reason = match found {
            Some(found) => format!("{found} is installed, {version} is needed"),
            None => "not found".into(),
        };
        eprintln!(
            "setup: installing {package} {version} into {} ({reason}): {why}. \
             This takes some minutes, once.",
            root.display()
        );
        install(project, tool, &root)?;
        if self::version(project.program(&own)).as_ref() != Some(version) {
            bail!(
                "{} does not say that it is {version} after its installation\nhint: remove {} and \
                 try again",
                own.display(),
                root.display()
            );
        }
    }
    project.add_tool_folder(folder);
    Ok(())
}

/// With the versions that the package was released with, or where the registry
/// does not offer those, with the newest that fit.
fn install(project: &Project, tool: &Tool, root: &Path) -> Result<()> {
    let build = root.join("build");
    let what = format!("installing {}", tool.package);
    let run = |extra: &[&str]| {
        let mut cargo = project.cargo();
        cargo
            .args([
                "install",
                tool.package,
                "--version",
                &tool.version,
                "--force",
            ])
            .args(extra)
            .args(tool.arguments)
            .arg("--root")
            .arg(root)
            .env("CARGO_TARGET_DIR", &build)
            // Optimised for the wait: a program that runs for seconds need not be
            // linked for minutes.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        succeed(&mut cargo, &what)
    };
    if let Err(error) = run(&["--locked"]) {
        eprintln!("setup: {error:#}\nsetup: once more, without its own lock file");
        run(&[]).map_err(|error| {
            let Tool {
                package,
                version,
                program,
                ..
            } = tool;
            let hint =
                format!("any {program} {version} on PATH is used; install {package} by hand");
            with_hint(error, &hint)
        })?;
    }
    // Only the program is wanted; what it was built from is hundreds of megabytes.
    fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
}

/// The second word of `program --version`, or none if it does not run.
fn version(mut program: Command) -> Option<String> {
    let said = output(program.arg("--version").env_remove("NO_COLOR")).ok()?;
    said.split_whitespace().nth(1).map(str::to_string)
}

/// The version of `package` in the text of a `Cargo.lock`.
fn locked_version<'a>(lockfile: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lockfile.lines();
    lines.by_ref().find(|line| *line == name)?;
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn the_locked_version_is_that_of_the_very_package() {
        let lockfile = "[[package]]\nname = \"wasm-bindgen-cli\"\nversion = \"0.1.0\"\n\n\
                        [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lockfile, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lockfile, "wasm"), None);
    }
}
