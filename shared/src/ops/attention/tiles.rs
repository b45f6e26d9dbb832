//! Sequences as the tiles that attention's kernels go through (`ops/cuda/attention.cu`).

use super::{Queries, head::queries_in};
use crate::ops::sequences::Sequences;

/// Rows of a tile.
pub const TILE: usize = 16;

/// Rows of their own that one tile of queries sees, but for those of a single sequence. More
/// of them would be computed with for queries that do not see them.
const MOST_OWN_ROWS: usize = 64;

/// Queries that go past one tile of keys; those of more have several tiles, which are summed
/// up behind.
const MOST_QUERIES: usize = 256;

/// No slot: the gradient is whole.
const DIRECT: u32 = u32::MAX;

/// The tables of the kernels, each an array of C structs of `u32`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tiles {
    /// For each query the rows that it sees, `[queries, 4]`.
    pub seen: Vec<u32>,
    /// `[.., 6]`
    pub of_queries: Vec<u32>,
    /// `[.., 5]`
    pub of_keys: Vec<u32>,
    /// Which slots are summed up, `[.., 4]`.
    pub sums: Vec<u32>,
    /// How many slots there are.
    pub slots: usize,
}

/// A sequence's queries and its own rows, and the rows that it shares.
#[derive(Clone, Copy)]
struct Place {
    query: usize,
    queries: usize,
    row: usize,
    rows: usize,
}

/// What a query sees of its own rows, up to before `end`.
#[derive(Clone, Copy)]
struct Seen {
    first: usize,
    end: usize,
}

impl Tiles {
    /// One query of every row, which sees all rows of its sequence or, if `causal`, those
    /// up to itself.
    pub fn of_rows(sequences: &Sequences, causal: bool) -> Self {
        match causal {
            true => Self::new(sequences, Queries::Causal),
            false => Self::new(sequences, Queries::Full),
        }
    }

    /// One query of each sequence, which sees all rows of it.
    pub fn of_one(sequences: &Sequences) -> Self {
        Self::new(sequences, Queries::OneEach)
    }

    /// How many queries there are.
    pub fn queries(&self) -> usize {
        self.seen.len() / 4
    }

    /// The tables one behind another.
    pub fn numbers(&self) -> Vec<u32> {
        [&self.seen, &self.of_queries, &self.of_keys, &self.sums]
            .map(Vec::as_slice)
            .concat()
    }

    pub(in crate::ops) fn new(sequences: &Sequences, asked: Queries) -> Self {
        let mut tiles = Self::default();
        let (mut query, mut row) = (0, 0);
        for group in sequences.groups() {
            let all = queries_in(asked, group);
            let shared = match asked {
                Queries::OneEach => 0,
                Queries::Full | Queries::Causal => group.shared,
            };
            let prefix = Place {
                query,
                queries: shared,
                row,
                rows: group.shared,
            };
            let (mut next_query, mut next_row) = (query + shared, row + group.shared);
            let own = group.own.iter().map(|&rows| {
                let queries = match asked {
                    Queries::OneEach => 1,
                    Queries::Full | Queries::Causal => rows,
                };
                let place = Place {
                    query: next_query,
                    queries,
                    row: next_row,
                    rows,
                };
                next_query += queries;
                next_row += rows;
                place
            });
            let own: Vec<Place> = own.collect();
            tiles.add_group(prefix, &own, asked);
            query += all;
            row += group.rows();
        }
        tiles
    }

