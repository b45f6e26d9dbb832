//! Stories of test-time tuning.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::{Answer, Event, Progress, Request, TuneAnswer, TunedContext};
use clipwright_shared::tuning::{Loss, Preset, TuningPoint};

use super::{answer, answered, file, image, learned_loaded, next, said, start};
use crate::state::{
    Action, Asker, Lane, State, Tab, Task, TuneAction, TuneSettings, TuneShare, TuneViews,
};

fn act(state: &mut State, action: TuneAction) {
    state.apply(Action::Tune(action));
}

/// A page whose image is classified, with this tab open.
fn room() -> State {
    let mut state = answered();
    state.apply(Action::TabChosen(Tab::Tune));
    state
}

fn is_tune(request: Option<Request>) -> bool {
    matches!(request, Some(Request::Tune(_)))
}

/// An answer of so many steps.
fn tuned(steps: usize) -> Answer {
    let point = |step: usize| TuningPoint {
        loss: 1.0 / (step + 1) as f32,
        probabilities: vec![0.4 + 0.1 * step as f32, 0.6 - 0.1 * step as f32],
        moved: vec![0.1 * step as f32],
        views: Vec::new(),
    };
    Answer::Tuned(TuneAnswer {
        side: 64,
        views: Vec::new(),
        context: TunedContext {
            n_ctx: 1,
            class_specific: false,
            words: vec!["a".into()],
            class_token_position: Default::default(),
        },
        points: (0..=steps).map(point).collect(),
    })
}

fn so_far(state: &State, steps: usize) -> Action {
    let task = state.lane(Lane::Question).expect("a task").id;
    let progress = Progress {
        done: 1,
        total: 2,
        so_far: Some(tuned(steps)),
    };
    said(state, Event::Progress { task, progress })
}

#[test]
fn it_starts_when_it_is_asked_for_and_rests_when_it_is_answered() {
    let mut state = room();
    assert_eq!(next(&state), None, "not by itself");
    act(&mut state, TuneAction::Started);
    assert!(is_tune(start(&mut state)));
    assert!(state.is_tuning());
    let changed = TuneSettings {
        steps: 4,
        ..state.tune.settings.clone()
    };
    act(&mut state, TuneAction::Changed(changed));
    assert!(state.overtaken().is_empty(), "sliders do not end it");
    state.apply(so_far(&state, 0));
    let shown = state.shown_tuning().expect("the start is shown at once");
    assert!(shown.is_going && shown.pixels.is_none());
    answer(&mut state, tuned(1));
    assert!(!state.is_tuning());
    assert_eq!(next(&state), None);
    assert!(!state.is_tuned(), "the settings have changed since");
    let shown = state.shown_tuning().expect("the old answer stays");
    assert_eq!(shown.top(0), Some(("blue ring", 0.6)));
    act(&mut state, TuneAction::Started);
    let Some(Request::Tune(request)) = start(&mut state) else {
        panic!("it is not asked again");
    };
    assert_eq!(request.settings.steps, 4);
    answer(&mut state, tuned(4));
    assert!(state.is_tuned());
}

#[test]
fn another_image_or_other_classes_end_it_and_start_nothing() {
    let changes: [fn() -> Action; 4] = [
        || Action::ImageChosen(image(77)),
        || Action::ClassesAdded("kite".into()),
        || Action::TemplateChanged(0, "one {}".into()),
        || Action::TabChosen(Tab::Classify),
    ];
    for change in changes {
        let mut state = room();
        act(&mut state, TuneAction::Started);
        start(&mut state);
        state.apply(change());
        assert_eq!(state.overtaken().len(), 1, "{:?}", change());
        let task = state.lane(Lane::Question).expect("a task").id;
        state.apply(Action::TaskCancelled { id: task });
        state.apply(said(&state, Event::Cancelled { task }));
        assert!(!is_tune(next(&state)), "{:?}", change());
    }
}

#[test]
fn it_is_stopped_and_started_again() {
    let mut state = room();
    act(&mut state, TuneAction::Started);
    start(&mut state);
    act(&mut state, TuneAction::Stop);
    let running = state.running(Asker::Tune).expect("it still runs").id;
    assert_eq!(state.overtaken(), [running]);
    state.apply(said(&state, Event::Cancelled { task: running }));
    assert_eq!(next(&state), None);
    act(&mut state, TuneAction::Started);
    assert!(is_tune(start(&mut state)));
    super::fail(&mut state, "no");
    let question: Option<Task> = state.tune.question(&state);
    assert!(state.tune.inquiry.problem(question.as_ref()).is_some());
    assert_eq!(next(&state), None, "what failed is not repeated by itself");
    act(&mut state, TuneAction::Again);
    assert!(is_tune(next(&state)));
}

