//! Classes in the order of their scores.

/// How many classes a ranked prediction holds at most: as many as top-5 accuracy
/// looks at.
pub const TOP: usize = 5;

/// The labels of the [`TOP`] highest `scores`, best first. Ties go to the first
/// class, as with the reference's `argmax`.
pub fn ranked(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order.truncate(TOP);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

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
