//! What kernels compute with: values of one type in memory.

use half::bf16;

use super::Type;

/// Values of a kernel.
pub enum Memory {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
}

impl Memory {
    /// The values, rounded to the type.
    pub fn of(of: Type, values: &[f32]) -> Self {
        match of {
            Type::F32 => Self::F32(values.to_vec()),
            Type::Bf16 => Self::Bf16(values.iter().map(|&value| bf16::from_f32(value)).collect()),
        }
    }

    /// Room for values that a kernel writes: until then they are no numbers.
    pub fn room(of: Type, count: usize) -> Self {
        Self::of(of, &vec![f32::NAN; count])
    }

    /// Where they lie, for as long as this lives.
    pub fn address(&mut self) -> u64 {
        match self {
            Self::F32(values) => values.as_mut_ptr().expose_provenance() as u64,
            Self::Bf16(values) => values.as_mut_ptr().expose_provenance() as u64,
        }
    }

    pub fn values(&self) -> Vec<f32> {
        match self {
            Self::F32(values) => values.clone(),
            Self::Bf16(values) => values.iter().map(|value| value.to_f32()).collect(),
        }
    }
}