#[test]
fn steps_are_looked_at_within_what_is_there() {
    let mut state = room();
    assert_eq!(state.step_looked_at(), 0);
    act(&mut state, TuneAction::Started);
    start(&mut state);
    answer(&mut state, tuned(3));
    assert_eq!(state.step_looked_at(), 3, "the last one by itself");
    act(&mut state, TuneAction::StepLookedAt(1));
    assert_eq!(state.step_looked_at(), 1);
    act(&mut state, TuneAction::StepLookedAt(9));
    assert_eq!(state.step_looked_at(), 3);
    let another = TuneSettings {
        seed: 5,
        ..TuneSettings::default()
    };
    act(&mut state, TuneAction::StepLookedAt(1));
    act(&mut state, TuneAction::Changed(another));
    act(&mut state, TuneAction::Started);
    assert_eq!(
        state.step_looked_at(),
        3,
        "a new start is followed to its end"
    );
}

#[test]
fn presets_are_settings_and_settings_are_presets() {
    let mut state = room();
    assert_eq!(state.tune.settings.preset(), Some(Preset::Notebook));
    for preset in Preset::ALL {
        act(&mut state, TuneAction::PresetChosen(preset));
        let settings = &state.tune.settings;
        assert_eq!(settings.preset(), Some(preset));
        assert_eq!(settings.augmenter(), preset.augmenter(), "{preset:?}");
        assert_eq!(settings.tuning().loss, preset.loss());
        assert_eq!(settings.seed, TuneSettings::default().seed);
        let own = TuneSettings {
            steps: 7,
            ..settings.clone()
        };
        assert_eq!(own.preset(), None);
        let json = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<TuneSettings>(&json).unwrap(), own);
    }
}

#[test]
fn what_cannot_work_is_told_in_the_librarys_words_and_not_started() {
    let of = |loss, views, copies| TuneSettings {
        loss,
        views,
        copies,
        ..TuneSettings::default()
    };
    for (settings, expected) in [
        (
            of(Loss::PatchLoss1, TuneViews::Crops, 4),
            "the number of patches is 0",
        ),
        (
            of(Loss::CrossEntropyHard5, TuneViews::Crops, 4),
            "5 or more for crossentropy_hard5",
        ),
        (
            of(Loss::PatchLoss3, TuneViews::Patches, 0),
            "which keeps none",
        ),
    ] {
        let mut state = room();
        act(&mut state, TuneAction::Changed(settings.clone()));
        let problem = state.tuning_obstacle().expect("a problem");
        assert!(problem.message.contains(expected), "{problem:?}");
        assert!(problem.hint.is_some());
        act(&mut state, TuneAction::Started);
        assert_eq!(next(&state), None, "{settings:?}");
    }
    let crops = TuneSettings::default();
    assert!(crops.refusal_of(Loss::PatchLoss1, 7).is_some());
    assert_eq!(crops.refusal_of(Loss::CrossEntropySoft, 7), None);
    let shares = Loss::ALL.map(|loss| of(loss, TuneViews::Crops, 4).share());
    assert_eq!(
        shares
            .iter()
            .filter(|share| **share == TuneShare::OfAll)
            .count(),
        4
    );
    assert_eq!(
        shares
            .iter()
            .filter(|share| **share == TuneShare::OfPatch)
            .count(),
        4
    );

    let mut state = room();
    state.apply(Action::TemplateChanged(0, "{}.".into()));
    let problem = state.tuning_obstacle().expect("a problem");
    assert!(problem.message.contains("no words"), "{problem:?}");
}

#[test]
fn it_starts_from_contexts_that_fit_the_classes() {
    let loaded = |name: &str, method: Method, class_specific: bool| {
        let Answer::LearnedLoaded { mut info } = learned_loaded(name) else {
            panic!("a learned file");
        };
        (info.method, info.class_specific) = (method, class_specific);
        Answer::LearnedLoaded { info }
    };
    let mut state = answered();
    for (source, name, method, own) in [
        (11, "coop", Method::Coop, false),
        (12, "own", Method::Coop, true),
        (13, "cocoop", Method::CoCoOp, false),
    ] {
        state.apply(Action::LearnedArrived(file(source, name)));
        start(&mut state);
        answer(&mut state, loaded(name, method, own));
    }
    let starts = |state: &State| -> Vec<String> {
        state
            .tuning_starts()
            .map(|info| info.name.clone())
            .collect()
    };
    assert_eq!(starts(&state), ["coop"], "“own” knows no blue ring");
    state.apply(Action::ClassesReplaced(vec!["red star".into()]));
    assert_eq!(starts(&state), ["coop", "own"]);

    state.apply(Action::ClassesAdded("blue ring".into()));
    for (name, can_start) in [("coop", true), ("own", false), ("gone", false)] {
        let settings = TuneSettings {
            start: Some(name.into()),
            ..TuneSettings::default()
        };
        act(&mut state, TuneAction::Changed(settings));
        assert_eq!(state.tuning_task().is_some(), can_start, "{name}");
    }
}
