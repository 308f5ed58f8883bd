//! Cross-validation of labels (§4.1, eqs. 4 and 5; Fig. 2): each training spectrum labeled by a model that has not seen its star.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `model` | hyper-parameters, flux scale and CV-MSE of each pixel |
//! | `training` | id, star id and labels of the training spectra; those of the model's node where it is not bound |
//! | `pixels` | `flux` and `ivar` of all training spectra; those of the model's node where it is not bound |
//! | `stars` | id and signal-to-noise ratio |
//! | `spectra` (optional) | normalized spectra that the model of every fold labels too |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `labels` | a training spectrum | ids, true labels, signal-to-noise ratio, fold, held-out labels and errors, goodness of fit, status |
//! | `summary` | a label | bias, rms, sd, robust sigma, what no skill would score, skill, rank correlation |
//! | `curve` | a label and bin of signal-to-noise ratio | bias and rms |
//! | `replicas`, if `spectra` is bound | a fold and a spectrum | fold, id, labels by the model without that fold |
//!
//! Intervals are 95 % of a bootstrap by star. `replicas` tell how far labels depend on who is in the training set: a
//! delete-group jackknife. Deviations: eq. 5 has 1/n outside the root, which for
//! 3,785 stars would give 0.8 K; `rms` has it inside, about zero. With `nested = false` each fold
//! uses the hyper-parameters and CV-MSE that `train` chose with all stars, as the paper seems to;
//! the CV-MSE is brought to the fold's flux scale. `nested = true` chooses them anew in each fold.

