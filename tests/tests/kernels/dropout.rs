//! Values that are set to zero at random.

use anyhow::Result;
use clipwright_shared::ops;
use clipwright_shared::ops::cuda::Dropout;
use clipwright_tests::kernels::{Memory, run};

use crate::{TYPES, near, numbers, tensor};

/// The draws are the CPU's, one for each value, whatever the seed, the stream and the rate;
/// a key that lies in memory goes before the kernel's own.
#[test]
fn what_is_dropped_is_what_the_cpu_drops() -> Result<()> {
    for (of, share) in TYPES {
        for (rows, width, rate) in [(1, 1, 0.5), (3, 7, 0.25), (70, 33, 0.1), (9, 64, 0.0)] {
            let count = rows * width;
            let mut x = Memory::of(of, &numbers(count, 1));
            for (seed, stream) in [(1, 0), (u64::MAX - 5, u64::from(u32::MAX) + 9)] {
                let dropout = ops::Dropout {
                    rate,
                    seed,
                    stream,
                    key: None,
                };
                let expected = dropout.forward(&tensor(&x, &[rows, width])?)?;
                let key = ops::Dropout::key_of(seed);
                let other = ops::Dropout::key_of(seed - 1);
                for (told, own) in [(None, key), (Some(key), other)] {
                    let mut y = Memory::room(of, count);
                    let kernel = Dropout {
                        x: x.address(),
                        y: y.address(),
                        told: told.as_ref().map_or(0, |key| key.as_ptr().addr() as u64),
                        count: count as u64,
                        stream,
                        bound: dropout.bound(),
                        key: own,
                        factor: dropout.factor(),
                    };
                    // SAFETY: both are of `count` values, and a key that is told is there.
                    unsafe { run(kernel, of) };
                    let what = format!("{of:?} [{rows}, {width}], seed {seed}");
                    near(&what, &y, &expected, share)?;
                }
            }
        }
    }
    Ok(())
}
