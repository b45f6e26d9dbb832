//! Augmentations: random crops of the image, flipped and mixed, each with what it says,
//! and what the most confident of them say together.

mod controls;
mod gallery;
mod means;

use yew::prelude::*;

use super::views::{
    SourceImage, again_button, detail, entropy_help, finished, learner_key, obstacle, spoken,
    svg_box, use_pointing,
};
use super::work_strip::WorkStrip;
use crate::state::{Action, Asker, AugmentAction, ShownViews, State};
use controls::AugmentControls;
use gallery::Gallery;
use means::Means;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn AugmentRoom(props: &Props) -> Html {
    let state = &props.state;
    let augment = &state.augment;
    let act = |action: AugmentAction| {
        let dispatch = state.dispatcher();
        Callback::from(move |()| dispatch.dispatch(Action::Augment(action.clone())))
    };
    let shown = ShownViews::of(&augment.inquiry);
    let views = shown.map_or(augment.settings.count + 1, |shown| shown.answer.views.len());
    let pointing = use_pointing(views);
    let question = augment.question(state);
    let is_busy = question
        .as_ref()
        .is_some_and(|question| augment.inquiry.wants(question));
    let is_stopped = augment.inquiry.is_stopped(question.as_ref());
    let is_current = augment.inquiry.answered_task() == question.as_ref();
    let trusted = shown.map(|shown| shown.trusted(augment.settings.share));
    let trusted = trusted.unwrap_or_default();
    let obstacle = obstacle(
        state,
        &augment.inquiry,
        question.as_ref(),
        act(AugmentAction::Again),
    );
    let is_hidden = obstacle.is_some();
    let idle = match (is_stopped, &shown) {
        (true, _) => "stopped".to_string(),
        (_, Some(shown)) if is_current => finished(shown),
        _ if is_busy => "waiting for its turn…".into(),
        _ => String::new(),
    };
    html! {
        <section
            class="card views-room" aria-labelledby="augment-title" data-testid="augment"
            data-answers={augment.inquiry.answers.to_string()} aria-busy={is_busy.to_string()}
        >
            <div>
                <h2 class="card-title" id="augment-title">{ "Augmentations" }</h2>
                <p class="help">
                    { "Random crops of the image, flipped by chance and mixed with changed copies of \
                       themselves (AugMix). Does the model say the same of all of them? Test-time tuning \
                       trusts those that it is most sure of." }
                </p>
            </div>
            <AugmentControls state={state.clone()} trusted={trusted.len()} {views}>
                <div class="views-strip">
                    <WorkStrip
                        running={state.running(Asker::Augment).cloned()} unit="views" {idle}
                        on_stop={act(AugmentAction::Stop)}
                    />
                    { again_button("augment-again", is_stopped, &act(AugmentAction::Again)) }
                </div>
            </AugmentControls>
            <p class="visually-hidden" role="status">
                { shown.filter(|_| is_current).and_then(|shown| spoken(&shown, trusted.len())) }
            </p>
            <div class="stage">
                <div
                    class={classes!("views-columns", is_hidden.then_some("is-hidden"), (!is_current).then_some("is-old"))}
                    aria-hidden={is_hidden.then_some("true")} data-method={learner_key(state, augment.settings.learned.as_deref())}
                >
                    <div class="views-source">
                        { source(state, shown, pointing.at) }
                        { detail(shown, pointing.at, &trusted) }
                        <p class="help">{ entropy_help(state.class_names.len()) }</p>
                    </div>
                    <div class="augment-right">
                        <Means state={state.clone()} trusted={trusted.clone()} />
                        <Gallery state={state.clone()} {pointing} {trusted} />
                    </div>
                </div>
                { obstacle }
            </div>
        </section>
    }
}

/// The image, and where the view that is looked at comes from.
fn source(state: &State, shown: Option<ShownViews<'_>>, at: usize) -> Html {
    let image = state.image.clone();
    let is_of_image =
        |shown: &ShownViews<'_>| image.as_ref().map(|image| image.source) == shown.image;
    let shown = shown.filter(is_of_image);
    let size = shown.map(|shown| (shown.answer.width, shown.answer.height));
    let place = shown.and_then(|shown| shown.answer.views.get(at));
    let place = place.map(|view| {
        html! {
            <g class="marks" data-testid="crop-place">
                { svg_box("place-edge", view.source) }{ svg_box("place-looked-at", view.source) }
            </g>
        }
    });
    html! { <SourceImage {image} {size}>{ place }</SourceImage> }
}
