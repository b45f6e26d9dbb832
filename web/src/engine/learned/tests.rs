//! What the worker tells of learned files is what the library tells of them.

use candle_core::{Device, Tensor};
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::normalise;
use clipwright_shared::explain::{ExplainSettings, Explanation, explain};
use clipwright_shared::learners::{
    ClassTokenPosition, CoCoOp, ContextInit, Coop, CoopSettings, Learner, LinearProbe, Method,
};
use clipwright_shared::protocol::{
    Answer, Event, LearnedAnswer, LearnedRequest, Message, Prompts, Request,
};
use clipwright_shared::views;

use crate::engine::Engine;
use crate::engine::tests::{adapter, engine, file, png_of};

const CLASSES: [&str; 3] = ["ring", "star", "heart"];

fn names() -> Vec<String> {
    CLASSES.map(String::from).to_vec()
}

fn picture(red: u8) -> Vec<u8> {
    let image = image::RgbImage::from_fn(16, 16, |x, y| {
        image::Rgb([red, (x * 9) as u8, (y * 13) as u8])
    });
    png_of(&image)
}

fn request(learned: Option<&str>) -> LearnedRequest {
    LearnedRequest {
        learned: learned.map(Into::into),
        class: None,
        prompts: Prompts {
            class_names: names(),
            templates: vec!["a photo of a {}.".into()],
        },
        images: vec![5, 6],
        shown: Some(0),
        kept: Vec::new(),
    }
}

