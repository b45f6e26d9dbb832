//! The order of a view's elements.

/// Where the elements of a view lie, in row-major order.
pub(super) struct Positions<'a> {
    dims: &'a [usize],
    strides: &'a [usize],
    index: Vec<usize>,
    next: Option<usize>,
}

impl<'a> Positions<'a> {
    pub(super) fn new(dims: &'a [usize], strides: &'a [usize]) -> Self {
        Self {
            dims,
            strides,
            index: vec![0; dims.len()],
            next: (!dims.contains(&0)).then_some(0),
        }
    }
}

impl Iterator for Positions<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let here = self.next?;
        let mut position = here;
        self.next = None;
        for axis in (0..self.dims.len()).rev() {
            if self.index[axis] + 1 < self.dims[axis] {
                self.index[axis] += 1;
                self.next = Some(position + self.strides[axis]);
                break;
            }
            position -= self.index[axis] * self.strides[axis];
            self.index[axis] = 0;
        }
        Some(here)
    }
}
