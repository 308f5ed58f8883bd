//! Predict (§2.2, step 3, eqs. 2 and 3): labels of observed spectra by a trained SLAM.
//!
//! | port | reads |
//! |---|---|
//! | `spectra` (driving) | normalized flux and its inverse variance |
//! | `model` (whole) | all columns of `train` but the CV-MSE of the cells |
//! | `training` (whole) | id and labels of the training spectra |
//! | `grid` (whole, optional) | wavelengths of `spectra`, checked against those of the model |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `labels` | all of `spectra` | all of `spectra`, the labels, formal errors, correlations, goodness of fit, status, flags |
//!
//! Labels and errors are null unless the fit converged; `status` says why. The covariance is
//! (J^T W J)^-1 at the optimum, its diagonal's roots are the formal errors.
//!
//! Deviations: by default labels are kept in the box of the training labels and a margin, and flagged
//! where they stop at it; `bounds = "none"` is the released code's way.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use ndarray::Array1;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::columns::{
    bool_array, f64_row, f64s, finite_array, ids, optional_ids, text_array, u32_array,
};
use super::model::{
    BoundsChoice, FitChoice, LossChoice, ModelErrorChoice, check_labels, model_needs, read_model,
    training_labels,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32};
use crate::science::slam::{FitStatus, LabelFit, LabelFitter, SlamModel};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Predict>("predict", 1, "infers labels of spectra with a trained SLAM");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// Label columns of the training set.
    labels: Vec<String>,
    /// Names of the inferred labels, after the origin of the training labels: TEFF_AP for APOGEE's.
    names: Vec<String>,
    /// Row id of the training spectra.
    #[serde(default = "super::defaults::obsid")]
    id: String,
    /// Column that tells which spectra are of one star, on both sides: with it the result says
    /// which stars the model was trained with.
    #[serde(default)]
    star_id: Option<String>,
    /// Normalized flux.
    #[serde(default = "super::defaults::flux_norm")]
    flux: String,
    /// Inverse variance of the normalized flux, 0 where masked.
    #[serde(default = "super::defaults::ivar_norm")]
    ivar: String,
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
    /// Drops pixels of smaller inverse variance, scaled flux; the released code has 1.
    #[serde(default)]
    ivar_threshold: Option<f64>,
    /// Fewest pixels of a fit.
    #[serde(default = "super::defaults::min_pixels")]
    min_pixels: usize,
    /// Put before the names of the columns that are not labels, so that several models can follow
    /// each other.
    #[serde(default)]
    prefix: String,
}

/// Status of a row that has no spectrum to fit.
const NO_SPECTRUM: &str = "no_spectrum";