mod folds;
mod replicas;
mod scores;

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::folds::{Setting, Training};
use self::replicas::Replicas;
use self::scores::{
    Residuals, Score, curve_arrays, curve_columns, number, summary_arrays, summary_columns,
};
use super::columns::{f64s, finite_array, i32_array, ids, text_array, u32_array};
use super::model::{
    BoundsChoice, FitChoice, FoldBy, Grid, LossChoice, ModelErrorChoice, Solver, matrix,
    model_needs, read_model,
};
use super::support::{label_names, read_training, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Carried, Job, Need, NewColumn, Output, Port, Product, Rows, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I32, I64, Type, U32};
use crate::science::cross_validation::Folds;
use crate::science::slam::{FitStatus, LabelFit};
use crate::science::statistics::Bootstrap;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<CrossValidate>(
    "cross_validate",
    10,
    "labels each training spectrum with a model that has not seen its star",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossValidate {
    /// Row id of a spectrum in `stars`.
    #[serde(default = "super::defaults::obsid")]
    id: String,
    /// Signal-to-noise ratio in `stars`.
    #[serde(default = "snri")]
    snr: String,
    /// Number of folds.
    #[serde(default = "super::defaults::folds")]
    folds: usize,
    /// What is held out together.
    #[serde(default)]
    fold_by: FoldBy,
    /// Chooses hyper-parameters anew in each fold.
    #[serde(default)]
    nested: bool,
    /// Hyper-parameters to choose from, if nested.
    #[serde(default)]
    grid: Grid,
    /// What solves the regressions.
    #[serde(default)]
    solver: Solver,
    /// Where the solver stops, scaled flux.
    #[serde(default = "super::defaults::tolerance")]
    tolerance: f64,
    /// Largest violation of optimality of a usable pixel, scaled flux.
    #[serde(default = "super::defaults::max_kkt")]
    max_kkt: f64,
    /// Fewest spectra that make a pixel usable.
    #[serde(default = "super::defaults::min_stars")]
    min_stars: usize,
    /// What a weighted residual costs.
    #[serde(default)]
    loss: LossChoice,
    /// Error of the model.
    #[serde(default)]
    model_error: ModelErrorChoice,
    /// Where labels may go.
    #[serde(default)]
    bounds: BoundsChoice,
    /// Margin of the box, standard deviations of each label.
    #[serde(default = "super::defaults::margin")]
    margin: f64,
    /// Drops pixels of smaller inverse variance, scaled flux.
    #[serde(default)]
    ivar_threshold: Option<f64>,
    /// Fewest pixels of a fit.
    #[serde(default = "super::defaults::min_pixels")]
    min_pixels: usize,
    /// Normalized flux of `spectra`.
    #[serde(default = "super::defaults::flux_norm")]
    flux: String,
    /// Its inverse variance, 0 where masked.
    #[serde(default = "super::defaults::ivar_norm")]
    ivar: String,
    /// Lower edges of the bins of signal-to-noise ratio, ascending; the last bin is open.
    #[serde(default = "snr_edges")]
    snr_edges: Vec<f64>,
    /// Bootstrap resamples.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

fn snri() -> String {
    "snri".into()
}

fn snr_edges() -> Vec<f64> {
    vec![5.0, 10.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0]
}

fn two_thousand() -> usize {
    2_000
}

impl Stage for CrossValidate {
    fn ports(&self) -> Vec<Port> {
        let pixels = vec![Need::of("flux", F64.list()), Need::of("ivar", F64.list())];
        let stars = vec![Need::of(&self.id, I64), Need::any(&self.snr)];
        let spectra = vec![Need::of(&self.id, I64), Need::any(&self.flux), Need::any(&self.ivar)];
        vec![
            Port::whole("pixels", pixels).through("model", "pixels"),
            training_port("training").through("model", "training"),
            Port::whole("model", model_needs()),
            Port::whole("stars", stars),
            Port::whole("spectra", spectra).optional(),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let names = label_names(&inputs["training"])?;
        self.fit_choice().options()?;
        self.grid.cells()?;
        self.solver.ready(self.tolerance)?;
        if !self.snr_edges.is_sorted_by(|a, b| a < b) {
            return Err(StageError::new("`snr_edges` must ascend"));
        }
        let mut labels = Output::table("labels", label_columns(inputs, &names)).id(&self.id);
        labels.rows = Rows::Same("training".into());
        labels.carried = self.carried(&names);
        let mut outputs = vec![
            labels,
            Output::table("summary", summary_columns(&names)),
            Output::table("curve", curve_columns(&names)),
        ];
        if let Some(spectra) = inputs.get("spectra") {
            let columns = [&self.id, &self.flux, &self.ivar];
            let columns = replicas::columns(columns.map(String::as_str), spectra, inputs, &names);
            outputs.push(Output::table("replicas", columns));
        }
        Ok(outputs)
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("cross_validate")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (labels, training_ids) = read_training(job, "training")?;
        let model = read_model(job.table("model")?, &labels)?;
        let stars = ids(job, "training", "star_id")?;
        let folds = self.fold_by.folds(&stars, self.folds, job.seed()?)?;
        let training = Training {
            flux: matrix(job.table("pixels")?, "flux", labels.n_train())?,
            ivar: matrix(job.table("pixels")?, "ivar", labels.n_train())?,
            labels,
            model,
            stars,
        };
        training.check()?;
        let columns = [&self.id, &self.flux, &self.ivar].map(String::as_str);
        let mut replicas =
            Replicas::read(job, columns, (training.model.n_pix(), training.labels.names.len()))?;
        let fits = self.held_out(&training, &folds, job, replicas.as_mut())?;
        let snr_rows = self.snr_rows(job, &training_ids)?;
        let snr = f64s(job, "stars", &self.snr)?;
        let residuals = Residuals {
            snr: snr_rows.iter().map(|row| row.map_or(f64::NAN, |r| snr[r as usize])).collect(),
            stars: training.stars.clone(),
            bootstrap: Bootstrap {
                n_resample: self.resamples,
                // Another stream of numbers than the one that dealt the folds.
                seed: job.seed()?.wrapping_add(1),
            },
        };
        let scores = scores(job, &training, &fits)?;
        let n_label = training.labels.names.len();
        let mut products = vec![
            Product::new("labels", label_arrays(&folds, &fits, n_label)).rows("stars", snr_rows),
            Product::new("summary", summary_arrays(&scores, &residuals)),
            Product::new("curve", curve_arrays(&scores, &residuals, &self.snr_edges)),
        ];
        products.extend(replicas.map(|r| Product::new("replicas", r.into_arrays())));
        Ok(products)
    }
}

impl CrossValidate {
    fn fit_choice(&self) -> FitChoice {
        FitChoice {
            loss: self.loss,
            model_error: self.model_error,
            bounds: self.bounds,
            margin: self.margin,
            ivar_threshold: self.ivar_threshold,
            min_pixels: self.min_pixels,
        }
    }

    fn carried(&self, labels: &[String]) -> Vec<Carried> {
        let carry = |name: &str, port: &str, column: &str| Carried {
            name: name.into(),
            port: port.into(),
            column: column.into(),
        };
        let mut carried = vec![
            carry(&self.id, "training", "id"),
            carry("star_id", "training", "star_id"),
            carry(&self.snr, "stars", &self.snr),
        ];
        carried
            .extend(labels.iter().map(|label| carry(&format!("{label}_true"), "training", label)));
        carried
    }

    /// Row of `stars` of each training spectrum; the first of equal ids.
    fn snr_rows(&self, job: &Job, training_ids: &[i64]) -> Result<UInt32Array, StageError> {
        let mut row_of = BTreeMap::new();
        for (row, id) in ids(job, "stars", &self.id)?.into_iter().enumerate() {
            row_of.entry(id).or_insert(row as u32);
        }
        Ok(training_ids.iter().map(|id| row_of.get(id).copied()).collect())
    }

    /// A fit for each training spectrum, by a model of the other folds, which labels the `replicas` too.
    fn held_out(
        &self,
        training: &Training,
        folds: &Folds,
        job: &Job,
        mut replicas: Option<&mut Replicas>,
    ) -> Result<Vec<LabelFit>, StageError> {
        let grid = self.grid.cells()?;
        let setting = Setting {
            solver: &*self.solver.ready(self.tolerance)?,
            nested: self.nested.then_some((&grid, self.fold_by, self.folds, job.seed()?)),
            min_stars: self.min_stars,
            max_kkt: self.max_kkt,
            options: self.fit_choice().options()?,
        };
        let per_fold = (0..folds.n_folds())
            .map(|fold| {
                let what = format!("fold {fold}");
                let mut fit = || {
                    let model = training.fold(&setting, &folds.training_rows(fold))?;
                    if let Some(replicas) = &mut replicas {
                        replicas.label(fold, &model)?;
                    }
                    training.held_out(&model, &folds.held_out_rows(fold))
                };
                fit().map_err(StageError::within(&what))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(folds.gather(per_fold)?)
    }
}

/// Truth and held-out value of each label.
fn scores(job: &Job, training: &Training, fits: &[LabelFit]) -> Result<Vec<Score>, StageError> {
    let schema = job.table("training")?.schema();
    let names = training.labels.names.iter().enumerate();
    names
        .map(|(l, label)| {
            let meta = schema.fields().find(label).and_then(|(_, field)| ColumnMeta::of(field));
            Ok(Score {
                label: label.clone(),
                unit: meta.map(|m| m.unit).unwrap_or_default(),
                truth: training.labels.physical.column(l).to_vec(),
                held_out: fits.iter().map(|fit| published(fit, fit.labels[l])).collect(),
            })
        })
        .collect()
}

/// A number of a fit, NaN unless it converged: as `predict` publishes it.
fn published(fit: &LabelFit, value: f64) -> f64 {
    if fit.status == FitStatus::Converged { value } else { f64::NAN }
}

fn label_columns(inputs: &Schemas, labels: &[String]) -> Vec<NewColumn> {
    let fold = ColumnMeta::new("fold", I32).about("fold that holds the spectrum out");
    let mut columns = vec![NewColumn::new(fold)];
    for label in labels {
        let unit = inputs["training"].column(label).map_or("", |c| c.unit.as_str());
        for (suffix, about) in [
            ("cv", "inferred by a model that has not seen the star"),
            ("cv_err", "its formal error"),
        ] {
            let meta = ColumnMeta::new(format!("{label}_{suffix}"), F64).unit(unit).about(about);
            columns.push(
                NewColumn::new(meta)
                    .from("training", label, "label")
                    .from("pixels", "flux", "flux")
                    .from("pixels", "ivar", "weight"),
            );
        }
    }
    let status = ColumnMeta::new("status", Type::Text)
        .about("how the fit ended; labels are null unless `converged`");
    let n_pix = ColumnMeta::new("n_pix_fit", U32).about("fitted pixels");
    columns.extend([
        number("chi2", "sum of squared weighted residuals, model error included"),
        number("reduced_chi2", "chi-square over fitted pixels minus free labels"),
        NewColumn::new(n_pix),
        NewColumn::new(status),
    ]);
    columns
}

fn label_arrays(folds: &Folds, fits: &[LabelFit], n_label: usize) -> Vec<ArrayRef> {
    let number = |of: &dyn Fn(&LabelFit) -> f64| {
        finite_array(fits.iter().map(|fit| published(fit, of(fit))).collect())
    };
    let mut arrays = vec![i32_array(folds.fold_of_row().iter().map(|&f| f as i32).collect())];
    for l in 0..n_label {
        arrays.push(number(&|fit| fit.labels[l]));
        arrays.push(number(&|fit| fit.formal_errors[l]));
    }
    arrays.extend([
        number(&|fit| fit.chi2),
        number(&|fit| fit.reduced_chi2),
        u32_array(fits.iter().map(|fit| fit.n_pix_used as u32).collect()),
        text_array(fits.iter().map(|fit| Some(fit.status.name()))),
    ]);
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stage::TableSchema;

    #[test]
    fn every_edge_starts_at_a_column_that_is_read() {
        let params = serde_json::json!({});
        let stage: CrossValidate = serde_json::from_value(params).unwrap();
        let ports = stage.ports();
        let schema = |port: &Port| {
            let needs = port.needs.iter().map(|n| n.column.as_str());
            let training = ["star_id", "Teff", "Fe_H"].into_iter().filter(|_| port.all_columns);
            let columns = needs.chain(training).map(|name| ColumnMeta::new(name, F64)).collect();
            TableSchema { columns, row_id: None }
        };
        let inputs: Schemas = ports.iter().map(|p| (p.name.clone(), schema(p))).collect();
        let read = |port: &str, column: &str| inputs[port].column(column).is_some();
        for output in stage.outputs(&inputs).unwrap() {
            let mut edges = output.columns.iter().flat_map(|c| &c.from);
            assert!(edges.all(|edge| read(&edge.port, &edge.column)), "{}", output.name);
            assert!(output.carried.iter().all(|c| read(&c.port, &c.column)));
        }
    }
}
