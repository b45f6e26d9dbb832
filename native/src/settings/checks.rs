//! Checks of single settings, each with what was expected.

use anyhow::Result;

use crate::problem::problem;

pub(super) fn refuse<T>(name: &str, got: impl std::fmt::Display, expected: &str) -> Result<T> {
    Err(problem(
        format!("--{name} is {got}"),
        format!("expected {expected}"),
    ))
}

pub(super) fn at_least_one(name: &str, value: usize) -> Result<usize> {
    match value {
        0 => refuse(name, value, "at least 1"),
        _ => Ok(value),
    }
}

pub(super) fn positive(name: &str, value: f64) -> Result<f64> {
    match value.is_finite() && value > 0.0 {
        true => Ok(value),
        false => refuse(name, value, "a positive number such as 2e-3"),
    }
}

pub(super) fn not_negative(name: &str, value: f64) -> Result<f64> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(value),
        false => refuse(name, value, "0 or a positive number"),
    }
}

pub(super) fn below_one(name: &str, value: f64) -> Result<f64> {
    match (0.0..1.0).contains(&value) {
        true => Ok(value),
        false => refuse(name, value, "0 or more, and less than 1"),
    }
}

pub(super) fn share(name: &str, value: f64) -> Result<f64> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => refuse(name, value, "between 0 and 1"),
    }
}
