//! Each test is a little story: actions in, wishes and state out.

use clipwright_shared::learners::{ClassTokenPosition, Method};
use clipwright_shared::protocol::{
    Answer, Classification, Event, LearnedInfo, ModelInfo, Ranking, Request,
};

use super::{
    Action, Image, Lane, LearnedStage, Problem, Sample, SampleList, SourceId, State, StoredFile,
};

mod augment;
mod batch;
mod learned_tab;
mod patches;
mod train;
mod tune;
mod words;
mod worker;

fn state(actions: impl IntoIterator<Item = Action>) -> State {
    let mut state = State::default();
    for action in actions {
        state.apply(action);
    }
    state
}

fn said(state: &State, event: Event) -> Action {
    let generation = state.worker.generation;
    Action::WorkerSaid {
        generation,
        event,
        milliseconds: 12.0,
        pixels: None,
    }
}

/// The worker answers the question that is in flight.
fn answer(state: &mut State, answer: Answer) {
    let task = state.lane(Lane::Question).expect("a task").id;
    state.apply(said(state, Event::Done { task, answer }));
}

/// The worker refuses it.
fn fail(state: &mut State, message: &str) {
    let task = state.lane(Lane::Question).expect("a task").id;
    let event = Event::Failed {
        task,
        message: message.into(),
        hint: None,
    };
    state.apply(said(state, event));
}

fn file(source: u32, name: &str) -> StoredFile {
    StoredFile::single(name, 9, SourceId(source))
}

fn image(source: u32) -> Image {
    Image {
        source: SourceId(source),
        url: format!("blob:{source}"),
        title: "an image".into(),
        sample: None,
    }
}

fn presets() -> Action {
    Action::SamplesListed(SampleList {
        classes: vec!["red star".into(), "blue ring".into()],
        template: "a {}.".into(),
        samples: vec![Sample {
            file: "a.png".into(),
            title: "a".into(),
        }],
    })
}

fn model_loaded(fingerprint: &str) -> Answer {
    Answer::ModelLoaded {
        info: ModelInfo {
            image_encoder: "ViT".into(),
            image_side: 64,
            embed_dim: 128,
            context_length: 77,
            fingerprint: fingerprint.into(),
            threads: 1,
        },
    }
}

fn learned_loaded(name: &str) -> Answer {
    Answer::LearnedLoaded {
        info: LearnedInfo {
            name: name.into(),
            method: Method::Coop,
            n_ctx: 4,
            class_specific: false,
            class_token_position: ClassTokenPosition::End,
            template: None,
            class_names: vec!["red star".into()],
            shots: Some(16),
        },
    }
}

fn classified(names: &[&str]) -> Answer {
    let ranking = |name: &&str| Ranking {
        name: name.to_string(),
        method: Method::Coop,
        classes: Vec::new(),
        problem: None,
    };
    let rankings = names.iter().map(ranking).collect();
    Answer::Classified(Classification { rankings })
}

/// The next question, as the worker would be asked.
fn next(state: &State) -> Option<Request> {
    Some(state.next_task(Lane::Question)?.1.request)
}

/// Lets the worker start its next question, and says which it was.
fn start(state: &mut State) -> Option<Request> {
    let (id, task) = state.next_task(Lane::Question)?;
    let request = task.request.clone();
    state.apply(Action::TaskStarted { id, task });
    Some(request)
}

fn load_model(name: &str) -> Option<Request> {
    Some(Request::LoadModel {
        name: name.into(),
        only_image: false,
    })
}

fn load_learned(name: &str) -> Option<Request> {
    Some(Request::LoadLearned { name: name.into() })
}

fn is_classify(request: Option<Request>) -> bool {
    matches!(request, Some(Request::Classify { .. }))
}

/// A page with an open model, presets and an image, and its question in flight.
fn asking() -> State {
    let mut state = state([
        presets(),
        Action::FirstImage(image(1)),
        Action::ModelArrived(file(2, "tiny")),
    ]);
    state.apply(said(&state, Event::Ready));
    assert_eq!(start(&mut state), load_model("tiny"));
    answer(&mut state, model_loaded("f1"));
    assert!(
        is_classify(start(&mut state)),
        "nothing is asked: {state:?}"
    );
    state
}

