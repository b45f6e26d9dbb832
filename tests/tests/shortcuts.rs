//! Shortcuts of training: exact ones change nothing, approximations say so.

use std::fs;

use clipwright_tests::{clipwright_json, refuses, shifted_pictures, succeeds};
use serde_json::Value;

#[test]
fn cached_views_are_the_crops_of_the_first_epochs_over_again() {
    let folder = shifted_pictures(2).unwrap();
    let here = folder.path();
    let train = |out: &str, more: &str| {
        let command = format!(
            "train coop --model tiny --data data --shots 2 --seed 1 --n-ctx 2 --out {out} {more}"
        );
        succeeds(here, &command).unwrap();
        fs::read(here.join(out).join("learned.safetensors")).unwrap()
    };
    let plain = train("plain", "--epochs 3");
    assert!(
        train("enough", "--epochs 3 --cache-views 3") == plain,
        "as many views as epochs are no approximation"
    );
    assert!(train("one", "--epochs 3 --cache-views 1") != plain);
    let report = fs::read_to_string(here.join("one/report.html")).unwrap();
    assert!(report.contains("CoOp (1 cached views)"), "{report}");

    let refused = [
        ("coop --cache-views 0", "cache-views"),
        ("coop --cache-views 2 --augment none", "not cropped"),
        ("lora --cache-views 2", "means nothing"),
        ("linear-probe --replay false", "means nothing"),
    ];
    for (what, expected) in refused {
        let command =
            format!("train {what} --model tiny --data data --shots 2 --epochs 1 --out refused");
        refuses(here, &command, &[expected]).unwrap();
        assert!(!here.join("refused").exists(), "{what}");
    }
}

#[test]
fn bench_tells_where_the_time_goes_and_writes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    // What the loader does on threads of its own, and what is done beside it.
    let ahead = ["crop", "decode", "normalise"];
    let parts = ["backward", "image", "optimizer", "text", "wait"];
    for method in ["coop", "lora"] {
        let line = format!(
            "bench {method} --model tiny --classes 3 --images 4 --batch 2 --steps 2 --trace t.json --json"
        );
        let figures = clipwright_json(here, line.split(' ')).unwrap();
        assert_eq!(
            (&figures["steps"], &figures["batch"]),
            (&2.into(), &2.into())
        );
        let seconds = figures["seconds"].as_f64().unwrap();
        assert_eq!(
            part_names(&figures),
            sorted([&ahead[..], &parts[..]].concat()),
            "{method}"
        );
        // What is done on the thread that trains lies one behind another.
        let own = figures["parts"].as_array().unwrap().iter();
        let own = own.filter(|part| !ahead.contains(&part["name"].as_str().unwrap()));
        let sum: f64 = own.map(|part| part["seconds"].as_f64().unwrap()).sum();
        assert!(sum > 0.0 && sum <= seconds, "{sum} s of {seconds} s");
        assert!(figures["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);

        let trace = fs::read(here.join("t.json")).unwrap();
        let trace: Vec<serde_json::Value> = serde_json::from_slice(&trace).unwrap();
        let steps = trace
            .iter()
            .filter(|event| event["name"] == "step" && event["ph"] == "B");
        assert_eq!(steps.count(), 2, "{method}");
    }
    for (what, expected) in [
        ("linear-probe", "does not go in steps"),
        ("coop --images 0", "--images is 0"),
        ("coop --classes 1", "--classes is 1"),
        ("coop --images 3 --batch 4", "do not fill a batch"),
    ] {
        refuses(here, &format!("bench {what} --model tiny"), &[expected]).unwrap();
    }
}

/// The names of the parts, in alphabetical order; each was done.
fn part_names(figures: &Value) -> Vec<String> {
    let parts = figures["parts"].as_array().unwrap().iter();
    sorted(parts.map(|part| {
        assert!(part["times"].as_u64().unwrap() > 0, "{part}");
        part["name"].as_str().unwrap()
    }))
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(String::from).collect();
    names.sort_unstable();
    names
}

#[test]
fn bench_tells_how_fast_images_are_loaded() {
    let folder = shifted_pictures(2).unwrap();
    let here = folder.path();
    for (line, images) in [
        (
            "bench loading --data data --view centre --side 32 --threads 1 --json",
            100,
        ),
        (
            "bench loading --images 5 --batch 2 --side 40 --threads 2 --json",
            5,
        ),
    ] {
        let figures = clipwright_json(here, line.split(' ')).unwrap();
        assert_eq!(figures["images"], images, "{line}");
        assert_eq!(figures["seconds"].as_array().unwrap().len(), 3);
        assert!(figures["images_per_second"].as_f64().unwrap() > 0.0);
        let names = sorted(["crop", "decode", "normalise", "wait"]);
        assert_eq!(part_names(&figures), names);
    }
    for (what, expected) in [
        ("--images 0", "--images is 0"),
        ("--batch 0", "--batch is 0"),
        ("--threads 0", "--threads is 0"),
        ("--data nowhere", "nowhere is not a folder of images"),
    ] {
        refuses(here, &format!("bench loading {what}"), &[expected]).unwrap();
    }
}
