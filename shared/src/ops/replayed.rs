//! A function of a tensor that is called again and again.

#[cfg(feature = "cuda")]
use std::cell::RefCell;
use std::fmt::Display;

use candle_core::Tensor;

#[cfg(feature = "cuda")]
use super::cuda::device::Turns;

/// A function that is given tensors of a few shapes again and again. On a GPU it is recorded
/// when a shape comes for the second time, and replayed from then on.
pub struct Replayed {
    #[cfg(feature = "cuda")]
    turns: RefCell<Turns>,
}

impl Replayed {
    /// It is recorded, or made anew in each call.
    pub fn new(is_recorded: bool) -> Self {
        #[cfg(not(feature = "cuda"))]
        let _ = is_recorded;
        Self {
            #[cfg(feature = "cuda")]
            turns: Turns::new(is_recorded).into(),
        }
    }

    /// `function(x)`. It is the same function in all calls, depends on nothing else that
    /// changes or moves in memory, neither waits for the device nor keeps a tensor; what it
    /// gives has no graph.
    ///
    /// # Errors
    /// Those of the function, and of the device.
    pub fn call<E: From<candle_core::Error> + Display>(
        &self,
        x: &Tensor,
        function: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
    ) -> std::result::Result<Tensor, E> {
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            return self.turns.borrow_mut().call(x, function);
        }
        function(x)
    }
}
