//! The innermost product of WebAssembly: five rows by eight columns, summed in registers.
//!
//! Ten sums, a row of the panel, a factor and a product are fourteen of the sixteen registers
//! on x86; with more rows or columns some would be put aside in every step, with fewer each
//! step's additions would wait for those of the step before. Both sides are read from
//! their first value to their last, so that a step is two addresses. It is written out, since
//! a compiler that is asked for small code unrolls no loop.

/// Columns of a panel, in two halves.
pub(super) const COLUMNS: usize = 8;
/// Rows that are multiplied at once.
pub(super) const ROWS: usize = 5;

/// Sums of a row.
pub(super) type Eight = [[f32; 4]; 2];

/// Four sums of products, in a register: of a step's part of a row with that of four columns.
pub(super) trait Sums<Left, Right>: Copy {
    /// Adds the products of a row with the columns.
    fn add(self, left: Left, right: &Right) -> Self;
}

/// Adds to the sums of each row its products with a panel, as far as the shorter of them goes.
#[inline(always)]
pub(super) fn tile_of<Left: Copy, Right, S: Sums<Left, Right>>(
    rows: &[[Left; ROWS]],
    panel: &[[Right; 2]],
    mut sums: [[S; 2]; ROWS],
) -> [[S; 2]; ROWS] {
    // Two iterators rather than one of pairs, which counts and computes both addresses anew.
    let mut panel = panel.iter();
    for rows in rows {
        let Some(panel) = panel.next() else {
            break;
        };
        sums = step(rows, panel, sums);
    }
    sums
}

/// Adds one product to each sum.
#[inline(always)]
pub(super) fn step<Left: Copy, Right, S: Sums<Left, Right>>(
    [a, b, c, d, e]: &[Left; ROWS],
    [left, right]: &[Right; 2],
    [[a0, a1], [b0, b1], [c0, c1], [d0, d1], [e0, e1]]: [[S; 2]; ROWS],
) -> [[S; 2]; ROWS] {
    [
        [a0.add(*a, left), a1.add(*a, right)],
        [b0.add(*b, left), b1.add(*b, right)],
        [c0.add(*c, left), c1.add(*c, right)],
        [d0.add(*d, left), d1.add(*d, right)],
        [e0.add(*e, left), e1.add(*e, right)],
    ]
}

/// Copies what fits: eight values at once where it is eight, without a call.
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    match (from.as_chunks::<COLUMNS>(), to.as_chunks_mut::<COLUMNS>()) {
        (([from], []), ([to], [])) => *to = *from,
        _ => from.iter().zip(to).for_each(|(from, to)| *to = *from),
    }
}
