//! Predict (§2.2, step 3, eqs. 2 and 3): labels of observed spectra by a trained SLAM.
//!
//! | port | reads |
//! |---|---|
//! | `spectra` (driving) | normalized flux and its inverse variance |
//! | `model` (whole) | all columns of `train` but the CV-MSE of the cells |
//! | `training` (whole) | id, star id and labels of the training spectra; those of the model's node where it is not bound |
//! | `grid` (whole, optional) | wavelengths of `spectra`, checked against those of the model |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `labels` | all of `spectra` | all of `spectra`, the labels, formal errors, correlations, goodness of fit, status, flags |
//!
//! Labels and errors are null unless the fit converged; `status` says why. The covariance is
//! (J^T W J)^-1 at the optimum, its diagonal's roots are the formal errors. Goodness of fit is also given with the
//! intrinsic error of the model, whatever the fit was weighted by: with the CV-MSE as sigma (§2.2) chi-square says
//! nothing of it.
//!
//! Deviations: by default labels are kept in the box of the training labels and a margin, and flagged
//! where they stop at it; `bounds = "none"` is the released code's way.

mod arrays;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, RecordBatch};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::arrays::{arrays, held, pairs};
use super::columns::{bool_array, f64_row, f64s, ids, optional_ids};
use super::model::{
    BoundsChoice, EvaluatorChoice, FitChoice, LossChoice, ModelErrorChoice, SpeedChoice,
    StartChoice, model_needs, read_model,
};
use super::prepared::fitter;
use super::support::{label_names, read_training, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32};
use crate::formats::meaning::with_list;
use crate::science::slam::{CellOptions, FitOptions, LabelFit, LabelFitter, SlamModel};

/// What `status` may say.
const STATUS: &str = "how the fit ended, labels are null unless it converged: converged = labels and errors hold; max_iterations = it went on for too long; singular = the spectrum does not determine all labels; too_few_pixels = too few pixels have weight; not_started = no training spectrum to start from; no_spectrum = the row has none";

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Predict>("predict", 7, "infers labels of spectra with a trained SLAM");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// Column of the star that a spectrum is of: with it the result says which stars the model was
    /// trained with.
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
    /// Where fits start.
    #[serde(default)]
    start: StartChoice,
    /// What yields the model's spectra.
    #[serde(default)]
    evaluator: EvaluatorChoice,
    /// Largest error of the compressed evaluator where it is checked, scaled flux.
    #[serde(default = "accuracy")]
    accuracy: f64,
    /// Put before the names of the new columns, so that several models can follow each other.
    #[serde(default)]
    prefix: String,
}

/// A hundredth of a formal error at a signal-to-noise ratio of 200, if all pixels conspired.
fn accuracy() -> f64 {
    CellOptions::default().accuracy
}

/// Spectra that are read at a time.
const BLOCK: usize = 512;

/// Status of a row that has no spectrum to fit.
const NO_SPECTRUM: &str = "no_spectrum";

