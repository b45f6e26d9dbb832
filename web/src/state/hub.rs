//! Models of the Hub: what is looked up, what is on its way, and what is on this
//! device. Wishes stand here as data; a hook fulfils them and says how it went.

use super::{Problem, State};
use crate::hub::{OnDevice, Pace, Record, Repository};

/// What the page knows of models of the Hub.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HubState {
    /// Whether the panel is shown.
    pub is_open: bool,
    /// What stands in the field.
    pub typed: String,
    pub look_up: LookUp,
    pub download: Option<Download>,
    /// `None` until this device was looked at.
    pub models: Option<Vec<OnDevice>>,
    /// Bytes that this device has left for the page, if it tells.
    pub free_bytes: Option<u64>,
    /// The model that is being opened.
    pub opening: Option<String>,
    /// Models that are being removed.
    pub removing: Vec<String>,
    /// Why a model of this device was not opened or removed.
    pub problem: Option<Problem>,
    /// Goes up when this device is to be looked at again.
    pub inventory: u32,
    /// Goes up with each look-up and each download; late news of older ones are
    /// ignored.
    turn: u32,
}

/// What was asked of the Hub last.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LookUp {
    #[default]
    Idle,
    Asking {
        turn: u32,
        repository: Repository,
    },
    Found(Box<Record>),
    Refused(Problem),
}

/// A model on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    pub turn: u32,
    pub record: Record,
    /// Bytes that are here.
    pub here: u64,
    pub pace: Pace,
    pub stage: DownloadStage,
    /// Whether a part of it is kept in memory alone, since this device has no room.
    pub is_unkept: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DownloadStage {
    Running,
    /// The connection broke; it is tried again by itself.
    Retrying,
    /// By the person, or by a problem.
    Stopped(Option<Problem>),
}

impl Download {
    pub fn is_running(&self) -> bool {
        !matches!(self.stage, DownloadStage::Stopped(_))
    }

    /// Between 0 and 1.
    pub fn share(&self) -> f32 {
        self.here as f32 / self.record.plan.bytes().max(1) as f32
    }

    /// Seconds until all is here, as far as that can be told.
    pub fn seconds_left(&self) -> Option<f64> {
        let missing = self.record.plan.bytes().saturating_sub(self.here);
        self.pace.seconds_for(missing)
    }
}

/// What can happen to it.
#[derive(Debug, Clone, PartialEq)]
pub enum HubAction {
    // What a person does.
    PanelOpened,
    PanelClosed,
    Typed(String),
    LookUpAsked,
    /// A name that was chosen from a list, or came with the page's address.
    Suggested(String),
    /// Begins, or goes on with what is here.
    DownloadAsked(Box<Record>),
    DownloadCancelled,
    /// By its key.
    OpenAsked(String),
    RemoveAsked(String),
    ProblemDismissed,

    // What becomes of it.
    LookedUp {
        turn: u32,
        found: Result<Box<Record>, Problem>,
    },
    Heard {
        turn: u32,
        here: u64,
        /// Milliseconds of some clock.
        now: f64,
    },
    Retrying {
        turn: u32,
    },
    Unkept {
        turn: u32,
    },
    Stopped {
        turn: u32,
        problem: Problem,
    },
    Arrived {
        turn: u32,
    },
    Listed {
        models: Vec<OnDevice>,
        free_bytes: Option<u64>,
    },
    Opened {
        key: String,
        problem: Option<Problem>,
    },
    Removed {
        key: String,
        problem: Option<Problem>,
    },
}

impl HubState {
    /// The repository to look up, and for whom to say so.
    pub fn asking(&self) -> Option<(u32, Repository)> {
        match &self.look_up {
            LookUp::Asking { turn, repository } => Some((*turn, repository.clone())),
            _ => None,
        }
    }

    /// The model to fetch, and for whom to say so.
    pub fn fetching(&self) -> Option<(u32, Record)> {
        let download = self.download.as_ref()?;
        let running = download.is_running();
        running.then(|| (download.turn, download.record.clone()))
    }

    /// A model of this device.
    pub fn model(&self, key: &str) -> Option<&OnDevice> {
        let mut models = self.models.iter().flatten();
        models.find(|model| model.record.key() == key)
    }

    /// The model on its way, if its news are of this turn.
    fn current(&mut self, turn: u32) -> Option<&mut Download> {
        self.download
            .as_mut()
            .filter(|download| download.turn == turn)
    }

