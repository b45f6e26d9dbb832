//! The native trainer: everything around [`clipwright_shared`] that needs files,
//! a terminal, threads or a clock.
//!
//! `main` reads [`args`]; each of [`commands`] turns its arguments into a plan
//! and carries it out with [`model`] (weights), [`hub`] (models of the Hugging Face
//! Hub), [`data`] (images and splits), [`training`] (the loop) and [`run_folder`]
//! (what is left behind).

pub mod args;
pub mod commands;
pub mod data;
pub mod hub;
pub mod model;
pub mod pretrain;
pub mod problem;
pub mod progress;
pub mod run_folder;
pub mod training;
pub mod whole_file;
pub mod world;
