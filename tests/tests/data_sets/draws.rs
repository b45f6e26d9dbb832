//! Few-shot draws from real split files, against CPython.

use std::fs;
use std::path::Path;

use clipwright::data::{Dataset, Item, Split, Subset, open};
use clipwright_tests::repository_root;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{counts, refused, write};

/// A real split file with empty files for its images.
fn real(name: &str, folder: &str, file: &str, images: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let source = repository_root().join("tests/data/splits").join(file);
    let text = fs::read_to_string(source).unwrap();
    let split: Value = serde_json::from_str(&text).unwrap();
    let own = root.path().join(folder);
    write(&own, file, &text);
    for row in split
        .as_object()
        .unwrap()
        .values()
        .flat_map(|rows| rows.as_array().unwrap())
    {
        let path = own.join(images).join(row[0].as_str().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap();
    }
    assert!(open(root.path(), Some(name)).is_ok(), "{name}");
    root
}

/// Number of images, the first three and a hash of all, as `draws.py` writes them.
fn summary(items: &[Item], images: &Path) -> Value {
    let inside = |item: &Item| {
        item.path
            .strip_prefix(images)
            .unwrap()
            .display()
            .to_string()
    };
    let lines: String = items
        .iter()
        .map(|item| format!("{}\t{}\n", inside(item), item.label))
        .collect();
    let first: Vec<Value> = items
        .iter()
        .take(3)
        .map(|item| serde_json::json!([inside(item), item.label]))
        .collect();
    let digest = Sha256::digest(lines);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    serde_json::json!({"images": items.len(), "first": first, "sha256": digest})
}

#[test]
fn draws_from_split_files_are_cpythons_image_for_image() {
    let draws = repository_root().join("tests/data/splits/draws.json");
    let draws: Vec<Value> = serde_json::from_slice(&fs::read(draws).unwrap()).unwrap();
    let mut checked = 0;
    for (name, folder, file, images, expected_counts, classes) in [
        (
            "oxford_flowers",
            "oxford_flowers",
            "split_zhou_OxfordFlowers.json",
            "jpg",
            [4093, 1633, 2463],
            102,
        ),
        (
            "oxford_pets",
            "oxford_pets",
            "split_zhou_OxfordPets.json",
            "images",
            [2944, 736, 3669],
            37,
        ),
        (
            "dtd",
            "dtd",
            "split_zhou_DescribableTextures.json",
            "images",
            [2820, 1128, 1692],
            47,
        ),
    ] {
        let root = real(name, folder, file, images);
        let images = root.path().join(folder).join(images);
        let dataset = open(root.path(), Some(name)).unwrap();
        assert_eq!(counts(&dataset), expected_counts, "{name}");
        assert_eq!(dataset.class_names.len(), classes, "{name}");
        assert!(!dataset.class_names.iter().any(|class| class.contains('_')));
        for case in draws.iter().filter(|case| case["dataset"] == name) {
            let shots = case["shots"].as_u64().unwrap() as usize;
            let seed = case["seed"].as_u64().unwrap();
            let subset: Subset = serde_json::from_value(case["subset"].clone()).unwrap();
            let drawn = dataset.few_shot(Some(shots), seed, subset).unwrap();
            assert_eq!(summary(&drawn.train, &images), case["train"], "{case}");
            assert_eq!(summary(&drawn.val, &images), case["val"], "{case}");
            checked += 1;
        }
    }
    assert_eq!(checked, 81);
}

/// A data set of three classes with 6, 4 and 5 training images, whose images come
/// in no order.
fn uneven() -> (TempDir, Dataset) {
    let root = tempfile::tempdir().unwrap();
    let mut list = String::from("split,class,path\n");
    for index in 0..6 {
        for (class, train) in [("cat", 6), ("ant", 4), ("bee", 5)] {
            let split = if index < train { "train" } else { "test" };
            list += &format!("{split},{class},{class}{index}.png\n");
            write(root.path(), &format!("{class}{index}.png"), "");
        }
    }
    write(root.path(), "list.csv", list);
    let dataset = open(&root.path().join("list.csv"), None).unwrap();
    (root, dataset)
}

#[test]
fn shots_that_cannot_be_drawn_are_refused() {
    let (_root, dataset) = uneven();
    let few_shot = |shots, subset| dataset.few_shot(shots, 1, subset);
    refused("0 shots", few_shot(Some(0), Subset::All), &["--shots is 0"]);
    refused(
        "5 shots",
        few_shot(Some(5), Subset::All),
        &[
            "\"ant\"",
            "4 training images",
            "--shots asks for 5",
            "--shots 4",
        ],
    );
    refused("6 shots", few_shot(Some(6), Subset::Base), &["\"ant\""]);
    // Only the classes that take part matter.
    assert_eq!(few_shot(Some(6), Subset::New).unwrap().train.len(), 6);
    assert_eq!(few_shot(Some(4), Subset::All).unwrap().train.len(), 12);
    assert!(few_shot(Some(4), Subset::All).unwrap().val.is_empty());
    assert_eq!(few_shot(None, Subset::All).unwrap().train.len(), 15);

    let drawn = few_shot(Some(4), Subset::New).unwrap();
    assert!(drawn.train.iter().all(|item| item.label == 0));
    assert_eq!(dataset.names(Subset::New), ["cat"]);
    assert_eq!(dataset.names(Subset::Base), ["ant", "bee"]);
    assert_eq!(dataset.items(Split::Test, Subset::Base).len(), 3);
    let again = few_shot(Some(4), Subset::New).unwrap();
    assert_eq!(drawn, again);
    let other = dataset.few_shot(Some(4), 2, Subset::New).unwrap();
    assert_ne!(drawn, other);
}
