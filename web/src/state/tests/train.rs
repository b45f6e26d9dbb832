//! The training's little stories.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::{
    Answer, Event, Progress, Request, TestScores, TrainNews, TrainRequest,
};

use super::{answer, fail, file, learned_loaded, model_loaded, said, start, state};
use crate::state::{
    Action, Course, KeptCourse, Lane, NewPhoto, Offer, PhotoStage, SourceId, State, Task,
    TrainAction, WorkerPhase,
};

const CLASSES: [&str; 3] = ["red star", "blue ring", "green heart"];

fn photo(class: &str, source: u32) -> NewPhoto {
    NewPhoto {
        class: class.into(),
        title: format!("{source}.jpg"),
        source: SourceId(source),
        url: format!("blob:{source}"),
    }
}

fn act(state: &mut State, action: TrainAction) {
    state.apply(Action::Train(action));
}

/// A page with an open model and four photos of each class, none encoded.
fn with_photos() -> State {
    let mut state = state([Action::ModelArrived(file(1, "tiny"))]);
    state.apply(said(&state, Event::Ready));
    assert!(matches!(start(&mut state), Some(Request::LoadModel { .. })));
    answer(&mut state, model_loaded("f1"));
    let photos = (0..12).map(|at| photo(CLASSES[at % 3], 100 + at as u32));
    act(&mut state, TrainAction::PhotosAdded(photos.collect()));
    state
}

/// The worker encodes what waits; the images in their order.
fn encode(state: &mut State) -> Vec<u32> {
    let mut encoded = Vec::new();
    while let Some(Request::Encode { image }) = start(state) {
        encoded.push(image);
        answer(state, Answer::Encoded { image });
    }
    encoded
}

/// Lets the worker begin what is to be trained.
fn train(state: &mut State) -> Option<(u32, Task, TrainRequest)> {
    let (id, task) = state.next_task(Lane::Training)?;
    let Request::Train(request) = task.request.clone() else {
        panic!("{task:?}");
    };
    state.apply(Action::TaskStarted {
        id,
        task: task.clone(),
    });
    Some((id, task, request))
}

fn news(course: u32, epoch: usize) -> TrainNews {
    TrainNews {
        course,
        epoch,
        seen: None,
        test: TestScores::default(),
        start: None,
        prompts: Vec::new(),
        learned_bytes: 5,
    }
}

/// The worker tells of an epoch.
fn tell(state: &mut State, id: u32, epoch: usize) {
    let course = course(state).number();
    let progress = Progress {
        done: epoch,
        total: 5,
        so_far: Some(Answer::Trained(news(course, epoch))),
    };
    state.apply(said(state, Event::Progress { task: id, progress }));
}

/// The worker ends a part, with bytes.
fn end(state: &mut State, id: u32, epoch: usize, source: u32) {
    let answer = Answer::Trained(news(course(state).number(), epoch));
    state.apply(Action::WorkerSaid {
        generation: state.worker.generation,
        event: Event::Done { task: id, answer },
        milliseconds: 500.0,
        pixels: Some(SourceId(source)),
    });
}

/// The page puts the bytes in their places.
fn keep(state: &mut State, epoch: usize, source: u32) {
    let kept = KeptCourse {
        epoch,
        learned: SourceId(source),
        learned_bytes: 5,
        url: "blob:learned".into(),
        record: SourceId(source + 1),
    };
    act(state, TrainAction::Kept(kept));
}

fn course(state: &State) -> &Course {
    state.train.course.as_ref().expect("a course")
}

/// A course under way: its first part begun.
fn going() -> (State, u32) {
    let mut state = with_photos();
    encode(&mut state);
    act(&mut state, TrainAction::Begin);
    let (id, ..) = train(&mut state).expect("a course to train");
    (state, id)
}

