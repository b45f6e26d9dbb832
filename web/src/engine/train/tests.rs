//! Courses on the embedded model, beside the same training done by hand.

use std::fs;

use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::normalise;
use clipwright_shared::learners::{
    ClassTokenPosition, CoCoOp, ContextInit, Coop, CoopSettings, Method, PromptTokens,
};
use clipwright_shared::protocol::{Answer, Example, TrainNews, TrainPlan, TrainRequest};
use clipwright_shared::train::{
    CoCoOpTrainer, CoopTrainer, OptimizerSettings, Schedule, Targets, Trainer, epoch_batches,
};

use super::Train;
use crate::engine::{Failure, Memory, NamedFile, Step, Work};

const CLASSES: [&str; 3] = ["red star", "blue ring", "green heart"];
const IMAGES: usize = 9;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn memory() -> Memory {
    let model = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../static/model/tiny.safetensors"
    );
    let mut memory = Memory::default();
    memory.open(Session::from_bytes(&fs::read(model).unwrap(), &Device::Cpu).unwrap());
    for image in 0..2 * IMAGES as u32 {
        let features = features(&mut memory, image);
        memory.features.insert(image, features);
    }
    memory
}

/// What image `image` might look like.
fn features(memory: &mut Memory, image: u32) -> Tensor {
    let width = memory.session().unwrap().clip.config.embed_dim;
    let values = (0..width).map(|at| ((at as f32 + 1.0) * (image as f32 + 1.0) * 0.7).sin());
    let values = Tensor::from_vec(values.collect::<Vec<_>>(), (1, width), &Device::Cpu);
    normalise(&values.unwrap()).unwrap()
}

fn plan(method: Method) -> TrainPlan {
    TrainPlan {
        method,
        n_ctx: 2,
        words: String::new(),
        position: ClassTokenPosition::End,
        class_specific: false,
        epochs: 3,
        lr: 2e-2,
        batch: 4,
        seed: 7,
    }
}

fn request(plan: TrainPlan) -> TrainRequest {
    let example = |image: usize| Example {
        image: image as u32,
        label: image % CLASSES.len(),
    };
    TrainRequest {
        course: 1,
        until: plan.epochs,
        plan,
        class_names: names(&CLASSES),
        new_class_names: Vec::new(),
        templates: names(&["a photo of a {}."]),
        learn: (0..IMAGES).map(example).collect(),
        held_out: (IMAGES..IMAGES + 4).map(example).collect(),
        new: Vec::new(),
    }
}

/// What a request told before its answer, and the answer with its files.
struct Outcome {
    told: Vec<TrainNews>,
    news: TrainNews,
    learned: Vec<u8>,
    record: Vec<u8>,
}

