use std::cell::Cell;
use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::rc::Rc;

use clipwright_shared::protocol::{Answer, ClassProbability, Event, Message, Prompts, Request};
use safetensors::tensor::{Dtype, TensorView};

use super::{
    Content, Engine, Failure, Lack, Memory, NamedFile, Reader, Reply, Running, Step, Work,
};

pub mod adapter;

/// The model that comes with the page.
pub const MODEL: &[u8] = include_bytes!("../../../static/model/tiny.safetensors");

/// Layers, patch and side of the little model below.
const PATCH: usize = 4;
const WIDTH: usize = 64;
const VOCABULARY: usize = 600;

fn block(prefix: &str) -> Vec<(String, Vec<usize>)> {
    let prefix = format!("{prefix}.resblocks.0");
    let mut tensors = Vec::new();
    for norm in ["ln_1", "ln_2"] {
        tensors.push((format!("{prefix}.{norm}.weight"), vec![WIDTH]));
        tensors.push((format!("{prefix}.{norm}.bias"), vec![WIDTH]));
    }
    for (layer, rows, columns) in [
        ("attn.out_proj", WIDTH, WIDTH),
        ("mlp.c_fc", 4 * WIDTH, WIDTH),
        ("mlp.c_proj", WIDTH, 4 * WIDTH),
    ] {
        tensors.push((format!("{prefix}.{layer}.weight"), vec![rows, columns]));
        tensors.push((format!("{prefix}.{layer}.bias"), vec![rows]));
    }
    tensors.push((
        format!("{prefix}.attn.in_proj_weight"),
        vec![3 * WIDTH, WIDTH],
    ));
    tensors.push((format!("{prefix}.attn.in_proj_bias"), vec![3 * WIDTH]));
    tensors
}

#[test]
fn a_long_list_of_classes_is_answered_in_parts() {
    use clipwright_shared::protocol::Classification;

    let session = || clipwright_shared::Session::from_bytes(MODEL, &candle_core::Device::Cpu);
    let mut memory = Memory::default();
    memory.open(session().unwrap());
    let prompts = Prompts {
        class_names: (0..2000).map(|at| format!("thing {at}")).collect(),
        templates: vec!["a photo of a {}.".into()],
    };
    let image = include_bytes!("../../../static/samples/yellow-plain-cross.png");
    let file = || NamedFile::new("image", *image);
    let mut work = super::classify::Classify::new(prompts.clone(), vec![file()]);
    let mut told = Vec::new();
    let answer = loop {
        match work.step(&mut memory).unwrap() {
            Step::Going(progress) => told.push((progress.done, progress.total)),
            Step::Done(Answer::Classified(answer), _) => break answer,
            step => panic!("{step:?}"),
        }
    };
    assert!(told.len() > 2, "{told:?}");
    assert!(
        told.iter()
            .all(|(done, total)| *done < 2000 && *total == 2000)
    );
    assert!(told.is_sorted_by(|a, b| a.0 < b.0), "{told:?}");
    let picture = clipwright_shared::views::decode(image).unwrap();
    let mut whole = session().unwrap();
    let whole = whole
        .classify(&picture, &prompts.class_names, &prompts.templates)
        .unwrap();
    let top = |answer: &Classification| answer.rankings[0].classes[0].clone();
    assert_eq!(top(&answer).class, top(&whole).class);
    assert!((top(&answer).probability - top(&whole).probability).abs() < 1e-6);
    // Once encoded, the names are there for the next image.
    let mut again = super::classify::Classify::new(prompts, vec![file()]);
    assert!(matches!(again.step(&mut memory).unwrap(), Step::Done(..)));
}

