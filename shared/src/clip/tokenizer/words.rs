//! How CLIP splits a clean text before it looks for pairs of bytes to merge.

use std::sync::LazyLock;

use regex::Regex;

/// Spellings of the special tokens inside a text.
pub const START_OF_TEXT: &str = "<|startoftext|>";
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// An English ending with the long s, which the reference takes for `'s` as it
/// looks for endings in letters of any case.
pub const LONG_S_ENDING: &str = "'ſ";

/// Special tokens; English endings; letters; one digit; anything else but white
/// space (openai/CLIP `simple_tokenizer.py`, `self.pat`). In letters of any case
/// U+0345 is an iota for the last of these and none for the letters: it is lost.
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    let special = r"<\|startoftext\|>|<\|endoftext\|>";
    let endings = "'[sſ]|'t|'re|'ve|'m|'ll|'d";
    let others = r"\p{L}+|\p{N}|[^\s\p{L}\p{N}\u{345}]+";
    let pattern = format!("{special}|{endings}|{others}");
    Regex::new(&pattern).expect("the pattern is valid")
});

/// The words of a clean text, in order.
pub fn words(clean: &str) -> impl Iterator<Item = &str> {
    WORD.find_iter(clean).map(|word| word.as_str())
}
