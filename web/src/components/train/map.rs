//! The photos and the prompts on one map, which the prompts move over while they are
//! learned.

use yew::prelude::*;

use crate::components::method_title;
use crate::components::point_map::{MapPoint, PointKind, PointMap};
use crate::state::Course;

pub fn map(course: &Course) -> Html {
    let request = &course.request;
    let method = request.plan.method;
    let base = request.class_names.len();
    let classes: Vec<String> = [&request.class_names[..], &request.new_class_names].concat();
    let start = course.news.first().and_then(|news| news.start.as_ref());
    let (Some(start), Some(news)) = (start, course.news.last()) else {
        return Html::default();
    };
    let learned = request
        .learn
        .iter()
        .map(|example| ("learned from", example.label));
    let held_out = request
        .held_out
        .iter()
        .map(|example| ("kept for testing", example.label));
    let new = request
        .new
        .iter()
        .map(|example| ("new name", base + example.label));
    let images = learned.chain(held_out).chain(new).zip(&start.images);
    let images = images.map(|((name, class), at)| MapPoint {
        kind: PointKind::Image,
        class,
        at: *at,
        name: name.into(),
    });
    let prompts = news.prompts.iter().enumerate().map(|(class, at)| MapPoint {
        kind: PointKind::Prompt { method },
        class,
        at: *at,
        name: method_title(method).into(),
    });
    let points: Vec<MapPoint> = images.chain(prompts).collect();
    html! {
        <div class="train-map" data-testid="train-map">
            <PointMap {points} {classes} label="Photos and prompts while the prompts are learned" />
        </div>
    }
}
