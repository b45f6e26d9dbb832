//! The build of the page's worker that has threads.
//!
//! The standard library that rustup brings for WebAssembly knows no threads, so it is built
//! along, from its own source. The compiler calls that unstable, and does it on the stable
//! channel if `RUSTC_BOOTSTRAP` is set: for this one program, in a target folder of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project::{Project, WASM_TARGET, output, succeed, with_hint};

const NAME: &str = "worker_threads";

/// What the compiler is told beside what `.cargo/config.toml` says: memory that is shared, at
/// most so many bytes of it, and where each thread's own begins.
const FLAGS: [&str; 8] = [
    "target-feature=+atomics,+bulk-memory",
    "link-arg=--shared-memory",
    "link-arg=--import-memory",
    "link-arg=--max-memory=4294967296",
    "link-arg=--export=__wasm_init_tls",
    "link-arg=--export=__tls_size",
    "link-arg=--export=__tls_align",
    "link-arg=--export=__tls_base",
];

/// Makes sure that the source of the standard library is there.
pub fn tools(project: &Project) -> Result<()> {
    let sysroot = output(project.program("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    if library.join("Cargo.lock").is_file() {
        return Ok(());
    }
    eprintln!(
        "setup: adding the component rust-src: the build with threads has a standard library of \
         its own"
    );
    let mut rustup = project.program("rustup");
    rustup.args(["component", "add", "rust-src"]);
    succeed(&mut rustup, "adding the source of the standard library").map_err(|error| {
        let hint = format!(
            "without rustup, install your distribution's source of it to {}; or build the page \
             without --threads",
            library.display()
        );
        with_hint(error, &hint)
    })
}

/// Builds it and adds it to `page`, which then tells browsers that it is there.
pub fn add_to(project: &Project, page: &Path) -> Result<()> {
    let target = project.target.join("threads");
    let flags = FLAGS.map(|flag| format!("-C{flag}"));
    let mut build = project.cargo();
    build
        .args([
            "build",
            "--locked",
            "--package",
            "clipwright-web",
            "--bin",
            NAME,
        ])
        .args(["--profile", "web", "--target", WASM_TARGET])
        .arg("-Zbuild-std=std,panic_abort")
        .arg("--config")
        .arg(format!("target.{WASM_TARGET}.rustflags={flags:?}"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target)
        // They would come instead of those of a configuration.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    succeed(&mut build, "building the worker with threads")?;
    project.bindgen(&target, NAME, page)?;
    let builds = page.join("builds.js");
    let files = format!(
        "export const THREADS = [\"{NAME}.js\", \"{NAME}_bg.wasm\", \"worker_thread.js\"];\n"
    );
    fs::write(&builds, files).with_context(|| format!("cannot write {}", builds.display()))
}
