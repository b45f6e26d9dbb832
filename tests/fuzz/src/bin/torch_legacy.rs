//! Fuzz target `torch_legacy`.

#![no_main]

clipwright_fuzz::run!(checkpoint);
