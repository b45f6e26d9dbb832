//! Shears, translations and rotations with bilinear interpolation and black around
//! the image, in PyTorch's single precision (torchvision `functional.py`
//! `_get_inverse_affine_matrix`, `_functional_tensor.py` `_gen_affine_grid`, PyTorch
//! `grid_sample` with `align_corners=False`).

use image::RgbImage;

/// Where each output pixel comes from, in pixels from the image's centre: the rows of
/// a 2 × 3 matrix.
type Matrix = [[f64; 3]; 2];

/// Moves each row to the right by `slope` for each pixel below the upper edge.
pub(super) fn shear_x(image: &RgbImage, slope: f64) -> RgbImage {
    let middle = f64::from(image.height()) * 0.5;
    // The reference asks for the angle of that slope and takes its tangent again.
    let slope = slope.atan().to_degrees().to_radians().tan();
    sample(image, [[1.0, slope, slope * middle], [0.0, 1.0, 0.0]])
}

/// Moves each column down by `slope` for each pixel right of the left edge.
pub(super) fn shear_y(image: &RgbImage, slope: f64) -> RgbImage {
    let middle = f64::from(image.width()) * 0.5;
    let slope = slope.atan().to_degrees().to_radians().tan();
    sample(image, [[1.0, 0.0, 0.0], [slope, 1.0, slope * middle]])
}

/// Turns the image about its centre, against the clock.
pub(super) fn rotate(image: &RgbImage, degrees: f64) -> RgbImage {
    let (sine, cosine) = (-degrees).to_radians().sin_cos();
    sample(image, [[cosine, sine, 0.0], [-sine, cosine, 0.0]])
}

/// Moves the image right and down by whole pixels. (The reference interpolates here
/// too, but at the pixels themselves.)
pub(super) fn translate(image: &RgbImage, right: i64, down: i64) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (i64::from(x) - right, i64::from(y) - down);
        match (u32::try_from(x), u32::try_from(y)) {
            (Ok(x), Ok(y)) if x < width && y < height => *image.get_pixel(x, y),
            _ => image::Rgb([0; 3]),
        }
    })
}

/// The image at the positions that `matrix` gives.
fn sample(image: &RgbImage, matrix: Matrix) -> RgbImage {
    if matrix == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
        return image.clone();
    }
    let (width, height) = image.dimensions();
    let [half_width, half_height] = [width, height].map(|length| 0.5 * length as f32);
    // The grid's unit is half an image.
    let scaled = |row: [f64; 3], half: f32| row.map(|value| value as f32 / half);
    let across = scaled(matrix[0], half_width);
    let down = scaled(matrix[1], half_height);
    let mut sampled = RgbImage::new(width, height);
    let source = Source::new(image);
    let length = width as usize * 3;
    for (y, row) in sampled.chunks_exact_mut(length.max(1)).enumerate() {
        let y = y as f32 + 0.5 - half_height;
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let x = x as f32 + 0.5 - half_width;
            let from_x = fused(position(across, x, y) + 1.0, half_width, -0.5);
            let from_y = fused(position(down, x, y) + 1.0, half_height, -0.5);
            source.bilinear(from_x, from_y, pixel);
        }
    }
    sampled
}

/// A row of the matrix times `[x, y, 1]`.
fn position([by_x, by_y, offset]: [f32; 3], x: f32, y: f32) -> f32 {
    x * by_x + y * by_y + offset
}

/// `a · b + c` rounded once, as PyTorch's compiler makes it where half a level is at
/// stake. Double precision holds the product exactly and is as fast on every machine.
pub(super) fn fused(a: f32, b: f32, c: f32) -> f32 {
    (f64::from(a) * f64::from(b) + f64::from(c)) as f32
}

/// The image as it is read: black outside.
struct Source<'a> {
    bytes: &'a [u8],
    width: i32,
    height: i32,
}

impl<'a> Source<'a> {
    fn new(image: &'a RgbImage) -> Self {
        Self {
            bytes: image.as_raw(),
            width: image.width() as i32,
            height: image.height() as i32,
        }
    }

    fn pixel(&self, x: i32, y: i32) -> [f32; 3] {
        if x < 0 || y < 0 || x >= self.width || y >= self.height {
            return [0.0; 3];
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [0, 1, 2].map(|channel| f32::from(self.bytes[at + channel]))
    }

    /// The weighted mean of the four pixels around a position, rounded.
    fn bilinear(&self, x: f32, y: f32, out: &mut [u8]) {
        let (left, top) = (x.floor(), y.floor());
        let (east, south) = (x - left, y - top);
        let (west, north) = (1.0 - east, 1.0 - south);
        let (left, top) = (left as i32, top as i32);
        let corners = [
            (self.pixel(left, top), north * west),
            (self.pixel(left + 1, top), north * east),
            (self.pixel(left, top + 1), south * west),
            (self.pixel(left + 1, top + 1), south * east),
        ];
        for (channel, out) in out.iter_mut().enumerate() {
            let [first, rest @ ..] = &corners;
            let mut sum = first.0[channel] * first.1;
            for (pixel, weight) in rest {
                sum = fused(pixel[channel], *weight, sum);
            }
            *out = sum.round_ties_even() as u8;
        }
    }
}
