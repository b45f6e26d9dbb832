//! The same numbers as the reference implementations.
//!
//! A golden folder holds cases: a JSON file each, with the tensors beside it.
//! Nothing here touches the file system, so that the same checks run natively
//! and in a browser; a case that no reader knows is a failure, never a skip.

mod augmix;
mod case;
mod clip;
mod cocoop;
mod coop;
#[cfg(not(target_arch = "wasm32"))]
mod fewshot;
mod files;
mod interop;
mod linear_probe;
mod lora;
mod metrics;
mod mix;
mod preprocess;
mod report;
mod schedules;
mod tokenizer;
mod tpt;

pub use files::Files;
pub use report::report;

use anyhow::{Context, Result, bail};

use case::Case;

/// The golden folder: that of this repository, or the one that
/// `CLIPWRIGHT_GOLDEN` names.
#[cfg(not(target_arch = "wasm32"))]
pub fn root() -> std::path::PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    std::env::var_os("CLIPWRIGHT_GOLDEN").map_or_else(|| own.into(), Into::into)
}

/// Checks the case of the JSON file `path` of `files`: with the shortcuts of the encoders,
/// and without.
pub fn check(files: &Files, path: &str) -> Result<()> {
    check_once(&Case::read(files, path, false)?)?;
    check_once(&Case::read(files, path, true)?).context("without shortcuts")
}

fn check_once(case: &Case<'_>) -> Result<()> {
    match (case.room(), case.stem()) {
        ("augmix", _) => augmix::check(case),
        ("clip" | "open_clip", _) => clip::check(case),
        ("hf", _) => clip::check_hugging_face(case),
        ("interop", "expected") if case.folder() == "jit" => {
            interop::check_torch_script(case)?;
            clip::check_torch_script(case)
        }
        ("interop", "expected") if case.folder() == "coop_ckpt" => interop::check_checkpoints(case),
        ("hf_peft", "adapter_config") => lora::check_peft(case),
        ("clip_lora", "disef_loss") => lora::check_disef(case),
        ("clip_lora", stem) if stem.starts_with("traj_") => lora::check_trajectory(case),
        ("clip_lora", _) => lora::check_forward(case),
        ("cocoop", stem) if stem.starts_with("traj_") => cocoop::check_trajectory(case),
        ("cocoop", _) => cocoop::check_forward(case),
        ("coop", "lr_schedules") => schedules::check(case),
        ("coop", stem) if stem.starts_with("traj_") => coop::check_trajectory(case),
        ("coop", _) => coop::check_forward(case),
        #[cfg(not(target_arch = "wasm32"))]
        ("fewshot", "cpython_random") => fewshot::check_random(case),
        #[cfg(not(target_arch = "wasm32"))]
        ("fewshot", "fewshot") => fewshot::check_draws(case),
        ("pillow" | "preprocess", _) => preprocess::check(case),
        ("tpt", _) => tpt::check(case),
        ("tokenizer", _) => tokenizer::check(case),
        ("linear_probe", stem) if stem.starts_with("search_") => linear_probe::check_search(case),
        ("linear_probe", _) => linear_probe::check_fit(case),
        ("mix", _) => mix::check(case),
        ("metrics", _) => metrics::check(case),
        _ => bail!("no reader for {}", case.path()),
    }
}
