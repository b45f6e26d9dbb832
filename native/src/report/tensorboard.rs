//! Event files that TensorBoard reads: frames of TensorFlow's record format, each
//! an `Event` of `tensorboard/compat/proto/event.proto`, written field by field:
//! the few that are needed do not pay for a protobuf compiler.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::protobuf::Message;
use crate::problem::problem;

/// An event file that grows while a run goes on.
pub struct EventFile {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl EventFile {
    /// Starts a new file in `folder`, which is made if it is missing. Files that are
    /// there stay as they are: TensorBoard reads them all, in the order of their
    /// names, as one run.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let (path, file) = new_file(folder)?;
        let writer = BufWriter::new(file);
        let mut events = Self { path, writer };
        events.event(0, |event| event.text(3, "brain.Event:2"))?;
        events.flush()?;
        Ok(events)
    }

    /// As [`EventFile::create`], for a run that goes on after an interruption at
    /// `step`: TensorBoard drops what earlier files hold of this step and later.
    pub fn resume(folder: &Path, step: u64) -> Result<Self> {
        const SESSION_START: u64 = 1;
        let mut events = Self::create(folder)?;
        events.event(step, |event| {
            event.message(7, |session| session.number(1, SESSION_START));
        })?;
        events.flush()?;
        Ok(events)
    }

    /// Where the events are written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A point of the curve `tag`.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<()> {
        self.value(step, tag, |message| message.single(2, value as f32))
    }

    /// A text, shown as Markdown.
    pub fn text(&mut self, tag: &str, text: &str) -> Result<()> {
        const STRING: u64 = 7;
        self.value(0, tag, |value| {
            value.message(9, |metadata| {
                metadata.message(1, |plugin| plugin.text(1, "text"));
            });
            value.message(8, |tensor| {
                tensor.number(1, STRING);
                tensor.message(2, |shape| shape.message(2, |dim| dim.number(1, 1)));
                tensor.text(8, text);
            });
        })
    }

    /// An image, encoded as PNG, of `width` × `height` pixels.
    pub fn image(
        &mut self,
        step: u64,
        tag: &str,
        png: &[u8],
        width: u32,
        height: u32,
    ) -> Result<()> {
        const RGB: u64 = 3;
        self.value(step, tag, |value| {
            value.message(4, |image| {
                image.number(1, u64::from(height));
                image.number(2, u64::from(width));
                image.number(3, RGB);
                image.bytes(4, png);
            });
        })
    }

    /// Writes what is buffered, so that a running TensorBoard sees it.
    pub fn flush(&mut self) -> Result<()> {
        let written = self.writer.flush();
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// One `Summary` with one `Value`.
    fn value(&mut self, step: u64, tag: &str, fields: impl FnOnce(&mut Message)) -> Result<()> {
        self.event(step, |event| {
            event.message(5, |summary| {
                summary.message(1, |value| {
                    value.text(1, tag);
                    fields(value);
                });
            });
        })
    }

    fn event(&mut self, step: u64, fields: impl FnOnce(&mut Message)) -> Result<()> {
        let mut event = Message::default();
        event.double(1, since_1970().as_secs_f64());
        event.number(2, step);
        fields(&mut event);
        let written = self.writer.write_all(&frame(event.as_bytes()));
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn since_1970() -> std::time::Duration {
    // A clock before 1970 gives no error here: events then all have time 0.
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

/// `events.out.tfevents.<seconds>.<host>`, which sorts by time; a second file
/// within the same second gets a number.
fn new_file(folder: &Path) -> Result<(PathBuf, File)> {
    const MOST_IN_ONE_SECOND: usize = 1000;
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let host = sysinfo::System::host_name().unwrap_or_default();
    let host: String = host.chars().filter(plain).take(64).collect();
    let host = if host.is_empty() { "local" } else { &host };
    let name = format!("events.out.tfevents.{}.{host}", since_1970().as_secs());
    for number in 0..MOST_IN_ONE_SECOND {
        let path = match number {
            0 => folder.join(&name),
            _ => folder.join(format!("{name}.{number:03}")),
        };
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot write {}", path.display()));
            }
        }
    }
    Err(problem(
        format!(
            "{} has {MOST_IN_ONE_SECOND} event files of this second; expected fewer",
            folder.display()
        ),
        "is something starting runs in a loop? Choose another --out",
    ))
}

/// Length, its checksum, the data, its checksum
/// (`tensorflow/core/lib/io/record_writer.cc`).
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut frame = Vec::with_capacity(data.len() + 16);
    frame.extend(length);
    frame.extend(masked_checksum(&length).to_le_bytes());
    frame.extend(data);
    frame.extend(masked_checksum(data).to_le_bytes());
    frame
}

/// CRC-32C, rotated and shifted so that checksums of data that hold checksums stay
/// good ones (`tensorflow/core/lib/hash/crc32c.h`).
fn masked_checksum(data: &[u8]) -> u32 {
    const MASK: u32 = 0xa282_ead8;
    crc32c::crc32c(data).rotate_right(15).wrapping_add(MASK)
}
