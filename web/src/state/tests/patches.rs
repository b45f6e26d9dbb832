//! Stories of the patches, and the arithmetic on views.

use clipwright_shared::protocol::{
    Answer, Event, Prompts, Request, ViewOfImage, ViewsAnswer, ViewsRequest,
};
use clipwright_shared::tuning::{Augmenter, ViewKind};
use clipwright_shared::views::{CropBox, patch_boxes};

use super::{answer, answered, fail, file, image, learned_loaded, next, said, start};
use crate::state::{
    Action, Asker, Lane, PatchesAction, PatchesSettings, ShownViews, SourceId, State, Tab,
};

fn act(state: &mut State, action: PatchesAction) {
    state.apply(Action::Patches(action));
}

/// Changes settings as a slider does.
fn change(state: &mut State, change: impl FnOnce(&mut PatchesSettings)) {
    let mut settings = state.patches.settings.clone();
    change(&mut settings);
    act(state, PatchesAction::Changed(settings));
}

/// A page whose image is classified, with this tab open.
fn room() -> State {
    let mut state = answered();
    state.apply(Action::TabChosen(Tab::Patches));
    state
}

fn asked(request: Option<Request>) -> ViewsRequest {
    match request {
        Some(Request::Views(request)) => request,
        other => panic!("asked for {other:?}"),
    }
}

/// The first view and a grid of patches, each with a probability of the first of two
/// classes and an entropy.
pub fn views(width: u32, height: u32, overlap: f64, said: &[(f32, f32)]) -> Answer {
    let boxes = patch_boxes(width, height, said.len() as u32 - 1, overlap).unwrap();
    let whole = CropBox::of_size(width, height);
    let sources = std::iter::once(whole).chain(boxes).enumerate();
    let views = sources
        .zip(said)
        .map(|((at, source), (probability, entropy))| ViewOfImage {
            kind: match at {
                0 => ViewKind::Image,
                patch => ViewKind::Patch { patch },
            },
            source,
            is_flipped: false,
            mixed: None,
            entropy: *entropy,
            probabilities: vec![*probability, 1.0 - probability],
        });
    Answer::Views(ViewsAnswer {
        width,
        height,
        side: 64,
        views: views.collect(),
    })
}

/// A page that has been answered so.
fn showing(answer_is: Answer) -> State {
    let mut state = room();
    asked(start(&mut state));
    answer(&mut state, answer_is);
    state
}

const SAID: [(f32, f32); 5] = [(0.9, 0.3), (0.2, 0.5), (0.4, 0.6), (0.8, 0.5), (0.6, 0.1)];

#[test]
fn it_asks_while_it_is_looked_at_and_once() {
    let mut state = answered();
    assert_eq!(next(&state), None, "another tab is looked at");
    state.apply(Action::TabChosen(Tab::Patches));
    let request = asked(start(&mut state));
    let expected = ViewsRequest {
        augmenter: Augmenter::Patches {
            patches: 16,
            overlap: 0.4,
            n_aug: 0,
            augmix: None,
        },
        seed: 0,
        learned: None,
        prompts: Prompts {
            class_names: state.class_names.clone(),
            templates: state.templates.clone(),
        },
    };
    assert_eq!(request, expected);
    assert!(state.running(Asker::Patches).is_some());
    answer(&mut state, views(64, 64, 0.0, &SAID));
    assert_eq!(next(&state), None, "and rests when it is answered");
}

#[test]
fn what_shapes_the_views_is_asked_anew_and_what_does_not_is_not() {
    let mut state = showing(views(64, 64, 0.0, &SAID));
    change(&mut state, |settings| settings.share = 0.5);
    change(&mut state, |settings| {
        settings.class = Some("blue ring".into())
    });
    assert_eq!(next(&state), None);
    change(&mut state, |settings| settings.grid = 7);
    change(&mut state, |settings| settings.overlap = 0.1 + 0.2);
    let Augmenter::Patches {
        patches, overlap, ..
    } = asked(next(&state)).augmenter
    else {
        panic!("no patches");
    };
    assert_eq!((patches, overlap), (49, 0.3));
    state.apply(Action::ImageChosen(image(9)));
    start(&mut state);
    answer(&mut state, super::classified(&["zero-shot"]));
    let (_, task) = state.next_task(Lane::Question).unwrap();
    assert_eq!(task.files[0].source, SourceId(9));
    let shown = ShownViews::of(&state.patches.inquiry).unwrap();
    assert_ne!(
        shown.image,
        Some(SourceId(9)),
        "what is shown is still the image before"
    );
}

#[test]
fn settings_stay_within_bounds() {
    let mut state = room();
    for (grid, overlap, share, expected) in [
        (0, -1.0, -0.5, (1, 0.0, 0.0)),
        (99, 7.0, 2.0, (8, 0.9, 1.0)),
        (3, f64::NAN, f64::NAN, (3, 0.0, 0.0)),
    ] {
        change(&mut state, |settings| {
            (settings.grid, settings.overlap, settings.share) = (grid, overlap, share);
        });
        let got = &state.patches.settings;
        assert_eq!((got.grid, got.overlap, got.share), expected);
        assert!(got.augmenter().check().is_ok());
    }
}

