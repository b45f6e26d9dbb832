//! Broken connections, wrong bytes, refusals.

use std::fs;
use std::net::TcpListener;

use anyhow::Result;
use clipwright_tests::{Fault, HUB_TOKEN, HubServer, sha256};
use serde_json::json;

use crate::person::{Person, REPOSITORY, WEIGHTS, bytes_asked_for, names, one_model, weights};

#[test]
fn goes_on_where_a_download_broke_off() -> Result<()> {
    // Within one run.
    let (hub, person, weights) = one_model()?;
    hub.fail(&[
        Fault::Break(1_200_000),
        Fault::Status(503),
        Fault::Break(100),
    ]);
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    let (second, last) = (Some("bytes=1200000-"), Some("bytes=1200100-"));
    assert_eq!(
        bytes_asked_for(&hub.requests()),
        [None, second, second, last]
    );

    // In the next run, after one that gave up; nothing of it has a final name.
    let (hub, person, weights) = one_model()?;
    hub.fail(&[
        Fault::Break(700_000),
        Fault::Break(0),
        Fault::Break(0),
        Fault::Break(0),
        Fault::Break(0),
    ]);
    person.refused(&[REPOSITORY], &[WEIGHTS, "700.00 kB of 1.50 MB", "again"])?;
    assert_eq!(bytes_asked_for(&hub.requests()).len(), 5, "it gives up");
    let blobs = person.repository(REPOSITORY).join("blobs");
    assert_eq!(names(&blobs)?, [format!("{}.incomplete", sha256(&weights))]);
    assert_eq!(names(&person.repository(REPOSITORY).join("refs"))?, [""; 0]);
    assert_eq!(person.models()?["others"], json!([]));
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(bytes_asked_for(&hub.requests()), [Some("bytes=700000-")]);
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    assert_eq!(names(&blobs)?, [sha256(&weights)]);
    Ok(())
}

#[test]
fn copes_with_servers_that_keep_no_promise() -> Result<()> {
    // All bytes again, where only the rest was asked for.
    let (hub, person, weights) = one_model()?;
    hub.fail(&[Fault::Break(900_000), Fault::NoRange]);
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);

    // Another part than that.
    let (hub, person, weights) = one_model()?;
    hub.fail(&[Fault::Break(900_000), Fault::Earlier(1)]);
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    let rest = Some("bytes=900000-");
    assert_eq!(bytes_asked_for(&hub.requests()), [None, rest, rest]);

    // An end that looks like the right one, once and again and again.
    let (hub, person, weights) = one_model()?;
    hub.fail(&[Fault::Unmeasured(1000)]);
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    assert_eq!(
        bytes_asked_for(&hub.requests()),
        [None, Some("bytes=1000-")]
    );
    let (hub, person, _) = one_model()?;
    hub.fail(&[Fault::Unmeasured(0); 9]);
    person.refused(&[REPOSITORY], &[WEIGHTS, "broke off at 0 B", "again"])?;
    assert_eq!(bytes_asked_for(&hub.requests()).len(), 5, "it gives up");

    // Silence.
    let (hub, person, weights) = one_model()?;
    hub.fail(&[Fault::Stall(500_000)]);
    let person = person.with("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    assert_eq!(
        bytes_asked_for(&hub.requests()),
        [None, Some("bytes=500000-")]
    );

    // What lies there from before is longer than the file can be, or the whole of it.
    for left in [vec![7; weights.len() + 1], weights.clone()] {
        let (_hub, person, weights) = one_model()?;
        let blobs = person.repository(REPOSITORY).join("blobs");
        fs::create_dir_all(&blobs)?;
        fs::write(blobs.join(format!("{}.incomplete", sha256(&weights))), left)?;
        let folder = person.pull(&[REPOSITORY])?;
        assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
        assert_eq!(names(&blobs)?, [sha256(&weights)]);
    }

    // What lies there from before is of another file: the hash tells, and only the
    // next run is any better.
    let (_hub, person, weights) = one_model()?;
    let blobs = person.repository(REPOSITORY).join("blobs");
    fs::create_dir_all(&blobs)?;
    let left = blobs.join(format!("{}.incomplete", sha256(&weights)));
    fs::write(left, vec![7; 1000])?;
    person.refused(&[REPOSITORY], &["damaged", "run the command again"])?;
    assert_eq!(names(&blobs)?, [""; 0]);
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    Ok(())
}

