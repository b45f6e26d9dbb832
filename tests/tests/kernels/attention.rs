//! Attention over sequences of many kinds, and its gradients.

use anyhow::Result;
use clipwright_shared::ops::cuda::{Operands, Tables, Tiles};
use clipwright_shared::ops::{Group, Sequences, attention_of_one, self_attention};
use clipwright_tests::kernels::{Memory, Type, run};

use crate::{TYPES, gradients, near, numbers, tensor, variable};

/// A type's heads, and the columns of each.
fn heads(of: Type) -> &'static [[usize; 2]] {
    match of {
        Type::F32 => &[[3, 4], [1, 36], [1, 64]],
        Type::Bf16 => &[[2, 12]],
    }
}

fn sequences(groups: &[(usize, &[usize])]) -> Result<Sequences> {
    let groups = groups.iter().map(|&(shared, own)| Group {
        shared,
        own: own.to_vec(),
    });
    Ok(Sequences::new(groups.collect())?)
}

/// Prompts that share their beginnings, some of them, and some that stand alone.
fn prompts() -> Result<Sequences> {
    sequences(&[
        (3, &[2, 1, 4]),
        (0, &[80]),
        (17, &[5, 6, 4, 5, 7, 3]),
        (40, &[1]),
        (0, &[1]),
        (0, &[9, 33]),
    ])
}

/// So many prompts that their gradient of the shared rows comes in parts.
fn many_prompts() -> Result<Sequences> {
    sequences(&[(18, &[4; 80])])
}

/// Images, some of other sizes.
fn images() -> Result<Sequences> {
    sequences(&[(0, &[50]), (0, &[50]), (0, &[17, 2]), (0, &[1])])
}

/// The tables in memory, and what attention is computed of.
struct Case {
    tiles: Tiles,
    _numbers: Vec<u32>,
    tables: Tables,
}

impl Case {
    fn new(tiles: Tiles) -> Self {
        let numbers = tiles.numbers();
        let address = numbers.as_ptr().expose_provenance() as u64;
        Self {
            tables: Tables::at(address, &tiles),
            tiles,
            _numbers: numbers,
        }
    }

    /// The result, and the gradients of the queries and of keys and values, which lie where
    /// they are told to.
    ///
    /// # Safety
    /// The addresses are those of memory as large as the sequences ask for.
    unsafe fn run(
        &self,
        of: Type,
        operands: Operands,
        out: &mut Memory,
        grad: &mut Memory,
        [of_queries, of_keys_values]: [u64; 2],
    ) {
        let scratch = operands.scratch(&self.tiles);
        let [mut statistics, mut partial] = scratch.map(|size| Memory::room(Type::F32, size));
        let scratch = [statistics.address(), partial.address()];
        let backward = operands.backward(grad.address(), of_queries, of_keys_values, scratch);
        let (queries, keys_values, sums) = backward;
        // SAFETY: the caller has seen to the operands, and the scratch is as large as asked.
        unsafe {
            run(operands.forward(out.address()), of);
            run(queries, of);
            run(keys_values, of);
            run(sums, of);
        }
    }
}

