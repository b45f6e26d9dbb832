//! Launches: a thread of the system for each of a block.

use std::sync::{Mutex, PoisonError};
use std::thread;

use clipwright_shared::ops::cuda::{
    AdamWStep, AddBias, Attention, AttentionGradKeysValues, AttentionGradQueries,
    AttentionSumSlots, Dropout, Kernel, LayerNorm, LayerNormGradWeightBias, LayerNormGradX,
    LayerNormStatistics, QuickGelu, QuickGeluGrad, SgdStep,
};

/// What a kernel's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    F32,
    Bf16,
}

impl Type {
    /// Bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }
}

/// A kernel as C functions.
pub trait HostKernel: Kernel + Send + Sync {
    /// # Panics
    /// If it is not there for values of this type.
    fn function(of: Type) -> unsafe extern "C" fn(Self);
}

macro_rules! host_kernels {
    ($($kernel:ident: $f32:ident $(, $bf16:ident)?;)*) => {
        unsafe extern "C" {
            $(
                fn $f32(arguments: $kernel);
                $(fn $bf16(arguments: $kernel);)?
            )*
        }
        $(
            impl HostKernel for $kernel {
                fn function(of: Type) -> unsafe extern "C" fn(Self) {
                    match of {
                        Type::F32 => $f32,
                        $(Type::Bf16 => $bf16,)?
                        #[allow(unreachable_patterns)]
                        Type::Bf16 => panic!("{} is in f32 only", Self::NAME),
                    }
                }
            }
        )*
    };
}

host_kernels! {
    AdamWStep: adam_w_step_f32;
    AddBias: add_bias_f32, add_bias_bf16;
    Attention: attention_f32, attention_bf16;
    AttentionGradKeysValues: attention_grad_keys_values_f32, attention_grad_keys_values_bf16;
    AttentionGradQueries: attention_grad_queries_f32, attention_grad_queries_bf16;
    AttentionSumSlots: attention_sum_slots_f32, attention_sum_slots_bf16;
    Dropout: dropout_f32, dropout_bf16;
    LayerNorm: layer_norm_f32, layer_norm_bf16;
    LayerNormGradWeightBias: layer_norm_grad_weight_bias_f32, layer_norm_grad_weight_bias_bf16;
    LayerNormGradX: layer_norm_grad_x_f32, layer_norm_grad_x_bf16;
    LayerNormStatistics: layer_norm_statistics_f32, layer_norm_statistics_bf16;
    QuickGelu: quick_gelu_f32, quick_gelu_bf16;
    QuickGeluGrad: quick_gelu_grad_f32, quick_gelu_grad_bf16;
    SgdStep: sgd_step_f32;
}

unsafe extern "C" {
    fn host_launch(blocks_x: u32, blocks_y: u32, threads: u32);
    fn host_begin(thread: u32, x: u32, y: u32);
    fn host_shared() -> u32;
}

/// There is one block's memory.
static ALONE: Mutex<()> = Mutex::new(());

/// A kernel's stack is small.
const STACK: usize = 256 << 10;

/// Runs a kernel.
///
/// # Panics
/// If a block would need more memory than every device has.
///
/// # Safety
/// The kernel's addresses are those of memory as large as it says.
pub unsafe fn run<K: HostKernel>(kernel: K, of: Type) {
    let launch = kernel.launch();
    let [blocks_x, blocks_y] = launch.blocks;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: no kernel runs, so that nobody reads what this writes.
    let most = unsafe {
        host_launch(blocks_x, blocks_y, launch.threads);
        host_shared()
    };
    assert!(launch.shared <= most, "{}: {launch:?}", K::NAME);
    let function = K::function(of);
    let all_blocks = move |thread: u32| {
        for y in 0..blocks_y {
            for x in 0..blocks_x {
                // SAFETY: all threads of a block come here, and the caller has seen to the
                // addresses.
                unsafe {
                    host_begin(thread, x, y);
                    function(kernel);
                }
            }
        }
    };
    thread::scope(|scope| {
        for thread in 0..launch.threads {
            let builder = thread::Builder::new().stack_size(STACK);
            let started = builder.spawn_scoped(scope, move || all_blocks(thread));
            started.expect("the system has threads");
        }
    });
}
