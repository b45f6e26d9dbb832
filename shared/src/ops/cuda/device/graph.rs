//! Work of a device that is recorded once and replayed, as a CUDA graph.
//!
//! What an operation sends the device from memory of the host (shapes, strides) would be
//! read again at each replay, from where it was. candle keeps such things on the device
//! where it is asked to (`enable_cuda_graph_htod_cache`), for as long as its thread lives; so a
//! recording stays on its thread. What a recording holds is looked at before it is replayed.

use std::any::Any;
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::sync::Arc;

use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::result::memcpy_htod_async;
use candle_core::cuda::cudarc::driver::sys::{
    self, CUDA_MEM_ALLOC_NODE_PARAMS, CUDA_MEMCPY3D, CUdeviceptr, CUgraph,
    CUgraphInstantiate_flags, CUgraphNode, CUgraphNodeType as Kind, CUmemorytype,
    CUpointer_attribute, CUresult, CUstreamCaptureMode,
};
use candle_core::cuda::cudarc::driver::{CudaGraph, CudaStream, DeviceRepr, DriverError};
use candle_core::{CudaDevice, Device, Error, Result, Tensor, WithDType, bail};

use super::address_of;
use super::memory::give_back_memory;
use crate::ops::cuda::recorded::{self, Place, Tally, Work};

/// Something of the device that a recording reads.
type Kept = Arc<dyn Any + Send + Sync>;

thread_local! {
    /// What the recording under way on this thread reads, and nobody else may hold.
    static KEPT: RefCell<Option<Vec<Kept>>> = const { RefCell::new(None) };
}

/// Work that has been recorded. What it reads and writes must lie where it lay.
pub struct Recording {
    graph: CudaGraph,
    tally: Tally,
    _kept: Vec<Kept>,
    /// Its modules and handles.
    _device: CudaDevice,
}

impl Recording {
    /// Records what `work` tells the device, which does nothing of it before
    /// [`Self::replay`]. The same work must have been done before, by [`warmed_up`] and on
    /// this thread. No other thread may tell the device anything meanwhile, wait for it or
    /// open it anew, and tensors that `work` makes must be dropped by it, no others.
    ///
    /// # Errors
    /// Those of `work`, and why it cannot be recorded.
    pub fn of<E: From<Error>>(
        device: &Device,
        work: impl FnOnce() -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        let cuda = device.as_cuda_device()?;
        let _uploads = cuda.enable_cuda_graph_htod_cache();
        // A recording has memory of its own; what the pool holds is not used by it.
        give_back_memory(device)?;
        let capture = Capture::begin(cuda.cuda_stream())?;
        work()?;
        let (graph, kept) = capture.end()?;
        let tally = recorded::check(pieces(graph.cu_graph())?)
            .map_err(|why| Error::Msg(format!("it cannot be replayed: {why}")))?;
        Ok(Self {
            graph,
            tally,
            _kept: kept,
            _device: cuda.clone(),
        })
    }

    /// Has the work done, behind what the device was told before.
    ///
    /// # Errors
    /// What the driver says.
    pub fn replay(&self) -> Result<()> {
        self.graph.launch().w()
    }

    /// How much it is.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

/// Does `work`, which is to be recorded when it comes again: what it sends of shapes and
/// strides stays on the device. It must not send other numbers each time, which would stay
/// as well.
///
/// # Errors
/// If the device is no GPU.
pub fn warmed_up<R>(device: &Device, work: impl FnOnce() -> R) -> Result<R> {
    let _uploads = device.as_cuda_device()?.enable_cuda_graph_htod_cache();
    Ok(work())
}

/// Writes `values`, in f32 or u32, over those of a tensor that a recording reads.
///
/// # Errors
/// If it has not as many of their type, or does not lie on a GPU.
pub fn overwrite<T: WithDType + DeviceRepr>(tensor: &Tensor, values: &[T]) -> Result<()> {
    if tensor.elem_count() != values.len() || tensor.dtype() != T::DTYPE {
        bail!(
            "{} values in {:?} do not go over {tensor:?}",
            values.len(),
            T::DTYPE
        );
    }
    let device = tensor.device().as_cuda_device()?;
    let address = address_of("overwrite", tensor, device)?;
    let stream = device.cuda_stream();
    stream.context().bind_to_thread().w()?;
    // SAFETY: there are as many values there, and the driver has read pageable memory of so
    // few bytes when it returns.
    unsafe { memcpy_htod_async(address, values, stream.cu_stream()) }.w()
}

/// Has what a kernel reads live as long as the recording that is under way, if there is one.
pub(super) fn keep(what: &Arc<impl Any + Send + Sync>) {
    KEPT.with_borrow_mut(|kept| {
        if let Some(kept) = kept {
            kept.push(what.clone());
        }
    });
}

/// Whether this thread records: what is made now has no values yet.
pub(super) fn is_recording() -> bool {
    KEPT.with_borrow(Option::is_some)
}

/// A stream that records.
struct Capture {
    stream: Arc<CudaStream>,
    is_open: bool,
}

impl Capture {
    fn begin(stream: Arc<CudaStream>) -> Result<Self> {
        // The first two are the streams of the process and of each thread.
        if stream.cu_stream() as usize <= 2 || stream.context().is_event_tracking() {
            bail!("the device has no stream of its own for all of its work");
        }
        stream
            .begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
            .w()?;
        KEPT.set(Some(Vec::new()));
        Ok(Self {
            stream,
            is_open: true,
        })
    }

