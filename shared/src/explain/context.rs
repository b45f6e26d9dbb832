//! Context vectors: their norms, and the words nearest to them.

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{ExplainSettings, Explanation};
use crate::checkpoint::LearnedFile;
use crate::clip::{Clip, Tokenizer};
use crate::error::{Error, Result};
use crate::eval::lowest_first;
use crate::parallel::*;

/// One context vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextVector {
    /// The class it belongs to, if each class has its own.
    pub class: Option<String>,
    /// Its number in the context, from 1 on.
    pub vector: usize,
    /// Euclidean.
    pub norm: f64,
    /// The words whose embeddings are nearest, nearest first.
    pub nearest: Vec<NearWord>,
}

/// A piece of the vocabulary; one that ends a word ends in `</w>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearWord {
    pub word: String,
    /// Euclidean.
    pub distance: f64,
}

/// CoCoOp's net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetaNetNorms {
    /// Euclidean norms of the layers' biases.
    pub linear1_bias: f64,
    pub linear2_bias: f64,
    /// Frobenius norms of the layers' weights.
    pub linear1_weight: f64,
    pub linear2_weight: f64,
    /// The norm of the shift that it gives for an image feature of zeros: what it adds
    /// to every vector whatever the image.
    pub shift_of_zero: f64,
}

/// A vector with its class, if it has one, and its number.
type Numbered = (Option<String>, usize, Vec<f32>);

pub(super) fn explain(
    file: &LearnedFile,
    model: Option<(&Clip, &Tokenizer)>,
    settings: &ExplainSettings,
) -> Result<Explanation> {
    let context = tensor(file, "ctx")?;
    let names = &file.metadata.facts.class_names;
    let vectors: Vec<Numbered> = match context.rank() {
        2 if settings.classes.is_empty() => numbered(None, &context)?,
        2 => {
            return Err(Error::setting(
                "the class to explain",
                settings.classes.join(", "),
                "none: all classes share the context",
            ));
        }
        3 => {
            let mut vectors = Vec::new();
            for class in chosen(names, settings)? {
                vectors.extend(numbered(Some(&names[class]), &context.get(class)?)?);
            }
            vectors
        }
        _ => {
            return Err(Error::TensorShape {
                name: "ctx".into(),
                expected: [16, 512].as_slice().into(),
                got: context.dims().into(),
            });
        }
    };
    let vocabulary = model.map(Vocabulary::new).transpose()?;
    let vectors = vectors
        .into_iter()
        .map(|(class, vector, values)| ContextVector {
            class,
            vector,
            norm: norm(&values),
            nearest: match &vocabulary {
                Some(vocabulary) => vocabulary.nearest(&values, settings.nearest),
                None => Vec::new(),
            },
        })
        .collect();
    Ok(Explanation::Context {
        method: file.metadata.method,
        vectors,
        mean_token_norm: vocabulary.map(|vocabulary| vocabulary.mean_norm()),
        meta_net: meta_net(file)?,
    })
}

/// The vectors of a context `[n_ctx, width]` with their numbers.
fn numbered(class: Option<&String>, context: &Tensor) -> Result<Vec<Numbered>> {
    let rows = context.to_device(&Device::Cpu)?.to_vec2::<f32>()?;
    let rows = (1..).zip(rows);
    Ok(rows
        .map(|(vector, values)| (class.cloned(), vector, values))
        .collect())
}

/// The rows of the classes that are shown.
pub(super) fn chosen(names: &[String], settings: &ExplainSettings) -> Result<Vec<usize>> {
    if settings.classes.is_empty() {
        return Ok((0..names.len().min(settings.most_classes)).collect());
    }
    let row = |class: &String| {
        let found = names.iter().position(|name| name == class);
        found.ok_or_else(|| {
            let expected = format!("one that was learned: {}", names.join(", "));
            Error::setting("the class to explain", format!("{class:?}"), expected)
        })
    };
    settings.classes.iter().map(row).collect()
}

pub(super) fn tensor(file: &LearnedFile, name: &str) -> Result<Tensor> {
    let tensor = file.tensors.get(name).cloned();
    tensor.ok_or_else(|| Error::format("the learned file", format!("no `{name}`")))
}

/// Euclidean, or Frobenius.
pub(super) fn norm(values: &[f32]) -> f64 {
    let squares = values.iter().map(|value| f64::from(*value).powi(2));
    squares.sum::<f64>().sqrt()
}

/// The token embeddings with the words that they stand for.
struct Vocabulary {
    embeddings: Vec<Vec<f32>>,
    pieces: Vec<String>,
}

impl Vocabulary {
    fn new((clip, tokenizer): (&Clip, &Tokenizer)) -> Result<Self> {
        let ids: Vec<u32> = (0..clip.text.vocabulary() as u32).collect();
        let embeddings = clip.text.token_embedding(&ids)?.to_device(&Device::Cpu)?;
        Ok(Self {
            embeddings: embeddings.to_vec2()?,
            pieces: tokenizer.pieces(),
        })
    }

    fn mean_norm(&self) -> f64 {
        let norms: f64 = self.embeddings.iter().map(|values| norm(values)).sum();
        norms / self.embeddings.len().max(1) as f64
    }

    /// The words nearest to `vector`; of two as far, the one with the lower id first.
    fn nearest(&self, vector: &[f32], count: usize) -> Vec<NearWord> {
        let embeddings = self.embeddings.par_iter().zip(&self.pieces);
        let distances: Vec<f64> = embeddings
            .map(|(embedding, _)| distance(vector, embedding))
            .collect();
        lowest_first(distances.iter().copied())
            .into_iter()
            .take(count)
            .map(|at| NearWord {
                word: self.pieces[at].clone(),
                distance: distances[at],
            })
            .collect()
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let pairs = a.iter().zip(b);
    let squares = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

/// The norms of a file's net, if it has one.
fn meta_net(file: &LearnedFile) -> Result<Option<MetaNetNorms>> {
    let values = |name: &str| -> Result<Vec<f32>> {
        let tensor = tensor(file, &format!("meta_net.{name}"))?;
        Ok(tensor.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
    };
    if file.tensors.get("meta_net.linear1.bias").is_none() {
        return Ok(None);
    }
    let (bias1, bias2) = (values("linear1.bias")?, values("linear2.bias")?);
    let (weight1, weight2) = (values("linear1.weight")?, values("linear2.weight")?);
    let hidden: Vec<f32> = bias1.iter().map(|value| value.max(0.0)).collect();
    let rows = weight2.chunks(hidden.len().max(1)).zip(&bias2);
    let shift: Vec<f32> = rows
        .map(|(row, bias)| {
            let products = row.iter().zip(&hidden).map(|(a, b)| a * b);
            bias + products.sum::<f32>()
        })
        .collect();
    Ok(Some(MetaNetNorms {
        linear1_bias: norm(&bias1),
        linear2_bias: norm(&bias2),
        linear1_weight: norm(&weight1),
        linear2_weight: norm(&weight2),
        shift_of_zero: norm(&shift),
    }))
}
