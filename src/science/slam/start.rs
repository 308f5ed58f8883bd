//! Initial guess: a training star whose model spectrum is near in chi-square (Li et al. 2021, §2.2).
//!
//! The exact search compares with all training stars at all pixels. The fast one compares with stars that are spread
//! over label space, at every fourth pixel: a start only has to lie in the basin of the same optimum.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::SlamModel;
use super::kernel::KernelEvaluator;
use super::lanes::{LaneSpectrum, padded, weighted_squares};

/// Spectra to start from.
#[derive(Debug)]
pub(super) enum StartSpectra {
    /// Of all training stars.
    Exact(TrainingFlux),
    /// Of some, thinned.
    Fast(FastStart),
}

impl StartSpectra {
    /// Training row to start from; `None` where there is none or chi-square is not finite.
    pub fn nearest(&self, spectrum: &LaneSpectrum) -> Option<usize> {
        match self {
            Self::Exact(training) => training.nearest(&spectrum.flux, &spectrum.weight),
            Self::Fast(fast) => fast.nearest(spectrum),
        }
    }
}

/// Model spectra at all training labels.
#[derive(Debug)]
pub(super) struct TrainingFlux {
    /// Scaled flux, `(n_train, n_slot)`.
    scaled: Array2<f64>,
}

/// Rows of one matrix product, and pixels between two looks at the best chi-square so far. Fixed, so that neither
/// thread count nor batch moves a bit.
const BLOCK: usize = 128;

impl TrainingFlux {
    /// Predicts the spectra of all training stars.
    pub fn new(model: &SlamModel, evaluator: &KernelEvaluator<'_>) -> Self {
        Self { scaled: spectra(evaluator, model.scaled_labels().view()) }
    }

    /// Finds the training row of smallest sum of weight (flux - model)^2; the first of equals.
    pub fn nearest(&self, flux: &[f64], weight: &[f64]) -> Option<usize> {
        let mut nearest: Option<(usize, f64)> = None;
        for (row, model) in self.scaled.outer_iter().enumerate() {
            let limit = nearest.map_or(f64::INFINITY, |(_, chi2)| chi2);
            if let Some(chi2) =
                model.as_slice().and_then(|model| chi2_below(flux, weight, model, limit))
            {
                nearest = Some((row, chi2));
            }
        }
        nearest.map(|(row, _)| row)
    }
}

/// Spectra at scaled labels `thetas`, `(n, n_label)`, block by block in parallel; `(n, n_slot)`.
fn spectra(evaluator: &KernelEvaluator<'_>, thetas: ArrayView2<'_, f64>) -> Array2<f64> {
    let blocks: Vec<ArrayView2<'_, f64>> = thetas.axis_chunks_iter(Axis(0), BLOCK).collect();
    let parts: Vec<Array2<f64>> =
        blocks.par_iter().map(|block| evaluator.spectra(*block)).collect();
    let mut out = Array2::zeros((thetas.nrows(), evaluator.n_slot()));
    for (i, part) in parts.into_iter().enumerate() {
        out.slice_mut(s![i * BLOCK..i * BLOCK + part.nrows(), ..]).assign(&part);
    }
    out
}

/// Chi-square, or `None` as soon as it is seen not to be below `limit`: the sum only grows.
fn chi2_below(flux: &[f64], weight: &[f64], model: &[f64], limit: f64) -> Option<f64> {
    let mut chi2 = 0.0;
    for ((f, w), m) in flux.chunks(BLOCK).zip(weight.chunks(BLOCK)).zip(model.chunks(BLOCK)) {
        let terms = f.iter().zip(w).zip(m).map(|((f, w), m)| w * (f - m) * (f - m));
        chi2 += terms.sum::<f64>();
        if chi2.is_nan() || chi2 >= limit {
            return None;
        }
    }
    Some(chi2)
}

/// Thinned model spectra of training stars that are spread over label space.
#[derive(Debug)]
pub(super) struct FastStart {
    /// Training rows, `(n_node,)`.
    rows: Vec<usize>,
    /// Scaled flux, `(n_node, padded(n_kept))`.
    scaled: Vec<f32>,
    n_kept: usize,
}

/// Stars compared with.
const NODES: usize = 512;
/// One pixel in so many is compared.
const THIN: usize = 4;

impl FastStart {
    /// Spreads nodes over the training set and predicts their spectra.
    pub fn new(model: &SlamModel, evaluator: &KernelEvaluator<'_>) -> Self {
        let labels = model.scaled_labels();
        let rows = spread(labels.view(), NODES);
        let full = spectra(evaluator, labels.select(Axis(0), &rows).view());
        let n_kept = evaluator.n_slot().div_ceil(THIN);
        let mut scaled = vec![0.0; rows.len() * padded(n_kept)];
        for (out, row) in scaled.chunks_exact_mut(padded(n_kept).max(1)).zip(full.outer_iter()) {
            let kept = row.into_iter().step_by(THIN);
            out.iter_mut().zip(kept).for_each(|(out, f)| *out = *f as f32);
        }
        Self { rows, scaled, n_kept }
    }

