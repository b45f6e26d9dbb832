//! Named data sets: opened, read, and refused where they are damaged.

use std::fs;

use clipwright::data::named::{NAMED, find};
use clipwright::data::{Split, Subset, open};

use super::layouts::LAYOUTS;
use super::{counts, listed, refused, write};

#[test]
fn every_named_data_set_opens_from_either_folder() {
    let root = tempfile::tempdir().unwrap();
    // All of them below one folder, as most people keep them.
    LAYOUTS.iter().for_each(|layout| layout.write(root.path()));
    for layout in &LAYOUTS {
        let own = root.path().join(layout.folder);
        for data in [root.path(), &own] {
            let dataset = open(data, Some(layout.name)).unwrap();
            assert_eq!(dataset.name, Some(layout.name));
            assert_eq!(dataset.class_names, layout.classes, "{}", layout.name);
            assert_eq!(counts(&dataset), layout.counts, "{}", layout.name);
            assert_eq!(dataset.template, layout.template, "{}", layout.name);
            assert!(dataset.has_splits);
            let all = dataset.items(Split::All, Subset::All);
            assert!(all.iter().all(|item| item.path.starts_with(&own)));
        }
    }
    let mut known: Vec<&str> = NAMED.iter().map(|named| named.name).collect();
    let mut laid_out: Vec<&str> = LAYOUTS.iter().map(|layout| layout.name).collect();
    known.sort_unstable();
    laid_out.sort_unstable();
    assert_eq!(known, laid_out);
}

#[test]
fn a_missing_part_is_named_with_its_source() {
    for layout in &LAYOUTS {
        for (part, source) in layout.needed {
            let root = tempfile::tempdir().unwrap();
            layout.write(root.path());
            let folder = root.path().join(layout.folder);
            let path = folder.join(part);
            match path.is_dir() {
                true => fs::remove_dir_all(&path).unwrap(),
                false => fs::remove_file(&path).unwrap(),
            }
            let what = format!("{} without {part}", layout.name);
            let opened = open(root.path(), Some(layout.name));
            refused(&what, opened, &[part, source, "clipwright data check"]);
        }
    }
}

#[test]
fn images_that_are_listed_and_do_not_exist_are_counted() {
    for layout in &LAYOUTS {
        // The others list what is in their folders.
        let is_list = layout.texts.iter().any(|(path, _)| {
            path.starts_with("split_zhou_") || path.starts_with("images_variant_")
        });
        if !is_list {
            continue;
        }
        let root = tempfile::tempdir().unwrap();
        layout.write(root.path());
        let folder = root.path().join(layout.folder);
        fs::remove_file(folder.join(layout.images[0])).unwrap();
        let file = layout.images[0].rsplit('/').next().unwrap();
        refused(
            layout.name,
            open(root.path(), Some(layout.name)),
            &[file, "does not exist"],
        );
        fs::remove_file(folder.join(layout.images[1])).unwrap();
        refused(
            layout.name,
            open(root.path(), Some(layout.name)),
            &["and 1 more images"],
        );
    }
}

#[test]
fn names_are_understood_however_they_are_spelt() {
    for (spelt, name) in [
        ("oxford_flowers", "oxford_flowers"),
        ("OxfordFlowers", "oxford_flowers"),
        ("Flowers102", "oxford_flowers"),
        ("flowers", "oxford_flowers"),
        ("ImageNet-A", "imagenet_a"),
        ("imagenet-v2", "imagenetv2"),
        ("DescribableTextures", "dtd"),
        ("fgvc-aircraft", "fgvc_aircraft"),
        ("EUROSAT", "eurosat"),
    ] {
        assert_eq!(find(spelt).unwrap().name, name, "{spelt}");
    }
    for (wrong, nearest) in [
        ("eurosatt", "did you mean eurosat?"),
        ("oxford_pet", "did you mean oxford_pets?"),
        ("imagenet_x", "did you mean imagenet"),
        ("cifar10", "data list"),
        ("", "data list"),
    ] {
        refused(wrong, find(wrong), &[&format!("{wrong:?}"), nearest]);
    }
    let here = tempfile::tempdir().unwrap();
    refused("unknown", open(here.path(), Some("mnist")), &["mnist"]);
    refused("empty", open(here.path(), Some("dtd")), &["dtd", "images"]);
    let nowhere = here.path().join("nowhere");
    refused(
        "nowhere",
        open(&nowhere, Some("dtd")),
        &["nowhere", "not a folder"],
    );
}

