//! Things in the order of numbers that they have: classes of their scores.

/// How many classes a ranked prediction holds at most: as many as top-5 accuracy
/// looks at.
pub const TOP: usize = 5;

/// The labels of the [`TOP`] highest `scores`, best first. Ties go to the first
/// class, as with the reference's `argmax`.
pub fn ranked(scores: &[f32]) -> Vec<usize> {
    let mut order = highest_first(scores.iter().copied());
    order.truncate(TOP);
    order
}

/// The places of `values`, the highest first; of equal ones the earlier comes first.
pub fn highest_first(values: impl IntoIterator<Item: Into<f64>>) -> Vec<usize> {
    lowest_first(values.into_iter().map(|value| -value.into()))
}

/// The places of `values`, the lowest first; of equal ones the earlier comes first.
pub fn lowest_first(values: impl IntoIterator<Item: Into<f64>>) -> Vec<usize> {
    order(&values.into_iter().map(Into::into).collect::<Vec<f64>>())
}

/// One body for whatever is ordered: sorting is long, and the page pays for each.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers_have_a_place_too() {
        let values = [0.0, f64::NAN, -1.0, f64::INFINITY, -0.0, f64::NEG_INFINITY];
        assert_eq!(lowest_first(values), [5, 2, 4, 0, 3, 1]);
        assert_eq!(highest_first(values), [1, 3, 0, 4, 2, 5]);
    }

    #[test]
    fn best_first_and_ties_to_the_first() {
        for (scores, expected) in [
            (&[0.1, 0.5, 0.5, -1.0][..], &[1, 2, 0, 3][..]),
            (&[0.0; 8], &[0, 1, 2, 3, 4]),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[5, 4, 3, 2, 1]),
            (&[], &[]),
        ] {
            assert_eq!(ranked(scores), expected);
        }
    }
}
