//! The house rules, as tests. Each rule is also shown a breach that it must see.

use std::process::Command;

use clipwright_tests::repository_root;
use clipwright_tests::source::{Source, code_only, paths, sources};
use serde_json::Value;

/// The folders of the workspace's crates.
const CRATES: [&str; 5] = ["native", "web", "shared", "tests", "xtask"];

/// One file, one idea; above this it certainly has two.
const MOST_LINES: usize = 500;

/// The rooms of `shared`, from the ground up: each may import those on the floors
/// below its own.
const FLOORS: [&[&str]; 9] = [
    &["error", "parallel"],
    &["ops", "formats"],
    &["clip"],
    &["views", "learners"],
    &["train", "eval", "checkpoint", "protocol"],
    &["tuning"],
    &["interop"],
    &["explain"],
    &["session"],
];

/// What `protocol` may know of the other rooms: plain types.
const PLAIN_TYPES: [&str; 10] = [
    "crate::explain::Explanation",
    "crate::explain::NearWord",
    "crate::learners::ClassTokenPosition",
    "crate::learners::Method",
    "crate::tuning::Augmenter",
    "crate::tuning::TuningPoint",
    "crate::tuning::TuningSettings",
    "crate::tuning::ViewKind",
    "crate::views::CropBox",
    "crate::views::augmix::AugMixDraw",
];

/// What the outside is reached with. In `shared` bytes, seeds, times and devices
/// come in as arguments, so that it is the same in a browser.
const OUTSIDE: [&str; 6] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::time",
];

const PRINTS: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Fails with every breach of `rule`, each with its file.
fn check(rule: &str, folder: &str, breaches: impl Fn(&Source) -> Vec<String>) {
    let sources = sources(&repository_root().join(folder)).unwrap();
    assert!(!sources.is_empty(), "no Rust files in {folder}");
    let found: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            let breaches = breaches(source);
            breaches
                .into_iter()
                .map(|breach| format!("{folder}/{}: {breach}", source.path))
        })
        .collect();
    assert!(found.is_empty(), "{rule}\n  {}", found.join("\n  "));
}

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.into(),
        text: text.into(),
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Imports of rooms that are not below the file's own.
fn upward_imports(source: &Source) -> Vec<String> {
    let room = source
        .path
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs");
    if room == "lib" {
        return Vec::new();
    }
    let Some(own_floor) = floor(room) else {
        return vec![format!(
            "the room {room} has no floor; give it one in tests/tests/tidy.rs"
        )];
    };
    let mut breaches = Vec::new();
    for path in paths(&code_only(&source.text)) {
        if path.contains("super::super::") {
            breaches.push(format!(
                "{path}: say crate::… instead, which this rule can read"
            ));
        }
        let Some(inside) = path.strip_prefix("crate::") else {
            continue;
        };
        let other = inside.split("::").next().unwrap_or_default();
        if other == room || (room == "protocol" && PLAIN_TYPES.contains(&path.as_str())) {
            continue;
        }
        match floor(other) {
            Some(other_floor) if other_floor < own_floor && room != "protocol" => {}
            // What lib.rs passes on of the ground floor.
            None if ["Error", "Result", "Dims"].contains(&other) => {}
            _ => breaches.push(format!("imports {path}, which does not lie below {room}")),
        }
    }
    breaches
}

#[test]
fn rooms_import_only_rooms_below() {
    check(
        "A room imports only rooms below its own.",
        "shared/src",
        upward_imports,
    );
    for (path, text) in [
        ("ops/exp.rs", "use crate::clip::Clip;"),
        (
            "clip/vit.rs",
            "use crate::{error::Result, session::Session};",
        ),
        ("views/crop.rs", "fn f(l: crate::learners::Coop) {}"),
        ("protocol.rs", "use crate::learners::{Coop, Method};"),
        ("clip/text.rs", "use super::super::train::step;"),
        ("attic.rs", ""),
    ] {
        assert_eq!(
            upward_imports(&source(path, text)).len(),
            1,
            "{path}: {text}"
        );
    }
    let fine = "use crate::{Error, ops::softmax, train};";
    assert!(upward_imports(&source("session.rs", fine)).is_empty());
}

