//! Piles as people bring them.

use super::{Found, Parcel, sort};
use crate::sniff::FileKind::{self, *};

/// Paths and kinds.
type Files<'a> = &'a [(&'a str, FileKind)];

fn pile(files: Files<'_>) -> Vec<Found> {
    let found = |(path, kind): &(&str, FileKind)| Found {
        path: path.to_string(),
        kind: Some(*kind),
    };
    files.iter().map(found).collect()
}

fn image(at: usize, label: Option<&str>) -> Parcel {
    let label = label.map(String::from);
    Parcel::Image { at, label }
}

fn learned(name: &str, parts: &[usize]) -> Parcel {
    let (name, parts) = (name.into(), parts.into());
    Parcel::Learned { name, parts }
}

fn model(name: &str, parts: &[usize]) -> Parcel {
    let (name, parts) = (name.into(), parts.into());
    Parcel::Model { name, parts }
}

#[test]
fn what_belongs_together_stays_together() {
    let cases: [(&str, Files<'_>, &[Parcel]); 9] = [
        (
            "images by folder",
            &[
                ("a.png", Image),
                ("t/cat/1.png", Image),
                ("t/big dog/1.png", Image),
            ],
            &[
                image(0, None),
                image(1, Some("cat")),
                image(2, Some("big dog")),
            ],
        ),
        (
            "several learned files",
            &[
                ("learned.safetensors", Learned),
                ("model.pth.tar-50", Learned),
                ("runs/seed1/learned.safetensors", Learned),
            ],
            &[
                learned("learned", &[0]),
                learned("model.pth.tar-50", &[1]),
                learned("seed1", &[2]),
            ],
        ),
        (
            "an adapter's two files",
            &[
                ("adapter_model.safetensors", Peft),
                ("adapter_config.json", Configuration),
            ],
            &[learned("adapter_model", &[0, 1])],
        ),
        (
            "an adapter's folder",
            &[
                ("pets/README.md", Unknown),
                ("pets/adapter_config.json", Configuration),
                ("pets/adapter_model.bin", Peft),
                ("pets/adapter_model.safetensors", Peft),
            ],
            &[learned("pets", &[3, 1])],
        ),
        (
            "a model's folder with the same model twice",
            &[
                ("vit/config.json", Configuration),
                ("vit/model.safetensors", Model),
                ("vit/preprocessor_config.json", Configuration),
                ("vit/pytorch_model.bin", PyTorchModel),
                ("vit/tokenizer.json", Configuration),
            ],
            &[model("vit", &[1, 0, 2])],
        ),
        (
            "a model in parts",
            &[
                ("big/model-00001-of-00002.safetensors", Model),
                ("big/model-00002-of-00002.safetensors", Model),
                ("big/model.safetensors.index.json", Configuration),
                ("big/config.json", Configuration),
            ],
            &[model("big", &[0, 1, 3])],
        ),
        (
            "a model and its configuration, without a folder",
            &[("config.json", Configuration), ("my.safetensors", Model)],
            &[model("my", &[1, 0])],
        ),
        (
            "a model of PyTorch",
            &[("ViT-B-32.pt", PyTorchModel)],
            &[model("ViT-B-32.pt", &[0])],
        ),
        (
            "a run's folder",
            &[
                ("run/learned.safetensors", Learned),
                ("run/plan.toml", Unknown),
            ],
            &[learned("run", &[0])],
        ),
    ];
    for (what, files, expected) in cases {
        let sorted = sort(&pile(files));
        assert_eq!(sorted.parcels, expected, "{what}");
        assert_eq!(sorted.problem, None, "{what}");
    }
}

#[test]
fn what_is_of_no_use_is_named() {
    let cases: [(Files<'_>, usize, &str); 7] = [
        (&[("a.txt", Unknown)], 0, "“a.txt” is neither"),
        (
            &[("a.txt", Unknown), ("b.png", Image), ("c", Unknown)],
            1,
            "“a.txt” (and 1 more)",
        ),
        (
            &[("config.json", Configuration)],
            0,
            "weights, which are not here",
        ),
        (&[("notes/a.txt", Unknown)], 0, "“a.txt”"),
        (
            &[
                ("m-00001-of-00003.safetensors", Model),
                ("m-00002-of-00003.safetensors", Model),
            ],
            0,
            "2 of 3 parts",
        ),
        (
            &[("a.safetensors", Model), ("b.safetensors", Model)],
            1,
            "2 models",
        ),
        (
            &[("photos/1.png", Image), ("notes.pdf", Unknown)],
            1,
            "“notes.pdf”",
        ),
    ];
    for (files, parcels, words) in cases {
        let sorted = sort(&pile(files));
        assert_eq!(sorted.parcels.len(), parcels, "{files:?}");
        let problem = sorted.problem.expect("a problem");
        assert!(problem.message.contains(words), "{problem:?}");
        assert!(problem.hint.is_some(), "{problem:?}");
    }
    let unreadable = Found {
        path: "gone.png".into(),
        kind: None,
    };
    let problem = sort(&[unreadable]).problem.expect("a problem");
    assert!(
        problem.message.contains("“gone.png” cannot be read"),
        "{problem:?}"
    );
    assert_eq!(
        sort(&pile(&[("d/1.png", Image), ("d/Thumbs.db", Unknown)])).problem,
        None
    );
}
