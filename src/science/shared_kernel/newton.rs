//! The local problem: coefficients of the near rows, all others held fixed, by a proximal semismooth Newton method.
//!
//! With residual e = target - K v (bias excluded), center beta and width sigma, the dual's proximal step minimizes a
//! convex, once differentiable, piecewise quadratic function of K v and the bias. Row i sees t = e - bias + sigma beta:
//! inside the tube its coefficient is 0, beyond epsilon + sigma C it is +-C, between it is free and has
//! t = +-(epsilon + sigma |v|). A Newton step solves for the free rows with all others where they belong,
//! (K_FF + sigma) dv_F + dbias = rhs, sum v = 0, and a search along the step makes it globally convergent. Then beta = v
//! and sigma shrinks, until v satisfies the optimality conditions of the problem itself (Rockafellar 1976, SIAM J.
//! Control Optim. 14, 877; Li, Sun & Toh 2018, SIAM J. Optim. 28, 433).

use super::free_system::FreeSystem;
use super::near::Near;
use super::side::Side;
use super::simd::{self, Ray};

/// What the steps of one problem share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) c: f64,
    pub(super) epsilon: f64,
    /// Largest violation of optimality to stop at, scaled flux.
    pub(super) tolerance: f64,
    /// First proximal width sigma C, scaled flux.
    pub(super) width: f64,
    /// Rank of the kernel.
    pub(super) rank: usize,
    /// Sum of the coefficients of far rows.
    pub(super) far_sum: f64,
    /// Whether systems and sums of columns may be rounded to f32.
    pub(super) rounded: bool,
}

/// Memory of the local problem, kept between uses.
#[derive(Debug, Default)]
pub(super) struct Newton {
    /// Residual without bias, per near position.
    pub(super) e: Vec<f64>,
    /// Coefficients.
    pub(super) v: Vec<f64>,
    pub(super) side: Vec<Side>,
    /// 1 for rows of the problem.
    pub(super) alive: Vec<f64>,
    pub(super) bias: f64,
    center: Vec<f64>,
    t: Vec<f64>,
    dv: Vec<f64>,
    change: Vec<f64>,
    free: Vec<u32>,
    moved: Vec<u32>,
    rhs: Vec<f64>,
    system: FreeSystem,
    /// Newton steps taken.
    pub(super) n_steps: usize,
}

/// Newton steps of one proximal step.
const MAX_STEPS: usize = 60;
/// Proximal steps of one problem.
const MAX_OUTER: usize = 60;
/// The width shrinks by this from one proximal step to the next.
const SHRINK: f64 = 0.2;
/// Least share of the setting's width to begin with: steps of small width are many.
const LEAST_FIRST: f64 = 0.1;
/// A rounded proximal step may end when the sides of one row in so many free ones change: the next center moves more.
const FEW_CHANGES: usize = 10;
/// Rows that [`Newton::balance`] tries first.
const NEAREST: usize = 16;
/// Sum of coefficients that is rounding, in units of the penalty.
const ROUNDING: f64 = 1e-12;
/// Smallest proximal width, scaled flux.
const LEAST_WIDTH: f64 = 1e-6;

impl Newton {
    /// Solves from the state in `e`, `v`, `bias` and `side`; `true` where the tolerance was met.
    ///
    /// `side` is trusted for the first step.
    pub(super) fn solve(&mut self, near: &mut Near, setting: &Setting) -> bool {
        let n = self.e.len();
        for memory in [&mut self.center, &mut self.t, &mut self.dv, &mut self.change] {
            memory.clear();
            memory.resize(n, 0.0);
        }
        self.system.clear();
        self.recenter(setting.c);
        let mut sigma = self.first_sigma(setting);
        if self.has_free() {
            self.step(near, setting, sigma, true);
            self.recenter(setting.c);
        }
        for _ in 0..MAX_OUTER {
            let settled = self.proximal_step(near, setting, sigma);
            if settled && self.violation(setting) <= setting.tolerance {
                return true;
            }
            self.recenter(setting.c);
            if settled {
                sigma = (sigma * SHRINK).max(LEAST_WIDTH / setting.c);
                if self.has_free() {
                    self.step(near, setting, sigma, true);
                }
            } else {
                sigma *= 10.0;
            }
        }
        false
    }

    /// The widest that leaves no more rows free than the kernel has dimensions: more determine nothing.
    fn first_sigma(&self, setting: &Setting) -> f64 {
        let mut width = setting.width;
        while width > LEAST_FIRST * setting.width && self.n_free_at(setting, width) > setting.rank {
            width *= 0.5;
        }
        width / setting.c
    }

    /// Rows that are free at a proximal width.
    fn n_free_at(&self, setting: &Setting, width: f64) -> usize {
        let sigma = width / setting.c;
        let is_free = |i: &usize| {
            let t = self.e[*i] - self.bias + sigma * self.center[*i];
            self.alive[*i] > 0.0 && Side::of(t, setting.epsilon, width).bound(1.0).is_none()
        };
        (0..self.e.len()).filter(is_free).count()
    }

