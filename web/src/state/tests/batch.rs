//! Stories of many images.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::{Answer, ClassProbability, Classification, Ranking, Request};
use clipwright_shared::session::ZERO_SHOT;

use super::{answer, answered, fail, file, image, next, said, start, with_learned};
use crate::export::{csv, json};
use crate::state::{
    Action, Asker, BatchAction, Lane, MOST_IMAGES, NewRow, Score, SortKey, SourceId, State, Tab,
    Task, WordsAction, evenly,
};

fn act(state: &mut State, action: BatchAction) {
    state.apply(Action::Batch(action));
}

fn row(source: u32, title: &str, label: Option<&str>) -> NewRow {
    let mut image = image(source);
    image.title = title.into();
    NewRow {
        image,
        label: label.map(String::from),
    }
}

/// Images of the two classes, and one of none.
fn three() -> Vec<NewRow> {
    vec![
        row(11, "b.png", Some("red star")),
        row(12, "a.png", Some("blue ring")),
        row(13, "c.png", Some("holiday")),
    ]
}

/// Every learner finds `class` most probable.
fn ranked(learners: &[(&str, &str, f32)]) -> Answer {
    let ranking = |(name, class, probability): &(&str, &str, f32)| Ranking {
        name: name.to_string(),
        method: Method::Coop,
        classes: vec![ClassProbability {
            class: class.to_string(),
            probability: *probability,
        }],
        problem: None,
    };
    let rankings = learners.iter().map(ranking).collect();
    Answer::Classified(Classification { rankings })
}

fn asked_of(state: &State) -> Option<(Asker, SourceId)> {
    let (_, task) = state.next_task(Lane::Question)?;
    Some((task.asker, task.files.first()?.source))
}

fn stages(state: &State) -> Vec<bool> {
    let question = state.batch_question().expect("a question");
    let rows = state.batch.rows().iter();
    rows.map(|row| row.is_answered(question)).collect()
}

fn names(state: &State) -> Vec<String> {
    let view = state.batch_view();
    view.iter().map(|row| row.image.title.clone()).collect()
}

#[test]
fn images_are_ranked_one_after_another_behind_the_one_that_is_looked_at() {
    let mut state = answered();
    act(&mut state, BatchAction::Added(three()));
    assert_eq!(asked_of(&state), Some((Asker::Batch, SourceId(11))));
    start(&mut state);
    // It is still wished for while it is under way.
    assert!(state.overtaken().is_empty());
    let work = state.batch_work().expect("work");
    assert_eq!(
        work.progress
            .map(|progress| (progress.done, progress.total)),
        Some((0, 3))
    );
    answer(&mut state, ranked(&[(ZERO_SHOT, "red star", 0.9)]));
    assert_eq!(stages(&state), [true, false, false]);

    // What a person looks at goes first.
    act(&mut state, BatchAction::Shown(SourceId(13)));
    assert_eq!(asked_of(&state), Some((Asker::Classify, SourceId(13))));
    start(&mut state);
    answer(&mut state, ranked(&[(ZERO_SHOT, "red star", 0.6)]));

    start(&mut state);
    fail(&mut state, "the image is cut short");
    start(&mut state);
    answer(&mut state, ranked(&[(ZERO_SHOT, "blue ring", 0.7)]));
    assert_eq!(stages(&state), [true, true, true]);
    assert_eq!(state.batch_work(), None);
    assert_eq!(next(&state), None);
    let problem = state.batch.rows()[1].problem().expect("a problem");
    assert_eq!(problem.message, "the image is cut short");
    // Only images whose label is a class, and that have an answer.
    assert_eq!(state.score(ZERO_SHOT), Score { right: 1, of: 1 });
    assert_eq!(state.score(ZERO_SHOT).accuracy(), Some(1.0));
}

