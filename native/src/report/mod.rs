//! What a run leaves behind and how results are shown.
//!
//! [`table`] holds results and writes them as Markdown, LaTeX, CSV, JSON and for the
//! terminal; [`published`] has figures to stand beside them. [`charts`] draws, as SVG
//! or PNG; [`html`] makes one page of all of it; [`tensorboard`] writes event files;
//! [`environment`] says where and when.

pub mod charts;
pub mod environment;
pub mod html;
mod protobuf;
pub mod published;
pub mod table;
pub mod tensorboard;
