//! Attention's kernels.

use super::{Address, Kernel, LANES, Launch, Source, THREADS, TILE, Tiles};

/// Columns of a head at most, a multiple of four; more do not fit a block's shared memory.
pub const MOST_HEAD_WIDTH: usize = 112;

/// A matrix of a number of heads side by side.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    pub values: Address,
    /// Values from row to row.
    pub stride: u64,
}

/// For each query the mean of the values that it sees, by its weights.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    pub queries: Heads,
    pub keys: Heads,
    pub values: Heads,
    pub out: Heads,
    pub seen: Address,
    pub tiles: Address,
    /// How many tiles there are.
    pub count: u32,
    /// Columns of a head.
    pub width: u32,
    pub scale: f32,
    pub heads: u32,
}

/// The gradient of the queries, and what that of the keys and values needs of each:
/// `statistics [heads, queries, 2]` in f32.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AttentionGradQueries {
    pub queries: Heads,
    pub keys: Heads,
    pub values: Heads,
    pub grad: Heads,
    pub grad_queries: Heads,
    pub seen: Address,
    pub tiles: Address,
    pub statistics: Address,
    pub count: u32,
    pub width: u32,
    /// Queries of all tiles.
    pub all_queries: u32,
    pub scale: f32,
    pub heads: u32,
}

/// The gradients of keys and values, where many queries see them in parts:
/// `partial [slots, heads, 2, 16, width]` in f32.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AttentionGradKeysValues {
    pub queries: Heads,
    pub keys: Heads,
    pub values: Heads,
    pub grad: Heads,
    pub grad_keys: Heads,
    pub grad_values: Heads,
    pub seen: Address,
    pub tiles: Address,
    pub statistics: Address,
    pub partial: Address,
    pub count: u32,
    pub width: u32,
    pub all_queries: u32,
    pub scale: f32,
    pub heads: u32,
}

/// The gradients that came in parts.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AttentionSumSlots {
    pub grad_keys: Heads,
    pub grad_values: Heads,
    pub sums: Address,
    pub partial: Address,
    pub count: u32,
    pub width: u32,
    pub heads: u32,
}

/// Where the tables of [`Tiles`] lie, one behind another.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    seen: Address,
    of_queries: Address,
    of_keys: Address,
    sums: Address,
    query_tiles: u32,
    key_tiles: u32,
    summed_tiles: u32,
    queries: u32,
}

impl Tables {
    /// The tables at this address, as [`Tiles::numbers`] has them.
    pub fn at(address: Address, tiles: &Tiles) -> Self {
        let mut next = address;
        let mut pass = |table: &[u32]| {
            let start = next;
            next += size_of_val(table) as Address;
            start
        };
        Self {
            seen: pass(&tiles.seen),
            of_queries: pass(&tiles.of_queries),
            of_keys: pass(&tiles.of_keys),
            sums: pass(&tiles.sums),
            query_tiles: (tiles.of_queries.len() / 6) as u32,
            key_tiles: (tiles.of_keys.len() / 5) as u32,
            summed_tiles: (tiles.sums.len() / 4) as u32,
            queries: tiles.queries() as u32,
        }
    }
}

/// What attention is computed of.
#[derive(Debug, Clone, Copy)]
pub struct Operands {
    queries: Heads,
    keys: Heads,
    values: Heads,
    tables: Tables,
    heads: u32,
    width: u32,
    /// Bytes of a value.
    bytes: u64,
}

impl Heads {
    /// The columns from the `part`th `columns` on, of rows of `stride` values.
    fn part(values: Address, part: u64, columns: u64, stride: u64, bytes: u64) -> Self {
        Self {
            values: values + part * columns * bytes,
            stride,
        }
    }
}

impl Operands {
    /// `qkv [R, 3·C]` with `C = heads · width`, in values of so many bytes.
    pub fn of_rows(qkv: Address, tables: Tables, [heads, width]: [usize; 2], bytes: usize) -> Self {
        let (columns, bytes) = ((heads * width) as u64, bytes as u64);
        let part = |at| Heads::part(qkv, at, columns, 3 * columns, bytes);
        Self {
            queries: part(0),
            keys: part(1),
            values: part(2),
            tables,
            heads: heads as u32,
            width: width as u32,
            bytes,
        }
    }

    /// `queries [N, C]`, `keys_values [R, 2·C]`.
    pub fn of_one(
        queries: Address,
        keys_values: Address,
        tables: Tables,
        [heads, width]: [usize; 2],
        bytes: usize,
    ) -> Self {
        let (columns, bytes) = ((heads * width) as u64, bytes as u64);
        let part = |at| Heads::part(keys_values, at, columns, 2 * columns, bytes);
        Self {
            queries: Heads::part(queries, 0, columns, columns, bytes),
            keys: part(0),
            values: part(1),
            tables,
            heads: heads as u32,
            width: width as u32,
            bytes,
        }
    }

