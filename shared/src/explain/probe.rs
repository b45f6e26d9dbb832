//! A linear probe: how large each class's row is, and which rows are alike.

use serde::{Deserialize, Serialize};

use super::context::{chosen, norm, tensor};
use super::{ExplainSettings, Explanation};
use crate::checkpoint::LearnedFile;
use crate::error::{Error, Result};
use crate::eval::highest_first;

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeClass {
    pub class: String,
    /// The Euclidean norm of its row.
    pub norm: f64,
    pub bias: f64,
    /// The classes whose rows point most nearly the same way, nearest first.
    pub nearest: Vec<NearClass>,
}

/// A class beside another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearClass {
    pub class: String,
    /// Of the angle between the rows.
    pub cosine: f64,
}

pub(super) fn explain(file: &LearnedFile, settings: &ExplainSettings) -> Result<Explanation> {
    let weight = tensor(file, "probe.weight")?.to_vec2::<f32>()?;
    let bias = tensor(file, "probe.bias")?.to_vec1::<f32>()?;
    let names = &file.metadata.facts.class_names;
    if weight.len() != names.len() || bias.len() != names.len() {
        let reason = format!("{} rows for {} classes", weight.len(), names.len());
        return Err(Error::format("the learned file", reason));
    }
    let norms: Vec<f64> = weight.iter().map(|row| norm(row)).collect();
    let cosine = |a: usize, b: usize| {
        let products = weight[a].iter().zip(&weight[b]);
        let product: f64 = products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        product / (norms[a] * norms[b]).max(f64::MIN_POSITIVE)
    };
    let classes = chosen(names, settings)?
        .into_iter()
        .map(|at| {
            let cosines: Vec<f64> = (0..names.len()).map(|other| cosine(at, other)).collect();
            let others = highest_first(cosines.iter().copied()).into_iter();
            let nearest = others
                .filter(|other| *other != at)
                .take(settings.nearest)
                .map(|other| NearClass {
                    class: names[other].clone(),
                    cosine: cosines[other],
                });
            ProbeClass {
                class: names[at].clone(),
                norm: norms[at],
                bias: f64::from(bias[at]),
                nearest: nearest.collect(),
            }
        })
        .collect();
    Ok(Explanation::Probe { classes })
}
