//! What is recorded once and replayed, what cannot be, and functions replayed by shape.

use std::cell::{Cell, RefCell};

use anyhow::{Result, ensure};
use candle_core::Tensor;
use clipwright_shared::ops::Replayed;
use clipwright_shared::ops::cuda::device::{Recording, warmed_up};

use crate::{alone, gpu, near, values};

#[test]
fn a_replay_reads_what_lies_there_now() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let x = values(&[4, 6], 1)?.to_device(&gpu)?;
    let result = x.zeros_like()?;
    let work = || result.slice_set(&(x.t()? + 1.0)?.t()?.contiguous()?, 0, 0);
    warmed_up(&gpu, work)??;
    let recording = Recording::of(&gpu, work)?;
    ensure!(recording.tally().kernels > 0, "{:?}", recording.tally());
    for turn in 2..5 {
        x.slice_set(&values(&[4, 6], turn)?.to_device(&gpu)?, 0, 0)?;
        recording.replay()?;
        near("a replay", &result, &(values(&[4, 6], turn)? + 1.0)?, 1e-6)?;
    }
    Ok(())
}

#[test]
fn what_cannot_be_replayed_is_refused_and_the_device_goes_on() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let x = values(&[4, 6], 1)?.to_device(&gpu)?;
    let kept = RefCell::new(None);
    let older = RefCell::new(Some(x.copy()?));
    let reads_back = || (&x + 1.0)?.to_vec2::<f32>().map(|_| ());
    let sends = || {
        let many = Tensor::new(vec![1f32; 5000], &gpu)?;
        (many + 1.0).map(|_| ())
    };
    let keeps = || {
        *kept.borrow_mut() = Some((&x + 1.0)?);
        Ok(())
    };
    let drops = || {
        older.take();
        (&x + 1.0).map(|_| ())
    };
    let does_nothing = || Ok(());
    let fails = || {
        let _sum = (&x + 1.0)?;
        candle_core::bail!("as it is meant to")
    };
    warmed_up(&gpu, || (&x + 1.0)?.to_vec2::<f32>())??;
    let works: [(&str, &dyn Fn() -> candle_core::Result<()>); 6] = [
        ("reads back", &reads_back),
        ("sends", &sends),
        ("keeps a tensor", &keeps),
        ("drops an older one", &drops),
        ("does nothing", &does_nothing),
        ("fails", &fails),
    ];
    for (what, work) in works {
        let refused = Recording::of(&gpu, work);
        ensure!(refused.is_err(), "what {what} is recorded");
        // The driver does not know this memory any more, and says so once.
        kept.take();
        let _ = gpu.synchronize();
        near(what, &(&x * 2.0)?, &(values(&[4, 6], 1)? * 2.0)?, 1e-6)?;
    }
    Ok(())
}

/// The third call of a shape, and all behind it, are replays.
#[test]
fn a_function_is_replayed_for_each_of_two_shapes() -> Result<()> {
    let _alone = alone();
    let gpu = gpu()?;
    let (replayed, calls) = (Replayed::new(true), Cell::new(0));
    for turn in 0..5 {
        // The last of them comes too late to be recorded.
        for (at, rows) in [4, 7, 2].into_iter().enumerate() {
            let x = values(&[rows, 6], turn)?;
            calls.set(0);
            let y = replayed.call(&x.to_device(&gpu)?, |x| {
                calls.set(calls.get() + 1);
                x.sqr()?.sum_keepdim(1)
            })?;
            near("a call", &y, &x.sqr()?.sum_keepdim(1)?, 1e-5)?;
            let expected = if turn < 2 || at == 2 { 1 } else { 0 };
            ensure!(calls.get() == expected, "turn {turn}, {rows} rows");
        }
    }
    Ok(())
}