#[test]
fn refuses_wrong_bytes() -> Result<()> {
    for (faults, parts) in [
        (&[Fault::Shorter(10)][..], ["wrong size", WEIGHTS]),
        (&[Fault::Longer(10)], ["wrong size", WEIGHTS]),
        (
            &[Fault::Unmeasured(2_000_000)],
            ["wrong size", "sends more"],
        ),
        (
            &[Fault::Break(1000), Fault::Longer(10)],
            ["wrong size", WEIGHTS],
        ),
        (&[Fault::Damage], ["damaged", "SHA-256"]),
        (&[Fault::Break(1000), Fault::Damage], ["damaged", "SHA-256"]),
    ] {
        let (hub, person, weights) = one_model()?;
        hub.fail(faults);
        person.refused(&[REPOSITORY], &parts)?;
        let repository = person.repository(REPOSITORY);
        assert_eq!(names(&repository.join("blobs"))?, [""; 0], "{faults:?}");
        assert_eq!(names(&repository.join("refs"))?, [""; 0], "{faults:?}");
        assert_eq!(person.models()?["others"], json!([]), "{faults:?}");
        // The fault is over, and nothing of it is left.
        let folder = person.pull(&[REPOSITORY])?;
        assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    }
    Ok(())
}

#[test]
fn refuses_what_would_leave_the_cache() -> Result<()> {
    let weights = weights()?;
    for (header, value) in [
        ("X-Linked-Etag", "\"../../../../evil\""),
        ("X-Linked-Etag", "\"/tmp/evil\""),
        ("X-Linked-Etag", "\"\""),
        ("X-Repo-Commit", "../../evil"),
        ("X-Linked-Size", "many"),
        ("X-Linked-Size", "-1"),
    ] {
        let (hub, person, _) = one_model()?;
        hub.lie(header, value);
        person.refused(&[REPOSITORY], &["does not answer as the Hub does"])?;
        assert_eq!(names(&person.home.path().join("hub"))?, [""; 0], "{value}");
    }
    let hub = HubServer::start()?;
    hub.commit_as(REPOSITORY, "main", "../../../evil", &[(WEIGHTS, &weights)]);
    let person = Person::new(&hub)?;
    person.refused(&[REPOSITORY], &["is no commit"])?;
    assert_eq!(names(person.home.path())?, [""; 0]);

    let (hub, person, _) = one_model()?;
    for name in [
        "../x",
        "",
        "/etc/passwd",
        "a/../b",
        "a/b/c",
        ".",
        "owner/",
        "a--b",
        "a b",
        "a/b?c",
    ] {
        person.refused(&[name], &["is no model of the Hub", "clipwright models"])?;
    }
    for revision in ["", "../main", "/main", "a//b", "a b", "a%2fb"] {
        person.refused(
            &[REPOSITORY, "--revision", revision],
            &["is no revision", "main"],
        )?;
    }
    assert_eq!(hub.requests(), []);
    assert_eq!(names(person.home.path())?, [""; 0]);
    Ok(())
}

#[test]
fn asks_with_a_token() -> Result<()> {
    let (hub, person, weights) = one_model()?;
    let files: [(&str, &[u8]); 2] = [("config.json", b"{}"), (WEIGHTS, &weights)];
    hub.commit(REPOSITORY, "main", &files);
    hub.make_private(REPOSITORY);
    person.refused(&[REPOSITORY], &["401", "HF_TOKEN", REPOSITORY])?;
    fs::write(person.home.path().join("token"), "hf_expired\n")?;
    person.refused(&[REPOSITORY], &["401", "HF_TOKEN", "token"])?;
    // The variable is stronger than the file.
    let person = person.with("HF_TOKEN", HUB_TOKEN);
    hub.requests();
    let folder = person.pull(&[REPOSITORY])?;
    assert_eq!(fs::read(folder.join(WEIGHTS))?, weights);
    for request in hub.requests() {
        // The token stays with the Hub; large files lie on another host.
        let expected = (!request.is_for_bytes()).then_some(HUB_TOKEN);
        assert_eq!(request.token.as_deref(), expected, "{request:?}");
    }

    let (hub, person, _) = one_model()?;
    hub.make_private(REPOSITORY);
    fs::write(person.home.path().join("token"), format!("{HUB_TOKEN}\n"))?;
    person.pull(&[REPOSITORY])?;
    let person = person.with("HF_TOKEN", "two words");
    person.refused(&[REPOSITORY], &["HF_TOKEN holds no token"])
}

