//! Compiles the kernels for this machine's processor, so that tests can run them.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=src/kernels");
    println!("cargo:rerun-if-changed=../shared/src/ops/cuda");
    // The golden page's program is compiled for WebAssembly, where there are none.
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        return;
    }
    let compile = |file: &str, name: &str, define: Option<&str>| {
        let mut build = cc::Build::new();
        build.file(format!("src/kernels/{file}"));
        // Products and sums round one by one, as the CPU's operations do. With few
        // optimisations, for a build script's profile is none: the tests would be slow.
        build.std("c11").opt_level(2).flag("-ffp-contract=off");
        if let Some(define) = define {
            build.define(define, None);
        }
        build.compile(name);
    };
    compile("kernels.c", "kernels_f32", None);
    compile("kernels.c", "kernels_bf16", Some("IN_BF16"));
    compile("host.c", "kernels_host", None);
}
