//! Images and prompts on one plane.

use candle_core::Tensor;
use clipwright_shared::explain::Plane;
use clipwright_shared::protocol::{LearnedMap, Places};

use super::super::Failure;

/// Images `[1, embed_dim]` and prompts `[n_classes, embed_dim]`, as they lie and laid
/// over each other.
pub(super) fn map(
    images: &[Option<Tensor>],
    prompts: &[Option<&Tensor>],
) -> Result<LearnedMap, Failure> {
    let all_images: Vec<&Tensor> = images.iter().flatten().collect();
    let all_prompts: Vec<&Tensor> = prompts.iter().flatten().copied().collect();
    let parts = [together(&all_images)?, together(&all_prompts)?];
    let parts: Vec<&Tensor> = parts.iter().flatten().collect();
    let Some(prompts_part) = parts.len().checked_sub(1) else {
        return Ok(LearnedMap::default());
    };
    let all = Tensor::cat(&parts, 0)?;
    let apart = Plane::fit(&all)?;
    let plane = Plane::fit_parts(&parts)?;
    Ok(LearnedMap {
        apart: places(&apart, [0, 0], images, prompts)?,
        together: places(&plane, [0, prompts_part], images, prompts)?,
    })
}

fn together(rows: &[&Tensor]) -> Result<Option<Tensor>, Failure> {
    match rows.is_empty() {
        true => Ok(None),
        false => Ok(Some(Tensor::cat(rows, 0)?)),
    }
}

/// `parts` are those of images and of prompts.
fn places(
    plane: &Plane,
    parts: [usize; 2],
    images: &[Option<Tensor>],
    prompts: &[Option<&Tensor>],
) -> Result<Places, Failure> {
    let images = images.iter().map(|image| {
        let Some(image) = image else {
            return Ok(None);
        };
        Ok(plane.points_of(parts[0], image)?.first().copied())
    });
    let prompts = prompts.iter().map(|prompts| match prompts {
        Some(prompts) => Ok(plane.points_of(parts[1], prompts)?),
        None => Ok(Vec::new()),
    });
    Ok(Places {
        images: images.collect::<Result<_, Failure>>()?,
        prompts: prompts.collect::<Result<_, Failure>>()?,
        shares: plane.shares,
    })
}
