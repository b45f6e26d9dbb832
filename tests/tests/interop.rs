//! What other programs learned: read to the numbers of their own references, written
//! so that it reads back to the bit, and refused with a reason where it is damaged or
//! something else.

#[path = "interop/commands.rs"]
mod commands;
#[path = "interop/explained.rs"]
mod explained;
#[path = "interop/golden.rs"]
mod golden;
#[path = "interop/made.rs"]
mod made;
#[path = "interop/refused.rs"]
mod refused;
#[path = "interop/round_trip.rs"]
mod round_trip;
