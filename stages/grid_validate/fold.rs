//! One fold: a model of the other nodes, the flux that it predicts for the held-out ones, and their labels.

use ndarray::{Array2, Axis};

use crate::engine::stage::StageError;
use crate::science::draw::{add_noise, synthesize};
use crate::science::hull::ConvexHull;
use crate::science::slam::{
    FitOptions, LabelFit, LabelFitter, PixelModel, RowsOfPixels, SlamError, SlamModel,
    TrainingLabels,
};
use crate::science::svr::SvrSolver;

/// Inverse variance of a spectrum without noise: as in `synthesize`, nothing beside the model's error.
const NOISE_FREE: f64 = 1e12;

/// How far outside the hull rounding may put a node, scaled labels.
const ROUNDING: f64 = 1e-9;

/// Nodes, their spectra, and the model trained on all of them.
pub struct Grid {
    pub labels: TrainingLabels,
    /// Normalized flux, `(n_pix, n_node)`.
    pub flux: Array2<f64>,
    /// Its inverse variance, `(n_pix, n_node)`.
    pub ivar: Array2<f64>,
    pub model: SlamModel,
}

/// How a fold is trained and its nodes are fitted.
pub struct Setting<'a> {
    pub solver: &'a dyn SvrSolver,
    pub min_stars: usize,
    pub max_kkt: f64,
    pub options: FitOptions,
    /// Ratios of the noise that is added.
    pub snr: &'a [f64],
    /// Noisy spectra a node and ratio.
    pub repeats: u32,
    pub seed: u64,
}

/// A held-out node.
pub struct Node {
    /// Whether the nodes of the other folds enclose it.
    pub enclosed: bool,
    /// Fits: without noise, then the repeats of each ratio.
    pub fits: Vec<Fitted>,
}

/// A fit of a node's spectrum.
pub struct Fitted {
    /// Ratio of the added noise, `None` without.
    pub snr: Option<f64>,
    pub repeat: u32,
    pub fit: LabelFit,
}

impl Grid {
    /// Refuses pixels and model of different training sets.
    pub fn new(
        labels: TrainingLabels,
        flux: Array2<f64>,
        ivar: Array2<f64>,
        model: SlamModel,
    ) -> Result<Self, StageError> {
        if flux.nrows() != model.n_pix() {
            return Err(StageError::new(format!(
                "`pixels` has {} rows, the model has {}; bind the pixels on which it was trained",
                flux.nrows(),
                model.n_pix()
            )));
        }
        Ok(Grid { labels, flux, ivar, model })
    }

    /// Labels the `held_out` nodes by a model of the `kept` ones, and writes predicted less true flux to `error`.
    pub fn hold_out(
        &self,
        setting: &Setting<'_>,
        kept: &[usize],
        held_out: &[usize],
        error: &mut Array2<f64>,
    ) -> Result<Vec<Node>, StageError> {
        let physical = self.labels.physical.select(Axis(0), kept);
        let labels = TrainingLabels::new(self.labels.names.clone(), physical)?;
        let usable = self.model.usable();
        let pixels: Vec<usize> = (0..usable.len()).filter(|&j| usable[j]).collect();
        let trained = self.train(setting, &labels, kept, &pixels)?;
        let model = SlamModel::from_pixels(&labels, &trained)?;
        let truth = self.labels.physical.select(Axis(0), held_out);
        for (predicted, &j) in synthesize(&model, truth.view()).iter().zip(&pixels) {
            for (flux, &node) in predicted.iter().zip(held_out) {
                if self.ivar[[j, node]] > 0.0 {
                    error[[j, node]] = flux - self.flux[[j, node]];
                }
            }
        }
        let hull = ConvexHull::new(labels.scaled.view())?;
        let enclosed = truth
            .outer_iter()
            .map(|label| hull.contains(labels.scaler.transform_row(label).view(), ROUNDING));
        let mut nodes: Vec<Node> =
            enclosed.map(|enclosed| Node { enclosed, fits: Vec::new() }).collect();
        self.fit(setting, &model, &pixels, held_out, &mut nodes)?;
        Ok(nodes)
    }

    /// Fits the held-out nodes without noise, then with each ratio's.
    fn fit(
        &self,
        setting: &Setting<'_>,
        model: &SlamModel,
        pixels: &[usize],
        held_out: &[usize],
        nodes: &mut [Node],
    ) -> Result<(), StageError> {
        let fitter = LabelFitter::new(model, setting.options)?;
        let noisy = setting.snr.iter().enumerate();
        let noisy = noisy.flat_map(|(at, &snr)| {
            (0..setting.repeats).map(move |repeat| (Some((at, snr)), repeat))
        });
        for (noise, repeat) in std::iter::once((None, 0)).chain(noisy) {
            // Each ratio and repeat has its noise; a node's does not depend on its fold.
            let stream = noise.map_or(0, |(at, _)| 1 + at as u64 + (u64::from(repeat) << 16));
            let snr = noise.map(|(_, snr)| snr);
            let (flux, ivar) =
                self.spectra(pixels, held_out, snr, setting.seed.wrapping_add(stream));
            let fits = fitter.fit_many(flux.view(), ivar.view())?;
            for (node, fit) in nodes.iter_mut().zip(fits) {
                node.fits.push(Fitted { snr, repeat, fit });
            }
        }
        Ok(())
    }

    /// Flux and inverse variance of nodes, `(n_held_out, n_usable)`, with noise of this ratio.
    fn spectra(
        &self,
        pixels: &[usize],
        held_out: &[usize],
        snr: Option<f64>,
        seed: u64,
    ) -> (Array2<f64>, Array2<f64>) {
        let of = |values: &Array2<f64>| values.select(Axis(0), pixels).select(Axis(1), held_out);
        let weight = snr.map_or(NOISE_FREE, |snr| snr * snr);
        let ivar = of(&self.ivar).mapv(|w| if w > 0.0 { weight } else { 0.0 });
        let mut flux = of(&self.flux);
        if let Some(snr) = snr {
            let ids: Vec<i64> = held_out.iter().map(|&node| node as i64).collect();
            let ratios = vec![snr; ids.len()];
            for (mut row, &j) in flux.outer_iter_mut().zip(pixels) {
                let mut noisy = row.to_vec();
                add_noise(&mut noisy, &ratios, &ids, j as i64, seed);
                row.iter_mut().zip(noisy).for_each(|(out, value)| *out = value);
            }
        }
        let rows = |values: Array2<f64>| values.reversed_axes().as_standard_layout().into_owned();
        (rows(flux), rows(ivar))
    }

    /// The `pixels` of a model of the kept nodes, with the hyper-parameters of the whole model.
    fn train(
        &self,
        setting: &Setting<'_>,
        labels: &TrainingLabels,
        kept: &[usize],
        pixels: &[usize],
    ) -> Result<Vec<PixelModel>, SlamError> {
        let (flux, ivar) = (self.flux.view(), self.ivar.view());
        let rows = RowsOfPixels::new(&self.model, flux, ivar, pixels, kept);
        let limits = (setting.min_stars, setting.max_kkt);
        self.model.refit(labels, &rows, pixels, limits, setting.solver)
    }
}
