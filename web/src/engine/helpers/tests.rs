//! Whoever encodes views, the answer is the same.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use clipwright_shared::protocol::{Answer, Event, Message, Prompts, Request, ViewsRequest};
use clipwright_shared::tuning::Augmenter;

use super::Helpers;
use crate::engine::tests::{MODEL, file, png_of};
use crate::engine::{Engine, Reply};

/// An engine behind a queue, as a worker is; it breaks down after some batches.
struct Far {
    engine: Engine,
    waiting: VecDeque<(u32, u32, Vec<u8>)>,
    done: Vec<(u32, Option<Vec<f32>>)>,
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

    fn offer(&mut self, side: u32, views: &[u8]) -> Option<u32> {
        let mut far = self.0.borrow_mut();
        if far.waiting.len() >= far.room {
            return None;
        }
        far.numbers += 1;
        let number = far.numbers;
        far.waiting.push_back((number, side, views.to_vec()));
        Some(number)
    }

    fn take(&mut self) -> Vec<(u32, Option<Vec<f32>>)> {
        std::mem::take(&mut self.0.borrow_mut().done)
    }
}

impl Far {
    /// Does the batch that came last: helpers need not keep the order.
    fn work(&mut self) -> bool {
        let Some((number, side, views)) = self.waiting.pop_back() else {
            return false;
        };
        let features = (self.lasts > 0).then(|| {
            self.lasts -= 1;
            let request = Box::new(Request::EncodeViews { side });
            let task = number;
            let message = Message::Do { task, request };
            let [Reply { event, pixels }] =
                &self.engine.receive(message, vec![file("views", &views)])[..]
            else {
                panic!("one reply");
            };
            let answer = Answer::ViewsEncoded;
            assert_eq!(*event, Event::Done { task, answer });
            let floats = pixels.as_chunks().0.iter();
            floats.map(|float| f32::from_le_bytes(*float)).collect()
        });
        self.done.push((number, features));
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

/// The answer to a question about 80 views, and how many batches the helper gave back.
fn answer(far: Option<&Handle>) -> (Reply, usize) {
    let mut engine = engine(false);
    if let Some(far) = far {
        engine.helped_by(far.clone());
    }
    let image = image::RgbImage::from_fn(97, 80, |x, y| image::Rgb([x as u8, 90, y as u8]));
    let request = Box::new(Request::Views(ViewsRequest {
        augmenter: Augmenter::Patches {
            patches: 9,
            overlap: 0.1,
            n_aug: 7,
            augmix: None,
        },
        seed: 5,
        learned: None,
        prompts: Prompts {
            class_names: ["red circle", "blue star"].map(String::from).to_vec(),
            templates: vec!["a photo of a {}.".into()],
        },
    }));
    engine.receive(
        Message::Do { task: 2, request },
        vec![file("image", &png_of(&image))],
    );
    let mut given = 0;
    loop {
        while let Some(reply) = engine.step() {
            if !matches!(reply.event, Event::Progress { .. }) {
                return (reply, given);
            }
        }
        // Nothing is left but what the helper has.
        let far = far.expect("without help it never waits");
        assert!(far.0.borrow_mut().work(), "it waits for nothing");
        given += 1;
        assert_eq!(engine.news_came(), None);
    }
}

#[test]
fn whoever_encodes_views_the_answer_is_the_same() {
    let (alone, _) = answer(None);
    assert!(
        matches!(&alone.event, Event::Done { answer: Answer::Views(views), .. } if views.views.len() == 80)
    );
    for (room, lasts) in [(0, 0), (1, 9), (2, 9), (100, 100), (3, 0), (100, 2)] {
        let far = Handle(Rc::new(RefCell::new(Far {
            engine: engine(true),
            waiting: VecDeque::new(),
            done: Vec::new(),
            room,
            lasts,
            expected: 0.0,
            numbers: 0,
        })));
        let (helped, given) = answer(Some(&far));
        assert_eq!(helped, alone, "{room} {lasts}");
        assert_eq!(given > 0, room > 0);
        assert!(far.0.borrow().expected > 1e9, "the whole work is told");
    }
}
