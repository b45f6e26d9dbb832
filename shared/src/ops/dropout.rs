//! Values that are set to zero at random, as bits.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[cfg(feature = "cuda")]
use super::cuda::device;
use super::{contiguous, has_own_body};
use crate::parallel::*;

/// Sets values to zero at random and scales the rest, so that sums keep their
/// size (`torch.nn.Dropout`).
#[derive(Debug, Clone)]
pub struct Dropout {
    /// The share that is dropped, below 1.
    pub rate: f64,
    pub seed: u64,
    /// Which of the seed's streams of random numbers.
    pub stream: u64,
    /// [`Self::key_of`] the seed, `[8]` in u32, which a GPU reads when the work is done: what
    /// is recorded draws other numbers at each replay. Without, that of `seed`.
    pub key: Option<Tensor>,
}

/// Rows drawn by one task.
const ROWS_PER_TASK: usize = 64;

impl Dropout {
    /// `x [.., width]` → `[.., width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if has_own_body(x) {
            return x.contiguous()?.apply_op1(self.clone());
        }
        let ones = vec![1.0; x.elem_count()];
        let mask = Tensor::from_vec(self.dropped(&ones, x.dims()), x.dims(), x.device())?;
        x * mask.to_dtype(x.dtype())?
    }

    /// What becomes of values of a tensor of these dimensions.
    fn dropped(&self, x: &[f32], dims: &[usize]) -> Vec<f32> {
        let width = dims.last().copied().unwrap_or(1).max(1);
        let mask = self.mask(x.len() / width, width);
        let mut y = vec![0.0; x.len()];
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
        for (row, (x, y)) in rows.enumerate() {
            mask.apply(row, x, y);
        }
        y
    }

    /// The key of a seed's random numbers.
    pub fn key_of(seed: u64) -> [u32; 8] {
        let bytes = ChaCha8Rng::seed_from_u64(seed).get_seed();
        let (words, _) = bytes.as_chunks();
        std::array::from_fn(|at| u32::from_le_bytes(words[at]))
    }

    /// A value is dropped if its draw of 64 bits is below this.
    pub fn bound(&self) -> u64 {
        (self.rate * 2f64.powi(u64::BITS as i32)) as u64
    }

    /// What values that are kept are multiplied with.
    pub fn factor(&self) -> f32 {
        (1.0 / (1.0 - self.rate)) as f32
    }

    /// What is kept of `rows` rows of `width` values: the values' order is that of the
    /// draws.
    pub(super) fn mask(&self, rows: usize, width: usize) -> Mask {
        let words = width.div_ceil(BITS);
        let mut bits = vec![0u32; rows * words];
        bits.par_chunks_mut((ROWS_PER_TASK * words).max(1))
            .enumerate()
            .for_each(|(task, bits)| {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                random.set_stream(self.stream);
                // A draw takes 64 bits, two of the stream's words.
                let first = task * ROWS_PER_TASK * width;
                random.set_word_pos(2 * first as u128);
                for row in bits.chunks_exact_mut(words) {
                    for column in 0..width {
                        let kept = !random.random_bool(self.rate);
                        row[column / BITS] |= u32::from(kept) << (column % BITS);
                    }
                }
            });
        Mask {
            bits,
            words,
            factor: self.factor(),
        }
    }
}

/// `x` → what is left of it.
impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, layout)?;
        let y = self.dropped(x, layout.dims());
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        device::dropout(self.name(), self, x, layout)
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(self)?))
    }
}

/// Values to a word.
const BITS: usize = u32::BITS as usize;

/// Which values are kept, and what they are multiplied with.
pub(super) struct Mask {
    bits: Vec<u32>,
    /// Words of a row.
    words: usize,
    factor: f32,
}

impl Mask {
    /// `to = x ∘ mask` for one row.
    #[inline(always)]
    pub fn apply(&self, row: usize, x: &[f32], to: &mut [f32]) {
        let words = &self.bits[row * self.words..][..self.words];
        let values = x.chunks(BITS).zip(to.chunks_mut(BITS));
        for (&word, (x, to)) in words.iter().zip(values) {
            for (bit, (to, x)) in to.iter_mut().zip(x).enumerate() {
                *to = x * ((word >> bit & 1) as f32 * self.factor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::{Dropout, ROWS_PER_TASK};

    #[test]
    fn masks_are_the_draws_one_after_the_other_whatever_the_tasks() {
        let dropout = Dropout {
            rate: 0.25,
            seed: 7,
            stream: 3,
            key: None,
        };
        let (rows, width) = (2 * ROWS_PER_TASK + 3, 37);
        let mut random = ChaCha8Rng::seed_from_u64(7);
        random.set_stream(3);
        let mask = dropout.mask(rows, width);
        let x: Vec<f32> = (1..=width).map(|at| at as f32).collect();
        let mut got = vec![0.0; width];
        for row in 0..rows {
            mask.apply(row, &x, &mut got);
            let kept = (1.0f64 / 0.75) as f32;
            let expected: Vec<f32> = x
                .iter()
                .map(|x| x * if random.random_bool(0.25) { 0.0 } else { kept })
                .collect();
            assert_eq!(got, expected, "row {row}");
        }
    }
}
