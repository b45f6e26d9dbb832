//! Where points are drawn, and on which side of them their names stand.

use std::collections::BTreeMap;

use super::{MapPoint, PointKind};

/// Size of the picture in its own units, which are pixels where there is room.
pub const WIDTH: f32 = 640.0;
pub const HEIGHT: f32 = 480.0;
/// The share of half the height that the outermost point may reach.
const REACH: f32 = 0.8;
/// Scales are steps of this, so that a map seldom changes its scale while points move.
const STEP: f32 = 1.25;

/// A letter's width, a line's height, and how far beside its mark a name begins.
const LETTER: f32 = 6.7;
const LINE: f32 = 15.0;
const BESIDE: f32 = 13.0;
/// From a mark's middle to its edge, and a little further.
const MARK: f32 = 9.5;

/// The part of the plane that is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// What lies half the picture's height from the middle.
    half: f32,
}

/// A point in the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The same while it is the same point.
    pub key: String,
    /// From the left and from the top.
    pub at: [f32; 2],
    pub label: Label,
}

/// A prompt's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    pub room: Room,
    pub side: Side,
}

/// How much of a name there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Whole,
    Number,
    Nothing,
}

/// Where a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Right,
    Left,
    Below,
    Above,
}

impl Side {
    /// What the text is anchored by, and where.
    pub fn anchor(self) -> (&'static str, f32, f32) {
        match self {
            Self::Right => ("start", BESIDE, 4.0),
            Self::Left => ("end", -BESIDE, 4.0),
            Self::Below => ("middle", 0.0, 22.0),
            Self::Above => ("middle", 0.0, -14.0),
        }
    }

    /// Left, top, right and bottom of so many letters beside the mark at `x`, `y`.
    fn rectangle(self, [x, y]: [f32; 2], letters: usize) -> [f32; 4] {
        let (_, right, down) = self.anchor();
        let length = letters as f32 * LETTER;
        let left = match self {
            Self::Right => x + right,
            Self::Left => x + right - length,
            Self::Below | Self::Above => x - length / 2.0,
        };
        let middle = y + down - 4.0;
        [
            left,
            middle - LINE / 2.0,
            left + length,
            middle + LINE / 2.0,
        ]
    }
}

impl Frame {
    /// The frame of all points, with the plane's middle in its own.
    pub fn around(points: &[MapPoint]) -> Self {
        let reaches = points.iter().map(|point| {
            let [x, y] = finite(point.at);
            (x.abs() * HEIGHT / WIDTH).max(y.abs())
        });
        let least = reaches.fold(0.0_f32, f32::max) / REACH;
        let half = match least > f32::MIN_POSITIVE {
            true => STEP.powf((least.ln() / STEP.ln()).ceil()),
            false => 1.0,
        };
        Self { half }
    }

    /// Every point's place.
    pub fn place(self, points: &[MapPoint], classes: &[String]) -> Vec<Placed> {
        let mut same: BTreeMap<String, usize> = BTreeMap::new();
        // No name lies on a mark, nor on a name that came before.
        let marks = points.iter().map(|point| mark(self.spot(point.at)));
        let mut taken: Vec<[f32; 4]> = marks.collect();
        let placed = points.iter().map(|point| {
            let at = self.spot(point.at);
            let letters = match point.kind {
                PointKind::Image => None,
                PointKind::Prompt { .. } => Some(
                    classes
                        .get(point.class)
                        .map_or(0, |name| name.chars().count()),
                ),
            };
            let kind = match point.kind {
                PointKind::Image => "image".to_string(),
                PointKind::Prompt { method } => format!("{method:?}"),
            };
            let name = format!("{kind} {} {}", point.class, point.name);
            let count = same.entry(name.clone()).or_default();
            *count += 1;
            Placed {
                key: format!("{name} {count}"),
                at,
                label: label(at, letters, &mut taken),
            }
        });
        placed.collect()
    }

    /// From the left and from the top.
    fn spot(self, at: [f32; 2]) -> [f32; 2] {
        let [x, y] = finite(at);
        let scale = HEIGHT / (2.0 * self.half);
        [WIDTH / 2.0 + x * scale, HEIGHT / 2.0 - y * scale]
    }
}

