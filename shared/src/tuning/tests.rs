use candle_core::{DType, Device, Tensor, Var};
use image::{Rgb, RgbImage};

use super::{
    Augmenter, Layout, Loss, Preset, Selection, Tuned, Tuner, TuningSettings, ViewKind, entropy,
    kept_of, mean_log_distribution, most_confident, select_confident,
};
use crate::clip::{Clip, Tokenizer, Weights, logits, normalise};
use crate::learners::{
    ClassTokenPosition, ContextInit, Coop, CoopSettings, PromptTokens, text_features,
};
use crate::train::AdamW;
use crate::views::augmix::AugMix;

mod steps;

fn clip() -> Clip {
    let bytes = include_bytes!("../../../static/model/tiny.safetensors");
    Clip::load(Weights::from_bytes(bytes, &Device::Cpu).unwrap()).unwrap()
}

/// Values between −1 and 1, the same for the same seed.
fn values(dims: &[usize], seed: u64) -> Tensor {
    let count: usize = dims.iter().product();
    let value =
        |at: usize| ((at as u64 * 2_654_435_761 + seed * 97) % 10_007) as f32 / 5_003.5 - 1.0;
    Tensor::from_vec((0..count).map(value).collect(), dims, &Device::Cpu).unwrap()
}

fn names(count: usize) -> Vec<String> {
    let colours = ["red", "blue", "green", "yellow", "black", "white"];
    let shapes = ["circle", "square", "star"];
    let name = |at: usize| format!("{} {}", colours[at % 6], shapes[at / 6 % 3]);
    (0..count).map(name).collect()
}

const LAYOUT: Layout = Layout {
    patches: 4,
    n_aug: 3,
};

/// Settings for views in that layout.
fn settings(loss: Loss, steps: usize, classes_at_once: usize) -> TuningSettings {
    TuningSettings {
        loss,
        layout: LAYOUT,
        steps,
        classes_at_once,
        ..TuningSettings::default()
    }
}

struct Start {
    clip: Clip,
    coop: Coop,
    tokens: PromptTokens,
}

impl Start {
    fn new(class_specific: bool, init: ContextInit) -> Self {
        let clip = clip();
        let tokenizer = Tokenizer::new(clip.text.vocabulary()).unwrap();
        let names = names(7);
        let settings = CoopSettings {
            n_ctx: 4,
            class_specific,
            position: ClassTokenPosition::End,
            init,
        };
        let coop = Coop::new(&clip, &tokenizer, &names, &settings).unwrap();
        let tokens = PromptTokens::new(&tokenizer, &names);
        Self { clip, coop, tokens }
    }

    fn tuner(&self, settings: TuningSettings) -> crate::Result<Tuner> {
        Tuner::new(&self.clip, &self.coop, &self.tokens, settings)
    }

    fn images(&self, count: u64) -> Vec<Tensor> {
        let dims = [LAYOUT.views(), self.clip.config.embed_dim];
        let image = |seed| normalise(&values(&dims, seed + 1)).unwrap();
        (0..count).map(image).collect()
    }

