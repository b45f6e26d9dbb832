//! Where the checkout and its artefacts are, and how its programs are run.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Error, Result, anyhow, bail};
use serde_json::Value;

use crate::threads;

/// The target that the page is compiled for.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The checkout, its target folder, and the tools found so far.
pub struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the environment or a configuration put it.
    pub target: PathBuf,
    cargo: OsString,
    /// Folders that come before `PATH` for every program started from here.
    tool_folders: Vec<PathBuf>,
}

impl Project {
    /// # Errors
    /// If this was not started by cargo, or cargo cannot read the workspace.
    pub fn find() -> Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .context("CARGO_MANIFEST_DIR is not set\nhint: start this as `cargo xtask`")?;
        let root = Path::new(&manifest)
            .parent()
            .context("the xtask folder has no parent")?
            .to_path_buf();
        let mut metadata = Command::new(&cargo);
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata = output(metadata.current_dir(&root))?;
        let metadata: Value =
            serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target_directory")?;
        Ok(Self {
            root,
            target: target.into(),
            cargo,
            tool_folders: Vec::new(),
        })
    }

    /// The project's own tools, out of the way of the user's.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// From now on programs look into `folder` first.
    pub fn add_tool_folder(&mut self, folder: PathBuf) {
        if !self.tool_folders.contains(&folder) {
            self.tool_folders.push(folder);
        }
    }

    /// Cargo, in the checkout.
    pub fn cargo(&self) -> Command {
        self.program(&self.cargo)
    }

    /// `name` in the checkout, with the project's tools before `PATH`. The target
    /// folder is absolute, because the caller may stand elsewhere.
    pub fn program(&self, name: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(name);
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("PATH", self.search_path());
        command
    }

    fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = self
            .tool_folders
            .iter()
            .cloned()
            .chain(env::split_paths(&path));
        // A folder with a colon in its name cannot be on the path; the rest can.
        env::join_paths(folders).unwrap_or(path)
    }

    /// Builds the binary `clipwright` and says where it is. All members are
    /// selected, as the tests do, so that both share their artefacts.
    pub fn build_binary(&self) -> Result<PathBuf> {
        let mut build = self.cargo();
        build.args(["build", "--workspace", "--bin", "clipwright"]);
        succeed(&mut build, "building clipwright")?;
        let binary = format!("clipwright{}", env::consts::EXE_SUFFIX);
        Ok(self.target.join("debug").join(binary))
    }

    /// Builds the golden cases for the browser, with the page's own profile, and
    /// says in which folder they are.
    pub fn build_golden_page(&self) -> Result<PathBuf> {
        const NAME: &str = "golden-page";
        let mut build = self.cargo();
        build.args(["build", "--locked", "--package", "clipwright-tests"]);
        build.args(["--bin", NAME, "--profile", "web", "--target", WASM_TARGET]);
        succeed(&mut build, "building the golden cases for the browser")?;
        let folder = self.target.join(NAME);
        self.bindgen(&self.target, NAME, &folder)?;
        Ok(folder)
    }

    /// Writes a program of the page's profile and its JavaScript into `folder`.
    pub fn bindgen(&self, target: &Path, name: &str, folder: &Path) -> Result<()> {
        let wasm = target.join(WASM_TARGET).join("web").join(name);
        let mut bindgen = self.program("wasm-bindgen");
        bindgen
            .args(["--target", "web", "--no-typescript", "--out-dir"])
            .arg(folder)
            .arg(wasm.with_extension("wasm"));
        succeed(&mut bindgen, &format!("writing the JavaScript of {name}"))
    }

    /// Builds the page, with the build of its worker that has threads if that is `threaded`,
    /// and says in which folder it is.
    pub fn build_page(&self, threaded: bool) -> Result<PathBuf> {
        // trunk is told to stay offline, so that it never fetches a tool that this
        // did not announce; what cargo needs is therefore fetched before.
        let mut fetch = self.cargo();
        fetch.args(["fetch", "--locked", "--target", WASM_TARGET]);
        succeed(&mut fetch, "fetching the page's dependencies")?;
        let web = self.root.join("web");
        let mut trunk = self.program("trunk");
        trunk
            .args([
                "build",
                "--release",
                "--locked",
                "true",
                "--offline",
                "true",
            ])
            .arg("--skip-version-check")
            .current_dir(&web)
            // Its folder is the one that the tests and `clipwright serve` are given.
            .args(["--dist", "dist"])
            // trunk takes no other value of it than true and false.
            .env_remove("NO_COLOR");
        if threaded {
            trunk.env("CLIPWRIGHT_THREADS", "1");
        }
        succeed(&mut trunk, "building the page")?;
        let page = web.join("dist");
        if threaded {
            threads::add_to(self, &page)?;
        }
        Ok(page)
    }
}

/// Runs `command` with this process's output, after saying which it is.
///
/// # Errors
/// If it cannot be started or fails; `what` names it.
pub fn succeed(command: &mut Command, what: &str) -> Result<()> {
    eprintln!("$ {}", shown(command));
    // Nothing here may wait for an answer that nobody is there to give.
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("{what}: cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{what} failed ({status}): {}", shown(command));
    }
    Ok(())
}

/// What `command` prints to its standard output.
///
/// # Errors
/// If it cannot be started, fails, or prints something that is no UTF-8.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} failed ({}): {}",
            shown(command),
            output.status,
            said.trim()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{}: no UTF-8", shown(command)))
}

/// `error` with all its causes, and what to do about it on a line of its own.
pub fn with_hint(error: Error, hint: &str) -> Error {
    anyhow!("{error:#}\nhint: {hint}")
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
