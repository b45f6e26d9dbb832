//! Stories of a worker that dies.

use clipwright_shared::protocol::Event;

use super::{
    answer, answered, asking, file, is_classify, learned_loaded, load_learned, load_model,
    model_loaded, next, said, start, with_learned,
};
use crate::state::{Action, State, WorkerPhase};

fn died(state: &State) -> Action {
    let generation = state.worker.generation;
    Action::WorkerDied {
        generation,
        reason: "out of memory".into(),
    }
}

#[test]
fn a_new_worker_gets_everything_again_and_what_was_answered_stays() {
    let mut state = with_learned();
    assert!(is_classify(start(&mut state)));
    answer(&mut state, super::classified(&["zero-shot", "learned"]));
    let generation = state.worker.generation;
    let old = said(&state, Event::Ready);
    state.apply(Action::WorkerDied {
        generation,
        reason: "unreachable".into(),
    });
    assert_eq!(state.worker.generation, generation + 1);
    assert!(state.notice.is_some());
    assert!(
        state.learned_info("learned").is_some(),
        "its prompt stays in sight"
    );
    state.apply(old);
    assert_eq!(
        state.worker.phase,
        WorkerPhase::Starting,
        "the old one is not listened to"
    );

    state.apply(said(&state, Event::Ready));
    assert_eq!(start(&mut state), load_model("tiny"));
    answer(&mut state, model_loaded("f1"));
    assert_eq!(start(&mut state), load_learned("learned"));
    answer(&mut state, learned_loaded("learned"));
    assert_eq!(next(&state), None, "the answer is still the answer");
    assert_eq!(state.rankings().unwrap().len(), 2);
}

#[test]
fn what_killed_a_worker_is_not_given_to_the_next() {
    let mut state = asking();
    state.apply(died(&state));
    assert!(state.classify_problem().is_some());
    state.apply(said(&state, Event::Ready));
    start(&mut state);
    answer(&mut state, model_loaded("f1"));
    assert_eq!(next(&state), None);
    state.apply(Action::AskAgain);
    assert!(is_classify(next(&state)));

    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    state.apply(died(&state));
    state.apply(said(&state, Event::Ready));
    assert_eq!(start(&mut state), load_model("tiny"));
    answer(&mut state, model_loaded("f1"));
    assert_eq!(
        next(&state),
        None,
        "neither the file nor what is known already"
    );
}

#[test]
fn a_worker_that_never_starts_is_given_up() {
    let mut state = State::default();
    state.apply(died(&state));
    assert_eq!(state.worker.phase, WorkerPhase::Starting);
    state.apply(died(&state));
    assert!(matches!(state.worker.phase, WorkerPhase::Stopped(_)));
    assert_eq!(state.worker.generation, 1, "no third worker is started");
}
