//! Kernels on a GPU: compiled when first needed, launched on candle's stream.

mod activation;
mod attention;
mod dropout;
mod graph;
mod layer_norm;
mod linear;
mod memory;
mod optimizer;
mod turns;

pub(in crate::ops) use activation::{quick_gelu, quick_gelu_grad};
pub(in crate::ops) use attention::{
    attention_of_one, attention_of_one_grad, self_attention, self_attention_grad,
};
pub(in crate::ops) use dropout::dropout;
pub use graph::{Recording, overwrite, warmed_up};
pub(in crate::ops) use layer_norm::{layer_norm, layer_norm_grad_weight_bias, layer_norm_grad_x};
pub(in crate::ops) use linear::add_bias;
pub use memory::open;
pub use optimizer::{Beside, adam_w_step, sgd_step, steps_here};
pub(in crate::ops) use turns::Turns;

use std::sync::OnceLock;

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cuda::cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, LaunchConfig, PushKernelArg,
    SyncOnDrop,
};
use candle_core::cuda::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda::{CudaStorageSlice, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Layout, Result, Storage, Tensor, bail};
use half::bf16;

use super::{Address, Kernel, Source};

/// What a kernel's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Real {
    F32,
    Bf16,
}

impl Real {
    const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Bytes of a value.
    fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::Bf16 => size_of::<bf16>(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// Whether `x` lies where kernels compute, in a type of theirs.
pub(in crate::ops) fn is_here(x: &Tensor) -> bool {
    x.device().is_cuda() && matches!(x.dtype(), DType::F32 | DType::BF16)
}

/// A source as PTX for values of a type, which drivers translate for any device.
///
/// # Errors
/// What the compiler says.
fn compile(source: Source, real: Real) -> std::result::Result<String, String> {
    let options = CompileOptions {
        fmad: Some(source.may_fuse_products()),
        name: Some(format!("{}.cu", source.name())),
        options: match real {
            Real::F32 => Vec::new(),
            Real::Bf16 => vec!["-DIN_BF16".into()],
        },
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(source.text(), options);
    ptx.map(|ptx| ptx.to_src())
        .map_err(|error| error.to_string())
}

/// The same, once for a process.
fn compiled(source: Source, real: Real) -> Result<&'static str> {
    type Compiled = OnceLock<std::result::Result<String, String>>;
    static ALL: [[Compiled; Real::ALL.len()]; Source::ALL.len()] =
        [const { [const { OnceLock::new() }; Real::ALL.len()] }; Source::ALL.len()];
    let of_source = &ALL[source as usize][real as usize];
    match of_source.get_or_init(|| compile(source, real)) {
        Ok(ptx) => Ok(ptx),
        Err(error) => bail!(
            "the CUDA kernels of {} cannot be compiled: {error}\nhint: is NVRTC there, of the \
             toolkit that this program was built with? --device cpu needs none",
            source.name()
        ),
    }
}

/// A kernel's arguments as the one struct that it takes.
#[repr(transparent)]
struct Arguments<K>(K);

// SAFETY: a kernel's arguments are a C struct of addresses and numbers.
unsafe impl<K: Kernel> DeviceRepr for Arguments<K> {}

/// Has a kernel computed behind what the device was told before.
///
/// # Safety
/// The kernel's addresses are those of memory of the device as large as it says.
unsafe fn launch<K: Kernel>(device: &CudaDevice, kernel: K, real: Real) -> Result<()> {
    let launch = kernel.launch();
    let [x, y] = launch.blocks;
    if x == 0 || y == 0 {
        return Ok(());
    }
    let ptx = compiled(K::SOURCE, real)?;
    let module = format!("clipwright_{}_{}", K::SOURCE.name(), real.name());
    let name = format!("{}_{}", K::NAME, real.name());
    let function = device.get_or_load_custom_func(&name, &module, ptx)?;
    let arguments = Arguments(kernel);
    let mut builder = function.builder();
    builder.arg(&arguments);
    let size = LaunchConfig {
        grid_dim: (x, y, 1),
        block_dim: (launch.threads, 1, 1),
        shared_mem_bytes: 4 * launch.shared,
    };
    // SAFETY: the kernel takes this one struct, and the caller has seen to its addresses.
    unsafe { builder.launch(size) }.w()?;
    Ok(())
}

/// Where an operand's values lie, as long as a kernel may read them.
struct Operand<'a> {
    address: Address,
    real: Real,
    _is_used: SyncOnDrop<'a>,
}

/// The values of a contiguous operand.
fn operand<'a>(
    operation: &str,
    storage: &'a CudaStorage,
    layout: &Layout,
    stream: &'a CudaStream,
) -> Result<Operand<'a>> {
    let Some((start, _)) = layout.contiguous_offsets() else {
        bail!("{operation} needs contiguous operands");
    };
    let (real, (address, is_used)) = match &storage.slice {
        CudaStorageSlice::F32(values) => (Real::F32, values.device_ptr(stream)),
        CudaStorageSlice::BF16(values) => (Real::Bf16, values.device_ptr(stream)),
        _ => bail!(
            "{operation} in {:?}; on CUDA it is there in f32 and bf16",
            storage.dtype()
        ),
    };
    Ok(Operand {
        address: address + (start * real.bytes()) as Address,
        real,
        _is_used: is_used,
    })
}

