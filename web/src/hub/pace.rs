//! How fast a download goes, and how long it will take.

/// Bytes by time; older times count less.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    /// Smoothed; `None` until there is something to tell.
    bytes_per_second: Option<f64>,
    /// When and at how many bytes it was last measured.
    last: Option<(f64, u64)>,
}

/// How much a second weighs against all before it.
const WEIGHT: f64 = 0.25;

/// Between two measurements pass so many milliseconds at least.
const SHORTEST: f64 = 200.0;

impl Pace {
    /// Hears that `bytes` are here at the time `now`, in milliseconds.
    pub fn hear(&mut self, now: f64, bytes: u64) {
        let Some((then, before)) = self.last else {
            self.last = Some((now, bytes));
            return;
        };
        let elapsed = now - then;
        if elapsed < SHORTEST {
            return;
        }
        let rate = bytes.saturating_sub(before) as f64 / elapsed * 1e3;
        let weight = 1.0 - (1.0 - WEIGHT).powf(elapsed / 1e3);
        self.bytes_per_second = Some(match self.bytes_per_second {
            Some(smooth) => smooth + weight * (rate - smooth),
            None => rate,
        });
        self.last = Some((now, bytes));
    }

    /// Bytes a second.
    pub fn rate(&self) -> Option<u64> {
        self.bytes_per_second.map(|rate| rate as u64)
    }

    /// Seconds that `bytes` will take.
    pub fn seconds_for(&self, bytes: u64) -> Option<f64> {
        let rate = self.bytes_per_second.filter(|&rate| rate >= 1.0)?;
        Some(bytes as f64 / rate)
    }
}

/// A time to wait, as people say it: `8 s`, `3 min`, `1 h 20 min`.
pub fn time_left(seconds: f64) -> String {
    let seconds = seconds.ceil().max(1.0) as u64;
    match seconds {
        0..60 => format!("{seconds}\u{202f}s"),
        60..3_600 => format!("{}\u{202f}min", seconds.div_ceil(60)),
        _ => {
            let minutes = seconds.div_ceil(60);
            format!("{}\u{202f}h {}\u{202f}min", minutes / 60, minutes % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, time_left};

    #[test]
    fn a_wait_is_told_in_round_numbers() {
        for (seconds, said) in [
            (0.2, "1\u{202f}s"),
            (59.0, "59\u{202f}s"),
            (61.0, "2\u{202f}min"),
            (3_000.0, "50\u{202f}min"),
            (4_790.0, "1\u{202f}h 20\u{202f}min"),
        ] {
            assert_eq!(time_left(seconds), said);
        }
    }

    #[test]
    fn a_steady_pace_is_told_as_it_is() {
        let mut pace = Pace::default();
        assert_eq!(pace.rate(), None);
        for step in 0..20 {
            pace.hear(f64::from(step) * 300.0, step as u64 * 300_000);
        }
        assert_eq!(pace.rate(), Some(1_000_000));
        assert_eq!(pace.seconds_for(5_000_000), Some(5.0));
    }

    #[test]
    fn a_change_shows_after_some_seconds_and_a_stop_has_no_end() {
        let mut pace = Pace::default();
        pace.hear(0.0, 0);
        pace.hear(1_000.0, 4_000_000);
        for second in 2..20 {
            pace.hear(
                f64::from(second) * 1_000.0,
                4_000_000 + (second as u64 - 1) * 1_000_000,
            );
        }
        let rate = pace.rate().unwrap();
        assert!((1_000_000..1_100_000).contains(&rate), "{rate}");
        for second in 20..120 {
            pace.hear(f64::from(second) * 1_000.0, 22_000_000);
        }
        assert_eq!(pace.seconds_for(1), None);
        // Times too near to each other tell nothing.
        let before = pace;
        pace.hear(119_100.0, 99_000_000);
        assert_eq!(pace, before);
    }
}
