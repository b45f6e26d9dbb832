//! Fuzz target `torch_script`.

#![no_main]

clipwright_fuzz::run!(torch_script);