    /// Makes coefficients feasible: into their bounds, and summing to zero with those of the far rows.
    ///
    /// What they have too much is taken from the rows nearest to the edges.
    pub(super) fn balance(&mut self, near: &mut Near, setting: &Setting) {
        let (n, c) = (self.v.len(), setting.c);
        let before = self.v.clone();
        for i in 0..n {
            self.v[i] = if self.alive[i] > 0.0 { self.v[i].clamp(-c, c) } else { 0.0 };
        }
        let mut excess = self.v.iter().sum::<f64>() + setting.far_sum;
        let mut order: Vec<usize> = (0..n).filter(|&i| self.alive[i] > 0.0).collect();
        let distance = |i: usize| ((self.e[i] - self.bias).abs() - setting.epsilon).abs();
        let by_distance =
            |a: &usize, b: &usize| distance(*a).total_cmp(&distance(*b)).then(a.cmp(b));
        // A few rows hold what rounding leaves: the others are put in order only where these do not do.
        let n_first = NEAREST.min(order.len());
        if n_first < order.len() {
            order.select_nth_unstable_by(n_first, by_distance);
        }
        for part in [0..n_first, n_first..order.len()] {
            if excess.abs() <= ROUNDING * c {
                break;
            }
            order[part.clone()].sort_unstable_by(by_distance);
            for &i in &order[part] {
                let to = (self.v[i] - excess).clamp(-c, c);
                excess -= self.v[i] - to;
                self.v[i] = to;
            }
        }
        self.follow(near, &before);
    }

    /// Brings the residuals from coefficients `before` to those at hand.
    pub(super) fn follow(&mut self, near: &mut Near, before: &[f64]) {
        let moved: Vec<u32> = (0..self.v.len() as u32)
            .filter(|&i| self.v[i as usize] != before[i as usize])
            .collect();
        near.compute(&moved);
        let columns: Vec<&[f32]> = moved.iter().map(|&p| near.column(p)).collect();
        let weights: Vec<f64> =
            moved.iter().map(|&p| before[p as usize] - self.v[p as usize]).collect();
        simd::combine(&columns, &weights, &mut self.e);
    }

    fn has_free(&self) -> bool {
        self.side.iter().any(|s| s.bound(1.0).is_none())
    }

    fn recenter(&mut self, c: f64) {
        for (center, &v) in self.center.iter_mut().zip(&self.v) {
            *center = v.clamp(-c, c);
        }
    }

    /// Minimizes at fixed center and width.
    fn proximal_step(&mut self, near: &mut Near, setting: &Setting, sigma: f64) -> bool {
        self.classify(setting, sigma);
        for _ in 0..MAX_STEPS {
            if !self.has_free() {
                self.shift_bias(setting, sigma);
            }
            let full = self.step(near, setting, sigma, false);
            let changed = self.classify(setting, sigma);
            let few = if setting.rounded { self.free.len() / FEW_CHANGES } else { 0 };
            if full && changed <= few {
                return true;
            }
        }
        false
    }

    /// Updates t and the sides; returns how many sides changed.
    fn classify(&mut self, setting: &Setting, sigma: f64) -> usize {
        let zone = sigma * setting.c;
        let mut changed = 0;
        for i in 0..self.e.len() {
            let t = self.e[i] - self.bias + sigma * self.center[i];
            self.t[i] = t;
            let side =
                if self.alive[i] > 0.0 { Side::of(t, setting.epsilon, zone) } else { Side::Out };
            changed += usize::from(side != self.side[i]);
            self.side[i] = side;
        }
        changed
    }

