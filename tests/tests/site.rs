//! `clipwright site`: what is in the folder, what its files answer, and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use candle_core::Device;
use clipwright_shared::protocol::{Ranking, SiteInfo};
use clipwright_shared::{Error, Session, views};
use clipwright_tests::{clipwright_json, refuses, run_clipwright, succeeds};
use serde_json::Value;

const CLASSES: [&str; 3] = [
    "azure banded wedge",
    "rosy tiled plus",
    "violet banded hoop",
];
const TEMPLATE: &str = "a photo of a {}.";

/// Files learned on the embedded model, a picture, and a folder that looks like the built
/// page.
fn fixture() -> Result<&'static Path> {
    static FIXTURE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = FIXTURE.get_or_init(|| make_fixture().map_err(|error| format!("{error:#}")));
    match made {
        Ok(folder) => Ok(folder),
        Err(error) => Err(anyhow!("the fixture: {error}")),
    }
}

fn make_fixture() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("site");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    succeeds(&folder, "data generate shifted --out data --per-class 2")?;
    for method in [
        "coop --epochs 2 --n-ctx 2",
        "cocoop --epochs 1 --n-ctx 2",
        "lora --steps 4 --rank 2",
        "linear-probe",
    ] {
        let name = method.split(' ').next().unwrap_or_default();
        succeeds(
            &folder,
            &format!("train {method} --model tiny --data data --shots 1 --out run-{name}"),
        )?;
    }
    for (file, text) in [
        (
            "page/index.html",
            "<head><meta http-equiv=\"Content-Security-Policy\" \
             content=\"connect-src 'self' https://hub.example; img-src 'self'\" />\
             <title>clipwright</title><meta name=\"description\" content=\"a\" />\
             <link rel=\"preload\" href=\"model/tiny.safetensors\" /></head>",
        ),
        ("page/boot.js", "boot"),
        (
            "page/manifest.webmanifest",
            "{\"name\": \"clipwright\", \"start_url\": \"./\"}",
        ),
        ("page/js/clipwright.js", "module"),
        ("page/model/tiny.safetensors", "the embedded model"),
        ("page/samples/samples.json", "{}"),
        ("page/class_names/pets.txt", "a {}."),
        ("page/vocabulary/merges.txt", "a b"),
    ] {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().context("a file in a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(folder)
}

/// Writes a site; its folder and what it says of itself.
fn site(name: &str, arguments: &str) -> Result<(PathBuf, SiteInfo)> {
    let here = fixture()?;
    let out = here.join(name);
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    succeeds(
        here,
        &format!("site --model tiny --page page --out {name} {arguments}"),
    )?;
    let info = serde_json::from_slice(&fs::read(out.join("site.json"))?)?;
    Ok((out, info))
}

/// Every file below `folder` with its size.
fn files(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(&inside)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                    found.insert(name, fs::metadata(&path)?.len());
                }
            }
        }
    }
    Ok(found)
}

/// The site as the page opens it.
fn open(folder: &Path, info: &SiteInfo) -> Result<Session> {
    let model = fs::read(folder.join(&info.model.file))?;
    let mut session = Session::from_bytes(&model, &Device::Cpu)?;
    for learned in &info.learned {
        let bytes = fs::read(folder.join(&learned.file))?;
        let read = session.add_learned(&learned.name, &bytes)?;
        ensure!(read.method == learned.method, "{read:?}");
    }
    Ok(session)
}

fn picture() -> Result<PathBuf> {
    Ok(fixture()?.join("data/test/rosy tiled plus/0000.png"))
}

/// What `clipwright classify` says, ranking by ranking.
fn native(learned: &[&str], classes: &[&str]) -> Result<Vec<Value>> {
    let picture = picture()?;
    let classes = classes.join(",");
    let mut arguments = vec![
        "classify",
        "--json",
        "--model",
        "tiny",
        "--classes",
        &classes,
    ];
    for run in learned {
        arguments.extend(["--learned", run]);
    }
    let picture = picture.to_string_lossy();
    arguments.push(&picture);
    let answers = clipwright_json(fixture()?, arguments)?;
    Ok(answers[0]["rankings"]
        .as_array()
        .context("no rankings")?
        .clone())
}