#[test]
fn another_question_is_asked_of_all_again_and_the_old_answers_stay_until_then() {
    let mut state = answered();
    act(
        &mut state,
        BatchAction::Added(vec![row(11, "a", None), row(12, "b", None)]),
    );
    for _ in 0..2 {
        start(&mut state);
        answer(&mut state, ranked(&[(ZERO_SHOT, "red star", 0.9)]));
    }
    let name = "green cross".into();
    state.apply(Action::Words(WordsAction::ClassRenamed { at: 1, name }));
    assert_eq!(stages(&state), [false, false]);
    assert_eq!(
        state.batch.rows()[0]
            .top(ZERO_SHOT)
            .map(|top| &top.class[..]),
        Some("red star")
    );
    // The image first, then the table.
    assert_eq!(asked_of(&state).map(|asked| asked.0), Some(Asker::Classify));
    start(&mut state);
    answer(&mut state, ranked(&[(ZERO_SHOT, "green cross", 0.9)]));
    start(&mut state);
    // A learned file comes meanwhile: what is under way is of no more use.
    state.apply(Action::LearnedArrived(file(3, "learned")));
    assert_eq!(state.overtaken().len(), 1);
}

#[test]
fn the_work_can_be_stopped_and_goes_on_with_the_next_question() {
    let mut state = answered();
    act(&mut state, BatchAction::Added(three()));
    start(&mut state);
    act(&mut state, BatchAction::Stopped);
    assert_eq!(state.overtaken().len(), 1);
    assert!(state.batch.is_stopped(state.batch_question()));
    let task = state.lane(Lane::Question).expect("a task").id;
    let cancelled = clipwright_shared::protocol::Event::Cancelled { task };
    state.apply(said(&state, cancelled));
    assert_eq!(next(&state), None);
    act(&mut state, BatchAction::Resumed);
    assert_eq!(asked_of(&state), Some((Asker::Batch, SourceId(11))));
    act(&mut state, BatchAction::Stopped);
    // More images are a wish to have them ranked.
    act(&mut state, BatchAction::Added(vec![row(14, "d.png", None)]));
    assert_eq!(asked_of(&state), Some((Asker::Batch, SourceId(11))));
    // In another tab the table waits.
    state.apply(Action::TabChosen(Tab::Learned));
    assert_ne!(asked_of(&state).map(|asked| asked.0), Some(Asker::Batch));
}

#[test]
fn a_worker_that_dies_of_an_image_leaves_the_others() {
    let mut state = answered();
    act(&mut state, BatchAction::Added(three()));
    start(&mut state);
    let generation = state.worker.generation;
    let reason = "out of memory".into();
    state.apply(Action::WorkerDied { generation, reason });
    let problem = state.batch.rows()[0].problem().expect("a problem");
    assert!(problem.message.contains("out of memory"), "{problem:?}");
    assert_eq!(
        state
            .batch
            .wish(&state)
            .map(|task: Task| task.files[0].source),
        Some(SourceId(12))
    );
}

#[test]
fn the_table_is_bounded_and_keeps_what_it_shows() {
    let mut state = answered();
    let many = (0..MOST_IMAGES as u32 + 3).map(|at| row(100 + at, "many.png", None));
    act(&mut state, BatchAction::Added(many.collect()));
    assert_eq!(state.batch.rows().len(), MOST_IMAGES);
    let notice = state.notice.clone().expect("a notice");
    assert!(
        notice.message.starts_with("3 images were left out"),
        "{notice:?}"
    );
    assert!(state.live_sources().contains(&SourceId(100)));
    act(&mut state, BatchAction::Removed(SourceId(100)));
    assert_eq!(state.batch.rows().len(), MOST_IMAGES - 1);
    assert!(!state.live_sources().contains(&SourceId(100)));
    act(&mut state, BatchAction::Cleared);
    assert!(state.batch.rows().is_empty());
}

/// Two learners that disagree on the second image.
fn judged() -> State {
    let mut state = with_learned();
    start(&mut state);
    answer(
        &mut state,
        ranked(&[(ZERO_SHOT, "red star", 0.5), ("learned", "red star", 0.6)]),
    );
    act(&mut state, BatchAction::Added(three()));
    for (zero_shot, learned, probability) in [
        ("red star", "red star", 0.9),
        ("red star", "blue ring", 0.6),
        ("blue ring", "blue ring", 0.7),
    ] {
        assert!(matches!(start(&mut state), Some(Request::Classify { .. })));
        let learners = [
            (ZERO_SHOT, zero_shot, probability),
            ("learned", learned, 0.8),
        ];
        answer(&mut state, ranked(&learners));
    }
    state
}

