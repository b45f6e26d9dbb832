use std::fs;
use std::path::Path;

use super::*;
use crate::problem;

/// A repository in the cache as `huggingface_hub` leaves it behind: with a branch,
/// a commit and the files in it.
fn put(cache: &Path, repository: &str, revision: &str, commit: &str, files: &[&str]) -> PathBuf {
    let folder = cache.join(format!("models--{}", repository.replace('/', "--")));
    let reference = folder.join("refs").join(revision);
    fs::create_dir_all(reference.parent().unwrap()).unwrap();
    fs::write(reference, commit).unwrap();
    let snapshot = folder.join("snapshots").join(commit);
    fs::create_dir_all(&snapshot).unwrap();
    for file in files {
        fs::write(snapshot.join(file), "{}").unwrap();
    }
    snapshot
}

#[test]
fn locates_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let cache = Cache::new(here.into());
    let [first, second, third] = ["1", "2", "3"].map(|digit| digit.repeat(40));
    let weights = ["config.json", "model.safetensors"];
    let short = put(
        here,
        "timm/resnet50_clip.openai",
        "main",
        &first,
        &["open_clip_model.safetensors"],
    );
    let tiny = put(here, "owner/tiny", "main", &first, &weights);
    let request = put(here, "owner/tiny", "refs/pr/3", &second, &weights);
    let alone = put(here, "gpt2", "main", &third, &weights);
    put(here, "owner/part", "main", &first, &["config.json"]);
    put(
        here,
        "owner/shards",
        "main",
        &first,
        &["model.safetensors.index.json"],
    );
    put(here, "owner/odd", "main", "../../../elsewhere", &[]);
    for (name, revision, expected) in [
        ("openai/RN50", None, &short),
        ("RN50", None, &short),
        ("timm/resnet50_clip.openai", Some("main"), &short),
        ("owner/tiny", None, &tiny),
        ("owner/tiny", Some("refs/pr/3"), &request),
        ("owner/tiny", Some(&second), &request),
        ("gpt2", None, &alone),
    ] {
        let found = locate_in(&cache, name, revision).unwrap();
        assert_eq!(found.as_ref(), Some(expected), "{name} {revision:?}");
    }
    for (name, revision, hint) in [
        ("openai/RN101", None, "clipwright pull openai/RN101"),
        ("ViT-B/16", None, "clipwright pull ViT-B/16"),
        ("owner/absent", None, "clipwright pull owner/absent"),
        ("owner/part", None, "clipwright pull owner/part"),
        ("owner/shards", None, "clipwright pull owner/shards"),
        ("owner/odd", None, "clipwright pull owner/odd"),
        (
            "owner/tiny",
            Some("v2"),
            "clipwright pull owner/tiny --revision v2",
        ),
    ] {
        let error = locate_in(&cache, name, revision).unwrap_err();
        assert_eq!(problem::hint(&error).as_deref(), Some(hint), "{error:#}");
    }
    // A word that is nowhere, and what is plainly a path.
    assert_eq!(locate_in(&cache, "absent", None).unwrap(), None);
    for path in [
        "./x",
        "/x/y",
        "../x",
        "a/b/c",
        "runs/model.safetensors",
        "x.pt",
        "",
    ] {
        assert!(!looks_like_a_model(path), "{path}");
    }
}

#[test]
fn finds_the_clips_among_other_repositories() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let [first, second] = ["1", "2"].map(|digit| digit.repeat(40));
    let weights = ["config.json", "model.safetensors"];
    let clip = put(here, "owner/clip", "main", &first, &weights);
    fs::write(clip.join("config.json"), r#"{"model_type": "clip"}"#).unwrap();
    put(here, "owner/clip", "v1", &first, &weights[1..]);
    let bert = put(here, "owner/bert", "main", &second, &weights);
    fs::write(bert.join("config.json"), r#"{"model_type": "bert"}"#).unwrap();
    put(here, "owner/wanted", "main", &second, &weights);
    put(here, "owner/part", "main", &second, &["config.json"]);
    fs::create_dir_all(here.join("datasets--owner--clip/snapshots")).unwrap();
    fs::create_dir_all(here.join("models--..--..--x/snapshots/y")).unwrap();
    fs::write(here.join("version.txt"), "1").unwrap();
    let found = clip_snapshots(&Cache::new(here.into()), &["owner/wanted", "owner/part"]);
    let names: Vec<&str> = found
        .iter()
        .map(|found| found.repository.as_str())
        .collect();
    assert_eq!(names, ["owner/clip", "owner/wanted"]);
    assert_eq!(found[0].revisions, ["main", "v1"]);
    assert_eq!(found[0].commit, first);
    assert_eq!(found[0].path, clip);
    assert_eq!(found[0].bytes, 22 + 2);
    assert_eq!(clip_snapshots(&Cache::new(here.join("absent")), &[]), []);
}
