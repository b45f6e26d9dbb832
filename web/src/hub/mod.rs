//! Models of the Hugging Face Hub: which repository is meant, which of its files
//! and which of their bytes make a model, and what of it is on this device. Free of
//! the browser; `hooks` fetch what is planned here.
//!
//! ```text
//! what was typed ─ Repository ─ Listing ─ Choice ─ headers ─ Plan ─ chunks ─ one file
//! ```
//!
//! A [`Plan`] puts the wanted bytes of all files in one row and cuts that row into
//! chunks. Chunks are what is stored, so a download that ended anywhere goes on
//! with those that are missing.

mod address;
mod listing;
mod pace;
mod plan;
mod record;
mod refusal;
mod repository;
mod stream;

pub use address::Hub;
pub use listing::{Choice, Listing};
pub use pace::{Pace, time_left};
pub use plan::{CHUNK_BYTES, Header, HeaderProbe, Part, Plan};
pub use record::{OnDevice, Record, folder_of, is_record};
pub use refusal::{offline, refusal};
pub use repository::Repository;
pub use stream::{Request, Stream, content_range};
