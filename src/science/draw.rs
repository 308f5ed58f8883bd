//! Spectra interpolated by a model: uniform draws of labels, their spectra, and noise (Li et al. 2021, §2.2, §3.2.2).
//!
//! SLAM_0, trained on the nodes of a grid, gives spectra at 15,000 uniform draws of labels; SLAM_1 is trained on those.
//! Draws lie in the intersection of the ranges asked for, the box of the training labels and their convex hull, so
//! that nothing is extrapolated. Draw i depends on the seed and i alone: asking for more draws changes none.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::slam::SlamModel;

/// Smallest share of accepted tries: below it the region is empty for practical purposes.
pub const MIN_ACCEPTANCE: f64 = 1e-4;

/// Most tries of one draw; at an acceptance of [`MIN_ACCEPTANCE`] one in 10^13 draws needs more.
const MOST_TRIES: u64 = 300_000;

/// Draws whose kernel rows stand in memory together.
const BLOCK: usize = 256;

/// Why labels could not be drawn.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum DrawError {
    /// A range that holds nothing.
    #[error("the range of {label} is {low} to {high}; give a finite lower end below the upper")]
    Range {
        /// Label.
        label: String,
        /// Lower end asked for.
        low: f64,
        /// Upper end asked for.
        high: f64,
    },
    /// Asked range and training labels have nothing in common.
    #[error(
        "{label} is asked from {low} to {high}, the training labels go from {training_low} to \
         {training_high}; draw where there are training labels"
    )]
    Disjoint {
        /// Label.
        label: String,
        /// Lower end asked for.
        low: f64,
        /// Upper end asked for.
        high: f64,
        /// Smallest training label.
        training_low: f64,
        /// Largest training label.
        training_high: f64,
    },
    /// Ranges and labels differ in number, or there are no training labels.
    #[error(
        "{n_range} ranges for {n_label} labels of {n_train} training spectra; give one a label"
    )]
    Shape {
        /// Ranges given.
        n_range: usize,
        /// Labels.
        n_label: usize,
        /// Training spectra.
        n_train: usize,
    },
    /// Hardly a point of the box lies in the hull.
    #[error(
        "fewer than {MIN_ACCEPTANCE} of the points in the ranges lie in the convex hull of the \
         training labels; widen the ranges, or leave out labels that depend on others"
    )]
    Empty,
}

/// Range of one label, physical units, ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end; equal to the lower where the training labels are constant.
    pub high: f64,
}

/// Labels drawn, and how hard it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// Physical units, `(n, n_label)`.
    pub labels: Array2<f64>,
    /// Points tried.
    pub n_tried: u64,
}

impl Draws {
    /// Share of tried points that lie in the hull; NaN where none was tried.
    pub fn acceptance(&self) -> f64 {
        self.labels.nrows() as f64 / self.n_tried as f64
    }
}

/// The ranges asked for, cut to the box of the training labels `training`, `(n_train, n_label)`.
///
/// A label without a range keeps that of the training labels.
///
/// # Errors
/// [`DrawError::Shape`], [`DrawError::Range`], [`DrawError::Disjoint`].
pub fn intersect(
    names: &[String],
    asked: &[Option<Range>],
    training: ArrayView2<'_, f64>,
) -> Result<Vec<Range>, DrawError> {
    let (n_train, n_label) = training.dim();
    if asked.len() != n_label || names.len() != n_label || n_train == 0 {
        return Err(DrawError::Shape { n_range: asked.len(), n_label, n_train });
    }
    let columns = training.axis_iter(Axis(1)).map(|column| Range {
        low: column.iter().copied().fold(f64::INFINITY, f64::min),
        high: column.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    });
    names
        .iter()
        .zip(asked)
        .zip(columns)
        .map(|((name, asked), own)| cut(name, *asked, own))
        .collect()
}

