//! Draws a scene: background, object, pattern, light, and the look of the camera.
//!
//! One pass over the pixels, no allocation but the image, and only arithmetic that every platform
//! rounds alike, so that a scene is the same picture natively and in the browser.

use super::mask::signed_distance;
use super::scene::{Direction, Scene};
use super::words::{Background, Colour, Texture};

/// How a picture looks, whatever it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// 0 keeps the colours, 1 leaves only grey.
    pub desaturation: f32,
    /// The standard deviation of each channel's noise, where channels run from 0 to 1.
    pub noise: f32,
    /// 1 keeps the contrast, 0 leaves only mid grey.
    pub contrast: f32,
    /// How dark a line follows the object's outline: 0 for none, 1 for black.
    pub outline: f32,
}

impl Style {
    /// What the model is pretrained on.
    pub const NATURAL: Self = Self {
        desaturation: 0.0,
        noise: 0.02,
        contrast: 1.0,
        outline: 0.0,
    };

    /// Far enough from natural that plain class names do badly, near enough that the features
    /// still tell the classes apart.
    pub const SHIFTED: Self = Self {
        desaturation: 0.5,
        noise: 0.08,
        contrast: 0.7,
        outline: 0.35,
    };
}

/// The image as `side` rows of `side` pixels, each red, green and blue.
pub fn render(scene: &Scene, style: &Style, side: usize) -> Vec<u8> {
    let colour = add(base_colour(scene.composition.colour), scene.colour_jitter);
    let accent = accent_colour(scene.composition.colour, colour, scene.texture_lighter);
    let ground = Ground::new(scene);
    let pixels_per_side = side as f32;
    let mut image = Vec::with_capacity(side * side * 3);
    for row in 0..side {
        let y = (row as f32 + 0.5) / pixels_per_side;
        for column in 0..side {
            let x = (column as f32 + 0.5) / pixels_per_side;
            let (dx, dy) = (x - scene.centre[0], y - scene.centre[1]);
            let distance = distance_to_object(scene, dx, dy) * pixels_per_side;
            let object = (0.5 - distance).clamp(0.0, 1.0);
            let mut pixel = if object < 1.0 {
                ground.colour(x, y)
            } else {
                colour
            };
            if object > 0.0 {
                let pattern = pattern(scene, dx, dy, pixels_per_side);
                pixel = mix(pixel, mix(colour, accent, pattern), object);
            }
            // A line two pixels wide at 64 pixels, and as wide for the eye at any other side.
            let line = (1.5 - distance.abs() * (64.0 / pixels_per_side)).clamp(0.0, 1.0);
            let light = light(scene, x, y) * (1.0 - style.outline * line);
            let pixel_seed =
                scene.noise_seed ^ ((row * side + column) as u32).wrapping_mul(0x9E37_79B9);
            let pixel = pixel.map(|channel| channel * light);
            image.extend(develop(pixel, style, pixel_seed));
        }
    }
    image
}

