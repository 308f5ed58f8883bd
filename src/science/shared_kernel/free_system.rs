//! The bordered system of the free rows: (K_FF + sigma) x + bias = rhs, sum x given.

use super::border::{Border, Change};
use super::cholesky::Cholesky;
use super::near::Near;
use super::simd::Scalar;

/// Least sigma at which a system may be solved in f32: rounding then changes a step by less than a few percent.
const LEAST_SINGLE: f64 = 4e-5;
/// Least sigma at which a factorization in f32 may be bordered, which adds the rounding of a second elimination.
const LEAST_BORDERED: f64 = 3e-4;
/// Steps on one base: rounding that keeps the steps from settling must not last.
const MOST_STEPS: usize = 8;
/// Fewest rows whose factorization is worth keeping when some change. Smaller ones are cheap, and of a smooth kernel's
/// few free rows a border is less exact than its base, which costs steps.
const FEWEST: usize = 320;
/// Most columns of a border.
const WIDEST: usize = 64;
/// A border has at most this share of the rows.
const SHARE: usize = 6;

/// The factorization of K_FF + sigma: of the free rows at hand, or of a base that differs from them in few rows.
#[derive(Debug, Default)]
pub(super) struct FreeSystem {
    double: Factor<f64>,
    single: Factor<f32>,
    is_single: bool,
    /// Near positions of the base, ascending.
    base: Vec<u32>,
    free: Vec<u32>,
    changes: Vec<Change>,
    sigma: f64,
    /// Borders made since the base was factorized.
    n_bordered: usize,
    /// Whether rounding has forbidden a border since the columns are these: it will again.
    rounds_off: bool,
    ones: Vec<f64>,
}

/// A factorization of the base and its border, in one kind of number.
#[derive(Debug, Default)]
struct Factor<T> {
    cholesky: Cholesky<T>,
    border: Border<T>,
    x: Vec<T>,
    y: Vec<T>,
}

impl FreeSystem {
    /// Forgets the factorization: the columns may be others.
    pub(super) fn clear(&mut self) {
        self.base.clear();
        self.free.clear();
        self.sigma = f64::NAN;
        self.rounds_off = false;
    }

    /// Factorizes, or borders the factorization at hand, for `free`, ascending; in f32 where `rounded` and sigma allow.
    pub(super) fn factorize(&mut self, near: &Near, free: &[u32], sigma: f64, rounded: bool) {
        if self.sigma == sigma && (self.free == free || self.widen(near, free, sigma)) {
            return;
        }
        self.is_single =
            rounded && sigma >= LEAST_SINGLE && attempt(&mut self.single, near, free, sigma, |k| k);
        let mut ridge = sigma;
        while !self.is_single && !attempt(&mut self.double, near, free, ridge, f64::from) {
            ridge *= 10.0;
        }
        self.n_bordered = 0;
        for rows in [&mut self.base, &mut self.free] {
            rows.clear();
            rows.extend_from_slice(free);
        }
        // A ridge that had to be raised is not one to build on.
        self.sigma = if ridge == sigma { sigma } else { f64::NAN };
    }

    /// Borders the factorization at hand; `false` where that costs too much or fails.
    fn widen(&mut self, near: &Near, free: &[u32], sigma: f64) -> bool {
        let most = WIDEST.min(self.base.len() / SHARE);
        if self.rounds_off
            || (self.is_single && sigma < LEAST_BORDERED)
            || self.n_bordered == MOST_STEPS
            || self.base.len() < FEWEST
            || self.base.len().abs_diff(free.len()) > most
        {
            return false;
        }
        changes(&self.base, free, &mut self.changes);
        let Self { base, changes, .. } = self;
        let done = if self.is_single {
            border(&mut self.single, near, base, changes, sigma, most)
        } else {
            border(&mut self.double, near, base, changes, sigma, most)
        };
        let Some(done) = done else { return false };
        self.rounds_off = !done;
        self.n_bordered += 1;
        if done {
            self.free.clear();
            self.free.extend_from_slice(free);
        }
        done
    }

    /// Solves in place with the bias that makes the solution sum to `sum`; returns the bias.
    pub(super) fn solve(&mut self, rhs: &mut [f64], sum: f64) -> f64 {
        self.ones.clear();
        self.ones.resize(rhs.len(), 1.0);
        if self.is_single {
            self.single.solve(&self.base, &self.free, rhs, &mut self.ones);
        } else {
            self.double.solve(&self.base, &self.free, rhs, &mut self.ones);
        }
        let bias = (rhs.iter().sum::<f64>() - sum) / self.ones.iter().sum::<f64>();
        for (x, one) in rhs.iter_mut().zip(&self.ones) {
            *x -= bias * one;
        }
        bias
    }
}

