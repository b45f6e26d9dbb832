//! Settings of a training: as typed, as lines of a TOML file, as presets; laid over
//! each other; and resolved into a plan.
//!
//! A method's own preset is the ground; over it `--preset`, then `--config FILE`, then
//! the flags.

mod applies;
mod checks;
mod layers;
mod plan;
mod presets;
mod training_plan;
mod typed;

pub use layers::{did_you_mean, layered};
pub use plan::{Adapter, Context, LearnerPlan, Plan, Probe, Synthetic};
pub use presets::{PRESETS, Preset};
pub use training_plan::{Length, TrainingPlan};
pub use typed::{
    Augment, BlocksArg, DecayEach, EncoderArg, MethodArg, OptimizerArg, PositionArg, ProjectionArg,
    ScalingArg, ScheduleArg, Settings, Shots, WarmupArg,
};
