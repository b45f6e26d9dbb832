//! Test-time tuning of the image that is shown. It is work, so it starts when it is
//! asked for, and ends when the image, the classes or what is loaded change.

mod settings;

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::{Answer, LearnedInfo, Request, TuneAnswer, TuneRequest};
use clipwright_shared::tuning::{Preset, view_seed};

use super::{Asker, Inquiry, LearnedStage, Problem, SourceId, State, Task};
use crate::prompt::{Piece, template_pieces};

pub use settings::{LEARNING_RATES, TuneSettings, TuneShare, TuneViews};

/// What the tab shows and asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tune {
    pub settings: TuneSettings,
    /// What was started, with all that it was started on.
    wanted: Option<Box<Task>>,
    /// The step that is looked at; the last one if none was chosen.
    pub looked_at: Option<usize>,
    pub inquiry: Inquiry,
}

/// What a person does there.
#[derive(Debug, Clone, PartialEq)]
pub enum TuneAction {
    Changed(TuneSettings),
    /// Everything as this preset has it, except the start and the seed.
    PresetChosen(Preset),
    /// Tunes on the image that is shown.
    Started,
    /// 0 is the start.
    StepLookedAt(usize),
    /// Asks again for what failed or was stopped.
    Again,
    /// Stops what is under way.
    Stop,
}

/// A tuning that can be looked at, perhaps not yet at its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownTuning<'a> {
    pub request: &'a TuneRequest,
    pub answer: &'a TuneAnswer,
    /// Pixels of the views; none before the end.
    pub pixels: Option<SourceId>,
    /// Whether more steps are to come.
    pub is_going: bool,
}

impl ShownTuning<'_> {
    /// The class that is most probable at a step.
    pub fn top(&self, step: usize) -> Option<(&str, f32)> {
        let probabilities = &self.answer.points.get(step)?.probabilities;
        let classes = self.request.prompts.class_names.iter().zip(probabilities);
        let top = classes.max_by(|a, b| a.1.total_cmp(b.1));
        top.map(|(class, probability)| (class.as_str(), *probability))
    }
}

impl Tune {
    /// What the tab asks about the image that is shown: what was started, as long as it
    /// is about what is there.
    pub fn question(&self, state: &State) -> Option<Task> {
        let wanted = self.wanted.as_deref()?;
        let Request::Tune(request) = &wanted.request else {
            return None;
        };
        let same_prompts = request.prompts == state.prompts();
        let now = state.about_the_image(Asker::Tune, wanted.request.clone());
        now.filter(|now| same_prompts && now == wanted)
    }

    /// The question, until it is settled.
    pub fn wish(&self, state: &State) -> Option<Task> {
        self.inquiry.filter(self.question(state))
    }
}

impl State {
    pub(super) fn tune_did(&mut self, action: TuneAction) {
        match action {
            TuneAction::Changed(settings) => self.tune.settings = settings,
            TuneAction::PresetChosen(preset) => {
                self.tune.settings = self.tune.settings.with_preset(preset);
            }
            TuneAction::Started => {
                let task = self.tuning_task();
                if let Some(task) = task {
                    self.tune.wanted = Some(Box::new(task));
                    self.tune.looked_at = None;
                    self.tune.inquiry.again();
                }
            }
            TuneAction::StepLookedAt(step) => self.tune.looked_at = Some(step),
            TuneAction::Again => self.tune.inquiry.again(),
            TuneAction::Stop => {
                let question = self.tune.question(self);
                self.tune.inquiry.stop(question);
            }
        }
    }

    /// What keeps tuning from being started, and what to do about it.
    pub fn tuning_obstacle(&self) -> Option<Problem> {
        if let Some(problem) = self.obstacle() {
            return Some(problem);
        }
        let settings = &self.tune.settings;
        match &settings.start {
            Some(name) if self.tuning_starts().all(|info| info.name != *name) => {
                let message = format!("“{name}” is no context of these classes to start from");
                return Some(Problem::new(message, "choose another start"));
            }
            Some(_) => {}
            None if self.has_wordless_template() => {
                let message = "the template has no words beside the class name to tune";
                return Some(Problem::new(
                    message,
                    "write some, as in “a photo of a {}.”",
                ));
            }
            None => {}
        }
        let refusal = settings.refusal(self.class_names.len())?;
        Some(Problem::new(
            refusal,
            "choose another loss, other views or a larger share",
        ))
    }

    fn has_wordless_template(&self) -> bool {
        let template = self.templates.first().map_or("", String::as_str);
        let is_word = |piece: &Piece| matches!(piece, Piece::Word(word) if word.chars().any(char::is_alphanumeric));
        !template_pieces(template).iter().any(is_word)
    }

    /// The loaded contexts that tuning can start from with the classes that are there.
    pub fn tuning_starts(&self) -> impl Iterator<Item = &LearnedInfo> {
        let open = self.learned.iter();
        let open = open.filter(|learned| learned.stage == LearnedStage::Open);
        let infos = open.filter_map(|learned| learned.info.as_ref());
        infos.filter(|info| {
            let knows = |name: &String| info.class_names.contains(name);
            info.method == Method::Coop
                && (!info.class_specific || self.class_names.iter().all(knows))
        })
    }

    /// The task that a start would ask for now.
    pub fn tuning_task(&self) -> Option<Task> {
        if self.tuning_obstacle().is_some() {
            return None;
        }
        let settings = &self.tune.settings;
        let request = TuneRequest {
            augmenter: settings.augmenter(),
            // As `clipwright tune` draws for a single image.
            seed: view_seed(settings.seed.into(), 0),
            settings: settings.tuning(),
            learned: settings.start.clone(),
            prompts: self.prompts(),
        };
        self.about_the_image(Asker::Tune, Request::Tune(Box::new(request)))
    }

    /// Whether a tuning is under way or waits for its turn.
    pub fn is_tuning(&self) -> bool {
        self.tune.wish(self).is_some()
    }

    /// Whether what is shown is what a start would come to.
    pub fn is_tuned(&self) -> bool {
        let task = self.tuning_task();
        task.is_some() && self.tune.inquiry.answered_task() == task.as_ref()
    }

    /// The tuning to look at: the one under way as soon as it has a prediction, or the
    /// newest.
    pub fn shown_tuning(&self) -> Option<ShownTuning<'_>> {
        let going = self.running(Asker::Tune).and_then(|running| {
            let so_far = running.progress.as_ref()?.so_far.as_ref()?;
            Some((&running.task, so_far, None, true))
        });
        let answered = || {
            let inquiry = &self.tune.inquiry;
            let answered = inquiry.answered()?;
            let task = inquiry.answered_task()?;
            Some((task, &answered.answer, answered.pixels, false))
        };
        let (task, answer, pixels, is_going) = going.or_else(answered)?;
        match (&task.request, answer) {
            (Request::Tune(request), Answer::Tuned(answer)) => Some(ShownTuning {
                request,
                answer,
                pixels,
                is_going,
            }),
            _ => None,
        }
    }

    /// The step that is looked at: never one that is not there.
    pub fn step_looked_at(&self) -> usize {
        let shown = self.shown_tuning();
        let last = shown.map_or(0, |shown| shown.answer.points.len().saturating_sub(1));
        self.tune.looked_at.map_or(last, |step| step.min(last))
    }
}
