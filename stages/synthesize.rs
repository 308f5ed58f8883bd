//! Synthesize (§3.2.2): spectra interpolated by a trained model at given labels, with or without noise.
//!
//! `form = "pixels"` makes a training set, a pixel a row, a job a part of the model:
//!
//! | port | reads |
//! |---|---|
//! | `model` (driving) | all columns of `train` but the CV-MSE of the cells |
//! | `training` (whole) | `id` and labels of the spectra that the model was trained with |
//! | `labels` (whole) | `id` and labels of the spectra to make, as `draw` gives them |
//!
//! and gives `pixels` as `training_set` does: `pixel`, `wave_angstrom`, `flux` and `ivar` of all spectra.
//! `form = "spectra"` drives on `labels` and gives `spectra`: all of `labels`, `flux_norm` and `ivar_norm`, a
//! spectrum a row as `predict` reads it, and `snr` where noise is added.
//!
//! Noise-free flux has no photon variance. Its inverse variance is the constant `ivar`, by default 1e12: a
//! variance of 1e-12 is nothing beside any model's error, so that the intrinsic model error, CV-MSE less
//! photon variance, is the CV-MSE. With `snr` Gaussian noise of 1 / snr is added and told as it is; a noise
//! value depends on seed, spectrum and pixel alone. Unusable pixels have NaN flux and no weight.
//!
//! Memory of a job: pixels of a part times spectra, twice; 15,000 spectra at 64 pixels are 15 MB.
//!
//! Deviations: none; the paper gives no noise to SLAM_1's spectra.

use ndarray::{Array2, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::check_snr;
use super::columns::{f64_array, f64_lists, f64s, i64_array, ids};
use super::model::{model_needs, read_model};
use super::support::{columns_of, label_names, read_training, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64};
use crate::science::draw::{add_noise, draw_snr, synthesize};
use crate::science::slam::SlamModel;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Synthesize>("synthesize", 1, "interpolates spectra with a trained SLAM");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthesize {
    /// Whether a row is a pixel or a spectrum.
    #[serde(default)]
    form: Form,
    /// Signal-to-noise ratio a pixel, uniform in its logarithm; no noise without.
    #[serde(default)]
    snr: Option<SnrRange>,
    /// Inverse variance of noise-free flux.
    #[serde(default = "noise_free")]
    ivar: f64,
}

/// What a row of the result is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// A pixel of all spectra: for training.
    #[default]
    Pixels,
    /// A spectrum: for labels to be inferred from.
    Spectra,
}

/// Range of signal-to-noise ratios.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SnrRange {
    low: f64,
    high: f64,
}

fn noise_free() -> f64 {
    1e12
}

impl Stage for Synthesize {
    fn ports(&self) -> Vec<Port> {
        let mut model = model_needs();
        model.push(Need::of("pixel", I64));
        let training = training_port("training").through("model", "training");
        match self.form {
            Form::Pixels => vec![Port::driving("model", model), training, training_port("labels")],
            Form::Spectra => {
                let labels = Port::driving("labels", vec![Need::of("id", I64)]).all_columns();
                vec![Port::whole("model", model), training, labels]
            }
        }
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let labels = label_names(&inputs["training"])?;
        for label in &labels {
            if inputs["labels"].column(label).is_none() {
                let what = format!("`labels` lacks `{label}`, which the model needs");
                return Err(StageError::new(what));
            }
        }
        Ok(vec![match self.form {
            Form::Pixels => Output::table("pixels", pixel_columns(&labels)).id("pixel"),
            Form::Spectra => {
                let columns = self.spectrum_columns(&labels);
                Output::widened("spectra", "labels", &inputs["labels"], columns)
            }
        }])
    }

    fn seed_purpose(&self) -> Option<&str> {
        self.snr.map(|_| "noise")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (training, _) = read_training(job, "training")?;
        let model = read_model(job.table("model")?, &training)?;
        let wanted = columns_of(job.table("labels")?, &training.names)?;
        let spectra = ids(job, "labels", "id")?;
        let pixels = ids(job, "model", "pixel")?;
        let made = self.make(&model, wanted.view(), &pixels, &spectra, self.noise_seed(job)?);
        let Made { flux, ivar, snr } = made;
        Ok(vec![match self.form {
            Form::Pixels => {
                let wave = f64s(job, "model", "wave_angstrom")?;
                let columns =
                    vec![i64_array(pixels), f64_array(wave), f64_lists(flux), f64_lists(ivar)];
                Product::new("pixels", columns)
            }
            Form::Spectra => {
                let n = spectra.len();
                let mut columns = vec![f64_lists(turned(&flux, n)), f64_lists(turned(&ivar, n))];
                columns.extend(snr.map(f64_array));
                Product::new("spectra", columns)
            }
        }])
    }
}