fn run(
    request: &TrainRequest,
    record: Option<&[u8]>,
    memory: &mut Memory,
) -> Result<Outcome, Failure> {
    let files = record.map(|record| NamedFile::new("course", record));
    let mut work = Train::new(request.clone(), files.into_iter().collect());
    let mut told = Vec::new();
    loop {
        match work.step(memory)? {
            Step::Going(progress) => {
                assert!(progress.done <= progress.total, "{progress:?}");
                if let Some(Answer::Trained(news)) = progress.so_far {
                    told.push(news);
                }
            }
            Step::Done(Answer::Trained(news), files) => {
                let (learned, record) = files.split_at(news.learned_bytes);
                return Ok(Outcome {
                    told,
                    learned: learned.to_vec(),
                    record: record.to_vec(),
                    news,
                });
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The same training as a plain loop: the learned context.
fn by_hand(plan: &TrainPlan, memory: &mut Memory) -> Vec<f32> {
    let all: Vec<Tensor> = (0..IMAGES as u32)
        .map(|image| features(memory, image))
        .collect();
    let all = Tensor::cat(&all, 0).unwrap();
    let session = memory.session().unwrap();
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    let class_names = names(&CLASSES);
    let tokens = PromptTokens::new(tokenizer, &class_names);
    let settings = CoopSettings {
        n_ctx: plan.n_ctx,
        class_specific: plan.class_specific,
        position: plan.position,
        init: match plan.words.as_str() {
            "" => ContextInit::Random { seed: plan.seed },
            words => ContextInit::Words(words.into()),
        },
    };
    let optimizer = OptimizerSettings::coop();
    let mut trainer: Box<dyn Trainer> = match plan.method {
        Method::CoCoOp => {
            let cocoop = CoCoOp::new(clip, tokenizer, &class_names, &settings, plan.seed).unwrap();
            Box::new(CoCoOpTrainer::new(clip, &cocoop, &tokens, 1000, optimizer).unwrap())
        }
        _ => {
            let coop = Coop::new(clip, tokenizer, &class_names, &settings).unwrap();
            Box::new(CoopTrainer::new(clip, coop, &tokens, 1000, optimizer).unwrap())
        }
    };
    for epoch in 0..plan.epochs {
        for batch in epoch_batches(IMAGES, plan.batch, IMAGES / plan.batch, plan.seed, epoch) {
            let rows: Vec<u32> = batch.iter().map(|&image| image as u32).collect();
            let rows = Tensor::new(rows, &Device::Cpu).unwrap();
            let labels: Vec<usize> = batch.iter().map(|image| image % CLASSES.len()).collect();
            let targets = Targets::of(&labels, &Device::Cpu).unwrap();
            let features = all.index_select(&rows, 0).unwrap();
            let lr = Schedule::coop(plan.lr, plan.epochs).lr(epoch);
            trainer.step(&features, &targets, lr).unwrap();
        }
    }
    let tensors = trainer.learner().unwrap().tensors();
    let (_, context) = tensors.iter().find(|(name, _)| name == "ctx").unwrap();
    context.flatten_all().unwrap().to_vec1().unwrap()
}

fn context(learned: &[u8]) -> Vec<f32> {
    let file = LearnedFile::from_bytes(learned).unwrap();
    let context = file.tensors.get("ctx").unwrap();
    context.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_course_learns_what_the_plain_loop_does() {
    let mut memory = memory();
    for plan in [
        plan(Method::Coop),
        TrainPlan {
            class_specific: true,
            position: ClassTokenPosition::Middle,
            ..plan(Method::Coop)
        },
        TrainPlan {
            words: "a photo of a".into(),
            ..plan(Method::Coop)
        },
        plan(Method::CoCoOp),
    ] {
        let outcome = run(&request(plan.clone()), None, &mut memory).unwrap();
        let expected = by_hand(&plan, &mut memory);
        assert_eq!(context(&outcome.learned), expected, "{plan:?}");
        memory.course = None;

        let epochs: Vec<usize> = outcome.told.iter().map(|news| news.epoch).collect();
        assert_eq!(epochs, [0, 1, 2, 3]);
        let start = outcome.told[0].start.as_ref().unwrap();
        assert_eq!(start.images.len(), IMAGES + 4);
        assert!(start.zero_shot.base.is_some());
        for news in &outcome.told[1..] {
            assert!(news.seen.is_some() && news.test.base.is_some() && news.start.is_none());
            assert_eq!(news.prompts.len(), CLASSES.len());
        }
        let metadata = LearnedFile::from_bytes(&outcome.learned).unwrap().metadata;
        assert_eq!(
            (metadata.shots, metadata.seed, metadata.epochs),
            (Some(3), 7, 3)
        );
    }
}

#[test]
fn stopped_anywhere_it_goes_on_to_the_same_end() {
    let mut memory = memory();
    for method in [Method::Coop, Method::CoCoOp] {
        let request = request(plan(method));
        memory.course = None;
        let whole = run(&request, None, &mut memory).unwrap();

        // By the worker that knows it, after any number of moments.
        for moments in [1, 2, 5, 8, 13] {
            memory.course = None;
            let mut work = Train::new(request.clone(), Vec::new());
            for _ in 0..moments {
                work.step(&mut memory).unwrap();
            }
            drop(work);
            let rest = run(&request, None, &mut memory).unwrap();
            assert_eq!(
                rest.learned, whole.learned,
                "{method:?} after {moments} moments"
            );
        }

        // By another worker, from its record.
        memory.course = None;
        let part = TrainRequest {
            until: 1,
            ..request.clone()
        };
        let part = run(&part, None, &mut memory).unwrap();
        assert_eq!(part.news.epoch, 1);
        let mut other = self::memory();
        other.features.clear();
        let rest = run(&request, Some(&part.record), &mut other).unwrap();
        assert_eq!(rest.learned, whole.learned, "{method:?} from its record");
        assert_eq!(rest.told[0].epoch, 2);
        assert_eq!(rest.told[0].prompts, whole.told[2].prompts, "the map stays");
    }
}

#[test]
fn new_names_are_tested_among_themselves() {
    let mut memory = memory();
    let new = TrainRequest {
        new_class_names: names(&["golden plus", "violet disc"]),
        new: (0..4)
            .map(|at| Example {
                image: (IMAGES + at) as u32,
                label: at % 2,
            })
            .collect(),
        ..request(plan(Method::CoCoOp))
    };
    let outcome = run(&new, None, &mut memory).unwrap();
    let test = outcome.news.test;
    let (base, new_share) = (test.base.unwrap(), test.new.unwrap());
    let mean = test.harmonic.unwrap();
    assert!((mean * (base + new_share) - 2.0 * base * new_share).abs() < 1e-12);
    assert_eq!(outcome.news.prompts.len(), 5);
    assert!([0.0, 0.25, 0.5, 0.75, 1.0].contains(&new_share));
}

#[test]
fn what_does_not_fit_is_refused() {
    let plain = request(plan(Method::Coop));
    let image = |image: u32, label: usize| vec![Example { image, label }];
    for (request, expected) in [
        (
            TrainRequest {
                learn: Vec::new(),
                ..plain.clone()
            },
            "list of photos is empty",
        ),
        (
            TrainRequest {
                class_names: names(&["red star"]),
                learn: image(0, 0),
                held_out: Vec::new(),
                ..plain.clone()
            },
            "class names",
        ),
        (
            TrainRequest {
                learn: image(99, 0),
                ..plain.clone()
            },
            "image 99 has not been encoded",
        ),
        (
            TrainRequest {
                learn: image(0, 3),
                ..plain.clone()
            },
            "labels below 3",
        ),
        (
            TrainRequest {
                plan: plan(Method::Lora),
                ..plain.clone()
            },
            "expected CoOp or CoCoOp",
        ),
        (
            TrainRequest {
                plan: TrainPlan {
                    class_specific: true,
                    ..plan(Method::Coop)
                },
                new_class_names: names(&["golden plus"]),
                ..plain.clone()
            },
            "class-specific",
        ),
    ] {
        let failure = run(&request, None, &mut memory()).err().unwrap();
        assert!(failure.message.contains(expected), "{failure:?}");
    }
    for record in [&b"no record"[..], &[0; 64]] {
        assert!(run(&plain, Some(record), &mut memory()).is_err());
    }
}

#[test]
fn a_record_of_another_model_is_refused() {
    let mut memory = memory();
    let outcome = run(&request(plan(Method::Coop)), None, &mut memory).unwrap();
    let fingerprint = memory.session().unwrap().fingerprint().to_string();
    let record = outcome.record;
    let at = record
        .windows(fingerprint.len())
        .position(|bytes| bytes == fingerprint.as_bytes())
        .unwrap();
    let mut other = record.clone();
    other[at..at + fingerprint.len()].fill(b'0');
    let mut memory = self::memory();
    let failure = run(&request(plan(Method::Coop)), Some(&other), &mut memory).err();
    assert!(failure.unwrap().message.contains("was begun on model 0000"));
}
