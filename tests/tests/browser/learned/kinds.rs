//! Learned files of every kind, made with the binary.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Result, anyhow};
use clipwright_tests::succeeds;

use super::super::fixture;

/// A learned file as a person brings it.
pub struct Kind {
    pub title: &'static str,
    /// Several are one adapter.
    pub files: Vec<PathBuf>,
    /// What the binary is given.
    pub given: PathBuf,
    pub method: &'static str,
    /// It knows only the classes it was learned on.
    pub is_bound: bool,
}

/// One of each, made once.
pub fn kinds() -> Result<&'static Vec<Kind>> {
    static KINDS: OnceLock<Result<Vec<Kind>, String>> = OnceLock::new();
    let made = KINDS.get_or_init(|| make_kinds().map_err(|error| format!("{error:#}")));
    made.as_ref().map_err(|error| anyhow!("{error}"))
}

fn make_kinds() -> Result<Vec<Kind>> {
    let fixture = fixture()?;
    let here = fixture.folder.join("kinds");
    fs::create_dir_all(&here)?;
    let learn = |what: &str, name: &str| -> Result<PathBuf> {
        let line =
            format!("train {what} --model tiny --data ../data --shots 4 --seed 1 --out {name}");
        succeeds(&here, &line)?;
        let file = here.join(format!("{name}.safetensors"));
        fs::copy(here.join(name).join("learned.safetensors"), &file)?;
        Ok(file)
    };
    let single = |title, file: PathBuf, method, is_bound| Kind {
        title,
        files: vec![file.clone()],
        given: file,
        method,
        is_bound,
    };
    let shared = here.join("shared.safetensors");
    fs::copy(&fixture.learned, &shared)?;
    let own = learn("coop --csc true --n-ctx 2 --epochs 6", "own")?;
    let moving = learn("cocoop --n-ctx 4 --epochs 2", "moving")?;
    let adapter = learn("lora --rank 2 --epochs 3", "adapter")?;
    let probe = learn("linear-probe", "probe")?;
    succeeds(
        &here,
        "export --learned adapter.safetensors --as peft --out peft --model tiny",
    )?;
    succeeds(
        &here,
        "export --learned shared.safetensors --as coop --out model.pth.tar-10 --model tiny",
    )?;
    let peft = here.join("peft");
    Ok(vec![
        single("CoOp", shared, "coop", false),
        single("CoOp, each class its own", own, "coop", true),
        single("CoCoOp", moving, "cocoop", false),
        single("LoRA", adapter, "lora", false),
        single("linear probe", probe, "linear_probe", true),
        Kind {
            title: "PEFT",
            files: ["adapter_config.json", "adapter_model.safetensors"]
                .map(|name| peft.join(name))
                .to_vec(),
            given: peft,
            method: "lora",
            is_bound: false,
        },
        single(
            "CoOp's checkpoint",
            here.join("model.pth.tar-10"),
            "coop",
            false,
        ),
    ])
}
