//! Fuzz target `torch_archive`.

#![no_main]

clipwright_fuzz::run!(checkpoint);
