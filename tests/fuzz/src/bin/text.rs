//! Fuzz target `text`.

#![no_main]

clipwright_fuzz::run!(text);
