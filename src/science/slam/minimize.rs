//! The minimizations of a label fit: with compressed spectra star by star, with exact ones many stars at a time.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, Axis};

use super::super::least_squares::{
    Bounds, Descent, LevenbergOptions, Minimum, NormalEquations, Outcome,
};
use super::basin;
use super::cells::{CellEvaluator, CellScratch};
use super::fit::LabelFitter;
use super::kernel::KernelEvaluator;
use super::label_fit::{Loss, Start};
use super::lanes::{LaneSpectrum, PixelSums, pixel_sums};

/// Rounding of flux that is summed in single precision, scaled flux.
const SINGLE_PRECISION: f64 = 2e-6;

/// Lower optima that are gone to, one after another.
const MOST_BASINS: usize = 3;

/// Costs, in chi-square / 2, that the compressed model does not tell apart.
const SAME_OPTIMUM: f64 = 1e-4;

/// A star on its way.
pub(super) struct Task {
    pub spectrum: LaneSpectrum,
    pub n_used: usize,
    pub start: usize,
    pub found: Found,
}

/// Where the minimization of a star stands.
pub(super) struct Found {
    pub minimum: Minimum,
    pub chi2_intrinsic: f64,
    pub compression_shift: f64,
}

impl LabelFitter {
    /// Minimizes with compressed spectra, and again from nearby points where the optimum may not be the lowest.
    pub(super) fn compressed_fit(
        &self,
        cells: &CellEvaluator,
        spectrum: &LaneSpectrum,
        labels: &Array1<f64>,
        scratch: &mut CellScratch,
    ) -> Found {
        let loss = self.options.loss;
        let mut found = self.descend(cells, spectrum, labels, scratch);
        for _ in 0..MOST_BASINS {
            let lowest = found.minimum.equations.cost;
            let mut best: Option<(f64, Array1<f64>)> = None;
            for point in basin::probes(&found.minimum, &self.bounds) {
                let cost = cell_sums(cells, &point, spectrum, loss, scratch).equations.cost;
                found.minimum.n_evaluations += 1;
                let limit = best.as_ref().map_or(f64::INFINITY, |(cost, _)| *cost);
                if basin::is_promising(cost, lowest) && cost < limit {
                    best = Some((cost, point));
                }
            }
            let Some((_, point)) = best else { break };
            let mut other = self.descend(cells, spectrum, &point, scratch);
            let n_evaluations = other.minimum.n_evaluations + found.minimum.n_evaluations;
            if other.minimum.equations.cost >= lowest - SAME_OPTIMUM {
                found.minimum.n_evaluations = n_evaluations;
                break;
            }
            other.minimum.n_evaluations = n_evaluations;
            found = other;
        }
        found
    }

    fn descend(
        &self,
        cells: &CellEvaluator,
        spectrum: &LaneSpectrum,
        labels: &Array1<f64>,
        scratch: &mut CellScratch,
    ) -> Found {
        let loss = self.options.loss;
        let total: f64 = spectrum.weight.iter().sum();
        let cost_noise = SINGLE_PRECISION * total.sqrt();
        let minimizer = LevenbergOptions { cost_noise, ..self.options.minimizer };
        let mut descent = Tracked::new(labels, &self.bounds, &minimizer);
        scratch.leave();
        while let Some(point) = descent.descent.point() {
            descent.tell(cell_sums(cells, point, spectrum, loss, scratch));
        }
        let mut found = descent.finish();
        found.compression_shift = cells.displacement(&spectrum.weight, scratch);
        found
    }

