//! OpenAI's merge rules, most frequent first (openai/CLIP
//! `bpe_simple_vocab_16e6.txt`, the 48 894 lines that CLIP uses).
//!
//! The binary brings all of them. The page brings those of small vocabularies, and
//! fetches the others once a model needs them: they weigh a sixth of all its code.

use std::sync::OnceLock;

use super::byte_pairs::BytePairs;
use super::rules;
use crate::error::{Error, Result};

/// Ids of CLIP's own vocabulary.
pub const WHOLE: usize = 49408;

/// Ids of the largest vocabulary whose rules come along.
#[cfg(feature = "whole-vocabulary")]
pub const INCLUDED: usize = WHOLE;
#[cfg(not(feature = "whole-vocabulary"))]
pub const INCLUDED: usize = 4096;

#[cfg(feature = "whole-vocabulary")]
const MERGES: &str = include_str!("../../../../static/vocabulary/merges.txt");
#[cfg(not(feature = "whole-vocabulary"))]
const MERGES: &str = include_str!("../../../../static/vocabulary/merges-4096.txt");

static SUPPLIED: OnceLock<String> = OnceLock::new();

/// Takes the rules of the whole vocabulary, where they did not come along:
/// `static/vocabulary/merges.txt`.
///
/// # Errors
/// [`Error::Format`] if they are not CLIP's.
pub fn supply_merges(merges: String) -> Result<()> {
    // What is read here is read again: this says that it can be.
    BytePairs::read(&merges, rules(WHOLE))?;
    SUPPLIED.get_or_init(|| merges);
    Ok(())
}

/// Rules for a vocabulary of that many ids.
///
/// # Errors
/// [`Error::NoVocabulary`] if they are not here yet.
pub fn merges(vocabulary: usize) -> Result<&'static str> {
    match SUPPLIED.get() {
        _ if vocabulary <= INCLUDED => Ok(MERGES),
        Some(merges) => Ok(merges),
        None => Err(Error::NoVocabulary { vocabulary }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../../../static/vocabulary/merges.txt");

    #[test]
    fn the_pages_rules_are_the_first_of_all() {
        let cut = include_str!("../../../../static/vocabulary/merges-4096.txt");
        assert!(FILE.starts_with(cut));
        assert_eq!(cut.lines().count() - 1, rules(4096));
        assert_eq!(FILE.lines().count() - 1, rules(WHOLE));
    }

    #[test]
    fn a_page_of_another_kind_is_no_vocabulary() {
        for text in ["", "<!doctype html>\n<p>Not found", &FILE[..FILE.len() / 2]] {
            let error = supply_merges(text.into()).unwrap_err();
            assert!(error.to_string().contains("vocabulary"), "{error}");
        }
        supply_merges(FILE.into()).unwrap();
    }
}
