//! How many synthetic images each class needs (DISEF's selection).

use super::Metrics;

/// Classes whose F1 on the validation images lies below this get synthetic images.
pub const F1_THRESHOLD: f64 = 0.70;

/// Synthetic images for each class, in label order: `most` where F1 lies below
/// `threshold`, else none. A class without images has an F1 of 0 (scikit-learn's
/// `zero_division=0`), so it gets `most`.
pub fn synthetic_images_per_class(metrics: &Metrics, threshold: f64, most: usize) -> Vec<usize> {
    let wanted = |f1: f64| if f1 < threshold { most } else { 0 };
    let classes = metrics.per_class.iter();
    classes.map(|class| wanted(class.f1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_and_absent_classes_get_images() {
        let names = ["strong", "weak", "absent"].map(String::from);
        // F1: 2·3/(4+3), 2·1/(1+2), none.
        let metrics = Metrics::new(&names, &[0, 0, 0, 0, 1], &[0, 0, 0, 1, 1]).unwrap();
        let wanted = |threshold| synthetic_images_per_class(&metrics, threshold, 32);
        assert_eq!(wanted(F1_THRESHOLD), [0, 32, 32]);
        assert_eq!(wanted(0.0), [0, 0, 0]);
        assert_eq!(
            wanted(2.0 / 3.0),
            [0, 0, 32],
            "the threshold itself is enough"
        );
    }
}
