//! The little world that the embedded model is pretrained on.
//!
//! Every picture shows one object: a shape in a colour with a texture, of some size, at some
//! place, on some background. Pictures and captions are made on demand from a seed, so there is
//! nothing to download and no end to the data.
//!
//! - `words`: the attributes and what they are called.
//! - `composition`: shape, colour and texture together; the ones held out from pretraining.
//! - `scene`: all that defines one picture.
//! - `mask` and `render`: from a scene to pixels.
//! - `caption`: what is written under a picture.
//! - `domain`: labelled pictures to learn prompts on.

mod caption;
mod composition;
mod domain;
mod mask;
mod render;
mod scene;
mod words;

pub use caption::caption;
pub use composition::{Composition, held_out};
pub use domain::{Domain, Split, UnknownDomain};
pub use render::{Style, render};
pub use scene::{Direction, Scene};
pub use words::{Background, Colour, Position, Shape, Size, Texture};
