//! Compressed evaluation: polynomials in cells of label space.
//!
//! Space is covered with cubes of scaled labels that overlap. In each, scaled flux of every pixel is a polynomial,
//! fitted to the model's own flux at points that only the cube decides; so a cell is a pure function of its place, and
//! results do not depend on which star asked first, on the cells kept in memory or on threads. A fit stays in a cell
//! until it leaves the overlap, lest an optimum between two cells be sought in turn in each. A fitted cell is compared with the
//! model at its corners and at points within; where it is off by more than `accuracy`, the degree is raised. Pixels of
//! one gamma share a degree: a wide kernel needs fewer coefficients.
//!
//! What an error does to labels: at the optimum they move by H^-1 J^T W d, of which label l is at most its formal
//! error times sqrt(sum_j w_j d_j^2) (Cauchy-Schwarz); [`CellEvaluator`] reports that factor for every star.
//!
//! Memory: a cell of degree 4 in three labels takes 35 numbers of 4 bytes a pixel, 0.22 MB at 1,596 pixels; the cells
//! least recently used are dropped beyond `memory_bytes`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

use super::super::sorting::sort_indices;
use super::CellOptions;
use super::basis::{Basis, DEGREES, MAX_LABELS, check_points};
use super::kernel::{KernelEvaluator, KernelGroup};
use super::lanes::{LANES, Runs, moments, padded, polynomials};
use super::model::FluxEvaluator;
use super::reduced::reduce;
use super::start::FastStart;
use super::{SlamError, SlamModel, check_length};

/// Compressed evaluation of a model of one to three labels. It stands for itself: fitters of one model may share it, and
/// with it the cells that each has asked for.
#[derive(Debug)]
pub struct CellEvaluator {
    model: KernelEvaluator<'static>,
    options: CellOptions,
    n_label: usize,
    bases: Vec<Basis>,
    /// First of `bases` that is tried, for each gamma.
    first: Vec<usize>,
    checks: Array2<f64>,
    reduction_error: f64,
    kept: Mutex<Kept>,
    starts: OnceLock<Arc<FastStart>>,
}

/// A cube's place: lower corner over side, 0 where there is no such label.
type Place = [i32; MAX_LABELS];

/// Polynomials of one cube.
#[derive(Debug)]
pub(super) struct Cell {
    /// Polynomials of each gamma.
    groups: Vec<CellGroup>,
    /// Largest error seen at each pixel, scaled flux, `(n_slot,)`.
    error: Vec<f32>,
}

/// Polynomials of the pixels of one gamma.
#[derive(Debug)]
struct CellGroup {
    /// Which basis.
    basis: usize,
    /// `(n_run, n_coefficient, LANES)`.
    coefficients: Vec<f32>,
}

/// Side of a cube over the distance of neighbors.
const OVERLAP: f64 = 1.15;

type Slot = Arc<OnceLock<Arc<Cell>>>;

#[derive(Debug, Default)]
struct Kept {
    cells: HashMap<Place, (Slot, u64)>,
    clock: u64,
}

/// What one thread keeps between evaluations.
#[derive(Debug, Default)]
pub(super) struct CellScratch {
    weights: Vec<f32>,
    cell: Option<(Place, Arc<Cell>)>,
    /// Scaled flux and its derivatives by scaled label, `(1 + n_label, n_slot)`.
    pub planes: Vec<f32>,
    /// Derivative of the cost by each flux, `(n_slot,)`.
    pub pulls: Vec<f32>,
}

impl CellScratch {
    /// Forgets the last cell, so that nothing of one star's fit enters the next.
    pub fn leave(&mut self) {
        self.cell = None;
    }
}

/// Training stars at which a reduction is compared with the model, and whose cells decide the first degree.
const SAMPLE: usize = 64;
const SAMPLE_CELLS: usize = 6;

