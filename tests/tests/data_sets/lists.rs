//! Lists of images, good and bad.

use std::path::Path;

use clipwright::data::{Split, Subset, open};
use tempfile::TempDir;

use super::{counts, listed, refused, write, write_images};

/// A folder with `cats/{0..10}.jpg` and `dogs/{0..10}.jpg`.
fn pictures() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for index in 0..10 {
        let [cat, dog] = ["cats", "dogs"].map(|class| format!("{class}/{index}.jpg"));
        write_images(root.path(), &[&cat, &dog]);
    }
    root
}

fn all(dataset: &clipwright::data::Dataset, root: &Path) -> Vec<Vec<(String, usize)>> {
    let splits = [Split::Train, Split::Val, Split::Test];
    splits
        .map(|split| listed(dataset, split, Subset::All, root))
        .into()
}

#[test]
fn a_list_without_splits_is_divided_like_its_folder() {
    let pictures = pictures();
    let root = pictures.path();
    let folder = open(root, None).unwrap();
    assert_eq!(counts(&folder), [10, 4, 6]);
    let (mut csv, mut json) = (String::from("path,class\n"), Vec::new());
    // In another order than the folder's.
    for index in (0..10).rev() {
        for class in ["dogs", "cats"] {
            csv += &format!("{class}/{index}.jpg,{class}\n");
            json.push(serde_json::json!({"path": format!("{class}/{index}.jpg"), "class": class}));
        }
    }
    write(root, "list.csv", csv);
    write(root, "list.json", serde_json::to_vec(&json).unwrap());
    for list in ["list.csv", "list.json"] {
        let dataset = open(&root.join(list), None).unwrap();
        assert_eq!(dataset.class_names, folder.class_names);
        assert!(!dataset.has_splits);
        assert_eq!(all(&dataset, root), all(&folder, root), "{list}");
        assert_eq!(dataset.template, "a photo of a {}.");
        assert_eq!(dataset.name, None);
    }
}

#[test]
fn lists_say_what_is_where() {
    let pictures = pictures();
    let root = pictures.path();
    let absolute = root.join("dogs/3.jpg").display().to_string();
    let name = "a cat, \"striped\"";
    let csv = format!(
        "\u{feff}class, split ,path\r\n\"a cat, \"\"striped\"\"\",train,cats/2.jpg\r\n\
         dog,val,{absolute}\r\ndog,test,dogs/1.jpg\r\n{},train,cats/1.jpg\r\n",
        "\"a cat, \"\"striped\"\"\""
    );
    let json = serde_json::json!([
        {"path": "cats/2.jpg", "class": name, "split": "train"},
        {"path": absolute, "class": "dog", "split": "val"},
        {"path": "dogs/1.jpg", "class": "dog", "split": "test"},
        {"path": "cats/1.jpg", "class": name, "split": "train"},
    ]);
    let coop = serde_json::json!({
        "train": [["cats/2.jpg", 0, name], ["cats/1.jpg", 0, name]],
        "val": [["dogs/3.jpg", 1, "dog"]],
        "test": [["dogs/1.jpg", 1, "dog"]],
    });
    write(root, "sub/../list.csv", csv);
    write(root, "list.JSON", json.to_string());
    write(root, "split.json", coop.to_string());
    for list in ["list.csv", "list.JSON", "split.json"] {
        let dataset = open(&root.join(list), None).unwrap();
        assert_eq!(dataset.class_names, [name, "dog"], "{list}");
        assert!(dataset.has_splits);
        let expected = [
            vec![("cats/2.jpg".to_string(), 0), ("cats/1.jpg".into(), 0)],
            vec![("dogs/3.jpg".into(), 1)],
            vec![("dogs/1.jpg".into(), 1)],
        ];
        assert_eq!(all(&dataset, root), expected, "{list}");
    }
}

