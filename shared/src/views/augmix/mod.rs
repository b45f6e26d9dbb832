//! AugMix (Hendrycks et al. 2020): an image mixed with chains of simple operations
//! on itself, as torchvision's `transforms.AugMix` does it with tensors of bytes.
//!
//! [`AugMix`] says how, [`AugMix::draw`] draws all that is random into an
//! [`AugMixDraw`], and [`AugMixDraw::apply`] is a pure function of it. [`pil`] holds
//! the other implementation that test-time tuning is known with.

mod affine;
mod levels;
mod mixing;
mod neighbours;
mod operation;
pub mod pil;

pub use mixing::{AugMix, AugMixDraw};
pub use operation::{MAGNITUDES, Operation};
