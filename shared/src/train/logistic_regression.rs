//! Multinomial logistic regression, the linear probe's fit, as scikit-learn's
//! `LogisticRegression(solver="lbfgs", penalty="l2")` has it and
//! KaiyangZhou/CoOp `lpclip/linear_probe.py` uses it. In f64 throughout.

use candle_core::{D, DType, Tensor};

use super::labelled::{Examples, Labelled, Losses};
use super::lbfgs::{History, Point, dot, search_line};
use crate::error::{Error, Result};

/// Minimises `C · Σ log-loss + ½ ‖W‖²` over weights `W` and free biases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticRegression {
    /// How much the examples count against the penalty: the inverse of its strength.
    pub c: f64,
    pub max_iterations: usize,
    /// It has converged when no element of the gradient of the objective, divided
    /// by `C` and the number of examples, is larger.
    pub tolerance: f64,
}

impl Default for LogisticRegression {
    /// scikit-learn's, with CoOp's number of iterations.
    fn default() -> Self {
        Self {
            c: 1.0,
            max_iterations: 1000,
            tolerance: 1e-4,
        }
    }
}

/// It has also converged when a step lowers the objective by less than this share
/// (scikit-learn's `ftol`).
const LEAST_GAIN: f64 = 64.0 * f64::EPSILON;

/// What a regression found.
#[derive(Debug, Clone)]
pub struct Fit {
    pub weight: Tensor, // [n_classes, embed_dim], f32
    pub bias: Tensor,   // [n_classes], f32
    pub iterations: usize,
    /// Whether it is the minimum to the tolerance; otherwise iterations ran out.
    pub converged: bool,
}

impl Fit {
    /// Log-odds of the classes, up to a number of each row's own:
    /// `features [N, embed_dim]` → `[N, n_classes]` (f64).
    pub fn logits(&self, features: &Tensor) -> Result<Tensor> {
        let weight = self.weight.to_dtype(DType::F64)?;
        let product = features.to_dtype(DType::F64)?.matmul(&weight.t()?)?;
        Ok(product.broadcast_add(&self.bias.to_dtype(DType::F64)?)?)
    }

    /// The most likely class of each row of `features [N, embed_dim]`; of equals the
    /// first.
    pub fn predict(&self, features: &Tensor) -> Result<Vec<usize>> {
        let best = self.logits(features)?.argmax(D::Minus1)?.to_vec1::<u32>()?;
        Ok(best.into_iter().map(|class| class as usize).collect())
    }
}

impl LogisticRegression {
    /// Fits `features [N, embed_dim]` (of any float type, on any device) to `labels`
    /// below `n_classes`, from zero.
    ///
    /// # Errors
    /// [`Error::TensorShape`] if there is not one label a row,
    /// [`Error::NotFinite`] if features are not numbers, [`Error::Setting`] for
    /// fewer than two classes, a label that is none, a class without any example
    /// (its bias has no minimum), and settings that make no sense.
    pub fn fit(&self, features: &Tensor, labels: &[usize], n_classes: usize) -> Result<Fit> {
        self.fit_to(&Examples::new(Labelled { features, labels }, n_classes)?)
    }

    pub(super) fn fit_to(&self, examples: &Examples) -> Result<Fit> {
        self.check()?;
        let count = examples.count()? as f64;
        // Two classes are one weight vector w to scikit-learn; here they are its
        // halves -w/2 and w/2, whose squares sum to half of w's.
        let halves = if examples.n_classes() == 2 { 2.0 } else { 1.0 };
        let penalty = examples.penalty(halves / (self.c * count))?; // [1, d + 1]

        let mut parameters = examples.zeros()?; // [K, d + 1]
        let mut logits = examples.logits(&parameters)?; // [N, K]
        let mut here = examples.losses(&logits, &logits, 0.0)?;
        let mut value = here.sum / count;
        let gradient = |here: &Losses, parameters: &Tensor| -> Result<Tensor> {
            let likelihood = (examples.gradient(here)? / count)?;
            Ok((likelihood + parameters.broadcast_mul(&penalty)?)?)
        };
        let mut slope = gradient(&here, &parameters)?;
        let mut history = History::default();
        let mut iterations = 0;
        let mut converged = largest(&slope)? <= self.tolerance;
        while !converged && iterations < self.max_iterations {
            let mut direction = history.direction(&slope)?;
            let mut along = dot(&slope, &direction)?;
            if along >= 0.0 {
                history.forget();
                direction = slope.neg()?;
                along = dot(&slope, &direction)?;
            }
            // Logits are linear in the parameters, so that a whole line costs one
            // product with the features, and so does its end.
            let change = examples.logits(&direction)?;
            let weighed = direction.broadcast_mul(&penalty)?;
            let (linear, square) = (dot(&weighed, &parameters)?, dot(&weighed, &direction)?);
            let constant = value - here.sum / count;

            let first = match history.is_empty() {
                true => (1.0 / dot(&direction, &direction)?.sqrt()).min(1.0),
                false => 1.0,
            };
            let start = Point {
                value,
                slope: along,
            };
            let mut reached = None;
            let found = search_line(start, first, |length| {
                let losses = examples.losses(&logits, &change, length)?;
                let point = Point {
                    value: losses.sum / count
                        + constant
                        + length * (linear + 0.5 * length * square),
                    slope: losses.slope / count + linear + length * square,
                };
                reached = Some((length, point.value, losses));
                Ok(point)
            })?;
            let Some((length, reached_value, losses)) = reached else {
                break;
            };
            if !found {
                // Rounding spoiled the direction: once more from the gradient alone.
                if history.is_empty() {
                    break;
                }
                history.forget();
                continue;
            }
            logits = (logits + (change * length)?)?;
            let step = (direction * length)?;
            parameters = (parameters + &step)?;
            let new_slope = gradient(&losses, &parameters)?;
            history.remember(step, (&new_slope - &slope)?)?;
            let gain = (value - reached_value) / value.abs().max(reached_value.abs()).max(1.0);
            (slope, here, value) = (new_slope, losses, reached_value);
            iterations += 1;
            converged = largest(&slope)? <= self.tolerance || gain <= LEAST_GAIN;
        }
        let width = examples.width()?;
        let parameters = parameters.to_dtype(DType::F32)?;
        Ok(Fit {
            weight: parameters.narrow(1, 0, width)?.contiguous()?,
            bias: parameters.narrow(1, width, 1)?.flatten_all()?,
            iterations,
            converged,
        })
    }