impl Stage for Predict {
    fn ports(&self) -> Vec<Port> {
        let mut spectra = vec![Need::any(&self.flux), Need::any(&self.ivar)];
        let mut labels = vec![Need::of(&self.id, I64)];
        if let Some(star) = &self.star_id {
            spectra.push(Need::of(star, I64));
            labels.push(Need::of(star, I64));
        }
        labels.extend(self.labels.iter().map(Need::any));
        let grid = vec![Need::in_unit("wave_angstrom", "Angstrom")];
        vec![
            Port::driving("spectra", spectra),
            Port::whole("model", model_needs()),
            Port::whole("training", labels),
            Port::whole("grid", grid).optional(),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_labels(&self.labels)?;
        self.fit_choice().options()?;
        if self.names.len() != self.labels.len() {
            return Err(StageError::new(format!(
                "`names` has {} entries for {} labels; give each label its name",
                self.names.len(),
                self.labels.len()
            )));
        }
        let columns = self.columns(inputs);
        let spectra = &inputs["spectra"];
        let mut names = BTreeSet::new();
        for name in columns.iter().map(|c| &c.meta.name) {
            if spectra.column(name).is_some() || !names.insert(name) {
                return Err(StageError::new(format!(
                    "there would be two columns `{name}`; set `prefix` or other `names`"
                )));
            }
        }
        Ok(vec![Output::widened("labels", "spectra", spectra, columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let labels = training_labels(job.table("training")?, &self.labels)?;
        let model = read_model(job.table("model")?, &labels)?;
        if job.optional("grid").is_some() {
            check_grid(&f64s(job, "grid", "wave_angstrom")?, &model)?;
        }
        let training_ids = ids(job, "training", &self.id)?;
        let fitter = LabelFitter::new(&model, self.fit_choice().options()?)?;
        let spectra = job.table("spectra")?;
        let fits: Vec<_> = (0..spectra.num_rows())
            .into_par_iter()
            .map(|row| self.fit(&fitter, model.n_pix(), spectra, row))
            .collect();
        let fits = fits.into_iter().collect::<Result<Vec<_>, StageError>>()?;
        let converged = fits.iter().filter(|fit| held(fit).is_some()).count();
        job.note(format!("{converged} of {} fits converged", fits.len()));
        let mut columns = arrays(&fits, self.labels.len(), &training_ids);
        columns.extend(self.in_training(job)?);
        Ok(vec![Product::new("labels", columns)])
    }
}

/// The fit of a row, `None` where it has no spectrum.
type Fit = Option<LabelFit>;

/// A fit whose labels are published.
fn held(fit: &Fit) -> Option<&LabelFit> {
    fit.as_ref().filter(|fit| fit.status == FitStatus::Converged)
}

/// Refuses spectra of as many pixels as the model at other wavelengths.
fn check_grid(wave_angstrom: &[f64], model: &SlamModel) -> Result<(), StageError> {
    if wave_angstrom.len() != model.n_pix() {
        return Err(off_grid("the grid", wave_angstrom.len(), model.n_pix()));
    }
    let mut pairs = wave_angstrom.iter().zip(&model.wave_angstrom).enumerate();
    match pairs.find(|(_, (a, b))| (*a - *b).abs() > 1e-6 * **b) {
        None => Ok(()),
        Some((pixel, (a, b))) => Err(StageError::new(format!(
            "pixel {pixel} of the spectra lies at {a} Angstrom, that of the model at {b}; \
             normalize the spectra on the grid of the training set"
        ))),
    }
}

fn off_grid(what: &str, found: usize, expected: usize) -> StageError {
    StageError::new(format!(
        "{what} has {found} pixels, the model has {expected}; normalize the spectra on the grid \
         of the training set"
    ))
}

impl Predict {
    /// Whether the star of each spectrum is one that the model was trained with.
    fn in_training(&self, job: &Job) -> Result<Option<ArrayRef>, StageError> {
        let Some(star) = &self.star_id else { return Ok(None) };
        let trained: BTreeSet<i64> = ids(job, "training", star)?.into_iter().collect();
        let stars = optional_ids(job, "spectra", star)?;
        let known = stars.iter().map(|s| s.is_some_and(|s| trained.contains(&s))).collect();
        Ok(Some(bool_array(known)))
    }

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

    /// The labels of one row: nothing here knows of other rows.
    fn fit(
        &self,
        fitter: &LabelFitter<'_>,
        n_pix: usize,
        spectra: &RecordBatch,
        row: usize,
    ) -> Result<Fit, StageError> {
        let flux = f64_row(spectra, &self.flux, row)?;
        let ivar = f64_row(spectra, &self.ivar, row)?;
        if flux.is_empty() || ivar.is_empty() {
            return Ok(None);
        }
        for (name, values) in [(&self.flux, &flux), (&self.ivar, &ivar)] {
            if values.len() != n_pix {
                let what = format!("`{name}` in row {row} of `spectra`");
                return Err(off_grid(&what, values.len(), n_pix));
            }
        }
        Ok(Some(fitter.fit(Array1::from(flux).view(), Array1::from(ivar).view())?))
    }

    /// The new columns, in the order of [`arrays`].
    fn columns(&self, inputs: &Schemas) -> Vec<NewColumn> {
        let mut columns = Vec::new();
        for (label, name) in self.labels.iter().zip(&self.names) {
            let trained = inputs["training"].column(label).cloned();
            let meta = trained.unwrap_or_else(|| ColumnMeta::new(label, F64));
            let about = format!("inferred by SLAM on the training label {label}");
            let meta = ColumnMeta::new(name, F64).unit(meta.unit).ucd(meta.ucd).about(about);
            columns.push(self.inferred(meta).from("training", label, "label"));
        }
        for (label, name) in self.labels.iter().zip(&self.names) {
            let unit = inputs["training"].column(label).map_or("", |c| c.unit.as_str());
            let meta = ColumnMeta::new(format!("{name}_ERR"), F64)
                .unit(unit)
                .ucd(format!("stat.error;{}", meta_ucd(inputs, label)).trim_end_matches(';'))
                .about(
                    "formal error of the fit (photon noise and model error); the scatter of \
                     held-out stars is larger",
                );
            columns.push(self.inferred(meta).from("training", label, "label"));
        }
        for (a, b) in pairs(self.names.len()) {
            let (a, b) = (&self.names[a], &self.names[b]);
            let meta = ColumnMeta::new(format!("{a}_{b}_CORR"), F64)
                .ucd("stat.correlation")
                .about(format!("correlation of the formal errors of {a} and {b}"));
            columns.push(self.inferred(meta));
        }
        columns.extend(self.flags());
        if let Some(star) = &self.star_id {
            let name = format!("{}in_training", self.prefix);
            let meta = ColumnMeta::new(name, Type::Bool)
                .ucd("meta.code")
                .about("whether the star is in the training set: its labels are not held out");
            let edges = NewColumn::new(meta).from("spectra", star, "derived: membership");
            columns.push(edges.from("training", star, "derived: membership"));
        }
        columns
    }

    /// A column that depends on the spectrum and the model.
    fn inferred(&self, meta: ColumnMeta) -> NewColumn {
        NewColumn::new(meta)
            .from("spectra", &self.flux, "flux")
            .from("spectra", &self.ivar, "weight")
            .from("model", "dual", "model")
    }

    fn flags(&self) -> Vec<NewColumn> {
        let new = |name: &str, kind: Type, about: &str| {
            let name = format!("{}{name}", self.prefix);
            self.inferred(ColumnMeta::new(name, kind).about(about))
        };
        let start = format!("start_{}", self.id);
        vec![
            new("chi2", F64, "sum of squared weighted residuals, model error included"),
            new("reduced_chi2", F64, "chi-square over fitted pixels minus free labels"),
            new("n_pix_fit", U32, "fitted pixels"),
            new("status", Type::Text, "how the fit ended; labels are null unless `converged`"),
            new("n_evaluations", U32, "evaluations of the model"),
            new("hull_distance", F64, "distance to the nearest training spectrum, scaled labels"),
            new(
                "inside_box",
                Type::Bool,
                "whether all labels lie in the box of the training labels",
            ),
            new(
                "at_bound",
                U32,
                "labels that stopped at a bound, a bit each in their order: 1 the first, 2 the second, 4 the third",
            ),
            new("fixed", U32, "bitmask of labels that are constant in the training set"),
            new(&start, I64, "training spectrum from which the fit started")
                .from("training", &self.id, "identity"),
        ]
    }
}

fn meta_ucd<'a>(inputs: &'a Schemas, label: &str) -> &'a str {
    inputs["training"].column(label).map_or("", |c| c.ucd.as_str())
}

/// Pairs of labels, the first below the second.
fn pairs(n_label: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n_label).flat_map(move |a| (a + 1..n_label).map(move |b| (a, b)))
}

/// The new columns of all rows.
fn arrays(fits: &[Fit], n_label: usize, training_ids: &[i64]) -> Vec<ArrayRef> {
    let number = |of: &dyn Fn(&LabelFit) -> f64| {
        finite_array(fits.iter().map(|fit| held(fit).map_or(f64::NAN, of)).collect())
    };
    let count = |of: &dyn Fn(&LabelFit) -> u32| {
        u32_array(fits.iter().map(|fit| fit.as_ref().map_or(0, of)).collect())
    };
    let bits = |of: &dyn Fn(&LabelFit) -> u32| {
        u32_array(fits.iter().map(|fit| held(fit).map_or(0, of)).collect())
    };
    let mut arrays: Vec<ArrayRef> =
        (0..n_label).map(|l| number(&move |fit| fit.labels[l])).collect();
    arrays.extend((0..n_label).map(|l| number(&move |fit| fit.formal_errors[l])));
    arrays.extend(pairs(n_label).map(|(a, b)| number(&move |fit| fit.correlations[[a, b]])));
    let status = |fit: &Fit| Some(fit.as_ref().map_or(NO_SPECTRUM, |fit| fit.status.name()));
    let start = |fit: &Fit| training_ids.get(fit.as_ref()?.start_index?).copied();
    arrays.extend([
        number(&|fit| fit.chi2),
        number(&|fit| fit.reduced_chi2),
        count(&|fit| fit.n_pix_used as u32),
        text_array(fits.iter().map(status)),
        count(&|fit| fit.n_evaluations as u32),
        number(&|fit| fit.hull_distance),
        bool_array(fits.iter().map(|fit| held(fit).is_some_and(|fit| fit.inside_box)).collect()),
        bits(&|fit| fit.at_bound),
        bits(&|fit| fit.fixed),
        Arc::new(fits.iter().map(start).collect::<Int64Array>()),
    ]);
    arrays
}
