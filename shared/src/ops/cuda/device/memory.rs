//! A GPU as it is opened, and what becomes of its memory that is given back.

use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::CudaContext;
use candle_core::cuda::cudarc::driver::result::{device::get_default_mem_pool, mem_pool};
use candle_core::cuda::cudarc::driver::sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
use candle_core::cuda::cudarc::driver::sys::CUmemoryPool;
use candle_core::{Device, Result};

/// The GPU of this number, with one stream for all of its work, whichever thread asks for
/// it. (candle's own choice is a stream for each thread, between which there is no order.)
///
/// # Errors
/// What the driver says.
pub fn open(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(ordinal)?;
    // SAFETY: nothing of this device is ever on another stream, so that there is nothing to
    // wait for.
    unsafe { device.as_cuda_device()?.disable_event_tracking() };
    keep_memory(&device)?;
    Ok(device)
}

/// Keeps what a step gives back for the next one. Tensors are allocated from the device's
/// own pool, in the order of the stream; as it is, the pool returns its memory to the system
/// whenever the device is waited for, and asks for it anew.
fn keep_memory(device: &Device) -> Result<()> {
    let stream = device.as_cuda_device()?.cuda_stream();
    let Some(pool) = pool(stream.context())? else {
        return Ok(());
    };
    let mut all = u64::MAX;
    let value = (&raw mut all).cast();
    // SAFETY: this attribute of a pool is of 64 bits.
    unsafe { mem_pool::set_attribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, value) }.w()
}

/// Returns what is kept and not in use to the system.
///
/// # Errors
/// What the driver says.
pub(super) fn give_back_memory(device: &Device) -> Result<()> {
    let stream = device.as_cuda_device()?.cuda_stream();
    stream.synchronize().w()?;
    match pool(stream.context())? {
        // SAFETY: the pool is there as long as its device.
        Some(pool) => unsafe { mem_pool::trim_to(pool, 0) }.w(),
        None => Ok(()),
    }
}

/// The pool that tensors are allocated from, if there is one.
fn pool(context: &CudaContext) -> Result<Option<CUmemoryPool>> {
    if !context.has_async_alloc() {
        return Ok(None);
    }
    // SAFETY: the context is of this very device, whose default pool is there as long as the
    // device is.
    unsafe { get_default_mem_pool(context.cu_device()) }
        .w()
        .map(Some)
}
