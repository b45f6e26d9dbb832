//! Features with labels, checked, and what a linear classifier loses on them.

use candle_core::{CpuStorage, D, DType, Storage, Tensor};

use crate::error::{Error, Result};
use crate::parallel::*;

/// Features `[N, embed_dim]` and the label of each row.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    pub features: &'a Tensor,
    pub labels: &'a [usize],
}

impl Labelled<'_> {
    /// The features in f64, finite.
    pub(super) fn rows(&self) -> Result<Tensor> {
        let (features, count) = (self.features, self.labels.len());
        let width = features.dims().last().copied().unwrap_or_default().max(1);
        if features.dims() != [count, width] {
            return Err(Error::TensorShape {
                name: "features".into(),
                expected: vec![count, width].into(),
                got: features.dims().into(),
            });
        }
        let features = features.to_dtype(DType::F64)?.contiguous()?;
        let finite = features.abs()?.lt(f64::INFINITY)?.to_dtype(DType::F64)?;
        let finite: f64 = finite.sum_all()?.to_scalar()?;
        match features.elem_count() - finite as usize {
            0 => Ok(features),
            count => Err(Error::NotFinite {
                name: "features".into(),
                count,
            }),
        }
    }

    /// How many examples each class has.
    pub(super) fn counts(&self, n_classes: usize) -> Result<Vec<usize>> {
        let mut counts = vec![0; n_classes];
        for &label in self.labels {
            match counts.get_mut(label) {
                Some(count) => *count += 1,
                None => {
                    let expected = format!("below the number of classes, {n_classes}");
                    return Err(Error::setting("a label", label, expected));
                }
            }
        }
        Ok(counts)
    }
}

/// Examples laid out for fits: parameters are `[K, d + 1]`, a weight vector and a
/// bias for each of `K` classes.
pub(super) struct Examples {
    features: Tensor, // [N, d + 1], f64; the last column is 1, for the bias
    labels: Tensor,   // [N, 1], u32
    sums: Tensor,     // [K, d + 1]: the features of each class, summed
    n_classes: usize,
}

/// Log-losses at logits on a line.
pub(super) struct Losses {
    /// Of all examples, in nats.
    pub sum: f64,
    /// How fast the sum rises along the line.
    pub slope: f64,
    pub probabilities: Tensor, // [N, K]
}

impl Examples {
    pub fn new(examples: Labelled<'_>, n_classes: usize) -> Result<Self> {
        if n_classes < 2 {
            let expected = "at least 2 for logistic regression";
            return Err(Error::setting("the number of classes", n_classes, expected));
        }
        let counts = examples.counts(n_classes)?;
        if let Some(class) = counts.iter().position(|&count| count == 0) {
            let name = format!("the number of training images of class {class}");
            let expected = "at least 1 for logistic regression";
            return Err(Error::setting(&name, 0, expected));
        }
        let (features, device) = (examples.rows()?, examples.features.device());
        let count = examples.labels.len();
        let ones = Tensor::ones((count, 1), DType::F64, device)?;
        let labels: Vec<u32> = examples.labels.iter().map(|&label| label as u32).collect();
        let labels = Tensor::from_vec(labels, count, device)?;
        let features = Tensor::cat(&[&features, &ones], 1)?;
        let sums = Tensor::zeros((n_classes, features.dim(1)?), DType::F64, device)?;
        Ok(Self {
            sums: sums.index_add(&labels, &features, 0)?,
            labels: labels.unsqueeze(1)?,
            features,
            n_classes,
        })
    }

    /// `N`.
    pub fn count(&self) -> Result<usize> {
        Ok(self.labels.dim(0)?)
    }

    /// `d`.
    pub fn width(&self) -> Result<usize> {
        Ok(self.features.dim(1)? - 1)
    }

    /// `K`.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Parameters to start from: `[K, d + 1]`.
    pub fn zeros(&self) -> Result<Tensor> {
        Ok(self.sums.zeros_like()?)
    }

    /// What each column of the parameters pays: `[1, d + 1]`; the bias pays nothing.
    pub fn penalty(&self, strength: f64) -> Result<Tensor> {
        let device = self.features.device();
        let weights = Tensor::full(strength, (1, self.width()?), device)?;
        let bias = Tensor::zeros((1, 1), DType::F64, device)?;
        Ok(Tensor::cat(&[&weights, &bias], 1)?)
    }

    /// `parameters [K, d + 1]` → `[N, K]`.
    pub fn logits(&self, parameters: &Tensor) -> Result<Tensor> {
        Ok(self.features.matmul(&parameters.t()?)?)
    }

