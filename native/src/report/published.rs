//! Published results, to stand beside one's own.

use super::table::{Cell, Row};

/// Where the figures of three methods on eleven data sets come from.
pub const COCOOP_PAPER: &str =
    "Zhou et al., Conditional Prompt Learning for Vision-Language Models, CVPR 2022, Table 3";
/// Where CLIP-LoRA's figures come from.
pub const CLIP_LORA_PAPER: &str =
    "Zanella and Ben Ayed, Low-Rank Few-Shot Adaptation of Vision-Language Models, CVPRW 2024";
/// Where the figures with ten shots come from.
pub const DISEF_NOTEBOOK: &str =
    "Deep Learning 2025 Project: DISEF on Flowers102 (a reimplementation, seed 001)";

/// Every figure here was measured with this image encoder.
const BACKBONE: &str = "ViT-B/16";

/// A published result of learning on the base classes of a data set, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaseToNew {
    /// As its authors write it; "Average" for the mean of the eleven.
    pub dataset: &'static str,
    pub method: &'static str,
    pub backbone: &'static str,
    /// Images of each class learned from; zero-shot rows of the same table have it too.
    pub shots: usize,
    pub base: f64,
    pub new: f64,
    /// The harmonic mean as published.
    pub harmonic: f64,
    pub source: &'static str,
}

impl BaseToNew {
    /// As a row of a table with the columns base, new and H.
    pub fn row(&self) -> Row {
        let cells = [self.base, self.new, self.harmonic];
        Row {
            name: self.method.into(),
            cells: cells.map(|percent| Some(Cell::percent(percent))).into(),
        }
    }
}

/// A published accuracy on all classes, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FewShot {
    /// "Average" for the mean of the eleven data sets of CoOp.
    pub dataset: &'static str,
    pub method: &'static str,
    pub backbone: &'static str,
    pub shots: usize,
    pub accuracy: f64,
    pub source: &'static str,
}

/// The published results from base to new classes, in the order of their table.
/// Names are compared without case and punctuation; folders' names of the data sets,
/// such as `oxford_pets`, are known too.
pub fn base_to_new(dataset: &str, backbone: &str, shots: usize) -> Vec<BaseToNew> {
    let wanted = |result: &BaseToNew| {
        same_dataset(result.dataset, dataset)
            && plain(result.backbone) == plain(backbone)
            && result.shots == shots
    };
    all_base_to_new().filter(wanted).collect()
}

/// The published result of one method from base to new classes.
pub fn base_to_new_of(
    dataset: &str,
    backbone: &str,
    shots: usize,
    method: &str,
) -> Option<BaseToNew> {
    let results = base_to_new(dataset, backbone, shots).into_iter();
    results
        .into_iter()
        .find(|result| plain(result.method) == plain(method))
}

/// The published few-shot accuracies of a data set, by shots.
pub fn few_shot(dataset: &str, backbone: &str) -> Vec<FewShot> {
    let wanted = same_dataset("Average", dataset) && plain(BACKBONE) == plain(backbone);
    let results = CLIP_LORA_FEW_SHOT.into_iter().filter(|_| wanted);
    results
        .map(|(shots, accuracy)| FewShot {
            dataset: "Average",
            method: "CLIP-LoRA",
            backbone: BACKBONE,
            shots,
            accuracy,
            source: CLIP_LORA_PAPER,
        })
        .collect()
}

/// Every published result from base to new classes.
pub fn all_base_to_new() -> impl Iterator<Item = BaseToNew> {
    let of_paper = BASE_TO_NEW_16_SHOTS.iter().flat_map(|(dataset, methods)| {
        let named = ["CLIP", "CoOp", "CoCoOp"].into_iter().zip(methods);
        named.map(move |(method, figures)| (*dataset, method, 16, *figures, COCOOP_PAPER))
    });
    let of_notebook = FLOWERS_10_SHOTS
        .iter()
        .map(|(method, figures)| ("Flowers102", *method, 10, *figures, DISEF_NOTEBOOK));
    let all = of_paper.chain(of_notebook);
    all.map(
        |(dataset, method, shots, [base, new, harmonic], source)| BaseToNew {
            dataset,
            method,
            backbone: BACKBONE,
            shots,
            base,
            new,
            harmonic,
            source,
        },
    )
}

/// The data sets' other names: folders and configurations of CoOp's repository.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("oxfordflowers", "flowers102"),
    ("flowers", "flowers102"),
    ("describabletextures", "dtd"),
    ("aircraft", "fgvcaircraft"),
    ("cars", "stanfordcars"),
    ("pets", "oxfordpets"),
    ("caltech", "caltech101"),
    ("food", "food101"),
];

fn same_dataset(ours: &str, asked: &str) -> bool {
    let asked = plain(asked);
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == asked);
    plain(ours) == other.map_or(asked, |(_, name)| (*name).to_owned())
}

/// Letters and digits alone, without case.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Base, new and H of CLIP, CoOp and CoCoOp.
#[rustfmt::skip]
const BASE_TO_NEW_16_SHOTS: [(&str, [[f64; 3]; 3]); 12] = [
    ("ImageNet",     [[72.43, 68.14, 70.22], [76.47, 67.88, 71.92], [75.98, 70.43, 73.10]]),
    ("Caltech101",   [[96.84, 94.00, 95.40], [98.00, 89.81, 93.73], [97.96, 93.81, 95.84]]),
    ("OxfordPets",   [[91.17, 97.26, 94.12], [93.67, 95.29, 94.47], [95.20, 97.69, 96.43]]),
    ("StanfordCars", [[63.37, 74.89, 68.65], [78.12, 60.40, 68.13], [70.49, 73.59, 72.01]]),
    ("Flowers102",   [[72.08, 77.80, 74.83], [97.60, 59.67, 74.06], [94.87, 71.75, 81.71]]),
    ("Food101",      [[90.10, 91.22, 90.66], [88.33, 82.26, 85.19], [90.70, 91.29, 90.99]]),
    ("FGVCAircraft", [[27.19, 36.29, 31.09], [40.44, 22.30, 28.75], [33.41, 23.71, 27.74]]),
    ("SUN397",       [[69.36, 75.35, 72.23], [80.60, 65.89, 72.51], [79.74, 76.86, 78.27]]),
    ("DTD",          [[53.24, 59.90, 56.37], [79.44, 41.18, 54.24], [77.01, 56.00, 64.85]]),
    ("EuroSAT",      [[56.48, 64.05, 60.03], [92.19, 54.74, 68.69], [87.49, 60.04, 71.21]]),
    ("UCF101",       [[70.53, 77.50, 73.85], [84.69, 56.05, 67.46], [82.33, 73.45, 77.64]]),
    ("Average",      [[69.34, 74.22, 71.70], [82.69, 63.22, 71.66], [80.47, 71.69, 75.83]]),
];

/// Base, new and H on Flowers102.
#[rustfmt::skip]
const FLOWERS_10_SHOTS: [(&str, [f64; 3]); 5] = [
    ("CLIP",            [71.33, 78.24, 74.62]),
    ("CoCoOp",          [95.19, 71.11, 81.41]),
    ("CLIP-LoRA",       [96.81, 74.13, 83.96]),
    ("DISEF",           [95.27, 75.44, 84.20]),
    ("DISEF, improved", [95.07, 75.87, 84.39]),
];

/// Shots, and the mean accuracy over the eleven data sets.
const CLIP_LORA_FEW_SHOT: [(usize, f64); 3] = [(1, 72.5), (4, 77.4), (16, 83.0)];
