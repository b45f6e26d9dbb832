//! Resizing as PIL does it: convolution with antialias in 8-bit fixed point.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::CropBox;
use crate::error::{Error, Result};

/// The interpolation kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// PIL's bicubic: Catmull-Rom, a = −0.5.
    Bicubic,
    /// PIL's bilinear: a triangle.
    Bilinear,
}

/// Cuts `part` out of `image` and resizes it to `width × height` pixels.
///
/// # Errors
/// [`Error::Setting`] if the box is empty or reaches outside the image.
pub fn resample(
    image: &RgbImage,
    part: CropBox,
    [width, height]: [u32; 2],
    filter: Filter,
) -> Result<RgbImage> {
    let (image_width, image_height) = image.dimensions();
    let inside = part.width > 0
        && part.height > 0
        && part
            .left
            .checked_add(part.width)
            .is_some_and(|right| right <= image_width)
        && part
            .top
            .checked_add(part.height)
            .is_some_and(|bottom| bottom <= image_height);
    if !inside || width == 0 || height == 0 {
        return Err(Error::setting(
            "the crop box",
            format!("{part:?} to {width} × {height}"),
            format!("a box inside {image_width} × {image_height} pixels"),
        ));
    }
    // A crop of its own first: the kernel must not see pixels outside the box.
    let cut;
    let source = if part == CropBox::whole(image) {
        image
    } else {
        let view = image::imageops::crop_imm(image, part.left, part.top, part.width, part.height);
        cut = view.to_image();
        &cut
    };
    if source.dimensions() == (width, height) {
        return Ok(source.clone());
    }
    let fail = |error: &dyn std::fmt::Display| Error::Image {
        reason: format!("could not be resized: {error}"),
    };
    let (source_width, source_height) = source.dimensions();
    let view = ImageRef::new(
        source_width,
        source_height,
        source.as_raw(),
        PixelType::U8x3,
    )
    .map_err(|error| fail(&error))?;
    let mut resized = Image::new(width, height, PixelType::U8x3);
    let algorithm = ResizeAlg::Convolution(match filter {
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Bilinear => FilterType::Bilinear,
    });
    Resizer::new()
        .resize(
            &view,
            &mut resized,
            &ResizeOptions::new().resize_alg(algorithm),
        )
        .map_err(|error| fail(&error))?;
    RgbImage::from_raw(width, height, resized.into_vec()).ok_or_else(|| fail(&"wrong size"))
}
