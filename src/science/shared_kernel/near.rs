//! The rows near the edges of the tube, and kernel columns among them.
//!
//! Most rows lie far from both edges, so their coefficients are known (0 or +-C) and stay so. The solver works on a
//! prefix of an order of rows by nearness; kernel columns are computed on demand, over the prefix only, and serve all
//! folds of a grid cell.

use super::factor::{Coordinates, Kernel};

/// Prefix lengths are multiples of this, for the vector loops.
const BLOCK: usize = 64;
/// No column.
const NONE: u32 = u32::MAX;

/// An order of the training rows, its prefix, and kernel columns over the prefix.
#[derive(Debug)]
pub(super) struct Near {
    gamma: f64,
    /// Training row of each position.
    order: Vec<u32>,
    /// Coordinates in that order.
    coordinates: Coordinates,
    /// Length of the prefix.
    n_near: usize,
    /// Slot of the column of each position.
    slot: Vec<u32>,
    columns: Vec<Vec<f32>>,
}

impl Near {
    /// Orders rows by `distance`, `(n_train,)`, ascending, and takes the first `n_near`; rows at infinity are never near.
    pub(super) fn new(kernel: &Kernel, distance: &[f64], n_near: usize) -> Self {
        let mut order: Vec<u32> = (0..distance.len() as u32).collect();
        let n_near = round_up(n_near, distance.len());
        let key = |a: &u32, b: &u32| {
            distance[*a as usize].total_cmp(&distance[*b as usize]).then(a.cmp(b))
        };
        if n_near < order.len() {
            order.select_nth_unstable_by(n_near, key);
        }
        // Ascending rows within the prefix, so that gathers run forward.
        let mut is_near = vec![false; order.len()];
        order[..n_near].iter().for_each(|&row| is_near[row as usize] = true);
        let rows = || 0..distance.len() as u32;
        order.clear();
        order.extend(rows().filter(|&row| is_near[row as usize]));
        order.extend(rows().filter(|&row| !is_near[row as usize]));
        let coordinates = kernel.coordinates.permuted(&order);
        let slot = vec![NONE; order.len()];
        Self { gamma: kernel.gamma, order, coordinates, n_near, slot, columns: Vec::new() }
    }

    pub(super) fn rows(&self) -> &[u32] {
        &self.order[..self.n_near]
    }

    pub(super) fn far_rows(&self) -> &[u32] {
        &self.order[self.n_near..]
    }

    /// Moves far rows, given as indices into [`Self::far_rows`], ascending, into the prefix.
    pub(super) fn extend(&mut self, far: &[usize]) {
        let first = self.n_near;
        for (count, &index) in far.iter().enumerate() {
            let (a, b) = (first + count, first + index);
            self.order.swap(a, b);
            self.coordinates.swap(a, b);
        }
        self.n_near = round_up(first + far.len(), self.order.len());
    }

    /// Sees to it that the columns of `positions` reach over the whole prefix.
    pub(super) fn compute(&mut self, positions: &[u32]) {
        for &position in positions {
            let at = position as usize;
            if self.slot[at] == NONE {
                self.slot[at] = self.columns.len() as u32;
                self.columns.push(Vec::new());
            }
            let column = &mut self.columns[self.slot[at] as usize];
            let done = column.len() / 8 * 8;
            if column.len() < self.n_near {
                column.resize(self.n_near, 0.0);
                let theta = self.coordinates.row(at);
                self.coordinates.kernel_f32(&theta, self.gamma, done, &mut column[done..]);
            }
        }
    }

    /// The column of a position that [`Self::compute`] was asked for.
    pub(super) fn column(&self, position: u32) -> &[f32] {
        &self.columns[self.slot[position as usize] as usize]
    }
}

fn round_up(n: usize, most: usize) -> usize {
    (n.div_ceil(BLOCK) * BLOCK).min(most)
}
