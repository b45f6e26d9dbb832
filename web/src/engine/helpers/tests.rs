//! Whoever encodes views, the answer is the same.

use std::cell::RefCell;
use std::rc::Rc;

use clipwright_shared::protocol::{Answer, Event, Message, Prompts, Request, ViewsRequest};
use clipwright_shared::tuning::Augmenter;

use super::Helpers;
use crate::engine::tests::{MODEL, adapter, file, png_of};
use crate::engine::{Engine, NamedFile, Reply};

/// An engine that hears at once and answers late, as a worker does, and the last answer
/// first; it breaks down after some.
struct Far {
    engine: Engine,
    waiting: Vec<(u32, Vec<f32>)>,
    done: Vec<(u32, Option<Vec<f32>>)>,
    /// The adapter that it has.
    adapter: Vec<u8>,
    room: usize,
    lasts: usize,
    expected: f64,
    numbers: u32,
}

#[derive(Clone)]
struct Handle(Rc<RefCell<Far>>);

impl Helpers for Handle {
    fn expect(&mut self, multiplications: f64) {
        self.0.borrow_mut().expected += multiplications;
    }

    fn offer(&mut self, side: u32, views: &[u8], adapter: Option<&[u8]>) -> Option<u32> {
        let mut far = self.0.borrow_mut();
        if far.waiting.len() >= far.room {
            return None;
        }
        far.numbers += 1;
        let number = far.numbers;
        let mut files = vec![file("views", views)];
        if let Some(adapter) = adapter.filter(|adapter| *adapter != far.adapter) {
            files.push(file("adapter", adapter));
            far.adapter = adapter.into();
        }
        let features = far.encode(side, adapter.is_some(), files);
        far.waiting.push((number, features));
        Some(number)
    }

    fn take(&mut self) -> Vec<(u32, Option<Vec<f32>>)> {
        std::mem::take(&mut self.0.borrow_mut().done)
    }
}

impl Far {
    fn encode(&mut self, side: u32, adapted: bool, files: Vec<NamedFile>) -> Vec<f32> {
        let request = Box::new(Request::EncodeViews { side, adapted });
        let task = self.numbers;
        let message = Message::Do { task, request };
        let [Reply { event, pixels }] = &self.engine.receive(message, files)[..] else {
            panic!("one reply");
        };
        let answer = Answer::ViewsEncoded;
        assert_eq!(*event, Event::Done { task, answer });
        let floats = pixels.as_chunks().0.iter();
        floats.map(|float| f32::from_le_bytes(*float)).collect()
    }

    fn answer(&mut self) -> bool {
        let Some((number, features)) = self.waiting.pop() else {
            return false;
        };
        let lasts = self.lasts > 0;
        self.lasts -= usize::from(lasts);
        self.done.push((number, lasts.then_some(features)));
        true
    }
}

fn engine(only_image: bool) -> Engine {
    let mut engine = Engine::default();
    let name = "tiny".into();
    let request = Box::new(Request::LoadModel { name, only_image });
    engine.receive(Message::Do { task: 0, request }, vec![file("tiny", MODEL)]);
    let mut events = std::iter::from_fn(|| engine.step()).map(|reply| reply.event);
    assert!(events.any(|event| matches!(event, Event::Done { .. })));
    engine
}

/// The answers to questions about 80 views, as each of these sees them, and how many
/// batches the helper gave back.
fn answers(far: Option<&Handle>, eyes: &[Option<&str>]) -> (Vec<Reply>, usize) {
    let mut engine = engine(false);
    let session = engine.memory.session().unwrap();
    for (name, shift) in [("near", 0.1), ("far", 0.3)] {
        let learner = adapter::lora(session, classes(), shift);
        let bytes = adapter::file_of(session, &learner);
        session.add_learned(name, &bytes).unwrap();
    }
    let site = session.ready_file("far", &classes()).unwrap().unwrap();
    session.add_ready_file("site", &site).unwrap();
    if let Some(far) = far {
        engine.helped_by(far.clone());
    }
    let mut given = 0;
    let answers = eyes
        .iter()
        .map(|learned| answer(&mut engine, *learned, far, &mut given));
    (answers.collect(), given)
}

fn classes() -> Vec<String> {
    ["red circle", "blue star"].map(String::from).to_vec()
}

fn answer(
    engine: &mut Engine,
    learned: Option<&str>,
    far: Option<&Handle>,
    given: &mut usize,
) -> Reply {
    // What was seen is not to be remembered.
    engine.memory.views.clear();
    let image = image::RgbImage::from_fn(97, 80, |x, y| image::Rgb([x as u8, 90, y as u8]));
    let request = Box::new(Request::Views(ViewsRequest {
        augmenter: Augmenter::Patches {
            patches: 9,
            overlap: 0.1,
            n_aug: 7,
            augmix: None,
        },
        seed: 5,
        learned: learned.map(String::from),
        prompts: Prompts {
            class_names: classes(),
            templates: vec!["a photo of a {}.".into()],
        },
    }));
    engine.receive(
        Message::Do { task: 2, request },
        vec![file("image", &png_of(&image))],
    );
    loop {
        while let Some(reply) = engine.step() {
            if !matches!(reply.event, Event::Progress { .. }) {
                return reply;
            }
        }
        // Nothing is left but what the helper has.
        let far = far.expect("without help it never waits");
        assert!(far.0.borrow_mut().answer(), "it waits for nothing");
        *given += 1;
        assert_eq!(engine.news_came(), None);
    }
}

/// Asks with and without help: so much room, so many batches that it lasts.
fn same(eyes: &[Option<&str>], helps: &[(usize, usize)]) -> Vec<Reply> {
    let (alone, _) = answers(None, eyes);
    for reply in &alone {
        let Event::Done {
            answer: Answer::Views(views),
            ..
        } = &reply.event
        else {
            panic!("{:?}", reply.event);
        };
        assert_eq!(views.views.len(), 80);
    }
    for &(room, lasts) in helps {
        let far = Handle(Rc::new(RefCell::new(Far {
            engine: engine(true),
            waiting: Vec::new(),
            done: Vec::new(),
            adapter: Vec::new(),
            room,
            lasts,
            expected: 0.0,
            numbers: 0,
        })));
        let (helped, given) = answers(Some(&far), eyes);
        assert!(helped == alone, "{room} {lasts}");
        assert_eq!(given > 0, room > 0);
        assert!(far.0.borrow().expected > 1e9, "the whole work is told");
    }
    alone
}

#[test]
fn whoever_encodes_views_the_answer_is_the_same() {
    same(
        &[None],
        &[(0, 0), (1, 9), (2, 9), (100, 100), (3, 0), (100, 2)],
    );
}

#[test]
fn helpers_see_through_an_adapter_too_and_through_another_next() {
    let eyes = [Some("near"), None, Some("far"), Some("near"), Some("site")];
    let seen = same(&eyes, &[(1, 9), (2, 100), (100, 50)]);
    assert!(seen[0] != seen[1] && seen[0] != seen[2] && seen[1] != seen[2]);
    assert!(seen[0] == seen[3] && seen[2] == seen[4]);
}