/// The largest difference of a probability.
fn difference(rankings: &[Ranking], expected: &[Value]) -> Result<f64> {
    ensure!(rankings.len() == expected.len(), "{rankings:?}");
    let mut largest = 0f64;
    for (ranking, expected) in rankings.iter().zip(expected) {
        ensure!(ranking.problem.is_none(), "{ranking:?}");
        let expected = expected["classes"].as_array().context("no classes")?;
        ensure!(ranking.classes.len() == expected.len());
        for class in &ranking.classes {
            let other = expected
                .iter()
                .find(|other| other["class"] == class.class.as_str());
            let other = other.with_context(|| format!("no {}", class.class))?;
            let other = other["probability"].as_f64().context("no probability")?;
            largest = largest.max((f64::from(class.probability) - other).abs());
        }
    }
    Ok(largest)
}

#[test]
fn only_what_the_page_needs_is_in_the_folder() -> Result<()> {
    let (folder, info) = site(
        "s-contents",
        "--learned run-coop --learned run-lora/learned.safetensors",
    )?;
    let found = files(&folder)?;
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    ensure!(
        names
            == [
                "boot.js",
                "index.html",
                "js/clipwright.js",
                "manifest.webmanifest",
                "site.json",
                "site/learned-1.safetensors",
                "site/learned-2.safetensors",
                "site/model.safetensors",
            ],
        "{names:?}"
    );
    ensure!(!info.has_text && info.class_names.len() == 20, "{info:?}");
    ensure!(info.model.bytes == found["site/model.safetensors"]);
    let learned: Vec<&str> = info.learned.iter().map(|one| one.name.as_str()).collect();
    ensure!(learned == ["run-coop", "run-lora"], "{learned:?}");
    let index = fs::read_to_string(folder.join("index.html"))?;
    for part in [
        "<title>azure banded wedge, ",
        "name=\"clipwright-site\" content=\"site.json\"",
        "content=\"Tells azure banded wedge, ",
        "href=\"site/model.safetensors\"",
        "content=\"connect-src 'self'; img-src 'self'\"",
    ] {
        ensure!(index.contains(part), "no {part} in {index}");
    }
    for part in ["tiny.safetensors", "hub.example"] {
        ensure!(!index.contains(part), "{part} in {index}");
    }
    let manifest = fs::read_to_string(folder.join("manifest.webmanifest"))?;
    ensure!(
        manifest.contains("azure") && manifest.contains("start_url"),
        "{manifest}"
    );
    Ok(())
}

#[test]
fn the_text_encoder_goes_along_only_for_cocoop() -> Result<()> {
    let model = |info: &SiteInfo| info.model.bytes as f64;
    let (fixed, alone) = site("s-coop", "--learned run-coop")?;
    let (free, both) = site("s-cocoop", "--learned run-coop --learned run-cocoop")?;
    ensure!(!alone.has_text && both.has_text);
    // What is for other class names is of use only where they can be asked about.
    for file in ["class_names/pets.txt", "vocabulary/merges.txt"] {
        let has = |folder: &Path| folder.join(file).is_file();
        ensure!(!has(&fixed) && has(&free), "{file}");
    }
    ensure!(
        model(&alone) < 0.5 * model(&both),
        "{} {}",
        model(&alone),
        model(&both)
    );
    for (dtype, most) in [("f16", 0.51), ("int8", 0.29)] {
        let (_, small) = site(
            &format!("s-coop-{dtype}"),
            &format!("--learned run-coop --dtype {dtype}"),
        )?;
        let share = model(&small) / model(&alone);
        println!("{dtype}: {share:.3} of f32's size");
        ensure!(share < most, "{dtype}: {share}");
    }
    Ok(())
}

#[test]
fn the_site_answers_as_the_command_line_does() -> Result<()> {
    let picture = views::decode(&fs::read(picture()?)?)?;
    let runs = ["run-coop", "run-lora", "run-linear-probe"];
    for (text, learned) in [
        (false, &runs[..]),
        (true, &["run-coop", "run-lora", "run-cocoop"]),
    ] {
        let flags: String = learned
            .iter()
            .map(|run| format!("--learned {run} "))
            .collect();
        let all = site("s-classes", &flags)?.1.class_names;
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        for (dtype, tolerance) in [("f32", 1e-5), ("f16", 0.01), ("int8", 0.15)] {
            let (folder, info) = site(
                &format!("s-answers-{dtype}"),
                &format!("{flags} --dtype {dtype}"),
            )?;
            ensure!(info.has_text == text);
            let mut session = open(&folder, &info)?;
            // All classes, and some of them in another order.
            for classes in [&all[..], &CLASSES] {
                let names: Vec<String> = classes.iter().map(|name| name.to_string()).collect();
                let answer = session.classify(&picture, &names, &[TEMPLATE.into()])?;
                let off = difference(&answer.rankings, &native(learned, classes)?)?;
                println!(
                    "{dtype}, {} classes, text {text}: {off:.6} off",
                    classes.len()
                );
                ensure!(off <= tolerance, "{dtype}: {off}");
            }
        }
    }
    Ok(())
}

