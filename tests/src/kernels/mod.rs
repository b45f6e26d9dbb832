//! The kernels for CUDA, run on this machine's processor.

mod host;
mod memory;

pub use host::{HostKernel, Type, run};
pub use memory::Memory;
