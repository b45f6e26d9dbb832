use std::collections::HashSet;

use super::*;

/// A transformer of `layers` blocks: attention, a fourfold hidden layer, two
/// LayerNorms (OpenAI's `clip/model.py`).
fn transformer(width: u64, layers: u64) -> u64 {
    layers * (12 * width * width + 13 * width)
}

fn text(width: u64, layers: u64, embed_dim: u64) -> u64 {
    let (vocabulary, context) = (49_408, 77);
    (vocabulary + context) * width + transformer(width, layers) + 2 * width + width * embed_dim
}

fn vit(width: u64, layers: u64, patch: u64, side: u64, embed_dim: u64) -> u64 {
    let positions = (side / patch).pow(2) + 1;
    let embedding = 3 * patch * patch * width + width + positions * width;
    embedding + transformer(width, layers) + 4 * width + width * embed_dim
}

fn resnet(width: u64, layers: [u64; 4], side: u64, embed_dim: u64) -> u64 {
    // A convolution without bias and the BatchNorm that follows it.
    let convolution = |from: u64, to: u64, side: u64| from * to * side * side + 2 * to;
    let half = width / 2;
    let mut sum =
        convolution(3, half, 3) + convolution(half, half, 3) + convolution(half, width, 3);
    let mut from = width;
    for (stage, blocks) in layers.into_iter().enumerate() {
        let narrow = width << stage;
        sum += convolution(from, 4 * narrow, 1);
        for _ in 0..blocks {
            sum += convolution(from, narrow, 1);
            sum += convolution(narrow, narrow, 3) + convolution(narrow, 4 * narrow, 1);
            from = 4 * narrow;
        }
    }
    let pool = 3 * (from * from + from) + from * embed_dim + embed_dim;
    sum + ((side / 32).pow(2) + 1) * from + pool
}

#[test]
fn parameters_are_those_of_the_architectures() {
    let vit_b_32 = vit(768, 12, 32, 224, 512) + text(512, 12, 512);
    let vit_b_16 = vit(768, 12, 16, 224, 512) + text(512, 12, 512);
    let vit_l_14 = vit(1024, 24, 14, 224, 768) + text(768, 12, 768);
    let resnets = [
        resnet(64, [3, 4, 6, 3], 224, 1024) + text(512, 12, 1024),
        resnet(64, [3, 4, 23, 3], 224, 512) + text(512, 12, 512),
        resnet(80, [4, 6, 10, 6], 288, 640) + text(640, 12, 640),
        resnet(96, [6, 8, 18, 8], 384, 768) + text(768, 12, 768),
        resnet(128, [3, 15, 36, 10], 448, 1024) + text(1024, 12, 1024),
    ];
    for (name, encoders) in [
        ("openai/RN50", resnets[0]),
        ("openai/RN101", resnets[1]),
        ("openai/RN50x4", resnets[2]),
        ("openai/RN50x16", resnets[3]),
        ("openai/RN50x64", resnets[4]),
        ("openai/ViT-B-32", vit_b_32),
        ("openai/ViT-B-16", vit_b_16),
        ("openai/ViT-L-14", vit_l_14),
        (
            "openai/ViT-L-14-336",
            vit(1024, 24, 14, 336, 768) + text(768, 12, 768),
        ),
        ("laion2b/ViT-B-32", vit_b_32),
        ("laion2b/ViT-B-16", vit_b_16),
        ("laion2b/ViT-L-14", vit_l_14),
        ("datacomp/ViT-B-32", vit_b_32),
        ("datacomp/ViT-B-16", vit_b_16),
        ("datacomp/ViT-L-14", vit_l_14),
        (
            "tinyclip/ViT-8M-16",
            vit(256, 10, 16, 224, 512) + text(256, 3, 512),
        ),
        (
            "tinyclip/ViT-39M-16",
            vit(512, 12, 16, 224, 512) + text(512, 6, 512),
        ),
        (
            "tinyclip/ViT-40M-32",
            vit(512, 12, 32, 224, 512) + text(512, 6, 512),
        ),
    ] {
        let logit_scale = 1;
        let short = find(name).unwrap();
        assert_eq!(short.parameters, encoders + logit_scale, "{name}");
    }
}

#[test]
fn short_names_are_distinct_and_name_repositories() {
    let mut seen = HashSet::new();
    for short in &SHORT_NAMES {
        for name in short.also.iter().chain([&short.name]) {
            assert!(seen.insert(*name), "{name} twice");
            let model = HubModel::new(name, None).unwrap();
            assert!(model.is_short);
            assert_eq!(model.repository, short.repository, "{name}");
        }
        let model = HubModel::new(short.repository, None).unwrap();
        assert!(!model.is_short, "{} is its own alias", short.repository);
        assert_eq!(model.repository, short.repository);
    }
}

#[test]
fn names_and_revisions_stay_inside_the_cache() {
    for name in ["a/b", "gpt2", "A-b.c/d_e.f-0", "laion/CLIP-ViT-B-32"] {
        assert!(HubModel::new(name, None).is_ok(), "{name}");
    }
    let long = format!("a/{}", "b".repeat(LONGEST_ID));
    for name in [
        "",
        "/",
        "a/",
        "/a",
        "/etc/passwd",
        "../x",
        "a/..",
        "a/../b",
        "..",
        ".",
        "a/b/c",
        "a--b",
        "a/b--c",
        "a/-b",
        "a/b.",
        "a b",
        "a/b\n",
        "a\\b",
        "a/é",
        "a/b?c",
        "a/b#c",
        "a/%2e",
        "a/b.git",
        "C:/x",
        "./x",
        &long,
    ] {
        assert!(HubModel::new(name, None).is_err(), "{name:?}");
        assert!(!is_name(name), "{name:?}");
    }
    for revision in ["main", "v1.0", "refs/pr/3", "feature/x_y", &"0a".repeat(20)] {
        assert!(HubModel::new("a/b", Some(revision)).is_ok(), "{revision}");
    }
    let long = "a".repeat(256);
    for revision in [
        "", "/", "..", "../main", "a/../b", "a//b", "/a", "a/", "-x", ".x", "a b", "a?b", "a%2fb",
        "a\0", "a\\b", &long,
    ] {
        assert!(
            HubModel::new("a/b", Some(revision)).is_err(),
            "{revision:?}"
        );
    }
}
