//! Grid cross-validation (§3.2.2, §4.1.2): what SLAM makes of nodes of the grid that it has not seen, with and without noise.
//!
//! Spectra drawn from SLAM_0 and labeled by SLAM_1 test noise alone: both share SLAM_0's interpolation. Here
//! whole nodes are held out, their own spectra are predicted and labeled by a model of the other nodes.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `pixels` | wavelength, flux and inverse variance of all nodes |
//! | `training` | `id`, `star_id` and labels of the nodes |
//! | `model` | hyper-parameters and CV-MSE of each pixel |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `labels` | a node, ratio and repeat | ids, fold, whether the other nodes enclose it, ratio, true and inferred labels, formal errors, status |
//! | `nodes` | a node | fold, whether enclosed, error of its predicted flux |
//! | `pixels` | a pixel | error of predicted flux over enclosed nodes |
//! | `summary` | a label, ratio and set of nodes | bias and rms with intervals |
//!
//! `labels` has the columns that `calibrate` reads. A node that the others do not enclose (a corner) is
//! extrapolated: it is fitted and flagged, and `summary` tells both sets. Without noise the ratio is null.
//! Noise is Gaussian, 1 / snr on the normalized flux. Hyper-parameters and model error are those that `train`
//! chose, brought to each fold's flux scale; fits have the default options of the library.
//!
//! Deviations: the paper tests noise alone (Fig. 2, 40 K at SNR > 100).

mod fold;
mod tables;

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::fold::{Grid, Setting};
use self::tables::{
    Outcome, label_arrays, label_columns, node_arrays, node_columns, pixel_arrays, pixel_columns,
    summary_arrays, summary_columns,
};
use super::columns::{f64s, ids};
use super::model::{Solver, matrix, model_needs, read_model};
use super::support::{label_names, read_training, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{F64, I64};
use crate::science::cross_validation::Folds;
use crate::science::slam::{FitOptions, LabelBounds};
use crate::science::statistics::Bootstrap;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<GridValidate>(
    "grid_validate",
    9,
    "predicts and labels nodes of a grid that the model has not seen",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridValidate {
    /// Number of folds; nodes of one `star_id` are held out together.
    #[serde(default = "super::defaults::folds")]
    folds: usize,
    /// Signal-to-noise ratios a pixel of the noise that is added; nodes are fitted without noise as well.
    #[serde(default = "ratios")]
    snr: Vec<f64>,
    /// Noisy spectra a node and ratio.
    #[serde(default = "one")]
    repeats: u32,
    /// Margin of the label box, standard deviations of each label.
    #[serde(default = "super::defaults::margin")]
    margin: f64,
    /// What solves the regressions.
    #[serde(default)]
    solver: Solver,
    /// Where the solver stops, scaled flux.
    #[serde(default = "super::defaults::tolerance")]
    tolerance: f64,
    /// Largest violation of optimality of a usable pixel, scaled flux.
    #[serde(default = "super::defaults::max_kkt")]
    max_kkt: f64,
    /// Fewest nodes that make a pixel usable.
    #[serde(default = "super::defaults::min_stars")]
    min_stars: usize,
    /// Bootstrap resamples.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

fn ratios() -> Vec<f64> {
    vec![5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
}

fn one() -> u32 {
    1
}

fn two_thousand() -> usize {
    2_000
}

impl Stage for GridValidate {
    fn ports(&self) -> Vec<Port> {
        let pixels = vec![
            Need::of("pixel", I64),
            Need::of("flux", F64.list()),
            Need::of("ivar", F64.list()),
        ];
        let mut training = training_port("training").through("model", "training");
        training.needs.push(Need::of("star_id", I64));
        vec![
            Port::whole("pixels", pixels).through("model", "pixels"),
            training,
            Port::whole("model", model_needs()),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let labels = label_names(&inputs["training"])?;
        let schema = &inputs["training"];
        Ok(vec![
            Output::table("labels", label_columns(schema, &labels)),
            Output::table("nodes", node_columns(&labels)).id("id"),
            Output::table("pixels", pixel_columns()).id("pixel"),
            Output::table("summary", summary_columns(&labels)),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("grid_validate")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (labels, node_ids) = read_training(job, "training")?;
        let groups = ids(job, "training", "star_id")?;
        let model = read_model(job.table("model")?, &labels)?;
        let flux = matrix(job.table("pixels")?, "flux", labels.n_train())?;
        let ivar = matrix(job.table("pixels")?, "ivar", labels.n_train())?;
        let grid = Grid::new(labels, flux, ivar, model)?;
        let folds = Folds::by_star(&groups, self.folds, job.seed()?)?;
        let outcome = self.outcome(&grid, &folds, job.seed()?.wrapping_add(1))?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()?.wrapping_add(2) };
        let enclosed = outcome.nodes.iter().filter(|node| node.enclosed).count();
        job.note(format!("{} nodes, {enclosed} of them enclosed by the others", node_ids.len()));
        let names = grid.labels.names.clone();
        let units = label_units(job, &names)?;
        Ok(vec![
            Product::new("labels", label_arrays(&outcome, &grid.labels, &node_ids, &groups)),
            Product::new("nodes", node_arrays(&outcome, &node_ids)),
            Product::new(
                "pixels",
                pixel_arrays(
                    &outcome,
                    ids(job, "pixels", "pixel")?,
                    f64s(job, "model", "wave_angstrom")?,
                ),
            ),
            Product::new(
                "summary",
                summary_arrays(&outcome, &grid.labels, &groups, &units, &bootstrap),
            ),
        ])
    }
}

/// Units of the labels, in their order.
fn label_units(job: &Job, labels: &[String]) -> Result<Vec<String>, StageError> {
    let fields = job.table("training")?.schema();
    let unit = |label: &String| {
        let field = fields.fields().find(label).map(|(_, field)| field);
        let meta = field.and_then(crate::engine::types::ColumnMeta::of);
        meta.map(|m| m.unit).unwrap_or_default()
    };
    Ok(labels.iter().map(unit).collect())
}

impl GridValidate {
    fn check(&self) -> Result<(), StageError> {
        if self.snr.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
            return Err(StageError::new("`snr` must hold positive ratios"));
        }
        if self.folds < 2 {
            return Err(StageError::new("`folds` must be 2 or more"));
        }
        if !(self.margin >= 0.0 && self.margin.is_finite()) {
            return Err(StageError::new("`margin` must be 0 or more standard deviations"));
        }
        self.solver.ready(self.tolerance).map(|_| ())
    }

    /// All folds: predicted flux and labels of the nodes that each holds out.
    fn outcome(&self, grid: &Grid, folds: &Folds, seed: u64) -> Result<Outcome, StageError> {
        let setting = Setting {
            solver: &*self.solver.ready(self.tolerance)?,
            min_stars: self.min_stars,
            max_kkt: self.max_kkt,
            options: FitOptions {
                bounds: LabelBounds::Box { margin: self.margin },
                ..FitOptions::default()
            },
            snr: &self.snr,
            repeats: self.repeats,
            seed,
        };
        let mut nodes = Vec::new();
        let mut error = Array2::from_elem(grid.flux.dim(), f64::NAN);
        for fold in 0..folds.n_folds() {
            let held_out = folds.held_out_rows(fold);
            let what = format!("fold {fold}");
            let scored = grid
                .hold_out(&setting, &folds.training_rows(fold), &held_out, &mut error)
                .map_err(StageError::within(&what))?;
            nodes.push(scored);
        }
        Ok(Outcome {
            nodes: folds.gather(nodes)?,
            error,
            folds: folds.fold_of_row().to_vec(),
            snr: self.snr.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