/// Where the values of a contiguous tensor lie, in f32 or u32.
fn address_of(operation: &str, tensor: &Tensor, device: &CudaDevice) -> Result<Address> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else {
        bail!("{operation} needs operands on the device");
    };
    if !storage.device().same_device(device) {
        bail!("{operation} needs operands on one device");
    }
    let Some((start, _)) = layout.contiguous_offsets() else {
        bail!("{operation} needs contiguous operands");
    };
    let stream = device.cuda_stream();
    let (address, _is_used) = match &storage.slice {
        CudaStorageSlice::F32(values) => values.device_ptr(&stream),
        CudaStorageSlice::U32(values) => values.device_ptr(&stream),
        _ => bail!("{operation} needs f32 or u32, not {:?}", storage.dtype()),
    };
    Ok(address + 4 * start as Address)
}

/// The type that all operands have.
fn common(operation: &str, operands: &[&Operand<'_>]) -> Result<Real> {
    let real = operands.first().map_or(Real::F32, |operand| operand.real);
    if operands.iter().any(|operand| operand.real != real) {
        bail!("{operation} needs operands of one type");
    }
    Ok(real)
}

/// `count` values that `write` has kernels write at an address.
fn written(
    device: &CudaDevice,
    real: Real,
    count: usize,
    write: impl FnOnce(Address) -> Result<()>,
) -> Result<CudaStorage> {
    let slice = match real {
        Real::F32 => CudaStorageSlice::F32(room(device, count, write)?),
        Real::Bf16 => CudaStorageSlice::BF16(room(device, count, write)?),
    };
    Ok(CudaStorage {
        slice,
        device: device.clone(),
    })
}

fn room<T: DeviceRepr>(
    device: &CudaDevice,
    count: usize,
    write: impl FnOnce(Address) -> Result<()>,
) -> Result<CudaSlice<T>> {
    // SAFETY: `write` writes all of it before anybody reads it.
    let mut values = unsafe { device.alloc::<T>(count) }?;
    changed(&mut values, &device.cuda_stream(), write)?;
    Ok(values)
}

/// Has `change` launch what changes values, at their address.
fn changed<T>(
    values: &mut CudaSlice<T>,
    stream: &CudaStream,
    change: impl FnOnce(Address) -> Result<()>,
) -> Result<()> {
    let (address, _is_used) = values.device_ptr_mut(stream);
    change(address)
}

#[cfg(test)]
mod tests {
    use super::{Real, Source, compile};

    #[test]
    fn the_compiler_takes_every_source() {
        for source in Source::ALL {
            for real in Real::ALL {
                let ptx = compile(source, real).unwrap();
                assert!(ptx.contains(".entry "), "{source:?} in {real:?}");
            }
        }
    }
}
