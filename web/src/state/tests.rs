//! Each test is a little story: actions in, wishes and state out.

use clipwright_shared::learners::{ClassTokenPosition, Method};
use clipwright_shared::protocol::{Classification, Event, LearnedInfo, ModelInfo, Ranking};

use super::{
    Action, Image, LearnedStage, Problem, Sample, SampleList, SourceId, State, StoredFile, Task,
};

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
    }
}

fn file(source: u32, name: &str) -> StoredFile {
    StoredFile {
        source: SourceId(source),
        name: name.into(),
        bytes: 9,
    }
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

fn model_loaded(fingerprint: &str) -> Event {
    Event::ModelLoaded {
        name: "tiny".into(),
        info: ModelInfo {
            image_encoder: "ViT".into(),
            image_side: 64,
            embed_dim: 128,
            context_length: 77,
            fingerprint: fingerprint.into(),
        },
    }
}

fn learned_loaded(name: &str) -> Event {
    Event::LearnedLoaded {
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

fn classified(id: u32, names: &[&str]) -> Event {
    let ranking = |name: &&str| Ranking {
        name: name.to_string(),
        method: Method::Coop,
        classes: Vec::new(),
        problem: None,
    };
    let rankings = names.iter().map(ranking).collect();
    Event::Classified {
        id,
        classification: Classification { rankings },
    }
}

/// Lets the worker start its next task, and says which it was.
fn start(state: &mut State) -> Option<Task> {
    let task = state.next_task()?;
    state.apply(Action::TaskStarted(task.clone()));
    Some(task)
}

/// A page with an open model, presets and an image, and its question in flight.
fn asking() -> (State, u32) {
    let mut state = state([
        presets(),
        Action::FirstImage(image(1)),
        Action::ModelArrived(file(2, "tiny")),
    ]);
    state.apply(said(&state, Event::Ready));
    assert!(matches!(start(&mut state), Some(Task::LoadModel(_))));
    state.apply(said(&state, model_loaded("f1")));
    let Some(Task::Classify { id, .. }) = start(&mut state) else {
        panic!("nothing is asked: {state:?}");
    };
    (state, id)
}

/// The same, answered.
fn answered() -> State {
    let (mut state, id) = asking();
    state.apply(said(&state, classified(id, &["zero-shot"])));
    state
}

#[test]
fn nothing_is_sent_before_the_worker_is_ready() {
    let mut state = state([
        presets(),
        Action::FirstImage(image(1)),
        Action::ModelArrived(file(2, "tiny")),
    ]);
    assert_eq!(state.next_task(), None);
    state.apply(said(&state, Event::Ready));
    assert_eq!(state.next_task(), Some(Task::LoadModel(file(2, "tiny"))));
}

#[test]
fn the_page_opens_with_an_answer_and_then_rests() {
    let state = answered();
    let answer = state.answer.as_ref().unwrap();
    assert_eq!((answer.id, answer.milliseconds), (state.question, 12.0));
    assert_eq!(state.next_task(), None);
    assert!(!state.is_thinking());
}

#[test]
fn only_the_newest_answer_counts_and_overtaken_questions_are_never_asked() {
    let (mut state, first) = asking();
    for template in ["b {}", "bl {}", "blu {}"] {
        state.apply(Action::TemplateChanged(template.into()));
    }
    assert_eq!(state.next_task(), None, "one task at a time");
    state.apply(said(&state, classified(first, &["zero-shot"])));
    assert_eq!(state.answer, None);
    let Some(Task::Classify { id, template, .. }) = start(&mut state) else {
        panic!("the newest question is not asked");
    };
    assert_eq!(template, "blu {}");
    state.apply(said(&state, classified(id, &["zero-shot"])));
    assert_eq!(state.answer.as_ref().map(|answer| answer.id), Some(id));
    assert_eq!(state.next_task(), None);
}

#[test]
fn class_names_are_added_apart_by_commas_without_doubles() {
    let mut state = state([presets()]);
    let question = state.question;
    state.apply(Action::ClassesAdded(
        " red star, green heart ,,\nblue ring\nkite".into(),
    ));
    assert_eq!(
        state.class_names,
        ["red star", "blue ring", "green heart", "kite"]
    );
    assert_eq!(state.question, question + 1);
    state.apply(Action::ClassesAdded("kite, ".into()));
    assert_eq!(state.question, question + 1, "nothing changed");
    state.apply(Action::ClassRemoved(1));
    state.apply(Action::ClassRemoved(9));
    assert_eq!(state.class_names, ["red star", "green heart", "kite"]);
}

#[test]
fn presets_do_not_overwrite_what_a_person_typed() {
    let state = state([
        Action::ClassesAdded("cat, dog".into()),
        Action::TemplateChanged("a sketch of {}".into()),
        Action::ImageChosen(image(1)),
        presets(),
        Action::FirstImage(image(2)),
    ]);
    assert_eq!(state.class_names, ["cat", "dog"]);
    assert_eq!(state.template, "a sketch of {}");
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
        assert_eq!(state.next_task().is_none(), !expected.is_empty());
    };
    check(Action::TemplateChanged("a photo".into()), "0 places");
    check(Action::TemplateChanged("{} and {}".into()), "2 places");
    check(Action::TemplateChanged("{}".into()), "");
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
        let Some(Task::LoadLearned(file)) = start(&mut state) else {
            panic!("{expected} is not loaded");
        };
        assert_eq!(file.name, expected);
        state.apply(said(&state, learned_loaded(expected)));
    }
    assert!(
        matches!(start(&mut state), Some(Task::Classify { .. })),
        "and all are asked"
    );
    assert_eq!(state.learned_info("learned 2").unwrap().n_ctx, 4);
}

#[test]
fn a_removed_learned_file_leaves_the_answer_at_once_and_the_worker_next() {
    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    state.apply(said(&state, learned_loaded("learned")));
    let Some(Task::Classify { id, .. }) = start(&mut state) else {
        panic!()
    };
    state.apply(said(&state, classified(id, &["zero-shot", "learned"])));
    assert_eq!(
        state.answer.as_ref().unwrap().classification.rankings.len(),
        2
    );

    state.apply(Action::LearnedRemoved {
        name: "learned".into(),
    });
    assert_eq!(
        state.answer.as_ref().unwrap().classification.rankings.len(),
        1
    );
    assert_eq!(
        start(&mut state),
        Some(Task::RemoveLearned {
            name: "learned".into()
        })
    );
    state.apply(said(
        &state,
        Event::LearnedRemoved {
            name: "learned".into(),
        },
    ));
    assert_eq!(state.next_task(), None);
    assert!(!state.live_sources().contains(&SourceId(3)));
}

#[test]
fn a_refused_file_shows_why_and_is_tried_again_on_another_model() {
    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    let failed = Event::Failed {
        id: None,
        message: "other model".into(),
        hint: None,
    };
    state.apply(said(&state, failed));
    let refused = |state: &State| matches!(state.learned[0].stage, LearnedStage::Refused(_));
    assert!(refused(&state));
    assert_eq!(state.next_task(), None);

    state.apply(Action::ModelArrived(file(4, "other")));
    start(&mut state);
    state.apply(said(&state, model_loaded("f2")));
    assert!(matches!(start(&mut state), Some(Task::LoadLearned(_))));
}

#[test]
fn a_refused_model_leaves_the_open_one() {
    let mut state = answered();
    state.apply(Action::ModelArrived(file(4, "broken")));
    assert!(matches!(start(&mut state), Some(Task::LoadModel(_))));
    let failed = Event::Failed {
        id: None,
        message: "cut short".into(),
        hint: None,
    };
    state.apply(said(&state, failed));
    assert_eq!(
        state.model.problem.as_ref().unwrap().message,
        "“broken” was not opened: cut short"
    );
    assert_eq!(state.model.open.as_ref().unwrap().name, "tiny");
    assert_eq!(state.next_task(), None);
}

#[test]
fn a_download_that_fails_can_be_asked_for_again() {
    let request = || Action::ModelRequested {
        name: "tiny".into(),
    };
    let mut state = state([
        request(),
        Action::ModelArriving {
            received: 5,
            total: Some(9),
        },
    ]);
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
    let (mut state, id) = asking();
    let failed = Event::Failed {
        id: Some(id),
        message: "image is damaged".into(),
        hint: None,
    };
    state.apply(said(&state, failed));
    assert_eq!(
        state.question_problem.as_ref().unwrap().message,
        "image is damaged"
    );
    assert_eq!(state.next_task(), None);
    state.apply(Action::ImageChosen(image(8)));
    assert_eq!(state.question_problem, None);
    assert!(matches!(state.next_task(), Some(Task::Classify { .. })));
}
