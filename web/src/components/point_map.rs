//! A map of images and prompts: what is alike lies together. Places are attributes of
//! SVG elements, whose changes the style sheet makes smooth.

mod legend;
mod place;
mod table;

use clipwright_shared::learners::Method;
use yew::prelude::*;

use super::text::looks;
use super::{focus_in, method_key, method_title};
use legend::legend;
use place::{Frame, HEIGHT, Placed, Room, WIDTH};
use table::point_table;

/// What a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointKind {
    Image,
    /// The prompt of a class.
    Prompt {
        method: Method,
    },
}

/// A point.
#[derive(Debug, Clone, PartialEq)]
pub struct MapPoint {
    pub kind: PointKind,
    /// Its place in the list of classes; one behind the end belongs to none.
    pub class: usize,
    /// Right and up, around the middle, both in the same measure.
    pub at: [f32; 2],
    /// What tells it from others, such as an image's title or a learned file's name.
    pub name: String,
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub points: Vec<MapPoint>,
    pub classes: Vec<String>,
    /// What the map shows, in a few words.
    pub label: AttrValue,
}

#[component]
pub fn PointMap(props: &Props) -> Html {
    let Props {
        points,
        classes,
        label,
    } = props;
    let pointed = use_state_eq(|| None::<usize>);
    // One point is on the way of the tabulator key; arrows lead to the others.
    let stop = use_state_eq(|| 0_usize);
    // A table that nobody opens costs nothing.
    let is_table = use_state_eq(|| false);
    let placed = Frame::around(points).place(points, classes);
    let shown = pointed.filter(|at| *at < points.len());
    let kin = shown.map(|at| points[at].class);
    let stop_at = (*stop).min(points.len().saturating_sub(1));
    let onkeydown = on_key(&stop, stop_at, points.len());
    let marks = points
        .iter()
        .zip(&placed)
        .enumerate()
        .map(|(at, (point, placed))| {
            let look = match kin {
                Some(class) if class != point.class => Some("is-other"),
                Some(_) if shown == Some(at) => Some("is-pointed"),
                _ => None,
            };
            let events = Events {
                pointed: pointed.setter(),
                stop: stop.setter(),
                at,
            };
            mark(point, placed, classes, look, at == stop_at, events)
        });
    let caption = match shown {
        Some(at) => full_name(&points[at], classes),
        None => "Point at a place, or use the arrow keys, to see what it is.".into(),
    };
    let ontoggle = {
        let is_table = is_table.setter();
        Callback::from(move |event: Event| {
            let details: web_sys::Element = event.target_unchecked_into();
            is_table.set(details.has_attribute("open"));
        })
    };
    let table = is_table.then(|| point_table(points, classes, label));
    let (x, y) = (WIDTH / 2.0, HEIGHT / 2.0);
    html! {
        <div class="map" data-testid="point-map">
            <svg
                class="map-picture" role="group" aria-label={label.clone()}
                aria-roledescription="map" focusable="false" {onkeydown}
                viewBox={format!("0 0 {WIDTH} {HEIGHT}")}
            >
                <path class="map-axis" d={format!("M{x} 12 V{} M16 {y} H{}", HEIGHT - 12.0, WIDTH - 16.0)} />
                { for marks }
            </svg>
            <p class="map-caption" data-testid="map-caption">{ caption }</p>
            { legend(points, classes) }
            <details class="map-fold" data-testid="map-as-table" {ontoggle}>
                <summary>{ "As a table" }</summary>
                { table }
            </details>
        </div>
    }
}

/// What a point tells the map.
struct Events {
    pointed: UseStateSetter<Option<usize>>,
    stop: UseStateSetter<usize>,
    at: usize,
}

