//! Tuning through the worker's messages comes to what the library's tuner comes to at
//! once.

use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::clip::normalise;
use clipwright_shared::learners::{
    ClassTokenPosition, ContextInit, Coop, CoopSettings, PromptTokens,
};
use clipwright_shared::ops::softmax;
use clipwright_shared::protocol::{
    Answer, Event, Message, Prompts, Request, TuneAnswer, TuneRequest,
};
use clipwright_shared::tuning::{Loss, Preset, Tuned, Tuner, TuningSettings};
use clipwright_shared::views;

use crate::engine::Engine;
use crate::engine::tests::{MODEL, file, png_of};

/// Learning rate and steps that move an answer.
const STEPS: usize = 3;

fn picture() -> Vec<u8> {
    let image = image::RgbImage::from_fn(96, 80, |x, y| {
        let is_inside = (x as i32 - 48).pow(2) + (y as i32 - 40).pow(2) < 900;
        image::Rgb(if is_inside {
            [200, 30, 40]
        } else {
            [x as u8, 90, y as u8]
        })
    });
    png_of(&image)
}

fn request(preset: Preset, template: &str) -> TuneRequest {
    let names = ["red circle", "blue star", "green heart", "ring", "cross"];
    let augmenter = preset.augmenter();
    TuneRequest {
        augmenter,
        seed: 7,
        settings: TuningSettings {
            loss: preset.loss(),
            layout: augmenter.layout(),
            steps: STEPS,
            ..TuningSettings::default()
        },
        learned: None,
        prompts: Prompts {
            class_names: names.map(String::from).to_vec(),
            templates: vec![template.into()],
        },
    }
}

/// An engine with the model open.
fn engine() -> Engine {
    let mut engine = Engine::default();
    let name = "tiny".to_string();
    let request = Box::new(Request::LoadModel {
        name,
        only_image: false,
    });
    engine.receive(Message::Do { task: 0, request }, vec![file("tiny", MODEL)]);
    let mut events = std::iter::from_fn(|| engine.step()).map(|reply| reply.event);
    assert!(events.any(|event| matches!(event, Event::Done { .. })));
    engine
}

/// Everything that is told of one request.
fn told(engine: &mut Engine, request: TuneRequest) -> (Vec<Event>, Vec<u8>) {
    let request = Box::new(Request::Tune(Box::new(request)));
    engine.receive(
        Message::Do { task: 2, request },
        vec![file("image", &picture())],
    );
    let (mut events, mut pixels) = (Vec::new(), Vec::new());
    while let Some(reply) = engine.step() {
        events.push(reply.event);
        pixels = reply.pixels;
    }
    (events, pixels)
}

/// The same as the command line does it.
fn tuned_at_once(request: &TuneRequest, words: &str) -> Tuned {
    let session = Session::from_bytes(MODEL, &Device::Cpu).unwrap();
    let names = &request.prompts.class_names;
    let settings = CoopSettings {
        n_ctx: 1,
        class_specific: false,
        position: ClassTokenPosition::End,
        init: ContextInit::Words(words.into()),
    };
    let coop = Coop::new(&session.clip, &session.tokenizer, names, &settings).unwrap();
    let tokens = PromptTokens::new(&session.tokenizer, names);
    let tuner = Tuner::new(&session.clip, &coop, &tokens, request.settings).unwrap();
    let image = views::decode(&picture()).unwrap().into_rgb();
    let side = session.clip.config.image.side as u32;
    let views = request.augmenter.views(&image, side, request.seed).unwrap();
    let views: Vec<_> = views.into_iter().map(|view| view.pixels).collect();
    let features = session
        .clip
        .image
        .forward(&session.pixels(&views).unwrap())
        .unwrap();
    tuner.tune(&normalise(&features).unwrap()).unwrap()
}

fn probabilities(logits: &[f32]) -> Vec<f32> {
    let logits = Tensor::new(logits, &Device::Cpu).unwrap();
    softmax(&logits).unwrap().to_vec1().unwrap()
}

fn assert_close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() < tolerance,
            "{what}: {got}, expected {expected}"
        );
    }
}

fn tuned(events: &[Event]) -> &TuneAnswer {
    match events.last() {
        Some(Event::Done {
            answer: Answer::Tuned(answer),
            ..
        }) => answer,
        other => panic!("not tuned: {other:?}"),
    }
}

