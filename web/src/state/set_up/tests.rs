use super::SETTINGS;
use crate::share::{Reading, SetUp, read};
use crate::state::{
    Action, BatchAction, LearnedStage, PatchesAction, PatchesSettings, Problem, SampleList,
    SortKey, SourceId, State, StoredFile, Tab,
};

fn listed() -> State {
    let mut state = State::default();
    state.apply(Action::SamplesListed(SampleList {
        classes: vec!["red heart".into(), "blue star".into()],
        template: "a photo of a {}.".into(),
        samples: vec![],
    }));
    state
}

#[test]
fn a_page_as_it_opens_needs_nothing_in_its_link() {
    assert_eq!(listed().set_up().fragment().0, "");
}

#[test]
fn a_link_makes_another_page_the_same() {
    let mut state = listed();
    for action in [
        Action::TabChosen(Tab::Augment),
        Action::ClassesAdded("green, ring".into()),
        Action::ClassRemoved(0),
        Action::TemplateChanged(0, "{} & co.".into()),
    ] {
        state.apply(action);
    }
    let (fragment, left_out) = state.set_up().fragment();
    assert!(left_out.is_empty());
    let mut other = listed();
    other.apply(Action::SetUpArrived(read(&fragment)));
    assert_eq!(other, state);
}

#[test]
fn every_setting_is_written_and_read_again() {
    let fresh = State::default();
    for setting in SETTINGS {
        let same = SETTINGS.iter().filter(|other| other.key == setting.key);
        assert_eq!(same.count(), 1, "{}", setting.key);
        let value = (setting.get)(&fresh);
        let mut state = fresh.clone();
        assert!((setting.set)(&mut state, &value), "{} {value}", setting.key);
        assert_eq!(state, fresh, "{}", setting.key);
        // Nothing is something to say of a class that is not chosen.
        let senseless = ["", "NaN", "-1", "1e99", "99999999999", "…"];
        for senseless in senseless.into_iter().filter(|text| *text != value) {
            let mut state = fresh.clone();
            let taken = (setting.set)(&mut state, senseless);
            let untouched = state == fresh;
            assert!(!taken && untouched, "{} took {senseless:?}", setting.key);
        }
    }
}

#[test]
fn the_chosen_class_and_the_tables_order_travel() {
    let mut state = listed();
    let class = |class: &str| PatchesSettings {
        class: Some(class.into()),
        ..PatchesSettings::default()
    };
    for action in [
        Action::Patches(PatchesAction::Changed(class("blue star"))),
        Action::Batch(BatchAction::SortedBy(SortKey::Learner("zero-shot".into()))),
        Action::Batch(BatchAction::SortedBy(SortKey::Learner("zero-shot".into()))),
        Action::Batch(BatchAction::OnlyWrong(true)),
    ] {
        state.apply(action);
    }
    let (fragment, _) = state.set_up().fragment();
    let mut other = listed();
    other.apply(Action::SetUpArrived(read(&fragment)));
    assert_eq!(other, state, "{fragment}");

    // A class that is none is not named, and not taken.
    let settings = class("a cat");
    state.apply(Action::Patches(PatchesAction::Changed(settings)));
    let (fragment, _) = state.set_up().fragment();
    assert!(!fragment.contains("patches.class"), "{fragment}");
    let mut other = listed();
    other.apply(Action::SetUpArrived(read("patches.class=a+cat")));
    assert_eq!(other.patches, listed().patches);
    let notice = other.notice.map(|notice| notice.message);
    assert!(notice.is_some_and(|notice| notice.contains("patches.class")));
}

#[test]
fn learned_files_that_are_not_here_are_named() {
    let arrived = |name: &str| Action::LearnedArrived(StoredFile::single(name, 1, SourceId(1)));
    let mut state = listed();
    state.apply(arrived("coop.safetensors"));
    state.apply(arrived("a, b & c"));
    let (fragment, left_out) = state.set_up().fragment();
    assert_eq!(fragment, "learned=coop.safetensors,a%2C+b+%26+c");
    assert!(left_out.is_empty());
    // What could not be opened does not belong to it.
    state.apply(arrived("broken"));
    let problem = Problem::new("cut short", "bring it again");
    state.learned[2].stage = LearnedStage::Refused(problem);
    assert_eq!(state.set_up().fragment().0, fragment);
    let notice = |state: &mut State, fragment: &str| {
        state.apply(Action::SetUpArrived(read(fragment)));
        state.notice.take().map(|notice| notice.message)
    };
    let mut other = listed();
    let told = notice(&mut other, &fragment);
    let expected = "this set-up used learned files: coop.safetensors, a, b & c";
    assert_eq!(told.as_deref(), Some(expected));
    // Only those that are not there, beside whatever else is wrong with the link.
    other.apply(arrived("coop.safetensors"));
    let told = notice(&mut other, &format!("{fragment}&tab=nowhere"));
    let told = told.unwrap_or_default();
    assert!(
        told.contains("no tab nowhere") && told.ends_with("learned files: a, b & c"),
        "{told}"
    );
    assert_eq!(notice(&mut state, &fragment), None);
}

#[test]
fn what_is_left_out_is_told_and_unknown_settings_are_not() {
    let notice = |fragment: &str| {
        let mut state = listed();
        state.apply(Action::SetUpArrived(read(fragment)));
        (state.tab, state.notice.map(|notice| notice.message))
    };
    let (tab, message) = notice("tab=tune&classes=%FF");
    assert_eq!(tab, Tab::Tune);
    assert!(message.is_some_and(|message| message.contains("classes")));
    assert_eq!(notice("tab=tune&of.another.time=1").1, None);
    let mut state = listed();
    let before = state.clone();
    let set_up = SetUp::default();
    state.apply(Action::SetUpArrived(Reading {
        set_up,
        refused: vec![],
    }));
    assert_eq!(state, before);
}
