//! Measures of a classifier.

mod metrics;

pub use metrics::{ClassMetrics, Metrics, harmonic_mean};
