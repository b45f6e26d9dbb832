//! Elements of stored tensors, each type read from little-endian bytes.

use half::{bf16, f16};

/// One element type.
pub(super) trait Element: Copy {
    /// Reads the element that `bytes` begin with.
    fn read(bytes: &[u8]) -> Self;
    /// The nearest f32.
    fn to_f32(self) -> f32;
    /// The same integer, if it is one that fits.
    fn to_i64(self) -> Option<i64>;
}

macro_rules! numbers {
    ($($number:ident: $to_f32:expr, $to_i64:expr;)*) => {$(
        impl Element for $number {
            fn read(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or_else(Self::default, |bytes| Self::from_le_bytes(*bytes))
            }
            fn to_f32(self) -> f32 {
                $to_f32(self)
            }
            fn to_i64(self) -> Option<i64> {
                $to_i64(self)
            }
        }
    )*};
}

numbers! {
    f64: |x| x as f32, |_| None;
    f32: |x| x, |_| None;
    f16: f16::to_f32, |_| None;
    bf16: bf16::to_f32, |_| None;
    i64: |x| x as f32, Some;
    i32: |x| x as f32, |x| Some(i64::from(x));
    i16: f32::from, |x| Some(i64::from(x));
    i8: f32::from, |x| Some(i64::from(x));
    u64: |x| x as f32, |x| i64::try_from(x).ok();
    u32: |x| x as f32, |x| Some(i64::from(x));
    u16: f32::from, |x| Some(i64::from(x));
    u8: f32::from, |x| Some(i64::from(x));
}

/// A flag: any byte but zero is true.
#[derive(Clone, Copy)]
pub(super) struct Flag(bool);

impl Element for Flag {
    fn read(bytes: &[u8]) -> Self {
        Self(bytes.first().is_some_and(|&byte| byte != 0))
    }
    fn to_f32(self) -> f32 {
        f32::from(u8::from(self.0))
    }
    fn to_i64(self) -> Option<i64> {
        Some(self.0.into())
    }
}

/// `elements!(dtype, T => expression)`: the expression with `T` as the Rust type
/// of the elements.
macro_rules! elements {
    ($dtype:expr, $T:ident => $body:expr) => {{
        use $crate::formats::element::Flag;
        match $dtype {
            StoredType::F64 => elements!(@ $T = f64, $body),
            StoredType::F32 => elements!(@ $T = f32, $body),
            StoredType::F16 => elements!(@ $T = half::f16, $body),
            StoredType::Bf16 => elements!(@ $T = half::bf16, $body),
            StoredType::I64 => elements!(@ $T = i64, $body),
            StoredType::I32 => elements!(@ $T = i32, $body),
            StoredType::I16 => elements!(@ $T = i16, $body),
            StoredType::I8 => elements!(@ $T = i8, $body),
            StoredType::U64 => elements!(@ $T = u64, $body),
            StoredType::U32 => elements!(@ $T = u32, $body),
            StoredType::U16 => elements!(@ $T = u16, $body),
            StoredType::U8 => elements!(@ $T = u8, $body),
            StoredType::Bool => elements!(@ $T = Flag, $body),
        }
    }};
    (@ $T:ident = $number:ty, $body:expr) => {{
        type $T = $number;
        $body
    }};
}
pub(super) use elements;
