//! What the rooms of patches and of augmentations share: their frame, the image with
//! places marked on it, a view with what it says, and one view looked at closely.

mod cell;
mod detail;
mod learners;
mod pointing;
mod room;
mod roving;
mod source_image;
mod words;

pub use cell::{CellRole, blank_cell, view_cell};
pub use detail::view_detail;
pub use learners::learner_choice;
pub use pointing::{Pointing, columns_of, use_pointing};
pub use room::{Content, Room, trusted_slider};
pub use roving::moved;
pub use source_image::{source_image, svg_box};
pub use words::{described, entropy_help};

use yew::prelude::*;

use super::raster::Raster;
use crate::state::SourceId;

/// The pixels of a view, once they are there.
pub fn picture(pixels: Option<SourceId>, index: usize, side: u32, label: AttrValue) -> Html {
    match pixels {
        Some(pixels) => html! { <Raster {pixels} {index} {side} {label} /> },
        None => html! { <span class="raster view-blank" /> },
    }
}
