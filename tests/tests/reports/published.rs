//! The published figures against each other: harmonic means and averages must come
//! out of the others.

use clipwright::report::published::{
    BaseToNew, all_base_to_new, base_to_new, base_to_new_of, few_shot,
};
use clipwright_shared::eval::harmonic_mean;

/// Figures have two decimals; so have those they are computed from here.
const ROUNDING: f64 = 0.0101;

#[test]
fn published_figures_agree_with_each_other() {
    let all: Vec<BaseToNew> = all_base_to_new().collect();
    assert_eq!(all.len(), 12 * 3 + 5);
    for result in &all {
        let expected = harmonic_mean(result.base, result.new);
        assert!(
            (expected - result.harmonic).abs() < ROUNDING,
            "{result:?}: {expected}"
        );
        assert!(!result.source.is_empty());
    }
    for method in ["CLIP", "CoOp", "CoCoOp"] {
        let of_method = |result: &&BaseToNew| result.method == method && result.shots == 16;
        let (average, sets): (Vec<&BaseToNew>, Vec<&BaseToNew>) = all
            .iter()
            .filter(of_method)
            .partition(|result| result.dataset == "Average");
        assert_eq!((average.len(), sets.len()), (1, 11), "{method}");
        let mean = |figure: fn(&BaseToNew) -> f64| {
            sets.iter().map(|result| figure(result)).sum::<f64>() / 11.0
        };
        for (name, mean, published) in [
            ("base", mean(|result| result.base), average[0].base),
            ("new", mean(|result| result.new), average[0].new),
        ] {
            assert!(
                (mean - published).abs() < ROUNDING,
                "{method}, {name}: {mean}"
            );
        }
    }
}

#[test]
fn published_figures_are_found_by_any_usual_name() {
    for (asked, backbone, shots, dataset, count) in [
        ("EuroSAT", "ViT-B/16", 16, "EuroSAT", 3),
        ("eurosat", "vit_b16", 16, "EuroSAT", 3),
        ("oxford_flowers", "ViT-B-16", 16, "Flowers102", 3),
        ("flowers102", "ViT-B/16", 10, "Flowers102", 5),
        ("oxford_pets", "ViT-B/16", 16, "OxfordPets", 3),
        ("fgvc_aircraft", "ViT-B/16", 16, "FGVCAircraft", 3),
        ("describable_textures", "ViT-B/16", 16, "DTD", 3),
        ("stanford_cars", "ViT-B/16", 16, "StanfordCars", 3),
        ("caltech-101", "ViT-B/16", 16, "Caltech101", 3),
        ("food-101", "ViT-B/16", 16, "Food101", 3),
        ("eurosat", "ViT-B/32", 16, "", 0),
        ("eurosat", "ViT-B/16", 4, "", 0),
        ("sign_digits", "ViT-B/16", 16, "", 0),
        ("", "ViT-B/16", 16, "", 0),
    ] {
        let found = base_to_new(asked, backbone, shots);
        assert_eq!(found.len(), count, "{asked}, {backbone}, {shots}");
        assert!(
            found.iter().all(|result| result.dataset == dataset),
            "{asked}"
        );
    }
    let cocoop = base_to_new_of("eurosat", "ViT-B/16", 16, "cocoop").unwrap();
    assert_eq!(
        (cocoop.base, cocoop.new, cocoop.harmonic),
        (87.49, 60.04, 71.21)
    );
    assert_eq!(base_to_new_of("eurosat", "ViT-B/16", 16, "lora"), None);
    let accuracies: Vec<(usize, f64)> = few_shot("average", "ViT-B/16")
        .iter()
        .map(|result| (result.shots, result.accuracy))
        .collect();
    assert_eq!(accuracies, [(1, 72.5), (4, 77.4), (16, 83.0)]);
    assert!(few_shot("eurosat", "ViT-B/16").is_empty());
}
