//! Where a model's weights come from, and the device they go to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::Device;
use clipwright_shared::Session;
use clipwright_shared::clip::Weights;

use crate::args::ModelArgs;
use crate::problem::problem;

/// The embedded model (`static/model/README.md`).
const TINY: &[u8] = include_bytes!("../../static/model/tiny.safetensors");

/// The name of the embedded model.
const TINY_NAME: &str = "tiny";

/// File names that a model folder may hold its weights under.
const WEIGHT_FILES: [&str; 2] = ["model.safetensors", "open_clip_model.safetensors"];

/// Opens the model that the arguments name.
pub fn open(args: &ModelArgs) -> Result<Session> {
    let device = device(&args.device)?;
    let weights = if args.model == TINY_NAME {
        Weights::from_safetensors(TINY, &device)
    } else {
        let path = weight_file(Path::new(&args.model))?;
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Weights::from_safetensors(&bytes, &device)
    };
    let open = || Session::new(&weights?, &device);
    open().with_context(|| format!("cannot open the model {}", args.model))
}

/// The device of `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// If the name is none of these, or CUDA is not there.
pub fn device(name: &str) -> Result<Device> {
    let ordinal = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => Some(0),
        Some(("cuda", ordinal)) => ordinal.parse().ok(),
        _ => None,
    };
    let Some(ordinal) = ordinal else {
        return Err(problem(
            format!("there is no device {name:?}"),
            "expected cpu, cuda or cuda:N",
        ));
    };
    if !candle_core::utils::cuda_is_available() {
        return Err(problem(
            format!("the device {name} is not there: this binary was built without CUDA"),
            "build it with `cargo build --release --features cuda`, or use --device cpu",
        ));
    }
    Device::new_cuda(ordinal).map_err(|error| {
        problem(
            format!("the device {name} cannot be opened: {error}"),
            "is a CUDA driver installed, and is there a GPU of this number? --device cpu works too",
        )
    })
}

fn weight_file(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.into());
    }
    if path.is_dir() {
        let found = WEIGHT_FILES
            .iter()
            .map(|name| path.join(name))
            .find(|file| file.is_file());
        return found.ok_or_else(|| {
            problem(
                format!("{} holds no weights", path.display()),
                format!("expected one of {} in it", WEIGHT_FILES.join(", ")),
            )
        });
    }
    Err(problem(
        format!("there is no model {}", path.display()),
        format!("use `{TINY_NAME}` (the embedded model), a safetensors file, or a folder with one"),
    ))
}
