//! Experiments of several runs: over seeds and shots, over classes that were learned and
//! classes that were not, over other data. Runs already done are not repeated.

mod base_to_new;
mod few_shot;
mod transfer;

pub use base_to_new::base_to_new;
pub use few_shot::few_shot;
pub use transfer::{Target, transfer};

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::clip::Backbone;
use clipwright_shared::eval::Metrics;
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Split, Subset};
use crate::measure::measure;
use crate::model;
use crate::problem::problem;
use crate::run::{Existing, Outcome, Run, read_json, run};
use crate::settings::Plan;
use crate::whole_file::write_whole;

/// What all runs of an experiment share.
pub struct Experiment<'a> {
    pub session: &'a mut Session,
    pub dataset: &'a Dataset,
    pub out: &'a Path,
    pub overwrite: bool,
    pub checkpoint_every: Duration,
}

/// A measurement that is kept, with all that it depends on.
#[derive(Serialize, Deserialize)]
struct Kept {
    model_fingerprint: String,
    precision: String,
    learned: Option<String>,
    images: Vec<PathBuf>,
    class_names: Vec<String>,
    templates: Vec<String>,
    metrics: Metrics,
}

impl Experiment<'_> {
    /// One run in the folder `name`: done, gone on with, or taken as it is.
    fn run(&mut self, plan: &Plan, name: &str) -> Result<Outcome> {
        let out = self.out.join(name);
        eprintln!("{name}");
        run(
            self.session,
            self.dataset,
            &Run {
                plan,
                out: &out,
                existing: match self.overwrite {
                    true => Existing::Overwrite,
                    false => Existing::Continue,
                },
                checkpoint_every: self.checkpoint_every,
            },
        )
    }

    /// Measures a learned file, or zero-shot with the data set's template, on the test
    /// images of `subset`, and keeps the result in the file `kept`. If that is there and
    /// belongs to the same question, it is taken.
    fn measure(&mut self, learned: Option<&Path>, subset: Subset, kept: &Path) -> Result<Metrics> {
        let items = self.dataset.items(Split::Test, subset);
        if items.is_empty() {
            return Err(problem(
                "the data have no test images",
                "add a folder `test`, or give a list with that split",
            ));
        }
        let class_names = self.dataset.names(subset).to_vec();
        let templates = [self.dataset.template.clone()];
        let bytes = learned.map(std::fs::read).transpose()?;
        let question = Kept {
            model_fingerprint: self.session.fingerprint().into(),
            precision: model::precision(self.session),
            learned: bytes.as_deref().map(fingerprint),
            images: items.iter().map(|item| item.path.clone()).collect(),
            class_names,
            templates: templates.to_vec(),
            metrics: Metrics::default(),
        };
        if let Ok(found) = read_json::<Kept>(kept)
            && same_question(&found, &question)
        {
            return Ok(found.metrics);
        }
        const NAME: &str = "measured";
        if let Some(bytes) = &bytes {
            self.session.add_learned(NAME, bytes)?;
        }
        let name = bytes.is_some().then_some(NAME);
        let measured = measure(
            self.session,
            name,
            &items,
            &question.class_names,
            &templates,
        );
        self.session.remove_learned(NAME);
        let answer = Kept {
            metrics: measured?.metrics,
            ..question
        };
        write_whole(kept, serde_json::to_string(&answer)?.as_bytes())?;
        Ok(answer.metrics)
    }
}

fn same_question(a: &Kept, b: &Kept) -> bool {
    a.model_fingerprint == b.model_fingerprint
        && a.precision == b.precision
        && a.learned == b.learned
        && a.images == b.images
        && a.class_names == b.class_names
        && a.templates == b.templates
}

/// A short name for a file's content.
pub fn fingerprint(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// The data set's name, or that of its folder or list.
fn data_title(dataset: &Dataset, plan: &Plan) -> String {
    let stem = plan.data.file_stem();
    let folder = || stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    dataset.name.map_or_else(folder, String::from)
}

/// The name that papers give the image encoder, if it is one of CLIP's.
fn backbone(session: &Session) -> String {
    let image = &session.clip.config.image;
    match &image.backbone {
        Backbone::Vit { patch, tower } => {
            let size = match (tower.width, tower.layers) {
                (768, 12) => "B",
                (1024, 24) => "L",
                _ => return image.to_string(),
            };
            format!("ViT-{size}/{patch}")
        }
        Backbone::ResNet { .. } => image.to_string(),
    }
}

/// # Errors
/// If there are no seeds, or one twice.
pub fn check_seeds(seeds: &[u64]) -> Result<()> {
    let mut sorted = seeds.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    match sorted.len() == seeds.len() && !seeds.is_empty() {
        true => Ok(()),
        false => Err(problem(
            format!("--seeds is {seeds:?}"),
            "expected one or more different numbers, such as 1,2,3",
        )),
    }
}
