//! A scene: everything there is to know about one image before it is drawn.
//!
//! Lengths are fractions of the image's side, so one scene can be drawn at any resolution.
//! Coordinates run from 0 to 1, `x` to the right and `y` downwards.
//!
//! Nothing here or in the renderer calls the platform's trigonometry, whose last digit differs
//! between platforms: directions are built from rational functions instead, so that a seed means
//! the same picture natively and in the browser.

use rand::Rng;

use super::composition::Composition;
use super::words::{Background, Position, Shape, Size, Texture};

/// One object on a background, with all that varies between two pictures of the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub composition: Composition,
    pub size: Size,
    pub position: Position,
    pub background: Background,
    pub centre: [f32; 2],
    /// Half of the object's diameter.
    pub radius: f32,
    /// Where the shape's own x axis points.
    pub rotation: Direction,
    /// Whether the shape is seen in a mirror.
    pub mirrored: bool,
    /// The pattern's period.
    pub texture_period: f32,
    pub texture_direction: Direction,
    /// Where the pattern starts, in periods.
    pub texture_phase: [f32; 2],
    /// Whether the pattern is drawn lighter than the object rather than darker.
    pub texture_lighter: bool,
    /// Added to the object's red, green and blue, each in 0..1.
    pub colour_jitter: [f32; 3],
    pub background_jitter: [f32; 3],
    pub light_direction: Direction,
    /// How much brighter the lit side is than the other.
    pub light_strength: f32,
    pub brightness: f32,
    /// Drives the background's pattern and the camera's noise.
    pub noise_seed: u32,
}

impl Scene {
    /// Any scene that shows `composition`.
    pub fn sample(rng: &mut impl Rng, composition: Composition) -> Self {
        let size = Size::sample(rng);
        let position = Position::sample(rng);
        let background = loop {
            let candidate = Background::sample(rng);
            if !candidate.hides(composition.colour) {
                break candidate;
            }
        };
        let radius = 0.5 * diameter(size) * rng.random_range(0.94..1.06);
        let (rotation, mirrored) = sample_pose(rng, composition.shape);
        Self {
            composition,
            size,
            position,
            background,
            centre: sample_centre(rng, position, radius),
            radius,
            rotation,
            mirrored,
            // At 64 pixels, a period of 0.1 is 6.4 pixels: finer patterns would blur away.
            texture_period: (radius * rng.random_range(0.42..0.56_f32)).clamp(0.1, 0.17),
            texture_direction: sample_texture_direction(rng, composition.texture),
            texture_phase: [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)],
            texture_lighter: sample_texture_lighter(rng, background),
            colour_jitter: sample_jitter(rng, 0.035),
            background_jitter: sample_jitter(rng, 0.04),
            light_direction: Direction::sample(rng),
            light_strength: rng.random_range(0.0..0.3),
            brightness: rng.random_range(0.88..1.06),
            noise_seed: rng.random(),
        }
    }

    /// A scene to pretrain on: never one of the held-out compositions.
    pub fn sample_for_pretraining(rng: &mut impl Rng) -> Self {
        loop {
            let composition = Composition::sample(rng);
            if !composition.is_held_out() {
                return Self::sample(rng, composition);
            }
        }
    }
}

/// A direction in the plane, as a vector of length 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    pub x: f32,
    pub y: f32,
}

impl Direction {
    /// The direction at an angle whose half has the tangent `half_tangent`: about `angle / 2` in
    /// radians while the angle is small.
    pub fn from_half_tangent(half_tangent: f32) -> Self {
        let square = half_tangent * half_tangent;
        let scale = 1.0 / (1.0 + square);
        Self {
            x: (1.0 - square) * scale,
            y: 2.0 * half_tangent * scale,
        }
    }

    pub fn quarter_turned(self) -> Self {
        Self {
            x: -self.y,
            y: self.x,
        }
    }

    /// A direction within about `2 * largest_half_tangent` radians of the x axis.
    fn sample_near_axis(rng: &mut impl Rng, largest_half_tangent: f32) -> Self {
        Self::from_half_tangent(rng.random_range(-largest_half_tangent..largest_half_tangent))
    }