    /// At `logits + length · change`, both `[N, K]`.
    pub fn losses(&self, logits: &Tensor, change: &Tensor, length: f64) -> Result<Losses> {
        let labels = self.labels.flatten_all()?.to_vec1::<u32>()?;
        let (from, from_layout) = logits.storage_and_layout();
        let (by, by_layout) = change.storage_and_layout();
        if let (Storage::Cpu(CpuStorage::F64(from)), Storage::Cpu(CpuStorage::F64(by))) =
            (&*from, &*by)
            && let (Some(from_range), Some(by_range)) = (
                from_layout.contiguous_offsets(),
                by_layout.contiguous_offsets(),
            )
        {
            let from = &from[from_range.0..from_range.1];
            let by = &by[by_range.0..by_range.1];
            let (sum, slope, values) = fused(from, by, length, &labels, self.n_classes);
            return Ok(Losses {
                sum,
                slope,
                probabilities: Tensor::from_vec(values, logits.shape(), logits.device())?,
            });
        }
        self.composed(logits, change, length)
    }

    /// The same, of operations that every device has.
    fn composed(&self, logits: &Tensor, change: &Tensor, length: f64) -> Result<Losses> {
        let logits = (logits + (change * length)?)?;
        let highest = logits.max_keepdim(D::Minus1)?;
        let exponentials = logits.broadcast_sub(&highest)?.exp()?;
        let sums = exponentials.sum_keepdim(D::Minus1)?;
        let probabilities = exponentials.broadcast_div(&sums)?;
        let own = logits.gather(&self.labels, 1)?;
        let turned = change.broadcast_sub(&change.gather(&self.labels, 1)?)?;
        Ok(Losses {
            // In this order nothing of a small loss is rounded away.
            sum: (sums.log()? + (highest - own)?)?.sum_all()?.to_scalar()?,
            slope: (turned * &probabilities)?.sum_all()?.to_scalar()?,
            probabilities,
        })
    }

    /// The gradient of the sum of losses: `[K, d + 1]`.
    pub fn gradient(&self, losses: &Losses) -> Result<Tensor> {
        let expected = losses.probabilities.t()?.matmul(&self.features)?;
        Ok((expected - &self.sums)?)
    }
}

/// The sum of losses, its slope, and the probabilities, in one pass over rows of
/// `classes` values.
fn fused(
    from: &[f64],
    by: &[f64],
    length: f64,
    labels: &[u32],
    classes: usize,
) -> (f64, f64, Vec<f64>) {
    let mut probabilities = vec![0.0; from.len()];
    let rows = probabilities.par_chunks_mut(classes);
    let given = from.par_chunks(classes).zip(by.par_chunks(classes));
    let each: Vec<(f64, f64)> = rows
        .zip(given)
        .zip(labels)
        .map(|((row, (from, by)), &label)| {
            for ((value, from), by) in row.iter_mut().zip(from).zip(by) {
                *value = from + by * length;
            }
            let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let own = row[label as usize];
            let mut sum = 0.0;
            for value in row.iter_mut() {
                *value = (*value - highest).exp();
                sum += *value;
            }
            let own_change = by[label as usize];
            let mut slope = 0.0;
            for (value, by) in row.iter_mut().zip(by) {
                *value /= sum;
                slope += *value * (by - own_change);
            }
            (sum.ln() + (highest - own), slope)
        })
        .collect();
    // In their order, however many threads there were.
    let (sum, slope) = each
        .iter()
        .fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    (sum, slope, probabilities)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Examples, Labelled};

    #[test]
    fn one_pass_gives_what_its_parts_give() {
        for (count, classes, scale) in [(7, 3, 1.0), (40, 2, 30.0), (64, 33, 5.0)] {
            let labels: Vec<usize> = (0..count).map(|row| row * 5 % classes).collect();
            let draw = |scale| Tensor::randn(0.0, scale, (count, classes), &Device::Cpu).unwrap();
            let examples = Labelled {
                features: &draw(1.0),
                labels: &labels,
            };
            let examples = Examples::new(examples, classes).unwrap();
            let (logits, change) = (draw(scale), draw(1.0));
            for length in [0.0, 0.3, 40.0] {
                let got = examples.losses(&logits, &change, length).unwrap();
                let expected = examples.composed(&logits, &change, length).unwrap();
                let near =
                    |a: f64, b: f64| (a - b).abs() <= 1e-12 * count as f64 * b.abs().max(1.0);
                assert!(near(got.sum, expected.sum), "{} {}", got.sum, expected.sum);
                assert!(
                    near(got.slope, expected.slope),
                    "{} {}",
                    got.slope,
                    expected.slope
                );
                let off = (got.probabilities - expected.probabilities).unwrap();
                let off = off.abs().unwrap().max_all().unwrap();
                assert!(off.to_scalar::<f64>().unwrap() < 1e-14);
            }
        }
    }
}