    fn end(mut self) -> Result<(CudaGraph, Vec<Kept>)> {
        let (graph, kept) = self.close();
        match graph.w()? {
            Some(graph) => Ok((graph, kept)),
            None => bail!("nothing was recorded"),
        }
    }

    /// Has the stream work again, whatever happened.
    fn close(
        &mut self,
    ) -> (
        std::result::Result<Option<CudaGraph>, DriverError>,
        Vec<Kept>,
    ) {
        self.is_open = false;
        let kept = KEPT.take().unwrap_or_default();
        // An error that is noted would keep the stream from being told to end.
        let noted = self.stream.context().check_err();
        let graph = self.stream.end_capture(CUgraphInstantiate_flags(0));
        (noted.and(graph), kept)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if self.is_open {
            drop(self.close());
            // What could not be given back while it recorded has been told above.
            let _ = self.stream.context().check_err();
        }
    }
}

/// What a graph consists of.
fn pieces(graph: CUgraph) -> Result<Vec<Work>> {
    let mut count = 0;
    // SAFETY: the graph is there, and without room for nodes only their number is written.
    unsafe { sys::cuGraphGetNodes(graph, std::ptr::null_mut(), &mut count) }
        .result()
        .w()?;
    let mut nodes: Vec<CUgraphNode> = vec![std::ptr::null_mut(); count];
    // SAFETY: there is room for as many as there are.
    unsafe { sys::cuGraphGetNodes(graph, nodes.as_mut_ptr(), &mut count) }
        .result()
        .w()?;
    // SAFETY: they are nodes of a graph that is there.
    nodes.iter().map(|&node| unsafe { piece(node) }).collect()
}

/// # Safety
/// `node` is one of a graph that is there.
unsafe fn piece(node: CUgraphNode) -> Result<Work> {
    // Numbers, since a driver may know more kinds than are named here.
    let mut kind = u32::MAX;
    // SAFETY: a kind is a number of 32 bits.
    told(unsafe { sys::cuGraphNodeGetType(node, (&raw mut kind).cast()) })?;
    Ok(match kind {
        kind if kind == Kind::CU_GRAPH_NODE_TYPE_KERNEL as u32 => Work::Kernel,
        kind if kind == Kind::CU_GRAPH_NODE_TYPE_MEMSET as u32 => Work::Set,
        kind if kind == Kind::CU_GRAPH_NODE_TYPE_EMPTY as u32 => Work::Nothing,
        kind if kind == Kind::CU_GRAPH_NODE_TYPE_MEMCPY as u32 => {
            // SAFETY: the node is a copy.
            let [from, to] = unsafe { places(node) }?;
            Work::Copy { from, to }
        }
        kind if kind == Kind::CU_GRAPH_NODE_TYPE_MEM_ALLOC as u32 => {
            let mut taken = MaybeUninit::<CUDA_MEM_ALLOC_NODE_PARAMS>::zeroed();
            // SAFETY: the node takes memory; its address is a number, whatever the rest is.
            Work::Take(unsafe {
                told(sys::cuGraphMemAllocNodeGetParams(node, taken.as_mut_ptr()))?;
                (&raw const (*taken.as_ptr()).dptr).read()
            })
        }
        kind if kind == Kind::CU_GRAPH_NODE_TYPE_MEM_FREE as u32 => {
            let mut address: CUdeviceptr = 0;
            // SAFETY: the node gives memory back.
            told(unsafe { sys::cuGraphMemFreeNodeGetParams(node, &mut address) })?;
            Work::GiveBack(address)
        }
        kind => Work::Other(kind),
    })
}

fn told(result: CUresult) -> Result<()> {
    result.result().w()
}

/// Where a copy reads, and where it writes.
///
/// # Safety
/// `node` is a copy of a graph that is there.
unsafe fn places(node: CUgraphNode) -> Result<[Place; 2]> {
    let mut copy = MaybeUninit::<CUDA_MEMCPY3D>::zeroed();
    let copy = copy.as_mut_ptr();
    // SAFETY: the node is a copy; kinds of memory are read as the numbers that they are.
    unsafe {
        told(sys::cuGraphMemcpyNodeGetParams(node, copy))?;
        let kind_from = (&raw const (*copy).srcMemoryType).cast::<u32>().read();
        let kind_to = (&raw const (*copy).dstMemoryType).cast::<u32>().read();
        Ok([
            place(kind_from, (&raw const (*copy).srcDevice).read()),
            place(kind_to, (&raw const (*copy).dstDevice).read()),
        ])
    }
}

/// Where an address of this kind of memory is.
fn place(kind: u32, address: CUdeviceptr) -> Place {
    let device = CUmemorytype::CU_MEMORYTYPE_DEVICE as u32;
    if kind == device {
        return Place::Device;
    }
    if kind != CUmemorytype::CU_MEMORYTYPE_UNIFIED as u32 {
        return Place::Host;
    }
    // Somewhere in the one space of addresses: the driver knows where, if it is its own.
    let mut kind = 0u32;
    let asked = CUpointer_attribute::CU_POINTER_ATTRIBUTE_MEMORY_TYPE;
    // SAFETY: the attribute is a number of 32 bits.
    let result = unsafe { sys::cuPointerGetAttribute((&raw mut kind).cast(), asked, address) };
    match result == CUresult::CUDA_SUCCESS && kind == device {
        true => Place::Device,
        false => Place::Host,
    }
}
