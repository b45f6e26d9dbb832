//! Views through the worker's messages say what the library says of them at once.

use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::learners::{
    ClassTokenPosition, CoCoOp, ContextInit, CoopSettings, Learner, LinearProbe,
};
use clipwright_shared::ops::softmax;
use clipwright_shared::protocol::{
    Answer, Event, Message, Progress, Prompts, Request, ViewsAnswer, ViewsRequest,
};
use clipwright_shared::tuning::{Augmenter, Preset, entropy};
use clipwright_shared::views;

use crate::engine::tests::{MODEL, adapter, file, png_of};
use crate::engine::{Engine, NamedFile};

const NAMES: [&str; 4] = ["red circle", "blue star", "green heart", "ring"];

fn picture(red: u8) -> Vec<u8> {
    let image = image::RgbImage::from_fn(97, 80, |x, y| {
        let is_inside = (x as i32 - 40).pow(2) + (y as i32 - 30).pow(2) < 600;
        image::Rgb(if is_inside {
            [red, 30, 40]
        } else {
            [x as u8, 90, y as u8]
        })
    });
    png_of(&image)
}

fn names() -> Vec<String> {
    NAMES.map(String::from).to_vec()
}

fn request(augmenter: Augmenter, learned: Option<&str>) -> ViewsRequest {
    ViewsRequest {
        augmenter,
        seed: 5,
        learned: learned.map(String::from),
        prompts: Prompts {
            class_names: names(),
            templates: vec!["a photo of a {}.".into()],
        },
    }
}

fn patches(along: usize, overlap: f64) -> Augmenter {
    Augmenter::Patches {
        patches: along * along,
        overlap,
        n_aug: 0,
        augmix: None,
    }
}

fn mixed(count: usize) -> Augmenter {
    let mut augmenter = Preset::Notebook.augmenter();
    if let Augmenter::Views { count: crops, .. } = &mut augmenter {
        *crops = count;
    }
    augmenter
}