    /// Carries the minimization on with exact spectra, those of all stars in one product. Without cells, where nothing
    /// came before, also from nearby points where the optimum may not be the lowest.
    pub(super) fn settle(
        &self,
        exact: &KernelEvaluator<'_>,
        mut tasks: Vec<&mut Task>,
        scratch: &mut CellScratch,
    ) {
        let starts = tasks.iter().map(|task| task.found.minimum.parameters.clone()).collect();
        let stars: Vec<&LaneSpectrum> = tasks.iter().map(|task| &task.spectrum).collect();
        let mut found = self.descend_exactly(exact, &stars, starts, scratch);
        if self.cells.is_none() && self.options.start == Start::Fast {
            self.look_around(exact, &stars, &mut found, scratch);
        }
        for (task, mut found) in tasks.iter_mut().zip(found) {
            found.minimum.n_evaluations += task.found.minimum.n_evaluations;
            task.found = found;
        }
    }

    /// Minimizes for each of `stars` from its start.
    fn descend_exactly(
        &self,
        exact: &KernelEvaluator<'_>,
        stars: &[&LaneSpectrum],
        starts: Vec<Array1<f64>>,
        scratch: &mut CellScratch,
    ) -> Vec<Found> {
        // The paper's own search is the standard that others are measured by: it goes on to the end.
        let reduction_tolerance = match self.options.start {
            Start::Fast => self.options.minimizer.reduction_tolerance,
            Start::Exact => 0.0,
        };
        let minimizer = LevenbergOptions { reduction_tolerance, ..self.options.minimizer };
        let mut descents: Vec<Tracked<'_>> =
            starts.iter().map(|start| Tracked::new(start, &self.bounds, &minimizer)).collect();
        loop {
            let asking: Vec<(usize, Array1<f64>)> = descents
                .iter()
                .enumerate()
                .filter_map(|(star, descent)| Some((star, descent.descent.point()?.clone())))
                .collect();
            if asking.is_empty() {
                break;
            }
            for ((star, _), sums) in asking.iter().zip(self.sums(exact, stars, &asking, scratch)) {
                descents[*star].tell(sums);
            }
        }
        descents.into_iter().map(Tracked::finish).collect()
    }

    /// Goes on from points beside the optima found where one of them promises a lower one.
    fn look_around(
        &self,
        exact: &KernelEvaluator<'_>,
        stars: &[&LaneSpectrum],
        found: &mut [Found],
        scratch: &mut CellScratch,
    ) {
        let mut open: Vec<usize> = (0..stars.len()).collect();
        for _ in 0..MOST_BASINS {
            let points: Vec<(usize, Array1<f64>)> = open
                .iter()
                .flat_map(|&star| {
                    let probes = basin::probes(&found[star].minimum, &self.bounds);
                    probes.into_iter().map(move |point| (star, point))
                })
                .collect();
            if points.is_empty() {
                break;
            }
            let mut best: BTreeMap<usize, (f64, &Array1<f64>)> = BTreeMap::new();
            for ((star, point), sums) in
                points.iter().zip(self.sums(exact, stars, &points, scratch))
            {
                let (cost, lowest) = (sums.equations.cost, found[*star].minimum.equations.cost);
                found[*star].minimum.n_evaluations += 1;
                let limit = best.get(star).map_or(f64::INFINITY, |(cost, _)| *cost);
                if basin::is_promising(cost, lowest) && cost < limit {
                    best.insert(*star, (cost, point));
                }
            }
            open = best.keys().copied().collect();
            if open.is_empty() {
                break;
            }
            let starts = best.values().map(|(_, point)| (*point).clone()).collect();
            let again: Vec<&LaneSpectrum> = open.iter().map(|&star| stars[star]).collect();
            let others = self.descend_exactly(exact, &again, starts, scratch);
            let mut lower = Vec::new();
            for (&star, mut other) in open.iter().zip(others) {
                let n_evaluations = other.minimum.n_evaluations + found[star].minimum.n_evaluations;
                found[star].minimum.n_evaluations = n_evaluations;
                let lowest = found[star].minimum.equations.cost;
                if other.minimum.equations.cost < lowest - SAME_OPTIMUM {
                    other.minimum.n_evaluations = n_evaluations;
                    found[star] = other;
                    lower.push(star);
                }
            }
            open = lower;
        }
    }