fn compare_self_attention(
    (of, share): (Type, f32),
    sequences: &Sequences,
    [heads, width]: [usize; 2],
    causal: bool,
) -> Result<()> {
    let what = format!("{of:?}, {heads} heads of {width}, causal: {causal}");
    let (rows, columns) = (sequences.rows(), heads * width);
    let scaled: Vec<f32> = numbers(rows * 3 * columns, 1)
        .iter()
        .map(|x| 2.0 * x)
        .collect();
    let mut qkv = Memory::of(of, &scaled);
    let mut grad = Memory::of(of, &numbers(rows * columns, 2));
    let of_qkv = variable(&qkv, &[rows, 3 * columns])?;
    let expected = self_attention(&of_qkv, sequences, heads, causal)?;
    let upstream = tensor(&grad, &[rows, columns])?;
    let [expected_grad] = gradients(&expected, &upstream, [&of_qkv])?;

    let case = Case::new(Tiles::of_rows(sequences, causal));
    let mut out = Memory::room(of, rows * columns);
    let mut grad_qkv = Memory::room(of, rows * 3 * columns);
    let shape = [heads, width];
    let operands = Operands::of_rows(qkv.address(), case.tables, shape, of.bytes());
    let start = grad_qkv.address();
    let behind = start + (columns * of.bytes()) as u64;
    // SAFETY: all of it is as large as the sequences ask for.
    unsafe { case.run(of, operands, &mut out, &mut grad, [start, behind]) };
    near(&what, &out, &expected, share)?;
    near(
        &format!("{what}: gradient"),
        &grad_qkv,
        &expected_grad,
        share,
    )
}

fn compare_attention_of_one(
    (of, share): (Type, f32),
    sequences: &Sequences,
    [heads, width]: [usize; 2],
) -> Result<()> {
    let what = format!("{of:?}, {heads} heads of {width}, one query each");
    let (rows, columns, count) = (sequences.rows(), heads * width, sequences.count());
    let mut queries = Memory::of(of, &numbers(count * columns, 1));
    let mut keys_values = Memory::of(of, &numbers(rows * 2 * columns, 2));
    let mut grad = Memory::of(of, &numbers(count * columns, 3));
    let of_queries = variable(&queries, &[count, columns])?;
    let of_keys_values = variable(&keys_values, &[rows, 2 * columns])?;
    let expected = attention_of_one(&of_queries, &of_keys_values, sequences, heads)?;
    let upstream = tensor(&grad, &[count, columns])?;
    let expected_gradients = gradients(&expected, &upstream, [&of_queries, &of_keys_values])?;

    let case = Case::new(Tiles::of_one(sequences));
    let mut out = Memory::room(of, count * columns);
    let mut grad_queries = Memory::room(of, count * columns);
    let mut grad_keys_values = Memory::room(of, rows * 2 * columns);
    let operands = Operands::of_one(
        queries.address(),
        keys_values.address(),
        case.tables,
        [heads, width],
        of.bytes(),
    );
    let gradients = [grad_queries.address(), grad_keys_values.address()];
    // SAFETY: all of it is as large as the sequences ask for.
    unsafe { case.run(of, operands, &mut out, &mut grad, gradients) };
    near(&what, &out, &expected, share)?;
    let [of_queries, of_keys_values] = expected_gradients;
    near(
        &format!("{what}: of queries"),
        &grad_queries,
        &of_queries,
        share,
    )?;
    let of_keys_and_values = format!("{what}: of keys and values");
    near(
        &of_keys_and_values,
        &grad_keys_values,
        &of_keys_values,
        share,
    )
}

#[test]
fn causal_attention_is_that_of_the_cpu() -> Result<()> {
    for case in TYPES {
        for &shape in heads(case.0) {
            compare_self_attention(case, &prompts()?, shape, true)?;
        }
    }
    compare_self_attention(TYPES[0], &many_prompts()?, [1, 8], true)
}

#[test]
fn full_attention_is_that_of_the_cpu() -> Result<()> {
    for case in TYPES {
        for &shape in heads(case.0) {
            compare_self_attention(case, &images()?, shape, false)?;
        }
    }
    // As wide as a head may be.
    compare_self_attention(TYPES[0], &Sequences::alike(2, 20), [1, 112], false)
}

#[test]
fn attention_of_one_query_is_that_of_the_cpu() -> Result<()> {
    for case in TYPES {
        for &shape in heads(case.0) {
            compare_attention_of_one(case, &prompts()?, shape)?;
            compare_attention_of_one(case, &images()?, shape)?;
        }
    }
    compare_attention_of_one(TYPES[0], &sequences(&[(18, &[2; 300])])?, [1, 8])
}