    fn add_group(&mut self, prefix: Place, own: &[Place], asked: Queries) {
        let shared = prefix.row..prefix.row + prefix.rows;
        let of_prefix = self.see(&[prefix], asked, [0, 0]);
        self.tile_queries(prefix.query, &of_prefix, [0, 0]);
        let of_own = self.see(own, asked, [shared.start, shared.end]);
        let first_own = prefix.query + prefix.queries;
        self.tile_queries(first_own, &of_own, [shared.start, shared.end]);

        let end = first_own + of_own.len();
        for row in shared.clone().step_by(TILE) {
            let rows = TILE.min(shared.end - row);
            // Shared rows before this one do not see it.
            let first = first_own.min(prefix.query + (row - prefix.row));
            self.tile_keys(row, rows, first, end);
        }
        let (Some(start), Some(last)) = (own.first(), own.last()) else {
            return;
        };
        let end = last.row + last.rows;
        let mut at = 0; // of the sequence that the tile begins in
        for row in (start.row..end).step_by(TILE) {
            while own[at].row + own[at].rows <= row {
                at += 1;
            }
            let rows = TILE.min(end - row);
            let behind = own.iter().skip(at);
            let within = behind.take_while(|place| place.row < row + rows);
            let last = within.last().unwrap_or(&own[at]);
            let first = match asked {
                // Rows of the sequence before this one do not see it.
                Queries::Causal => own[at].query + (row - own[at].row),
                Queries::Full | Queries::OneEach => own[at].query,
            };
            self.tile_keys(row, rows, first, last.query + last.queries);
        }
    }

    /// Notes what the queries of sequences see, and gives back what of their own rows.
    fn see(&mut self, places: &[Place], asked: Queries, shared: [usize; 2]) -> Vec<Seen> {
        let mut all = Vec::new();
        for place in places {
            for at in 0..place.queries {
                let rows = match asked {
                    Queries::Causal => at + 1,
                    Queries::Full | Queries::OneEach => place.rows,
                };
                let (first, end) = (place.row, place.row + rows);
                self.seen
                    .extend(numbers([first, end, shared[0], shared[1]]));
                all.push(Seen { first, end });
            }
        }
        all
    }

    /// Cuts the queries from `first` on into tiles.
    fn tile_queries(&mut self, first: usize, seen: &[Seen], shared: [usize; 2]) {
        let mut start = 0;
        while start < seen.len() {
            let from = seen[start].first;
            let is_near = |seen: &&Seen| seen.first == from || seen.end <= from + MOST_OWN_ROWS;
            let near = seen[start..].iter().take(TILE).take_while(is_near);
            let (mut count, mut end) = (0, from);
            for seen in near {
                count += 1;
                end = end.max(seen.end);
            }
            self.of_queries.extend(numbers([
                first + start,
                count,
                shared[0],
                shared[1] - shared[0],
                from,
                end - from,
            ]));
            start += count;
        }
    }

    /// A tile of rows that the queries from `first` to before `end` go past.
    fn tile_keys(&mut self, row: usize, rows: usize, first: usize, end: usize) {
        // Rows that nothing sees have a tile too, which writes their gradient of zeros.
        let parts = (end - first).div_ceil(MOST_QUERIES).max(1);
        if parts > 1 {
            self.sums.extend(numbers([row, rows, self.slots, parts]));
        }
        for query in (0..parts).map(|part| first + part * MOST_QUERIES) {
            let queries = MOST_QUERIES.min(end - query);
            self.of_keys.extend(numbers([row, rows, query, queries]));
            match parts {
                1 => self.of_keys.push(DIRECT),
                _ => {
                    self.of_keys.push(self.slots as u32);
                    self.slots += 1;
                }
            }
        }
    }
}

fn numbers<const N: usize>(numbers: [usize; N]) -> [u32; N] {
    numbers.map(|number| number as u32)
}

#[cfg(test)]
mod tests {
    use super::{DIRECT, TILE, Tiles};
    use crate::ops::sequences::{Group, Sequences};

    /// For each query the rows that it sees, one by one, as a bitmap of all rows.
    fn by_hand(sequences: &Sequences, causal: bool, one: bool) -> Vec<Vec<bool>> {
        let rows = sequences.rows();
        let mut seen = vec![vec![false; rows]; rows];
        let mut of_one = Vec::new();
        for sequence in sequences.each() {
            for (at, &query) in sequence.iter().enumerate() {
                let end = if causal { at + 1 } else { sequence.len() };
                for &row in &sequence[..end] {
                    seen[query as usize][row as usize] = true;
                }
            }
            let mut all = vec![false; rows];
            sequence.iter().for_each(|&row| all[row as usize] = true);
            of_one.push(all);
        }
        if one { of_one } else { seen }
    }

