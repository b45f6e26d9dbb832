//! Attention and its gradients.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cuda::cudarc::driver::{CudaSlice, DevicePtr};
use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape, bail};

use super::graph::{is_recording, keep};
use super::{Real, common, launch, operand, room, written};
use crate::ops::attention::Queries;
use crate::ops::cuda::{Address, Operands, Tables, Tiles};
use crate::ops::sequences::Sequences;

/// How many sequences' tables are kept.
const MOST_KEPT: usize = 128;

/// The tables of sequences, on a device.
struct Sent {
    sequences: Sequences,
    asked: Queries,
    tiles: Tiles,
    numbers: CudaSlice<u32>,
    device: CudaDevice,
}

/// The tables of sequences: sent to the device at the first time, kept for the others, since
/// one step has the same sequences as the next.
fn sent(sequences: &Sequences, asked: Queries, device: &CudaDevice) -> Result<Arc<Sent>> {
    static KEPT: Mutex<VecDeque<Arc<Sent>>> = Mutex::new(VecDeque::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.iter().find(|sent| {
        let is_same = sent.asked == asked && sent.device.same_device(device);
        is_same && sent.sequences.groups() == sequences.groups()
    });
    if let Some(sent) = found {
        keep(sent);
        return Ok(sent.clone());
    }
    if is_recording() {
        bail!("tables of attention would be sent while the device records");
    }
    let tiles = Tiles::new(sequences, asked);
    let sent = Arc::new(Sent {
        sequences: sequences.clone(),
        asked,
        numbers: device.clone_htod(&tiles.numbers())?,
        tiles,
        device: device.clone(),
    });
    if kept.len() == MOST_KEPT {
        kept.pop_front();
    }
    kept.push_back(sent.clone());
    Ok(sent)
}

/// A tensor in memory.
type Placed<'a> = (&'a CudaStorage, &'a Layout);

/// `qkv [R, 3·C] → [R, C]`
pub(in crate::ops) fn self_attention(
    operation: &str,
    (qkv, layout): Placed<'_>,
    sequences: &Sequences,
    heads: usize,
    asked: Queries,
) -> Result<(CudaStorage, Shape)> {
    let (rows, triple) = layout.shape().dims2()?;
    let columns = triple / 3;
    let device = qkv.device();
    let stream = device.cuda_stream();
    let sent = sent(sequences, asked, device)?;
    let (tables, _are_used) = sent.numbers.device_ptr(&stream);
    let qkv = operand(operation, qkv, layout, &stream)?;
    let operands = Operands::of_rows(
        qkv.address,
        Tables::at(tables, &sent.tiles),
        [heads, columns / heads],
        qkv.real.bytes(),
    );
    let out = written(device, qkv.real, rows * columns, |out| {
        // SAFETY: the operands have as many rows as the sequences, and so has the result.
        unsafe { launch(device, operands.forward(out), qkv.real) }
    })?;
    Ok((out, Shape::from((rows, columns))))
}

/// `(qkv, grad) → grad_qkv`
pub(in crate::ops) fn self_attention_grad(
    operation: &str,
    (qkv, layout): Placed<'_>,
    (grad, grad_layout): Placed<'_>,
    sequences: &Sequences,
    heads: usize,
    asked: Queries,
) -> Result<(CudaStorage, Shape)> {
    let (rows, triple) = layout.shape().dims2()?;
    let columns = triple / 3;
    if grad_layout.dims() != [rows, columns] {
        bail!(
            "{operation}: a gradient {:?} of [{rows}, {columns}]",
            grad_layout.dims()
        );
    }
    let device = qkv.device();
    let stream = device.cuda_stream();
    let sent = sent(sequences, asked, device)?;
    let (tables, _are_used) = sent.numbers.device_ptr(&stream);
    let qkv = operand(operation, qkv, layout, &stream)?;
    let grad = operand(operation, grad, grad_layout, &stream)?;
    let real = common(operation, &[&qkv, &grad])?;
    let operands = Operands::of_rows(
        qkv.address,
        Tables::at(tables, &sent.tiles),
        [heads, columns / heads],
        real.bytes(),
    );
    let grad_qkv = written(device, real, rows * triple, |grad_qkv| {
        let behind = grad_qkv + (columns * real.bytes()) as Address;
        let gradients = [grad_qkv, behind];
        backward(device, real, operands, &sent.tiles, grad.address, gradients)
    })?;
    Ok((grad_qkv, layout.shape().clone()))
}

/// `(queries [N, C], keys_values [R, 2·C]) → [N, C]`
pub(in crate::ops) fn attention_of_one(
    operation: &str,
    (queries, layout): Placed<'_>,
    (keys_values, keys_values_layout): Placed<'_>,
    sequences: &Sequences,
    heads: usize,
) -> Result<(CudaStorage, Shape)> {
    let (count, columns) = layout.shape().dims2()?;
    let device = queries.device();
    let stream = device.cuda_stream();
    let sent = sent(sequences, Queries::OneEach, device)?;
    let (tables, _are_used) = sent.numbers.device_ptr(&stream);
    let queries = operand(operation, queries, layout, &stream)?;
    let keys_values = operand(operation, keys_values, keys_values_layout, &stream)?;
    let real = common(operation, &[&queries, &keys_values])?;
    let operands = Operands::of_one(
        queries.address,
        keys_values.address,
        Tables::at(tables, &sent.tiles),
        [heads, columns / heads],
        real.bytes(),
    );
    let out = written(device, real, count * columns, |out| {
        // SAFETY: as many queries as sequences, and keys and values for each of their rows.
        unsafe { launch(device, operands.forward(out), real) }
    })?;
    Ok((out, layout.shape().clone()))
}

/// `(queries, keys_values, grad) → [grad_queries ++ grad_keys_values]`, as one row of numbers
pub(in crate::ops) fn attention_of_one_grad(
    operation: &str,
    (queries, layout): Placed<'_>,
    (keys_values, keys_values_layout): Placed<'_>,
    (grad, grad_layout): Placed<'_>,
    sequences: &Sequences,
    heads: usize,
) -> Result<(CudaStorage, Shape)> {
    let (count, columns) = layout.shape().dims2()?;
    if grad_layout.dims() != layout.dims() {
        bail!(
            "{operation}: a gradient {:?} of {:?}",
            grad_layout.dims(),
            layout.dims()
        );
    }
    let device = queries.device();
    let stream = device.cuda_stream();
    let sent = sent(sequences, Queries::OneEach, device)?;
    let (tables, _are_used) = sent.numbers.device_ptr(&stream);
    let queries = operand(operation, queries, layout, &stream)?;
    let keys_values = operand(operation, keys_values, keys_values_layout, &stream)?;
    let grad = operand(operation, grad, grad_layout, &stream)?;
    let real = common(operation, &[&queries, &keys_values, &grad])?;
    let operands = Operands::of_one(
        queries.address,
        keys_values.address,
        Tables::at(tables, &sent.tiles),
        [heads, columns / heads],
        real.bytes(),
    );
    let all = count * columns + keys_values_layout.shape().elem_count();
    let both = written(device, real, all, |both| {
        let behind = both + (count * columns * real.bytes()) as Address;
        backward(
            device,
            real,
            operands,
            &sent.tiles,
            grad.address,
            [both, behind],
        )
    })?;
    Ok((both, Shape::from(all)))
}

fn backward(
    device: &CudaDevice,
    real: Real,
    operands: Operands,
    tiles: &Tiles,
    grad: Address,
    [of_queries, of_keys_values]: [Address; 2],
) -> Result<()> {
    let [statistics, partial] = operands.scratch(tiles);
    room::<f32>(device, statistics + partial, |scratch| {
        let behind = scratch + (statistics * size_of::<f32>()) as Address;
        let kernels = operands.backward(grad, of_queries, of_keys_values, [scratch, behind]);
        let (queries, keys_values, sums) = kernels;
        // SAFETY: the gradients lie as the operands do, and the scratch is as large as it is
        // asked for; it is given back behind the kernels, on their stream.
        unsafe {
            launch(device, queries, real)?;
            launch(device, keys_values, real)?;
            launch(device, sums, real)
        }
    })?;
    Ok(())
}
