//! Which settings mean something for which method.

use anyhow::Result;

use super::typed::MethodArg::{self, Cocoop, Coop, LinearProbe, Lora};
use crate::problem::problem;

const ALL: &[MethodArg] = &[LinearProbe, Coop, Cocoop, Lora];
const STEPPED: &[MethodArg] = &[Coop, Cocoop, Lora];
const CONTEXT: &[MethodArg] = &[Coop, Cocoop];
const ADAPTER: &[MethodArg] = &[Lora];

/// The methods that a setting is for.
fn methods(setting: &str) -> &'static [MethodArg] {
    match setting {
        "model" | "device" | "precision" | "data" | "dataset" | "shots" | "seed" | "subset" => ALL,
        "n-ctx" | "ctx-init" | "class-token-position" | "cache-views" => CONTEXT,
        "csc" => &[Coop],
        "encoder" | "projections" | "blocks" | "rank" | "alpha" | "text-rank" | "text-alpha"
        | "scaling" | "dropout" | "logit-scale" | "template" | "synthetic" | "lambda" | "mixup"
        | "cutmix" => ADAPTER,
        "c" => &[LinearProbe],
        _ => STEPPED,
    }
}

/// # Errors
/// If one of `settings` means nothing for `method`.
pub(super) fn check<'a>(
    method: MethodArg,
    settings: impl Iterator<Item = &'a String>,
    source: &str,
) -> Result<()> {
    for setting in settings {
        let methods = methods(setting);
        if !methods.contains(&method) {
            let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
            return Err(problem(
                format!("{setting} in {source} means nothing for {}", method.name()),
                format!("it is a setting of {}; leave it out", names.join(" and ")),
            ));
        }
    }
    Ok(())
}
