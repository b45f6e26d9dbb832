//! A pile of files, sorted: which are images, which belong together as one model or
//! one adapter, and which are of no use here.

use std::collections::BTreeSet;

use clipwright_shared::clip::repository::CONFIGURATION_FILES;

use crate::sniff::FileKind;
use crate::state::Problem;

/// A file that was brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// With the folders that were brought with it: `photos/cat/1.jpg`.
    pub path: String,
    /// None if it cannot be read.
    pub kind: Option<FileKind>,
}

/// Files that belong together, by their places in the pile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parcel {
    Image {
        at: usize,
        /// The folder that it lies in.
        label: Option<String>,
    },
    Learned {
        name: String,
        parts: Vec<usize>,
    },
    Model {
        name: String,
        parts: Vec<usize>,
    },
}

/// What became of a pile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sorted {
    pub parcels: Vec<Parcel>,
    /// What is of no use, or not all there.
    pub problem: Option<Problem>,
}

const ADAPTER_CONFIGURATION: &str = "adapter_config.json";
/// Names that say nothing: the folder's is better.
const PLAIN_NAMES: [&str; 4] = ["learned", "adapter_model", "model", "pytorch_model"];
/// What programs call the weights that everything else in a folder is a copy of.
const MAIN_WEIGHTS: &str = "model.safetensors";

/// Sorts a pile. Images keep their order.
pub fn sort(pile: &[Found]) -> Sorted {
    let mut sorting = Sorting {
        pile,
        sorted: Sorted::default(),
        used: BTreeSet::new(),
    };
    let mut folders: Vec<&str> = Vec::new();
    for found in pile {
        let folder = folder(&found.path);
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    for folder in folders {
        sorting.folder(folder);
    }
    sorting.refuse_the_rest();
    sorting.sorted
}

struct Sorting<'a> {
    pile: &'a [Found],
    sorted: Sorted,
    /// Places of files that found their use.
    used: BTreeSet<usize>,
}