impl<T: Scalar> Factor<T> {
    /// Solves in place for two right-hand sides, in the order of `free`.
    fn solve(&mut self, base: &[u32], free: &[u32], rhs: &mut [f64], ones: &mut [f64]) {
        let padded = self.cholesky.padded();
        for memory in [&mut self.x, &mut self.y] {
            memory.clear();
            memory.resize(padded, T::default());
        }
        let (mut added_x, mut added_y) = (Vec::new(), Vec::new());
        for row in self.border.added() {
            if let Ok(at) = free.binary_search(&row) {
                added_x.push(rhs[at]);
                added_y.push(ones[at]);
            }
        }
        each_kept(base, free, |place, at| {
            self.x[place] = T::rounded(rhs[at]);
            self.y[place] = T::rounded(ones[at]);
        });
        let (x, y) = (&mut self.x, &mut self.y);
        self.border.solve(&self.cholesky, [x, y], [&mut added_x, &mut added_y]);
        each_kept(base, free, |place, at| {
            rhs[at] = self.x[place].widened();
            ones[at] = self.y[place].widened();
        });
        for ((row, x), y) in self.border.added().zip(added_x).zip(added_y) {
            if let Ok(at) = free.binary_search(&row) {
                (rhs[at], ones[at]) = (x, y);
            }
        }
    }
}

/// Visits rows that are in both ascending lists, by their places.
fn each_kept(base: &[u32], free: &[u32], mut visit: impl FnMut(usize, usize)) {
    let (mut place, mut at) = (0, 0);
    while place < base.len() && at < free.len() {
        match base[place].cmp(&free[at]) {
            std::cmp::Ordering::Less => place += 1,
            std::cmp::Ordering::Greater => at += 1,
            std::cmp::Ordering::Equal => {
                visit(place, at);
                (place, at) = (place + 1, at + 1);
            }
        }
    }
}

/// What makes `base` `free`, both ascending.
fn changes(base: &[u32], free: &[u32], out: &mut Vec<Change>) {
    out.clear();
    let (mut place, mut at) = (0, 0);
    while place < base.len() || at < free.len() {
        let (before, after) = (base.get(place), free.get(at));
        match (before, after) {
            (Some(a), Some(b)) if a == b => (place, at) = (place + 1, at + 1),
            (Some(a), after) if after.is_none_or(|b| a < b) => {
                out.push(Change::Removed(place as u32));
                place += 1;
            }
            (_, Some(&b)) => {
                out.push(Change::Added(b));
                at += 1;
            }
            (_, None) => break,
        }
    }
}

/// Borders `factor`: `None` where that takes more than `most` columns, `false` where rounding forbids it.
fn border<T: Scalar>(
    factor: &mut Factor<T>,
    near: &Near,
    base: &[u32],
    changes: &[Change],
    sigma: f64,
    most: usize,
) -> Option<bool> {
    if factor.border.size_with(changes) > most {
        return None;
    }
    let kernel = |row: u32, place: usize| near.column(row)[base[place] as usize];
    let pair = |a: u32, b: u32| near.column(a)[b as usize];
    Some(factor.border.set(&factor.cholesky, changes, sigma, kernel, pair))
}

/// Factorizes K_FF + ridge; `false` where it is not positive definite in this kind of number.
fn attempt<T: Scalar>(
    factor: &mut Factor<T>,
    near: &Near,
    free: &[u32],
    ridge: f64,
    number: impl Fn(f32) -> T,
) -> bool {
    factor.border.clear();
    factor.cholesky.fill(free.len(), |row, out| {
        let column = near.column(free[row]);
        for (out, &p) in out.iter_mut().zip(&free[row..]) {
            *out = number(column[p as usize]);
        }
        out[0] = T::rounded(out[0].widened() + ridge);
    });
    factor.cholesky.factorize() == free.len()
}

#[cfg(test)]
mod tests {
    use super::super::factor::{Coordinates, Kernel};
    use super::*;

    #[test]
    fn a_bordered_system_is_solved_as_a_new_one_is() {
        let n = 500;
        let labels = ndarray::Array2::from_shape_fn((n, 2), |(i, l)| {
            ((i * (3 + 4 * l)) as f64 * 0.618).fract() * 6.0 - 3.0
        });
        let kernel = Kernel::new(&Coordinates::new(labels.view()), 2.0, 1e-6);
        let mut near = Near::new(&kernel, &vec![0.0; n], n);
        near.compute(&(0..n as u32).collect::<Vec<_>>());
        for (rounded, within) in [(true, 2e-3), (false, 1e-9)] {
            let (mut kept, mut new) = (FreeSystem::default(), FreeSystem::default());
            // Rows come and go by sevens; in the second round some of them return.
            for round in 0..4u32 {
                let skipped =
                    |i: &u32| !(i % 50 == 7 * round || i % 60 == 11 || i % 80 == 13 * round);
                let free: Vec<u32> = (0..400).filter(skipped).collect();
                let value = |&i: &u32| (f64::from(i) * 0.7).sin();
                let (mut x, mut y): (Vec<f64>, Vec<f64>) =
                    (free.iter().map(value).collect(), free.iter().map(value).collect());
                kept.factorize(&near, &free, 0.01, rounded);
                assert_eq!(kept.base == kept.free, round == 0, "round {round} is bordered");
                new.clear();
                new.factorize(&near, &free, 0.01, rounded);
                let biases = [kept.solve(&mut x, 0.3), new.solve(&mut y, 0.3)];
                assert!((biases[0] - biases[1]).abs() < within, "{biases:?}");
                let largest = y.iter().fold(0.0f64, |most, y| most.max(y.abs()));
                for (x, y) in x.iter().zip(&y) {
                    assert!((x - y).abs() < within * largest, "{x} {y}");
                }
            }
        }
    }
}
