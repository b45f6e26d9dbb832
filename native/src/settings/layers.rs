//! Settings laid over each other: the method's defaults, a preset, a file, the flags.

use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

use super::applies;
use super::presets::{PRESETS, Preset};
use super::typed::{MethodArg, Settings};
use crate::problem::problem;

/// Keys of a file that say what its settings are for.
const FILE_KEYS: [&str; 2] = ["method", "preset"];

/// Settings that say the same thing in other ways: one of them takes the others out of
/// the layers below, and two in one layer contradict each other.
const ALTERNATIVES: [&[&str]; 2] = [
    &["epochs", "steps", "steps-per-shot"],
    &["n-ctx", "ctx-init"],
];

/// The settings of `method`: `flags` over the file at `config` over `preset` (or the
/// preset that the file names) over the method's own preset. Also returns the preset's
/// name.
///
/// # Errors
/// If a preset or a key is not known (with the nearest that is), a file is for another
/// method, or a setting means nothing for this one.
pub fn layered(
    method: MethodArg,
    preset: Option<&str>,
    config: Option<&Path>,
    flags: &Settings,
) -> Result<(Settings, String)> {
    let mut table = preset_table(method, method.name())?;
    let file = config.map(read_config).transpose()?;
    let named = file
        .as_ref()
        .and_then(|(_, table)| table.get("preset")?.as_str().map(String::from));
    let preset = preset.map(String::from).or(named);
    if let Some(name) = &preset {
        lay(&mut table, preset_table(method, name)?);
    }
    let has_synthetic = file
        .as_ref()
        .is_some_and(|(_, table)| table.contains_key("synthetic"));
    if let Some((name, over)) = file {
        check_method(method, &over, &name)?;
        lay(&mut table, for_method(method, over, &name)?);
    }
    let flags = Table::try_from(flags).context("the flags cannot be kept")?;
    if flags.contains_key("lambda") && !flags.contains_key("synthetic") && !has_synthetic {
        return Err(problem(
            "--lambda means nothing without synthetic images",
            "add --synthetic DIR, or leave --lambda out",
        ));
    }
    lay(&mut table, for_method(method, flags, "the command line")?);
    let settings = table.try_into().context("the settings cannot be joined")?;
    Ok((settings, preset.unwrap_or_else(|| method.name().into())))
}

fn lay(table: &mut Table, over: Table) {
    for alternatives in ALTERNATIVES {
        if alternatives.iter().any(|key| over.contains_key(*key)) {
            table.retain(|key, _| !alternatives.contains(&key));
        }
    }
    table.extend(over);
}

fn preset_table(method: MethodArg, name: &str) -> Result<Table> {
    let preset = Preset::find(name).ok_or_else(|| {
        let names = PRESETS.iter().map(|preset| preset.name);
        problem(
            format!("there is no preset {name:?}"),
            format!(
                "{}; `clipwright presets` lists all",
                did_you_mean(name, names)
            ),
        )
    })?;
    let source = format!("the preset {name}");
    let table = parse(preset.toml, &source)?;
    check_method(method, &table, &source)?;
    for_method(method, table, &source)
}

/// The settings alone, once they are certain to mean something for `method`.
fn for_method(method: MethodArg, mut table: Table, source: &str) -> Result<Table> {
    table.retain(|key, _| !FILE_KEYS.contains(&key));
    applies::check(method, table.keys(), source)?;
    // `ctx-init = ""` stands for noise, of which there may be any number of vectors.
    let says = |key: &&&str| {
        table
            .get(**key)
            .is_some_and(|value| value.as_str() != Some(""))
    };
    for alternatives in ALTERNATIVES {
        let said: Vec<&&str> = alternatives.iter().filter(says).collect();
        if let [first, second, ..] = said[..] {
            return Err(problem(
                format!("{first} and {second} in {source} contradict each other"),
                "give one of them",
            ));
        }
    }
    Ok(table)
}

fn check_method(method: MethodArg, table: &Table, source: &str) -> Result<()> {
    match table.get("method").and_then(|found| found.as_str()) {
        Some(other) if other != method.name() => Err(problem(
            format!("{source} is for {other}, not for {}", method.name()),
            format!("run {other}, or choose a preset of {}", method.name()),
        )),
        _ => Ok(()),
    }
}

fn read_config(path: &Path) -> Result<(String, Table)> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings in {name}"))?;
    let table = parse(&text, &name)?;
    Ok((name, table))
}

/// Reads a file of settings, and checks every key and value of it.
fn parse(text: &str, source: &str) -> Result<Table> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        problem(
            format!("{source} is not valid TOML: {}", error.to_string().trim()),
            "expected lines such as `lr = 2e-3` or `ctx-init = \"a photo of a\"`",
        )
    })?;
    let known = known_keys();
    let names: Vec<&str> = known.iter().map(String::as_str).chain(FILE_KEYS).collect();
    for key in table.keys() {
        if !names.contains(&key.as_str()) {
            let hint = did_you_mean(key, names.into_iter());
            return Err(problem(
                format!("{source}: there is no setting {key}"),
                hint,
            ));
        }
    }
    // Read from the text once more, for errors that name the line.
    match toml::from_str::<Settings>(text) {
        Ok(_) => Ok(table),
        Err(error) => Err(problem(
            format!("{source}: {}", error.to_string().trim()),
            "the flag of the same name says in `clipwright train METHOD --help` what is expected",
        )),
    }
}

/// The names of all settings: the flags of the command line.
fn known_keys() -> Vec<String> {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("settings"));
    let flags = command.get_arguments().filter_map(|flag| flag.get_long());
    flags.map(String::from).collect()
}

/// A hint with the nearest of `names`.
pub fn did_you_mean<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    let nearest = names
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, name)) if likeness > 0.7 => format!("did you mean {name}?"),
        Some((_, name)) => format!("one of those known is {name}"),
        None => "there are none".into(),
    }
}
