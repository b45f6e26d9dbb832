//! Fuzz target `torch_pickle`.

#![no_main]

clipwright_fuzz::run!(torch_pickle);