    /// Sums at points, each of one of `stars`, second derivatives included: those of the cells, where there are any.
    fn sums(
        &self,
        exact: &KernelEvaluator<'_>,
        stars: &[&LaneSpectrum],
        points: &[(usize, Array1<f64>)],
        scratch: &mut CellScratch,
    ) -> Vec<PixelSums> {
        let (loss, n_label) = (self.options.loss, self.n_label());
        let mut thetas = Array2::zeros((points.len(), n_label));
        for (mut row, (_, point)) in thetas.outer_iter_mut().zip(points) {
            row.assign(point);
        }
        let planes = exact.planes(thetas.view());
        let mut pulls = Array2::zeros((points.len(), exact.n_slot()));
        let mut all = Vec::with_capacity(points.len());
        let rows = planes.axis_chunks_iter(Axis(0), 1 + n_label).zip(pulls.outer_iter_mut());
        for ((star, point), (planes, mut pulls)) in points.iter().zip(rows) {
            let spectrum = stars[*star];
            let planes = planes.to_slice().unwrap_or_default();
            let curvature = self.cells.as_ref().and_then(|cells| {
                scratch.leave();
                cell_sums(cells, point, spectrum, loss, scratch).equations.curvature
            });
            let mut sums = pixel_sums(planes, n_label, spectrum, loss, &mut scratch.pulls);
            sums.equations.curvature = curvature;
            pulls.iter_mut().zip(&scratch.pulls).for_each(|(to, &pull)| *to = f64::from(pull));
            all.push(sums);
        }
        if self.cells.is_none() {
            let curvatures = exact.curvatures(thetas.view(), pulls.view());
            for (sums, curvature) in all.iter_mut().zip(curvatures) {
                sums.equations.curvature = Some(curvature);
            }
        }
        all
    }
}

/// A minimization and the intrinsic chi-square of its best point.
pub(super) struct Tracked<'a> {
    descent: Descent<'a>,
    chi2_intrinsic: f64,
}

impl<'a> Tracked<'a> {
    fn new(start: &Array1<f64>, bounds: &'a Bounds, minimizer: &'a LevenbergOptions) -> Self {
        Self { descent: Descent::new(start, bounds, minimizer), chi2_intrinsic: f64::NAN }
    }

    fn tell(&mut self, sums: PixelSums) {
        if self.descent.tell(sums.equations) {
            self.chi2_intrinsic = sums.chi2_intrinsic;
        }
    }

    fn finish(self) -> Found {
        let chi2_intrinsic = self.chi2_intrinsic;
        Found { minimum: self.descent.finish(), chi2_intrinsic, compression_shift: 0.0 }
    }
}

impl Found {
    /// A start that nothing was evaluated at.
    pub fn at(parameters: Array1<f64>) -> Self {
        let n_label = parameters.len();
        let equations = NormalEquations {
            cost: f64::NAN,
            gradient: Array1::zeros(n_label),
            hessian: Array2::zeros((n_label, n_label)),
            curvature: None,
        };
        let minimum = Minimum { parameters, equations, n_evaluations: 0, outcome: Outcome::Stuck };
        Self { minimum, chi2_intrinsic: f64::NAN, compression_shift: f64::NAN }
    }
}

/// Sums at scaled labels `theta`, second derivatives included.
fn cell_sums(
    cells: &CellEvaluator,
    theta: &Array1<f64>,
    spectrum: &LaneSpectrum,
    loss: Loss,
    scratch: &mut CellScratch,
) -> PixelSums {
    cells.planes(theta.view(), scratch);
    let mut pulls = std::mem::take(&mut scratch.pulls);
    let mut sums = pixel_sums(&scratch.planes, theta.len(), spectrum, loss, &mut pulls);
    scratch.pulls = pulls;
    sums.equations.curvature = Some(cells.curvature(theta.view(), scratch));
    sums
}