/// A CLIP of one layer with arbitrary weights, as f16 safetensors.
fn little_model() -> Vec<u8> {
    let mut shapes: Vec<(String, Vec<usize>)> = [
        ("visual.conv1.weight", vec![WIDTH, 3, PATCH, PATCH]),
        ("visual.class_embedding", vec![WIDTH]),
        ("visual.positional_embedding", vec![5, WIDTH]),
        ("visual.ln_pre.weight", vec![WIDTH]),
        ("visual.ln_pre.bias", vec![WIDTH]),
        ("visual.ln_post.weight", vec![WIDTH]),
        ("visual.ln_post.bias", vec![WIDTH]),
        ("visual.proj", vec![WIDTH, WIDTH]),
        ("token_embedding.weight", vec![VOCABULARY, WIDTH]),
        ("positional_embedding", vec![16, WIDTH]),
        ("ln_final.weight", vec![WIDTH]),
        ("ln_final.bias", vec![WIDTH]),
        ("text_projection", vec![WIDTH, WIDTH]),
        ("logit_scale", vec![]),
    ]
    .map(|(name, dims)| (name.to_string(), dims))
    .into();
    shapes.extend(block("visual.transformer"));
    shapes.extend(block("transformer"));
    let mut state = 1u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        half::f16::from_f32((state >> 8) as f32 / (1 << 24) as f32 - 0.5)
    };
    let data: HashMap<String, (Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, dims)| {
            let count = dims.iter().product();
            let bytes = (0..count).flat_map(|_| value().to_le_bytes()).collect();
            (name, (dims, bytes))
        })
        .collect();
    let views = data.iter().map(|(name, (dims, bytes))| {
        (
            name,
            TensorView::new(Dtype::F16, dims.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

/// The bytes of a PNG of `image`.
pub fn png_of(image: &image::RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn png() -> Vec<u8> {
    let image =
        image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8 * 16, y as u8 * 16, 90]));
    png_of(&image)
}

pub fn file(name: &str, bytes: &[u8]) -> NamedFile {
    NamedFile::new(name, bytes)
}

fn load() -> Request {
    Request::LoadModel {
        name: "little".into(),
        only_image: false,
    }
}

fn classify() -> Request {
    Request::Classify { prompts: prompts() }
}

pub fn prompts() -> Prompts {
    Prompts {
        class_names: vec!["ring".into(), "star".into(), "heart".into()],
        templates: vec!["a photo of a {}.".into()],
    }
}

/// Sends a request with one file and works until it is answered.
pub fn ask(engine: &mut Engine, request: Request, bytes: &[u8]) -> Reply {
    let files = vec![file("file", bytes)];
    let request = Box::new(request);
    let request = Message::Do { task: 7, request };
    assert!(engine.receive(request, files).is_empty());
    loop {
        let reply = engine.step().expect("an answer");
        if !matches!(reply.event, Event::Progress { .. }) {
            return reply;
        }
    }
}

/// An engine with the little model open.
pub fn engine() -> Engine {
    let mut engine = Engine::default();
    let reply = ask(&mut engine, load(), &little_model());
    let Event::Done {
        answer: Answer::ModelLoaded { info },
        ..
    } = reply.event
    else {
        panic!("the model was not opened: {reply:?}");
    };
    assert_eq!((info.image_side, info.embed_dim), (8, WIDTH));
    engine
}

fn failed(reply: Reply) -> (u32, String, Option<String>) {
    match reply.event {
        Event::Failed {
            task,
            message,
            hint,
        } => (task, message, hint),
        other => panic!("nothing failed: {other:?}"),
    }
}

fn ranking(reply: Reply) -> Vec<ClassProbability> {
    match reply.event {
        Event::Done {
            task: 7,
            answer: Answer::Classified(mut classification),
        } => classification.rankings.remove(0).classes,
        other => panic!("nothing was classified: {other:?}"),
    }
}

#[test]
fn classifies_with_an_open_model() {
    let classes = ranking(ask(&mut engine(), classify(), &png()));
    assert_eq!(classes.len(), 3);
    assert!(classes.is_sorted_by(|a, b| a.probability >= b.probability));
    let sum: f32 = classes.iter().map(|class| class.probability).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn a_question_before_any_model_fails_with_its_task_and_a_hint() {
    let (task, _, hint) = failed(ask(&mut Engine::default(), classify(), &png()));
    assert_eq!(task, 7);
    assert!(hint.is_some());
}

#[test]
fn a_damaged_model_leaves_the_open_one() {
    let mut engine = engine();
    let mut bytes = little_model();
    bytes.truncate(bytes.len() / 2);
    let (_, _, hint) = failed(ask(&mut engine, load(), &bytes));
    assert!(hint.is_some());
    assert_eq!(ranking(ask(&mut engine, classify(), &png())).len(), 3);
}

#[test]
fn a_truncated_image_fails() {
    let mut bytes = png();
    bytes.truncate(60);
    let (_, message, _) = failed(ask(&mut engine(), classify(), &bytes));
    assert!(message.starts_with("image "), "{message}");
}

#[test]
fn a_cancelled_task_is_answered_once_and_not_worked_on() {
    let mut engine = engine();
    let request = Message::Do {
        task: 3,
        request: Box::new(classify()),
    };
    assert!(engine.receive(request, Vec::new()).is_empty());
    let replies = engine.receive(Message::Cancel { task: 3 }, Vec::new());
    let events: Vec<Event> = replies.into_iter().map(|reply| reply.event).collect();
    assert_eq!(events, [Event::Cancelled { task: 3 }]);
    assert!(engine.is_idle() && engine.step().is_none());
    assert!(
        engine
            .receive(Message::Cancel { task: 3 }, Vec::new())
            .is_empty()
    );
}

/// A file of which more and more is there.
struct Arriving {
    bytes: Vec<u8>,
    here: Rc<Cell<usize>>,
    is_lost: bool,
}

impl Reader for Arriving {
    fn length(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, place: Range<u64>) -> Result<Option<Vec<u8>>, Failure> {
        let [from, to] = [place.start as usize, place.end.min(1 << 31) as usize];
        let is_whole = self.here.get() == self.bytes.len();
        match self.here.get() >= to {
            true => Ok(Some(self.bytes[from..to].to_vec())),
            false if is_whole => Ok(Some(self.bytes[from..].to_vec())),
            false if self.is_lost => Err(Failure {
                message: "the line is dead".into(),
                hint: None,
            }),
            false => Ok(None),
        }
    }
}

#[test]
fn a_model_is_opened_as_it_comes() {
    for is_lost in [false, true] {
        let mut engine = engine();
        let here = Rc::new(Cell::new(0));
        let bytes = little_model();
        let (length, part) = (bytes.len(), bytes.len() / 7);
        let reader = Arriving {
            bytes,
            here: here.clone(),
            is_lost,
        };
        let files = vec![NamedFile {
            name: "model.safetensors".into(),
            content: Content::Elsewhere(Box::new(reader)),
        }];
        let request = Box::new(load());
        let request = Message::Do { task: 4, request };
        assert!(engine.receive(request, files).is_empty());
        let mut told = Vec::new();
        let mut last = None;
        while last.is_none() {
            while let Some(reply) = engine.step() {
                match reply.event {
                    Event::Progress { task: 4, progress } => told.push(progress.done),
                    other => last = Some(other),
                }
            }
            if last.is_none() {
                assert!(
                    engine.is_idle() && here.get() < length,
                    "nothing to do until more comes"
                );
                here.set((here.get() + part).min(length));
                assert_eq!(engine.news_came(), None);
                assert!(!engine.is_idle());
            }
        }
        match (is_lost, last) {
            (false, Some(Event::Done { task: 4, .. })) => {}
            (true, Some(Event::Failed { message, .. })) => assert!(message.contains("dead")),
            (_, other) => panic!("{other:?}"),
        }
        assert!(told.is_sorted());
        // Either way some model answers.
        assert_eq!(ranking(ask(&mut engine, classify(), &png())).len(), 3);
    }
}

/// Waits once, then is done.
struct Waits(bool);

impl Work for Waits {
    fn step(&mut self, _: &mut Memory) -> Result<Step, Failure> {
        let name = String::from("waited");
        match std::mem::replace(&mut self.0, true) {
            false => Ok(Step::Waiting(Lack::Vocabulary)),
            true => Ok(Step::Done(Answer::LearnedRemoved { name }, Vec::new())),
        }
    }
}

#[test]
fn what_waits_for_the_vocabulary_goes_on_with_it_or_fails() {
    let whole = include_str!("../../../static/vocabulary/merges.txt");
    for (fetched, goes_on) in [
        (Err("status 404".into()), false),
        (Ok("<!doctype html>".into()), false),
        (Ok(whole.into()), true),
    ] {
        let mut engine = Engine::default();
        assert_eq!(engine.bring_vocabulary(Err("early".into())), None);
        engine.question = Some(Running {
            task: 5,
            work: Box::new(Waits(false)),
            lacks: None,
        });
        assert!(!engine.is_idle() && !engine.wants_vocabulary());
        assert_eq!(engine.step(), None);
        // Nothing is to be done until it comes.
        assert!(engine.is_idle() && engine.wants_vocabulary());
        assert_eq!(engine.step(), None);
        let reply = engine.bring_vocabulary(fetched);
        assert!(!engine.wants_vocabulary());
        match goes_on {
            true => {
                assert_eq!(reply, None);
                let event = engine.step().map(|reply| reply.event);
                assert!(matches!(event, Some(Event::Done { task: 5, .. })));
            }
            false => {
                let (task, message, hint) = failed(reply.unwrap());
                assert_eq!(task, 5);
                assert!(
                    message.contains("vocabulary") && hint.is_some(),
                    "{message}"
                );
            }
        }
        assert!(engine.is_idle());
    }
}
