//! Images and the views of them that an encoder sees: plain, seeded, pure
//! functions. The browser runs the same code.
//!
//! Two orders exist in the references. openai/CLIP resizes a [`Picture`] in the
//! mode it was decoded in ([`clip_view`]); CoOp's reader converts it to RGB first
//! ([`Picture::into_rgb`]), and its views are made of that.

pub mod augmix;
mod crop;
mod decode;
mod mix;
mod patches;
mod picture;
mod preprocess;
mod resample;
mod resample_tensor;

pub use crop::{CropBox, Draws, RandomResizedCrop};
pub use decode::{MAX_PIXELS, decode};
pub use image::RgbImage;
pub use mix::{BatchMix, MixDraw};
pub use patches::{patch_boxes, patches};
pub use picture::{Grey16Image, Picture};
pub(crate) use preprocess::view_of;
pub use preprocess::{clip_view, clip_view_of_rgb, normalise_pixels, normalise_pixels_by};
pub use resample::{Filter, resample};
pub use resample_tensor::resample_as_tensor;