fn mark(
    point: &MapPoint,
    placed: &Placed,
    classes: &[String],
    look: Option<&'static str>,
    is_stop: bool,
    Events { pointed, stop, at }: Events,
) -> Html {
    let (onmouseenter, onmouseleave, onblur) = {
        let (enter, leave, blur) = (pointed.clone(), pointed.clone(), pointed.clone());
        (
            Callback::from(move |_: MouseEvent| enter.set(Some(at))),
            Callback::from(move |_: MouseEvent| leave.set(None)),
            Callback::from(move |_: FocusEvent| blur.set(None)),
        )
    };
    let onfocus = Callback::from(move |_: FocusEvent| {
        pointed.set(Some(at));
        stop.set(at);
    });
    let (kind, method) = match point.kind {
        PointKind::Image => ("image", None),
        PointKind::Prompt { method } => ("prompt", Some(method_key(method))),
    };
    let class = classes.get(point.class).cloned();
    let number = point.class.saturating_add(1);
    let glyph = match point.kind {
        PointKind::Image => html! {
            <>
                <circle class="map-image" r="8.5" />
                <text class="map-number" text-anchor="middle" y="3.5">
                    { class.is_some().then_some(number) }
                </text>
            </>
        },
        PointKind::Prompt { method } => {
            let (anchor, x, y) = placed.label.side.anchor();
            let name = class.clone().unwrap_or_default();
            let look = match placed.label.room {
                Room::Whole => None,
                Room::Number => Some("is-number"),
                Room::Nothing => Some("is-crowded"),
            };
            html! {
                <>
                    <path class="map-prompt" d={shape(method)} />
                    <text class={looks("map-name", look)} text-anchor={anchor} x={x.to_string()} y={y.to_string()}>
                        <tspan class="map-name-number">{ number }</tspan>
                        <tspan class="map-name-words">{ format!(" {name}") }</tspan>
                    </text>
                </>
            }
        }
    };
    let [x, y] = placed.at;
    html! {
        <g
            key={placed.key.clone()} class={looks("map-point", look)} transform={format!("translate({x:.1} {y:.1})")}
            data-kind={kind} data-method={method}
        >
            <g
                class="map-glyph" role="img" aria-label={full_name(point, classes)}
                tabindex={if is_stop { "0" } else { "-1" }}
                data-testid="map-point" data-point={at.to_string()} data-kind={kind} data-method={method}
                data-class={class} data-name={point.name.clone()}
                data-x={point.at[0].to_string()} data-y={point.at[1].to_string()}
                {onmouseenter} {onmouseleave} {onfocus} {onblur}
            >
                { glyph }
            </g>
        </g>
    }
}

/// The outline that tells a method's prompts from others', around 0.
fn shape(method: Method) -> &'static str {
    match method {
        Method::ZeroShot => "M0 -10 L10 0 L0 10 L-10 0 Z",
        Method::Coop => "M0 -10 L9.5 7.5 L-9.5 7.5 Z",
        Method::CoCoOp => "M-8 -8 H8 V8 H-8 Z",
        Method::Lora => "M0 10 L9.5 -7.5 L-9.5 -7.5 Z",
        Method::LinearProbe => "M0 -10 L9.5 -3 L5.9 8 L-5.9 8 L-9.5 -3 Z",
    }
}

/// `image “heart.png”, red star`; `CoOp prompt of red star, my file`.
fn full_name(point: &MapPoint, classes: &[String]) -> String {
    let class = classes.get(point.class);
    match (point.kind, class) {
        (PointKind::Image, Some(class)) => format!("Image “{}”, {class}", point.name),
        (PointKind::Image, None) => format!("Image “{}”", point.name),
        (PointKind::Prompt { method }, class) => {
            let class = class.map_or("", String::as_str);
            let name = match point.name.is_empty() {
                true => String::new(),
                false => format!(", {}", point.name),
            };
            format!("{} prompt of {class}{name}", method_title(method))
        }
    }
}

/// Arrows, Home and End lead from point to point.
fn on_key(stop: &UseStateHandle<usize>, at: usize, count: usize) -> Callback<KeyboardEvent> {
    let stop = stop.setter();
    Callback::from(move |event: KeyboardEvent| {
        if count == 0 {
            return;
        }
        let to = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => (at + 1) % count,
            "ArrowLeft" | "ArrowUp" => (at + count - 1) % count,
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        stop.set(to);
        focus_in(&event, "svg", &format!("[data-point='{to}']"));
    })
}
