//! L-BFGS for smooth convex functions (Nocedal and Wright 2006, Numerical
//! Optimization, algorithm 7.4): the direction of each step, and its length.
//!
//! Own code rather than a library's: it works on tensors of any device, and its
//! line search asks for the function along a line only, which the caller can
//! have far cheaper than at a new point.

use std::collections::VecDeque;

use candle_core::Tensor;

use crate::error::Result;

/// How many steps are remembered (SciPy's and scikit-learn's number).
const MEMORY: usize = 10;
/// A step must lower the value by this share of what the slope promised, and
const SUFFICIENT: f64 = 1e-3;
/// leave no more than this share of the slope (SciPy's L-BFGS-B has both numbers).
const CURVATURE: f64 = 0.9;
/// Values that differ by less than this share are the same but for rounding.
const ROUNDING: f64 = 1e-12;
const MOST_TRIALS: usize = 50;
/// How many times farther the next trial may be than one that was too short.
const FARTHER: f64 = 100.0;

/// The sum of the products of all elements; both f64 of the same shape.
pub(super) fn dot(a: &Tensor, b: &Tensor) -> Result<f64> {
    Ok((a * b)?.sum_all()?.to_scalar()?)
}

/// The last steps, and how the gradient changed over each.
#[derive(Default)]
pub(super) struct History {
    pairs: VecDeque<Pair>,
}

struct Pair {
    step: Tensor,
    change: Tensor,
    /// Their product; positive.
    curvature: f64,
}

impl History {
    /// Where to go from a point with this gradient; the gradient's shape.
    pub fn direction(&self, gradient: &Tensor) -> Result<Tensor> {
        let mut rest = gradient.neg()?;
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &rest)? / pair.curvature;
            rest = (rest - (&pair.change * share)?)?;
            shares.push(share);
        }
        if let Some(last) = self.pairs.back() {
            rest = (rest * (last.curvature / dot(&last.change, &last.change)?))?;
        }
        for (pair, share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            let back = dot(&pair.change, &rest)? / pair.curvature;
            rest = (rest + (&pair.step * (share - back))?)?;
        }
        Ok(rest)
    }

    pub fn remember(&mut self, step: Tensor, change: Tensor) -> Result<()> {
        let curvature = dot(&step, &change)?;
        // A pair without curvature is rounding, and would divide by it.
        if curvature > f64::EPSILON * dot(&change, &change)? {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair {
                step,
                change,
                curvature,
            });
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub fn forget(&mut self) {
        self.pairs.clear();
    }
}

/// The function on a line: its value and its derivative along it.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub value: f64,
    pub slope: f64,
}

/// Looks for a length that meets the strong Wolfe conditions, from `first` on;
/// `at` was last asked for that length when this is `true`. The function is
/// convex, so the slope's sign says on which side of a trial the lowest point lies.
pub(super) fn search_line(
    start: Point,
    first: f64,
    mut at: impl FnMut(f64) -> Result<Point>,
) -> Result<bool> {
    // Lengths with slopes: the two last that were too short, and one too long.
    let (mut below, mut low, mut high) = ((0.0, f64::NAN), (0.0, start.slope), None);
    let mut length = first;
    for _ in 0..MOST_TRIALS {
        let point = at(length)?;
        let promised = start.value + SUFFICIENT * length * start.slope;
        // Next to the lowest point values are all rounding and only slopes tell
        // (Hager and Zhang 2005, the approximate Wolfe conditions).
        let is_level = point.value <= start.value + ROUNDING * start.value.abs()
            && point.slope <= (2.0 * SUFFICIENT - 1.0) * start.slope;
        let is_lower = point.value <= promised || is_level;
        if !is_lower || point.slope > -CURVATURE * start.slope {
            high = Some((length, point.slope));
        } else if point.slope < CURVATURE * start.slope {
            below = low;
            low = (length, point.slope);
        } else {
            return Ok(true);
        }
        // Where the slope would be level if it changed evenly.
        length = match high {
            None => match level(below, low) {
                Some(level) => level.clamp(2.0 * low.0, FARTHER * low.0),
                None => 4.0 * low.0,
            },
            Some(end) => {
                let width = end.0 - low.0;
                let level = level(low, end).unwrap_or(low.0 + 0.5 * width);
                level.clamp(low.0 + 0.1 * width, end.0 - 0.1 * width)
            }
        };
    }
    Ok(false)
}

/// Where the line through two lengths with their slopes is 0, if it rises.
fn level(a: (f64, f64), b: (f64, f64)) -> Option<f64> {
    let rise = (b.1 - a.1) / (b.0 - a.0);
    let level = b.0 - b.1 / rise;
    (rise > 0.0 && level.is_finite()).then_some(level)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{History, Point, dot, search_line};

    #[test]
    fn lengths_meet_the_wolfe_conditions() {
        type Function = fn(f64) -> (f64, f64);
        let functions: [(&str, Function); 4] = [
            ("parabola", |x| ((x - 3.0).powi(2), 2.0 * (x - 3.0))),
            ("steep", |x| {
                ((50.0 * x).exp() - 99.0 * x, 50.0 * (50.0 * x).exp() - 99.0)
            }),
            ("flat", |x| ((x - 1e4).powi(2) / 1e9, 2.0 * (x - 1e4) / 1e9)),
            ("overflowing", |x| {
                (
                    (x * x * 300.0).exp() - x,
                    600.0 * x * (x * x * 300.0).exp() - 1.0,
                )
            }),
        ];
        for (name, function) in functions {
            for first in [1e-6, 1.0, 1e3] {
                let mut last = f64::NAN;
                let (value, slope) = function(0.0);
                let found = search_line(Point { value, slope }, first, |length| {
                    last = length;
                    let (value, slope) = function(length);
                    Ok(Point { value, slope })
                });
                assert!(found.unwrap(), "{name} from {first}");
                let (reached, rest) = function(last);
                assert!(reached < value, "{name} from {first}: {reached} at {last}");
                assert!(
                    rest.abs() <= 0.9 * slope.abs(),
                    "{name} from {first}: slope {rest}"
                );
            }
        }
    }

    #[test]
    fn a_remembered_curvature_is_inverted() {
        // On a quadratic with Hessian `diagonal`, steps along every axis tell the
        // whole inverse.
        let diagonal = [2.0, 8.0, 0.5];
        let mut history = History::default();
        for (axis, curvature) in diagonal.into_iter().enumerate() {
            let mut step = [0.0; 3];
            step[axis] = 0.7;
            let change = step.map(|x: f64| x * curvature);
            let tensor = |values| Tensor::new::<&[f64; 3]>(values, &Device::Cpu).unwrap();
            history.remember(tensor(&step), tensor(&change)).unwrap();
        }
        let gradient = Tensor::new(&[1.0, -4.0, 3.0], &Device::Cpu).unwrap();
        let direction = history.direction(&gradient).unwrap();
        let expected = Tensor::new(&[-0.5, 0.5, -6.0], &Device::Cpu).unwrap();
        let off = (direction - expected).unwrap();
        assert!(dot(&off, &off).unwrap() < 1e-24);
    }
}
