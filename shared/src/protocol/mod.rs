//! What the page and its worker say to each other, and what the command line
//! prints as JSON: plain types only.
//!
//! ```text
//! page ─ Message { task, Request } + files ─→ worker
//! page ←─ Event { task, … } + pixels ───────── worker
//! ```
//!
//! Each [`Request`] is answered once, by an [`Answer`], by [`Event::Failed`] or by
//! [`Event::Cancelled`]; long ones tell their [`Progress`] before. One part of the
//! page is one file here.
//!
//! In JSON each is an object of one key, its kind: `{"done":{"task":1,"answer":{"features":
//! {…}}}}`. Kinds that stand beside their fields would be easier on the eye, and cost the
//! page a tenth of its code.

mod answers;
mod learned;
mod site;
mod train;
mod tune;
mod views;

use serde::{Deserialize, Serialize};

pub use answers::{ClassProbability, Classification, LearnedInfo, ModelInfo, Ranking};
pub use learned::{
    ContextShift, LearnedAnswer, LearnedMap, LearnedRequest, LearnerPrompts, Places, ShiftedVector,
};
pub use site::{SITE_FILE, SITE_META, SiteInfo, SiteLearned, SiteModel};
pub use train::{CourseStart, Example, Seen, TestScores, TrainNews, TrainPlan, TrainRequest};
pub use tune::{TuneAnswer, TuneRequest, TunedContext, TunedView};
pub use views::{ViewOfImage, ViewsAnswer, ViewsRequest};

/// From the page to the worker. Bytes travel beside it as transferred buffers, never
/// inside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Do this; the answer names the task.
    Do { task: u32, request: Box<Request> },
    /// What was asked is no longer wanted. The task is still answered once.
    Cancel { task: u32 },
}

/// What the worker can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Open a model; the files are its weights, and the configurations beside them.
    LoadModel {
        name: String,
        /// Without the text encoder.
        #[serde(default, skip_serializing_if = "is_false")]
        only_image: bool,
    },
    /// Add a learned file under a name; the files are those of any kind that is
    /// understood, a configuration beside them.
    LoadLearned { name: String },
    /// Forget a learned file.
    RemoveLearned { name: String },
    /// Rank the classes of an image; the file is the image.
    Classify { prompts: Prompts },
    /// The features of an image, as the encoder of a learned file or the model's own gives
    /// them, not normalised; the file is the image.
    Features { learned: Option<String> },
    /// Views of an image, each with its prediction; the file is the image.
    Views(ViewsRequest),
    /// Tune a context on an image; the file is the image.
    Tune(Box<TuneRequest>),
    /// The features of views of `side` pixels, for another worker that shares its work; the
    /// file is their RGB, one after another. An adapter of the image encoder is a second
    /// file, a learned one, and stays: `adapted` views are seen through the newest.
    EncodeViews { side: u32, adapted: bool },
    /// Keep an image's features under a name, to train on; the file is the image.
    Encode { image: u32 },
    /// Learn a context from kept features.
    Train(TrainRequest),
    /// What was learned, in words and distances.
    Learned(LearnedRequest),
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What an image is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompts {
    pub class_names: Vec<String>,
    /// `{}` for the class name; several are an ensemble.
    pub templates: Vec<String>,
}

/// From the worker to the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The worker has started; nothing may be sent to it before.
    Ready,
    /// How far a task is.
    Progress {
        task: u32,
        progress: Progress,
    },
    Done {
        task: u32,
        answer: Answer,
    },
    Failed {
        task: u32,
        message: String,
        hint: Option<String>,
    },
    Cancelled {
        task: u32,
    },
}

/// How far a long task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
    /// What is known already, of tasks that tell before they end.
    pub so_far: Option<Answer>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    ModelLoaded {
        info: ModelInfo,
    },
    LearnedLoaded {
        info: LearnedInfo,
    },
    LearnedRemoved {
        name: String,
    },
    Classified(Classification),
    Views(ViewsAnswer),
    Tuned(TuneAnswer),
    Encoded {
        image: u32,
    },
    /// The features are floats beside the answer.
    ViewsEncoded,
    /// `embed_dim` numbers.
    Features {
        features: Vec<f32>,
    },
    Trained(TrainNews),
    Learned(LearnedAnswer),
}
