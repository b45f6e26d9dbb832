//! `clipwright pull` and `clipwright models`, against a server in the Hub's layout
//! that also breaks connections, sends wrong bytes and refuses.

mod faults;
mod person;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clipwright_tests::{HubServer, repository_root, sha256};
use serde_json::{Value, json};

use person::{Person, REPOSITORY, WEIGHTS, bytes_asked_for, names, one_model, weights};

#[test]
fn pulls_into_the_cache_once() -> Result<()> {
    let (hub, weights) = (HubServer::start()?, weights()?);
    let files: [(&str, &[u8]); 6] = [
        ("README.md", b"# A model"),
        ("config.json", br#"{"model_type": "clip"}"#),
        (WEIGHTS, &weights),
        ("optimizer.bin", b"large and of no use"),
        ("preprocessor_config.json", b"{}"),
        ("pytorch_model.bin", b"the same once more"),
    ];
    let commit = hub.commit(REPOSITORY, "main", &files);
    let person = Person::new(&hub)?;
    let folder = person.pull(&[REPOSITORY])?;

    let repository = person.repository(REPOSITORY);
    assert_eq!(folder, repository.join("snapshots").join(&commit));
    assert_eq!(fs::read_to_string(repository.join("refs/main"))?, commit);
    let wanted = ["config.json", WEIGHTS, "preprocessor_config.json"];
    assert_eq!(names(&folder)?, wanted);
    assert_eq!(names(&repository.join("blobs"))?.len(), wanted.len());
    let link = fs::read_link(folder.join(WEIGHTS))?;
    assert_eq!(link, Path::new("../../blobs").join(sha256(&weights)));
    for (name, bytes) in files {
        if wanted.contains(&name) {
            assert_eq!(fs::read(folder.join(name))?, bytes, "{name}");
        }
    }
    assert_eq!(bytes_asked_for(&hub.requests()), [None]);

    let models = person.models()?;
    let found = json!([{
        "repository": REPOSITORY,
        "commit": commit,
        "revisions": ["main"],
        "bytes": weights.len() + 22 + 2,
        "path": folder,
    }]);
    assert_eq!(models["others"], found);

    assert_eq!(person.pull(&[REPOSITORY])?, folder);
    let asked: Vec<String> = hub
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(asked, [format!("/api/models/{REPOSITORY}/revision/main")]);
    Ok(())
}

#[test]
fn opens_what_was_pulled() -> Result<()> {
    let hub = HubServer::start()?;
    let path = |path: &str| repository_root().join(path);
    let tiny = fs::read(path("static/model/tiny.safetensors"))?;
    for repository in [REPOSITORY, "timm/resnet50_clip.openai"] {
        hub.commit(repository, "main", &[(WEIGHTS, &tiny)]);
    }
    let person = Person::new(&hub)?;
    let picture = path("static/samples/green-checkered-heart.png");
    let picture = picture.display().to_string();
    let classify = |model: &str| {
        let line = ["classify", "--classes", "heart,cross", "--json", &picture];
        person.run(&[&line[..], &["--model", model]].concat())
    };
    let expected = classify("tiny")?.stdout;
    assert!(!expected.is_empty());
    for name in [REPOSITORY, "openai/RN50"] {
        let output = classify(name)?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1), "{name}: {error}");
        let hint = format!("hint: clipwright pull {name}");
        for part in ["not in the cache", &hint] {
            ensure!(error.contains(part), "{name}: no {part:?} in: {error}");
        }
        person.pull(&[name])?;
        hub.requests();
        let output = classify(name)?;
        let error = String::from_utf8_lossy(&output.stderr);
        let json = |bytes: &[u8]| -> Result<Value> { Ok(serde_json::from_slice(bytes)?) };
        ensure!(output.status.success(), "{name}: {error}");
        assert_eq!(json(&output.stdout)?, json(&expected)?, "{name}");
        assert_eq!(hub.requests(), [], "a model is opened without the network");
    }
    Ok(())
}