#[test]
fn photos_are_encoded_one_by_one_and_what_is_no_image_says_so() {
    let mut state = with_photos();
    assert_eq!(state.class_names, CLASSES, "photos bring their classes");
    assert_eq!(start(&mut state), Some(Request::Encode { image: 1 }));
    fail(&mut state, "no image");
    assert_eq!(encode(&mut state), (2..=12).collect::<Vec<_>>());
    let refused = &state.train.photos[0];
    assert!(
        matches!(&refused.stage, PhotoStage::Refused(problem) if problem.message == "no image")
    );
    assert_eq!(state.train.photos_waiting(), 0);
    act(&mut state, TrainAction::PhotoRemoved(1));
    act(&mut state, TrainAction::ClassEmptied("blue ring".into()));
    assert_eq!(state.train.photos.len(), 7);
}

#[test]
fn photos_are_shared_out_by_class() {
    let mut state = with_photos();
    encode(&mut state);
    act(
        &mut state,
        TrainAction::NewClassToggled("green heart".into()),
    );
    assert!(state.train_obstacle().is_none());
    act(&mut state, TrainAction::Begin);
    let (_, _, request) = train(&mut state).unwrap();
    assert_eq!(request.class_names, ["red star", "blue ring"]);
    assert_eq!(request.new_class_names, ["green heart"]);
    let images = |examples: &[clipwright_shared::protocol::Example]| {
        let images = examples
            .iter()
            .map(|example| (example.image, example.label));
        images.collect::<Vec<_>>()
    };
    // A quarter of four, the last one of each class.
    let learn = [(1, 0), (4, 0), (7, 0), (2, 1), (5, 1), (8, 1)];
    assert_eq!(images(&request.learn), learn);
    assert_eq!(images(&request.held_out), [(10, 0), (11, 1)]);
    assert_eq!(images(&request.new), [(3, 0), (6, 0), (9, 0), (12, 0)]);
    assert!(state.train.is_held_out(&state.class_names, 10));
    assert!(!state.train.is_held_out(&state.class_names, 1));
    assert_eq!(request.until, 5, "a part at a time");
}

#[test]
fn what_keeps_a_course_from_beginning_is_said() {
    let mut state = with_photos();
    let mut obstacle = |action: TrainAction| {
        act(&mut state, action);
        state.train_obstacle().map(|problem| problem.message)
    };
    let mut settings = crate::state::TrainSettings::default();
    assert_eq!(obstacle(TrainAction::Set(settings.clone())), None);
    settings.plan.class_specific = true;
    assert_eq!(obstacle(TrainAction::Set(settings)), None);
    let new = TrainAction::NewClassToggled("red star".into());
    assert!(obstacle(new).unwrap().contains("new class names"));
    // CoCoOp has one context for all.
    assert_eq!(obstacle(TrainAction::MethodChosen(Method::CoCoOp)), None);
    let emptied = TrainAction::ClassEmptied("blue ring".into());
    assert!(obstacle(emptied).unwrap().contains("1 class with photos"));
    assert!(obstacle(TrainAction::Begin).is_some());
    assert!(state.train.course.is_none());
}

#[test]
fn a_course_goes_on_part_by_part_with_a_record_behind_each() {
    let (mut state, id) = going();
    for epoch in 0..=5 {
        tell(&mut state, id, epoch);
        assert_eq!(course(&state).epochs_done(), epoch);
    }
    assert_eq!(state.next_task(Lane::Training), None, "a part is under way");
    end(&mut state, id, 5, 200);
    assert!(state.live_sources().contains(&SourceId(200)));
    assert_eq!(train(&mut state), None, "the bytes have yet to be kept");
    keep(&mut state, 5, 201);
    assert!(!state.live_sources().contains(&SourceId(200)));
    let (id, task, request) = train(&mut state).unwrap();
    assert_eq!(request.until, 10);
    assert_eq!(
        task.files[0].source,
        SourceId(202),
        "another worker could go on"
    );
    assert_eq!(course(&state).milliseconds_left(), Some(4500.0));
    let news: Vec<usize> = course(&state).news.iter().map(|news| news.epoch).collect();
    assert_eq!(news, [0, 1, 2, 3, 4, 5], "each epoch once");

    // To its end, and a little longer.
    tell(&mut state, id, 49);
    end(&mut state, id, 50, 210);
    keep(&mut state, 50, 211);
    assert!(course(&state).is_finished() && !course(&state).is_going);
    assert_eq!(train(&mut state), None);
    act(&mut state, TrainAction::Longer(20));
    let (_, _, request) = train(&mut state).unwrap();
    assert_eq!((request.plan.epochs, request.until), (70, 55));
}

