//! A decoded image in the mode that PIL would hold it in.
//!
//! CLIP's transform resizes before it converts to RGB, so that the mode shows in
//! the result: a palette's image takes the nearest pixel, one with alpha is
//! weighted by it, and CMYK is mixed as ink.

use image::{GrayAlphaImage, GrayImage, ImageBuffer, Luma, Pixel, Rgb, RgbImage, RgbaImage};

use super::CropBox;
use super::resample::{Buffer, Filter, Sample, resize, resize_nearest};

/// 16-bit grey.
pub type Grey16Image = ImageBuffer<Luma<u16>, Vec<u16>>;

/// A decoded image, not yet converted to RGB. In brackets: PIL's mode.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Grey (L).
    Grey(GrayImage),
    /// Grey and alpha (LA).
    GreyAlpha(GrayAlphaImage),
    /// Grey of 16 bits (I;16).
    Grey16(Grey16Image),
    /// RGB.
    Rgb(RgbImage),
    /// RGB and alpha (RGBA).
    Rgba(RgbaImage),
    /// Cyan, magenta, yellow and black in the places of red, green, blue and
    /// alpha (CMYK); 255 is all ink.
    Cmyk(RgbaImage),
    /// Colours of a palette (P), or black and white (1): they are never mixed.
    Palette(RgbImage),
}

impl From<RgbImage> for Picture {
    fn from(image: RgbImage) -> Self {
        Self::Rgb(image)
    }
}

impl Picture {
    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Grey(image) => image.dimensions(),
            Self::GreyAlpha(image) => image.dimensions(),
            Self::Grey16(image) => image.dimensions(),
            Self::Rgb(image) | Self::Palette(image) => image.dimensions(),
            Self::Rgba(image) | Self::Cmyk(image) => image.dimensions(),
        }
    }

    /// As PIL's `convert("RGB")`: alpha is dropped, 16-bit grey is cut off at 255.
    pub fn into_rgb(self) -> RgbImage {
        let grey = |value: u8| Rgb([value; 3]);
        match self {
            Self::Grey(image) => map(&image, |pixel| grey(pixel.0[0])),
            Self::GreyAlpha(image) => map(&image, |pixel| grey(pixel.0[0])),
            Self::Grey16(image) => map(&image, |pixel| grey(pixel.0[0].min(255) as u8)),
            Self::Rgb(image) | Self::Palette(image) => image,
            Self::Rgba(image) => map(&image, |pixel| Rgb([pixel.0[0], pixel.0[1], pixel.0[2]])),
            Self::Cmyk(image) => map(&image, |pixel| {
                let [inks @ .., black] = pixel.0;
                let light = 255 - black;
                Rgb(inks.map(|ink| light.saturating_sub(share(ink, light))))
            }),
        }
    }

    /// The pixels in `window` of the image resized to `size`, as PIL's `resize`
    /// makes them with the bicubic kernel.
    pub(super) fn resized(&self, size: [u32; 2], window: CropBox) -> Self {
        let (width, height) = self.dimensions();
        let part = CropBox::of_size(width, height);
        // PIL premultiplies for the resizing only.
        let is_resized = [width, height] != size;
        match self {
            Self::Grey(image) => Self::Grey(bicubic(image, part, size, window)),
            Self::Grey16(image) => Self::Grey16(bicubic(image, part, size, window)),
            Self::Rgb(image) => Self::Rgb(bicubic(image, part, size, window)),
            Self::Cmyk(image) => Self::Cmyk(bicubic(image, part, size, window)),
            Self::GreyAlpha(image) if is_resized => {
                let weighted = with_colours(image.clone(), share);
                let resized = bicubic(&weighted, part, size, window);
                Self::GreyAlpha(with_colours(resized, unshare))
            }
            Self::Rgba(image) if is_resized => {
                let weighted = with_colours(image.clone(), share);
                let resized = bicubic(&weighted, part, size, window);
                Self::Rgba(with_colours(resized, unshare))
            }
            Self::GreyAlpha(image) => Self::GreyAlpha(bicubic(image, part, size, window)),
            Self::Rgba(image) => Self::Rgba(bicubic(image, part, size, window)),
            Self::Palette(image) => Self::Palette(resize_nearest(image, size, window)),
        }
    }
}

fn bicubic<P>(image: &Buffer<P>, part: CropBox, size: [u32; 2], window: CropBox) -> Buffer<P>
where
    P: Pixel<Subpixel: Sample> + 'static,
{
    resize(image, part, size, window, Filter::Bicubic)
}

/// An RGB image of what `colour` makes of each pixel.
fn map<P: Pixel>(image: &Buffer<P>, colour: impl Fn(&P) -> Rgb<u8>) -> RgbImage {
    let mut rgb = RgbImage::new(image.width(), image.height());
    for (to, from) in rgb.pixels_mut().zip(image.pixels()) {
        *to = colour(from);
    }
    rgb
}

/// Gives each pixel the colours that `colour` makes of its colours and its alpha.
fn with_colours<P>(mut image: Buffer<P>, colour: fn(u8, u8) -> u8) -> Buffer<P>
where
    P: Pixel<Subpixel = u8>,
{
    for pixel in image.pixels_mut() {
        if let Some((alpha, colours)) = pixel.channels_mut().split_last_mut() {
            for value in colours {
                *value = colour(*value, *alpha);
            }
        }
    }
    image
}

/// `value · of / 255`, rounded as PIL does (`MULDIV255`).
fn share(value: u8, of: u8) -> u8 {
    let product = u32::from(value) * u32::from(of) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// The colour that was weighted with `alpha`; what is not there stays as it is.
fn unshare(value: u8, alpha: u8) -> u8 {
    match alpha {
        0 | 255 => value,
        _ => (255 * u32::from(value) / u32::from(alpha)).min(255) as u8,
    }
}
