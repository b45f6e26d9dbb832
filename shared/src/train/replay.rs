//! Steps on a GPU: the first of a shape is made plainly, the second recorded, and replayed
//! for all others. What is another in each step is written where the recording reads it.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};
use tracing::{debug, trace_span, warn};

use super::steps::Batch;
use super::targets::Answered;
use super::{Optimizer, StepReport, Targets, check_loss, update};
use crate::error::Result;
use crate::ops::cuda::device::{Recording, overwrite, warmed_up};

/// Shapes whose steps are recorded: that of most batches, and of those that end an epoch.
const MOST: usize = 2;

/// Steps that are made once and replayed.
pub(super) struct Replay {
    is_on: bool,
    recorded: Vec<Recorded>,
    /// Batches of the shapes that have come once.
    seen: Vec<(Tensor, Targets)>,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            is_on: true,
            recorded: Vec::new(),
            seen: Vec::new(),
        }
    }
}

impl Replay {
    /// A step on a batch, replayed if one of its shape is recorded. As of `Steps::step`.
    pub fn step(
        &mut self,
        optimizer: &mut Optimizer,
        batch: Batch<'_>,
        lr: f64,
        answer: impl Fn(&Tensor, &Targets, Option<&Tensor>) -> Result<(Answered, GradStore)>,
    ) -> Result<StepReport> {
        if let Some(recorded) = self.recorded.iter().find(|it| it.takes(batch)) {
            return recorded.replay(optimizer, batch, lr);
        }
        if let Some(recorded) = self.record(optimizer, batch, &answer) {
            return recorded.replay(optimizer, batch, lr);
        }
        let Batch { input, targets, .. } = batch;
        if !self.is_on {
            return update(optimizer, answer(input, targets, None)?, lr);
        }
        if self.seen.len() < MOST && !self.comes_again(batch) {
            self.seen.push((input.clone(), targets.clone()));
        }
        warmed_up(input.device(), || {
            update(optimizer, answer(input, targets, None)?, lr)
        })?
    }

    fn comes_again(&self, batch: Batch<'_>) -> bool {
        let mut seen = self.seen.iter();
        seen.any(|(input, targets)| are_alike(input, targets, batch))
    }

    /// Records a step on a batch of a shape that has come before, if that is possible. If it
    /// is not, nothing has changed, and no other is tried.
    fn record(
        &mut self,
        optimizer: &Optimizer,
        batch: Batch<'_>,
        answer: impl Fn(&Tensor, &Targets, Option<&Tensor>) -> Result<(Answered, GradStore)>,
    ) -> Option<&Recorded> {
        if !self.is_on || self.recorded.len() == MOST || !self.comes_again(batch) {
            return None;
        }
        match Recorded::new(optimizer, batch, answer) {
            Ok(recorded) => {
                debug!(tally = ?recorded.recording.tally(), "a step is recorded");
                self.recorded.push(recorded);
                self.recorded.last()
            }
            Err(error) => {
                warn!(%error, "steps are not recorded; they go on as they did");
                self.start_over(false);
                None
            }
        }
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Forgets what was recorded; whether steps are recorded from now on.
    pub fn start_over(&mut self, is_on: bool) {
        *self = Self {
            is_on,
            ..Self::default()
        };
    }
}

/// Whether the same work is done for both.
fn are_alike(input: &Tensor, targets: &Targets, batch: Batch<'_>) -> bool {
    let form = |of: &Tensor| (of.shape().clone(), of.dtype());
    form(input) == form(batch.input) && targets.are_like(batch.targets)
}

/// A step, and where it reads what is another each time. All of it lies where it lay when
/// the step was recorded.
struct Recorded {
    recording: Recording,
    input: Tensor,
    targets: Targets,
    /// `[keys, 8]`, if it draws any numbers.
    keys: Option<Tensor>,
    /// As of `Optimizer::next_rates`.
    rates: Tensor,
    /// Loss and hits: `[2]`.
    report: Tensor,
}

impl Recorded {
    /// Records a step on a batch of this shape, without making it.
    fn new(
        optimizer: &Optimizer,
        batch: Batch<'_>,
        answer: impl Fn(&Tensor, &Targets, Option<&Tensor>) -> Result<(Answered, GradStore)>,
    ) -> Result<Self> {
        let device: &Device = batch.input.device();
        let input = batch.input.force_contiguous()?.detach();
        let targets = batch.targets.copied()?;
        let keys = match batch.keys {
            [] => None,
            keys => Some(Tensor::from_slice(
                keys.as_flattened(),
                (keys.len(), 8),
                device,
            )?),
        };
        let rates = Tensor::new(optimizer.next_rates(0.0), device)?;
        let report = Tensor::zeros(2, DType::F32, device)?;
        let recording = Recording::of(device, || {
            let (answered, gradients) = answer(&input, &targets, keys.as_ref())?;
            let Answered { loss, hits } = answered.detached();
            drop(answered);
            optimizer.tell_step(&gradients, &rates, &loss)?;
            report.slice_set(&loss.reshape(1)?, 0, 0)?;
            report.slice_set(&hits.reshape(1)?, 0, 1)?;
            Ok::<_, crate::Error>(())
        })?;
        Ok(Self {
            recording,
            input,
            targets,
            keys,
            rates,
            report,
        })
    }

    fn takes(&self, batch: Batch<'_>) -> bool {
        are_alike(&self.input, &self.targets, batch)
    }

    /// The step on another batch.
    fn replay(&self, optimizer: &mut Optimizer, batch: Batch<'_>, lr: f64) -> Result<StepReport> {
        let _span = trace_span!("replay").entered();
        let input = batch.input.contiguous()?.detach();
        self.input.slice_set(&input, 0, 0)?;
        self.targets.overwrite(batch.targets)?;
        if let Some(keys) = &self.keys {
            overwrite(keys, batch.keys.as_flattened())?;
        }
        overwrite(&self.rates, &optimizer.next_rates(lr))?;
        self.recording.replay()?;
        optimizer.stepped();
        let report: Vec<f32> = self.report.to_vec1()?;
        check_loss(report[0])?;
        Ok(StepReport {
            loss: report[0],
            correct: report[1] as usize,
        })
    }
}
