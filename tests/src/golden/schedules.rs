//! Dassl's learning rates per epoch.

use anyhow::{Context, Result, bail, ensure};
use clipwright_shared::train::{Decay, Schedule, Warmup, WarmupKind};
use serde_json::Value;

use super::case::Case;

pub fn check(case: &Case) -> Result<()> {
    let schedules = case.json.as_object().context("no schedules")?;
    ensure!(!schedules.is_empty(), "no schedules");
    for (name, golden) in schedules {
        let schedule = schedule(&golden["OPTIM"]).with_context(|| name.clone())?;
        let expected = golden["lr_per_epoch"]
            .as_array()
            .context("no lr_per_epoch")?;
        for (epoch, expected) in expected.iter().enumerate() {
            let expected = expected.as_f64().context("no number")?;
            let got = schedule.lr(epoch);
            let off = (got - expected).abs();
            // PyTorch reaches a cosine by repeated products, in f64.
            ensure!(
                off <= 1e-12,
                "{name}, epoch {epoch}: lr {got:e}; expected {expected:e}"
            );
        }
    }
    Ok(())
}

/// The schedule that Dassl's options describe.
pub fn schedule(options: &Value) -> Result<Schedule> {
    let number = |key: &str| options[key].as_f64().with_context(|| format!("no {key}"));
    let lr = number("LR")?;
    let epochs = number("MAX_EPOCH")? as usize;
    let steps: Vec<i64> = options["STEPSIZE"]
        .as_array()
        .context("no STEPSIZE")?
        .iter()
        .filter_map(Value::as_i64)
        .collect();
    let factor = number("GAMMA")?;
    let decay = match options["LR_SCHEDULER"].as_str() {
        Some("cosine") => Decay::Cosine,
        Some("single_step") => {
            let every = *steps.last().context("no step size")?;
            let every = if every <= 0 { epochs } else { every as usize };
            Decay::Every { every, factor }
        }
        Some("multi_step") => Decay::Steps {
            at: steps.iter().map(|&step| step as usize).collect(),
            factor,
        },
        other => bail!("schedule {other:?}"),
    };
    let warmup_epochs = number("WARMUP_EPOCH")? as usize;
    let kind = match options["WARMUP_TYPE"].as_str() {
        Some("constant") => WarmupKind::Constant(number("WARMUP_CONS_LR")?),
        Some("linear") => WarmupKind::Linear(number("WARMUP_MIN_LR")?),
        other => bail!("warm-up {other:?}"),
    };
    let recount = options["WARMUP_RECOUNT"]
        .as_bool()
        .context("no WARMUP_RECOUNT")?;
    Ok(Schedule {
        lr,
        epochs,
        decay,
        warmup: (warmup_epochs > 0).then_some(Warmup {
            epochs: warmup_epochs,
            kind,
            recount,
        }),
    })
}
