//! Matrices as whole numbers of eight bits: symmetric, with a scale for each output
//! channel, so that one large channel costs the others nothing.

/// The largest whole number; −128 is not used, so that both signs reach as far.
const LARGEST: f32 = 127.0;

/// Matrices of fewer values stay as they are: there is nothing to gain, and the first
/// convolutions, which everything goes through, have few.
const LEAST_VALUES: usize = 4096;

/// A matrix in whole numbers.
pub(super) struct Quantised {
    /// i8, in the order of the values.
    pub values: Vec<u8>,
    /// What each channel's numbers are multiplied by.
    pub scale: Vec<f32>,
}

/// The dimension of output channels of the tensor `name` (OpenAI's name) in a file where
/// its shape is `dims`, if it is worth quantising: linear and convolution weights and
/// the token embedding. `transposed` if the file has its rows and columns exchanged.
pub(super) fn channel_axis(name: &str, dims: &[usize], transposed: bool) -> Option<usize> {
    let is_small = dims.iter().product::<usize>() < LEAST_VALUES;
    if dims.len() < 2 || is_small || name.ends_with("positional_embedding") {
        return None;
    }
    // `x · P`: columns are outputs, where all others are `x · Wᵀ`.
    let is_projection = name == "visual.proj" || name == "text_projection";
    Some(usize::from(is_projection && !transposed))
}

/// The shape of the scale.
pub(super) fn scale_dims(dims: &[usize], axis: usize) -> Vec<usize> {
    let channels = |(at, &len): (usize, &usize)| if at == axis { len } else { 1 };
    dims.iter().enumerate().map(channels).collect()
}

/// The nearest whole numbers of `values`, row-major of shape `dims`, with a scale for
/// each step along `axis`.
pub(super) fn quantise(values: &[f32], dims: &[usize], axis: usize) -> Quantised {
    let channels = dims[axis];
    let inner: usize = dims[axis + 1..].iter().product::<usize>().max(1);
    let channel = |at: usize| at / inner % channels;
    let mut scale = vec![0f32; channels];
    for (at, value) in values.iter().enumerate() {
        let largest = &mut scale[channel(at)];
        *largest = largest.max(value.abs());
    }
    scale.iter_mut().for_each(|largest| *largest /= LARGEST);
    let whole = |(at, value): (usize, &f32)| {
        let scale = scale[channel(at)];
        // A channel of zeros has no scale to divide by.
        let whole = if scale > 0.0 { value / scale } else { 0.0 };
        whole.round().clamp(-LARGEST, LARGEST) as i8 as u8
    };
    Quantised {
        values: values.iter().enumerate().map(whole).collect(),
        scale,
    }
}

#[cfg(test)]
mod tests {
    use super::{channel_axis, quantise, scale_dims};

    #[test]
    fn channels_keep_half_a_step_each() {
        for (dims, axis) in [
            (vec![3, 40], 0),
            (vec![40, 3], 1),
            (vec![4, 3, 2, 2], 0),
            (vec![1, 7], 0),
        ] {
            let count: usize = dims.iter().product();
            let inner: usize = dims[axis + 1..].iter().product();
            let channel = |at: usize| at / inner % dims[axis];
            // Each channel a thousand times larger than the one before; one of zeros.
            let value = |at: usize| {
                let size = 1000f32.powi(channel(at) as i32);
                if channel(at) == 2 {
                    0.0
                } else {
                    (at as f32 * 0.7).sin() * size
                }
            };
            let values: Vec<f32> = (0..count).map(value).collect();
            let quantised = quantise(&values, &dims, axis);
            assert_eq!(
                scale_dims(&dims, axis).iter().product::<usize>(),
                quantised.scale.len()
            );
            for (at, value) in values.iter().enumerate() {
                let scale = quantised.scale[channel(at)];
                let read = f32::from(quantised.values[at] as i8) * scale;
                assert!(
                    (read - value).abs() <= 0.5001 * scale,
                    "{dims:?} {at}: {read} {value}"
                );
            }
        }
    }

    #[test]
    fn channels_are_outputs() {
        for (name, dims, transposed, axis) in [
            (
                "transformer.0.mlp.c_fc.weight",
                &[512, 128][..],
                false,
                Some(0),
            ),
            ("visual.conv1.weight", &[64, 3, 16, 16], false, Some(0)),
            ("token_embedding.weight", &[900, 64], false, Some(0)),
            ("visual.proj", &[128, 64], false, Some(1)),
            ("visual.proj", &[64, 128], true, Some(0)),
            ("text_projection", &[128, 64], false, Some(1)),
            ("visual.conv1.weight", &[32, 3, 3, 3], false, None),
            ("positional_embedding", &[77, 512], false, None),
            ("visual.positional_embedding", &[50, 768], false, None),
            ("visual.class_embedding", &[8192], false, None),
            ("logit_scale", &[], false, None),
        ] {
            assert_eq!(channel_axis(name, dims, transposed), axis, "{name}");
        }
    }
}
