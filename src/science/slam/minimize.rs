//! The minimizations of a label fit: with compressed spectra star by star, with exact ones many stars at a time.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::super::least_squares::{
    Bounds, Descent, LevenbergOptions, Minimum, NormalEquations, Outcome,
};
use super::basin;
use super::cells::{CellEvaluator, CellScratch};
use super::fit::LabelFitter;
use super::kernel::KernelEvaluator;
use super::label_fit::Loss;
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

impl LabelFitter<'_> {
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

    /// Carries the minimization on with exact spectra, those of all stars in one product; cells, where there are any,
    /// lend their second derivatives.
    pub(super) fn settle(
        &self,
        exact: &KernelEvaluator<'_>,
        mut tasks: Vec<&mut Task>,
        scratch: &mut CellScratch,
    ) {
        // Without second derivatives small steps do not tell that the optimum is near.
        let reduction_tolerance =
            if self.cells.is_some() { self.options.minimizer.reduction_tolerance } else { 0.0 };
        let minimizer = LevenbergOptions { reduction_tolerance, ..self.options.minimizer };
        let mut descents: Vec<Tracked<'_>> = tasks
            .iter()
            .map(|task| Tracked::new(&task.found.minimum.parameters, &self.bounds, &minimizer))
            .collect();
        loop {
            let asking: Vec<usize> =
                (0..tasks.len()).filter(|&i| descents[i].descent.point().is_some()).collect();
            if asking.is_empty() {
                break;
            }
            let planes = self.exact_planes(exact, &asking, &descents);
            let n_plane = 1 + self.model.n_label();
            for (&star, rows) in asking.iter().zip(planes.axis_chunks_iter(Axis(0), n_plane)) {
                let sums = self.exact_sums(rows, &descents[star], &tasks[star].spectrum, scratch);
                descents[star].tell(sums);
            }
        }
        for (task, descent) in tasks.iter_mut().zip(descents) {
            let n_before = task.found.minimum.n_evaluations;
            task.found = descent.finish();
            task.found.minimum.n_evaluations += n_before;
        }
    }

    fn exact_sums(
        &self,
        planes: ArrayView2<'_, f64>,
        descent: &Tracked<'_>,
        spectrum: &LaneSpectrum,
        scratch: &mut CellScratch,
    ) -> PixelSums {
        let (loss, n_label) = (self.options.loss, self.model.n_label());
        let curvature = match (&self.cells, descent.descent.point()) {
            (Some(cells), Some(theta)) => {
                scratch.leave();
                cell_sums(cells, theta, spectrum, loss, scratch).equations.curvature
            }
            _ => None,
        };
        let planes = planes.to_slice().unwrap_or_default();
        let mut sums = pixel_sums(planes, n_label, spectrum, loss, &mut scratch.pulls);
        sums.equations.curvature = curvature;
        sums
    }

    fn exact_planes(
        &self,
        exact: &KernelEvaluator<'_>,
        asking: &[usize],
        descents: &[Tracked<'_>],
    ) -> Array2<f64> {
        let mut thetas = Array2::zeros((asking.len(), self.model.n_label()));
        for (mut row, &star) in thetas.outer_iter_mut().zip(asking) {
            if let Some(point) = descents[star].descent.point() {
                row.assign(point);
            }
        }
        exact.planes(thetas.view())
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
