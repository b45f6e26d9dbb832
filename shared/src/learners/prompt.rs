//! Prompts made of learned context vectors and frozen tokens
//! (KaiyangZhou/CoOp `trainers/coop.py`, `PromptLearner`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::clip::{DistinctTokens, PromptLayout, TextTransformer, Tokenizer};
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
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// Row of the context, flattened to `[.., width]`.
    Context(usize),
    /// A frozen token, by its place among the distinct ones.
    Token(usize),
}

/// The layout of every class's prompt, ready to be filled with a context.
///
/// Context and token embeddings are rows of one table; a prompt is a list of row
/// numbers. One gather builds all prompts, wherever the class name stands and whether the
/// context is shared or not, and its gradient goes back to the context alone.
#[derive(Debug, Clone)]
pub struct Prompts {
    token_rows: Tensor, // [distinct tokens, width]
    slots: Vec<Vec<Slot>>,
    context_rows: usize,
    /// Of one context.
    layout: PromptLayout,
    /// Of so many contexts, as they were asked for.
    of_more: Arc<Mutex<BTreeMap<usize, PromptLayout>>>,
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
        let frozen = tokens.suffixes.iter().flatten().copied();
        let distinct = DistinctTokens::of(frozen.chain([tokens.start_of_text]));
        let slots: Vec<Vec<Slot>> = (0..tokens.classes())
            .map(|class| slots(tokens, &distinct, class, n_ctx, position, class_specific))
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
        Ok(Self {
            token_rows: text.token_embedding(distinct.ids())?.detach(),
            layout: lay_out(text, &slots, context_rows, 1)?,
            of_more: Arc::default(),
            slots,
            context_rows,
        })
    }

    /// The prompts filled with each of `count` contexts, which lie one behind another in
    /// `contexts [.., width]` → text features `[count · classes, embed_dim]`, not
    /// normalised; differentiable in the contexts.
    pub fn encode(
        &self,
        text: &TextTransformer,
        contexts: &Tensor,
        count: usize,
    ) -> Result<Tensor> {
        let table = self.table(contexts, count)?;
        match count {
            1 => text.forward(&table, &self.layout),
            _ => text.forward(&table, &self.layout_of(text, count)?),
        }
    }

    /// The layout for so many contexts, which stays where it is for the next time.
    fn layout_of(&self, text: &TextTransformer, count: usize) -> Result<PromptLayout> {
        let mut of_more = self.of_more.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = of_more.get(&count) {
            return Ok(layout.clone());
        }
        let layout = lay_out(text, &self.slots, self.context_rows, count)?;
        of_more.insert(count, layout.clone());
        Ok(layout)
    }

    /// Each prompt filled with a context, `[n_ctx, width]` or
    /// `[n_classes, n_ctx, width]` → for each class `[slots, width]`.
    pub fn fill(&self, context: &Tensor) -> Result<Vec<Tensor>> {
        let table = self.table(context, 1)?;
        let fill = |slots: &Vec<Slot>| {
            let rows = slots.iter().map(|slot| slot.row(self.context_rows, 0, 1));
            let rows = Tensor::new(rows.collect::<Vec<u32>>(), table.device())?;
            Ok(table.index_select(&rows, 0)?)
        };
        self.slots.iter().map(fill).collect()
    }

    /// Contexts and, behind them, the frozen tokens.
    fn table(&self, contexts: &Tensor, count: usize) -> Result<Tensor> {
        let width = self.token_rows.dims()[1];
        let contexts = contexts.reshape(((), width))?;
        if contexts.dims()[0] != count * self.context_rows {
            return Err(Error::TensorShape {
                name: "ctx".into(),
                expected: [count * self.context_rows, width].as_slice().into(),
                got: contexts.dims().into(),
            });
        }
        Ok(Tensor::cat(&[&contexts, &self.token_rows], 0)?)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.slots.len()
    }

    /// Rows that the text encoder computes for all prompts, by their number, rounded up.
    pub fn rows_each(&self) -> usize {
        self.layout.rows().div_ceil(self.classes().max(1))
    }
}

impl Slot {
    /// Its row in a table of `count` contexts of `context_rows` rows each and the frozen
    /// tokens behind them.
    fn row(self, context_rows: usize, context: usize, count: usize) -> u32 {
        let row = match self {
            Self::Context(row) => context * context_rows + row,
            Self::Token(at) => count * context_rows + at,
        };
        row as u32
    }
}

/// The prompts of each of `count` contexts: those of one context begin alike.
fn lay_out(
    text: &TextTransformer,
    slots: &[Vec<Slot>],
    context_rows: usize,
    count: usize,
) -> Result<PromptLayout> {
    let groups = (0..count).map(|context| {
        let prompts = slots.iter().map(|slots| {
            let rows = slots.iter();
            let rows = rows.map(|slot| slot.row(context_rows, context, count));
            rows.collect()
        });
        prompts.collect()
    });
    text.lay_out(&groups.collect::<Vec<_>>())
}

fn slots(
    tokens: &PromptTokens,
    distinct: &DistinctTokens,
    class: usize,
    n_ctx: usize,
    position: ClassTokenPosition,
    class_specific: bool,
) -> Vec<Slot> {
    let first = if class_specific { class * n_ctx } else { 0 };
    let suffix = &tokens.suffixes[class];
    let (name, rest) = suffix.split_at(tokens.name_lengths[class].min(suffix.len()));
    let before = position.vectors_before(n_ctx);
    let token = |id: &u32| Slot::Token(distinct.place(*id));
    std::iter::once(token(&tokens.start_of_text))
        .chain((first..first + before).map(Slot::Context))
        .chain(name.iter().map(token))
        .chain((first + before..first + n_ctx).map(Slot::Context))
        .chain(rest.iter().map(token))
        .collect()
}