impl CellEvaluator {
    /// Prepares `model`: fewer centers for the making of cells, and the degree that most cells need.
    ///
    /// `None` where there are no cells: more than three labels or no usable pixel.
    ///
    /// # Errors
    /// [`SlamError::Option`] for options out of range.
    pub fn new(model: &SlamModel, options: CellOptions) -> Result<Option<Self>, SlamError> {
        options.check()?;
        let n_label = model.n_label();
        let exact = KernelEvaluator::new(model);
        if !(1..=MAX_LABELS).contains(&n_label) || exact.n_slot() == 0 {
            return Ok(None);
        }
        let bases: Vec<Basis> = DEGREES.filter_map(|degree| Basis::new(n_label, degree)).collect();
        let sample = sample(&model.scaled_labels(), SAMPLE);
        let (source, reduction_error) = reduce(exact, &sample, options.accuracy);
        let mut cells = Self {
            first: vec![0; source.groups().len()],
            model: source.by_center(),
            options,
            n_label,
            bases,
            checks: check_points(n_label),
            reduction_error,
            kept: Mutex::default(),
            starts: OnceLock::new(),
        };
        cells.first = cells.first_degrees(&sample);
        Ok(Some(cells))
    }

    /// Refuses cells of a model with other pixels or labels than `exact` of a model with `n_label` labels.
    pub(super) fn check_of(
        &self,
        exact: &KernelEvaluator<'_>,
        n_label: usize,
    ) -> Result<(), SlamError> {
        check_length("labels of the cells", self.n_label, n_label)?;
        check_length("pixels of the cells", self.model.n_slot(), exact.n_slot())
    }

    /// The highest degree that some cells of training stars need, for each gamma.
    fn first_degrees(&self, sample: &Array2<f64>) -> Vec<usize> {
        let mut first = self.first.clone();
        for rows in sample.axis_chunks_iter(Axis(0), SAMPLE.div_ceil(SAMPLE_CELLS)) {
            let cell = self.build(self.place(rows.row(0)));
            let needed = cell.groups.iter().map(|group| group.basis);
            first.iter_mut().zip(needed).for_each(|(first, basis)| *first = basis.max(*first));
        }
        first
    }

    /// Degree at which the fit of a cell begins, for each gamma.
    pub fn degrees(&self) -> Vec<usize> {
        self.first.iter().map(|&basis| self.bases[basis].degree).collect()
    }

    /// Centers of the Gaussians that cells are made from, one number for each gamma; at most n_train.
    pub fn n_centers(&self) -> Vec<usize> {
        self.model.groups().iter().map(|group| group.centers.ncols()).collect()
    }

    /// Spectra of the training stars of `model`, the one that the cells are of; made when they are first asked for.
    pub(super) fn starts(&self, model: &SlamModel) -> Arc<FastStart> {
        Arc::clone(self.starts.get_or_init(|| Arc::new(FastStart::new(model, &self.model))))
    }

