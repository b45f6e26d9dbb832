//! Fuzz targets for everything that reads bytes or texts from outside.

pub mod targets;

/// A fuzz target's `main`: libFuzzer calls the target with one input after another.
#[macro_export]
macro_rules! run {
    ($target:ident) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            $crate::targets::$target(bytes)
        });
    };
}
