//! One figure over several seeds.

use serde::{Deserialize, Serialize};

/// Mean and deviation of one measure over several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub mean: f64,
    /// The population's standard deviation (divided by n, not by n − 1), as numpy's
    /// `std` and so CoOp's `parse_test_res.py` have it; 0 for a single run.
    pub deviation: f64,
    /// Number of runs.
    pub count: usize,
}

impl Summary {
    /// Over `values`; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean_of = |sum: f64| sum / count as f64;
        let mean = mean_of(values.iter().sum());
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum();
        (count > 0).then(|| Self {
            mean,
            deviation: mean_of(squares).sqrt(),
            count,
        })
    }

    /// Of a figure known without its runs, such as a published one.
    pub fn single(mean: f64) -> Self {
        Self {
            mean,
            deviation: 0.0,
            count: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_numpy() {
        // numpy.mean and numpy.std of the same lists.
        for (values, mean, deviation) in [
            (&[80.5, 82.0, 81.1][..], 81.2, 0.616_441_400_296_897_4),
            (&[1.0, 2.0, 3.0, 4.0], 2.5, 1.118_033_988_749_895),
            (&[0.7], 0.7, 0.0),
        ] {
            let summary = Summary::of(values).unwrap();
            assert_eq!(summary.count, values.len());
            assert!((summary.mean - mean).abs() < 1e-12, "{summary:?}");
            assert!((summary.deviation - deviation).abs() < 1e-12, "{summary:?}");
        }
        assert_eq!(Summary::of(&[]), None);
    }
}
