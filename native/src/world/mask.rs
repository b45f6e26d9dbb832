//! The outline of every shape, as a signed distance: negative inside, positive outside.
//!
//! A shape fills the disc of radius 1 around the origin, `y` upwards. Near the outline the
//! distance is exact enough to smooth the edge over one pixel; far away it need not be.
//! The formulas for star, heart and hexagon are Inigo Quilez's
//! (<https://iquilezles.org/articles/distfunctions2d/>).

use super::words::Shape;

/// How far `(x, y)` is from the outline of `shape`.
pub fn signed_distance(shape: Shape, x: f32, y: f32) -> f32 {
    match shape {
        Shape::Circle => length(x, y) - 0.92,
        Shape::Square => rectangle(x, y, 0.79, 0.79),
        Shape::Triangle => triangle(x, y, 0.98, -0.72, 0.98),
        Shape::Star => star(x, y, 1.06, 0.46),
        Shape::Heart => heart(x, y),
        Shape::Ring => (length(x, y) - 0.69).abs() - 0.27,
        Shape::Cross => rectangle(x, y, 0.95, 0.33).min(rectangle(x, y, 0.33, 0.95)),
        Shape::Crescent => (length(x, y) - 0.98).max(0.72 - length(x - 0.48, y - 0.12)),
        Shape::Diamond => diamond(x, y, 0.7, 1.08),
        Shape::Hexagon => hexagon(x, y, 0.84),
        Shape::Arrow => triangle(x, y, 1.0, -0.02, 0.82).min(rectangle(x, y + 0.45, 0.27, 0.5)),
        Shape::Flower => flower(x, y),
    }
}

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

fn rectangle(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let (over_x, over_y) = (x.abs() - half_width, y.abs() - half_height);
    length(over_x.max(0.0), over_y.max(0.0)) + over_x.max(over_y).min(0.0)
}

/// Apex at `(0, apex)`, base from `(-half_base, base)` to `(half_base, base)`.
fn triangle(x: f32, y: f32, apex: f32, base: f32, half_base: f32) -> f32 {
    let height = apex - base;
    let slant =
        ((x.abs() - half_base) * height + (y - base) * half_base) / length(height, half_base);
    slant.max(base - y)
}

fn diamond(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let excess = x.abs() * half_height + y.abs() * half_width - half_width * half_height;
    excess / length(half_width, half_height)
}

/// Five points at `radius`; `depth` in 0..1 says how blunt they are.
fn star(x: f32, y: f32, radius: f32, depth: f32) -> f32 {
    // The cosine and sine of 36 degrees: folding along these lines leaves half of one point.
    const COS: f32 = 0.809_017;
    const SIN: f32 = 0.587_785_24;
    let (mut x, mut y) = (x.abs(), y);
    for fold_x in [COS, -COS] {
        let beyond = 2.0 * (fold_x * x - SIN * y).max(0.0);
        x -= beyond * fold_x;
        y += beyond * SIN;
    }
    let (x, y) = (x.abs(), y - radius);
    let (edge_x, edge_y) = (depth * SIN, depth * COS - 1.0);
    let along =
        ((x * edge_x + y * edge_y) / (edge_x * edge_x + edge_y * edge_y)).clamp(0.0, radius);
    let distance = length(x - edge_x * along, y - edge_y * along);
    if y * edge_x < x * edge_y {
        -distance
    } else {
        distance
    }
}

fn heart(x: f32, y: f32) -> f32 {
    // Quilez's heart stands with its tip on the origin and is 1.1 high.
    const SCALE: f32 = 0.62;
    let (x, y) = (x.abs() * SCALE, y * SCALE + 0.56);
    let distance = if x + y > 1.0 {
        length(x - 0.25, y - 0.75) - 0.353_553_4
    } else {
        let diagonal = 0.5 * (x + y).max(0.0);
        let nearest = length(x, y - 1.0).min(length(x - diagonal, y - diagonal));
        if x < y { -nearest } else { nearest }
    };
    distance / SCALE
}

/// `apothem` is the distance from the middle to a side.
fn hexagon(x: f32, y: f32, apothem: f32) -> f32 {
    const COS_30: f32 = 0.866_025_4;
    const TAN_30: f32 = 0.577_350_26;
    let (x, y) = (x.abs(), y.abs());
    let beyond = 2.0 * (0.5 * y - COS_30 * x).min(0.0);
    let (x, y) = (x + beyond * COS_30, y - beyond * 0.5);
    let (over_x, over_y) = (
        x - x.clamp(-TAN_30 * apothem, TAN_30 * apothem),
        y - apothem,
    );
    let distance = length(over_x, over_y);
    if over_y < 0.0 { -distance } else { distance }
}

/// Five round petals about a round middle.
fn flower(x: f32, y: f32) -> f32 {
    // The cosines and sines of 90, 18 and 306 degrees; the other two petals mirror these.
    const PETALS: [(f32, f32); 3] = [
        (0.0, 1.0),
        (0.951_056_5, 0.309_017),
        (0.587_785_24, -0.809_017),
    ];
    let x = x.abs();
    let middle = length(x, y) - 0.42;
    PETALS
        .iter()
        .map(|(petal_x, petal_y)| length(x - 0.62 * petal_x, y - 0.62 * petal_y) - 0.35)
        .fold(middle, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_fills_a_plausible_part_of_its_square() {
        const STEPS: i32 = 100;
        for shape in Shape::ALL {
            let mut inside = 0;
            for row in -STEPS..STEPS {
                for column in -STEPS..STEPS {
                    let (x, y) = (column as f32 / STEPS as f32, row as f32 / STEPS as f32);
                    inside += i32::from(signed_distance(shape, x, y) < 0.0);
                }
            }
            let area = inside as f32 / (4 * STEPS * STEPS) as f32;
            assert!(
                (0.2..0.75).contains(&area),
                "{} covers {area}",
                shape.name()
            );
        }
    }

    #[test]
    fn no_shape_reaches_far_outside_its_disc() {
        for shape in Shape::ALL {
            for (x, y) in [
                (1.15, 0.0),
                (0.0, 1.15),
                (-1.15, 0.0),
                (0.0, -1.15),
                (0.95, 0.95),
                (-0.95, -0.95),
            ] {
                assert!(
                    signed_distance(shape, x, y) > 0.0,
                    "{} covers {x}, {y}",
                    shape.name()
                );
            }
        }
    }
}
