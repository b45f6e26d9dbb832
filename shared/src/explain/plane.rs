//! A map of features: the plane on which they spread most (Pearson 1901, principal
//! components), so that images and prompts can be drawn together.

use candle_core::{DType, Device, Tensor};

use super::spectrum::leading;
use crate::error::{Error, Result};

/// Spread per row below which there is nothing to see: f32 cannot tell it from none.
const LEAST_SPREAD: f64 = 1e-12;

/// A plane through features of length 1, around their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// The mean of each part.
    means: Vec<Vec<f64>>,
    /// At right angles, of length 1; of zeros where there is no spread.
    axes: [Vec<f64>; 2],
    /// The share of the features' spread that lies along each axis, between 0 and 1.
    pub shares: [f64; 2],
}

impl Plane {
    /// The plane of `features` `[rows, embed_dim]`, which are normalised here: the same
    /// for the same rows, and each axis points to where its largest coordinate is
    /// positive. Rows that are zero or not finite count as the mean.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no rows.
    pub fn fit(features: &Tensor) -> Result<Self> {
        Self::fit_parts(&[features])
    }

    /// As [`Self::fit`], for parts that lie apart as wholes, as CLIP's images and texts
    /// do (Liang et al. 2022, "Mind the Gap"): each around its own mean, so that the
    /// plane shows what differs within the parts.
    ///
    /// # Errors
    /// [`Error::Setting`] if a part has no rows, or their rows are not equally long.
    pub fn fit_parts(parts: &[&Tensor]) -> Result<Self> {
        let parts = parts.iter().map(|part| rows(part));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let width = parts
            .first()
            .and_then(|part| part.first())
            .map_or(0, Vec::len);
        let fits = |part: &Vec<Vec<f64>>| part.first().is_some_and(|row| row.len() == width);
        if width == 0 || !parts.iter().all(fits) {
            return Err(Error::setting(
                "the features of a plane",
                "none, or of different lengths",
                "parts of at least one row each, all rows equally long",
            ));
        }
        let means: Vec<Vec<f64>> = parts.iter().map(|part| mean(part, width)).collect();
        let parts = parts.into_iter().zip(&means);
        let centred: Vec<Vec<f64>> = parts
            .flat_map(|(part, mean)| part.into_iter().map(|row| minus(row, mean)))
            .collect();
        let total: f64 = centred.iter().map(|row| dot(row, row)).sum();
        let mut axes = [vec![0.0; width], vec![0.0; width]];
        let mut shares = [0.0; 2];
        let least = LEAST_SPREAD * centred.len() as f64;
        if total > least {
            let found = directions(&centred, width)?;
            for (at, (spread, axis)) in found.into_iter().enumerate() {
                if spread > least.max(total * f64::from(f32::EPSILON)) {
                    axes[at] = upright(axis);
                    shares[at] = (spread / total).min(1.0);
                }
            }
        }
        Ok(Self {
            means,
            axes,
            shares,
        })
    }

    /// Places on the plane, around 0 and never further than 2 from it, of features
    /// `[rows, embed_dim]`: those it was fitted with, or others.
    ///
    /// # Errors
    /// [`Error::Setting`] if the rows are not as long as those it was fitted with.
    pub fn points(&self, features: &Tensor) -> Result<Vec<[f32; 2]>> {
        self.points_of(0, features)
    }

    /// As [`Self::points`], of features that belong to a part of [`Self::fit_parts`].
    ///
    /// # Errors
    /// As [`Self::points`]; [`Error::Setting`] if there is no such part.
    pub fn points_of(&self, part: usize, features: &Tensor) -> Result<Vec<[f32; 2]>> {
        let mean = self.means.get(part).ok_or_else(|| {
            let expected = format!("one of {}", self.means.len());
            Error::setting("the part of a plane", part, expected)
        })?;
        let width = mean.len();
        let rows = rows(features)?.into_iter();
        rows.map(|row| {
            if row.len() != width {
                let expected = format!("{width}, as the plane was fitted with");
                return Err(Error::setting(
                    "the length of a feature",
                    row.len(),
                    expected,
                ));
            }
            let row = minus(row, mean);
            Ok([
                dot(&row, &self.axes[0]) as f32,
                dot(&row, &self.axes[1]) as f32,
            ])
        })
        .collect()
    }
}

/// The rows of `features`, each of length 1; one of zeros or not finite is empty of
/// values, and stands for the mean.
fn rows(features: &Tensor) -> Result<Vec<Vec<f64>>> {
    let features = features.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let rows = features.to_vec2::<f64>()?.into_iter();
    Ok(rows
        .map(|row| {
            let length = dot(&row, &row).sqrt();
            let factor = match length.is_finite() && length > 0.0 {
                true => length.recip(),
                false => f64::NAN,
            };
            row.into_iter().map(|value| value * factor).collect()
        })
        .collect())
}

/// The mean of the rows that are there.
fn mean(rows: &[Vec<f64>], width: usize) -> Vec<f64> {
    let there = rows.iter().filter(|row| is_there(row));
    let mut sum = vec![0.0; width];
    let mut count = 0.0_f64;
    for row in there {
        count += 1.0;
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sum.iter().map(|sum| sum / count.max(1.0)).collect()
}

fn is_there(row: &[f64]) -> bool {
    row.iter().all(|value| value.is_finite())
}

/// The way from the mean to a row; none at all for a row that is not there.
fn minus(row: Vec<f64>, mean: &[f64]) -> Vec<f64> {
    if !is_there(&row) {
        return vec![0.0; mean.len()];
    }
    row.iter().zip(mean).map(|(a, b)| a - b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The two directions in which `rows` spread most, with how much: from the products of
/// columns or of rows, whichever are fewer.
fn directions(rows: &[Vec<f64>], width: usize) -> Result<Vec<(f64, Vec<f64>)>> {
    let values: Vec<f32> = rows.iter().flatten().map(|value| *value as f32).collect();
    let all = Tensor::from_vec(values, (rows.len(), width), &Device::Cpu)?;
    let turned = all.t()?.contiguous()?;
    if width <= rows.len() {
        let products = turned.matmul(&all)?.to_dtype(DType::F64)?;
        return Ok(leading(&products.to_vec2()?, 2));
    }
    let products = all.matmul(&turned)?.to_dtype(DType::F64)?;
    let found = leading(&products.to_vec2()?, 2).into_iter();
    Ok(found
        .map(|(spread, weights)| {
            let mut axis = vec![0.0; width];
            for (row, weight) in rows.iter().zip(weights) {
                for (axis, value) in axis.iter_mut().zip(row) {
                    *axis += weight * value;
                }
            }
            let length = dot(&axis, &axis).sqrt().max(f64::MIN_POSITIVE);
            axis.iter_mut().for_each(|value| *value /= length);
            (spread, axis)
        })
        .collect())
}

/// Of an axis and its opposite, the one whose largest coordinate is positive.
fn upright(axis: Vec<f64>) -> Vec<f64> {
    let largest = axis.iter().fold(0.0_f64, |largest, value| {
        if value.abs() > largest.abs() {
            *value
        } else {
            largest
        }
    });
    match largest < 0.0 {
        true => axis.into_iter().map(|value| -value).collect(),
        false => axis,
    }
}

#[cfg(test)]
mod tests;