#[test]
fn says_what_is_not_there() -> Result<()> {
    let (hub, person, weights) = one_model()?;
    hub.commit("owner/empty", "main", &[]);
    hub.commit(
        "owner/words",
        "main",
        &[("README.md", b"#"), ("tokenizer.json", b"{}")],
    );
    hub.commit("owner/two", "main", &[("a.pt", b"1"), ("b.pt", b"2")]);
    hub.commit(
        "owner/gone",
        "main",
        &[(
            "model.safetensors.index.json",
            br#"{"weight_map": {"a": "x.safetensors"}}"#,
        )],
    );
    hub.commit(
        "owner/evil",
        "main",
        &[(
            "model.safetensors.index.json",
            br#"{"weight_map": {"a": "../x.safetensors"}}"#,
        )],
    );
    hub.commit("owner/none", "main", &[(WEIGHTS, &weights)]);
    // To a stranger the Hub does not tell a missing repository from a private one.
    person.refused(
        &["owner/absent"],
        &["401", "owner/absent exists", "HF_TOKEN"],
    )?;
    let person = person.with("HF_TOKEN", HUB_TOKEN);
    for (line, parts) in [
        (
            &["owner/absent"][..],
            &["owner/absent is not on the Hub", "404", "clipwright models"][..],
        ),
        (
            &[REPOSITORY, "--revision", "v2"],
            &["has no revision v2", "tree/main"],
        ),
        (
            &["openai/RN50"],
            &[
                "openai/RN50 (timm/resnet50_clip.openai) is not on the Hub",
                "404",
            ],
        ),
        (&["owner/empty"], &["no weights", "it is empty", WEIGHTS]),
        (
            &["owner/words"],
            &["no weights", "README.md and 1 more", WEIGHTS],
        ),
        (
            &["owner/two"],
            &["several weights", "a.pt, b.pt", "--model"],
        ),
        (
            &["owner/gone"],
            &["names x.safetensors, which is not in the repository"],
        ),
        (&["owner/evil"], &["names the file \"../x.safetensors\""]),
    ] {
        person.refused(line, parts)?;
    }
    for (status, parts) in [(403, ["403", "HF_TOKEN"]), (404, ["404", WEIGHTS])] {
        hub.fail(&[Fault::Status(status)]);
        person.refused(&["owner/none"], &parts)?;
    }
    Ok(())
}

#[test]
fn says_what_is_wrong_with_the_way_there() -> Result<()> {
    let (_hub, person, _) = one_model()?;
    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let nobody = format!("http://127.0.0.1:{port}");
    for (name, value, parts) in [
        (
            "HF_ENDPOINT",
            nobody.as_str(),
            ["cannot reach the Hub", &nobody, "HF_HUB_OFFLINE=1"],
        ),
        (
            "HF_ENDPOINT",
            "huggingface.co",
            ["HF_ENDPOINT", "huggingface.co", "URL"],
        ),
        (
            "HF_HUB_DOWNLOAD_TIMEOUT",
            "soon",
            ["HF_HUB_DOWNLOAD_TIMEOUT", "soon", "seconds"],
        ),
        (
            "HF_HUB_CACHE",
            "/dev/null/cache",
            ["cannot write", "/dev/null/cache", "HF_HOME"],
        ),
    ] {
        let person = Person {
            home: tempfile::tempdir()?,
            variables: person.variables.clone(),
        };
        person.with(name, value).refused(&[REPOSITORY], &parts)?;
    }
    Ok(())
}
