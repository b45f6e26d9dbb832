//! What is kept of a model on this device: a record that tells all but the bytes,
//! and the chunks beside it.

use clipwright_shared::clip::Configuration;
use serde::{Deserialize, Serialize};

use super::{Plan, Repository};

/// Goes up when records or chunks are kept in another way; others are not read.
const VERSION: u32 = 1;

/// The folder of all models, in addresses of this page's own host that nothing is
/// served at.
const FOLDER: &str = "hub-models/";

const RECORD: &str = "record.json";

/// A model as it is fetched and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    pub repository: Repository,
    pub commit: String,
    pub plan: Plan,
    /// Names and texts.
    configurations: Vec<(String, String)>,
}

impl Record {
    pub fn new(
        repository: Repository,
        commit: String,
        plan: Plan,
        configurations: &[Configuration],
    ) -> Self {
        let configurations = configurations.iter();
        Self {
            version: VERSION,
            repository,
            commit,
            plan,
            configurations: configurations
                .map(|file| (file.name.clone(), file.json.clone()))
                .collect(),
        }
    }

    /// Reads a record; `None` if it is none of this version.
    pub fn read(json: &str) -> Option<Self> {
        let record: Self = serde_json::from_str(json).ok()?;
        let sound = record.version == VERSION && record.plan.chunk_bytes > 0;
        sound.then_some(record)
    }

    pub fn to_json(&self) -> String {
        // Plain texts and numbers always have a JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Names the model on this device: repository and commit.
    pub fn key(&self) -> String {
        format!("{}/{}", self.repository.name, self.commit)
    }

    /// Configuration files: names and texts.
    pub fn configurations(&self) -> &[(String, String)] {
        &self.configurations
    }

    /// Where the record is kept.
    pub fn path(&self) -> String {
        format!("{}{RECORD}", folder_of(&self.key()))
    }

    /// Where a chunk is kept.
    pub fn chunk_path(&self, number: usize) -> String {
        format!("{}{number}", folder_of(&self.key()))
    }

    /// The chunks of `paths`, which are all that is kept.
    pub fn chunks_in(&self, paths: &[String]) -> Vec<usize> {
        let folder = folder_of(&self.key());
        let numbers = paths
            .iter()
            .filter_map(|path| path.strip_prefix(&folder)?.parse().ok());
        numbers
            .filter(|&number| number < self.plan.chunks())
            .collect()
    }
}

/// Where all of a model is kept.
pub fn folder_of(key: &str) -> String {
    format!("{FOLDER}{key}/")
}

/// Whether a path is that of a record.
pub fn is_record(path: &str) -> bool {
    path.starts_with(FOLDER) && path.ends_with(&format!("/{RECORD}"))
}

/// A model on this device, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDevice {
    pub record: Record,
    /// Bytes of its chunks that are here.
    pub here: u64,
}

impl OnDevice {
    /// A model with the paths of all that is kept.
    pub fn new(record: Record, paths: &[String]) -> Self {
        let lengths = record.chunks_in(paths).into_iter().map(|number| {
            let chunk = record.plan.chunk(number);
            chunk.end - chunk.start
        });
        let here = lengths.sum();
        Self { record, here }
    }

    pub fn is_whole(&self) -> bool {
        self.here == self.record.plan.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{OnDevice, Record, folder_of, is_record};
    use crate::hub::{Plan, Repository};
    use clipwright_shared::clip::Configuration;

    fn record(bytes: u64) -> Record {
        let repository = Repository::read("owner/name@v1").unwrap();
        let configuration = Configuration {
            name: "config.json".into(),
            json: "{}".into(),
        };
        let plan = Plan::whole("pytorch_model.bin", bytes);
        Record::new(repository, "0123".into(), plan, &[configuration])
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = record(1_000_000);
        assert_eq!(Record::read(&record.to_json()).as_ref(), Some(&record));
        assert_eq!(record.key(), "owner/name/0123");
        assert!(is_record(&record.path()));
        assert!(!is_record(&record.chunk_path(0)));
        assert!(record.chunk_path(0).starts_with(&folder_of(&record.key())));
        for other in [
            "",
            "{}",
            &record.to_json().replace("\"version\":1", "\"version\":0"),
        ] {
            assert_eq!(Record::read(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_here_is_counted_by_chunks() {
        let record = record(1_000_000);
        let chunks = record.plan.chunks();
        assert!(chunks > 2);
        let mut paths: Vec<String> = (0..chunks)
            .map(|number| record.chunk_path(number))
            .collect();
        paths.push(record.path());
        paths.push(record.chunk_path(chunks + 7));
        paths.push("hub-models/owner/name/4567/0".into());
        assert!(OnDevice::new(record.clone(), &paths).is_whole());
        paths.remove(0);
        let partly = OnDevice::new(record.clone(), &paths);
        assert!(!partly.is_whole());
        assert_eq!(partly.here, 1_000_000 - record.plan.chunk_bytes);
        assert_eq!(OnDevice::new(record, &[]).here, 0);
    }
}
