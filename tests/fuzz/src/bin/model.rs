//! Fuzz target `model`.

#![no_main]

clipwright_fuzz::run!(model);
