//! openai/CLIP's tokenizer: clean-up, ids, rows of a prompt, and back to text.

use anyhow::{Context, Result, bail, ensure};
use clipwright_shared::Error;
use clipwright_shared::clip::{Tokenizer, clean};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::case::Case;

/// The facts beside the strings.
#[derive(Deserialize)]
struct Info {
    sot: u32,
    eot: u32,
    context: usize,
    n_vocab: usize,
}

#[derive(Deserialize)]
struct Encoded {
    text: String,
    ids: Vec<u32>,
    clean: String,
}

#[derive(Deserialize)]
struct Tokenized {
    text: String,
    tokenize: Option<Vec<u32>>,
    error: Option<String>,
    truncate_true: Vec<u32>,
}

#[derive(Deserialize)]
struct Decoded {
    ids: Vec<u32>,
    text: String,
}

pub fn check(case: &Case) -> Result<()> {
    let info: Info = serde_json::from_value(case.json.clone())?;
    let tokenizer = Tokenizer::new(info.n_vocab)?;
    let special = [tokenizer.start_of_text(), tokenizer.end_of_text()];
    ensure!(special == [info.sot, info.eot], "special ids {special:?}");
    all(case, "encode", |row: Encoded| {
        let (text, got) = (&row.text, clean(&row.text));
        ensure!(
            got == row.clean,
            "{text:?} is cleaned to {got:?}; expected {:?}",
            row.clean
        );
        let ids = tokenizer.encode(text);
        ensure!(
            ids == row.ids,
            "{text:?} is {ids:?}; expected {:?}",
            row.ids
        );
        Ok(())
    })?;
    all(case, "tokenize", |row: Tokenized| {
        let text = &row.text;
        let cut: Vec<u32> = tokenizer
            .truncated_row(text, info.context)
            .padded(info.context)
            .collect();
        ensure!(cut == row.truncate_true, "{text:?}, cut, is {cut:?}");
        match (tokenizer.row(text, info.context), row.tokenize, row.error) {
            (Ok(got), Some(expected), None) => {
                let got: Vec<u32> = got.padded(info.context).collect();
                ensure!(
                    got == expected,
                    "{text:?} is {got:?}; expected {expected:?}"
                );
            }
            (Err(error @ Error::TextTooLong { .. }), None, Some(expected)) => {
                let got = error.to_string();
                ensure!(
                    got.contains(&expected),
                    "{got}; expected `{expected}` in it"
                );
            }
            (got, _, expected) => bail!("{text:?}: {got:?}; expected {expected:?}"),
        }
        Ok(())
    })?;
    all(case, "decode", |row: Decoded| {
        let got = tokenizer.decode(&row.ids)?;
        ensure!(
            got == row.text,
            "{:?} is {got:?}; expected {:?}",
            row.ids,
            row.text
        );
        Ok(())
    })
}

/// Checks every line of `<name>.jsonl`, and counts those that fail.
fn all<Row: DeserializeOwned>(
    case: &Case,
    name: &str,
    check: impl Fn(Row) -> Result<()>,
) -> Result<()> {
    let lines = case.files.get(&case.beside(&format!("{name}.jsonl")))?;
    let lines = std::str::from_utf8(lines)?.lines();
    let rows: Vec<Row> = lines
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context(name.to_string())?;
    ensure!(!rows.is_empty(), "no strings in {name}.jsonl");
    let count = rows.len();
    let problems: Vec<_> = rows
        .into_iter()
        .filter_map(|row| check(row).err())
        .collect();
    match problems.first() {
        None => Ok(()),
        Some(first) => bail!("{} of {count} in {name}.jsonl: {first}", problems.len()),
    }
}