/// The answer, and how many steps came before it.
fn ask(engine: &mut Engine, request: LearnedRequest) -> (LearnedAnswer, usize) {
    let files = [picture(10), picture(240)].map(|bytes| file("image", &bytes));
    let message = Message::Do {
        task: 3,
        request: Box::new(Request::Learned(request)),
    };
    assert!(engine.receive(message, files.into()).is_empty());
    let mut told = 0;
    loop {
        match engine.step().expect("an answer").event {
            Event::Progress { progress, .. } => {
                told += 1;
                assert!(progress.done == told && progress.done < progress.total);
            }
            Event::Done {
                answer: Answer::Learned(answer),
                ..
            } => return (answer, told),
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// An engine that has learned by every method, with what it learned.
fn learned() -> (Engine, Vec<(&'static str, LearnedFile)>) {
    let mut engine = engine();
    let session = engine.memory.session().unwrap();
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    let settings = |class_specific| CoopSettings {
        n_ctx: 2,
        class_specific,
        position: ClassTokenPosition::End,
        init: ContextInit::Random { seed: 4 },
    };
    let coop = |own| Coop::new(clip, tokenizer, &names(), &settings(own)).unwrap();
    let cocoop = CoCoOp::new(clip, tokenizer, &names(), &settings(false), 9).unwrap();
    let weight = Tensor::randn(0f32, 1.0, (3, clip.config.embed_dim), &Device::Cpu).unwrap();
    let learners = [
        ("shared", Learner::Coop(coop(false))),
        ("own", Learner::Coop(coop(true))),
        ("moving", Learner::CoCoOp(cocoop)),
        ("adapter", adapter::lora(session, names(), 0.2)),
        (
            "probe",
            Learner::LinearProbe(LinearProbe {
                weight,
                bias: Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap(),
                class_names: names(),
            }),
        ),
    ];
    let files = learners.map(|(name, learner)| (name, LearnedFile::new(&learner, None)));
    for (name, file) in &files {
        session.add_learned_file(name, file).unwrap();
    }
    (engine, files.to_vec())
}

#[test]
fn every_method_is_told_as_the_library_tells_it() {
    let (mut engine, files) = learned();
    for (name, file) in &files {
        let is_own = *name == "own";
        let mut request = request(Some(name));
        request.class = is_own.then(|| "star".into());
        let (answer, _) = ask(&mut engine, request);
        let session = engine.memory.session().unwrap();
        let settings = ExplainSettings {
            nearest: 5,
            classes: is_own.then(|| "star".into()).into_iter().collect(),
            most_classes: 100,
        };
        let model = Some((&session.clip, &session.tokenizer));
        let expected = explain(file, model, &settings).unwrap();
        assert_eq!(answer.explanation.as_ref(), Some(&expected), "{name}");
        assert_eq!(answer.problem, None);
        if let Explanation::Context { vectors, .. } = &expected {
            assert_eq!(vectors.len(), 2);
            assert_eq!(vectors[0].class.as_deref(), is_own.then_some("star"));
        }
        assert_eq!(answer.shift.is_some(), *name == "moving", "{name}");
    }
    let (answer, _) = ask(&mut engine, request(None));
    assert_eq!(answer.explanation, None);
}

#[test]
fn matrices_are_cosines_of_the_prompts() {
    let (mut engine, _) = learned();
    for looked_at in [
        None,
        Some("shared"),
        Some("adapter"),
        Some("moving"),
        Some("probe"),
    ] {
        let (answer, _) = ask(&mut engine, request(looked_at));
        let methods: Vec<Method> = answer
            .learners
            .iter()
            .map(|learner| learner.method)
            .collect();
        let expected = [
            Method::ZeroShot,
            Method::Coop,
            Method::Coop,
            Method::CoCoOp,
            Method::Lora,
            Method::LinearProbe,
        ];
        assert_eq!(methods, expected);
        for (at, learner) in answer.learners.iter().enumerate() {
            assert_eq!(learner.problem, None, "{}", learner.name);
            let is_told = at == 0 || Some(learner.name.as_str()) == looked_at;
            assert_eq!(learner.similarity.is_empty(), !is_told, "{}", learner.name);
            for (row, values) in learner.similarity.iter().enumerate() {
                assert!((values[row] - 1.0).abs() < 1e-5);
                for (column, value) in values.iter().enumerate() {
                    assert!((value - learner.similarity[column][row]).abs() < 1e-6);
                }
            }
        }
        let session = engine.memory.session().unwrap();
        let templates = ["a photo of a {}.".to_string()];
        let classifier = session.classifier(looked_at, &names(), &templates).unwrap();
        if let Some(features) = classifier.text_features() {
            let expected = features.matmul(&features.t().unwrap()).unwrap();
            let learner = answer
                .learners
                .iter()
                .find(|learner| learner.name == looked_at.unwrap_or("zero-shot"));
            assert_eq!(
                learner.unwrap().similarity,
                expected.to_vec2::<f32>().unwrap()
            );
        }
    }
}

#[test]
fn a_moving_context_is_that_of_the_image_shown() {
    let (mut engine, files) = learned();
    let (first, _) = ask(&mut engine, request(Some("moving")));
    let other = LearnedRequest {
        shown: Some(1),
        ..request(Some("moving"))
    };
    let (second, _) = ask(&mut engine, other);
    let session = engine.memory.session().unwrap();
    let Learner::CoCoOp(cocoop) = session.learner(files[2].0).unwrap() else {
        panic!("another method");
    };
    for (answer, red) in [(&first, 10), (&second, 240)] {
        let image = views::decode(&picture(red)).unwrap();
        let pixels = session.pixels(&[views::clip_view(&image, 8).unwrap()]);
        let features = session.clip.image.forward(&pixels.unwrap()).unwrap();
        let features = normalise(&features).unwrap();
        let shift = cocoop.meta_net.forward(&features).unwrap();
        let norm = shift.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>();
        let told = answer.shift.as_ref().unwrap();
        assert!((told.norm - f64::from(norm.unwrap()).sqrt()).abs() < 1e-5);
        let contexts = cocoop.contexts(&features).unwrap().get(0).unwrap();
        for (at, vector) in told.vectors.iter().enumerate() {
            let squares = contexts.get(at).unwrap().sqr().unwrap().sum_all();
            let norm = squares.unwrap().to_scalar::<f32>().unwrap().sqrt();
            assert!((vector.norm - f64::from(norm)).abs() < 1e-5);
            assert_eq!(vector.nearest.len(), 5);
        }
    }
    assert_ne!(first.shift, second.shift);
    assert_ne!(first.learners[3].similarity, second.learners[3].similarity);
    // Without an image there are no such prompts, and everything else is told.
    let without = LearnedRequest {
        shown: None,
        ..request(Some("moving"))
    };
    let (answer, _) = ask(&mut engine, without);
    assert!(answer.shift.is_none() && answer.explanation.is_some());
    assert!(answer.learners[3].problem.is_some());
    assert!(answer.map.together.prompts[3].is_empty());
}

#[test]
fn the_map_holds_what_can_be_placed() {
    let (mut engine, _) = learned();
    let mut asked = request(Some("shared"));
    asked.kept = vec![1, 2];
    let session = engine.memory.session().unwrap();
    let width = session.clip.config.embed_dim;
    let kept = Tensor::ones((1, width), candle_core::DType::F32, &Device::Cpu).unwrap();
    engine.memory.features.insert(2, normalise(&kept).unwrap());
    let (answer, steps) = ask(&mut engine, asked.clone());
    // Two images, six learners.
    assert_eq!(steps, 8);
    for places in [&answer.map.apart, &answer.map.together] {
        let there: Vec<bool> = places.images.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, true, false, true]);
        let counts: Vec<usize> = places.prompts.iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 3, 3, 3, 3, 0]);
        assert!(places.shares[0] >= places.shares[1] && places.shares[1] > 0.0);
    }
    let images = answer.map.together.images.iter().flatten();
    let middle = images.fold([0.0, 0.0], |sum, at| [sum[0] + at[0], sum[1] + at[1]]);
    assert!(
        middle[0].abs() < 1e-5 && middle[1].abs() < 1e-5,
        "{middle:?}"
    );
    assert_eq!(engine.memory.mapped.len(), 2);
    assert_eq!(ask(&mut engine, asked.clone()).0, answer);
    // With an encoder of its own, images are seen anew and the training's cannot be.
    asked.learned = Some("adapter".into());
    let (adapted, _) = ask(&mut engine, asked.clone());
    assert!(adapted.map.apart.images[3].is_none());
    assert_ne!(adapted.map.apart.images[0], answer.map.apart.images[0]);
}

#[test]
fn what_cannot_answer_says_why_in_its_place() {
    let (mut engine, _) = learned();
    let mut asked = request(Some("own"));
    asked.prompts.class_names.push("cross".into());
    let (answer, _) = ask(&mut engine, asked);
    let problems: Vec<bool> = answer
        .learners
        .iter()
        .map(|learner| learner.problem.is_some())
        .collect();
    assert_eq!(problems, [false, false, true, false, false, true]);
    assert!(answer.explanation.is_some());
    // More classes than anybody could look at.
    let mut asked = request(None);
    asked.prompts.class_names = (0..130).map(|number| format!("{number}")).collect();
    let (answer, _) = ask(&mut engine, asked);
    assert_eq!(answer.classes, 100);
    assert_eq!(answer.learners[0].similarity.len(), 100);
}