#[test]
fn an_overtaken_question_is_cancelled_and_a_stopped_one_rests() {
    let mut state = room();
    asked(start(&mut state));
    let id = state.lane(Lane::Question).unwrap().id;
    change(&mut state, |settings| settings.grid = 2);
    assert_eq!(state.overtaken(), [id]);
    state.apply(Action::TaskCancelled { id });
    state.apply(said(&state, Event::Cancelled { task: id }));
    asked(start(&mut state));
    act(&mut state, PatchesAction::Stop);
    let id = state.lane(Lane::Question).unwrap().id;
    assert_eq!(state.overtaken(), [id]);
    state.apply(said(&state, Event::Cancelled { task: id }));
    assert_eq!(next(&state), None);
    act(&mut state, PatchesAction::Again);
    asked(start(&mut state));
    fail(&mut state, "too narrow");
    assert_eq!(next(&state), None, "what failed waits for a change");
    act(&mut state, PatchesAction::Again);
    asked(next(&state));
}

#[test]
fn a_learner_that_has_gone_leaves_its_place_to_zero_shot() {
    let mut state = room();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    answer(&mut state, learned_loaded("learned"));
    start(&mut state);
    answer(&mut state, super::classified(&["zero-shot", "learned"]));
    change(&mut state, |settings| {
        settings.learned = Some("learned".into())
    });
    assert_eq!(asked(next(&state)).learned.as_deref(), Some("learned"));
    state.apply(Action::LearnedRemoved {
        name: "learned".into(),
    });
    start(&mut state);
    answer(
        &mut state,
        Answer::LearnedRemoved {
            name: "learned".into(),
        },
    );
    assert_eq!(asked(next(&state)).learned, None);
}

#[test]
fn the_most_confident_are_as_many_as_tuning_keeps_and_one_at_least() {
    let state = showing(views(64, 64, 0.0, &SAID));
    let shown = ShownViews::of(&state.patches.inquiry).unwrap();
    assert_eq!(
        shown.by_entropy(),
        [4, 0, 1, 3, 2],
        "of equal ones the first"
    );
    for (share, expected) in [
        (0.0, &[4][..]),
        (0.1, &[4]),
        (0.4, &[4, 0]),
        (0.79, &[4, 0, 1]),
        (1.0, &[4, 0, 1, 3, 2]),
    ] {
        assert_eq!(shown.trusted(share), expected, "{share}");
    }
    let mean = shown.mean(&[4, 0]);
    assert!(
        (mean[0] - 0.75).abs() < 1e-6 && (mean[1] - 0.25).abs() < 1e-6,
        "{mean:?}"
    );
    assert_eq!(shown.top(0), Some(("red star", 0.9)));
}

#[test]
fn heat_is_the_mean_of_the_patches_that_cover_a_place() {
    // Two rows of two: without overlap each place has its own patch's number.
    let state = showing(views(65, 64, 0.0, &SAID));
    let shown = ShownViews::of(&state.patches.inquiry).unwrap();
    let heat = shown.heat(0);
    let numbers: Vec<f32> = heat.iter().map(|heat| heat.probability).collect();
    assert_eq!(numbers, [0.2, 0.4, 0.8, 0.6]);
    let boxes: Vec<CropBox> = heat.iter().map(|heat| heat.part).collect();
    let cells: Vec<CropBox> = (1..5).map(|at| shown.cell(at).unwrap()).collect();
    assert_eq!(boxes, cells, "the last column of pixels is nobody's");
    assert_eq!((shown.cell(0), shown.cell(5)), (None, None));

    // With overlap the middle belongs to all four, the edges to two.
    let state = showing(views(64, 64, 0.5, &SAID));
    let shown = ShownViews::of(&state.patches.inquiry).unwrap();
    let heat = shown.heat(0);
    assert_eq!(heat.len(), 9);
    for (place, expected) in [(0, 0.2), (1, 0.3), (3, 0.5), (4, 0.5), (5, 0.5), (8, 0.6)] {
        let got = heat[place].probability;
        assert!((got - expected).abs() < 1e-6, "{place}: {got}");
    }
    let area: u32 = heat
        .iter()
        .map(|heat| heat.part.width * heat.part.height)
        .sum();
    assert_eq!(area, 64 * 64, "each place once");
}

#[test]
fn the_heat_is_of_the_chosen_class_or_of_what_the_image_shows() {
    let mut state = showing(views(64, 64, 0.0, &SAID));
    let class = |state: &State| {
        let shown = ShownViews::of(&state.patches.inquiry).unwrap();
        state.patches.heat_class(&shown)
    };
    assert_eq!(class(&state), 0);
    change(&mut state, |settings| {
        settings.class = Some("blue ring".into())
    });
    assert_eq!(class(&state), 1);
    change(&mut state, |settings| settings.class = Some("gone".into()));
    assert_eq!(class(&state), 0);
}