fn reaches_outside(source: &Source) -> Vec<String> {
    let code = code_only(&source.text);
    let paths = paths(&code);
    let begins = |path: &String| {
        OUTSIDE
            .iter()
            .any(|outside| path == outside || path.starts_with(&format!("{outside}::")))
    };
    // A length of time is a plain number; a clock is not.
    let reached = paths
        .into_iter()
        .filter(begins)
        .filter(|path| path != "std::time::Duration");
    reached.chain(macros(&code, &PRINTS)).collect()
}

/// Which of `names` the code calls as macros.
fn macros(code: &str, names: &[&str]) -> Vec<String> {
    let mut called = Vec::new();
    for (at, _) in code.match_indices('!') {
        let before = &code[..at];
        let word = before
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
            .next();
        if let Some(name) = names.iter().find(|&&name| word == Some(name)) {
            called.push(format!("{name}!"));
        }
    }
    called
}

#[test]
fn shared_never_reaches_outside() {
    let rule = "shared has no file system, network, clock, thread, environment or print.";
    check(rule, "shared/src", reaches_outside);
    for text in [
        "use std::fs;",
        "use std::{collections::HashMap, time::Instant};",
        "fn f() { std::thread::spawn(|| {}); }",
        "fn f() { println!(\"\"); }",
    ] {
        assert_eq!(reaches_outside(&source("a.rs", text)).len(), 1, "{text}");
    }
    let fine = "//! println!\nuse std::time::Duration; fn f() { let s = \"std::fs\"; }";
    assert!(reaches_outside(&source("a.rs", fine)).is_empty());
}

fn unfinished(source: &Source) -> Vec<String> {
    macros(&code_only(&source.text), &UNFINISHED)
}

#[test]
fn nothing_is_left_unfinished() {
    for folder in CRATES {
        check("No todo!, unimplemented! or dbg!.", folder, unfinished);
    }
    assert_eq!(unfinished(&source("a.rs", "fn f() { todo!() }")), ["todo!"]);
}

fn too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        vec![format!("{lines} lines")]
    } else {
        Vec::new()
    }
}

#[test]
fn files_can_be_held_in_the_head() {
    for folder in CRATES {
        check(
            &format!("No file has more than {MOST_LINES} lines."),
            folder,
            too_long,
        );
    }
    assert_eq!(
        too_long(&source("a.rs", &"\n".repeat(MOST_LINES + 1))).len(),
        1
    );
}

fn undescribed(source: &Source) -> Vec<String> {
    // A module `tests` is named by what it is, and stands under the module it tests.
    if source.text.starts_with("//! ") || source.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    vec!["no `//!` at its top".into()]
}

#[test]
fn every_file_says_what_it_is() {
    for folder in CRATES {
        check(
            "Every file starts with a line of documentation.",
            folder,
            undescribed,
        );
    }
    assert_eq!(undescribed(&source("a.rs", "use std::fs;")).len(), 1);
}

/// The names of a member's dependencies, as cargo reads them.
fn dependencies(member: &str) -> Vec<String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
    cargo.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--offline",
    ]);
    let output = cargo.current_dir(repository_root()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == member);
    let package = package.unwrap_or_else(|| panic!("no member is named {member}"));
    let dependencies = package["dependencies"].as_array().unwrap();
    dependencies
        .iter()
        .map(|dependency| dependency["name"].as_str().unwrap().into())
        .collect()
}

#[test]
fn the_binary_and_the_page_know_only_shared() {
    let members = [
        "clipwright",
        "clipwright-web",
        "clipwright-shared",
        "clipwright-tests",
        "xtask",
    ];
    for (member, expected) in [
        ("clipwright-shared", &[][..]),
        ("clipwright", &["clipwright-shared"]),
        ("clipwright-web", &["clipwright-shared"]),
        ("xtask", &[]),
    ] {
        let mut ours = dependencies(member);
        ours.retain(|name| members.contains(&name.as_str()));
        ours.dedup();
        assert_eq!(ours, expected, "the members that {member} depends on");
    }
}