fn cut(label: &str, asked: Option<Range>, own: Range) -> Result<Range, DrawError> {
    let Some(Range { low, high }) = asked else { return Ok(own) };
    if !(low.is_finite() && high.is_finite() && low <= high) {
        return Err(DrawError::Range { label: label.to_owned(), low, high });
    }
    let common = Range { low: low.max(own.low), high: high.min(own.high) };
    if common.low > common.high {
        return Err(DrawError::Disjoint {
            label: label.to_owned(),
            low,
            high,
            training_low: own.low,
            training_high: own.high,
        });
    }
    Ok(common)
}

/// Draws `n` points uniformly in the part of the box for which `inside` holds, by rejection.
///
/// `inside` gets physical labels, `(n_label,)`. Deterministic whatever the number of threads.
///
/// # Errors
/// [`DrawError::Empty`] where fewer than [`MIN_ACCEPTANCE`] of the tries are accepted.
pub fn draw_labels(
    ranges: &[Range],
    inside: impl Fn(ArrayView1<'_, f64>) -> bool + Sync,
    n: usize,
    seed: u64,
) -> Result<Draws, DrawError> {
    let points: Vec<(Vec<f64>, u64)> = (0..n as u64)
        .into_par_iter()
        .map(|draw| draw_one(ranges, &inside, seed, draw).ok_or(DrawError::Empty))
        .collect::<Result<_, _>>()?;
    let n_tried = points.iter().map(|(_, tries)| tries).sum();
    let labels = Array2::from_shape_fn((n, ranges.len()), |(i, l)| points[i].0[l]);
    let draws = Draws { labels, n_tried };
    // Chance accepts of a few draws say little.
    if n >= 100 && draws.acceptance() < MIN_ACCEPTANCE {
        return Err(DrawError::Empty);
    }
    Ok(draws)
}

fn draw_one(
    ranges: &[Range],
    inside: &impl Fn(ArrayView1<'_, f64>) -> bool,
    seed: u64,
    draw: u64,
) -> Option<(Vec<f64>, u64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(draw);
    let mut point = vec![0.0; ranges.len()];
    for tries in 1..=MOST_TRIES {
        for (value, range) in point.iter_mut().zip(ranges) {
            *value = range.low + uniform(&mut rng) * (range.high - range.low);
        }
        if inside(ArrayView1::from(&point)) {
            return Some((point, tries));
        }
    }
    None
}

/// A number in 0..1 of 53 random bits.
fn uniform(rng: &mut impl RngCore) -> f64 {
    (rng.next_u64() >> 11) as f64 * 2f64.powi(-53)
}

/// Signal-to-noise ratios for draws of these ids, uniform in the logarithm between `low` and `high`.
pub fn draw_snr(ids: &[i64], low: f64, high: f64, seed: u64) -> Vec<f64> {
    let one = |id: &i64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(*id as u64);
        low * (high / low).powf(uniform(&mut rng))
    };
    ids.iter().map(one).collect()
}

/// Normalized flux at `labels`, `(n, n_label)` in physical units: one vector a pixel, `(n_pix,)` of `(n,)`.
///
/// Exact (Li et al. 2021, eq. 1): the kernel of a block of draws is made once a gamma and multiplied by the dual
/// coefficients. Unusable pixels give NaN. A number depends on its draw and pixel alone, to the bit. Memory beyond
/// the result: 256 `n_train` numbers.
pub fn synthesize(model: &SlamModel, labels: ArrayView2<'_, f64>) -> Vec<Vec<f64>> {
    let nodes = model.scaled_labels();
    // A label a row, so that the distances of a block are sums of contiguous rows.
    let scaled = model.label_scaler.transform(labels).t().as_standard_layout().into_owned();
    let mut flux = vec![vec![f64::NAN; labels.nrows()]; model.n_pix()];
    for (gamma, pixels) in by_gamma(model) {
        let dual = model.dual.select(Axis(0), &pixels);
        let blocks: Vec<_> = scaled.axis_chunks_iter(Axis(1), BLOCK).collect();
        let blocks: Vec<Array2<f64>> = blocks
            .into_par_iter()
            .map(|block| dual.dot(&kernel(nodes.view(), block, gamma)))
            .collect();
        for (at, block) in blocks.iter().enumerate() {
            for (row, &pixel) in block.outer_iter().zip(&pixels) {
                let out = &mut flux[pixel][at * BLOCK..];
                for (out, value) in out.iter_mut().zip(row) {
                    *out = (value + model.bias[pixel]) * model.flux_scale[pixel]
                        + model.flux_mean[pixel];
                }
            }
        }
    }
    flux
}

/// Usable pixels by gamma, in the order of their first pixel.
fn by_gamma(model: &SlamModel) -> Vec<(f64, Vec<usize>)> {
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for (pixel, usable) in model.usable().into_iter().enumerate() {
        let gamma = model.gamma[pixel];
        match groups.iter_mut().find(|(g, _)| *g == gamma) {
            _ if !usable => {}
            Some((_, pixels)) => pixels.push(pixel),
            None => groups.push((gamma, vec![pixel])),
        }
    }
    groups
}

/// exp(-gamma |x - y|^2) of scaled labels, `(n_train, n)`; `nodes`, `(n_train, n_label)`, `labels`, `(n_label, n)`.
fn kernel(nodes: ArrayView2<'_, f64>, labels: ArrayView2<'_, f64>, gamma: f64) -> Array2<f64> {
    let mut kernel = Array2::zeros((nodes.nrows(), labels.ncols()));
    for (mut row, node) in kernel.outer_iter_mut().zip(nodes.outer_iter()) {
        for (own, others) in node.iter().zip(labels.outer_iter()) {
            row.zip_mut_with(&others, |sum, other| *sum += (own - other) * (own - other));
        }
        row.mapv_inplace(|square: f64| (-gamma * square).exp());
    }
    kernel
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Adds Gaussian noise of standard deviation 1 / `snr` to one pixel of all draws; flux, `(n,)`, is normalized.
///
/// A noise value depends on seed, pixel and draw id alone, so it is the same however pixels and draws are grouped.
pub fn add_noise(flux: &mut [f64], snr: &[f64], ids: &[i64], pixel: i64, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(pixel as u64);
    let mut next = 0;
    for ((flux, snr), &id) in flux.iter_mut().zip(snr).zip(ids) {
        if id != next {
            // Two 64-bit numbers a draw are four 32-bit words.
            rng.set_word_pos(4 * id.unsigned_abs() as u128);
        }
        next = id.wrapping_add(1);
        *flux += standard_normal(&mut rng) / snr;
    }
}

/// A standard normal number of exactly two random numbers (Box and Muller 1958).
pub fn standard_normal(rng: &mut impl RngCore) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// The training spectra that a label vector leans on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Support {
    /// Row of the nearest node; of equals the first.
    pub nearest: usize,
    /// Its distance, scaled labels.
    pub distance: f64,
    /// Share of marked nodes in the kernel weight.
    pub marked_share: f64,
}

/// Finds on which of `nodes`, `(n_node, n_label)` scaled, each row of `labels`, `(n, n_label)` scaled, leans.
///
/// The weight of a node is exp(-gamma distance^2), the kernel of the regression. `None` for labels that are missing.
pub fn support(
    nodes: ArrayView2<'_, f64>,
    marked: &[bool],
    labels: ArrayView2<'_, f64>,
    gamma: f64,
) -> Vec<Option<Support>> {
    labels.outer_iter().map(|label| support_of(nodes, marked, label, gamma)).collect()
}

fn support_of(
    nodes: ArrayView2<'_, f64>,
    marked: &[bool],
    label: ArrayView1<'_, f64>,
    gamma: f64,
) -> Option<Support> {
    if label.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let squares: Vec<f64> = nodes.outer_iter().map(|node| squared_distance(node, label)).collect();
    let nearest = (0..squares.len()).min_by(|&a, &b| squares[a].total_cmp(&squares[b]))?;
    let (mut total, mut of_marked) = (0.0, 0.0);
    for (square, &marked) in squares.iter().zip(marked) {
        // Relative to the nearest node, so that far labels do not underflow.
        let weight = (-gamma * (square - squares[nearest])).exp();
        total += weight;
        of_marked += if marked { weight } else { 0.0 };
    }
    Some(Support { nearest, distance: squares[nearest].sqrt(), marked_share: of_marked / total })
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
