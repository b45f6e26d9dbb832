//! The Hub and this device's store of models, as the browser reaches them.

mod download;
mod inventory;
mod look_up;
mod net;
mod store;

pub use download::{download, stored_file};
pub use inventory::{inventory, remove};
pub use look_up::look_up;
pub use net::{Net, page_hub};
pub use store::Store;
