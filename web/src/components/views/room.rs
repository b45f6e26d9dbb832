//! The frame of a room that looks at views of the image: what is asked and of whom, how
//! far the answer is, the image on the left, and the views on the right.

use yew::prelude::*;

use super::words::{finished, spoken};
use super::{entropy_help, learner_choice};
use crate::components::obstacle::obstacle;
use crate::components::slider::{Slider, slider};
use crate::components::text::help;
use crate::components::work_strip::work_strip;
use crate::components::{act, method_key};
use crate::state::{Action, Asker, Inquiry, ShownViews, State, Task};

/// A room and what it asks.
pub struct Room<'a> {
    pub state: &'a UseReducerHandle<State>,
    /// What styles and tests know it by, and what its parts' names begin with.
    pub id: &'static str,
    pub title: &'static str,
    pub help: &'static str,
    pub asker: Asker,
    pub inquiry: &'a Inquiry,
    pub question: Option<Task>,
    /// A learned file, or zero-shot.
    pub learned: Option<&'a str>,
    pub stop: Action,
    pub again: Action,
}

/// What stands in it.
pub struct Content {
    pub controls: Html,
    pub on_learner: Callback<Option<String>>,
    /// The image, and the view looked at.
    pub source: Html,
    pub views: Html,
    /// How many views are trusted.
    pub trusted: usize,
}

impl Room<'_> {
    pub fn html(self, content: Content) -> Html {
        let Self {
            state, id, inquiry, ..
        } = self;
        let question = self.question.as_ref();
        let shown = ShownViews::of(inquiry);
        let is_busy = question.is_some_and(|question| inquiry.wants(question));
        let is_stopped = inquiry.is_stopped(question);
        let is_current = inquiry.answered_task() == question;
        let again = act(state, self.again);
        let obstacle = obstacle(
            state,
            state.obstacle(),
            inquiry.problem(question),
            again.clone(),
        );
        let is_hidden = obstacle.is_some();
        let idle = match (is_stopped, &shown) {
            (true, _) => "stopped".to_string(),
            (_, Some(shown)) if is_current => finished(shown),
            _ if is_busy => "waiting for its turn…".into(),
            _ => String::new(),
        };
        let running = state.running(self.asker);
        let title = format!("{id}-title");
        html! {
            <section
                class="card views-room" aria-labelledby={title.clone()} data-testid={id}
                data-answers={inquiry.answers.to_string()} aria-busy={is_busy.to_string()}
            >
                <div>
                    <h2 class="card-title" id={title}>{ self.title }</h2>
                    { help(self.help) }
                </div>
                <div class="views-controls">{ content.controls }</div>
                <div class="views-asked">
                    { learner_choice(state, &format!("{id}-learner"), self.learned, &content.on_learner) }
                    <div class="views-strip">
                        { work_strip(running, "views", idle, act(state, self.stop)) }
                        { again_button(id, is_stopped, again) }
                    </div>
                </div>
                <p class="visually-hidden" role="status">
                    { shown.filter(|_| is_current).and_then(|shown| spoken(&shown, content.trusted)) }
                </p>
                <div class="stage">
                    <div
                        class={classes!("views-columns", is_hidden.then_some("is-hidden"), (!is_current).then_some("is-old"))}
                        aria-hidden={is_hidden.then_some("true")} data-method={learner_key(state, self.learned)}
                    >
                        <div class="views-source">
                            { content.source }
                            { help(entropy_help(state.class_names.len())) }
                        </div>
                        { content.views }
                    </div>
                    { obstacle }
                </div>
            </section>
        }
    }
}

/// How many of the views count: `trusted` of `views`.
pub fn trusted_slider(
    id: &'static str,
    share: f64,
    trusted: usize,
    views: usize,
    on_share: &Callback<f64>,
) -> Html {
    let control = Slider {
        id,
        label: "Trusted",
        shown: format!("{trusted} of {views}"),
        value: share,
        range: [0.05, 1.0, 0.05],
        help: "The share of the views with the lowest entropy, marked in amber: those that \
               test-time tuning trusts.",
        is_disabled: false,
    };
    slider(control, on_share)
}

/// The colour of the learner that a question asks.
fn learner_key(state: &State, learned: Option<&str>) -> &'static str {
    let info = state.learner_asked(learned);
    info.map_or("zero_shot", |info| method_key(info.method))
}

/// A button that asks again for what was stopped; its place is kept.
fn again_button(id: &str, is_stopped: bool, onclick: Callback<MouseEvent>) -> Html {
    html! {
        <button
            class={classes!("quiet", "again", (!is_stopped).then_some("is-away"))} type="button" {onclick}
            data-testid={format!("{id}-again")} disabled={!is_stopped}
        >
            { "Go on" }
        </button>
    }
}