/// Where the name of a prompt at `at` has room: all of it, or its number.
fn label(at: [f32; 2], letters: Option<usize>, taken: &mut Vec<[f32; 4]>) -> Label {
    let sides = match at[0] < 0.66 * WIDTH {
        true => [Side::Right, Side::Left, Side::Below, Side::Above],
        false => [Side::Left, Side::Right, Side::Below, Side::Above],
    };
    let rooms = letters.map_or([None, None], |letters| {
        [Some((Room::Whole, letters + 3)), Some((Room::Number, 2))]
    });
    for (room, letters) in rooms.into_iter().flatten() {
        for side in sides {
            let name = side.rectangle(at, letters);
            if is_inside(&name) && !taken.iter().any(|other| overlap(other, &name)) {
                taken.push(name);
                return Label { room, side };
            }
        }
    }
    Label {
        room: Room::Nothing,
        side: sides[0],
    }
}

fn is_inside(name: &[f32; 4]) -> bool {
    name[0] > 0.0 && name[1] > 0.0 && name[2] < WIDTH && name[3] < HEIGHT
}

fn finite(at: [f32; 2]) -> [f32; 2] {
    at.map(|value| if value.is_finite() { value } else { 0.0 })
}

/// Left, top, right and bottom of a mark.
fn mark([x, y]: [f32; 2]) -> [f32; 4] {
    [x - MARK, y - MARK, x + MARK, y + MARK]
}

fn overlap(a: &[f32; 4], b: &[f32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[cfg(test)]
mod tests {
    use clipwright_shared::learners::Method;

    use super::super::{MapPoint, PointKind};
    use super::{Frame, HEIGHT, Placed, Room, Side, WIDTH};

    fn prompt(class: usize, at: [f32; 2]) -> MapPoint {
        MapPoint {
            kind: PointKind::Prompt {
                method: Method::Coop,
            },
            class,
            at,
            name: String::new(),
        }
    }

    fn place(points: &[MapPoint]) -> Vec<Placed> {
        Frame::around(points).place(points, &["red star".into(), "ring".into()])
    }

    #[test]
    fn all_points_lie_inside_and_up_is_up() {
        for scale in [1e-3, 1.0, 40.0] {
            let points = [
                [0.0, 0.0],
                [scale, 0.0],
                [0.0, scale],
                [-scale, -scale],
                [f32::NAN, 0.0],
            ];
            let placed = place(&points.map(|at| prompt(0, at)));
            let middle = [WIDTH / 2.0, HEIGHT / 2.0];
            assert_eq!(placed[0].at, middle);
            assert_eq!(placed[4].at, middle);
            let (right, up) = (placed[1].at[0] - middle[0], middle[1] - placed[2].at[1]);
            // The same measure both ways.
            assert!(right > 0.0 && (right - up).abs() < 1e-2, "{right} {up}");
            for point in &placed {
                let [x, y] = point.at;
                assert!((20.0..WIDTH - 20.0).contains(&x), "{x}");
                assert!((20.0..HEIGHT - 20.0).contains(&y), "{y}");
            }
        }
    }

    #[test]
    fn the_scale_stays_while_points_move_a_little() {
        let near = [prompt(0, [0.0, 0.50]), prompt(1, [0.1, 0.0])];
        let further = [prompt(0, [0.0, 0.51]), prompt(1, [0.1, 0.0])];
        assert_eq!(Frame::around(&near), Frame::around(&further));
        assert_eq!(Frame::around(&[]).half, 1.0);
    }

    #[test]
    fn names_stand_where_there_is_room() {
        let check = |points: &[[f32; 2]], expected: &[(Room, Side)]| {
            let points: Vec<MapPoint> = points.iter().map(|at| prompt(1, *at)).collect();
            let placed = place(&points);
            for (placed, expected) in placed.iter().zip(expected) {
                assert_eq!((placed.label.room, placed.label.side), *expected);
            }
            let keys: std::collections::BTreeSet<&str> =
                placed.iter().map(|point| point.key.as_str()).collect();
            assert_eq!(keys.len(), points.len());
        };
        check(
            &[[0.0, 1.0], [1.2, 0.0]],
            &[(Room::Whole, Side::Right), (Room::Whole, Side::Left)],
        );
        // A neighbour on the right, and one below it.
        check(
            &[[0.0, 0.0], [0.1, 0.0], [0.0, 1.0]],
            &[(Room::Whole, Side::Left), (Room::Whole, Side::Right)],
        );
        // In a heap there is no room for all.
        let heap: Vec<[f32; 2]> = (0..40)
            .map(|at| [0.02 * (at % 7) as f32, 0.02 * (at / 7) as f32])
            .chain([[0.0, 1.0]])
            .collect();
        let points: Vec<MapPoint> = heap.iter().map(|at| prompt(0, *at)).collect();
        let rooms: Vec<Room> = place(&points).iter().map(|it| it.label.room).collect();
        assert!(rooms.contains(&Room::Nothing) && rooms.contains(&Room::Whole));
    }
}
