//! The worker's side for browsers that know relaxed SIMD: the same, with faster products.

fn main() {
    console_error_panic_hook::set_once();
    #[cfg(target_arch = "wasm32")]
    clipwright_shared::ops::use_relaxed_simd();
    clipwright_web::worker::run();
}
