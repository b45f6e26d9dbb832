//! Stories of class names and templates.

use super::{presets, state};
use crate::state::{Action, State, WordsAction};

fn words(state: &mut State, action: WordsAction) {
    state.apply(Action::Words(action));
}

#[test]
fn class_names_are_renamed_in_place() {
    let cases = [
        (0, " gold star ", ["gold star", "blue ring"]),
        (1, "ring", ["red star", "ring"]),
        // An empty name, one that is there, and a place that is not.
        (0, "  ", ["red star", "blue ring"]),
        (0, "blue ring", ["red star", "blue ring"]),
        (7, "ring", ["red star", "blue ring"]),
    ];
    for (at, name, expected) in cases {
        let mut state = state([presets()]);
        let name = name.to_string();
        words(&mut state, WordsAction::ClassRenamed { at, name });
        assert_eq!(state.class_names, expected, "{at}");
    }
}

#[test]
fn class_names_change_places() {
    let mut state = state([Action::ClassesAdded("a, b\nc".into())]);
    for (at, to, expected) in [
        (0, 2, ["b", "c", "a"]),
        (2, 1, ["b", "a", "c"]),
        (3, 0, ["b", "a", "c"]),
        (0, 3, ["b", "a", "c"]),
    ] {
        words(&mut state, WordsAction::ClassMoved { at, to });
        assert_eq!(state.class_names, expected, "{at} to {to}");
    }
}

#[test]
fn a_data_set_brings_its_template() {
    let mut state = state([presets()]);
    words(&mut state, WordsAction::TemplateAdded);
    let preset = WordsAction::PresetChosen {
        class_names: vec!["Forest".into(), "River".into()],
        template: "a centered satellite photo of {}.".into(),
    };
    words(&mut state, preset);
    assert_eq!(state.class_names, ["Forest", "River"]);
    assert_eq!(state.templates, ["a centered satellite photo of {}."]);
}

#[test]
fn templates_become_an_ensemble_and_one_again() {
    let mut state = state([presets()]);
    words(&mut state, WordsAction::TemplateAdded);
    words(&mut state, WordsAction::TemplateAdded);
    assert_eq!(state.templates[0], "a {}.");
    assert_eq!(state.templates.len(), 3);
    assert_ne!(state.templates[1], state.templates[2]);
    words(&mut state, WordsAction::TemplateRemoved(1));
    assert_eq!(state.templates.len(), 2);
    words(&mut state, WordsAction::EnsembleChosen);
    assert_eq!(state.templates.len(), 8);
    assert_eq!(state.template_problem(), None);
    state.apply(Action::TemplateChanged(3, "a thing".into()));
    assert!(state.template_problem().is_some());
    words(&mut state, WordsAction::EnsembleLeft);
    assert_eq!(state.templates, ["a {}."]);
    // One always stays.
    words(&mut state, WordsAction::TemplateRemoved(0));
    assert_eq!(state.templates, ["a {}."]);
}