#[test]
fn names_and_prompts_that_are_not_carried_are_refused() -> Result<()> {
    let (folder, info) = site("s-names", "--learned run-coop")?;
    let mut session = open(&folder, &info)?;
    ensure!(!session.has_text());
    let strings = |names: &[&str]| {
        names
            .iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
    };
    let mut ask = |learned: Option<&str>, classes: &[&str], template: &str| {
        let answer = session.classifier(learned, &strings(classes), &strings(&[template]));
        answer.err()
    };
    for (learned, classes, template, part) in [
        (None, ["rosy tiled plus", "a cat"], TEMPLATE, "\"a cat\""),
        (
            Some("run-coop"),
            ["a dog", "rosy tiled plus"],
            TEMPLATE,
            "\"a dog\"",
        ),
        (
            None,
            ["rosy tiled plus", "violet banded hoop"],
            "a drawing of a {}.",
            "a drawing of",
        ),
    ] {
        let error = ask(learned, &classes, template).context("it answered")?;
        ensure!(matches!(error, Error::NoTextEncoder { .. }), "{error:?}");
        ensure!(error.to_string().contains(part), "{error}");
        ensure!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("clipwright site"))
        );
    }
    ensure!(
        session.learner("run-coop").is_err(),
        "only its features are here"
    );
    let tokens = session.tokenizer.row("a cat", 77)?;
    let error = session
        .clip
        .encode_tokens(&[tokens])
        .err()
        .context("it was encoded")?;
    ensure!(matches!(error, Error::NoTextEncoder { .. }), "{error:?}");
    // Features of another model are refused by its fingerprint.
    let mut learned = fs::read(folder.join("site/learned-1.safetensors"))?;
    let fingerprint = session.fingerprint().as_bytes().to_vec();
    let mut windows = learned.windows(fingerprint.len());
    let at = windows.position(|window| window == fingerprint);
    learned[at.context("no fingerprint")?] ^= 1;
    let error = session
        .add_learned("coop", &learned)
        .err()
        .context("it fits")?;
    ensure!(matches!(error, Error::OtherModel { .. }), "{error:?}");
    Ok(())
}

#[test]
fn nothing_is_written_unless_all_of_it_is() -> Result<()> {
    let here = fixture()?;
    let outs = here.join("refusals");
    fs::create_dir_all(outs.join("taken/inside"))?;
    fs::create_dir_all(outs.join("empty"))?;
    fs::create_dir_all(here.join("no-page"))?;
    fs::write(here.join("no-page/index.html"), "<p>another page</p>")?;
    for (arguments, parts) in [
        (
            "--learned run-coop --out refusals/taken",
            &["taken", "not an empty folder"][..],
        ),
        (
            "--learned run-coop --out refusals/new --page nowhere",
            &["no built page is in nowhere"],
        ),
        (
            "--learned run-coop --out refusals/new --page no-page",
            &["expected clipwright's"],
        ),
        ("--out refusals/new", &["which classes", "--classes"]),
        (
            "--out refusals/new --classes one",
            &["class names", "at least two"],
        ),
        (
            "--out refusals/new --classes a,b --template words",
            &["template"],
        ),
        (
            "--learned nothing --out refusals/new",
            &["cannot load the learned file nothing"],
        ),
        (
            "--learned run-linear-probe --out refusals/new --classes cat,dog",
            &["run-linear-probe", "\"cat\""],
        ),
    ] {
        let page = match arguments.contains("--page") {
            true => "",
            false => "--page page",
        };
        refuses(
            here,
            &format!("site --model tiny {page} {arguments}"),
            parts,
        )?;
        ensure!(
            !outs.join("new").exists(),
            "{arguments}: something was written"
        );
        let partial =
            fs::read_dir(&outs)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let partial: Vec<String> = partial.filter(|name| name.ends_with(".partial")).collect();
        ensure!(partial.is_empty(), "{arguments}: {partial:?} was left");
    }
    // Zero-shot alone, into an empty folder, under a title of one's own.
    let line =
        "site --model tiny --page page --classes cat,dog --title Pets<3 --out refusals/empty";
    let output = run_clipwright(here, line.split(' '))?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let index = fs::read_to_string(outs.join("empty/index.html"))?;
    ensure!(index.contains("<title>Pets&lt;3</title>"), "{index}");
    ensure!(index.contains("Tells cat and dog apart"), "{index}");
    Ok(())
}
