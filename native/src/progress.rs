//! Progress on standard error; nothing where that is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Steps done and time left.
pub fn steps_bar(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    set_style(&bar, "{bar:24} {pos}/{len}  {msg}  {eta} left");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Bytes done and time left.
pub fn bytes_bar(bytes: u64, message: &str) -> ProgressBar {
    let bar = ProgressBar::new(bytes).with_message(message.to_string());
    let template = "{msg}  {bar:24} {decimal_bytes}/{decimal_total_bytes}  {eta} left";
    set_style(&bar, template);
    bar
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}
