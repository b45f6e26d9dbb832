//! Which rows of a matrix make which sequence.

use std::sync::{Arc, OnceLock};

use candle_core::{Result, bail};

use super::attention::Padded;

/// Sequences whose rows lie one behind another in one matrix, none of them padding.
///
/// Those of a group share their first rows, which are there once:
/// `[shared][the first one's own][the second one's own]…`. A row that sees only those
/// before it is the same in all of them, so that it need be computed once.
#[derive(Debug, Clone)]
pub struct Sequences {
    groups: Arc<[Group]>,
    /// What composed attention makes of them.
    pub(super) padded: Arc<OnceLock<Arc<Padded>>>,
}

/// Sequences that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Rows at the beginning of each sequence.
    pub shared: usize,
    /// For each sequence the rows behind those, at least one.
    pub own: Vec<usize>,
}

impl Group {
    /// Rows in the matrix.
    pub fn rows(&self) -> usize {
        self.shared + self.own_rows()
    }

    pub(super) fn own_rows(&self) -> usize {
        self.own.iter().sum()
    }
}

impl Sequences {
    /// # Errors
    /// If a sequence has no row of its own.
    pub fn new(groups: Vec<Group>) -> Result<Self> {
        if groups.iter().any(|group| group.own.contains(&0)) {
            bail!("a sequence without a row of its own");
        }
        Ok(Self::of(groups))
    }

    /// `count` sequences of `length` rows each, at least one, that share nothing.
    pub fn alike(count: usize, length: usize) -> Self {
        let own = vec![length.max(1)];
        let group = Group { shared: 0, own };
        Self::of(vec![group; count])
    }

    fn of(groups: Vec<Group>) -> Self {
        Self {
            groups: groups.into(),
            padded: Arc::default(),
        }
    }

    /// The groups, in the order of their rows.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Rows of all sequences, shared ones once.
    pub fn rows(&self) -> usize {
        self.groups.iter().map(Group::rows).sum()
    }

    /// How many sequences there are.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.own.len()).sum()
    }

    /// The rows of each sequence, from its first to its last.
    pub fn each(&self) -> Vec<Vec<u32>> {
        let mut sequences = Vec::with_capacity(self.count());
        let mut next = 0;
        for group in self.groups.iter() {
            let shared = next..next + group.shared;
            next += group.shared;
            for own in &group.own {
                let own = next..next + own;
                next = own.end;
                let rows = shared.clone().chain(own).map(|row| row as u32);
                sequences.push(rows.collect());
            }
        }
        sequences
    }

    /// The last row of each sequence.
    pub fn last_rows(&self) -> Vec<u32> {
        let mut next = 0;
        let mut last = Vec::with_capacity(self.count());
        for group in self.groups.iter() {
            next += group.shared;
            for own in &group.own {
                next += own;
                last.push(next as u32 - 1);
            }
        }
        last
    }

    /// The length of the longest sequence, and whether all are as long as that and share
    /// nothing.
    pub(super) fn longest(&self) -> (usize, bool) {
        let lengths = self.groups.iter().flat_map(|group| {
            let own = group.own.iter();
            own.map(|own| group.shared + own)
        });
        let longest = lengths.clone().max().unwrap_or(0);
        let are_alone = self.groups.iter().all(|group| group.shared == 0);
        (longest, are_alone && lengths.min() == Some(longest))
    }
}
