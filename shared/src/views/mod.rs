//! Images and the views of them that an encoder sees: plain, seeded, pure
//! functions over 8-bit RGB. The browser runs the same code.

mod crop;
mod decode;
mod preprocess;
mod resample;

pub use crop::{CropBox, RandomResizedCrop};
pub use decode::{MAX_PIXELS, decode};
pub use image::RgbImage;
pub use preprocess::{clip_view, normalise_pixels};
pub use resample::{Filter, resample};