    /// A direction near any of the four half axes.
    fn sample_near_any_axis(rng: &mut impl Rng, largest_half_tangent: f32) -> Self {
        let near_axis = Self::sample_near_axis(rng, largest_half_tangent);
        (0..rng.random_range(0..4_u32)).fold(near_axis, |direction, _| direction.quarter_turned())
    }

    /// Any direction; the tangent of an eighth of a half turn makes the four quarters meet.
    fn sample(rng: &mut impl Rng) -> Self {
        Self::sample_near_any_axis(rng, 0.414_213_56)
    }
}

fn diameter(size: Size) -> f32 {
    match size {
        Size::Small => 0.36,
        Size::Medium => 0.54,
        Size::Large => 0.74,
    }
}

/// A shape may turn as long as it keeps its name: a square must not become a diamond.
fn sample_pose(rng: &mut impl Rng, shape: Shape) -> (Direction, bool) {
    let rotation = match shape {
        Shape::Circle | Shape::Ring | Shape::Flower => Direction::sample(rng),
        Shape::Arrow => Direction::sample_near_any_axis(rng, 0.13),
        Shape::Square | Shape::Diamond | Shape::Cross | Shape::Hexagon => {
            Direction::sample_near_axis(rng, 0.1)
        }
        Shape::Triangle | Shape::Star | Shape::Heart | Shape::Crescent => {
            Direction::sample_near_axis(rng, 0.15)
        }
    };
    (rotation, rng.random_bool(0.5))
}

/// Places the object off the middle as far as its size allows: a large one may be cut a little.
fn sample_centre(rng: &mut impl Rng, position: Position, radius: f32) -> [f32; 2] {
    let offset = (0.5 - radius).clamp(0.14, 0.25) * rng.random_range(0.85..1.1);
    let [x, y] = match position {
        Position::Left => [-offset, 0.0],
        Position::Right => [offset, 0.0],
        Position::Top => [0.0, -offset],
        Position::Bottom => [0.0, offset],
        Position::Centre => [0.0, 0.0],
    };
    [
        0.5 + x + rng.random_range(-0.04..0.04),
        0.5 + y + rng.random_range(-0.04..0.04),
    ]
}

/// Stripes run anywhere; dots and checks stay near upright, where they look least alike.
fn sample_texture_direction(rng: &mut impl Rng, texture: Texture) -> Direction {
    match texture {
        Texture::Plain | Texture::Striped => Direction::sample(rng),
        Texture::Dotted | Texture::Checkered => Direction::sample_near_axis(rng, 0.15),
    }
}

/// On dark and on light ground, the pattern must not melt into it and eat the outline away.
fn sample_texture_lighter(rng: &mut impl Rng, background: Background) -> bool {
    match background {
        Background::Dark => true,
        Background::Light => false,
        Background::Grass | Background::Sand | Background::Water => rng.random_bool(0.5),
    }
}

fn sample_jitter(rng: &mut impl Rng, largest: f32) -> [f32; 3] {
    [(); 3].map(|()| rng.random_range(-largest..largest))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn pretraining_never_shows_a_held_out_composition() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for _ in 0..20_000 {
            assert!(
                !Scene::sample_for_pretraining(&mut rng)
                    .composition
                    .is_held_out()
            );
        }
    }

    #[test]
    fn a_seed_is_a_scene() {
        let scene = |seed| Scene::sample_for_pretraining(&mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(scene(1), scene(1));
        assert_ne!(scene(1), scene(2));
    }

    #[test]
    fn objects_contrast_with_their_background_and_stay_in_view() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for _ in 0..2_000 {
            let scene = Scene::sample_for_pretraining(&mut rng);
            assert!(!scene.background.hides(scene.composition.colour));
            assert!(
                scene
                    .centre
                    .iter()
                    .all(|c| c - 0.65 * scene.radius > 0.0 && c + 0.65 * scene.radius < 1.0)
            );
        }
    }

    #[test]
    fn directions_have_length_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for _ in 0..100 {
            let direction = Direction::sample(&mut rng);
            assert!((direction.x.hypot(direction.y) - 1.0).abs() < 1e-6);
        }
    }
}