/// The same, answered.
fn answered() -> State {
    let mut state = asking();
    answer(&mut state, classified(&["zero-shot"]));
    state
}

/// The same, with a learned file.
fn with_learned() -> State {
    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    assert_eq!(start(&mut state), load_learned("learned"));
    answer(&mut state, learned_loaded("learned"));
    state
}

#[test]
fn nothing_is_sent_before_the_worker_is_ready() {
    let mut state = state([
        presets(),
        Action::FirstImage(image(1)),
        Action::ModelArrived(file(2, "tiny")),
    ]);
    assert_eq!(next(&state), None);
    state.apply(said(&state, Event::Ready));
    assert_eq!(next(&state), load_model("tiny"));
}

#[test]
fn the_page_opens_with_an_answer_and_then_rests() {
    let state = answered();
    assert_eq!(state.rankings().unwrap().len(), 1);
    assert_eq!(state.classify.answered().unwrap().milliseconds, 12.0);
    assert_eq!(next(&state), None);
    assert!(!state.is_thinking());
}

#[test]
fn an_overtaken_question_is_cancelled_and_those_between_are_never_asked() {
    let mut state = asking();
    for template in ["b {}", "bl {}", "blu {}"] {
        state.apply(Action::TemplateChanged(0, template.into()));
    }
    assert_eq!(next(&state), None, "one task at a time");
    let task = state.lane(Lane::Question).unwrap().id;
    assert_eq!(state.overtaken(), [task]);
    state.apply(Action::TaskCancelled { id: task });
    assert!(state.overtaken().is_empty(), "the worker is told once");
    state.apply(said(&state, Event::Cancelled { task }));
    assert!(state.is_thinking());
    let Some(Request::Classify { prompts }) = start(&mut state) else {
        panic!("the newest question is not asked");
    };
    assert_eq!(prompts.templates, ["blu {}"]);
    assert!(state.overtaken().is_empty());
    answer(&mut state, classified(&["zero-shot"]));
    assert_eq!(next(&state), None);
}

#[test]
fn an_answer_that_was_overtaken_on_its_way_stays_until_the_next() {
    let mut state = asking();
    state.apply(Action::TemplateChanged(0, "b {}".into()));
    answer(&mut state, classified(&["zero-shot"]));
    assert!(state.rankings().is_some() && state.is_thinking());
    assert!(is_classify(start(&mut state)));
}

#[test]
fn class_names_are_added_apart_by_commas_without_doubles() {
    let mut state = answered();
    state.apply(Action::ClassesAdded(
        " red star, green heart ,,\nblue ring\nkite".into(),
    ));
    assert_eq!(
        state.class_names,
        ["red star", "blue ring", "green heart", "kite"]
    );
    assert!(is_classify(start(&mut state)));
    answer(&mut state, classified(&["zero-shot"]));
    state.apply(Action::ClassesAdded("kite, ".into()));
    assert_eq!(next(&state), None, "nothing changed");
    state.apply(Action::ClassRemoved(1));
    state.apply(Action::ClassRemoved(9));
    assert_eq!(state.class_names, ["red star", "green heart", "kite"]);
}

#[test]
fn presets_do_not_overwrite_what_a_person_typed() {
    let state = state([
        Action::ClassesAdded("cat, dog".into()),
        Action::TemplateChanged(0, "a sketch of {}".into()),
        Action::ImageChosen(image(1)),
        presets(),
        Action::FirstImage(image(2)),
    ]);
    assert_eq!(state.class_names, ["cat", "dog"]);
    assert_eq!(state.templates, ["a sketch of {}"]);
    assert_eq!(state.image.unwrap().source, SourceId(1));
}

#[test]
fn an_unanswerable_question_names_its_obstacle() {
    let mut state = answered();
    let mut check = |action, expected: &str| {
        state.apply(action);
        let message = state
            .obstacle()
            .map(|problem| problem.message)
            .unwrap_or_default();
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        assert_eq!(next(&state).is_none(), !expected.is_empty());
    };
    check(Action::TemplateChanged(0, "a photo".into()), "0 places");
    check(Action::TemplateChanged(0, "{} and {}".into()), "2 places");
    check(Action::TemplateChanged(0, "{}".into()), "");
    check(Action::ClassRemoved(0), "1 class;");
    check(Action::ClassesAdded("kite".into()), "");
}

