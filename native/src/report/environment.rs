//! Where and when a run was made: what somebody needs who gets other numbers.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Where and when a run was made. Holds no environment variables and no name of the
/// machine or its user, but for what the command line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Clipwright's version.
    pub version: String,
    /// The commit that was checked out when the binary was built, where it was built
    /// inside a repository.
    pub commit: Option<String>,
    /// Architecture and system the binary was built for, such as `x86_64-linux`.
    pub target: String,
    /// The operating system with its version.
    pub system: String,
    pub processor: String,
    /// Threads the processor runs at a time.
    pub threads: usize,
    /// 0 if it is not known.
    pub memory_bytes: u64,
    /// What the tensors lie on, such as `cpu` or a graphics card's name.
    pub device: String,
    /// When the run was started, in UTC, as RFC 3339 writes it.
    pub started: String,
    /// The command line as typed.
    pub command: Vec<String>,
}

impl Environment {
    /// Of this process, with the `device` that it computes on.
    pub fn here(device: impl Into<String>) -> Self {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        // A system that tells nothing of itself is no reason not to run.
        let machine = System::new_with_specifics(wanted).ok();
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        let processors = machine.as_ref().and_then(|machine| machine.cpus().first());
        let processor = processors.map(|cpu| cpu.brand().trim());
        let threads = std::thread::available_parallelism();
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("CLIPWRIGHT_COMMIT").map(String::from),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            system: known(System::long_os_version().ok()),
            processor: known(processor.filter(|name| !name.is_empty()).map(String::from)),
            threads: threads.map_or(1, usize::from),
            memory_bytes: machine.map_or(0, |machine| machine.total_memory()),
            device: device.into(),
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: std::env::args_os()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
        }
    }

    /// Names and values for people.
    pub fn lines(&self) -> Vec<(String, String)> {
        let commit = self.commit.as_ref().map(|commit| format!(" ({commit})"));
        let gibibytes = self.memory_bytes as f64 / f64::from(1 << 30);
        [
            (
                "clipwright",
                format!("{}{}", self.version, commit.unwrap_or_default()),
            ),
            ("built for", self.target.clone()),
            ("system", self.system.clone()),
            (
                "processor",
                format!("{}, {} threads", self.processor, self.threads),
            ),
            ("memory", format!("{gibibytes:.1} GiB")),
            ("device", self.device.clone()),
            ("started", self.started.clone()),
            ("command", command_line(&self.command)),
        ]
        .map(|(name, value)| (name.into(), value))
        .into()
    }
}

/// Arguments as a shell takes them: quoted where they must be.
fn command_line(arguments: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./,:=+@%".contains(c);
    let quoted = |argument: &String| match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.clone(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    };
    let quoted: Vec<String> = arguments.iter().map(quoted).collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_typed_again() {
        for (arguments, expected) in [
            (
                &["clipwright", "train", "--out=a/b"][..],
                "clipwright train --out=a/b",
            ),
            (&["x", "a photo of a"], "x 'a photo of a'"),
            (&["x", "it's", ""], r"x 'it'\''s' ''"),
            (&["x", "$(rm)", "a;b"], "x '$(rm)' 'a;b'"),
        ] {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            assert_eq!(command_line(&arguments), expected);
        }
    }
}