#[test]
fn a_stopped_course_is_kept_as_far_as_it_told() {
    let (mut state, id) = going();
    tell(&mut state, id, 0);
    tell(&mut state, id, 2);
    act(&mut state, TrainAction::Stop);
    assert_eq!(state.overtaken(), [id]);
    state.apply(said(&state, Event::Cancelled { task: id }));
    let (id, _, request) = train(&mut state).unwrap();
    assert_eq!(request.until, 2, "only to be kept");
    end(&mut state, id, 2, 200);
    keep(&mut state, 2, 201);
    assert_eq!(train(&mut state), None);
    act(&mut state, TrainAction::Continue);
    assert_eq!(train(&mut state).unwrap().2.until, 7);
}

#[test]
fn what_was_learned_becomes_a_learned_file_and_does_not_stop_the_course() {
    let (mut state, id) = going();
    end(&mut state, id, 5, 200);
    keep(&mut state, 5, 201);
    act(&mut state, TrainAction::Stop);
    act(&mut state, TrainAction::Use);
    let learned = &state.learned[0].file;
    assert_eq!(learned.name, "CoOp trained here, 5 epochs");
    assert_eq!(learned.parts[0].source, SourceId(201));
    // It is opened first; then the course goes on where it was.
    act(&mut state, TrainAction::Continue);
    assert_eq!(state.next_task(Lane::Training), None);
    assert!(matches!(
        start(&mut state),
        Some(Request::LoadLearned { .. })
    ));
    answer(&mut state, learned_loaded("CoOp trained here, 5 epochs"));
    assert_eq!(train(&mut state).unwrap().2.until, 10);
    // The file outlives the record that it came from.
    act(&mut state, TrainAction::Begin);
    assert!(state.live_sources().contains(&SourceId(201)));
}

#[test]
fn another_question_or_tab_does_not_disturb_it() {
    let (mut state, id) = going();
    state.apply(Action::ImageChosen(super::image(300)));
    assert!(matches!(start(&mut state), Some(Request::Classify { .. })));
    assert_eq!(state.overtaken(), [0_u32; 0]);
    assert_eq!(
        state.lane(Lane::Training).map(|running| running.id),
        Some(id)
    );
}

#[test]
fn when_the_worker_dies_it_goes_on_from_its_record() {
    let (mut state, id) = going();
    end(&mut state, id, 5, 200);
    keep(&mut state, 5, 201);
    let (id, ..) = train(&mut state).unwrap();
    tell(&mut state, id, 7);
    state.apply(Action::WorkerDied {
        generation: state.worker.generation,
        reason: "out of memory".into(),
    });
    assert!(course(&state).problem.is_some() && !course(&state).is_going);
    assert_eq!(course(&state).epochs_done(), 5, "what was not kept is lost");
    assert_eq!(
        state.train.photos.len(),
        12,
        "nothing that a person brought is"
    );
    assert_eq!(state.train.photos_waiting(), 12);
    state.apply(said(&state, Event::Ready));
    assert_eq!(state.worker.phase, WorkerPhase::Ready);
    start(&mut state);
    answer(&mut state, model_loaded("f1"));
    act(&mut state, TrainAction::Continue);
    let (_, task, request) = train(&mut state).unwrap();
    assert_eq!((request.until, task.files.len()), (10, 1));
}