#[test]
fn learned_files_of_one_name_stand_side_by_side() {
    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    state.apply(Action::LearnedArrived(file(4, "learned")));
    state.apply(Action::LearnedArrived(file(5, "zero-shot")));
    for expected in ["learned", "learned 2", "zero-shot 2"] {
        assert_eq!(start(&mut state), load_learned(expected));
        answer(&mut state, learned_loaded(expected));
    }
    assert!(is_classify(start(&mut state)), "and all are asked");
    assert_eq!(state.learned_info("learned 2").unwrap().n_ctx, 4);
}

#[test]
fn a_removed_learned_file_leaves_the_answer_at_once_and_the_worker_next() {
    let mut state = with_learned();
    assert!(is_classify(start(&mut state)));
    answer(&mut state, classified(&["zero-shot", "learned"]));
    assert_eq!(state.rankings().unwrap().len(), 2);

    let name = || "learned".to_string();
    state.apply(Action::LearnedRemoved { name: name() });
    assert_eq!(state.rankings().unwrap().len(), 1);
    assert_eq!(
        start(&mut state),
        Some(Request::RemoveLearned { name: name() })
    );
    answer(&mut state, Answer::LearnedRemoved { name: name() });
    assert_eq!(next(&state), None);
    assert!(!state.live_sources().contains(&SourceId(3)));
}

#[test]
fn a_refused_file_shows_why_and_is_tried_again_on_another_model() {
    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    fail(&mut state, "other model");
    let refused = |state: &State| matches!(state.learned[0].stage, LearnedStage::Refused(_));
    assert!(refused(&state));
    assert_eq!(next(&state), None);

    state.apply(Action::ModelArrived(file(4, "other")));
    start(&mut state);
    answer(&mut state, model_loaded("f2"));
    assert_eq!(start(&mut state), load_learned("learned"));
}

#[test]
fn a_refused_model_leaves_the_open_one() {
    let mut state = answered();
    state.apply(Action::ModelArrived(file(4, "broken")));
    assert_eq!(start(&mut state), load_model("broken"));
    fail(&mut state, "cut short");
    assert_eq!(
        state.model.problem.as_ref().unwrap().message,
        "“broken” was not opened: cut short"
    );
    assert_eq!(state.model.open.as_ref().unwrap().name, "tiny");
    assert_eq!(next(&state), None);
}

#[test]
fn a_model_that_comes_while_another_opens_takes_its_place() {
    let mut state = answered();
    state.apply(Action::ModelArrived(file(4, "first")));
    start(&mut state);
    state.apply(Action::ModelArrived(file(5, "second")));
    let task = state.lane(Lane::Question).unwrap().id;
    assert_eq!(state.overtaken(), [task]);
    answer(&mut state, model_loaded("f2"));
    assert_eq!(start(&mut state), load_model("second"));
    answer(&mut state, model_loaded("f3"));
    assert_eq!(state.model.open.as_ref().unwrap().name, "second");
}

#[test]
fn a_download_that_fails_can_be_asked_for_again() {
    let request = || Action::ModelRequested {
        name: "tiny".into(),
    };
    let mut state = state([request()]);
    assert!(state.model.is_fetching());
    state.apply(Action::ModelUnreachable(Problem::new(
        "HTTP 404",
        "try again",
    )));
    assert!(state.model.problem.is_some() && !state.model.is_fetching());
    state.apply(request());
    assert!(state.model.problem.is_none() && state.model.is_fetching());
    assert_eq!(state.model.attempt, 2);
}

#[test]
fn a_failed_question_waits_for_a_change() {
    let mut state = asking();
    fail(&mut state, "image is damaged");
    assert_eq!(
        state.classify_problem().unwrap().message,
        "image is damaged"
    );
    assert_eq!(next(&state), None);
    state.apply(Action::ImageChosen(image(8)));
    assert_eq!(state.classify_problem(), None);
    assert!(is_classify(next(&state)));
}
