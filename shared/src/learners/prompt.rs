//! Prompts made of learned context vectors and frozen tokens
//! (KaiyangZhou/CoOp `trainers/coop.py`, `PromptLearner`).

use std::collections::BTreeMap;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::clip::{TextTransformer, Tokenizer};
use crate::error::{Error, Result};

/// Where the class name stands among the context vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassTokenPosition {
    /// Before all context vectors.
    Front,
    /// Behind the first half of them.
    Middle,
    /// Behind all of them.
    #[default]
    End,
    /// Behind this many of them: where `[CLS]` stands among initial words
    /// (azshue/TPT `clip/custom_clip.py`).
    After(usize),
}

impl ClassTokenPosition {
    /// How many of `n_ctx` context vectors stand before the class name.
    pub fn vectors_before(self, n_ctx: usize) -> usize {
        match self {
            Self::Front => 0,
            Self::Middle => n_ctx / 2,
            Self::End => n_ctx,
            Self::After(count) => count.min(n_ctx),
        }
    }
}

/// The frozen tokens of each class: `[name][.][end of text]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTokens {
    start_of_text: u32,
    /// For each class, the ids behind the context up to the end of text.
    suffixes: Vec<Vec<u32>>,
    /// For each class, how many of those are the name's.
    name_lengths: Vec<usize>,
}

impl PromptTokens {
    /// Tokenises `class_names`; `_` becomes a space and a full stop follows.
    pub fn new(tokenizer: &Tokenizer, class_names: &[String]) -> Self {
        let names = class_names.iter().map(|name| name.replace('_', " "));
        let (suffixes, name_lengths) = names
            .map(|name| {
                let mut suffix = tokenizer.encode(&format!("{name}."));
                suffix.push(tokenizer.end_of_text());
                (suffix, tokenizer.encode(&name).len())
            })
            .unzip();
        Self {
            start_of_text: tokenizer.start_of_text(),
            suffixes,
            name_lengths,
        }
    }

    /// From whole rows of ids, `[start][n_ctx ids][name][.][end of text]…`: what
    /// comes behind the highest id of a row is padding.
    pub fn from_rows(rows: &[Vec<u32>], n_ctx: usize, name_lengths: Vec<usize>) -> Result<Self> {
        let suffix = |row: &Vec<u32>| {
            let highest = row.iter().max()?;
            let end = row.iter().position(|id| id == highest)?;
            Some(row.get(1 + n_ctx..=end)?.to_vec())
        };
        let suffixes: Option<Vec<_>> = rows.iter().map(suffix).collect();
        match (suffixes, rows.first().and_then(|row| row.first())) {
            (Some(suffixes), Some(&start_of_text)) if name_lengths.len() == suffixes.len() => {
                Ok(Self {
                    start_of_text,
                    suffixes,
                    name_lengths,
                })
            }
            _ => Err(Error::setting(
                "the rows of token ids",
                format!("{} rows, {} name lengths", rows.len(), name_lengths.len()),
                format!("for each class a row of more than {n_ctx} ids and a name length"),
            )),
        }
    }

    /// Those of `count` classes from the class `first` on, or as many as there are.
    pub fn part(&self, first: usize, count: usize) -> Self {
        let classes = first.min(self.classes())..(first.saturating_add(count)).min(self.classes());
        Self {
            start_of_text: self.start_of_text,
            suffixes: self.suffixes[classes.clone()].to_vec(),
            name_lengths: self.name_lengths[classes].to_vec(),
        }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.suffixes.len()
    }
}

/// One slot of a prompt.
#[derive(Clone, Copy)]
enum Slot {
    /// Row of the context, flattened to `[.., width]`.
    Context(usize),
    /// A frozen token.
    Token(u32),
}

/// The layout of every class's prompt, ready to be filled with a context.
///
/// Context and token embeddings are rows of one table; a prompt is a list of
/// row numbers. One gather builds all prompts, wherever the class name stands
/// and whether the context is shared or not, and its gradient goes back to the
/// context alone.
#[derive(Debug, Clone)]
pub struct Prompts {
    token_rows: Tensor, // [distinct tokens, width]
    index: Tensor,      // [n_classes · length], rows of context ++ token_rows
    end_of_text: Vec<u32>,
    context_rows: usize,
    length: usize,
}

