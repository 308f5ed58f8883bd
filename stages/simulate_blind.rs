//! Simulate blind: spectra of which no part is this program's own: published models with the residuals of real spectra.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `models` | row id, wavelengths, flux and medium of a published grid |
//! | `donors` | row id, normalized flux and inverse variance of real spectra |
//! | `fits` | row id and normalized flux of the best fit of each donor |
//! | `grid` | wavelengths of the pixels of both |
//!
//! Output `spectra`: as `degrade` gives them, on LAMOST's pixels, with `blind_id`, `donor_id`, `blind_snr`, `av_mag`,
//! `velocity_km_s`, and from `models` the columns that `carry` names: the truth. `z` is the velocity's, exactly.
//!
//! Light: a model of the grid, drawn at random, reddened by Fitzpatrick's law, shifted, convolved with LAMOST's line
//! spread. Noise: what a donor shows beyond its best fit, relative to it, made larger where the drawn signal-to-noise
//! ratio is less than its own, never smaller. What a spectrum is depends on its number alone.
//!
//! Deviation: the paper has no such test.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64_array, f64_lists, f64_row, f64s, i64_array, ids, no_bits};
use super::named::Named;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Split, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32};
use crate::science::wavelength::{
    SPEED_OF_LIGHT_KM_S, index_of_wave, vacuum_from_air, wave_of_index,
};
use crate::simulation::random::Stream;
use crate::simulation::spectra::LAMOST_PIXELS;
use crate::simulation::spectra::blind::{Residual, model_on_pixels};
use crate::simulation::spectra::lsf::LineSpread;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<SimulateBlind>(
    "simulate_blind",
    1,
    "gives published models the residuals of real spectra",
);

/// Models are cut to this range, Angstrom: LAMOST's, with room for velocities.
const RANGE_ANGSTROM: [f64; 2] = [3_500.0, 9_400.0];

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateBlind {
    /// Row id of the models.
    #[serde(default = "node_id")]
    model_id: String,
    /// Row id of donors and fits.
    #[serde(default = "super::defaults::obsid")]
    donor_id: String,
    /// Columns of `models` handed through: `"name"` or `["name here", "name there"]`.
    carry: Vec<Named>,
    /// Spectra.
    #[serde(default = "five_hundred")]
    n: u32,
    /// Range of signal-to-noise ratios, uniform in its logarithm.
    #[serde(default = "snr_range")]
    snr: [f64; 2],
    /// Largest extinction in V, mag; uniform from 0.
    #[serde(default = "half")]
    max_av_mag: f64,
    /// Standard deviation of the velocities, km/s.
    #[serde(default = "thirty")]
    velocity_km_s: f64,
    /// Spectra of a part of the result.
    #[serde(default = "hundred")]
    chunk: u32,
}

fn node_id() -> String {
    "node_id".into()
}

fn five_hundred() -> u32 {
    500
}

fn snr_range() -> [f64; 2] {
    [10.0, 150.0]
}

fn half() -> f64 {
    0.5
}

fn thirty() -> f64 {
    30.0
}

fn hundred() -> u32 {
    100
}

impl Stage for SimulateBlind {
    fn ports(&self) -> Vec<Port> {
        let wave = Need::in_unit("wave_angstrom", "Angstrom");
        let vacuum = Need::of("vacuum", Type::Bool);
        let models = vec![Need::of(&self.model_id, I64), wave.clone(), Need::any("flux"), vacuum];
        let flux = || Need::any("flux_norm");
        let donors = vec![Need::of(&self.donor_id, I64), flux(), Need::any("ivar_norm")];
        vec![
            Port::whole("models", models),
            Port::whole("donors", donors),
            Port::whole("fits", vec![Need::of(&self.donor_id, I64), flux()]),
            Port::whole("grid", vec![wave]),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let unit = inputs["models"].column("flux").map_or("", |flux| flux.unit.as_str());
        let mut spectra = Output::table("spectra", columns(unit, &self.donor_id)).id("blind_id");
        for named in &self.carry {
            spectra.carried.extend(named.carried("models", &inputs["models"])?);
        }
        Ok(vec![spectra.split(Split::Chunks(self.chunk))])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("blind")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let seed = job.seed()?;
        let models = job.table("models")?;
        let n_models = ids(job, "models", &self.model_id)?.len();
        let donors = self.donors(job)?;
        if n_models == 0 || donors.is_empty() {
            let what =
                "there are no models, or no donor with a fit: bind donors whose ids are in `fits`";
            return Err(StageError::new(what));
        }
        let mut made = Made::default();
        for id in 0..self.n {
            let draw = self.draw(seed, id, n_models, donors.len());
            let (donor_id, residual) = &donors[draw.donor];
            let snr = residual.snr().min(draw.snr);
            let light = light(models, &draw)?;
            let (flux, ivar) = residual.on(&light, residual.snr() / snr).map_err(told)?;
            made.push(i64::from(id), *donor_id, snr, &draw, flux, ivar);
        }
        Ok(vec![made.product()])
    }
}

/// What is drawn for a spectrum.
struct Draw {
    model: usize,
    donor: usize,
    snr: f64,
    av_mag: f64,
    velocity_km_s: f64,
}

impl SimulateBlind {
    fn check(&self) -> Result<(), StageError> {
        let [low, high] = self.snr;
        let finite = |value: f64| value.is_finite() && value >= 0.0;
        if !(low > 0.0 && low <= high && high.is_finite()) || self.n == 0 || self.chunk == 0 {
            let what = "`snr` needs 0 < low <= high, and `n` and `chunk` must be positive";
            return Err(StageError::new(what));
        }
        if !(finite(self.max_av_mag) && finite(self.velocity_km_s)) {
            let what = "`max_av_mag` and `velocity_km_s` must be 0 or more";
            return Err(StageError::new(what));
        }
        Ok(())
    }