/// Spectra at pixels, `(n_pix,)` of `(n,)`, and their signal-to-noise ratios, `(n,)`.
struct Made {
    flux: Vec<Vec<f64>>,
    ivar: Vec<Vec<f64>>,
    snr: Option<Vec<f64>>,
}

impl Synthesize {
    fn check(&self) -> Result<(), StageError> {
        if let Some(snr) = &self.snr {
            check_snr([snr.low, snr.high])?;
        }
        if !(self.ivar > 0.0 && self.ivar.is_finite()) {
            return Err(StageError::new(
                "`ivar` must be positive: spectra without weight teach nothing",
            ));
        }
        Ok(())
    }

    fn noise_seed(&self, job: &Job) -> Result<u64, StageError> {
        if self.snr.is_some() { job.seed() } else { Ok(0) }
    }

    fn make(
        &self,
        model: &SlamModel,
        wanted: ArrayView2<'_, f64>,
        pixels: &[i64],
        spectra: &[i64],
        seed: u64,
    ) -> Made {
        let mut flux = synthesize(model, wanted);
        // Another seed than that of the noise, whose streams have the same numbers.
        let snr = self.snr.map(|s| draw_snr(spectra, s.low, s.high, seed.wrapping_add(1)));
        if let Some(snr) = &snr {
            for (flux, &pixel) in flux.iter_mut().zip(pixels) {
                add_noise(flux, snr, spectra, pixel, seed);
            }
        }
        let weight = |row: usize| snr.as_ref().map_or(self.ivar, |snr| snr[row] * snr[row]);
        let of_pixel = |flux: &Vec<f64>| {
            let rows = flux.iter().enumerate();
            rows.map(|(row, f)| if f.is_finite() { weight(row) } else { 0.0 }).collect()
        };
        let ivar = flux.iter().map(of_pixel).collect();
        Made { flux, ivar, snr }
    }

    fn spectrum_columns(&self, labels: &[String]) -> Vec<NewColumn> {
        let flux = ColumnMeta::new("flux_norm", F64.list())
            .ucd("phot.flux;arith.ratio")
            .about("normalized flux, interpolated by the model");
        let ivar = ColumnMeta::new("ivar_norm", F64.list())
            .about("its inverse variance, 0 where the model has no pixel");
        let mut columns = vec![made(flux, labels), made(ivar, labels)];
        if self.snr.is_some() {
            let about = "signal-to-noise ratio a pixel of the added noise";
            columns.push(NewColumn::new(ColumnMeta::new("snr", F64).ucd("stat.snr").about(about)));
        }
        columns
    }
}

/// A column that depends on labels and model.
fn made(meta: ColumnMeta, labels: &[String]) -> NewColumn {
    let column = NewColumn::new(meta).from("model", "dual", "model");
    labels.iter().fold(column, |column, label| column.from("labels", label, "label"))
}

fn pixel_columns(labels: &[String]) -> Vec<NewColumn> {
    let wave = ColumnMeta::new("wave_angstrom", F64)
        .unit("Angstrom")
        .ucd("em.wl")
        .about("vacuum wavelength of the pixel");
    let flux = ColumnMeta::new("flux", F64.list());
    let ivar = ColumnMeta::new("ivar", F64.list());
    vec![
        NewColumn::new(ColumnMeta::new("pixel", I64).about("pixel of the grid"))
            .from("model", "pixel", "identity"),
        NewColumn::new(wave).from("model", "wave_angstrom", "identity"),
        made(flux.about("normalized flux of all spectra, interpolated by the model"), labels),
        made(ivar.about("its inverse variance, 0 where the model has no pixel"), labels),
    ]
}

/// Rows for columns: `(n_pix,)` of `(n,)` to `(n,)` of `(n_pix,)`.
fn turned(pixels: &[Vec<f64>], n: usize) -> Vec<Vec<f64>> {
    let all = Array2::from_shape_fn((n, pixels.len()), |(row, pixel)| pixels[pixel][row]);
    all.outer_iter().map(|row| row.to_vec()).collect()
}

#[cfg(test)]
#[path = "synthesize_tests.rs"]
mod tests;
