//! The native trainer: everything around [`clipwright_shared`] that needs files,
//! a terminal, threads or a clock.
//!
//! `main` reads [`args`]; each of [`commands`] carries them out. A training's
//! [`settings`] become a plan; a [`run`] draws from [`data`], goes through the loop of
//! [`training`] on a [`model`] (which may come from the [`hub`]), measures with
//! [`measure`], and leaves a folder with a [`report`]; a [`protocol`] is many runs.

pub mod args;
pub mod bench;
pub mod commands;
pub mod data;
pub mod hub;
pub mod learned;
pub mod measure;
pub mod model;
pub mod pretrain;
pub mod problem;
pub mod process;
pub mod progress;
pub mod protocol;
pub mod report;
pub mod run;
pub mod settings;
pub mod site;
pub mod synthetic;
pub mod training;
pub mod tuning;
pub mod whole_file;
pub mod world;