    /// Cells in memory, and their size in bytes.
    pub fn in_memory(&self) -> (usize, usize) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.cells.len(), kept.bytes())
    }

    /// Distance of neighboring cubes.
    fn pitch(&self) -> f64 {
        2.0 * self.options.half_width / OVERLAP
    }

    fn place(&self, theta: ArrayView1<'_, f64>) -> Place {
        let mut place = [0; MAX_LABELS];
        for (index, &label) in place.iter_mut().zip(theta) {
            *index = (label / self.pitch()).floor() as i32;
        }
        place
    }

    /// The middle of a cube, scaled labels, `(n_label,)`.
    fn middle(&self, place: &Place) -> Array1<f64> {
        Array1::from_shape_fn(self.n_label, |l| (f64::from(place[l]) + 0.5) * self.pitch())
    }

    /// `theta` relative to the cube at `place`, whose faces are at -1 and 1.
    fn within(&self, place: &Place, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        (&theta - &self.middle(place)) / self.options.half_width
    }

    /// Evaluates at scaled labels `theta`, `(n_label,)`, in the last cell if it reaches so far; the result stands in
    /// `scratch.planes`. [`CellScratch::leave`] before another star.
    pub(super) fn planes(&self, theta: ArrayView1<'_, f64>, scratch: &mut CellScratch) {
        let reaches = |(place, _): &(Place, Arc<Cell>)| {
            self.within(place, theta).iter().all(|u| u.abs() <= 1.0)
        };
        if !scratch.cell.as_ref().is_some_and(reaches) {
            let place = self.place(theta);
            scratch.cell = Some((place, self.cell(place)));
        }
        let Some((place, cell)) = &scratch.cell else { return };
        let (within, rate) = (self.within(place, theta), 1.0 / self.options.half_width);
        let (n_plane, n_slot) = (1 + self.n_label, cell.error.len());
        scratch.planes.resize(n_plane * n_slot, 0.0);
        let (mut first, mut basis) = (0, None);
        for (group, slots) in cell.groups.iter().zip(self.model.groups()) {
            if basis != Some(group.basis) {
                self.bases[group.basis].weights(within.view(), rate, &mut scratch.weights);
                basis = Some(group.basis);
            }
            let runs = Runs { first, n_slot };
            let planes = &mut scratch.planes;
            polynomials(&group.coefficients, &scratch.weights, n_plane, runs, planes);
            first += slots.n_slot();
        }
    }

    /// Sums over pixels the second derivatives at scaled labels `theta`, `(n_label,)`, each times `scratch.pulls`,
    /// `(n_slot,)`; `(n_label, n_label)`. To be asked after [`Self::planes`] of the same labels.
    pub(super) fn curvature(
        &self,
        theta: ArrayView1<'_, f64>,
        scratch: &CellScratch,
    ) -> Array2<f64> {
        let mut sums = Array2::zeros((self.n_label, self.n_label));
        let Some((place, cell)) = &scratch.cell else { return sums };
        let (within, rate) = (self.within(place, theta), 1.0 / self.options.half_width);
        let mut first = 0;
        for (group, slots) in cell.groups.iter().zip(self.model.groups()) {
            let basis = &self.bases[group.basis];
            let pulls = &scratch.pulls[first..first + slots.n_slot()];
            let moments = moments(&group.coefficients, pulls, basis.len());
            basis.add_second_derivatives(within.view(), rate, &moments, &mut sums);
            first += slots.n_slot();
        }
        sums
    }

    /// The most that labels are moved by the error of the last cell used, in formal errors; `weight`,
    /// `(n_slot,)`.
    pub(super) fn displacement(&self, weight: &[f64], scratch: &CellScratch) -> f64 {
        let Some((_, cell)) = &scratch.cell else { return f64::NAN };
        let errors = cell.error.iter().map(|&e| f64::from(e) + self.reduction_error);
        errors.zip(weight).map(|(e, w)| w * e * e).sum::<f64>().sqrt()
    }

    fn cell(&self, place: Place) -> Arc<Cell> {
        let slot = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.slot(place, self.options.memory_bytes)
        };
        // Two threads may want the same cell: the second waits for the first.
        Arc::clone(slot.get_or_init(|| Arc::new(self.build(place))))
    }

    /// Fits the cell of `place`, each gamma degree by degree until it is accurate.
    fn build(&self, place: Place) -> Cell {
        let middle = self.middle(&place);
        let mut cell = Cell { groups: Vec::new(), error: Vec::with_capacity(self.model.n_slot()) };
        for (group, &first) in self.model.groups().iter().zip(&self.first) {
            let (basis, coefficients, error) = self.fit(group, &middle, first);
            cell.groups.push(CellGroup { basis, coefficients: packed(&coefficients) });
            cell.error.extend(error.iter().map(|&e| e as f32));
            cell.error.resize(padded(cell.error.len()), 0.0);
        }
        cell
    }

    /// Basis, coefficients, `(n_coefficient, n_group)`, and largest errors, `(n_group,)`.
    fn fit(
        &self,
        group: &KernelGroup<'_>,
        middle: &Array1<f64>,
        first: usize,
    ) -> (usize, Array2<f32>, Array1<f64>) {
        let at = |points: ArrayView2<'_, f64>| {
            group.spectra((&points * self.options.half_width + middle).view())
        };
        let n_check = self.checks.nrows();
        // One product reads the coefficients once for both.
        let both = at(concatenate![Axis(0), self.checks, self.bases[first].points].view());
        let (expected, mut values) =
            (both.slice(s![..n_check, ..]), both.slice(s![n_check.., ..]).to_owned());
        let mut basis = first;
        loop {
            let of = &self.bases[basis];
            let coefficients = of.projection.dot(&values).mapv(|c| c as f32);
            let fitted = of.values_at(&self.checks).dot(&coefficients.mapv(f64::from));
            let error = (fitted - expected).fold_axis(Axis(0), 0.0, |&a: &f64, d| a.max(d.abs()));
            let largest = error.iter().copied().fold(0.0, f64::max);
            if largest <= self.options.accuracy || basis + 1 >= self.bases.len() {
                return (basis, coefficients, error);
            }
            basis += 1;
            values = at(self.bases[basis].points.view());
        }
    }
}