#[test]
fn knows_short_names() -> Result<()> {
    let (hub, weights) = (HubServer::start()?, weights()?);
    // As timm and open_clip share a repository: `model.safetensors` is a part.
    let files: [(&str, &[u8]); 4] = [
        ("config.json", br#"{"architecture": "resnet50_clip"}"#),
        (WEIGHTS, b"the image encoder alone"),
        ("open_clip_config.json", b"{}"),
        ("open_clip_model.safetensors", &weights),
    ];
    let commit = hub.commit("timm/resnet50_clip.openai", "main", &files);
    let person = Person::new(&hub)?;
    let folder = person.pull(&["openai/RN50"])?;
    assert_eq!(
        folder,
        person
            .repository("timm/resnet50_clip.openai")
            .join("snapshots")
            .join(commit)
    );
    assert_eq!(
        names(&folder)?,
        ["open_clip_config.json", "open_clip_model.safetensors"]
    );
    for other in ["RN50", "timm/resnet50_clip.openai"] {
        assert_eq!(person.pull(&[other])?, folder);
    }

    let models = person.models()?;
    let listed = models["models"].as_array().context("no list of models")?;
    let model = |name: &str| listed.iter().find(|model| model["name"] == name);
    let here = model("openai/RN50").context("openai/RN50 is not listed")?;
    assert_eq!(here["repository"], "timm/resnet50_clip.openai");
    assert_eq!(here["parameters"], 102_007_137);
    assert_eq!(here["download_bytes"], 4 * 102_007_137_u64);
    assert_eq!(here["precision"], "f32");
    assert_eq!(here["cached"][0]["path"], json!(folder));
    let elsewhere = model("openai/ViT-B-16").context("openai/ViT-B-16 is not listed")?;
    assert_eq!(elsewhere["cached"], json!([]));
    assert_eq!(models["others"], json!([]));

    let table = String::from_utf8(person.run(&["models"])?.stdout)?;
    let folder = folder.display().to_string();
    for part in [
        "openai/ViT-L-14-336",
        "427.9 M",
        "1.71 GB",
        "f32",
        "tinyclip/ViT-8M-16",
        &folder,
    ] {
        assert!(table.contains(part), "no {part:?} in\n{table}");
    }
    Ok(())
}

#[test]
fn pulls_a_revision() -> Result<()> {
    let (hub, weights) = (HubServer::start()?, weights()?);
    let old = hub.commit(REPOSITORY, "v1", &[(WEIGHTS, &weights)]);
    let request = hub.commit(
        REPOSITORY,
        "refs/pr/3",
        &[(WEIGHTS, &weights), ("config.json", b"{}")],
    );
    let new = hub.commit(REPOSITORY, "main", &[(WEIGHTS, b"other weights")]);
    let person = Person::new(&hub)?;
    let snapshots = person.repository(REPOSITORY).join("snapshots");
    let refs = person.repository(REPOSITORY).join("refs");

    assert_eq!(
        person.pull(&[REPOSITORY, "--revision", "v1"])?,
        snapshots.join(&old)
    );
    assert_eq!(names(&refs)?, ["v1"]);
    assert_eq!(bytes_asked_for(&hub.requests()).len(), 1);
    // The same weights at another commit are not downloaded again.
    assert_eq!(
        person.pull(&[REPOSITORY, "--revision", "refs/pr/3"])?,
        snapshots.join(&request)
    );
    assert_eq!(fs::read_to_string(refs.join("refs/pr/3"))?, request);
    assert_eq!(bytes_asked_for(&hub.requests()).len(), 0);
    assert_eq!(fs::read(snapshots.join(&request).join(WEIGHTS))?, weights);
    // A commit is no name that could move.
    assert_eq!(
        person.pull(&[REPOSITORY, "--revision", &new])?,
        snapshots.join(&new)
    );
    assert_eq!(names(&refs)?, ["refs", "v1"]);

    let offline = Person {
        home: person.home,
        variables: person.variables,
    }
    .with("HF_HUB_OFFLINE", "1");
    assert_eq!(
        offline.pull(&[REPOSITORY, "--revision", "v1"])?,
        snapshots.join(&old)
    );
    assert_eq!(
        offline.pull(&[REPOSITORY, "--revision", &new])?,
        snapshots.join(&new)
    );
    offline.refused(&[REPOSITORY], &["HF_HUB_OFFLINE", "not in the cache"])
}

#[test]
fn works_offline_with_what_is_there() -> Result<()> {
    let (hub, person, _) = one_model()?;
    let folder = person.pull(&[REPOSITORY])?;
    hub.requests();
    let person = person.with("HF_HUB_OFFLINE", "1");
    assert_eq!(person.pull(&[REPOSITORY])?, folder);
    person.refused(
        &["openai/RN50"],
        &["openai/RN50", "HF_HUB_OFFLINE", "not in the cache"],
    )?;
    // A part of a model is none.
    fs::remove_file(folder.join(WEIGHTS))?;
    person.refused(&[REPOSITORY], &[REPOSITORY, "HF_HUB_OFFLINE"])?;
    assert_eq!(hub.requests(), []);
    Ok(())
}

#[test]
fn uses_the_cache_that_is_named() -> Result<()> {
    let (hub, person, _) = one_model()?;
    let cache = person.home.path().join("elsewhere");
    let person = person.with("HF_HUB_CACHE", &cache.display().to_string());
    let folder = person.pull(&[REPOSITORY])?;
    assert!(folder.starts_with(cache.join("models--owner--tiny-clip/snapshots")));
    assert_eq!(person.models()?["cache"], json!(cache));
    // A link whose blob was deleted is mended.
    hub.requests();
    fs::remove_dir_all(cache.join("models--owner--tiny-clip/blobs"))?;
    assert_eq!(person.pull(&[REPOSITORY])?, folder);
    assert!(folder.join(WEIGHTS).is_file());
    assert_eq!(bytes_asked_for(&hub.requests()), [None]);
    Ok(())
}

#[test]
fn pulls_all_shards() -> Result<()> {
    let (hub, weights) = (HubServer::start()?, weights()?);
    let (first, second) = weights.split_at(weights.len() / 2);
    let index = br#"{"metadata": {}, "weight_map": {"a": "model-2-of-2.safetensors", "b": "model-1-of-2.safetensors", "c": "model-2-of-2.safetensors"}}"#;
    let files: [(&str, &[u8]); 5] = [
        ("config.json", br#"{"model_type": "clip"}"#),
        ("model-1-of-2.safetensors", first),
        ("model-2-of-2.safetensors", second),
        ("model.safetensors.index.json", index),
        ("pytorch_model.bin", b"the same once more"),
    ];
    hub.commit(REPOSITORY, "main", &files);
    let person = Person::new(&hub)?;
    let folder = person.pull(&[REPOSITORY])?;
    for (name, bytes) in &files[..4] {
        assert_eq!(fs::read(folder.join(name))?, *bytes, "{name}");
    }
    assert_eq!(names(&folder)?.len(), 4);
    assert_eq!(person.models()?["others"][0]["repository"], REPOSITORY);
    // Without one of them it is no model.
    fs::remove_file(folder.join("model-1-of-2.safetensors"))?;
    assert_eq!(person.models()?["others"], json!([]));
    Ok(())
}

#[test]
fn two_at_once_download_once() -> Result<()> {
    let (hub, person, weights) = one_model()?;
    let start = || -> Result<_> { Ok(person.command(&["pull", REPOSITORY])?.spawn()?) };
    let both = [start()?, start()?];
    for child in both {
        let output = child.wait_with_output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{error}");
        let folder = String::from_utf8(output.stdout)?;
        assert_eq!(
            fs::read(Path::new(folder.trim_end()).join(WEIGHTS))?,
            weights
        );
    }
    assert_eq!(bytes_asked_for(&hub.requests()), [None]);
    Ok(())
}
