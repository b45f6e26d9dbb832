//! Numbers as people read them.

/// `86.4 %`, and `< 0.1 %` for what would round to nothing.
pub fn percent(probability: f32) -> String {
    let percent = probability * 100.0;
    if percent > 0.0 && percent < 0.05 {
        return "< 0.1\u{202f}%".into();
    }
    format!("{percent:.1}\u{202f}%")
}

/// `3.1 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes}\u{202f}B"),
        1_000..1_000_000 => format!("{:.0}\u{202f}kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}\u{202f}MB", bytes as f64 / 1e6),
        _ => format!("{:.2}\u{202f}GB", bytes as f64 / 1e9),
    }
}

/// `212 ms`, `3.4 s`.
pub fn duration(milliseconds: f64) -> String {
    if milliseconds < 1_000.0 {
        format!("{milliseconds:.0}\u{202f}ms")
    } else {
        format!("{:.1}\u{202f}s", milliseconds / 1_000.0)
    }
}

/// `1 class`, `20 classes`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{count, duration, percent, size};

    #[test]
    fn numbers_are_short() {
        assert_eq!(percent(0.8641), "86.4\u{202f}%");
        assert_eq!(percent(1.0), "100.0\u{202f}%");
        assert_eq!(percent(0.0004), "< 0.1\u{202f}%");
        assert_eq!(percent(0.0), "0.0\u{202f}%");
        assert_eq!(size(3_140_000), "3.1\u{202f}MB");
        assert_eq!(size(2_400), "2\u{202f}kB");
        assert_eq!(duration(212.4), "212\u{202f}ms");
        assert_eq!(duration(3_400.0), "3.4\u{202f}s");
        assert_eq!(count(1, "class", "classes"), "1 class");
        assert_eq!(count(0, "class", "classes"), "0 classes");
    }
}
