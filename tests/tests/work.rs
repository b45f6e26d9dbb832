//! How many multiplications things take, as formulas say: whoever loses a shortcut is told
//! here, on every machine.

use std::fs;

use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::clip::{Backbone, Clip, TowerConfig, Weights};
use clipwright_shared::ops::multiplications;
use clipwright_tests::repository_root;

/// What `run` gives, and the multiplications it took.
fn counted<T>(run: impl FnOnce() -> Result<T>) -> Result<(T, usize)> {
    let before = multiplications();
    let result = run()?;
    Ok((result, (multiplications() - before) as usize))
}

/// A block on all of `rows`, without its attention.
fn block(tower: &TowerConfig, rows: usize) -> usize {
    rows * tower.width * (4 * tower.width + 2 * tower.hidden)
}

/// Queries that see so many rows each: scores, and means of values.
fn attention(tower: &TowerConfig, queries: usize, rows: usize) -> usize {
    2 * queries * rows * tower.width
}

/// The last block: keys and values of all `rows`, everything else of the `read` ones.
fn last_block(tower: &TowerConfig, rows: usize, read: usize) -> usize {
    let width = tower.width;
    rows * width * 2 * width + read * width * (2 * width + 2 * tower.hidden)
}

/// One test, since the count is the process's.
#[test]
fn work_is_what_it_has_to_be() -> Result<()> {
    let bytes = fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let clip = Clip::load(Weights::from_bytes(&bytes, &Device::Cpu)?)?;
    an_image(&clip)?;
    texts(&clip)
}

fn an_image(clip: &Clip) -> Result<()> {
    let config = &clip.config.image;
    let Backbone::Vit { patch, tower } = &config.backbone else {
        anyhow::bail!("the embedded model is a ViT");
    };
    let images = 3;
    let pixels = Tensor::zeros(
        (images, 3, config.side, config.side),
        DType::F32,
        &Device::Cpu,
    )?;
    let patches = (config.side / patch).pow(2);
    let rows = patches + 1;
    let image = patches * 3 * patch * patch * tower.width
        + (tower.layers - 1) * (block(tower, rows) + attention(tower, rows, rows))
        + last_block(tower, rows, 1)
        + attention(tower, 1, rows)
        + tower.width * clip.config.embed_dim;
    let (_, got) = counted(|| Ok(clip.image.forward(&pixels)?))?;
    assert_eq!(got, images * image);
    let (_, plainly) = counted(|| Ok(clip.plainly().image.forward(&pixels)?))?;
    assert!(plainly > got);
    Ok(())
}

/// Four prompts that begin alike, forwards and back to the rows they are made of.
fn texts(clip: &Clip) -> Result<()> {
    let tower = &clip.config.text.tower;
    let (shared, own) = (5, [1, 2, 2, 4]);
    let beginning = 0..shared as u32;
    let mut next = shared as u32;
    let prompts = own.map(|rows| {
        let end = next..next + rows;
        next += rows;
        beginning.clone().chain(end).collect::<Vec<u32>>()
    });
    let ids: Vec<u32> = (0..next).collect();
    let table = Var::from_tensor(&clip.text.token_embedding(&ids)?)?;

    let own = own.map(|rows| rows as usize);
    let others: usize = own.iter().sum();
    let (rows, read) = (shared + others, own.len());
    let linear = (tower.layers - 1) * block(tower, rows)
        + last_block(tower, rows, read)
        + read * tower.width * clip.config.embed_dim;
    // Each sequence's own rows see the shared ones and, as one square, themselves.
    let of_all = attention(tower, shared + others, shared)
        + own
            .iter()
            .map(|&own| attention(tower, own, own))
            .sum::<usize>();
    let of_one = own.iter().map(|&own| attention(tower, 1, shared + own));
    let seeing = (tower.layers - 1) * of_all + of_one.sum::<usize>();

    let layout = clip.text.lay_out(&[prompts.into()])?;
    let (features, forwards) = counted(|| Ok(clip.text.forward(&table, &layout)?))?;
    assert_eq!(forwards, linear + seeing);
    let loss = features.sqr()?.sum_all()?;
    let (gradients, backwards) = counted(|| Ok(loss.backward()?))?;
    assert!(gradients.get(&table).is_some());
    // Of frozen weights no gradient; of attention, two products forwards and five backwards.
    assert_eq!(backwards, linear + seeing / 2 * 5);
    Ok(())
}
