//! Stories of a worker that dies.

use clipwright_shared::protocol::Event;

use super::{answered, asking, file, learned_loaded, model_loaded, said, start};
use crate::state::{Action, State, Task, WorkerPhase};

fn died(state: &State) -> Action {
    let generation = state.worker.generation;
    Action::WorkerDied {
        generation,
        reason: "out of memory".into(),
    }
}

#[test]
fn a_new_worker_gets_everything_again() {
    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    state.apply(said(&state, learned_loaded("learned")));
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
    assert_eq!(start(&mut state), Some(Task::LoadModel(file(2, "tiny"))));
    state.apply(said(&state, model_loaded("f1")));
    assert_eq!(
        start(&mut state),
        Some(Task::LoadLearned(file(3, "learned")))
    );
    state.apply(said(&state, learned_loaded("learned")));
    assert!(matches!(start(&mut state), Some(Task::Classify { .. })));
}

#[test]
fn what_killed_a_worker_is_not_given_to_the_next() {
    let (mut state, _) = asking();
    state.apply(died(&state));
    assert!(state.question_problem.is_some());
    state.apply(said(&state, Event::Ready));
    start(&mut state);
    state.apply(said(&state, model_loaded("f1")));
    assert_eq!(state.next_task(), None);
    state.apply(Action::AskAgain);
    assert!(matches!(state.next_task(), Some(Task::Classify { .. })));

    let mut state = answered();
    state.apply(Action::LearnedArrived(file(3, "learned")));
    start(&mut state);
    state.apply(died(&state));
    state.apply(said(&state, Event::Ready));
    start(&mut state);
    state.apply(said(&state, model_loaded("f1")));
    assert!(matches!(start(&mut state), Some(Task::Classify { .. })));
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