    fn check(&self) -> Result<()> {
        if !(self.c.is_finite() && self.c > 0.0) {
            return Err(Error::setting("C", self.c, "a number above 0"));
        }
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            let expected = "a number from 0 upwards";
            return Err(Error::setting("the tolerance", self.tolerance, expected));
        }
        if self.max_iterations == 0 {
            return Err(Error::setting(
                "the largest number of iterations",
                0,
                "at least 1",
            ));
        }
        Ok(())
    }
}

/// The largest absolute value.
fn largest(x: &Tensor) -> Result<f64> {
    Ok(x.abs()?.max_all()?.to_scalar()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::LogisticRegression;

    fn tensor<const N: usize>(rows: &[[f32; 2]; N]) -> Tensor {
        Tensor::new(rows, &Device::Cpu).unwrap()
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let usual = LogisticRegression::default();
        let features = tensor(&[[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]);
        let holes = tensor(&[[0.0, f32::NAN], [f32::INFINITY, 0.0], [2.0, 2.0]]);
        let cases = [
            (
                usual,
                &features,
                vec![0, 1, 2],
                2,
                "a label is 2; expected below the number of classes, 2",
            ),
            (
                usual,
                &features,
                vec![0, 0, 0],
                1,
                "the number of classes is 1",
            ),
            (
                usual,
                &features,
                vec![0, 2, 2],
                3,
                "training images of class 1 is 0",
            ),
            (
                usual,
                &features,
                vec![0, 1],
                2,
                "shape [3, 2]; expected [2, 2]",
            ),
            (
                usual,
                &holes,
                vec![0, 1, 1],
                2,
                "`features` holds 2 values that are not finite",
            ),
            (
                LogisticRegression { c: 0.0, ..usual },
                &features,
                vec![0, 1, 1],
                2,
                "C is 0",
            ),
            (
                LogisticRegression {
                    c: f64::NAN,
                    ..usual
                },
                &features,
                vec![0, 1, 1],
                2,
                "C is NaN",
            ),
            (
                LogisticRegression {
                    tolerance: -1.0,
                    ..usual
                },
                &features,
                vec![0, 1, 1],
                2,
                "tolerance is -1",
            ),
            (
                LogisticRegression {
                    max_iterations: 0,
                    ..usual
                },
                &features,
                vec![0, 1, 1],
                2,
                "iterations is 0",
            ),
        ];
        for (regression, features, labels, n_classes, expected) in cases {
            let error = regression.fit(features, &labels, n_classes).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn the_same_numbers_give_the_same_fit() {
        // Of any float type, in any layout; and a cut short fit says so.
        let features = tensor(&[[0.5, 1.0], [1.0, -0.25], [2.0, 2.0], [-1.0, 0.75]]);
        let labels = [0, 1, 1, 0];
        let usual = LogisticRegression::default();
        let expected = usual.fit(&features, &labels, 2).unwrap();
        let turned = features.t().unwrap().contiguous().unwrap().t().unwrap();
        let other_types = [DType::F64, DType::BF16, DType::F16];
        let others = other_types.map(|dtype| features.to_dtype(dtype).unwrap());
        for other in others.iter().chain([&turned]) {
            let fit = usual.fit(other, &labels, 2).unwrap();
            let values = |fit: &super::Fit| fit.weight.to_vec2::<f32>().unwrap();
            assert_eq!(values(&fit), values(&expected), "{other:?}");
        }
        assert!(expected.converged && expected.iterations > 1);
        let short = LogisticRegression {
            max_iterations: 1,
            ..usual
        };
        let short = short.fit(&features, &labels, 2).unwrap();
        assert!(!short.converged && short.iterations == 1);
    }
}
