//! Fuzz target `learned`.

#![no_main]

clipwright_fuzz::run!(learned);