/// Coefficients, `(n_coefficient, n_group)`, in runs of pixels, `(n_run, n_coefficient, LANES)`.
fn packed(coefficients: &Array2<f32>) -> Vec<f32> {
    let (n_coefficient, n_group) = coefficients.dim();
    let mut packed = vec![0.0; padded(n_group) * n_coefficient];
    for (run, block) in packed.chunks_exact_mut(n_coefficient * LANES).enumerate() {
        let pixels = run * LANES..((run + 1) * LANES).min(n_group);
        for (row, lanes) in block.chunks_exact_mut(LANES).enumerate() {
            let source = coefficients.slice(s![row, pixels.clone()]);
            lanes.iter_mut().zip(source).for_each(|(lane, c)| *lane = *c);
        }
    }
    packed
}

impl Cell {
    fn bytes(&self) -> usize {
        let coefficients: usize = self.groups.iter().map(|group| group.coefficients.len()).sum();
        4 * (coefficients + self.error.len())
    }
}

impl Kept {
    fn slot(&mut self, place: Place, memory_bytes: usize) -> Slot {
        self.clock += 1;
        let now = self.clock;
        if let Some((slot, used)) = self.cells.get_mut(&place) {
            *used = now;
            return Arc::clone(slot);
        }
        if self.bytes() > memory_bytes {
            self.drop_oldest();
        }
        let slot = Slot::default();
        self.cells.insert(place, (Arc::clone(&slot), now));
        slot
    }

    fn bytes(&self) -> usize {
        self.cells.values().filter_map(|(slot, _)| slot.get()).map(|cell| cell.bytes()).sum()
    }

    /// Drops the quarter that was not used for longest.
    fn drop_oldest(&mut self) {
        let mut used: Vec<u64> = self.cells.values().map(|(_, used)| *used).collect();
        sort_indices(&mut used);
        let limit = used.get(used.len() / 4).copied().unwrap_or(0);
        self.cells.retain(|_, (_, used)| *used > limit);
    }
}

/// Evenly spread rows, `(at most n, n_label)`.
fn sample(scaled_labels: &Array2<f64>, n: usize) -> Array2<f64> {
    let stride = scaled_labels.nrows().div_ceil(n).max(1);
    let rows: Vec<usize> = (0..scaled_labels.nrows()).step_by(stride).collect();
    scaled_labels.select(Axis(0), &rows)
}

impl FluxEvaluator for CellEvaluator {
    fn evaluate(&self, theta: ArrayView1<'_, f64>, out: &mut Array2<f64>) {
        let mut scratch = CellScratch::default();
        self.planes(theta, &mut scratch);
        out.fill(f64::NAN);
        let slots = self.model.slots();
        for (at, slot) in slots.iter().enumerate() {
            for plane in 0..=self.n_label {
                if let Some(pixel) = *slot {
                    out[[pixel, plane]] = f64::from(scratch.planes[plane * slots.len() + at]);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "cells_tests.rs"]
mod tests;