    fn draw(&self, seed: u64, id: u32, models: usize, donors: usize) -> Draw {
        let mut random = Stream::new(seed, u64::from(id), "blind spectrum");
        let [low, high] = self.snr.map(f64::ln);
        Draw {
            model: random.index(models),
            donor: random.index(donors),
            snr: random.uniform_in(low, high).exp(),
            av_mag: random.uniform_in(0.0, self.max_av_mag),
            velocity_km_s: random.gaussian(0.0, self.velocity_km_s),
        }
    }

    /// The residuals of the donors that have a fit, by id.
    fn donors(&self, job: &Job) -> Result<Vec<(i64, Residual)>, StageError> {
        let fits = job.table("fits")?;
        let fit_of: BTreeMap<i64, usize> = ids(job, "fits", &self.donor_id)?
            .into_iter()
            .enumerate()
            .map(|(r, id)| (id, r))
            .collect();
        let pixels = pixels(&f64s(job, "grid", "wave_angstrom")?)?;
        let table = job.table("donors")?;
        let mut found = Vec::new();
        for (row, id) in ids(job, "donors", &self.donor_id)?.into_iter().enumerate() {
            let Some(fit) = fit_of.get(&id) else { continue };
            let spread = |values: Vec<f64>| on_lamost_pixels(&pixels, &values);
            let flux = spread(f64_row(table, "flux_norm", row)?)?;
            let ivar = spread(f64_row(table, "ivar_norm", row)?)?;
            let fit = spread(f64_row(fits, "flux_norm", *fit)?)?;
            match Residual::of(&flux, &ivar, &fit) {
                Ok(residual) if residual.snr() > 0.0 => found.push((id, residual)),
                Ok(_) => job.note(format!("donor {id} has no noise to give")),
                Err(why) => job.note(format!("donor {id}: {why}")),
            }
        }
        Ok(found)
    }
}

/// LAMOST's numbers of the pixels of a grid.
fn pixels(wave_angstrom: &[f64]) -> Result<Vec<usize>, StageError> {
    let number = |wave: &f64| {
        let index = index_of_wave(*wave).round();
        let near = (wave_of_index(index) - wave).abs() < 0.01;
        (near && (0.0..LAMOST_PIXELS as f64).contains(&index)).then_some(index as usize)
    };
    let found: Option<Vec<usize>> = wave_angstrom.iter().map(number).collect();
    found.ok_or_else(|| {
        StageError::new("`grid` is not of LAMOST's pixels: bind a node of stage `grid`")
    })
}

/// Most pixels between two of a grid: as many as a coarse grid leaves out.
const WIDEST_GAP: usize = 16;

/// Values of a grid's pixels among all of LAMOST's, `(LAMOST_PIXELS,)`: those that the grid leaves out take the value
/// of the nearest, those beyond its ends are 0.
fn on_lamost_pixels(pixels: &[usize], values: &[f64]) -> Result<Vec<f64>, StageError> {
    if values.len() != pixels.len() {
        let what = format!("a spectrum has {} pixels, `grid` {}", values.len(), pixels.len());
        return Err(StageError::new(what));
    }
    let mut all = vec![0.0; LAMOST_PIXELS];
    pixels.iter().zip(values).for_each(|(pixel, value)| all[*pixel] = *value);
    for (pair, values) in pixels.windows(2).zip(values.windows(2)) {
        if pair[1] > pair[0] && pair[1] - pair[0] <= WIDEST_GAP {
            let middle = (pair[0] + pair[1]).div_ceil(2);
            all[pair[0] + 1..middle].fill(values[0]);
            all[middle..pair[1]].fill(values[1]);
        }
    }
    Ok(all)
}

/// The light of a model on LAMOST's pixels, `(LAMOST_PIXELS,)`.
fn light(models: &RecordBatch, draw: &Draw) -> Result<Vec<f64>, StageError> {
    let wave = f64_row(models, "wave_angstrom", draw.model)?;
    let flux = f64_row(models, "flux", draw.model)?;
    let vacuum = models.column_by_name("vacuum").and_then(|column| column.as_boolean_opt());
    let in_air = vacuum.is_some_and(|v| v.is_valid(draw.model) && !v.value(draw.model));
    let wave = if in_air { vacuum_from_air(&wave) } else { wave };
    let [low, high] = RANGE_ANGSTROM;
    let (first, last) = (wave.partition_point(|w| *w < low), wave.partition_point(|w| *w <= high));
    let flux = flux.get(first..last).unwrap_or_default();
    model_on_pixels(&wave[first..last], flux, draw.av_mag, draw.velocity_km_s, &LineSpread::NOMINAL)
        .map_err(told)
}

fn told(why: impl std::fmt::Display) -> StageError {
    StageError::new(why.to_string())
}

/// Blind spectra.
#[derive(Default)]
struct Made {
    id: Vec<i64>,
    donor: Vec<i64>,
    snr: Vec<f64>,
    av_mag: Vec<f64>,
    velocity_km_s: Vec<f64>,
    flux: Vec<Vec<f64>>,
    ivar: Vec<Vec<f64>>,
    rows: Vec<u32>,
}

impl Made {
    fn push(&mut self, id: i64, donor: i64, snr: f64, draw: &Draw, flux: Vec<f64>, ivar: Vec<f64>) {
        self.id.push(id);
        self.donor.push(donor);
        self.snr.push(snr);
        self.av_mag.push(draw.av_mag);
        self.velocity_km_s.push(draw.velocity_km_s);
        self.flux.push(flux);
        self.ivar.push(ivar);
        self.rows.push(draw.model as u32);
    }