#[test]
fn steps_in_the_worker_are_those_of_the_tuner() {
    let mut engine = engine();
    for (preset, template, words) in [
        (Preset::Notebook, "a photo of a {}.", "a photo of a"),
        (Preset::Patches, "a photo of a {}", "a photo of a"),
        (Preset::Hard1, "a {} of a photo.", "a [CLS] of a photo"),
    ] {
        let request = request(preset, template);
        let (events, pixels) = told(&mut engine, request.clone());
        let answer = tuned(&events);
        let expected = tuned_at_once(&request, words);
        let what = preset.name();
        assert_eq!(answer.points.len(), STEPS + 1, "{what}");
        let losses: Vec<f32> = answer.points.iter().map(|point| point.loss).collect();
        assert_close(what, &losses[..STEPS], &expected.losses, 1e-4);
        let (first, last) = (&answer.points[0], &answer.points[STEPS]);
        assert_close(
            what,
            &first.probabilities,
            &probabilities(&expected.base),
            1e-4,
        );
        assert_close(
            what,
            &last.probabilities,
            &probabilities(&expected.tuned),
            1e-4,
        );
        assert_close(what, &last.moved, &expected.moved, 1e-3);
        let selected = |views: &[clipwright_shared::tuning::SeenView]| {
            views
                .iter()
                .map(|view| view.is_selected)
                .collect::<Vec<_>>()
        };
        assert_eq!(selected(&first.views), selected(&expected.views), "{what}");
        assert_eq!(answer.context.words.len(), answer.context.n_ctx, "{what}");
        let side = answer.side as usize;
        assert_eq!(pixels.len(), answer.views.len() * side * side * 4, "{what}");
        let (again, same) = told(&mut engine, request);
        assert_eq!(tuned(&again), answer, "{what}");
        assert_eq!(same, pixels, "{what}");
        assert_eq!(again.len(), 2 + STEPS, "{what}: the views are still there");
    }
}

#[test]
fn the_start_says_what_zero_shot_says_of_any_template() {
    let mut engine = engine();
    for template in [
        "an unphotographable thing, such as a {}, in a museum.",
        "{} texture.",
    ] {
        let request = request(Preset::Tpt, template);
        let (events, _) = told(&mut engine, request.clone());
        let answer = tuned(&events);
        let Prompts {
            class_names,
            templates,
        } = &request.prompts;
        let mut session = Session::from_bytes(MODEL, &Device::Cpu).unwrap();
        let picture = views::decode(&picture()).unwrap();
        let ranked = session.classify(&picture, class_names, templates).unwrap();
        for (name, got) in class_names.iter().zip(&answer.points[0].probabilities) {
            let classes = &ranked.rankings[0].classes;
            let expected = classes.iter().find(|class| class.class == *name).unwrap();
            let expected = expected.probability;
            assert!(
                (got - expected).abs() < 1e-4,
                "{template}: {name} {got}, expected {expected}"
            );
        }
        let words = answer.context.words.concat().replace(' ', "");
        let said = template.trim_end_matches('.').replace([' ', '{', '}'], "");
        assert_eq!(words, said, "every token is there");
    }
}

#[test]
fn progress_is_told_and_each_step_as_it_is_taken() {
    let mut engine = engine();
    let (events, _) = told(&mut engine, request(Preset::Patches, "a photo of a {}."));
    let mut done_before = 0;
    let mut points = Vec::new();
    for event in &events[..events.len() - 1] {
        let Event::Progress { task: 2, progress } = event else {
            panic!("{event:?}");
        };
        assert!(progress.done >= done_before, "it goes forward");
        assert_eq!(progress.total, 85 + STEPS);
        done_before = progress.done;
        match &progress.so_far {
            None => {}
            Some(Answer::Tuned(answer)) => points.push(answer.points.len()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(points, [1, 2, 3], "the start and each step but the last");
    assert!(events.len() > 85 / 16 + STEPS, "views come some at a time");
}

#[test]
fn it_stops_between_two_steps() {
    let mut engine = engine();
    let request = Box::new(Request::Tune(Box::new(request(
        Preset::Notebook,
        "a photo of a {}.",
    ))));
    engine.receive(
        Message::Do { task: 4, request },
        vec![file("image", &picture())],
    );
    for _ in 0..3 {
        let reply = engine.step().unwrap();
        assert!(matches!(reply.event, Event::Progress { .. }), "{reply:?}");
    }
    let replies = engine.receive(Message::Cancel { task: 4 }, Vec::new());
    assert!(matches!(replies[0].event, Event::Cancelled { task: 4 }));
    assert!(engine.is_idle());
}

#[test]
fn what_does_not_fit_is_refused_before_any_view_is_made() {
    let mut engine = engine();
    let fine = request(Preset::Notebook, "a photo of a {}.");
    let mut crops = fine.clone();
    crops.settings.loss = Loss::PatchLoss1;
    let mut lonely = fine.clone();
    lonely.prompts.class_names.truncate(1);
    let mut unknown = fine.clone();
    unknown.learned = Some("nowhere".into());
    let mut wordless = fine.clone();
    wordless.prompts.templates = vec!["{}.".into()];
    for (request, expected) in [
        (crops, "the number of patches is 0"),
        (lonely, "expected at least two different"),
        (unknown, "the learned file is nowhere"),
        (wordless, "0 tokens beside the class name"),
    ] {
        let (events, _) = told(&mut engine, request);
        let [Event::Failed { message, .. }] = events.as_slice() else {
            panic!("not refused at once: {events:?}");
        };
        assert!(message.contains(expected), "{message}");
    }
}