    fn cover(tiles: &Tiles, expected: &[Vec<bool>]) {
        let rows = expected.first().map_or(0, Vec::len);
        assert_eq!(tiles.queries(), expected.len());
        let sees = |query: usize, row: usize| {
            let &[first, end, shared, shared_end] = &tiles.seen[4 * query..4 * query + 4] else {
                unreachable!("four numbers");
            };
            let row = row as u32;
            (first..end).contains(&row) || (shared..shared_end).contains(&row)
        };
        for (query, expected) in expected.iter().enumerate() {
            let got: Vec<bool> = (0..rows).map(|row| sees(query, row)).collect();
            assert_eq!(&got, expected, "query {query}");
        }
        // Every pair is computed once, forwards and backwards.
        let mut forwards = vec![vec![0; rows]; expected.len()];
        for tile in tiles.of_queries.chunks(6) {
            let tile: Vec<usize> = tile.iter().map(|&number| number as usize).collect();
            assert!(tile[1] <= TILE);
            for query in &mut forwards[tile[0]..tile[0] + tile[1]] {
                let shared = tile[2]..tile[2] + tile[3];
                shared
                    .chain(tile[4]..tile[4] + tile[5])
                    .for_each(|row| query[row] += 1);
            }
        }
        let mut backwards = vec![vec![0; rows]; expected.len()];
        let mut slots = vec![0; tiles.slots];
        for tile in tiles.of_keys.chunks(5) {
            if tile[4] != DIRECT {
                slots[tile[4] as usize] += 1;
            }
            let tile: Vec<usize> = tile.iter().map(|&number| number as usize).collect();
            assert!(tile[1] <= TILE);
            for query in &mut backwards[tile[2]..tile[2] + tile[3]] {
                query[tile[0]..tile[0] + tile[1]]
                    .iter_mut()
                    .for_each(|times| *times += 1);
            }
        }
        for (query, expected) in expected.iter().enumerate() {
            for (row, &is_seen) in expected.iter().enumerate() {
                let times = [forwards[query][row], backwards[query][row]];
                assert!(
                    times.iter().all(|&times| times <= 1),
                    "{query}, {row}: {times:?}"
                );
                assert!(!is_seen || times == [1, 1], "{query}, {row}: {times:?}");
            }
        }
        for sum in tiles.sums.chunks(4) {
            let slots = &mut slots[sum[2] as usize..(sum[2] + sum[3]) as usize];
            slots.iter_mut().for_each(|times| *times += 1);
        }
        assert!(slots.iter().all(|&times| times == 2), "{slots:?}");
        // Every row gets a gradient from somewhere.
        let whole = tiles.of_keys.chunks(5).filter(|tile| tile[4] == DIRECT);
        let summed = tiles.sums.chunks(4).map(|sum| sum[1]);
        let written: u32 = whole.map(|tile| tile[1]).chain(summed).sum();
        assert_eq!(written as usize, rows);
    }

    #[test]
    fn tiles_cover_what_is_seen_and_nothing_twice() {
        let group = |shared, own: Vec<usize>| Group { shared, own };
        let shared = vec![
            group(3, vec![2, 1, 4]),
            group(0, vec![80]),
            group(17, vec![5; 70]),
            group(40, vec![1]),
            group(0, vec![70, 3, 70]),
        ];
        let shared = Sequences::new(shared).unwrap();
        cover(
            &Tiles::of_rows(&shared, true),
            &by_hand(&shared, true, false),
        );
        cover(&Tiles::of_one(&shared), &by_hand(&shared, false, true));
        let apart = vec![
            group(0, vec![1]),
            group(0, vec![33, 16, 2]),
            group(0, vec![300]),
        ];
        let apart = Sequences::new(apart).unwrap();
        for causal in [true, false] {
            let expected = by_hand(&apart, causal, false);
            cover(&Tiles::of_rows(&apart, causal), &expected);
        }
    }

    #[test]
    fn nothing_makes_no_tiles() {
        let nothing = Sequences::new(Vec::new()).unwrap();
        assert_eq!(Tiles::of_rows(&nothing, true), Tiles::default());
    }
}
