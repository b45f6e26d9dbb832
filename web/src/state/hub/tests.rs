use super::{DownloadStage, HubAction, HubState, LookUp};
use crate::hub::{OnDevice, Plan, Record, Repository};
use crate::state::Problem;

fn record(name: &str) -> Record {
    let repository = Repository::read(name).unwrap();
    let plan = Plan::whole("model.pt", 1_000_000);
    Record::new(repository, "0123".into(), plan, &[])
}

fn after(actions: impl IntoIterator<Item = HubAction>) -> HubState {
    let mut hub = HubState::default();
    for action in actions {
        hub.apply(action);
    }
    hub
}

fn found(name: &str) -> Result<Box<Record>, Problem> {
    Ok(Box::new(record(name)))
}

#[test]
fn a_name_is_looked_up_and_late_answers_are_ignored() {
    let mut hub = after([HubAction::Suggested("a/first".into())]);
    let (first, _) = hub.asking().unwrap();
    hub.apply(HubAction::Typed("a/second".into()));
    hub.apply(HubAction::LookUpAsked);
    let (second, repository) = hub.asking().unwrap();
    assert_eq!(repository.name, "a/second");
    let late = HubAction::LookedUp {
        turn: first,
        found: found("a/first"),
    };
    hub.apply(late);
    assert!(hub.asking().is_some());
    hub.apply(HubAction::LookedUp {
        turn: second,
        found: found("a/second"),
    });
    assert_eq!(hub.look_up, LookUp::Found(Box::new(record("a/second"))));

    hub.apply(HubAction::Suggested("not a name".into()));
    assert!(matches!(&hub.look_up, LookUp::Refused(problem) if problem.hint.is_some()));
    assert_eq!(hub.asking(), None);
    // Typing on takes the complaint away.
    hub.apply(HubAction::Typed("not".into()));
    assert_eq!(hub.look_up, LookUp::Idle);
}

#[test]
fn a_download_tells_how_far_it_is_until_it_is_here() {
    let mut hub = after([
        HubAction::PanelOpened,
        HubAction::DownloadAsked(Box::new(record("a/b"))),
    ]);
    let (turn, fetched) = hub.fetching().unwrap();
    assert_eq!(fetched, record("a/b"));
    for (here, now) in [(100_000, 0.0), (250_000, 500.0)] {
        hub.apply(HubAction::Heard { turn, here, now });
    }
    let download = hub.download.as_ref().unwrap();
    assert_eq!(download.share(), 0.25);
    assert_eq!(download.pace.rate(), Some(300_000));
    assert_eq!(download.seconds_left(), Some(2.5));
    hub.apply(HubAction::Retrying { turn });
    assert_eq!(
        hub.download.as_ref().unwrap().stage,
        DownloadStage::Retrying
    );
    assert_eq!(
        hub.fetching(),
        Some((turn, record("a/b"))),
        "the wish stays the same"
    );
    let before = hub.inventory;
    hub.apply(HubAction::Arrived { turn });
    assert_eq!((hub.download.as_ref(), hub.is_open), (None, false));
    assert!(hub.inventory > before);
}

#[test]
fn a_download_that_stopped_goes_on_by_a_new_turn() {
    let mut hub = after([HubAction::DownloadAsked(Box::new(record("a/b")))]);
    let (turn, _) = hub.fetching().unwrap();
    let problem = Problem::new("no network", "wait");
    hub.apply(HubAction::Stopped {
        turn,
        problem: problem.clone(),
    });
    assert_eq!(hub.fetching(), None);
    let stage = &hub.download.as_ref().unwrap().stage;
    assert_eq!(*stage, DownloadStage::Stopped(Some(problem)));
    // News that come late do not wake it.
    hub.apply(HubAction::Heard {
        turn,
        here: 5,
        now: 0.0,
    });
    assert_eq!(hub.fetching(), None);
    hub.apply(HubAction::DownloadAsked(Box::new(record("a/b"))));
    assert_ne!(hub.fetching().unwrap().0, turn);
    hub.apply(HubAction::DownloadCancelled);
    assert_eq!(
        hub.download.as_ref().unwrap().stage,
        DownloadStage::Stopped(None)
    );
}

#[test]
fn a_model_without_room_is_used_and_the_person_is_told() {
    let mut hub = after([
        HubAction::PanelOpened,
        HubAction::DownloadAsked(Box::new(record("a/b"))),
    ]);
    let (turn, _) = hub.fetching().unwrap();
    hub.apply(HubAction::Unkept { turn });
    hub.apply(HubAction::Arrived { turn });
    assert!(hub.is_open);
    assert!(hub.problem.unwrap().message.contains("no room"));
}

#[test]
fn models_of_this_device_are_opened_and_removed() {
    let model = OnDevice {
        here: 1_000_000,
        record: record("a/b"),
    };
    let key = model.record.key();
    let mut hub = after([
        HubAction::PanelOpened,
        HubAction::Listed {
            models: vec![model],
            free_bytes: Some(5),
        },
        HubAction::OpenAsked(key.clone()),
    ]);
    assert!(hub.model(&key).unwrap().is_whole());
    assert_eq!(hub.opening, Some(key.clone()));
    let problem = Problem::new("gone", "again");
    hub.apply(HubAction::Opened {
        key: key.clone(),
        problem: Some(problem.clone()),
    });
    assert_eq!(
        (hub.opening.as_ref(), hub.problem.as_ref()),
        (None, Some(&problem))
    );
    assert!(hub.is_open, "a problem is shown where it was met");
    hub.apply(HubAction::OpenAsked(key.clone()));
    hub.apply(HubAction::Opened {
        key: key.clone(),
        problem: None,
    });
    assert_eq!((hub.is_open, hub.problem.as_ref()), (false, None));

    let before = hub.inventory;
    hub.apply(HubAction::DownloadAsked(Box::new(record("a/b"))));
    hub.apply(HubAction::RemoveAsked(key.clone()));
    assert_eq!(
        (hub.fetching(), &hub.removing[..]),
        (None, &[key.clone()][..])
    );
    hub.apply(HubAction::Removed { key, problem: None });
    assert!(hub.removing.is_empty() && hub.inventory > before);
}
