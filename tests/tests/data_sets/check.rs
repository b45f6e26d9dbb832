//! `clipwright data check` and `data list`.

use std::fs;
use std::path::Path;

use clipwright_tests::run_clipwright;
use serde_json::Value;

use super::layouts::LAYOUTS;
use super::{write, write_images};

/// Exit code, standard output and standard error.
fn run(here: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let output = run_clipwright(here, arguments.split(' ')).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The JSON of a check that ends with `code`; an error must name `parts` and hint.
fn check(here: &Path, arguments: &str, code: i32, parts: &[&str]) -> Value {
    let (status, out, error) = run(here, &format!("data check {arguments} --json"));
    assert_eq!(status, Some(code), "{arguments}: {error}");
    assert_eq!(error.contains("hint: "), code != 0, "{arguments}: {error}");
    for part in parts {
        assert!(error.contains(part), "{arguments}: no {part:?} in {error}");
    }
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{arguments}: {out}"))
}

#[test]
fn a_check_says_what_is_there_and_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let here = root.path();
    LAYOUTS.iter().for_each(|layout| layout.write(here));
    for layout in &LAYOUTS {
        let report = check(here, &format!("{} .", layout.name), 0, &[]);
        let images: Vec<u64> = report["splits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|split| split["images"].as_u64().unwrap())
            .collect();
        assert_eq!(images, layout.counts.map(|count| count as u64), "{report}");
        assert_eq!(report["template"], layout.template);
        assert_eq!(
            report["classes"].as_array().unwrap().len(),
            layout.classes.len()
        );
        assert_eq!(report["absent_images"], 0);
        for (part, source) in layout.needed {
            let path = here.join(layout.folder).join(part);
            let aside = here.join("aside");
            fs::rename(&path, &aside).unwrap();
            // ImageNet's own names serve its variants too.
            let found_beside = *part == "classnames.txt" && layout.name != "imagenet";
            let (code, parts) = match found_beside {
                true => (0, &[][..]),
                false => (1, &[*part, *source][..]),
            };
            let report = check(
                here,
                &format!("{} {}", layout.name, layout.folder),
                code,
                parts,
            );
            let missing = report["missing"].as_array().unwrap();
            assert_eq!(missing.len(), code as usize, "{report}");
            fs::rename(&aside, &path).unwrap();
        }
    }
    // BACKGROUND_Google is there too, and known to be left out.
    fs::create_dir(here.join("caltech-101/101_ObjectCategories/Dodo")).unwrap();
    let report = check(here, "caltech101 .", 0, &[]);
    assert_eq!(report["unused_folders"], serde_json::json!(["Dodo"]));
    fs::remove_file(here.join("dtd/images/banded/banded_0001.jpg")).unwrap();
    let report = check(here, "dtd .", 1, &["do not exist: 1", "banded_0001.jpg"]);
    assert_eq!(report["absent_images"], 1);
    fs::remove_dir_all(here.join("imagenet/images/train")).unwrap();
    check(here, "imagenet .", 1, &["images/train", "image-net.org"]);
    // Where nothing is, everything is missing.
    let report = check(here, "sun397 dtd", 1, &["SUN397.tar.gz", "dtd/sun397"]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 2);

    let (code, out, error) = run(here, "data check dtd .");
    assert_eq!(code, Some(1));
    for part in ["dtd in ./dtd", "2820", "banded_0001.jpg", "published: 47"] {
        assert!(out.contains(part), "no {part:?} in {out}");
    }
    assert!(error.contains("hint: "), "{error}");
}

#[test]
fn plain_folders_and_lists_are_checked_too() {
    let root = tempfile::tempdir().unwrap();
    let here = root.path();
    write_images(
        here,
        &["data/cat/1.jpg", "data/cat/2.jpg", "data/dog/1.jpg"],
    );
    write(here, "data/dog/2.png", "no image");
    write(
        here,
        "list.csv",
        "path,class\ndata/cat/1.jpg,cat\ndata/dog/9.jpg,dog\n",
    );
    let report = check(here, "data", 0, &[]);
    assert_eq!(report["has_splits"], false);
    assert_eq!(report["classes"], serde_json::json!(["cat", "dog"]));
    assert_eq!(report["unreadable"], Value::Null);
    let report = check(here, "data --decode", 1, &["cannot be read: 1", "2.png"]);
    assert_eq!(report["unreadable"][0]["path"], "data/dog/2.png");
    assert!(
        report["unreadable"][0]["error"]
            .as_str()
            .unwrap()
            .contains("no format")
    );
    let report = check(here, "list.csv", 1, &["data/dog/9.jpg"]);
    assert_eq!(report["absent_images"], 1);
    for (arguments, part) in [
        ("data check mnist data", "no data set is known as \"mnist\""),
        ("data check dtd nowhere", "nowhere is not a folder"),
        ("data check nowhere", "not a folder"),
    ] {
        let (code, out, error) = run(here, arguments);
        assert_eq!(code, Some(1), "{arguments}: {error}");
        assert!(
            out.is_empty() && error.contains("hint: "),
            "{arguments}: {error}"
        );
        assert!(error.contains(part), "{arguments}: {error}");
    }
}

#[test]
fn the_list_names_them_all() {
    let here = tempfile::tempdir().unwrap();
    let (code, table, _) = run(here.path(), "data list");
    assert_eq!(code, Some(0));
    let (_, json, _) = run(here.path(), "data list --json");
    let known: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(known.len(), LAYOUTS.len());
    for layout in &LAYOUTS {
        for part in [layout.name, layout.folder, layout.template] {
            assert!(table.contains(part), "no {part:?} in {table}");
        }
        let known = known.iter().find(|known| known["name"] == layout.name);
        let known = known.unwrap_or_else(|| panic!("no {}", layout.name));
        for (part, source) in layout.needed {
            assert!(known["sources"][part].as_str().unwrap().contains(source));
        }
    }
}
