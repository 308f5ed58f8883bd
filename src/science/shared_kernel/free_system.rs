//! The bordered system of the free rows: (K_FF + sigma) x + bias = rhs, sum x given.

use super::cholesky::Cholesky;
use super::near::Near;
use super::simd::Scalar;

/// Least sigma at which a system may be solved in f32: rounding then changes a step by less than a few percent.
const LEAST_SINGLE: f64 = 4e-5;

/// The factorization of K_FF + sigma, kept until the free rows or sigma change.
#[derive(Debug, Default)]
pub(super) struct FreeSystem {
    double: Cholesky<f64>,
    single: Cholesky<f32>,
    is_single: bool,
    free: Vec<u32>,
    sigma: f64,
    x: Vec<f32>,
    ones_single: Vec<f32>,
    ones: Vec<f64>,
}

impl FreeSystem {
    /// Forgets the factorization: the columns may be others.
    pub(super) fn clear(&mut self) {
        self.free.clear();
        self.sigma = f64::NAN;
    }

    /// Factorizes unless that is the factorization at hand; in f32 where `rounded` and sigma allow.
    pub(super) fn factorize(&mut self, near: &Near, free: &[u32], sigma: f64, rounded: bool) {
        if self.sigma == sigma && self.free == free {
            return;
        }
        self.is_single =
            rounded && sigma >= LEAST_SINGLE && attempt(&mut self.single, near, free, sigma, |k| k);
        let mut ridge = sigma;
        while !self.is_single && !attempt(&mut self.double, near, free, ridge, f64::from) {
            ridge *= 10.0;
        }
        self.free.clear();
        self.free.extend_from_slice(free);
        self.sigma = sigma;
    }

    /// Solves in place with the bias that makes the solution sum to `sum`; returns the bias.
    pub(super) fn solve(&mut self, rhs: &mut [f64], sum: f64) -> f64 {
        self.ones.clear();
        self.ones.resize(rhs.len(), 1.0);
        if self.is_single {
            self.solve_single(rhs);
        } else {
            self.double.solve(rhs, &mut self.ones);
        }
        let bias = (rhs.iter().sum::<f64>() - sum) / self.ones.iter().sum::<f64>();
        for (x, one) in rhs.iter_mut().zip(&self.ones) {
            *x -= bias * one;
        }
        bias
    }

    fn solve_single(&mut self, rhs: &mut [f64]) {
        self.x.clear();
        self.x.extend(rhs.iter().map(|&x| x as f32));
        self.ones_single.clear();
        self.ones_single.resize(rhs.len(), 1.0);
        self.single.solve(&mut self.x, &mut self.ones_single);
        rhs.iter_mut().zip(&self.x).for_each(|(to, &x)| *to = f64::from(x));
        self.ones.iter_mut().zip(&self.ones_single).for_each(|(to, &x)| *to = f64::from(x));
    }
}

/// Factorizes K_FF + ridge; `false` where it is not positive definite in this kind of number.
fn attempt<T: Scalar>(
    cholesky: &mut Cholesky<T>,
    near: &Near,
    free: &[u32],
    ridge: f64,
    number: impl Fn(f32) -> T,
) -> bool {
    cholesky.fill(free.len(), |row, out| {
        let column = near.column(free[row]);
        for (out, &p) in out.iter_mut().zip(&free[row..]) {
            *out = number(column[p as usize]);
        }
        out[0] = T::rounded(out[0].widened() + ridge);
    });
    cholesky.factorize() == free.len()
}
