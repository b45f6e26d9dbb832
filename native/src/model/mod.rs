//! Where a model's weights come from, and the device they go to.

mod files;
pub mod repository;

pub use files::MappedModel;

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::cuda::{gemm_reduced_precision_f32, set_gemm_reduced_precision_f32};
use candle_core::{DType, Device};
use clipwright_shared::Session;
use clipwright_shared::clip::{Clip, Weights};

use indicatif::ProgressBar;

use crate::args::{ModelArgs, Precision};
use crate::hub;
use crate::problem::problem;
use crate::progress::bytes_bar;

/// The embedded model (`static/model/README.md`).
const TINY: &[u8] = include_bytes!("../../../static/model/tiny.safetensors");

/// The name of the embedded model.
const TINY_NAME: &str = "tiny";

/// Weights smaller than this open at once and need no progress.
const LARGE: u64 = 64 << 20;

/// Opens the model that the arguments name.
pub fn open(args: &ModelArgs) -> Result<Session> {
    open_by_name(&args.model, &args.device, args.precision)
}

/// Opens the model `name` on the device of that name.
///
/// # Errors
/// If there is none of either name, or the model cannot be read.
pub fn open_by_name(name: &str, device: &str, precision: Precision) -> Result<Session> {
    let device = self::device(device)?;
    let refused = match precision {
        Precision::Bf16 => Some("bf16"),
        Precision::Tf32 => Some("tf32"),
        Precision::F32 | Precision::F16 => None,
    };
    if let Some(name) = refused.filter(|_| device.is_cpu()) {
        return Err(problem(
            format!("--precision {name} on the CPU, which does not multiply in it"),
            "use --device cuda, or f32 or f16",
        ));
    }
    set_gemm_reduced_precision_f32(precision == Precision::Tf32);
    let open = || -> Result<Session> {
        let weights = weights(name, &device)?;
        Ok(Session::in_precision(weights, &device, precision.dtype())?)
    };
    open().with_context(|| format!("cannot open the model {name}"))
}

/// What a session computes in, in a word.
pub fn precision(session: &Session) -> String {
    match session.precision() {
        DType::F32 if session.device.is_cuda() && gemm_reduced_precision_f32() => "TF32".into(),
        dtype => format!("{dtype:?}"),
    }
}

/// The model `name` on the CPU, and its fingerprint; its vocabulary may be of any size.
pub fn clip(name: &str) -> Result<(Clip, String)> {
    let open = || -> Result<(Clip, String)> {
        let weights = weights(name, &Device::Cpu)?;
        let fingerprint = weights.fingerprint()?;
        Ok((Clip::load(weights)?, fingerprint))
    };
    open().with_context(|| format!("cannot open the model {name}"))
}

fn weights(name: &str, device: &Device) -> Result<Weights> {
    let files = find(name)?;
    let model = files.read()?;
    let bar = match files.bytes() >= LARGE {
        true => bytes_bar(files.bytes(), &format!("loading {name}")),
        false => ProgressBar::hidden(),
    };
    let mut released = 0;
    let weights = model.weights(device, &mut |done, _| {
        bar.set_position(done);
        if done - released >= LARGE {
            files.release();
            released = done;
        }
    });
    bar.finish_and_clear();
    Ok(weights?)
}

/// The files of the model `name`: a file, a folder, or a model in the Hub's cache.
///
/// # Errors
/// If there is none of this name, or its files cannot be read.
pub fn find(name: &str) -> Result<MappedModel> {
    if name == TINY_NAME {
        return Ok(MappedModel::embedded(name, TINY));
    }
    let path = Path::new(name);
    if path.exists() {
        return MappedModel::open(path);
    }
    if let Some(folder) = hub::locate(name, None)? {
        return MappedModel::open(&folder);
    }
    Err(problem(
        format!("there is no model {name}"),
        format!(
            "use `{TINY_NAME}` (the embedded model), a file of weights, a folder with one, or a \
             model of the Hub: `clipwright models` lists some, `clipwright pull NAME` fetches one"
        ),
    ))
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
    #[cfg(feature = "cuda")]
    let opened = clipwright_shared::ops::cuda::device::open(ordinal);
    #[cfg(not(feature = "cuda"))]
    let opened = Device::new_cuda(ordinal);
    opened.map_err(|error| {
        problem(
            format!("the device {name} cannot be opened: {error}"),
            "is a CUDA driver installed, and is there a GPU of this number? --device cpu works too",
        )
    })
}
