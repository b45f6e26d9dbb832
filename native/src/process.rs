//! What the process settles for itself before anything else.

/// A reader that has gone away, such as `head`, is no failure: `println!` panics then.
pub fn end_quietly_without_a_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.to_string().contains("Broken pipe") {
            std::process::exit(0);
        }
        usual(panic);
    }));
}

/// candle has a pool of threads of its own for its smallest operations, beside rayon's for
/// everything else. They wait by spinning, and take the cores from those that have work.
pub fn keep_to_one_pool() {
    const THREADS: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(THREADS).is_none() {
        // SAFETY: there is no other thread yet that could look at the environment.
        unsafe { std::env::set_var(THREADS, "1") };
    }
}

/// Every operation takes memory for its result and gives it back soon. The allocator would
/// give large pieces back to the system each time and ask for them again, cleared page by
/// page: more than half the time of a LoRA's step.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_memory() {
    const SETTINGS: [(libc::c_int, libc::c_int); 3] = [
        // No piece is so large that it comes from the system by itself.
        (libc::M_MMAP_THRESHOLD, libc::c_int::MAX),
        // What is free at the end stays.
        (libc::M_TRIM_THRESHOLD, -1),
        // What is asked for comes in pieces of so many bytes.
        (libc::M_TOP_PAD, 64 << 20),
    ];
    for (setting, value) in SETTINGS {
        // SAFETY: the allocator reads these at its next call; a setting that it refuses
        // leaves it as it was.
        unsafe { libc::mallopt(setting, value) };
    }
}

/// Other allocators keep what they got, or cannot be told to.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_memory() {}
