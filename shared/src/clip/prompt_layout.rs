//! Which rows the text encoder computes for a number of prompts.
//!
//! The encoder's attention is causal and only the end of text is read. So nothing behind
//! an end of text need be there, and slots that prompts have in common at their beginning
//! are the same rows in all of them: they are computed once.

use candle_core::{Device, Tensor};

use super::transformer::Read;
use crate::error::Result;
use crate::ops::{Group, Sequences};

/// Prompts as rows of one matrix: `[what they share][rest of the first]…`.
#[derive(Debug, Clone)]
pub struct PromptLayout {
    /// For each row, the embedding it has.
    pub(super) embeddings: Tensor, // u32, [R]
    /// For each row, the slot it stands at.
    pub(super) slots: Tensor, // u32, [R]
    pub(super) sequences: Sequences,
    pub(super) read: Read,
}

impl PromptLayout {
    /// Prompts that all begin alike make one group; `groups` come one behind another.
    /// A prompt is a list of embeddings up to its end of text.
    ///
    /// Without `share`, every prompt has all its rows.
    pub(super) fn new(groups: &[Vec<Vec<u32>>], share: bool, device: &Device) -> Result<Self> {
        let (mut embeddings, mut slots) = (Vec::<u32>::new(), Vec::<u32>::new());
        let mut laid_out = Vec::with_capacity(groups.len());
        for prompts in groups {
            let shared = if share { shared_slots(prompts) } else { 0 };
            if let Some(first) = prompts.first() {
                embeddings.extend(&first[..shared]);
                slots.extend(0..shared as u32);
            }
            for prompt in prompts {
                embeddings.extend(&prompt[shared..]);
                slots.extend(shared as u32..prompt.len() as u32);
            }
            let own = prompts.iter().map(|prompt| prompt.len() - shared);
            let own = own.collect();
            laid_out.push(Group { shared, own });
        }
        let sequences = Sequences::new(laid_out)?;
        Ok(Self {
            embeddings: Tensor::new(embeddings, device)?,
            slots: Tensor::new(slots, device)?,
            read: Read::alone(&sequences.last_rows(), device)?,
            sequences,
        })
    }

    /// As the reference has it: every prompt fills all `length` slots, and the encoder
    /// computes all of them.
    pub(super) fn padded(groups: &[Vec<Vec<u32>>], length: usize, device: &Device) -> Result<Self> {
        let prompts: Vec<&Vec<u32>> = groups.iter().flatten().collect();
        let rows = prompts.iter().flat_map(|prompt| {
            // What stands there is of no consequence: nothing that is read sees it.
            let padding = prompt.last().copied().unwrap_or(0);
            let padding = std::iter::repeat_n(padding, length - prompt.len());
            prompt.iter().copied().chain(padding)
        });
        let embeddings: Vec<u32> = rows.collect();
        let slots: Vec<u32> = prompts.iter().flat_map(|_| 0..length as u32).collect();
        let ends = prompts.iter().enumerate();
        let ends: Vec<u32> = ends
            .map(|(at, prompt)| (at * length + prompt.len()) as u32 - 1)
            .collect();
        Ok(Self {
            embeddings: Tensor::new(embeddings, device)?,
            slots: Tensor::new(slots, device)?,
            read: Read::among_all(&ends, device)?,
            sequences: Sequences::alike(prompts.len(), length),
        })
    }

    /// How many rows the encoder computes.
    pub fn rows(&self) -> usize {
        self.sequences.rows()
    }
}

/// Slots that all prompts begin with, but for each prompt's last.
fn shared_slots(prompts: &[Vec<u32>]) -> usize {
    let [first, others @ ..] = prompts else {
        return 0;
    };
    if others.is_empty() {
        return 0;
    }
    let mut shared = first.len() - 1;
    for prompt in others {
        let alike = first.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        shared = shared.min(alike).min(prompt.len() - 1);
    }
    shared
}
