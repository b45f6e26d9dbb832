//! Fuzz target `safetensors`.

#![no_main]

clipwright_fuzz::run!(checkpoint);