impl Sorting<'_> {
    /// What lies in one folder belongs together.
    fn folder(&mut self, of: &str) {
        let here: Vec<usize> = (0..self.pile.len())
            .filter(|&at| folder(&self.pile[at].path) == of)
            .collect();
        let label = last_folder(of).map(String::from);
        let of_kind = |kind: FileKind| -> Vec<usize> {
            let here = here.iter().copied();
            here.filter(|&at| self.pile[at].kind == Some(kind))
                .collect()
        };
        let named = |name: &str| {
            let mut here = here.iter().copied();
            here.find(|&at| file_name(&self.pile[at].path) == name)
        };
        let (images, learned) = (of_kind(FileKind::Image), of_kind(FileKind::Learned));
        let (adapters, models) = (of_kind(FileKind::Peft), of_kind(FileKind::Model));
        let adapter_configuration = named(ADAPTER_CONFIGURATION);
        let model_configurations: Vec<usize> = CONFIGURATION_FILES
            .iter()
            .filter_map(|name| named(name))
            .collect();
        let pytorch = of_kind(FileKind::PyTorchModel);

        for at in images {
            let label = label.clone();
            self.take(Parcel::Image { at, label }, &[at]);
        }
        for at in learned {
            let name = self.name(at);
            let parts = vec![at];
            self.take(Parcel::Learned { name, parts }, &[at]);
        }
        let stems: Vec<&str> = adapters
            .iter()
            .filter_map(|&at| self.pile[at].path.strip_suffix(".safetensors"))
            .collect();
        for at in adapters {
            // The same once more, as PyTorch keeps it.
            let copy = self.pile[at].path.strip_suffix(".bin");
            if copy.is_some_and(|stem| stems.contains(&stem)) {
                self.used.insert(at);
                continue;
            }
            let parts: Vec<usize> = [at].into_iter().chain(adapter_configuration).collect();
            let name = self.name(at);
            self.take(
                Parcel::Learned {
                    name,
                    parts: parts.clone(),
                },
                &parts,
            );
        }
        self.model(models, pytorch, model_configurations, of);
        if !of.is_empty() {
            // Whatever else lies beside images or weights is no file that was chosen.
            if here.iter().any(|at| self.used.contains(at)) {
                self.used.extend(here);
            }
        }
    }

    /// One model at most: its shards, or the best of several copies.
    fn model(
        &mut self,
        safetensors: Vec<usize>,
        pytorch: Vec<usize>,
        configurations: Vec<usize>,
        folder: &str,
    ) {
        // What PyTorch keeps beside a safetensors file is the same model.
        let in_a_folder = !folder.is_empty();
        let candidates = match safetensors.is_empty() {
            true => pytorch,
            false if in_a_folder => {
                self.used.extend(pytorch);
                safetensors
            }
            false => [safetensors, pytorch].concat(),
        };
        let shards: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|&at| shard(&self.pile[at].path).is_some())
            .collect();
        let main = candidates
            .iter()
            .copied()
            .find(|&at| file_name(&self.pile[at].path) == MAIN_WEIGHTS);
        let whole = candidates.iter().copied().find(|at| !shards.contains(at));
        let Some(&first) = main.as_ref().or(shards.first()).or(whole.as_ref()) else {
            return;
        };
        let mut parts = match shards.contains(&first) {
            false => vec![first],
            true => {
                let total = shard(&self.pile[first].path).unwrap_or(shards.len());
                if shards.len() != total {
                    let name = self.pile[first].path.clone();
                    self.used.extend(shards.iter().copied());
                    self.refuse(Problem::new(
                        format!(
                            "of the model “{name}” {} of {total} parts are here",
                            shards.len()
                        ),
                        "bring all of its parts together, or the folder that they lie in",
                    ));
                    return;
                }
                shards
            }
        };
        let left_out: Vec<usize> = candidates
            .into_iter()
            .filter(|at| !parts.contains(at))
            .collect();
        if !left_out.is_empty() && !in_a_folder {
            let name = file_name(&self.pile[first].path);
            self.refuse(Problem::new(
                format!(
                    "there were {} models at once; “{name}” is opened",
                    left_out.len() + 1
                ),
                "bring another one by itself",
            ));
        }
        self.used.extend(left_out);
        parts.extend(configurations);
        let name = match (shard(&self.pile[first].path), last_folder(folder)) {
            (Some(_), Some(folder)) => folder.to_string(),
            _ => self.name(first),
        };
        self.take(
            Parcel::Model {
                name,
                parts: parts.clone(),
            },
            &parts,
        );
    }

    fn take(&mut self, parcel: Parcel, parts: &[usize]) {
        self.used.extend(parts);
        self.sorted.parcels.push(parcel);
    }

    fn refuse(&mut self, problem: Problem) {
        self.sorted.problem = Some(match self.sorted.problem.take() {
            Some(before) => before.and(problem),
            None => problem,
        });
    }

    /// The name that what lies there is loaded under.
    fn name(&self, at: usize) -> String {
        let path = &self.pile[at].path;
        let name = file_name(path);
        let stem = name.strip_suffix(".safetensors").unwrap_or(name);
        let plain = stem.strip_suffix(".bin").unwrap_or(stem);
        match last_folder(folder(path)) {
            Some(folder) if PLAIN_NAMES.contains(&plain) => folder.into(),
            _ => stem.into(),
        }
    }

    /// Says what is of no use: of files that were chosen one by one, and of folders
    /// that have nothing else.
    fn refuse_the_rest(&mut self) {
        let is_useful = !self.sorted.parcels.is_empty();
        let rest = (0..self.pile.len()).filter(|at| !self.used.contains(at));
        let rest: Vec<&Found> = rest
            .map(|at| &self.pile[at])
            .filter(|found| !is_useful || folder(&found.path).is_empty())
            .collect();
        let Some(first) = rest.first() else {
            return;
        };
        let name = file_name(&first.path);
        let others = match rest.len() - 1 {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        let problem = match first.kind {
            None => Problem::new(
                format!("“{name}”{others} cannot be read"),
                "was it moved or deleted? Choose it again",
            ),
            Some(FileKind::Configuration) => Problem::new(
                format!("“{name}”{others} says something of weights, which are not here"),
                "bring it together with its safetensors file, or the folder of both",
            ),
            Some(FileKind::Empty) => Problem::new(
                format!("“{name}”{others} is empty: it has not one byte"),
                "was it saved to its end? Copy or download it once more",
            ),
            Some(_) => Problem::new(
                format!("“{name}”{others} is neither an image nor a model, nor what was learned"),
                "images are PNG, JPEG, WebP, GIF or BMP; weights are safetensors or PyTorch's",
            ),
        };
        self.refuse(problem);
    }
}

/// The parts that a shard is one of: 3 of `model-00001-of-00003.safetensors`.
fn shard(path: &str) -> Option<usize> {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let (before, total) = stem.rsplit_once("-of-")?;
    let (_, number) = before.rsplit_once('-')?;
    number.parse::<usize>().ok()?;
    total.parse().ok()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn last_folder(folder: &str) -> Option<&str> {
    Some(file_name(folder)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
