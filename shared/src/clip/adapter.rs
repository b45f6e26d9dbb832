//! Low-rank adapters on the attention projections (Hu et al. 2022, "LoRA";
//! Zanella and Ben Ayed 2024, "Low-Rank Few-Shot Adaptation of Vision-Language
//! Models").
//!
//! An adapter is kept apart from the model: [`super::Clip::adapted`] puts it on,
//! [`super::Clip::merged`] adds it into the weights.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ops::{self, Beside, Dropout, LowRankPart, LowRanks};

/// The projections of one attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    Query,
    Key,
    Value,
    Output,
}

impl Projection {
    /// All of them, in the order of the rows of `in_proj` and then the output.
    pub const ALL: [Self; 4] = [Self::Query, Self::Key, Self::Value, Self::Output];

    /// The letter that papers use.
    pub fn letter(self) -> char {
        match self {
            Self::Query => 'q',
            Self::Key => 'k',
            Self::Value => 'v',
            Self::Output => 'o',
        }
    }
}

/// A product of two thin matrices: `x ↦ scaling · (x·Aᵀ)·Bᵀ`.
#[derive(Debug, Clone)]
pub struct LowRank {
    pub a: Tensor, // [rank, width]
    pub b: Tensor, // [width, rank]
    pub scaling: f64,
}

impl LowRank {
    /// The dense matrix `[width, width]` that it stands for.
    pub fn dense(&self) -> Result<Tensor> {
        Ok((self.b.matmul(&self.a)? * self.scaling)?)
    }

    /// `x [.., width]` → `[.., width]`, never forming the dense matrix.
    fn forward(&self, x: &Tensor, dropout: Option<Dropout>) -> Result<Tensor> {
        let x = match dropout {
            Some(dropout) => checked(dropout)?.forward(x)?,
            None => x.clone(),
        };
        // The matrices stay in f32, whatever type the model computes in.
        let (a, b) = (self.a.to_dtype(x.dtype())?, self.b.to_dtype(x.dtype())?);
        let thin = ops::linear(&x, &a, None)?; // [.., rank]
        Ok((ops::linear(&thin, &b, None)? * self.scaling)?)
    }
}

/// The adapters of one block.
#[derive(Debug, Clone, Default)]
pub struct BlockAdapter {
    /// At most one for each projection, in the order of [`Projection`].
    pub parts: Vec<(Projection, LowRank)>,
    /// Drops columns of the adapters' input in training, a mask for each.
    pub dropout: Option<Dropout>,
    /// No gradient through the adapters to what comes before them: see
    /// [`Adapter::with_detached_inputs`].
    pub detached_input: bool,
}

/// Adapters for both encoders, block by block from the input on. An encoder with
/// none has an empty list.
#[derive(Debug, Clone, Default)]
pub struct Adapter {
    pub image: Vec<BlockAdapter>,
    pub text: Vec<BlockAdapter>,
}

impl BlockAdapter {
    fn part(&self, projection: Projection) -> Option<&LowRank> {
        let found = self.parts.iter().find(|(of, _)| *of == projection);
        found.map(|(_, part)| part)
    }

    fn apply(&self, projection: Projection, x: &Tensor) -> Result<Option<Tensor>> {
        let Some(part) = self.part(projection) else {
            return Ok(None);
        };
        let x = &if self.detached_input {
            x.detach()
        } else {
            x.clone()
        };
        part.forward(x, self.dropout_of(projection)).map(Some)
    }

    /// What is dropped of the input of one projection's adapter.
    fn dropout_of(&self, projection: Projection) -> Option<Dropout> {
        self.dropout.clone().map(|dropout| Dropout {
            stream: dropout.stream + projection as u64,
            ..dropout
        })
    }

    /// All of them as one operation takes them, if there are any; differentiable in their
    /// matrices.
    pub(super) fn low_ranks(&self) -> Result<Option<LowRanks>> {
        self.low_ranks_of(&Projection::ALL)
    }

