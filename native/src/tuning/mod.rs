//! Test-time prompt tuning of a data set: what is planned, the loop over its images,
//! what is counted, and what is left behind.

mod grid;
mod page;
mod plan;
mod run;
mod sweep;
mod tracker;

pub use grid::{Grid, grids};
pub use plan::{Start, TunePlan, resolve};
pub use run::{Outcome, TuneRun, tune};
pub use sweep::sweep;
pub use tracker::{Sample, TuneSummary};
