//! Stories of what was learned.

use clipwright_shared::learners::{ClassTokenPosition, Method};
use clipwright_shared::protocol::{
    Answer, LearnedAnswer, LearnedInfo, LearnedMap, LearnedRequest, LearnerPrompts, Request,
};

use super::{answer, answered, fail, file, image, next, start};
use crate::state::{
    Action, Lane, LearnedTabAction, LearnedTabSettings, MapSample, NewPhoto, SourceId, State, Tab,
    TrainAction,
};

fn act(state: &mut State, action: LearnedTabAction) {
    state.apply(Action::LearnedTab(action));
}

/// A page whose image is classified, with this tab open.
fn room() -> State {
    let mut state = answered();
    state.apply(Action::TabChosen(Tab::Learned));
    state
}

fn opened(state: &mut State, source: u32, name: &str, class_specific: bool) {
    state.apply(Action::LearnedArrived(file(source, name)));
    start(state);
    let info = LearnedInfo {
        name: name.into(),
        method: Method::Coop,
        n_ctx: 2,
        class_specific,
        class_token_position: ClassTokenPosition::End,
        template: None,
        class_names: vec!["blue ring".into(), "red star".into(), "heart".into()],
        shots: None,
    };
    answer(state, Answer::LearnedLoaded { info });
    // The image is ranked by it first.
    start(state);
    answer(
        state,
        Answer::Classified(clipwright_shared::protocol::Classification {
            rankings: Vec::new(),
        }),
    );
}

fn asked(state: &State) -> Option<LearnedRequest> {
    match next(state) {
        Some(Request::Learned(request)) => Some(request),
        _ => None,
    }
}

fn told(name: &str) -> Answer {
    Answer::Learned(LearnedAnswer {
        explanation: None,
        problem: None,
        shift: None,
        classes: 2,
        learners: vec![LearnerPrompts {
            name: name.into(),
            method: Method::ZeroShot,
            similarity: Vec::new(),
            problem: None,
        }],
        map: LearnedMap::default(),
    })
}

#[test]
fn it_asks_of_the_newest_learned_file_until_another_is_chosen() {
    let mut state = room();
    assert_eq!(asked(&state).unwrap().learned, None);
    opened(&mut state, 20, "one", false);
    opened(&mut state, 21, "two", false);
    assert_eq!(asked(&state).unwrap().learned.as_deref(), Some("two"));
    let check = |state: &mut State, chosen: &str, expected: Option<&str>| {
        let settings = LearnedTabSettings {
            learner: Some(chosen.into()),
            ..state.learned_tab.settings.clone()
        };
        act(state, LearnedTabAction::Set(settings));
        assert_eq!(asked(state).unwrap().learned.as_deref(), expected);
    };
    check(&mut state, "one", Some("one"));
    check(&mut state, "zero-shot", None);
    // A name from somebody's link.
    check(&mut state, "nobody's", Some("two"));
    check(&mut state, "one", Some("one"));
    state.apply(Action::LearnedRemoved { name: "one".into() });
    assert_eq!(state.looked_at_learner().unwrap().name, "two");
}

#[test]
fn a_class_is_named_where_each_has_its_own_vectors() {
    let mut state = room();
    opened(&mut state, 20, "shared", false);
    assert_eq!(asked(&state).unwrap().class, None);
    opened(&mut state, 21, "own", true);
    // The first of the page's classes that it knows.
    assert_eq!(state.looked_at_class(), Some("red star"));
    for (chosen, expected) in [("heart", "heart"), ("unknown", "red star")] {
        let settings = LearnedTabSettings {
            class: Some(chosen.into()),
            ..LearnedTabSettings::default()
        };
        act(&mut state, LearnedTabAction::Set(settings));
        assert_eq!(asked(&state).unwrap().class.as_deref(), Some(expected));
    }
    state.apply(Action::ClassesReplaced(vec!["a".into(), "b".into()]));
    state.apply(Action::LearnedTab(LearnedTabAction::Set(
        LearnedTabSettings::default(),
    )));
    assert_eq!(state.looked_at_class(), Some("blue ring"));
}