    fn low_ranks_of(&self, projections: &[Projection]) -> Result<Option<LowRanks>> {
        let (mut a, mut b, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for &projection in projections {
            let Some(part) = self.part(projection) else {
                continue;
            };
            let (rank, width) = part.a.dims2()?;
            parts.push(LowRankPart {
                beside: match projection {
                    Projection::Output => Beside::Output,
                    _ => Beside::Input {
                        column: projection as usize * width,
                    },
                },
                rank,
                scaling: part.scaling,
                dropout: self.dropout_of(projection).map(checked).transpose()?,
            });
            a.push(part.a.clone());
            b.push(part.b.t()?);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(LowRanks {
            a: Tensor::cat(&a, 0)?,
            b: Tensor::cat(&b, 0)?,
            parts,
            detached_input: self.detached_input,
        }))
    }

    /// What is added to queries, keys and values: `x [.., width]` →
    /// `[.., 3·width]`, or nothing.
    pub(super) fn queries_keys_values(&self, x: &Tensor) -> Result<Option<Tensor>> {
        let projections = &Projection::ALL[..3];
        if x.device().is_cpu() && x.dtype() == DType::F32 && x.rank() == 2 {
            let low_ranks = self.low_ranks_of(projections)?;
            return Ok(low_ranks.map(|added| added.forward(x)).transpose()?);
        }
        let mut added = Vec::new();
        for &projection in projections {
            added.push(self.apply(projection, x)?);
        }
        if added.iter().all(Option::is_none) {
            return Ok(None);
        }
        let added: Vec<Tensor> = added
            .into_iter()
            .map(|part| part.map_or_else(|| x.zeros_like().map_err(Into::into), Ok))
            .collect::<Result<_>>()?;
        Ok(Some(Tensor::cat(&added, x.rank() - 1)?.contiguous()?))
    }

    /// What is added to the attention's output: `x [.., width]` → `[.., width]`.
    pub(super) fn output(&self, x: &Tensor) -> Result<Option<Tensor>> {
        self.apply(Projection::Output, x)
    }

    /// What is added to the weights `in_proj [3·width, width]`, or nothing.
    pub(super) fn dense_in_projection(&self, width: usize) -> Result<Option<Tensor>> {
        let mut rows = Vec::new();
        for projection in &Projection::ALL[..3] {
            rows.push(match self.part(*projection) {
                Some(part) => Some(part.dense()?),
                None => None,
            });
        }
        let Some(like) = rows.iter().flatten().next().cloned() else {
            return Ok(None);
        };
        let zeros = Tensor::zeros((width, width), like.dtype(), like.device())?;
        let rows: Vec<Tensor> = rows
            .into_iter()
            .map(|row| row.unwrap_or_else(|| zeros.clone()))
            .collect();
        Ok(Some(Tensor::cat(&rows, 0)?))
    }

    /// What is added to the weights of the output `[width, width]`, or nothing.
    pub(super) fn dense_output(&self) -> Result<Option<Tensor>> {
        self.part(Projection::Output)
            .map(LowRank::dense)
            .transpose()
    }
}

impl Adapter {
    /// Every tensor, A before B, block by block, the image encoder's first.
    pub fn tensors_mut(&mut self) -> impl Iterator<Item = &mut Tensor> {
        let blocks = self.image.iter_mut().chain(&mut self.text);
        let parts = blocks.flat_map(|block| &mut block.parts);
        parts.flat_map(|(_, part)| [&mut part.a, &mut part.b])
    }

    /// The same adapter, with the gradient that loralib gives without dropout: it
    /// adds B·A to the weight for the forward and takes it off before the backward,
    /// so that what comes before an adapter is differentiated as if it were not
    /// there. With dropout loralib's gradient is the whole one.
    pub fn with_detached_inputs(&self) -> Self {
        let mut adapter = self.clone();
        for block in adapter.image.iter_mut().chain(&mut adapter.text) {
            block.detached_input = true;
        }
        adapter
    }

    /// The same adapter for one step of training: `rate` of its inputs dropped,
    /// by masks that `seed` gives, or, on a GPU, the `key` that lies there (see
    /// [`Dropout::key`]).
    pub fn with_dropout(&self, rate: f64, seed: u64, key: Option<&Tensor>) -> Self {
        let mut adapter = self.clone();
        if rate > 0.0 {
            let blocks = adapter.image.iter_mut().chain(&mut adapter.text);
            for (at, block) in (0u64..).zip(blocks) {
                let stream = at * Projection::ALL.len() as u64;
                block.dropout = Some(Dropout {
                    rate,
                    seed,
                    stream,
                    key: key.cloned(),
                });
            }
        }
        adapter
    }
}

/// # Errors
/// If it drops everything, or less than nothing.
fn checked(dropout: Dropout) -> Result<Dropout> {
    if (0.0..1.0).contains(&dropout.rate) {
        return Ok(dropout);
    }
    Err(Error::setting(
        "the dropout",
        dropout.rate,
        "0 or more, and less than 1",
    ))
}

/// # Errors
/// If there are adapters for another number of blocks than the encoder has.
pub(super) fn check_blocks(adapters: &[BlockAdapter], blocks: usize) -> Result<()> {
    if adapters.is_empty() || adapters.len() == blocks {
        return Ok(());
    }
    Err(Error::setting(
        "the adapter's number of blocks",
        adapters.len(),
        format!("{blocks}, as many as the encoder has"),
    ))
}
