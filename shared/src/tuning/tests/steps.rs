//! What is done bit by bit comes to the same as what is done at once.

use super::*;
use crate::ops::softmax;

#[test]
fn steps_lead_where_tuning_at_once_leads() {
    for (class_specific, loss, steps, classes_at_once) in [
        (false, Loss::DefaultTpt, 3, 256),
        (false, Loss::PatchLoss1, 1, 2),
        (true, Loss::CrossEntropyHard1, 2, 256),
    ] {
        let start = Start::new(class_specific, ContextInit::Random { seed: 5 });
        let settings = settings(loss, steps, classes_at_once);
        let tuner = start.tuner(settings).unwrap();
        let images = start.images(2);
        let at_once = tuner.tune_many(&images).unwrap();
        let mut tuning = tuner.begin(&images).unwrap();
        let mut points = vec![tuner.points(&tuning).unwrap()];
        for step in 1..=steps {
            tuner.step(&mut tuning).unwrap();
            assert_eq!(tuning.steps(), step);
            points.push(tuner.points(&tuning).unwrap());
        }
        for (image, tuned) in at_once.iter().enumerate() {
            let what = format!("{}, image {image}", loss.name());
            let points: Vec<_> = points.iter().map(|point| &point[image]).collect();
            let losses: Vec<f32> = points.iter().map(|point| point.loss).collect();
            assert!(
                largest_difference(&losses[..steps], &tuned.losses) < 1e-5,
                "{what}: {losses:?}"
            );
            let (first, last) = (points[0], points[steps]);
            for (point, logits) in [(first, &tuned.base), (last, &tuned.tuned)] {
                let logits = Tensor::new(logits.as_slice(), &Device::Cpu).unwrap();
                let expected: Vec<f32> = softmax(&logits).unwrap().to_vec1().unwrap();
                assert!(
                    largest_difference(&point.probabilities, &expected) < 1e-5,
                    "{what}"
                );
                assert_eq!(point.views.len(), LAYOUT.views(), "{what}");
            }
            assert!(first.moved.iter().all(|moved| *moved == 0.0), "{what}");
            assert!(
                largest_difference(&last.moved, &tuned.moved) < 1e-5,
                "{what}"
            );
            assert_eq!(first.views, tuned.views, "{what}");
            assert_ne!(first.probabilities, last.probabilities, "{what}");
        }
    }
    let start = Start::new(false, ContextInit::Random { seed: 5 });
    let settings = settings(Loss::DefaultTpt, 1, 256);
    let nothing = start.tuner(settings).unwrap().begin(&[]);
    let error = nothing.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("the number of images is 0"), "{error}");
}

#[test]
fn views_made_in_turn_are_those_made_at_once() {
    let augmix = Some(AugMix::default());
    let mut crops = Augmenter::tpt();
    if let Augmenter::Views {
        count,
        augmix: mixed,
        ..
    } = &mut crops
    {
        (*count, *mixed) = (4, augmix);
    }
    let patches = |patches, n_aug, augmix| Augmenter::Patches {
        patches,
        overlap: 0.4,
        n_aug,
        augmix,
    };
    for augmenter in [
        crops,
        Augmenter::tpt(),
        patches(5, 2, augmix),
        patches(9, 0, None),
    ] {
        let image = picture(70, 50);
        let at_once = augmenter.views(&image, 16, 3).unwrap();
        let in_turn = augmenter.in_turn(image, 16, 3).unwrap();
        assert_eq!(in_turn.total(), at_once.len());
        let in_turn = in_turn.collect::<crate::Result<Vec<_>>>().unwrap();
        assert_eq!(in_turn, at_once, "{augmenter:?}");
    }

    let mut too_many = patches(400, 0, None).in_turn(picture(9, 9), 8, 0).unwrap();
    assert_eq!(too_many.next().unwrap().unwrap().kind, ViewKind::Image);
    let error = too_many.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("no more than pixels"), "{error}");
    assert!(too_many.next().is_none(), "nothing follows an error");
    assert!(patches(0, 0, None).in_turn(picture(9, 9), 8, 0).is_err());
}

#[test]
fn presets_are_settings_that_work() {
    for preset in Preset::ALL {
        let (augmenter, loss) = (preset.augmenter(), preset.loss());
        augmenter.check().unwrap();
        let layout = augmenter.layout();
        let settings = TuningSettings {
            loss,
            layout,
            ..TuningSettings::default()
        };
        settings.check(layout.views(), 7).unwrap();
        let json = serde_json::to_string(&preset).unwrap();
        assert_eq!(json, format!("\"{}\"", preset.name()));
    }
}