    fn columns(&self) -> u64 {
        u64::from(self.heads) * u64::from(self.width)
    }

    /// `[queries, C]`
    fn plain(&self, values: Address) -> Heads {
        Heads {
            values,
            stride: self.columns(),
        }
    }

    fn scale(&self) -> f32 {
        (self.width as f32).powf(-0.5)
    }

    /// `→ out [queries, C]`
    pub fn forward(&self, out: Address) -> Attention {
        Attention {
            queries: self.queries,
            keys: self.keys,
            values: self.values,
            out: self.plain(out),
            seen: self.tables.seen,
            tiles: self.tables.of_queries,
            count: self.tables.query_tiles,
            width: self.width,
            scale: self.scale(),
            heads: self.heads,
        }
    }

    /// Values of the statistics in f32, and of the gradients that come in parts.
    pub fn scratch(&self, tiles: &Tiles) -> [usize; 2] {
        let (heads, width) = (self.heads as usize, self.width as usize);
        [
            heads * tiles.queries() * 2,
            tiles.slots * heads * 2 * TILE * width,
        ]
    }

    /// The kernels of the backward pass, in their order. `grad` is that of `out`; the
    /// gradients lie as the operands do, `of_queries` and `of_keys_values` where the first
    /// of them lies; `statistics` and `partial` are as large as [`Self::scratch`] says.
    pub fn backward(
        &self,
        grad: Address,
        of_queries: Address,
        of_keys_values: Address,
        [statistics, partial]: [Address; 2],
    ) -> (
        AttentionGradQueries,
        AttentionGradKeysValues,
        AttentionSumSlots,
    ) {
        let grad = self.plain(grad);
        let tables = &self.tables;
        let like = |values, of: Heads| Heads { values, ..of };
        let grad_keys = like(of_keys_values, self.keys);
        let behind = of_keys_values + self.columns() * self.bytes;
        let grad_values = like(behind, self.values);
        let queries = AttentionGradQueries {
            queries: self.queries,
            keys: self.keys,
            values: self.values,
            grad,
            grad_queries: like(of_queries, self.queries),
            seen: tables.seen,
            tiles: tables.of_queries,
            statistics,
            count: tables.query_tiles,
            width: self.width,
            all_queries: tables.queries,
            scale: self.scale(),
            heads: self.heads,
        };
        let keys_values = AttentionGradKeysValues {
            queries: self.queries,
            keys: self.keys,
            values: self.values,
            grad,
            grad_keys,
            grad_values,
            seen: tables.seen,
            tiles: tables.of_keys,
            statistics,
            partial,
            count: tables.key_tiles,
            width: self.width,
            all_queries: tables.queries,
            scale: self.scale(),
            heads: self.heads,
        };
        let sums = AttentionSumSlots {
            grad_keys,
            grad_values,
            sums: tables.sums,
            partial,
            count: tables.summed_tiles,
            width: self.width,
            heads: self.heads,
        };
        (queries, keys_values, sums)
    }
}

/// Values of a tile's own rows, of one for each lane, and weights of both.
fn shared(width: u32, own: u32, of_lanes: u32, weights: u32) -> u32 {
    let tile = TILE as u32;
    own * tile * width + of_lanes * LANES * (width + 1) + weights * tile * LANES
}

fn by_tiles(count: u32, heads: u32, shared: u32) -> Launch {
    Launch {
        blocks: [count, heads],
        threads: THREADS,
        shared,
    }
}

impl Kernel for Attention {
    const NAME: &'static str = "attention";
    const SOURCE: Source = Source::Attention;

    fn launch(&self) -> Launch {
        by_tiles(self.count, self.heads, shared(self.width, 1, 2, 1))
    }
}

impl Kernel for AttentionGradQueries {
    const NAME: &'static str = "attention_grad_queries";
    const SOURCE: Source = Source::Attention;

    fn launch(&self) -> Launch {
        by_tiles(self.count, self.heads, shared(self.width, 2, 2, 1))
    }
}

impl Kernel for AttentionGradKeysValues {
    const NAME: &'static str = "attention_grad_keys_values";
    const SOURCE: Source = Source::Attention;

    fn launch(&self) -> Launch {
        by_tiles(self.count, self.heads, shared(self.width, 2, 2, 2))
    }
}

impl Kernel for AttentionSumSlots {
    const NAME: &'static str = "attention_sum_slots";
    const SOURCE: Source = Source::Attention;

    fn launch(&self) -> Launch {
        by_tiles(self.count, self.heads, 0)
    }
}