    fn ask(&mut self) {
        self.look_up = match Repository::read(&self.typed) {
            Ok(repository) => {
                self.turn += 1;
                LookUp::Asking {
                    turn: self.turn,
                    repository,
                }
            }
            Err(problem) => LookUp::Refused(problem),
        };
    }

    fn apply(&mut self, action: HubAction) {
        match action {
            HubAction::PanelOpened => {
                self.is_open = true;
                self.inventory += 1;
            }
            HubAction::PanelClosed => self.is_open = false,
            HubAction::Typed(text) => {
                self.typed = text;
                if matches!(self.look_up, LookUp::Refused(_)) {
                    self.look_up = LookUp::Idle;
                }
            }
            HubAction::LookUpAsked => self.ask(),
            HubAction::Suggested(name) => {
                self.typed = name;
                self.ask();
            }
            HubAction::DownloadAsked(record) => self.download_asked(*record),
            HubAction::DownloadCancelled => {
                if let Some(download) = &mut self.download {
                    download.stage = DownloadStage::Stopped(None);
                    self.inventory += 1;
                }
            }
            HubAction::OpenAsked(key) => {
                self.problem = None;
                self.opening = Some(key);
            }
            HubAction::RemoveAsked(key) => {
                self.problem = None;
                let fetched = |download: &Download| download.record.key() == key;
                self.download = self.download.take().filter(|download| !fetched(download));
                if !self.removing.contains(&key) {
                    self.removing.push(key);
                }
            }
            HubAction::ProblemDismissed => self.problem = None,
            HubAction::LookedUp { turn, found } => {
                if self.asking().is_some_and(|(asked, _)| asked == turn) {
                    self.look_up = match found {
                        Ok(record) => LookUp::Found(record),
                        Err(problem) => LookUp::Refused(problem),
                    };
                    self.inventory += 1;
                }
            }
            HubAction::Listed { models, free_bytes } => {
                self.models = Some(models);
                self.free_bytes = free_bytes;
            }
            HubAction::Opened { key, problem } => {
                if self.opening.as_ref() == Some(&key) {
                    self.opening = None;
                    self.is_open &= problem.is_some();
                    self.problem = problem;
                }
            }
            HubAction::Removed { key, problem } => {
                self.removing.retain(|removing| *removing != key);
                self.problem = problem;
                self.inventory += 1;
            }
            news => self.download_did(news),
        }
    }

    fn download_asked(&mut self, record: Record) {
        // One at a time: a line is shared anyway, and chunks of one model are
        // sooner of use than those of two.
        self.turn += 1;
        let here = self.model(&record.key()).map_or(0, |model| model.here);
        self.download = Some(Download {
            turn: self.turn,
            record,
            here,
            pace: Pace::default(),
            stage: DownloadStage::Running,
            is_unkept: false,
        });
    }

    /// News of the model on its way.
    fn download_did(&mut self, news: HubAction) {
        let turn = match news {
            HubAction::Heard { turn, .. }
            | HubAction::Retrying { turn }
            | HubAction::Unkept { turn }
            | HubAction::Stopped { turn, .. }
            | HubAction::Arrived { turn } => turn,
            _ => return,
        };
        let Some(download) = self.current(turn).filter(|download| download.is_running()) else {
            return;
        };
        match news {
            HubAction::Heard { here, now, .. } => {
                download.stage = DownloadStage::Running;
                download.here = here;
                download.pace.hear(now, here);
            }
            HubAction::Retrying { .. } => download.stage = DownloadStage::Retrying,
            HubAction::Unkept { .. } => download.is_unkept = true,
            HubAction::Stopped { problem, .. } => {
                download.stage = DownloadStage::Stopped(Some(problem));
                self.inventory += 1;
            }
            _ => {
                let unkept = download.is_unkept;
                self.download = None;
                self.look_up = LookUp::Idle;
                self.typed.clear();
                self.inventory += 1;
                self.is_open &= unkept;
                self.problem = unkept.then(|| {
                    Problem::new(
                        "this device has no room for the model; it can be used until the page is \
                         closed",
                        "remove a model from the list below, then download it again to keep it",
                    )
                });
            }
        }
    }
}

impl State {
    pub(super) fn hub_did(&mut self, action: HubAction) {
        self.hub.apply(action);
    }
}

#[cfg(test)]
mod tests;