#[test]
fn bad_lists_are_refused() {
    let pictures = pictures();
    let root = pictures.path();
    let good = "cats/1.jpg,cat\ndogs/1.jpg,dog\n";
    let csv: &[(&str, &[&str])] = &[
        ("", &["list.csv", "header", "path,class"]),
        ("path,class\n", &["lists no images"]),
        ("file,label\na,b\n", &["\"file,label\"", "path,class"]),
        ("path,class,part\n", &["\"path,class,part\""]),
        ("path\ncats/1.jpg\n", &["\"path\""]),
        ("path,class,class\n", &["path,class,class"]),
        ("path,class\ncats/1.jpg\n", &["list.csv", "2 fields"]),
        ("path,class\n,cat\ndogs/1.jpg,dog\n", &["row 1", "no path"]),
        (
            "path,class\ncats/1.jpg,\ndogs/1.jpg,dog\n",
            &["row 1", "no class"],
        ),
        (
            "path,class\ncats/1.jpg,cat\ncats/2.jpg,cat\n",
            &["only class", "\"cat\""],
        ),
        (
            "path,class\ncats/1.jpg,cat\ncats/1.jpg,dog\n",
            &["row 1", "row 2", "cats/1.jpg"],
        ),
        (
            "path,class,split\ncats/1.jpg,cat,train\ndogs/1.jpg,dog,tset\n",
            &["row 2", "\"tset\"", "train, val or test"],
        ),
        (
            "path,class,split\ncats/1.jpg,cat,\ndogs/1.jpg,dog,train\n",
            &["row 2", "differs", "or to none"],
        ),
        (
            "path,class\ncats/1.jpg,cat\nnowhere.jpg,dog\n",
            &["nowhere.jpg", "does not exist"],
        ),
        (
            "path,class\ncats/1.jpg,cat\ndogs\0/1.jpg,dog\n",
            &["does not exist"],
        ),
    ];
    for (text, parts) in csv {
        write(root, "list.csv", text);
        refused(text, open(&root.join("list.csv"), None), parts);
    }
    write(root, "list.csv", format!("path,class\n{good}"));
    assert!(open(&root.join("list.csv"), None).is_ok());
    write(root, "list.csv", b"path,class\ncats/1.jpg,ch\xe2t\n");
    refused(
        "Latin-1",
        open(&root.join("list.csv"), None),
        &["not UTF-8", "byte 24"],
    );

    let json: &[(&str, &[&str])] = &[
        ("", &["list.json", "no list"]),
        ("[]", &["lists no images"]),
        ("[1, 2]", &["no list of images", "\"path\""]),
        (r#"[{"path": "cats/1.jpg"}]"#, &["missing field `class`"]),
        (r#"[{"path": "a", "class": "b", "label": 1}]"#, &["`label`"]),
        (
            r#"[{"path": "cats/1.jpg", "class": "cat", "split": "train"},
                {"path": "dogs/1.jpg", "class": "dog"}]"#,
            &["entry 2", "differs"],
        ),
        ("{}", &["lists no images"]),
        (r#"{"train": [["a.jpg", 0]]}"#, &["no split file", "[["]),
        (
            r#"{"train": [["a.jpg", -1, "a"]]}"#,
            &["no split file", "-1"],
        ),
        (r#"{"training": []}"#, &["`training`"]),
        (
            r#"{"train": [["a.jpg", 0, "a"], ["b.jpg", 2, "b"]]}"#,
            &["label 1 is missing", "0, 1, 2"],
        ),
        (
            r#"{"train": [["a.jpg", 0, "a"], ["b.jpg", 99999999999, "b"]]}"#,
            &["label 1 is missing"],
        ),
        (
            r#"{"train": [["a.jpg", 0, "a"], ["b.jpg", 1, "a"]]}"#,
            &["labels 0 and 1", "\"a\""],
        ),
        (
            r#"{"train": [["a.jpg", 0, "a"]], "test": [["b.jpg", 0, "b"]]}"#,
            &["label 0", "\"a\" and \"b\""],
        ),
        (r#"{"train": [["a.jpg", 0, "a"]]}"#, &["one class"]),
        (
            r#"{"train": [["a.jpg", 0, " "], ["b.jpg", 1, "b"]]}"#,
            &["no name"],
        ),
        (
            r#"{"train": [["cats/1.jpg", 0, "a"], ["../x.jpg", 1, "b"]]}"#,
            &["train[1]", "leads out", "../x.jpg"],
        ),
        (
            r#"{"train": [["cats/1.jpg", 0, "a"]], "val": [["/etc/passwd", 1, "b"]]}"#,
            &["val[0]", "leads out"],
        ),
        (
            r#"{"train": [["cats/1.jpg", 0, "a"], ["cats/no.jpg", 1, "b"]]}"#,
            &["cats/no.jpg", "does not exist"],
        ),
    ];
    for (text, parts) in json {
        write(root, "list.json", text);
        refused(text, open(&root.join("list.json"), None), parts);
    }
    write(root, "list.txt", good);
    refused(
        "a text",
        open(&root.join("list.txt"), None),
        &["list.txt", "not a folder"],
    );
    let missing = root.join("missing.csv");
    refused(
        "no list",
        open(&missing, None),
        &["missing.csv", "not a folder"],
    );
}

#[cfg(unix)]
#[test]
fn folders_that_are_no_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let pictures = pictures();
    let latin = pictures.path().join(OsStr::from_bytes(b"ch\xe2t"));
    std::fs::create_dir(&latin).unwrap();
    refused(
        "Latin-1",
        open(pictures.path(), None),
        &["not UTF-8", "rename"],
    );
}
