//! What to ask the Hub for next, and how the bytes that come become chunks.

use super::Plan;

/// Bytes between two wanted spans that are fetched and thrown away, since another
/// request would take longer.
const MOST_GAP: u64 = 256 << 10;

/// A range of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub file: String,
    /// Bytes of the whole file.
    pub file_bytes: u64,
    pub from: u64,
    /// Behind the last one.
    pub to: u64,
}

impl Request {
    /// The header `Range`. One closed range is what a page may ask another host for
    /// without asking for leave first.
    pub fn range(&self) -> String {
        format!("bytes={}-{}", self.from, self.to.saturating_sub(1))
    }
}

/// A run of wanted bytes: `length` ones from `from` on in the part numbered `part`.
#[derive(Debug, Clone, Copy)]
struct Run {
    row: u64,
    part: usize,
    from: u64,
    length: u64,
}

/// Bytes on their way into chunks. Survives broken connections: what is asked for
/// next begins with the byte that did not come.
#[derive(Debug, Clone)]
pub struct Stream {
    plan: Plan,
    runs: Vec<Run>,
    have: Vec<bool>,
    /// The next wanted byte of the row.
    row: u64,
    /// What is here of its chunk.
    buffer: Vec<u8>,
    /// Where the answer that is being read ends in the row.
    end: u64,
    /// The place in the file of the next byte that comes.
    at: u64,
}

impl Stream {
    /// Fetches what is not in `have`, the numbers of chunks that are here.
    pub fn new(plan: Plan, have: &[usize]) -> Self {
        let mut runs = Vec::new();
        let mut row = 0;
        for (part, spans) in plan.parts.iter().map(|part| &part.spans).enumerate() {
            for &(from, to) in spans {
                let length = to - from;
                runs.push(Run {
                    row,
                    part,
                    from,
                    length,
                });
                row += length;
            }
        }
        let mut here = vec![false; plan.chunks()];
        for &number in have {
            if let Some(here) = here.get_mut(number) {
                *here = true;
            }
        }
        let mut stream = Self {
            plan,
            runs,
            have: here,
            row: 0,
            buffer: Vec::new(),
            end: 0,
            at: 0,
        };
        stream.skip_to_missing();
        stream
    }

    /// Bytes that are here, those of the chunk in work included.
    pub fn here(&self) -> u64 {
        let chunks = self.have.iter().enumerate().filter(|(_, here)| **here);
        let lengths = chunks.map(|(number, _)| {
            let chunk = self.plan.chunk(number);
            chunk.end - chunk.start
        });
        lengths.sum::<u64>() + self.buffer.len() as u64
    }

    /// What to ask for next; nothing when all is here.
    pub fn next_request(&mut self) -> Option<Request> {
        let first = self.run_at(self.row)?;
        let run = self.runs[first];
        let from = run.from + (self.row - run.row);
        // As far as no chunk is here already, in one file and without large gaps.
        let mut end = self.row;
        while end < self.plan.bytes() && !self.have[self.chunk_of(end)] {
            end = self.plan.chunk(self.chunk_of(end)).end;
        }
        let mut last = run;
        for next in &self.runs[first + 1..] {
            let gap = next.from.saturating_sub(last.from + last.length);
            if next.part != run.part || next.row >= end || gap > MOST_GAP {
                break;
            }
            last = *next;
        }
        self.end = end.min(last.row + last.length);
        let part = &self.plan.parts[run.part];
        Some(Request {
            file: part.file.clone(),
            file_bytes: part.file_bytes,
            from,
            to: last.from + (self.end - last.row),
        })
    }

    /// An answer begins whose first byte is at the place `at` of the file.
    pub fn begin(&mut self, at: u64) {
        self.at = at;
    }

    /// Whether the answer's wanted bytes have all come.
    pub fn is_served(&self) -> bool {
        self.row >= self.end
    }

    /// Takes bytes of the answer; returns the chunks that they complete, with their
    /// numbers.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
        let mut complete = Vec::new();
        while !bytes.is_empty() && self.row < self.end {
            let Some(run) = self.run_at(self.row).map(|at| self.runs[at]) else {
                break;
            };
            let wanted = run.from + (self.row - run.row);
            if self.at < wanted {
                let skipped = (wanted - self.at).min(bytes.len() as u64);
                self.at += skipped;
                bytes = &bytes[skipped as usize..];
                continue;
            }
            let number = self.chunk_of(self.row);
            let chunk_end = self.plan.chunk(number).end;
            let end = self.end.min(chunk_end).min(run.row + run.length);
            let (taken, rest) = bytes.split_at(bytes.len().min((end - self.row) as usize));
            self.buffer.extend_from_slice(taken);
            self.row += taken.len() as u64;
            self.at += taken.len() as u64;
            bytes = rest;
            if self.row == chunk_end {
                complete.push((number, std::mem::take(&mut self.buffer)));
                self.have[number] = true;
            }
        }
        if self.is_served() && self.buffer.is_empty() {
            self.skip_to_missing();
        }
        complete
    }

    fn chunk_of(&self, row: u64) -> usize {
        (row / self.plan.chunk_bytes.max(1)) as usize
    }

    /// The run that holds a byte of the row.
    fn run_at(&self, row: u64) -> Option<usize> {
        let behind = self.runs.partition_point(|run| run.row <= row);
        let at = behind.checked_sub(1)?;
        (row < self.runs[at].row + self.runs[at].length).then_some(at)
    }

    fn skip_to_missing(&mut self) {
        let first = self.chunk_of(self.row);
        let missing = (first..self.have.len()).find(|&number| !self.have[number]);
        let missing = missing.or_else(|| self.have.iter().position(|here| !here));
        self.row = missing.map_or(self.plan.bytes(), |number| self.plan.chunk(number).start);
        self.end = self.end.min(self.row);
    }
}

/// The first byte and, where it is told, the size of the whole file, of a header
/// such as `bytes 5-9/10`.
pub fn content_range(header: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.parse().ok()?, size.parse().ok()))
}

#[cfg(test)]
mod tests;
