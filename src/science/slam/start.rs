//! Initial guess: a training star whose model spectrum is near in chi-square (Li et al. 2021, §2.2).
//!
//! The exact search compares with all training stars at all pixels, in double precision. The fast one compares many
//! spectra with all training stars in one product, at a part of the pixels, and with the best of them at all pixels.
//! Chi-square of a model that follows the noise of its training stars has many minima: where starts are spread over
//! label space instead, so that each is near the optimum but not the nearest, up to a fifth of the fits end elsewhere.

use std::cmp::Ordering;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;

use super::SlamModel;
use super::kernel::KernelEvaluator;
use super::lanes::{LANES, LaneSpectrum, weighted_squares};

/// Spectra to start from.
#[derive(Debug)]
pub(super) enum StartSpectra {
    /// Of all training stars.
    Exact(TrainingFlux),
    /// Of all, most of them thinned; fitters of one model share them.
    Fast(Arc<FastStart>),
}

impl StartSpectra {
    /// Training row to start each spectrum from; `None` where there is none or chi-square is not finite.
    pub fn nearest(&self, spectra: &[&LaneSpectrum]) -> Vec<Option<usize>> {
        match self {
            Self::Exact(training) => {
                let of =
                    |spectrum: &&LaneSpectrum| training.nearest(&spectrum.flux, &spectrum.weight);
                spectra.iter().map(of).collect()
            }
            Self::Fast(fast) => fast.nearest(spectra),
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
        Self { scaled: spectra(evaluator, model.scaled_labels().view(), |flux| flux) }
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

/// Spectra at scaled labels `thetas`, `(n, n_label)`, block by block in parallel and kept as numbers of another type;
/// `(n, n_slot)`.
fn spectra<T: Copy + Default + Send + Sync>(
    evaluator: &KernelEvaluator<'_>,
    thetas: ArrayView2<'_, f64>,
    kept: impl Fn(f64) -> T + Sync,
) -> Array2<T> {
    let blocks: Vec<ArrayView2<'_, f64>> = thetas.axis_chunks_iter(Axis(0), BLOCK).collect();
    let parts: Vec<Array2<T>> =
        blocks.par_iter().map(|block| evaluator.spectra(*block).mapv(&kept)).collect();
    let mut out = Array2::from_elem((thetas.nrows(), evaluator.n_slot()), T::default());
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

/// Model spectra of the training stars, in single precision.
#[derive(Debug)]
pub(super) struct FastStart {
    /// Training rows, `(n_node,)`.
    rows: Vec<usize>,
    /// Slots in the order in which they are compared, `(n_slot,)`: every few pixels first.
    order: Vec<usize>,
    /// Scaled flux in that order, `(n_node, n_slot)`, row by row.
    scaled: Vec<f32>,
    /// Squares of the first of it, and the first of it, `(n_node, 2 n_first)`.
    features: Array2<f32>,
}

/// Most stars compared with; of more, so many are spread over label space.
const NODES: usize = 16_384;
/// One pixel in so many is compared first.
const STEP: usize = 4;
/// Stars for each pixel of that step: with more, the first comparison has fewer pixels instead of taking longer.
const NODES_A_STEP: usize = 512;
/// Stars that are compared with at all pixels. With a quarter of them, one fit in a hundred of the simulated survey's
/// ends in another optimum.
const BEST: usize = 256;
/// Of all pixels one in so many, then more, are compared with those before stars are given up.
const PARTS: [usize; 4] = [6, 3, 2, 1];
/// By how much chi-square must exceed the least, in units of its mean over pixels where that is above 1. An excess of d
/// has a standard deviation of 2 sqrt(d).
const HOPELESS: f32 = 100.0;
/// One star in so many tells which may be among those.
const SAMPLED: usize = 16;

impl FastStart {
    /// Predicts the spectra of the training stars.
    pub fn new(model: &SlamModel, evaluator: &KernelEvaluator<'_>) -> Self {
        let labels = model.scaled_labels();
        let rows: Vec<usize> = match labels.nrows() {
            n if n <= NODES => (0..n).collect(),
            _ => spread(labels.view(), NODES),
        };
        let step = rows.len().div_ceil(NODES_A_STEP).max(STEP);
        let n_slot = evaluator.n_slot();
        let order: Vec<usize> = (0..step).flat_map(|first| (first..n_slot).step_by(step)).collect();
        let flux = spectra(evaluator, labels.select(Axis(0), &rows).view(), |flux| flux as f32);
        let in_order = |row: ArrayView1<'_, f32>| order.iter().map(|&slot| row[slot]).collect();
        let scaled = flux.outer_iter().flat_map::<Vec<f32>, _>(in_order).collect();
        let first = flux.slice(s![.., ..;step]);
        let features = concatenate![Axis(1), first.mapv(|flux| flux * flux), first];
        Self { rows, order, scaled, features }
    }

    fn nearest(&self, spectra: &[&LaneSpectrum]) -> Vec<Option<usize>> {
        let spectra: Vec<SingleSpectrum> =
            spectra.iter().map(|spectrum| SingleSpectrum::new(spectrum, &self.order)).collect();
        let n_first = self.features.ncols() / 2;
        let factors =
            Array2::from_shape_fn((spectra.len(), 2 * n_first), |(star, feature)| match feature {
                at if at < n_first => spectra[star].weight[at],
                at => -2.0 * spectra[star].weight[at - n_first] * spectra[star].flux[at - n_first],
            });
        // Chi-square but for what is the same for all training stars.
        let chi2 = factors.dot(&self.features.t());
        let stars = spectra.iter().zip(chi2.outer_iter());
        stars.map(|(spectrum, chi2)| self.nearest_of(best(chi2), spectrum)).collect()
    }

    /// The nearest of `nodes`: compared part by part, and given up where they are so much farther than the nearest that
    /// the noise of the other pixels will hardly make up for it.
    fn nearest_of(&self, mut nodes: Vec<(f32, u32)>, spectrum: &SingleSpectrum) -> Option<usize> {
        let n_slot = self.order.len();
        let mut first = 0;
        nodes.iter_mut().for_each(|(chi2, _)| *chi2 = 0.0);
        for part in PARTS {
            let slots = first..n_slot.min((n_slot / part).next_multiple_of(LANES));
            let (flux, weight) = (&spectrum.flux[slots.clone()], &spectrum.weight[slots.clone()]);
            for (chi2, node) in &mut nodes {
                let model = *node as usize * n_slot;
                let model = &self.scaled[model + slots.start..model + slots.end];
                *chi2 += weighted_squares(flux, weight, model);
            }
            let least = nodes.iter().map(|(chi2, _)| *chi2).fold(f32::INFINITY, f32::min);
            let limit = least + HOPELESS * (least / slots.end as f32).max(1.0);
            nodes.retain(|(chi2, _)| *chi2 <= limit);
            first = slots.end;
        }
        let finite = nodes.into_iter().filter(|(chi2, _)| chi2.is_finite());
        finite.min_by(nearer).map(|(_, node)| self.rows[node as usize])
    }
}

/// A spectrum in single precision, its slots in the order in which they are compared.
struct SingleSpectrum {
    flux: Vec<f32>,
    weight: Vec<f32>,
}

impl SingleSpectrum {
    fn new(spectrum: &LaneSpectrum, order: &[usize]) -> Self {
        let narrow = |values: &[f64]| order.iter().map(|&slot| values[slot] as f32).collect();
        Self { flux: narrow(&spectrum.flux), weight: narrow(&spectrum.weight) }
    }
}

/// The nodes of least chi-square, in any order.
fn best(chi2: ArrayView1<'_, f32>) -> Vec<(f32, u32)> {
    let below = |limit: f32| {
        let nodes = chi2.iter().copied().zip(0..);
        nodes.filter(|&(chi2, _)| chi2 <= limit).collect::<Vec<(f32, u32)>>()
    };
    let mut nodes = below(limit(chi2));
    if nodes.len() < BEST {
        nodes = below(f32::INFINITY);
    }
    if nodes.len() > BEST {
        nodes.select_nth_unstable_by(BEST, nearer);
        nodes.truncate(BEST);
    }
    nodes
}

/// A chi-square that a few more than the best are likely to be below.
fn limit(chi2: ArrayView1<'_, f32>) -> f32 {
    let mut sample: Vec<f32> = chi2.iter().copied().step_by(SAMPLED).collect();
    let rank = 2 * BEST / SAMPLED;
    if rank >= sample.len() {
        return f32::INFINITY;
    }
    *sample.select_nth_unstable_by(rank, |a, b| a.total_cmp(b)).1
}

/// Orders nodes by chi-square, equals by their number, lest one depend on how it was found.
fn nearer(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
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
    use super::super::lanes::padded;
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
            assert_eq!(fast.nearest(&[&spectrum]), [Some(row)]);
        }
        let mut spectrum = spectrum_of(&training.scaled.row(7).to_vec());
        spectrum.weight.fill(f64::NAN);
        assert_eq!(training.nearest(&spectrum.flux, &spectrum.weight), None);
        assert_eq!(fast.nearest(&[&spectrum]), [None]);
    }

    #[test]
    fn the_least_are_compared_with_at_all_pixels() {
        let chi2 = |node: usize| (node * 7919 % 1000) as f32;
        let mut nodes: Vec<(f32, u32)> = (0..1000).map(|node| (chi2(node), node as u32)).collect();
        nodes.sort_unstable_by(nearer);
        let mut least = best(Array1::from_shape_fn(1000, chi2).view());
        least.sort_unstable_by(nearer);
        assert_eq!(least, nodes[..BEST]);
        // A sample that says nothing of the others does no harm.
        let misleading = |node: usize| if node.is_multiple_of(SAMPLED) { -1.0 } else { 1.0 };
        assert_eq!(best(Array1::from_shape_fn(1000, misleading).view()).len(), BEST);
        assert_eq!(best(Array1::zeros(3).view()).len(), 3);
        assert_eq!(best(Array1::from_elem(3, f32::NAN).view()).len(), 0);
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