impl Stage for Predict {
    fn ports(&self) -> Vec<Port> {
        let mut spectra = vec![Need::any(&self.flux), Need::any(&self.ivar)];
        spectra.extend(self.star_id.iter().map(|star| Need::of(star, I64)));
        let grid = vec![Need::in_unit("wave_angstrom", "Angstrom")];
        vec![
            Port::driving("spectra", spectra),
            Port::whole("model", model_needs()),
            training_port("training").through("model", "training"),
            Port::whole("grid", grid).optional(),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let labels = label_names(&inputs["training"])?;
        self.options()?;
        let columns = self.columns(inputs, &labels);
        let spectra = &inputs["spectra"];
        let mut names = BTreeSet::new();
        for name in columns.iter().map(|c| &c.meta.name) {
            if spectra.column(name).is_some() || !names.insert(name) {
                return Err(StageError::new(format!(
                    "there would be two columns `{name}`; set another `prefix`"
                )));
            }
        }
        Ok(vec![Output::widened("labels", "spectra", spectra, columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let model = job.shared(|whole| self.prepare(whole))?;
        let spectra = job.table("spectra")?;
        let fits = self.fits(&model.fitter, model.n_pix, spectra)?;
        let converged = fits.iter().filter(|fit| held(fit).is_some()).count();
        job.note(format!("{converged} of {} fits converged", fits.len()));
        let mut columns = arrays(&fits, model.n_label, &model.training_ids);
        columns.extend(self.in_training(job, &model.trained)?);
        Ok(vec![Product::new("labels", columns)])
    }
}

/// What all jobs need of the model.
struct Prepared {
    fitter: LabelFitter,
    n_pix: usize,
    n_label: usize,
    /// Ids of the training spectra, `(n_train,)`.
    training_ids: Vec<i64>,
    /// Stars of the training set.
    trained: BTreeSet<i64>,
}

/// Flux and inverse variance, `(n_pix,)` each.
type Spectrum = (Vec<f64>, Vec<f64>);

/// The fit of a row, `None` where it has no spectrum.
type Fit = Option<LabelFit>;

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
    fn prepare(&self, job: &Job) -> Result<Prepared, StageError> {
        let (labels, training_ids) = read_training(job, "training")?;
        let model = read_model(job.table("model")?, &labels)?;
        if job.optional("grid").is_some() {
            check_grid(&f64s(job, "grid", "wave_angstrom")?, &model)?;
        }
        Ok(Prepared {
            fitter: fitter(&model, self.options()?)?,
            n_pix: model.n_pix(),
            n_label: labels.names.len(),
            training_ids,
            trained: ids(job, "training", "star_id")?.into_iter().collect(),
        })
    }

    /// Whether the star of each spectrum is one that the model was trained with.
    fn in_training(
        &self,
        job: &Job,
        trained: &BTreeSet<i64>,
    ) -> Result<Option<ArrayRef>, StageError> {
        let Some(star) = &self.star_id else { return Ok(None) };
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

    fn options(&self) -> Result<FitOptions, StageError> {
        let Self { start, evaluator, accuracy, .. } = *self;
        SpeedChoice { start, evaluator, accuracy }.applied(self.fit_choice().options()?)
    }

    /// The labels of all rows, a block at a time; a row's do not depend on the others of its block.
    fn fits(
        &self,
        fitter: &LabelFitter,
        n_pix: usize,
        spectra: &RecordBatch,
    ) -> Result<Vec<Fit>, StageError> {
        let mut fits: Vec<Fit> = vec![None; spectra.num_rows()];
        for (block, out) in fits.chunks_mut(BLOCK).enumerate() {
            let mut there = Vec::new();
            let (mut flux, mut ivar) = (Vec::new(), Vec::new());
            for at in 0..out.len() {
                if let Some((f, w)) = self.spectrum(n_pix, spectra, block * BLOCK + at)? {
                    there.push(at);
                    flux.extend(f);
                    ivar.extend(w);
                }
            }
            let shape = (there.len(), n_pix);
            let matrix = |values| Array2::from_shape_vec(shape, values).map_err(StageError::from);
            let found = fitter.fit_many(matrix(flux)?.view(), matrix(ivar)?.view())?;
            there.into_iter().zip(found).for_each(|(at, fit)| out[at] = Some(fit));
        }
        Ok(fits)
    }

    /// Flux and inverse variance of a row, `None` where it has none.
    fn spectrum(
        &self,
        n_pix: usize,
        spectra: &RecordBatch,
        row: usize,
    ) -> Result<Option<Spectrum>, StageError> {
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
        Ok(Some((flux, ivar)))
    }

    /// The new columns, in the order of [`arrays`].
    fn columns(&self, inputs: &Schemas, labels: &[String]) -> Vec<NewColumn> {
        let trained = |label: &str| {
            let meta = inputs["training"].column(label).cloned();
            meta.unwrap_or_else(|| ColumnMeta::new(label, F64))
        };
        let name = |label: &str| format!("{}{label}", self.prefix);
        let mut columns = Vec::new();
        for label in labels {
            let learned = trained(label).description;
            let about = match learned.as_str() {
                "" => format!("{label}, inferred by SLAM from the spectrum"),
                _ => format!(
                    "inferred by SLAM from the spectrum, on the scale of its training label, {learned}"
                ),
            };
            let meta = ColumnMeta { kind: F64, ..trained(label) }.named(name(label)).about(about);
            columns.push(self.inferred(meta).from("training", label, "label"));
        }
        for label in labels {
            let meta = trained(label);
            let ucd = format!("stat.error;{}", meta.ucd);
            let meta = ColumnMeta { kind: F64, ..meta }
                .named(format!("{}_ERR", name(label)))
                .ucd(ucd.trim_end_matches(';'))
                .about(
                    "formal error of the fit (photon noise and model error); the scatter of \
                     held-out stars is larger",
                );
            columns.push(self.inferred(meta).from("training", label, "label"));
        }
        for (a, b) in pairs(labels.len()) {
            let (a, b) = (&labels[a], &labels[b]);
            let meta = ColumnMeta::new(format!("{}_{b}_CORR", name(a)), F64)
                .ucd("stat.correlation")
                .about(format!("correlation of the formal errors of {a} and {b}"));
            columns.push(self.inferred(meta));
        }
        columns.extend(self.flags(labels));
        if let Some(star) = &self.star_id {
            let name = format!("{}in_training", self.prefix);
            let meta = ColumnMeta::new(name, Type::Bool)
                .ucd("meta.code")
                .about("whether the star is in the training set: its labels are not held out");
            let edges = NewColumn::new(meta).from("spectra", star, "derived: membership");
            columns.push(edges.from("training", "star_id", "derived: membership"));
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

    /// What is said of a fit beside its labels.
    fn flags(&self, labels: &[String]) -> Vec<NewColumn> {
        let bits: Vec<(String, String)> = labels
            .iter()
            .enumerate()
            .map(|(bit, label)| ((1_u64 << bit.min(63)).to_string(), label.clone()))
            .collect();
        let new = |name: &str, kind: Type, about: &str| {
            let name = format!("{}{name}", self.prefix);
            self.inferred(ColumnMeta::new(name, kind).about(about))
        };
        vec![
            new("chi2", F64, "sum of squared weighted residuals, model error included"),
            new("reduced_chi2", F64, "chi-square over fitted pixels minus free labels"),
            new(
                "chi2_intrinsic",
                F64,
                "chi-square with the intrinsic error of the model, whatever the fit was weighted by",
            ),
            new(
                "reduced_chi2_intrinsic",
                F64,
                "that over fitted pixels minus free labels: near 1 where the model fits",
            ),
            new("n_pix_fit", U32, "fitted pixels"),
            new("status", Type::Text, STATUS),
            new("n_evaluations", U32, "evaluations of the model"),
            new("hull_distance", F64, "distance to the nearest training spectrum, scaled labels"),
            new(
                "outside_hull",
                F64,
                "distance from the convex hull of the training labels, scaled; 0 within",
            ),
            new(
                "in_hull",
                Type::Bool,
                "whether the labels lie in the convex hull of the training labels",
            ),
            new(
                "compression_shift",
                F64,
                "most that the compression of the model moves a label, formal errors",
            ),
            new(
                "inside_box",
                Type::Bool,
                "whether all labels lie in the box of the training labels",
            ),
            new(
                "at_bound",
                U32,
                &with_list(
                    "labels that stopped at a bound of the fit, a sum of bits, 0 for none",
                    &bits,
                ),
            ),
            new(
                "fixed",
                U32,
                &with_list(
                    "labels that are constant in the training set, a sum of bits, 0 for none",
                    &bits,
                ),
            ),
            new("start_id", I64, "training spectrum from which the fit started")
                .from("training", "id", "identity"),
        ]
    }
}