#[test]
fn it_is_asked_once_and_the_old_answer_stays() {
    let mut state = room();
    assert!(state.shown_learned().is_none());
    start(&mut state);
    answer(&mut state, told("zero-shot"));
    assert!(asked(&state).is_none());
    assert!(state.shown_learned().unwrap().is_current);
    // How it is drawn is no question.
    let settings = LearnedTabSettings {
        together: false,
        ..LearnedTabSettings::default()
    };
    act(&mut state, LearnedTabAction::Set(settings));
    assert!(asked(&state).is_none() && state.shown_learned().unwrap().is_current);
    opened(&mut state, 20, "one", false);
    assert!(!state.shown_learned().unwrap().is_current);
    start(&mut state);
    // On another tab nobody waits for it.
    state.apply(Action::TabChosen(Tab::Patches));
    assert_eq!(state.overtaken(), [state.lane(Lane::Question).unwrap().id]);
    state.apply(Action::TabChosen(Tab::Learned));
    act(&mut state, LearnedTabAction::Stop);
    assert_eq!(state.overtaken().len(), 1);
    let question = state.learned_tab.question(&state);
    assert!(state.learned_tab.inquiry.is_stopped(question.as_ref()));
    act(&mut state, LearnedTabAction::Again);
    assert!(state.overtaken().is_empty());
    fail(&mut state, "out of memory");
    assert!(asked(&state).is_none());
    assert!(
        state
            .learned_tab
            .inquiry
            .problem(question.as_ref())
            .is_some()
    );
    act(&mut state, LearnedTabAction::Again);
    assert!(asked(&state).is_some());
}

#[test]
fn the_map_holds_samples_the_image_and_photos() {
    let mut state = room();
    let request = asked(&state).unwrap();
    assert_eq!((request.images.len(), request.shown), (1, Some(0)));
    let sample = |sample: usize, source: u32, title: &str| MapSample {
        sample,
        title: title.into(),
        source: SourceId(source),
    };
    let samples = vec![sample(0, 40, "red star"), sample(1, 41, "a valentine")];
    act(&mut state, LearnedTabAction::SamplesBrought(samples));
    assert!(state.live_sources().contains(&SourceId(41)));
    // A person's own image stands behind the samples …
    state.apply(Action::ImageChosen(image(50)));
    let request = state.learned_tab.question(&state).unwrap();
    let Request::Learned(learned) = &request.request else {
        panic!("another question");
    };
    assert_eq!(
        (learned.images.as_slice(), learned.shown),
        (&[40, 41, 50][..], Some(2))
    );
    assert_eq!(request.files.len(), 3);
    let classes: Vec<Option<String>> = state.map_images().into_iter().map(|it| it.class).collect();
    assert_eq!(classes, [Some("red star".to_string()), None, None]);
    // … and one of the samples is no other image.
    let chosen = crate::state::Image {
        sample: Some(1),
        ..image(51)
    };
    state.apply(Action::ImageChosen(chosen));
    let of = |state: &State| match state.learned_tab.question(state).unwrap().request {
        Request::Learned(request) => request,
        other => panic!("another question: {other:?}"),
    };
    assert_eq!(
        (of(&state).images, of(&state).shown),
        (vec![40, 41], Some(1))
    );
    let settings = LearnedTabSettings {
        samples: false,
        ..LearnedTabSettings::default()
    };
    act(&mut state, LearnedTabAction::Set(settings));
    assert_eq!((of(&state).images, of(&state).shown), (vec![41], Some(0)));
    // Photos to learn from, once they are encoded.
    state.apply(Action::Train(TrainAction::PhotosAdded(vec![NewPhoto {
        class: "red star".into(),
        title: "photo".into(),
        source: SourceId(60),
        url: String::new(),
    }])));
    assert!(of(&state).kept.is_empty());
    state.train.photos[0].stage = crate::state::PhotoStage::Encoded;
    assert_eq!(of(&state).kept, [state.train.photos[0].number]);
}

#[test]
fn without_an_image_words_are_told_and_without_classes_nothing() {
    let mut state = room();
    state.image = None;
    assert_eq!(asked(&state).unwrap().shown, None);
    assert!(state.learned_tab_obstacle().is_none());
    state.apply(Action::ClassRemoved(0));
    assert!(asked(&state).is_none() && state.learned_tab_obstacle().is_some());
    state.apply(Action::ClassesAdded("ring, star".into()));
    state.apply(Action::TemplateChanged(0, "no place".into()));
    assert!(asked(&state).is_none() && state.learned_tab_obstacle().is_some());
}
