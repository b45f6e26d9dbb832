//! From what people call a data set to what is known of it.

use anyhow::Result;

use super::{NAMED, Named};
use crate::problem::problem;

/// The data set of that name, however it is spelt: `oxford_flowers`,
/// `OxfordFlowers`, `Flowers102`, `flowers`.
///
/// # Errors
/// If there is none; the hint is the nearest name.
pub fn find(name: &str) -> Result<&'static Named> {
    let wanted = plain(name);
    let found = NAMED
        .iter()
        .find(|named| names(named).any(|known| plain(known) == wanted));
    found.ok_or_else(|| {
        let nearness = |known: &str| strsim::normalized_damerau_levenshtein(&plain(known), &wanted);
        let nearest = NAMED
            .iter()
            .flat_map(|named| names(named).map(move |known| (nearness(known), named.name)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let list = "`clipwright data list` lists all";
        let hint = match nearest {
            Some((nearness, nearest)) if nearness > 0.4 => {
                format!("did you mean {nearest}? {list}")
            }
            _ => format!("{list}; for a plain folder of images leave the name out"),
        };
        problem(format!("no data set is known as {name:?}"), hint)
    })
}

fn names(named: &'static Named) -> impl Iterator<Item = &'static str> {
    [named.name, named.title]
        .into_iter()
        .chain(named.also.iter().copied())
}

/// Without what people spell differently.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
