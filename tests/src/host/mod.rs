//! The checkout, the built binary, the built page behind a server of its own, and
//! a real browser. Whatever is missing fails the test that needs it, with a hint;
//! nothing is skipped.

mod accessibility;
mod binary;
mod browser;
mod golden_server;
mod hub_server;
mod page;
mod serve_command;
mod server;
pub mod source;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use accessibility::{accessibility_findings, walk_by_keyboard};
pub use binary::{
    clipwright, clipwright_json, refuses, run_clipwright, shifted_pictures, succeeds,
};
pub use browser::{Browser, only_run};
pub use golden_server::GoldenServer;
pub use hub_server::{Fault, HUB_PATH, HUB_TOKEN, HubServer, Request, sha256};
pub use page::{Card, Page, Results, Row};
pub use serve_command::ServeCommand;
pub use server::{PageServer, page_folder};

/// The folder of the workspace's `Cargo.toml`.
pub fn repository_root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the crate lies in a folder of the repository")
        .to_path_buf()
}

/// Cargo's target folder: that of the running test.
pub fn target_folder() -> Result<PathBuf> {
    let test = std::env::current_exe().context("the test does not know its own path")?;
    // TARGET/PROFILE/deps/TEST
    let target = test.ancestors().nth(3);
    Ok(target
        .with_context(|| format!("{} is not in a target folder", test.display()))?
        .into())
}
