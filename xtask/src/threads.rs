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

/// What the compiler is told: memory that is shared, at most so many bytes of it, and where
/// each thread's own begins.
const FLAGS: [&str; 9] = [
    "target-feature=+simd128,+atomics,+bulk-memory",
    "llvm-args=-disable-lsr", // see `.cargo/config.toml`
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
    let mut flags = FLAGS.map(|flag| format!("-C{flag}")).to_vec();
    flags.extend(["--cfg".into(), "getrandom_backend=\"wasm_js\"".into()]);
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
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target)
        // Instead of those in `.cargo/config.toml`.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    succeed(&mut build, "building the worker with threads")?;
    project.bindgen(&target, NAME, page)?;
    let builds = page.join("builds.js");
    let files = format!(
        "export const THREADS = [\"{NAME}.js\", \"{NAME}_bg.wasm\", \"worker_thread.js\"];\n"
    );
    fs::write(&builds, files).with_context(|| format!("cannot write {}", builds.display()))
}
