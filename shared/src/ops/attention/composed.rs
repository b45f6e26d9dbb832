//! Attention in candle operations, for other devices and types: every sequence gets rows
//! of its own, padded to the longest.

use std::sync::Arc;

use candle_core::{D, Device, Result, Tensor};

use crate::ops::sequences::Sequences;
use crate::ops::softmax;

/// Sequences as rows of one length.
#[derive(Debug)]
pub(in crate::ops) struct Padded {
    count: usize,
    length: usize,
    /// None if the rows are what they are.
    gather: Option<Gather>,
}

#[derive(Debug)]
struct Gather {
    /// For each place `[count, length]` its row; behind a sequence's end row 0.
    rows: Tensor,
    /// For each row a place.
    places: Tensor,
    /// 0 where there is a row, −∞ where there is padding, `[count, 1, 1, length]`.
    mask: Tensor,
}

/// The rows of `sequences` on `device`: sent there at the first time, kept for the others.
fn padded(sequences: &Sequences, device: &Device) -> Result<Arc<Padded>> {
    if let Some(kept) = sequences.padded.get()
        && kept.is_on(device)
    {
        return Ok(kept.clone());
    }
    let padded = Arc::new(Padded::new(sequences, device)?);
    // Another thread's are the same.
    let _ = sequences.padded.set(padded.clone());
    Ok(padded)
}

impl Padded {
    fn new(sequences: &Sequences, device: &Device) -> Result<Self> {
        let (length, are_alike) = sequences.longest();
        let count = sequences.count();
        if are_alike {
            return Ok(Self {
                count,
                length,
                gather: None,
            });
        }
        let mut rows = vec![0u32; count * length];
        let mut mask = vec![f32::NEG_INFINITY; count * length];
        let mut places = vec![0u32; sequences.rows()];
        for (at, sequence) in sequences.each().into_iter().enumerate() {
            for (place, row) in (at * length..).zip(sequence) {
                rows[place] = row;
                mask[place] = 0.0;
                places[row as usize] = place as u32;
            }
        }
        Ok(Self {
            count,
            length,
            gather: Some(Gather {
                rows: Tensor::new(rows, device)?,
                places: Tensor::new(places, device)?,
                mask: Tensor::from_vec(mask, (count, 1, 1, length), device)?,
            }),
        })
    }

    fn is_on(&self, device: &Device) -> bool {
        let gather = self.gather.as_ref();
        gather.is_none_or(|gather| gather.rows.device().same_device(device))
    }

    /// `[R, parts·heads·width]` → `[parts, count, heads, length, width]`.
    fn split(&self, x: &Tensor, parts: usize, heads: usize) -> Result<Tensor> {
        let width = x.dim(1)? / parts / heads;
        let x = match &self.gather {
            Some(gather) => x.index_select(&gather.rows, 0)?,
            None => x.clone(),
        };
        x.reshape((self.count, self.length, parts, heads, width))?
            .permute((2, 0, 3, 1, 4))?
            .contiguous()
    }
}

/// `q [N, heads, Q, width]`, `k` and `v [N, heads, T, width]`, and what is added to the
/// scores → `[N, heads, Q, width]`.
fn attend(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let scale = (q.dim(D::Minus1)? as f64).powf(-0.5);
    let scores = (q * scale)?.matmul(&k.transpose(2, 3)?.contiguous()?)?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(&mask.to_dtype(scores.dtype())?)?,
        None => scores,
    };
    softmax(&scores)?.matmul(v)
}

pub(super) fn self_attention(
    qkv: &Tensor,
    sequences: &Sequences,
    heads: usize,
    causal: bool,
) -> Result<Tensor> {
    let padded = padded(sequences, qkv.device())?;
    let (count, length) = (padded.count, padded.length);
    let split = padded.split(qkv, 3, heads)?;
    // With a causal mask nothing sees the padding behind it.
    let mask = match (causal, &padded.gather) {
        (true, _) => Some(causal_mask(length, qkv.device())?),
        (false, Some(gather)) => Some(gather.mask.clone()),
        (false, None) => None,
    };
    let out = attend(
        &split.get(0)?,
        &split.get(1)?,
        &split.get(2)?,
        mask.as_ref(),
    )?;
    let out = out.transpose(1, 2)?.reshape((count * length, ()))?; // [N·T, C]
    match &padded.gather {
        Some(gather) => out.index_select(&gather.places, 0),
        None => Ok(out),
    }
}

pub(super) fn attention_of_one(
    queries: &Tensor,
    keys_values: &Tensor,
    sequences: &Sequences,
    heads: usize,
) -> Result<Tensor> {
    let padded = padded(sequences, queries.device())?;
    let (count, columns) = queries.dims2()?;
    let q = queries.reshape((count, heads, 1, columns / heads))?;
    let split = padded.split(keys_values, 2, heads)?;
    let mask = padded.gather.as_ref().map(|gather| &gather.mask);
    let out = attend(&q, &split.get(0)?, &split.get(1)?, mask)?; // [N, heads, 1, width]
    out.reshape((count, columns))
}

/// 0 on and below the diagonal, −∞ above it: `[length, length]`.
fn causal_mask(length: usize, device: &Device) -> Result<Tensor> {
    let value = |at: usize| match at % length > at / length {
        true => f32::NEG_INFINITY,
        false => 0.0,
    };
    let mask: Vec<f32> = (0..length * length).map(value).collect();
    Tensor::from_vec(mask, (length, length), device)
}