#[test]
fn another_model_ends_the_course_and_the_photos_stay() {
    let (mut state, id) = going();
    tell(&mut state, id, 1);
    state.apply(Action::ModelArrived(file(2, "other")));
    assert_eq!(state.overtaken(), [id]);
    state.apply(said(&state, Event::Cancelled { task: id }));
    start(&mut state);
    answer(&mut state, model_loaded("f2"));
    assert!(state.train.course.is_none());
    assert_eq!(encode(&mut state).len(), 12);
}

#[test]
fn a_kept_course_is_restored_as_it_was() {
    let (mut state, id) = going();
    for epoch in 0..=5 {
        tell(&mut state, id, epoch);
    }
    end(&mut state, id, 5, 200);
    keep(&mut state, 5, 201);
    let saved = state.train_saved(1.0).unwrap();
    assert_eq!((saved.epochs(), saved.photos.len()), ((5, 50), 12));
    let json = serde_json::to_string(&saved).unwrap();
    let saved = serde_json::from_str(&json).unwrap();

    // The next visit.
    let mut next = with_photos();
    let id = "1-1".to_string();
    let offer = Offer { id, saved };
    act(&mut next, TrainAction::Offered(vec![offer.clone()]));
    assert_eq!(next.train.offers.len(), 1);
    let photos = offer.saved.photos.iter();
    let photos = photos.map(|saved| (saved.number, photo(&saved.class, 400 + saved.number)));
    let photos = photos.collect();
    let kept = KeptCourse {
        epoch: 5,
        learned: SourceId(500),
        learned_bytes: 5,
        url: "blob:500".into(),
        record: SourceId(501),
    };
    let restored = TrainAction::Restored(Box::new(offer), kept, photos);
    act(&mut next, restored);
    assert!(next.train.offers.is_empty());
    assert_eq!(next.train.kept_as.as_deref(), Some("1-1"));
    assert!(course(&next).is_going && !next.train_is_other());
    assert_eq!(course(&next).epochs_done(), 5);
    let (_, task, request) = train(&mut next).unwrap();
    assert_eq!((request.until, task.files[0].source), (10, SourceId(501)));
    // New photos get numbers of their own.
    act(
        &mut next,
        TrainAction::PhotosAdded(vec![photo("red star", 900)]),
    );
    let mut numbers: Vec<u32> = next.train.photos.iter().map(|photo| photo.number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 13);
    assert!(next.train_is_other(), "more photos make another course");
}

#[test]
fn photos_of_classes_that_left_the_list_are_told_of() {
    let mut state = with_photos();
    let classes = state.class_names.clone();
    assert!(state.train.strays(&classes).is_empty());
    state.apply(Action::ClassesReplaced(vec![
        classes[1].clone(),
        "cup".into(),
    ]));
    let strays = state.train.strays(&state.class_names);
    assert!(
        strays.contains(&classes[0]) && !strays.contains(&classes[1]),
        "{strays:?}"
    );
    // They are where they were when their classes come back.
    let all = state.class_names.iter().cloned().chain(strays).collect();
    state.apply(Action::ClassesReplaced(all));
    assert!(state.train.strays(&state.class_names).is_empty());
    assert_eq!(state.train.photos.len(), 12);
}

#[test]
fn a_lesson_that_is_there_already_is_not_there_twice() {
    let mut state = State::default();
    let lesson = || TrainAction::LessonAdded(vec![photo("ring", 1), photo("star", 2)]);
    state.apply(Action::Train(lesson()));
    state.apply(Action::Train(lesson()));
    assert_eq!(state.train.photos.len(), 2);
    // What a person adds is theirs, whatever it is called.
    let again = TrainAction::PhotosAdded(vec![photo("ring", 3)]);
    state.apply(Action::Train(again));
    assert_eq!(state.train.photos.len(), 3);
}