    /// Without free rows the bias is whatever makes the coefficients sum to zero.
    fn shift_bias(&mut self, setting: &Setting, sigma: f64) {
        let n = self.e.len();
        self.change[..n].fill(1.0);
        self.dv[..n].fill(0.0);
        let sum = |shift: f64| -> f64 {
            let [_, near] = simd::slope(&self.ray(setting, sigma, 1.0), shift);
            near + setting.far_sum
        };
        // The sum falls with the bias. Half a tube to each side reaches the nearest rows or proves none is near.
        let now = sum(0.0);
        if now == 0.0 {
            return;
        }
        let reach = now.signum();
        let (mut low, mut high) = (0.0, 1e-3);
        while sum(reach * high) * reach > 0.0 && high < 1e3 {
            low = high;
            high *= 2.0;
        }
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if sum(reach * middle) * reach > 0.0 { low = middle } else { high = middle }
        }
        self.bias += reach * 0.5 * (low + high);
        self.classify(setting, sigma);
    }

    fn ray(&self, setting: &Setting, sigma: f64, bias_change: f64) -> Ray<'_> {
        Ray {
            t: &self.t,
            change: &self.change,
            v: &self.v,
            dv: &self.dv,
            alive: &self.alive,
            epsilon: setting.epsilon,
            inverse_sigma: 1.0 / sigma,
            c: setting.c,
            bias_change,
        }
    }

    /// One Newton step by the sides at hand; `true` where it was taken in full.
    fn step(&mut self, near: &mut Near, setting: &Setting, sigma: f64, trusted: bool) -> bool {
        self.n_steps += 1;
        self.collect(setting.c);
        near.compute(&self.moved);
        near.compute(&self.free);
        self.apply_moved(near, setting);
        let bias_change = self.solve_free(near, setting, sigma);
        let columns: Vec<&[f32]> = self.free.iter().map(|&p| near.column(p)).collect();
        combine(setting, &columns, &self.rhs, &mut self.change);
        for (&p, &d) in self.free.iter().zip(&self.rhs) {
            self.dv[p as usize] = d;
        }
        self.change.iter_mut().for_each(|h| *h += bias_change);
        let step = if trusted { 1.0 } else { self.search(setting, sigma, bias_change) };
        for i in 0..self.e.len() {
            // The change of the residual leaves the bias out.
            self.e[i] -= step * (self.change[i] - bias_change);
            self.v[i] += step * self.dv[i];
        }
        self.bias += step * bias_change;
        step == 1.0
    }

    /// Finds the free rows, and the bound rows whose coefficient is not yet theirs.
    fn collect(&mut self, c: f64) {
        self.free.clear();
        self.moved.clear();
        for (i, side) in self.side.iter().enumerate() {
            match side.bound(c) {
                None => self.free.push(i as u32),
                Some(bound) if bound != self.v[i] => self.moved.push(i as u32),
                Some(_) => {}
            }
        }
        self.dv.fill(0.0);
        for &i in &self.moved {
            let i = i as usize;
            self.dv[i] = self.side[i].bound(c).unwrap_or(0.0) - self.v[i];
        }
    }

    /// Starts `change` with the effect of the moved rows.
    fn apply_moved(&mut self, near: &Near, setting: &Setting) {
        self.change.fill(0.0);
        let columns: Vec<&[f32]> = self.moved.iter().map(|&p| near.column(p)).collect();
        let weights: Vec<f64> = self.moved.iter().map(|&p| self.dv[p as usize]).collect();
        combine(setting, &columns, &weights, &mut self.change);
    }

    /// Solves the bordered system of the free rows into `rhs`; returns the change of the bias.
    fn solve_free(&mut self, near: &Near, setting: &Setting, sigma: f64) -> f64 {
        self.rhs.clear();
        if self.free.is_empty() {
            return 0.0;
        }
        for &p in &self.free {
            let i = p as usize;
            let rest = self.e[i] - self.bias - self.side[i].edge(setting.epsilon);
            self.rhs.push(rest + sigma * (self.center[i] - self.v[i]) - self.change[i]);
        }
        self.system.factorize(near, &self.free, sigma, setting.rounded);
        let sum = -setting.far_sum - self.v.iter().sum::<f64>() - self.dv.iter().sum::<f64>();
        self.system.solve(&mut self.rhs, sum)
    }

    /// Length of the step that minimizes along it, 1 where that is good enough.
    fn search(&self, setting: &Setting, sigma: f64, bias_change: f64) -> f64 {
        let ray = self.ray(setting, sigma, bias_change);
        let slope = |step: f64| {
            let [slope, sum] = simd::slope(&ray, step);
            slope - (sum + setting.far_sum) * bias_change
        };
        let start = slope(0.0);
        if start >= 0.0 || slope(1.0) <= 0.3 * -start {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            let at = slope(middle);
            if at.abs() <= 0.1 * -start {
                return middle;
            }
            if at < 0.0 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// Largest violation of the optimality conditions among the near rows, scaled flux.
    pub(super) fn violation(&self, setting: &Setting) -> f64 {
        let mut worst: f64 = (self.v.iter().sum::<f64>() + setting.far_sum).abs() * 1e-3;
        for i in 0..self.e.len() {
            let r = self.e[i] - self.bias;
            let beyond = match self.side[i] {
                Side::Out => 0.0,
                Side::Zero => r.abs() - setting.epsilon,
                Side::Above => setting.epsilon - r,
                Side::Below => setting.epsilon + r,
                Side::FreeAbove | Side::FreeBelow => (r - self.side[i].edge(setting.epsilon)).abs(),
            };
            worst = worst.max(beyond);
        }
        worst
    }
}

fn combine(setting: &Setting, columns: &[&[f32]], weights: &[f64], out: &mut [f64]) {
    if setting.rounded {
        simd::combine_f32(columns, weights, out);
    } else {
        simd::combine(columns, weights, out);
    }
}