    fn product(self) -> Product {
        let n = self.id.len();
        let wave: Vec<f64> = (0..LAMOST_PIXELS).map(|i| wave_of_index(i as f64)).collect();
        let z = self.velocity_km_s.iter().map(|v| v / SPEED_OF_LIGHT_KM_S).collect();
        let columns = vec![
            i64_array(self.id),
            i64_array(self.donor),
            f64_array(self.snr),
            f64_array(self.av_mag),
            f64_array(self.velocity_km_s),
            f64_lists(vec![wave; n]),
            f64_lists(self.flux),
            f64_lists(self.ivar),
            no_bits(n),
            no_bits(n),
            f64_array(z),
            bool_array(vec![true; n]),
        ];
        Product::new("spectra", columns).rows("models", UInt32Array::from(self.rows))
    }
}

fn columns(flux_unit: &str, donor_id: &str) -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, unit: &str, ucd: &str, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).unit(unit).ucd(ucd).about(about))
    };
    let no_bits = "empty: bad pixels have no weight";
    vec![
        new("blind_id", I64, "", "meta.id;meta.main", "number of the spectrum"),
        new("donor_id", I64, "", "meta.id", "whose residuals it has")
            .from("donors", donor_id, "identity"),
        new("blind_snr", F64, "", "stat.snr", "median signal-to-noise ratio a pixel").from(
            "donors",
            "ivar_norm",
            "derived: noise made larger",
        ),
        new("av_mag", F64, "mag", "phys.absorption;em.opt.V", "extinction in V"),
        new("velocity_km_s", F64, "km/s", "spect.dopplerVeloc", "velocity, receding is positive"),
        new("wave_angstrom", F64.list(), "Angstrom", "em.wl", "vacuum wavelength of a pixel"),
        new("flux", F64.list(), flux_unit, "phot.flux.density;em.wl", "F_lambda with residuals")
            .from("models", "flux", "flux")
            .from("donors", "flux_norm", "residual")
            .from("fits", "flux_norm", "residual"),
        new("ivar", F64.list(), "", "stat.weight", "inverse variance, 0 in bad pixels").from(
            "donors",
            "ivar_norm",
            "derived: noise made larger",
        ),
        new("andmask", U32.list(), "", "meta.code.qual", no_bits),
        new("ormask", U32.list(), "", "meta.code.qual", no_bits),
        new("z", F64, "", "src.redshift", "redshift: the velocity over that of light"),
        new("vacuum", Type::Bool, "", "meta.code;em.wl", "whether wavelengths are of vacuum"),
    ]
}

#[cfg(test)]
#[path = "simulate_blind_tests.rs"]
mod tests;