/// Learned files of each kind that is asked in its own way: prompts of each image's own,
/// an image encoder of its own, and features that are not normalised.
fn learned() -> [(&'static str, Vec<u8>); 3] {
    let session = Session::from_bytes(MODEL, &Device::Cpu).unwrap();
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    let settings = CoopSettings {
        n_ctx: 2,
        class_specific: false,
        position: ClassTokenPosition::End,
        init: ContextInit::Random { seed: 3 },
    };
    let cocoop = CoCoOp::new(clip, tokenizer, &names(), &settings, 3).unwrap();
    let bytes = |learner: &Learner| adapter::file_of(&session, learner);
    [
        ("cocoop", bytes(&Learner::CoCoOp(cocoop))),
        ("lora", bytes(&adapter::lora(&session, names(), 0.1))),
        ("probe", bytes(&probe(&session))),
    ]
}

fn probe(session: &Session) -> Learner {
    let dims = (NAMES.len(), session.clip.config.embed_dim);
    let weights = (0..dims.0 * dims.1).map(|at| (at as f32).sin());
    Learner::LinearProbe(LinearProbe {
        weight: Tensor::from_iter(weights, &Device::Cpu)
            .unwrap()
            .reshape(dims)
            .unwrap(),
        bias: Tensor::new(&[0.5f32, -1.0, 0.25, 0.0], &Device::Cpu).unwrap(),
        class_names: names(),
    })
}

/// An engine with the model and the learned files open.
fn engine() -> Engine {
    let mut engine = Engine::default();
    let name = "tiny".to_string();
    done(
        &mut engine,
        Request::LoadModel {
            name,
            only_image: false,
        },
        vec![file("tiny", MODEL)],
    );
    for (name, bytes) in learned() {
        load(&mut engine, name, &bytes);
    }
    engine
}

fn load(engine: &mut Engine, name: &str, bytes: &[u8]) {
    let request = Request::LoadLearned { name: name.into() };
    let name = format!("{name}.safetensors");
    done(engine, request, vec![file(&name, bytes)]);
}

/// What a request comes to.
fn done(engine: &mut Engine, request: Request, files: Vec<NamedFile>) -> Answer {
    engine.receive(
        Message::Do {
            task: 1,
            request: request.into(),
        },
        files,
    );
    let mut last = None;
    while let Some(reply) = engine.step() {
        last = Some(reply.event);
    }
    match last {
        Some(Event::Done { answer, .. }) => answer,
        other => panic!("{other:?}"),
    }
}

/// What is told of a question about views: progress, the answer, its pixels.
fn told(
    engine: &mut Engine,
    request: &ViewsRequest,
    image: &[u8],
) -> (Vec<Progress>, ViewsAnswer, Vec<u8>) {
    let request = Request::Views(request.clone());
    engine.receive(
        Message::Do {
            task: 2,
            request: request.into(),
        },
        vec![file("image", image)],
    );
    let mut progress = Vec::new();
    while let Some(reply) = engine.step() {
        match reply.event {
            Event::Progress { progress: told, .. } => progress.push(told),
            Event::Done {
                answer: Answer::Views(answer),
                ..
            } => return (progress, answer, reply.pixels),
            other => panic!("{other:?}"),
        }
    }
    panic!("no answer")
}

/// Checks an answer against the library's own, all views at once.
fn check(request: &ViewsRequest, image: &[u8], answer: &ViewsAnswer, pixels: &[u8]) {
    let mut session = Session::from_bytes(MODEL, &Device::Cpu).unwrap();
    for (name, bytes) in learned() {
        session.add_learned(name, &bytes).unwrap();
    }
    let ViewsRequest {
        augmenter,
        seed,
        learned,
        prompts,
    } = request;
    let image = views::decode(image).unwrap().into_rgb();
    let side = session.clip.config.image.side as u32;
    let expected = augmenter.views(&image, side, *seed).unwrap();
    let squares: Vec<_> = expected.iter().map(|view| view.pixels.clone()).collect();
    let encoder = session.image_encoder(learned.as_deref()).unwrap();
    let features = encoder.forward(&session.pixels(&squares).unwrap()).unwrap();
    let classifier = session
        .classifier(learned.as_deref(), &prompts.class_names, &prompts.templates)
        .unwrap();
    let logits = classifier.logits(&features).unwrap();
    let entropies: Vec<f32> = entropy(&logits).unwrap().to_vec1().unwrap();
    let probabilities: Vec<Vec<f32>> = softmax(&logits).unwrap().to_vec2().unwrap();

    assert_eq!((answer.width, answer.height, answer.side), (97, 80, side));
    assert_eq!(answer.views.len(), expected.len());
    for (at, (got, view)) in answer.views.iter().zip(&expected).enumerate() {
        assert_eq!(
            (got.kind, got.source),
            (view.kind, view.source),
            "view {at}"
        );
        assert_eq!(
            (got.is_flipped, &got.mixed),
            (view.is_flipped, &view.mixed),
            "view {at}"
        );
        assert!((got.entropy - entropies[at]).abs() < 1e-4, "view {at}");
        for (got, expected) in got.probabilities.iter().zip(&probabilities[at]) {
            assert!(
                (got - expected).abs() < 1e-5,
                "view {at}: {got}, not {expected}"
            );
        }
    }
    let square = 4 * (side * side) as usize;
    assert_eq!(pixels.len(), square * expected.len());
    for (got, view) in pixels.chunks_exact(square).zip(&expected) {
        let rgb: Vec<u8> = got
            .chunks_exact(4)
            .flat_map(|pixel| &pixel[..3])
            .copied()
            .collect();
        assert_eq!(&rgb, view.pixels.as_raw());
        assert!(got.chunks_exact(4).all(|pixel| pixel[3] == 255));
    }
}

#[test]
fn views_say_what_the_library_says() {
    let mut engine = engine();
    let image = picture(200);
    for (augmenter, learned) in [
        (patches(1, 0.0), None),
        (patches(3, 0.5), None),
        (patches(3, 0.5), Some("cocoop")),
        (patches(3, 0.5), Some("lora")),
        (patches(3, 0.5), Some("probe")),
        (mixed(20), None),
        (mixed(20), Some("lora")),
        (mixed(5), Some("cocoop")),
    ] {
        let request = request(augmenter, learned);
        let (_, answer, pixels) = told(&mut engine, &request, &image);
        check(&request, &image, &answer, &pixels);
    }
}

#[test]
fn it_tells_how_far_it_is_in_views() {
    let mut engine = engine();
    for (learned, rounds) in [(None, 1), (Some("cocoop"), 2)] {
        let image = picture(rounds as u8);
        let (progress, answer, _) = told(&mut engine, &request(mixed(40), learned), &image);
        assert_eq!(answer.views.len(), 41);
        assert!(progress.len() > 2, "{progress:?}");
        assert!(
            progress.iter().all(|told| told.total == 41 * rounds),
            "{progress:?}"
        );
        assert!(progress.is_sorted_by_key(|told| told.done), "{progress:?}");
        assert_eq!(progress[0].done, 0);
        assert!(progress.last().unwrap().done < 41 * rounds);
    }
}

#[test]
fn other_prompts_need_no_new_features() {
    let mut engine = engine();
    let image = picture(200);
    let first = request(mixed(40), None);
    let (long, ..) = told(&mut engine, &first, &image);
    let mut other = first.clone();
    other.prompts.templates = vec!["a sketch of a {}.".into()];
    other.prompts.class_names.push("cross".into());
    let (short, answer, pixels) = told(&mut engine, &other, &image);
    assert!(
        short.len() < long.len(),
        "{} of {}",
        short.len(),
        long.len()
    );
    assert_eq!(short.len(), 1, "nothing is encoded");
    check(&other, &image, &answer, &pixels);

    // Another image, seed, augmenter or encoder is another matter.
    let another = picture(10);
    let (_, answer, pixels) = told(&mut engine, &first, &another);
    check(&first, &another, &answer, &pixels);
    let seeded = ViewsRequest {
        seed: 6,
        ..first.clone()
    };
    let (_, answer, pixels) = told(&mut engine, &seeded, &image);
    check(&seeded, &image, &answer, &pixels);
}

#[test]
fn a_learned_file_of_the_same_name_sees_anew() {
    let mut engine = engine();
    let image = picture(200);
    let asked = request(patches(2, 0.0), Some("lora"));
    let (_, before, _) = told(&mut engine, &asked, &image);
    let [(_, cocoop), (_, lora), _] = learned();
    load(&mut engine, "lora", &cocoop);
    let (_, answer, _) = told(&mut engine, &asked, &image);
    assert_ne!(answer, before);
    load(&mut engine, "lora", &lora);
    let (_, answer, _) = told(&mut engine, &asked, &image);
    assert_eq!(answer, before);
}

#[test]
fn what_does_not_fit_is_said_before_the_work() {
    let mut engine = engine();
    let image = picture(200);
    let one_class = {
        let mut request = request(patches(2, 0.0), None);
        request.prompts.class_names.truncate(1);
        request
    };
    for (request, image, expected) in [
        (request(patches(2, 0.0), Some("gone")), &image[..], "gone"),
        (one_class, &image, "class names"),
        (request(mixed(0), None), &image, "number of views"),
        (request(mixed(2), None), b"no image", "image"),
    ] {
        let request = Request::Views(request);
        engine.receive(
            Message::Do {
                task: 3,
                request: request.into(),
            },
            vec![file("image", image)],
        );
        let event = engine.step().unwrap().event;
        let Event::Failed { message, .. } = event else {
            panic!("{expected}: {event:?}");
        };
        assert!(message.contains(expected), "{message}");
        assert!(engine.is_idle());
    }
}