impl Prompts {
    /// Lays out `tokens` around `n_ctx` context vectors, shared by all classes
    /// or, with `class_specific`, each class's own.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] if a prompt does not fit the context length.
    pub fn new(
        text: &TextTransformer,
        tokens: &PromptTokens,
        n_ctx: usize,
        position: ClassTokenPosition,
        class_specific: bool,
    ) -> Result<Self> {
        let slots: Vec<Vec<Slot>> = (0..tokens.classes())
            .map(|class| slots(tokens, class, n_ctx, position, class_specific))
            .collect();
        let length = slots.iter().map(Vec::len).max().unwrap_or(0);
        if length > text.context_length() || length == 0 {
            return Err(Error::TextTooLong {
                text: format!("{n_ctx} context vectors and the longest class name"),
                got: length,
                context_length: text.context_length(),
            });
        }
        let context_rows = n_ctx * if class_specific { tokens.classes() } else { 1 };

        let mut distinct: BTreeMap<u32, usize> = BTreeMap::from([(0, 0)]); // 0 is the padding
        for slot in slots.iter().flatten() {
            if let Slot::Token(id) = slot {
                distinct.insert(*id, 0);
            }
        }
        for (row, slot) in distinct.values_mut().enumerate() {
            *slot = context_rows + row;
        }
        let padding = Slot::Token(0);
        let row = |slot: Slot| match slot {
            Slot::Context(row) => row as u32,
            Slot::Token(id) => distinct[&id] as u32,
        };
        let index: Vec<u32> = slots
            .iter()
            .flat_map(|slots| (0..length).map(|at| row(slots.get(at).copied().unwrap_or(padding))))
            .collect();
        let ids: Vec<u32> = distinct.keys().copied().collect();
        let token_rows = text.token_embedding(&ids)?.detach();
        Ok(Self {
            index: Tensor::new(index, token_rows.device())?,
            token_rows,
            end_of_text: slots.iter().map(|slots| slots.len() as u32 - 1).collect(),
            context_rows,
            length,
        })
    }

    /// Fills in a context, `[n_ctx, width]` or `[n_classes, n_ctx, width]` →
    /// prompts `[n_classes, length, width]`, cut behind the longest one.
    pub fn assemble(&self, context: &Tensor) -> Result<Tensor> {
        let width = self.token_rows.dims()[1];
        let context = context.reshape(((), width))?;
        if context.dims()[0] != self.context_rows {
            return Err(Error::TensorShape {
                name: "ctx".into(),
                expected: [self.context_rows, width].as_slice().into(),
                got: context.dims().into(),
            });
        }
        let table = Tensor::cat(&[&context, &self.token_rows], 0)?;
        let classes = self.end_of_text.len();
        Ok(table
            .index_select(&self.index, 0)?
            .reshape((classes, self.length, width))?)
    }

    /// Slots of the longest prompt.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The slot of each class's end of text.
    pub fn end_of_text(&self) -> &[u32] {
        &self.end_of_text
    }
}

fn slots(
    tokens: &PromptTokens,
    class: usize,
    n_ctx: usize,
    position: ClassTokenPosition,
    class_specific: bool,
) -> Vec<Slot> {
    let first = if class_specific { class * n_ctx } else { 0 };
    let suffix = &tokens.suffixes[class];
    let (name, rest) = suffix.split_at(tokens.name_lengths[class].min(suffix.len()));
    let before = position.vectors_before(n_ctx);
    let token = |id: &u32| Slot::Token(*id);
    std::iter::once(Slot::Token(tokens.start_of_text))
        .chain((first..first + before).map(Slot::Context))
        .chain(name.iter().map(token))
        .chain((first + before..first + n_ctx).map(Slot::Context))
        .chain(rest.iter().map(token))
        .collect()
}