/// From scene colour to bytes: what the style does to every pixel.
fn develop(pixel: [f32; 3], style: &Style, pixel_seed: u32) -> [u8; 3] {
    let grey = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    let mut seed = pixel_seed;
    pixel.map(|channel| {
        seed = hash(seed);
        let muted = channel + (grey - channel) * style.desaturation;
        let flattened = 0.5 + (muted - 0.5) * style.contrast;
        let noisy = flattened + style.noise * bell(seed);
        (noisy.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
    })
}

/// In fractions of the image's side.
fn distance_to_object(scene: &Scene, dx: f32, dy: f32) -> f32 {
    let (x, y) = in_frame(scene.rotation, dx / scene.radius, dy / scene.radius);
    let x = if scene.mirrored { -x } else { x };
    signed_distance(scene.composition.shape, x, -y) * scene.radius
}

fn in_frame(axis: Direction, x: f32, y: f32) -> (f32, f32) {
    (x * axis.x + y * axis.y, y * axis.x - x * axis.y)
}

/// How much of the accent colour shows here, from 0 to 1, with edges one pixel soft.
fn pattern(scene: &Scene, dx: f32, dy: f32, pixels_per_side: f32) -> f32 {
    let period = scene.texture_period;
    let (x, y) = in_frame(scene.texture_direction, dx / period, dy / period);
    let (x, y) = (x + scene.texture_phase[0], y + scene.texture_phase[1]);
    let pixels_per_period = period * pixels_per_side;
    let soft = |periods: f32| (0.5 + periods * pixels_per_period).clamp(0.0, 1.0);
    match scene.composition.texture {
        Texture::Plain => 0.0,
        // Less than half is accent, so that the object's own colour stays the main one.
        Texture::Striped => soft(0.22 - from_nearest_whole(x).abs()),
        Texture::Dotted => {
            let (x, y) = (from_nearest_whole(x), from_nearest_whole(y));
            soft(0.31 - (x * x + y * y).sqrt())
        }
        Texture::Checkered => {
            // Squares of 0.62 periods: at one whole period, small objects would show too few.
            let across = |position: f32| {
                let edge = 0.25 - from_nearest_whole(position / 1.24).abs();
                (edge * 1.24 * pixels_per_period).clamp(-0.5, 0.5)
            };
            0.5 + 2.0 * across(x) * across(y)
        }
    }
}

/// How far the value lies from the nearest whole number: from -0.5 to 0.5.
fn from_nearest_whole(value: f32) -> f32 {
    value - (value + 0.5).floor()
}

fn light(scene: &Scene, x: f32, y: f32) -> f32 {
    let towards_light = (x - 0.5) * scene.light_direction.x + (y - 0.5) * scene.light_direction.y;
    scene.brightness * (1.0 + scene.light_strength * towards_light)
}

fn base_colour(colour: Colour) -> [f32; 3] {
    match colour {
        Colour::Red => [0.84, 0.13, 0.14],
        Colour::Green => [0.13, 0.60, 0.22],
        Colour::Blue => [0.13, 0.28, 0.84],
        Colour::Yellow => [0.97, 0.86, 0.14],
        Colour::Orange => [0.96, 0.52, 0.08],
        Colour::Purple => [0.50, 0.18, 0.68],
        Colour::Pink => [0.97, 0.55, 0.74],
        Colour::Cyan => [0.20, 0.83, 0.88],
        Colour::White => [0.95, 0.95, 0.95],
        Colour::Black => [0.08, 0.08, 0.09],
    }
}

/// The pattern's second colour. White and black have grey ones, so that a white object with
/// black stripes cannot be taken for a black one with white stripes.
fn accent_colour(name: Colour, colour: [f32; 3], lighter: bool) -> [f32; 3] {
    match name {
        Colour::White => [0.55; 3],
        Colour::Black => [0.48; 3],
        // Against these two, only darker is clear enough.
        Colour::Yellow | Colour::Cyan => mix(colour, [0.0; 3], 0.62),
        _ if lighter => mix(colour, [1.0; 3], 0.78),
        _ => mix(colour, [0.0; 3], 0.66),
    }
}

/// What lies behind the object: slow noise between two colours.
struct Ground {
    dim: [f32; 3],
    bright: [f32; 3],
    coarse: Lattice,
    fine: Lattice,
}

impl Ground {
    fn new(scene: &Scene) -> Self {
        // Lying ripples on water, standing blades in grass, even grain elsewhere.
        let (dim, bright, columns, rows) = match scene.background {
            Background::Dark => ([0.09, 0.10, 0.14], [0.24, 0.24, 0.29], 3, 3),
            Background::Light => ([0.78, 0.78, 0.76], [0.93, 0.92, 0.89], 3, 3),
            Background::Grass => ([0.24, 0.38, 0.15], [0.50, 0.60, 0.29], 12, 5),
            Background::Sand => ([0.66, 0.56, 0.40], [0.82, 0.73, 0.56], 7, 7),
            Background::Water => ([0.20, 0.38, 0.52], [0.45, 0.63, 0.74], 3, 10),
        };
        Self {
            dim: add(dim, scene.background_jitter),
            bright: add(bright, scene.background_jitter),
            coarse: Lattice::new(columns, rows, hash(scene.noise_seed)),
            fine: Lattice::new(2 * columns, 2 * rows, hash(!scene.noise_seed)),
        }
    }

    fn colour(&self, x: f32, y: f32) -> [f32; 3] {
        let height = 0.65 * self.coarse.height(x, y) + 0.35 * self.fine.height(x, y);
        mix(self.dim, self.bright, height)
    }
}

/// Value noise: random heights on a lattice over the image, blended in between.
struct Lattice {
    columns: usize,
    rows: usize,
    heights: [f32; Self::LARGEST * Self::LARGEST],
}

impl Lattice {
    /// The most knots along one side: enough for the finest background above.
    const LARGEST: usize = 25;

    fn new(columns: usize, rows: usize, seed: u32) -> Self {
        let mut heights = [0.0; Self::LARGEST * Self::LARGEST];
        let mut state = seed;
        for height in &mut heights[..(columns + 1) * (rows + 1)] {
            state = hash(state);
            *height = (state >> 8) as f32 / (1 << 24) as f32;
        }
        Self {
            columns,
            rows,
            heights,
        }
    }

    fn height(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x * self.columns as f32, y * self.rows as f32);
        let (column, row) = (
            (x as usize).min(self.columns - 1),
            (y as usize).min(self.rows - 1),
        );
        let (right, down) = (x - column as f32, y - row as f32);
        let above = row * (self.columns + 1) + column;
        let below = above + self.columns + 1;
        let blend = |left: usize| {
            self.heights[left] + (self.heights[left + 1] - self.heights[left]) * right
        };
        blend(above) + (blend(below) - blend(above)) * down
    }
}

