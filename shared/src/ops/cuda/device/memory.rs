//! What becomes of a GPU's memory that is given back.

use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::result::{device::get_default_mem_pool, mem_pool};
use candle_core::cuda::cudarc::driver::sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
use candle_core::{Device, Result};

/// Keeps what a step gives back for the next one. Tensors are allocated from the device's
/// own pool, in the order of the stream; as it is, the pool returns its memory to the system
/// whenever the device is waited for, and asks for it anew.
///
/// # Errors
/// What the driver says.
pub fn keep_memory(device: &Device) -> Result<()> {
    let stream = device.as_cuda_device()?.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return Ok(()); // there is no pool
    }
    let mut all = u64::MAX;
    // SAFETY: the context is of this very device, whose default pool is there as long as the
    // device is, and this attribute is of 64 bits.
    unsafe {
        let pool = get_default_mem_pool(context.cu_device()).w()?;
        let value = (&raw mut all).cast();
        mem_pool::set_attribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, value).w()
    }
}
