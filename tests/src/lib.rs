//! What the tests share: golden cases, which run natively and in a browser, and
//! everything on this machine that a test needs (`host`).

pub mod golden;

#[cfg(not(target_arch = "wasm32"))]
mod host;
#[cfg(not(target_arch = "wasm32"))]
pub mod kernels;
#[cfg(not(target_arch = "wasm32"))]
pub use host::*;
