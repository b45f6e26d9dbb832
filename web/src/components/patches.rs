//! Patches: the image with a grid over it, how probable a class is in each place, and
//! each patch with what it says. A place and its patch point at each other.

mod controls;
mod grid;
mod places;

use yew::prelude::*;

use super::views::{
    Pointing, SourceImage, again_button, detail, entropy_help, finished, learner_key, obstacle,
    spoken, use_pointing,
};
use super::work_strip::WorkStrip;
use crate::state::{Action, Asker, PatchesAction, ShownViews, State};
use controls::PatchesControls;
use grid::PatchGrid;
use places::Places;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn PatchesRoom(props: &Props) -> Html {
    let state = &props.state;
    let patches = &state.patches;
    let act = |action: PatchesAction| {
        let dispatch = state.dispatcher();
        Callback::from(move |()| dispatch.dispatch(Action::Patches(action.clone())))
    };
    let shown = ShownViews::of(&patches.inquiry);
    let views = shown.map_or(1, |shown| shown.answer.views.len());
    let pointing = use_pointing(views);
    let question = patches.question(state);
    let is_busy = question
        .as_ref()
        .is_some_and(|question| patches.inquiry.wants(question));
    let is_stopped = patches.inquiry.is_stopped(question.as_ref());
    let is_current = patches.inquiry.answered_task() == question.as_ref();
    let trusted = shown.map(|shown| shown.trusted(patches.settings.share));
    let trusted = trusted.unwrap_or_default();
    let obstacle = obstacle(
        state,
        &patches.inquiry,
        question.as_ref(),
        act(PatchesAction::Again),
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
            class="card views-room" aria-labelledby="patches-title" data-testid="patches"
            data-answers={patches.inquiry.answers.to_string()} aria-busy={is_busy.to_string()}
        >
            <div>
                <h2 class="card-title" id="patches-title">{ "Patches" }</h2>
                <p class="help">
                    { "Each patch is looked at as if it were an image of its own: what does the model \
                       see, and where? The colour over the image says how probable one class is there." }
                </p>
            </div>
            <PatchesControls state={state.clone()} trusted={trusted.len()} {views}>
                <div class="views-strip">
                    <WorkStrip
                        running={state.running(Asker::Patches).cloned()} unit="views" {idle}
                        on_stop={act(PatchesAction::Stop)}
                    />
                    { again_button("patches-again", is_stopped, &act(PatchesAction::Again)) }
                </div>
            </PatchesControls>
            <p class="visually-hidden" role="status">
                { shown.filter(|_| is_current).and_then(|shown| spoken(&shown, trusted.len())) }
            </p>
            <div class="stage">
                <div
                    class={classes!("views-columns", is_hidden.then_some("is-hidden"), (!is_current).then_some("is-old"))}
                    aria-hidden={is_hidden.then_some("true")} data-method={learner_key(state, patches.settings.learned.as_deref())}
                >
                    <div class="views-source">
                        { source(state, shown, &pointing, &trusted) }
                        <p class="help">{ entropy_help(state.class_names.len()) }</p>
                    </div>
                    <PatchGrid state={state.clone()} {pointing} {trusted} />
                </div>
                { obstacle }
            </div>
        </section>
    }
}

/// The image with its places, and the view looked at.
fn source(
    state: &UseReducerHandle<State>,
    shown: Option<ShownViews<'_>>,
    pointing: &Pointing,
    trusted: &[usize],
) -> Html {
    let image = state.image.clone();
    let is_of_image =
        |shown: &ShownViews<'_>| image.as_ref().map(|image| image.source) == shown.image;
    let size = shown
        .filter(is_of_image)
        .map(|shown| (shown.answer.width, shown.answer.height));
    let places = size.map(|_| {
        html! {
            <Places state={state.clone()} pointing={pointing.clone()} trusted={trusted.to_vec()} />
        }
    });
    html! {
        <>
            <SourceImage image={image.clone()} {size} label="Places of the patches on the image">
                { places }
            </SourceImage>
            <p class="heat-legend" aria-hidden="true">
                <span>{ "0\u{202f}%" }</span><span class="heat-scale" /><span>{ "100\u{202f}%" }</span>
            </p>
            { detail(shown, pointing.at, trusted) }
        </>
    }
}
