//! The page: a Yew app that renders, and a Web Worker that computes.
//!
//! ```text
//! a person ─ components ─ actions ─ state (pure reducer) ─ the next task
//!                ↑                        ↑                    ↓ hooks
//!                └──── state ─────── events ←──── worker (engine, shared::Session)
//! ```
//!
//! Components only render. The reducer alone decides, and runs anywhere. Hooks
//! touch the browser. The worker does all that takes time, one task after
//! another, so that the page never freezes.

pub mod components;
pub mod engine;
pub mod envelope;
pub mod export;
pub mod format;
pub mod hooks;
pub mod hub;
pub mod pile;
pub mod presets;
pub mod prompt;
pub mod share;
pub mod sniff;
pub mod state;
pub mod worker;
