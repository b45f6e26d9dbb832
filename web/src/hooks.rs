//! Everything that touches the browser: files, downloads, the worker.

mod fetch;
mod sources;
mod use_engine;
mod use_files;
mod use_model;
mod use_page_drop;
mod use_samples;

pub use sources::Sources;
pub use use_engine::use_engine;
pub use use_files::use_files;
pub use use_model::{EMBEDDED_MODEL, use_model};
pub use use_page_drop::{files_of, use_page_drop};
pub use use_samples::{sample_url, use_samples};
