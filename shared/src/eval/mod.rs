//! Measures of a classifier.

mod confusion;
mod metrics;
mod ranking;
mod summary;
mod synthetic;

pub use confusion::{ConfusedPair, ConfusionMatrix};
pub use metrics::{ClassMetrics, Metrics, harmonic_mean};
pub use ranking::{TOP, highest_first, lowest_first, ranked};
pub use summary::Summary;
pub use synthetic::{F1_THRESHOLD, synthetic_images_per_class};
