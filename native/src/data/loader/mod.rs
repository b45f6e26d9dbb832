//! Images and views made ahead of their use, on threads of their own, so that the
//! device never waits for a decoder while there is one to spare.

mod images;
mod pixels;
mod views_ahead;

pub use images::{DEFAULT_BUDGET_BYTES, Images};
pub use pixels::{Normalise, PixelsAhead, ViewKind};
pub use views_ahead::{Ahead, Order, Recipe, ViewsAhead};
