use super::{STEPS, TourAction};
use crate::state::{Action, State, Tab};

fn after(actions: &[TourAction]) -> State {
    let mut state = State::default();
    for action in actions {
        state.apply(Action::Tour(*action));
    }
    state
}

fn at(state: &State) -> Option<usize> {
    state.tour.step().map(|(at, _)| at)
}

#[test]
fn it_goes_forth_and_back_and_opens_the_tab() {
    use TourAction::{Back, Close, Next, Start};
    for (actions, expected) in [
        (&[][..], None),
        (&[Next], None),
        (&[Back], None),
        (&[Start], Some(0)),
        (&[Start, Back], Some(0)),
        (&[Start, Next, Next, Next, Next], Some(4)),
        (&[Start, Next, Next, Back], Some(1)),
        (&[Start, Next, Close], None),
        (&[Start, Next, Close, Start], Some(0)),
    ] {
        let state = after(actions);
        assert_eq!(at(&state), expected, "{actions:?}");
        let tab = expected.map_or(Tab::Classify, |at| STEPS[at].tab);
        assert_eq!(state.tab, tab, "{actions:?}");
    }
    let mut state = after(&[Start]);
    for step in 1..STEPS.len() {
        state.apply(Action::Tour(Next));
        assert_eq!(at(&state), Some(step));
    }
    state.apply(Action::Tour(Next));
    assert_eq!(at(&state), None, "after the last step");
}

#[test]
fn a_template_that_it_tried_goes_with_it() {
    use TourAction::{Close, Next, Start, Try};
    let tried = [Start, Next, Next, Try(0), Try(1)];
    let state = after(&tried);
    assert_eq!(state.templates, ["a picture of a {}."]);

    let mut closed = state.clone();
    closed.apply(Action::Tour(Close));
    assert_eq!(closed.templates, State::default().templates);

    // What a person wrote meanwhile stays.
    let mut own = state;
    own.apply(Action::TemplateChanged(0, "my {}".into()));
    own.apply(Action::Tour(Close));
    assert_eq!(own.templates, ["my {}"]);

    // There is nothing to try elsewhere.
    for actions in [
        &[Try(0)][..],
        &[Start, Try(0)],
        &[Start, Next, Next, Try(9)],
    ] {
        assert_eq!(after(actions).templates, State::default().templates);
    }
}

#[test]
fn every_step_can_be_told_and_shown() {
    for (at, step) in STEPS.iter().enumerate() {
        assert!(!step.targets.is_empty(), "step {at} points at nothing");
        let length = step.text.len() + step.task.len();
        assert!(
            length < 330,
            "step {at} is {length} bytes long: too much to read at once"
        );
        for template in step.templates {
            assert_eq!(template.matches("{}").count(), 1, "{template}");
        }
    }
    let shown = |tab: &Tab| STEPS.iter().any(|step| step.tab == *tab);
    assert!(Tab::ALL.iter().all(shown), "a tab is left out");
}