fn mix(from: [f32; 3], to: [f32; 3], amount: f32) -> [f32; 3] {
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * amount)
}

fn add(colour: [f32; 3], offset: [f32; 3]) -> [f32; 3] {
    [0, 1, 2].map(|channel| colour[channel] + offset[channel])
}

/// Scrambles 32 bits: the `lowbias32` of <https://nullprogram.com/blog/2018/07/31/>.
fn hash(value: u32) -> u32 {
    // The offset keeps zero from being scrambled to itself.
    let mut value = value.wrapping_add(0x9E37_79B9);
    value = (value ^ (value >> 16)).wrapping_mul(0x7FEB_352D);
    value = (value ^ (value >> 15)).wrapping_mul(0x846C_A68B);
    value ^ (value >> 16)
}

/// A nearly normal number of mean 0 and standard deviation 1: the sum of the four bytes of `bits`.
fn bell(bits: u32) -> f32 {
    let [a, b, c, d] = bits.to_le_bytes().map(i32::from);
    // Four uniform bytes have mean 510 and variance 4 * (256 * 256 - 1) / 12.
    (a + b + c + d - 510) as f32 / 147.8
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::composition::Composition;
    use super::super::words::Shape;
    use super::*;

    fn scene(seed: u64) -> Scene {
        Scene::sample_for_pretraining(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn a_scene_and_a_style_are_one_picture() {
        let natural = render(&scene(1), &Style::NATURAL, 64);
        assert_eq!(natural.len(), 64 * 64 * 3);
        assert_eq!(natural, render(&scene(1), &Style::NATURAL, 64));
        assert_ne!(natural, render(&scene(1), &Style::SHIFTED, 64));
        assert_ne!(natural, render(&scene(2), &Style::NATURAL, 64));
    }

    /// Golden bytes from this very renderer. A model pretrained before they changed was shown
    /// other pictures: pretrain it again, then write the new number down.
    #[test]
    fn the_pictures_have_not_changed() {
        let pictures = (0..32).flat_map(|seed| render(&scene(seed), &Style::SHIFTED, 64));
        let checksum = pictures.fold(0_u32, |checksum, byte| hash(checksum ^ u32::from(byte)));
        assert_eq!(checksum, 0x6531_F13B);
    }

    #[test]
    fn the_object_is_drawn_in_its_colour() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for colour in Colour::ALL {
            let composition = Composition {
                shape: Shape::Square,
                colour,
                texture: Texture::Plain,
            };
            let scene = Scene {
                brightness: 1.0,
                light_strength: 0.0,
                ..Scene::sample(&mut rng, composition)
            };
            let image = render(
                &scene,
                &Style {
                    noise: 0.0,
                    ..Style::NATURAL
                },
                64,
            );
            let [column, row] = scene.centre.map(|c| (c * 64.0) as usize);
            let pixel = &image[3 * (64 * row + column)..][..3];
            for (byte, wanted) in pixel.iter().zip(base_colour(colour)) {
                assert!(
                    (f32::from(*byte) / 255.0 - wanted).abs() < 0.05,
                    "{colour:?} is {pixel:?}"
                );
            }
        }
    }

    #[test]
    fn a_pattern_leaves_most_of_the_colour() {
        for texture in Texture::ALL {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let composition = Composition {
                shape: Shape::Circle,
                colour: Colour::Red,
                texture,
            };
            let scene = Scene::sample(&mut rng, composition);
            let accent: f32 = (0..10_000)
                .map(|index| {
                    pattern(
                        &scene,
                        (index % 100) as f32 * 0.01,
                        (index / 100) as f32 * 0.01,
                        64.0,
                    )
                })
                .sum();
            let share = accent / 10_000.0;
            let expected = if texture == Texture::Plain {
                0.0..0.001
            } else {
                0.25..0.52
            };
            assert!(
                expected.contains(&share),
                "{} shows {share} accent",
                texture.name()
            );
        }
    }

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let draws: Vec<f32> = (0..100_000).map(|index| bell(hash(index))).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f32>() / draws.len() as f32;
        assert!(
            mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
    }
}