    fn nearest(&self, spectrum: &LaneSpectrum) -> Option<usize> {
        let width = padded(self.n_kept);
        let thin = |values: &[f64]| {
            let mut out = vec![0.0; width];
            let kept = values.iter().step_by(THIN).take(self.n_kept);
            out.iter_mut().zip(kept).for_each(|(out, v)| *out = *v as f32);
            out
        };
        let (flux, weight) = (thin(&spectrum.flux), thin(&spectrum.weight));
        let mut nearest: Option<(usize, f32)> = None;
        for (row, model) in self.rows.iter().zip(self.scaled.chunks_exact(width.max(1))) {
            let chi2 = weighted_squares(&flux, &weight, model);
            if chi2 < nearest.map_or(f32::INFINITY, |(_, best)| best) {
                nearest = Some((*row, chi2));
            }
        }
        nearest.map(|(row, _)| row)
    }
}

/// Rows of `labels`, `(n, n_label)`, each the farthest from those before it, from the one nearest the origin on: no
/// star is farther from a chosen one than any two chosen are from each other (Gonzalez 1985). Repeated rows are skipped.
pub(super) fn spread(labels: ArrayView2<'_, f64>, most: usize) -> Vec<usize> {
    let columns = labels.t().as_standard_layout().into_owned();
    let from = |center: ArrayView1<'_, f64>| {
        let mut squared = vec![0.0; columns.ncols()];
        for (column, &at) in columns.outer_iter().zip(center) {
            squared.iter_mut().zip(column).for_each(|(sum, v)| *sum += (v - at) * (v - at));
        }
        squared
    };
    let norms = from(Array1::zeros(columns.nrows()).view());
    let mut distance = vec![f64::INFINITY; norms.len()];
    let mut rows = Vec::new();
    let mut next = (0..norms.len()).min_by(|&a, &b| norms[a].total_cmp(&norms[b]));
    while let Some(row) = next.filter(|&row| rows.len() < most && distance[row] > 0.0) {
        rows.push(row);
        let here = from(labels.row(row));
        distance.iter_mut().zip(here).for_each(|(d, new)| *d = if new < *d { new } else { *d });
        next = (0..distance.len()).reduce(|a, b| if distance[b] > distance[a] { b } else { a });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;

    fn spectrum_of(flux: &[f64]) -> LaneSpectrum {
        let mut lanes = LaneSpectrum { flux: flux.to_vec(), ..LaneSpectrum::default() };
        lanes.flux.resize(padded(flux.len()), 0.0);
        lanes.weight = vec![1.0; flux.len()];
        lanes.weight.resize(padded(flux.len()), 0.0);
        lanes
    }

    #[test]
    fn a_training_spectrum_is_its_own_nearest() {
        let model = synthetic::model();
        let evaluator = KernelEvaluator::new(&model);
        let training = TrainingFlux::new(&model, &evaluator);
        let fast = FastStart::new(&model, &evaluator);
        assert_eq!(fast.rows.len(), synthetic::N_TRAIN);
        for row in [7, 31] {
            let spectrum = spectrum_of(&training.scaled.row(row).to_vec());
            assert_eq!(training.nearest(&spectrum.flux, &spectrum.weight), Some(row));
            assert_eq!(fast.nearest(&spectrum), Some(row));
        }
        let mut spectrum = spectrum_of(&training.scaled.row(7).to_vec());
        spectrum.weight.fill(f64::NAN);
        assert_eq!(training.nearest(&spectrum.flux, &spectrum.weight), None);
        assert_eq!(fast.nearest(&spectrum), None);
    }

    #[test]
    fn nodes_cover_the_stars_and_skip_repeated_ones() {
        let labels = Array2::from_shape_fn((300, 2), |(i, l)| {
            ((i / 2) as f64 * [0.618, 0.755][l]).fract() * 4.0 - 2.0
        });
        let rows = spread(labels.view(), 40);
        assert_eq!(rows.len(), 40);
        let gap = |a: usize, b: usize| {
            let d = &labels.row(a) - &labels.row(b);
            d.dot(&d).sqrt()
        };
        let cover = |i: usize| rows.iter().map(|&r| gap(i, r)).fold(f64::INFINITY, f64::min);
        assert!((0..300).all(|i| cover(i) < 1.0));
        assert_eq!(spread(labels.view(), 1000).len(), 150);
    }
}
