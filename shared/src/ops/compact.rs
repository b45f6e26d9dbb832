//! A tensor that few values are read of at a time, in floats or in whole numbers.

use candle_core::{Device, Result, Tensor};

/// What a byte is more than the number that it stands for.
const MIDDLE: u8 = 128;

/// A tensor that stays as small as its file has it until it is computed with.
#[derive(Debug, Clone)]
pub enum Compact {
    Floats(Tensor),
    Whole {
        /// u8, each 128 more than the number that it stands for.
        bytes: Tensor,
        /// What the numbers are multiplied by: as many dimensions, at most one of them
        /// longer than 1.
        scale: Tensor,
    },
}

impl Compact {
    /// Whole numbers in two's complement, row-major, and their scale.
    pub fn whole(mut numbers: Vec<u8>, dims: &[usize], scale: Tensor) -> Result<Self> {
        numbers.iter_mut().for_each(|number| *number ^= MIDDLE);
        let bytes = Tensor::from_vec(numbers, dims, &Device::Cpu)?;
        Ok(Self::Whole { bytes, scale })
    }

    pub fn dims(&self) -> &[usize] {
        match self {
            Self::Floats(values) | Self::Whole { bytes: values, .. } => values.dims(),
        }
    }

    pub fn device(&self) -> &Device {
        match self {
            Self::Floats(values) | Self::Whole { bytes: values, .. } => values.device(),
        }
    }

    /// All values.
    pub fn floats(&self) -> Result<Tensor> {
        match self {
            Self::Floats(values) => Ok(values.clone()),
            Self::Whole { bytes, scale } => scaled(bytes, scale),
        }
    }

    /// The rows of these numbers, `[rows, ..]`.
    pub fn rows(&self, rows: &Tensor) -> Result<Tensor> {
        match self {
            Self::Floats(values) => values.index_select(rows, 0),
            Self::Whole { bytes, scale } => {
                let scale = match scale.dim(0)? {
                    1 => scale.clone(),
                    _ => scale.index_select(rows, 0)?,
                };
                scaled(&bytes.index_select(rows, 0)?, &scale)
            }
        }
    }

    /// The matrix with rows and columns exchanged.
    pub fn transposed(&self) -> Result<Self> {
        let transposed = |values: &Tensor| values.t()?.contiguous();
        Ok(match self {
            Self::Floats(values) => Self::Floats(transposed(values)?),
            Self::Whole { bytes, scale } => Self::Whole {
                bytes: transposed(bytes)?,
                scale: transposed(scale)?,
            },
        })
    }

    /// Several, one below the other.
    pub fn below_each_other(parts: &[Self]) -> Result<Self> {
        let by_rows = parts.iter().map(|part| match part {
            Self::Whole { bytes, scale } if scale.dims().first() == bytes.dims().first() => {
                Some((bytes, scale))
            }
            _ => None,
        });
        Ok(match by_rows.collect::<Option<(Vec<_>, Vec<_>)>>() {
            Some((bytes, scales)) => Self::Whole {
                bytes: Tensor::cat(&bytes, 0)?,
                scale: Tensor::cat(&scales, 0)?,
            },
            None => {
                let floats = parts.iter().map(Self::floats);
                Self::Floats(Tensor::cat(&floats.collect::<Result<Vec<_>>>()?, 0)?)
            }
        })
    }

    /// The same values in another shape. Whole numbers that it does not fit become floats.
    pub fn reshape(self, dims: &[usize]) -> Result<Self> {
        match self.dims() == dims {
            true => Ok(self),
            false => Ok(Self::Floats(self.floats()?.reshape(dims)?)),
        }
    }
}

/// The products, without a tensor of whole floats in between.
fn scaled(bytes: &Tensor, scale: &Tensor) -> Result<Tensor> {
    let axis = scale.dims().iter().position(|&length| length != 1);
    let inner: usize = axis.map_or(1, |axis| bytes.dims()[axis + 1..].iter().product());
    let scale = scale.flatten_all()?.to_vec1::<f32>()?;
    let numbers = bytes.flatten_all()?.to_vec1::<u8>()?;
    let mut floats = Vec::with_capacity(numbers.len());
    for (numbers, scale) in numbers.chunks(inner.max(1)).zip(scale.iter().cycle()) {
        let float = |&number: &u8| f32::from((number ^ MIDDLE).cast_signed()) * scale;
        floats.extend(numbers.iter().map(float));
    }
    Tensor::from_vec(floats, bytes.dims(), &Device::Cpu)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};

    use super::Compact;

    fn numbers() -> Result<(Compact, Tensor)> {
        let numbers: Vec<i8> = (0..12).map(|at| (at * 37 % 255 - 127) as i8).collect();
        let scale = Tensor::new(&[[0.5f32], [2.0], [-1.0]], &Device::Cpu)?;
        let floats: Vec<f32> = numbers.iter().map(|&number| number.into()).collect();
        let floats = Tensor::from_vec(floats, (3, 4), &Device::Cpu)?.broadcast_mul(&scale)?;
        let bytes = numbers.into_iter().map(|number| number as u8).collect();
        Ok((Compact::whole(bytes, &[3, 4], scale)?, floats))
    }

    fn assert_same(got: &Tensor, expected: &Tensor) -> Result<()> {
        assert_eq!(got.to_vec2::<f32>()?, expected.to_vec2::<f32>()?);
        Ok(())
    }

    #[test]
    fn whole_numbers_are_read_as_the_floats_that_they_stand_for() -> Result<()> {
        let (whole, floats) = numbers()?;
        assert_same(&whole.floats()?, &floats)?;
        let rows = Tensor::new(&[2u32, 0, 2], &Device::Cpu)?;
        assert_same(&whole.rows(&rows)?, &floats.index_select(&rows, 0)?)?;
        let transposed = whole.transposed()?;
        assert_same(&transposed.floats()?, &floats.t()?.contiguous()?)?;
        let rows = Tensor::new(&[3u32, 1], &Device::Cpu)?;
        let of_transposed = floats.t()?.contiguous()?.index_select(&rows, 0)?;
        assert_same(&transposed.rows(&rows)?, &of_transposed)?;
        let flat = whole.reshape(&[2, 6])?;
        assert_same(&flat.floats()?, &floats.reshape((2, 6))?)
    }

    #[test]
    fn parts_stay_whole_numbers_where_rows_have_their_scales() -> Result<()> {
        let (whole, floats) = numbers()?;
        let below = Compact::below_each_other(&[whole.clone(), whole.clone()])?;
        assert!(matches!(below, Compact::Whole { .. }));
        assert_same(&below.floats()?, &Tensor::cat(&[&floats, &floats], 0)?)?;
        let mixed = Compact::below_each_other(&[whole, Compact::Floats(floats.clone())])?;
        assert!(matches!(mixed, Compact::Floats(_)));
        assert_same(&mixed.floats()?, &Tensor::cat(&[&floats, &floats], 0)?)
    }
}