    /// One image as the references do it: every step encodes all prompts anew.
    fn plainly(&self, views: &Tensor, settings: TuningSettings) -> (Vec<f32>, Tensor, Tensor) {
        let prompts = self.coop.prompts(&self.clip, &self.tokens).unwrap();
        let scale = self.clip.logit_scale().unwrap();
        let context = Var::from_tensor(&self.coop.context).unwrap();
        let mut optimizer = AdamW::new(vec![context.clone()], settings.weight_decay);
        let answer = || {
            let text = text_features(&self.clip, &prompts, &context).unwrap();
            logits(views, &text, scale).unwrap()
        };
        let mut losses = Vec::new();
        for _ in 0..settings.steps {
            let loss = settings.loss;
            let loss = loss
                .value(&answer(), settings.layout, settings.selection)
                .unwrap();
            losses.push(loss.to_scalar().unwrap());
            optimizer
                .step(&loss.backward().unwrap(), settings.lr)
                .unwrap();
        }
        let after = answer().get(0).unwrap();
        (losses, context.as_tensor().detach(), after)
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn many_images_at_once_are_tuned_as_each_alone() {
    let random = || ContextInit::Random { seed: 3 };
    let words = || ContextInit::Words("a photo of [CLS] here".into());
    let cases = [
        (false, random(), Loss::DefaultTpt, 1, 256),
        (false, words(), Loss::PatchLoss3, 1, 3),
        (true, random(), Loss::PatchLoss6, 1, 256),
        (true, random(), Loss::CrossEntropySoft, 1, 2),
        (false, random(), Loss::PatchLoss2, 3, 256),
    ];
    for (class_specific, init, loss, steps, classes_at_once) in cases {
        let start = Start::new(class_specific, init);
        let settings = settings(loss, steps, classes_at_once);
        let tuner = start.tuner(settings).unwrap();
        let images = start.images(3);
        let together = tuner.tune_many(&images).unwrap();
        for (image, tuned) in images.iter().zip(&together) {
            let what = format!("{}, {steps} steps", loss.name());
            let (losses, context, after) = start.plainly(image, settings);
            assert!(largest_difference(&tuned.losses, &losses) < 1e-3, "{what}");
            let context: Vec<f32> = context.flatten_all().unwrap().to_vec1().unwrap();
            // A step goes by the sign of a gradient: where that is rounding, it may turn.
            let off = tuned.context.concat();
            let off = off
                .iter()
                .zip(&context)
                .filter(|(a, b)| (*a - *b).abs() > 1e-4);
            assert!(off.count() * 50 <= context.len(), "{what}: contexts differ");
            assert!(
                largest_difference(&tuned.tuned, &after.to_vec1().unwrap()) < 0.02,
                "{what}"
            );
            assert_ne!(tuned.base, tuned.tuned, "{what}");
            assert!(tuned.moved.iter().all(|moved| *moved > 0.0), "{what}");
            assert_eq!(tuned.views.len(), LAYOUT.views(), "{what}");
            let again: Tuned = tuner.tune(image).unwrap();
            assert!(
                largest_difference(&again.base, &tuned.base) < 1e-4,
                "{what}"
            );
        }
    }
}

#[test]
fn what_cannot_be_tuned_is_refused_before_work_starts() {
    let fine = TuningSettings {
        layout: LAYOUT,
        ..TuningSettings::default()
    };
    let of = |loss, all, layout| TuningSettings {
        loss,
        layout,
        selection: Selection {
            all,
            ..Selection::default()
        },
        ..fine
    };
    let alone = Layout::default();
    let unaugmented = Layout {
        patches: 4,
        n_aug: 0,
    };
    for (settings, views, classes, expected) in [
        (fine, 0, 7, "the number of views is 0"),
        (fine, 20, 1, "the number of classes is 1"),
        (
            TuningSettings { steps: 0, ..fine },
            20,
            7,
            "the number of steps",
        ),
        (
            TuningSettings {
                lr: f64::NAN,
                ..fine
            },
            20,
            7,
            "lr is NaN",
        ),
        (
            of(Loss::DefaultTpt, 0.1, alone),
            9,
            7,
            "0.1 of 9 views, which keeps none",
        ),
        (
            of(Loss::CrossEntropyHard1, 1.0, alone),
            1,
            7,
            "1 of 0 views",
        ),
        (
            of(Loss::CrossEntropyHard5, 0.5, alone),
            20,
            4,
            "5 or more for crossentropy_hard5",
        ),
        (
            of(Loss::PatchLoss1, 0.1, alone),
            1,
            7,
            "the number of patches is 0",
        ),
        (
            of(Loss::PatchLoss4, 0.1, unaugmented),
            5,
            7,
            "0.9 of 1 views",
        ),
        (
            of(Loss::PatchLoss5, 0.1, LAYOUT),
            19,
            7,
            "the number of views is 19; expected 20",
        ),
        (
            of(Loss::DefaultTpt, 1.5, LAYOUT),
            20,
            7,
            "the share of trusted views is 1.5",
        ),
    ] {
        let error = settings.check(views, classes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}; expected {expected}");
    }
    assert!(fine.check(20, 7).is_ok());
    assert!("tpt".parse::<Loss>().is_err());
    for loss in Loss::ALL {
        assert_eq!(loss.name().parse::<Loss>().unwrap(), loss);
        let json = serde_json::to_string(&loss).unwrap();
        assert_eq!(json, format!("\"{}\"", loss.name()));
    }
}

#[test]
fn the_most_confident_views_are_kept() {
    for (entropies, kept, expected) in [
        (&[0.3, 0.1, 0.2][..], 2, &[1, 2][..]),
        // Ties: the earlier first.
        (&[0.5, 0.1, 0.5, 0.1], 3, &[1, 3, 0]),
        (&[0.5], 5, &[0]),
        (&[0.5], 0, &[]),
    ] {
        assert_eq!(most_confident(entropies, kept), expected);
    }
    // The fraction is cut off, as Python's int does.
    for (count, share, expected) in [(64, 0.1, 6), (5, 0.9, 4), (9, 0.1, 0), (3, 7.0, 3)] {
        assert_eq!(kept_of(count, share), expected);
    }
    let sure = Tensor::new(&[[9f32, 0., 0.], [0., 0., 0.], [0., 30., 0.]], &Device::Cpu).unwrap();
    assert_eq!(select_confident(&sure, 0.7).unwrap(), [2, 0]);
    let error = select_confident(&sure, 0.3).unwrap_err().to_string();
    assert!(
        error.contains("0.3 of 3 views, which keeps none"),
        "{error}"
    );

    let entropies: Vec<f32> = entropy(&sure).unwrap().to_vec1().unwrap();
    assert!((entropies[1] - 3f32.ln()).abs() < 1e-6, "{entropies:?}");
    let mean = mean_log_distribution(&sure).unwrap().exp().unwrap();
    let sum: f32 = mean.sum_all().unwrap().to_scalar().unwrap();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn equal_patches_share_the_gradient_of_the_lowest_entropy() {
    let row = [2f32, 0.5, -1.0];
    let same = Tensor::new(&[row, row, row, row], &Device::Cpu).unwrap();
    let logits = Var::from_tensor(&same).unwrap();
    let layout = Layout {
        patches: 1,
        n_aug: 1,
    };
    let selection = Selection {
        patch: 1.0,
        ..Selection::default()
    };
    let loss = Loss::PatchLoss4.value(&logits, layout, selection).unwrap();
    let gradients = loss.backward().unwrap();
    let gradient: Vec<Vec<f32>> = gradients.get(&logits).unwrap().to_vec2().unwrap();
    for other in &gradient {
        assert!(
            largest_difference(other, &gradient[0]) < 1e-6,
            "{gradient:?}"
        );
        assert!(other.iter().any(|value| value.abs() > 0.01), "{gradient:?}");
    }
    assert_eq!(same.dtype(), DType::F32);
}

fn picture(width: u32, height: u32) -> RgbImage {
    let colour = |x: u32, y: u32| Rgb([(x * 7) as u8, (y * 5) as u8, (x * y) as u8]);
    RgbImage::from_fn(width, height, colour)
}

#[test]
fn views_come_in_the_order_of_their_layout() {
    let image = picture(90, 60);
    let mixed = Some(AugMix::default());
    let patches = |patches, overlap, n_aug, augmix| Augmenter::Patches {
        patches,
        overlap,
        n_aug,
        augmix,
    };
    let crops = |augmix| match Augmenter::tpt() {
        Augmenter::Views { crop, .. } => Augmenter::Views {
            count: 5,
            crop,
            augmix,
        },
        other => other,
    };
    for augmenter in [
        crops(None),
        crops(mixed),
        patches(8, 0.8, 2, mixed),
        patches(16, 0.0, 0, None),
    ] {
        let views = augmenter.views(&image, 32, 11).unwrap();
        let layout = augmenter.layout();
        assert_eq!(views.len(), layout.views(), "{augmenter:?}");
        assert_eq!(views[0].kind, ViewKind::Image);
        assert!(
            views
                .iter()
                .all(|view| view.pixels.dimensions() == (32, 32))
        );
        assert!(views.iter().all(|view| view.source.is_inside(90, 60)));
        assert_eq!(
            views,
            augmenter.views(&image, 32, 11).unwrap(),
            "{augmenter:?}"
        );
        for (at, view) in views.iter().enumerate() {
            let (group, copy) = (at / (layout.n_aug + 1), at % (layout.n_aug + 1));
            let expected = match (augmenter, group, copy) {
                (_, 0, 0) => ViewKind::Image,
                (Augmenter::Views { .. }, _, crop) => ViewKind::Crop { crop },
                (_, 0, copy) => ViewKind::ImageCopy { copy },
                (_, patch, 0) => ViewKind::Patch { patch },
                (_, patch, copy) => ViewKind::PatchCopy { patch, copy },
            };
            assert_eq!(view.kind, expected, "{augmenter:?}, view {at}");
            if let Some(draw) = &view.mixed {
                assert!((draw.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                assert!((draw.original + draw.changed - 1.0).abs() < 1e-5);
            }
        }
        let other = augmenter.views(&image, 32, 12).unwrap();
        let is_random = views.iter().any(|view| view.mixed.is_some()) || layout.patches == 0;
        assert_eq!(views != other, is_random, "{augmenter:?}");
    }
}

#[test]
fn augmenters_without_sense_are_refused() {
    let Augmenter::Views { crop, .. } = Augmenter::tpt() else {
        panic!("the paper's augmenter makes crops");
    };
    let patches = |patches, overlap| Augmenter::Patches {
        patches,
        overlap,
        n_aug: 1,
        augmix: None,
    };
    let mixed = |augmix| Augmenter::Views {
        count: 2,
        crop,
        augmix: Some(augmix),
    };
    let none = Augmenter::Views {
        count: 0,
        crop,
        augmix: None,
    };
    let plain = AugMix::default();
    for (augmenter, expected) in [
        (none, "the number of views is 0"),
        (patches(0, 0.0), "the number of patches is 0"),
        (patches(4, 1.0), "the overlap is 1"),
        (patches(4, -0.1), "the overlap is -0.1"),
        (patches(4, f64::NAN), "the overlap is NaN"),
        (
            patches(400, 0.0),
            "no more than pixels along each side of 9 × 9",
        ),
        (
            mixed(AugMix {
                severity: 0,
                ..plain
            }),
            "severity is 0",
        ),
        (
            mixed(AugMix {
                severity: 11,
                ..plain
            }),
            "severity is 11",
        ),
        (
            mixed(AugMix {
                mixture_width: 0,
                ..plain
            }),
            "mixture width is 0",
        ),
        (
            mixed(AugMix {
                chain_depth: Some(0),
                ..plain
            }),
            "chain depth is 0",
        ),
        (
            mixed(AugMix {
                alpha: 0.0,
                ..plain
            }),
            "alpha is 0",
        ),
    ] {
        let error = augmenter
            .views(&picture(9, 9), 8, 0)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}; expected {expected}");
    }
}
