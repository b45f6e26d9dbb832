//! Errors of the command line: what was wrong, and the next thing to try.

use std::fmt;

/// A message with its remedy.
#[derive(Debug)]
pub struct Problem {
    message: String,
    hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// An error that says what was wrong and what to try.
pub fn problem(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Problem {
        message: message.into(),
        hint: hint.into(),
    }
    .into()
}

/// The remedy of the innermost error that knows one.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().rev().find_map(|cause| {
        let own = cause
            .downcast_ref::<Problem>()
            .map(|problem| problem.hint.clone());
        let shared = cause.downcast_ref::<clipwright_shared::Error>();
        own.or_else(|| shared.and_then(shared_hint))
    })
}

/// A setting's error says what was expected; where to read more is known here.
fn shared_hint(error: &clipwright_shared::Error) -> Option<String> {
    let of_setting = || match error {
        clipwright_shared::Error::Setting { .. } => {
            Some("`clipwright COMMAND --help` says what each flag takes".into())
        }
        _ => None,
    };
    error.hint().or_else(of_setting)
}
