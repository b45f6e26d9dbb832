use super::SETTINGS;
use crate::share::{Reading, SetUp, read};
use crate::state::{Action, SampleList, State, Tab};

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
        for senseless in ["", "NaN", "-1", "1e99", "99999999999", "…"] {
            let mut state = fresh.clone();
            let taken = (setting.set)(&mut state, senseless);
            let untouched = state == fresh;
            assert!(!taken && untouched, "{} took {senseless:?}", setting.key);
        }
    }
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