#[test]
fn labels_say_who_is_right() {
    let mut state = judged();
    assert_eq!(state.score(ZERO_SHOT), Score { right: 1, of: 2 });
    assert_eq!(state.score("learned"), Score { right: 2, of: 2 });
    act(&mut state, BatchAction::OnlyWrong(true));
    assert_eq!(names(&state), ["a.png"]);
    act(&mut state, BatchAction::OnlyWrong(false));
    act(&mut state, BatchAction::LabelsAsClasses);
    assert_eq!(state.class_names, ["blue ring", "holiday", "red star"]);
    assert_eq!(state.score(ZERO_SHOT), Score::default());
    assert_eq!(state.score(ZERO_SHOT).accuracy(), None);
}

#[test]
fn the_table_is_sorted_by_any_column_both_ways() {
    let mut state = judged();
    let by_zero_shot = SortKey::Learner(ZERO_SHOT.into());
    let cases = [
        (SortKey::Name, ["a.png", "b.png", "c.png"]),
        (SortKey::Name, ["c.png", "b.png", "a.png"]),
        (SortKey::Label, ["a.png", "c.png", "b.png"]),
        (by_zero_shot.clone(), ["a.png", "c.png", "b.png"]),
        (by_zero_shot, ["b.png", "c.png", "a.png"]),
        (SortKey::Order, ["b.png", "a.png", "c.png"]),
    ];
    for (key, expected) in cases {
        act(&mut state, BatchAction::SortedBy(key.clone()));
        assert_eq!(names(&state), expected, "{key:?}");
    }
}

#[test]
fn the_table_becomes_a_file() {
    let mut state = judged();
    let mut bad = row(14, "=cmd.png", Some("red, star"));
    bad.image.title = "=cmd.png".into();
    act(&mut state, BatchAction::Added(vec![bad]));
    start(&mut state);
    fail(&mut state, "the image is cut short");
    let expected = [
        "image,label,zero-shot: class,zero-shot: probability,zero-shot: is_right,\
         learned: class,learned: probability,learned: is_right,problem",
        "b.png,red star,red star,0.9,true,red star,0.8,true,",
        "a.png,blue ring,red star,0.6,false,blue ring,0.8,true,",
        "c.png,holiday,blue ring,0.7,,blue ring,0.8,,",
        "\"'=cmd.png\",\"red, star\",,,,,,,the image is cut short",
        "",
    ];
    assert_eq!(csv(&state), expected.join("\r\n"));

    let report: serde_json::Value = serde_json::from_str(&json(&state)).expect("JSON");
    assert_eq!(report["model"], "tiny");
    assert_eq!(
        report["class_names"],
        serde_json::json!(["red star", "blue ring"])
    );
    assert_eq!(report["accuracy"][0]["accuracy"], 0.5);
    assert_eq!(report["accuracy"][1]["right"], 2);
    assert_eq!(
        report["images"][1]["rankings"][1]["classes"][0]["class"],
        "blue ring"
    );
    assert_eq!(report["images"][3]["image"], "=cmd.png");
    assert_eq!(report["images"][3]["problem"], "the image is cut short");
}

#[test]
fn where_there_is_no_room_every_folder_gives_its_share() {
    let labels = |text: &'static str| -> Vec<Option<&'static str>> {
        let letters = text.split("").filter(|letter| !letter.is_empty());
        letters
            .map(|letter| (letter != "-").then_some(letter))
            .collect()
    };
    for (brought, most, taken) in [
        ("", 3, ""),
        ("aabb", 9, "xxxx"),
        ("aaaabbbb", 4, "xx..xx.."),
        ("aaaabcc", 5, "xx..xxx"),
        ("---aa", 3, "xx.x."),
        ("abc", 0, "..."),
    ] {
        let seen: String = evenly(&labels(brought), most)
            .into_iter()
            .map(|taken| if taken { 'x' } else { '.' })
            .collect();
        assert_eq!(seen, taken, "{brought}");
    }
}