/// ImageNet's images are listed class by class, sorted by name; its templates are
/// the seven that CoOp averages, without its own.
#[test]
fn imagenet_is_read_in_one_order_and_without_its_training_images() {
    let root = tempfile::tempdir().unwrap();
    LAYOUTS[0].write(root.path());
    let folder = root.path().join("imagenet");
    let dataset = open(&folder, Some("imagenet")).unwrap();
    let train = listed(&dataset, Split::Train, Subset::All, &folder);
    let expected = [
        ("images/train/n01440764/n01440764_10.JPEG".to_string(), 0),
        ("images/train/n01440764/n01440764_2.JPEG".into(), 0),
        ("images/train/n01443537/n01443537_1.JPEG".into(), 1),
    ];
    assert_eq!(train, expected);
    assert_eq!(dataset.ensemble_templates().len(), 7);
    assert!(
        dataset
            .ensemble_templates()
            .contains(&"itap of a {}.".to_string())
    );

    fs::remove_dir_all(folder.join("images/train")).unwrap();
    let tested = open(&folder, Some("imagenet")).unwrap();
    assert_eq!(counts(&tested), [0, 0, 2]);
    refused(
        "no training",
        tested.few_shot(Some(1), 1, Subset::All),
        &["imagenet", "train on"],
    );

    // The variants find the names beside them.
    LAYOUTS[14].write(root.path());
    fs::remove_file(root.path().join("imagenet-rendition/classnames.txt")).unwrap();
    let rendition = open(root.path(), Some("imagenet_r")).unwrap();
    assert_eq!(rendition.class_names, ["goldfish", "stingray"]);
    assert_eq!(rendition.ensemble_templates().len(), 8);
    refused(
        "tests only",
        rendition.few_shot(None, 1, Subset::All),
        &["imagenet_r"],
    );
}

#[test]
fn damaged_parts_are_refused() {
    let cases: &[(&str, &str, &[u8], &[&str])] = &[
        (
            "imagenet",
            "classnames.txt",
            b"",
            &["classnames.txt", "0 classes"],
        ),
        (
            "imagenet",
            "classnames.txt",
            b"n01440764 tench\nn01498041 ray\n",
            &["n01443537"],
        ),
        (
            "imagenet",
            "classnames.txt",
            b"n01440764\nn01443537 fish\n",
            &["\"n01440764\""],
        ),
        (
            "imagenet",
            "classnames.txt",
            b"n1 a\nn1 b\n",
            &["n1 b", "twice"],
        ),
        (
            "imagenet",
            "classnames.txt",
            b"n01440764 t\xe9nch\n",
            &["not UTF-8"],
        ),
        (
            "imagenet",
            "images/val/n09999999/a.JPEG",
            b"",
            &["n09999999"],
        ),
        (
            "imagenetv2",
            "classnames.txt",
            b"n1 a\nn2 b\nn3 c\nn4 d\n",
            &["no folder 3"],
        ),
        (
            "fgvc_aircraft",
            "variants.txt",
            b"707-320\n707-320\n",
            &["2 lines, 1 of them"],
        ),
        (
            "fgvc_aircraft",
            "images_variant_val.txt",
            b"1 Concorde\n",
            &["1 Concorde"],
        ),
        (
            "fgvc_aircraft",
            "images_variant_val.txt",
            b"../1 707-320\n",
            &["../1 707-320"],
        ),
        (
            "dtd",
            "split_zhou_DescribableTextures.json",
            b"",
            &["no split file"],
        ),
        (
            "dtd",
            "split_zhou_DescribableTextures.json",
            b"\xff\xfe{",
            &["not UTF-8", "byte 0"],
        ),
    ];
    for (name, path, bytes, parts) in cases {
        let layout = LAYOUTS.iter().find(|layout| layout.name == *name).unwrap();
        let root = tempfile::tempdir().unwrap();
        layout.write(root.path());
        write(&root.path().join(layout.folder), path, bytes);
        refused(
            &format!("{name}: {path}"),
            open(root.path(), Some(name)),
            parts,
        );
    }
}

#[test]
fn the_pages_class_names_are_those_of_the_data_sets() {
    let folder = clipwright_tests::repository_root().join("static/class_names");
    let mut known = 0;
    for named in NAMED {
        let Ok(text) = fs::read_to_string(folder.join(format!("{}.txt", named.name))) else {
            continue;
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], named.template, "{}", named.name);
        assert_eq!(lines.len() - 1, named.classes, "{}", named.name);
        known += 1;
    }
    assert_eq!(known, 10);
}
