//! The order in which a training sees its images.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The images of epoch `epoch` (counted from 0), cut into `steps` batches of `batch`; the
/// last may be smaller. Every epoch has an order of its own, named by the seed.
pub fn epoch_batches(
    images: usize,
    batch: usize,
    steps: usize,
    seed: u64,
    epoch: usize,
) -> Vec<Vec<usize>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(epoch as u64);
    let mut order: Vec<usize> = (0..images).collect();
    order.shuffle(&mut random);
    let batches = order.chunks(batch.max(1)).take(steps);
    batches.map(<[usize]>::to_vec).collect()
}

/// Steps of an epoch over `images`. Of incomplete batches with `drop_last` only those
/// behind a whole one are left out, as in Dassl.
pub fn steps_per_epoch(images: usize, batch: usize, drop_last: bool) -> usize {
    match drop_last && images >= batch {
        true => images / batch.max(1),
        false => images.div_ceil(batch.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::{epoch_batches, steps_per_epoch};

    #[test]
    fn epochs_have_orders_of_their_own_that_a_seed_repeats() {
        let batches = |seed, epoch| epoch_batches(10, 4, 3, seed, epoch);
        assert_eq!(batches(1, 0), batches(1, 0));
        assert_ne!(batches(1, 0), batches(1, 1));
        assert_ne!(batches(1, 0), batches(2, 0));
        let mut all = batches(1, 0).concat();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        let sizes = |steps| {
            epoch_batches(10, 4, steps, 1, 0)
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        assert_eq!((sizes(3), sizes(2)), (vec![4, 4, 2], vec![4, 4]));
    }

    #[test]
    fn a_lone_incomplete_batch_is_kept() {
        for (images, drop_last, steps) in
            [(10, true, 2), (10, false, 3), (3, true, 1), (4, true, 1)]
        {
            assert_eq!(
                steps_per_epoch(images, 4, drop_last),
                steps,
                "{images} {drop_last}"
            );
        }
    }
}
