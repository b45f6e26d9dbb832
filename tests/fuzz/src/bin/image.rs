//! Fuzz target `image`.

#![no_main]

clipwright_fuzz::run!(image);
