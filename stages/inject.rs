//! Inject (§4.1): model spectra at known labels with the residuals of real ones, noise and faults, to be recovered.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `models` | row id, temperature, flux of the model at the labels of the row |
//! | `donors` | row id, observed flux and inverse variance; each of them also in `models` |
//! | `grid` | wavelengths of the pixels |
//!
//! Output `spectra`: for each drawn model and fault a spectrum: `injected_id`, `fault`, `donor_id`, `injected_snr`,
//! `flux_norm`, `ivar_norm`, and from `models` the columns that `carry` names: the truth.
//!
//! A donor's residual is its observed flux less the model at its own labels. The companion is the model nearest to
//! `cooler` below in temperature. Faults of the continuum are not here: the normalization takes them out again.
//!
//! Deviation: the paper has no such test.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::check_drawn;
use super::columns::{f64_array, f64_lists, f64_row, f64s, i64_array, ids, text_array};
use super::named::Named;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Split, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type};
use crate::science::draw::draw_snr;
use crate::science::validation::injection::{Donor, Fault, donors, injected, with_fault};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Inject>(
    "inject",
    1,
    "makes spectra with known labels, real residuals and faults",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// Row id of models and donors.
    id: String,
    /// Temperature, K.
    teff: String,
    /// Columns of `models` handed through: `"name"` or `["name here", "name there"]`.
    carry: Vec<Named>,
    /// Models that are drawn.
    #[serde(default = "two_hundred")]
    n: usize,
    /// Range of signal-to-noise ratios, uniform in its logarithm.
    #[serde(default = "snr_range")]
    snr: [f64; 2],
    /// Velocities that were not taken out, km/s.
    #[serde(default = "velocities")]
    velocities_km_s: Vec<f64>,
    /// Whether air wavelengths are tried.
    #[serde(default = "yes")]
    air: bool,
    /// Resolution of the model.
    #[serde(default = "lamost")]
    resolution: f64,
    /// Lower resolutions.
    #[serde(default = "lower")]
    resolutions: Vec<f64>,
    /// Shares of a companion in the normalized flux.
    #[serde(default = "shares")]
    companions: Vec<f64>,
    /// How much cooler the companion is, K.
    #[serde(default = "cooler")]
    cooler: f64,
    /// Rows of a part of the result.
    #[serde(default = "two_hundred_rows")]
    chunk: u32,
}

fn two_hundred() -> usize {
    200
}

fn snr_range() -> [f64; 2] {
    [10.0, 200.0]
}

fn velocities() -> Vec<f64> {
    vec![-40.0, -10.0, 10.0, 40.0]
}

fn yes() -> bool {
    true
}

fn lamost() -> f64 {
    1_800.0
}

fn lower() -> Vec<f64> {
    vec![1_500.0]
}

fn shares() -> Vec<f64> {
    vec![0.3]
}

fn cooler() -> f64 {
    250.0
}

fn two_hundred_rows() -> u32 {
    200
}

impl Stage for Inject {
    fn ports(&self) -> Vec<Port> {
        let flux = || Need::any("flux_norm");
        let models = vec![Need::of(&self.id, I64), Need::in_unit(&self.teff, "K"), flux()];
        let donors = vec![Need::of(&self.id, I64), flux(), Need::any("ivar_norm")];
        vec![
            Port::whole("models", models),
            Port::whole("donors", donors),
            Port::whole("grid", vec![Need::in_unit("wave_angstrom", "Angstrom")]),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_drawn(self.snr, self.n, self.chunk)?;
        let new = |name: &str, kind: Type, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).about(about))
        };
        let columns = vec![
            new("injected_id", I64, "number of the injected spectrum"),
            new("fault", Type::Text, "what is wrong with it"),
            new("donor_id", I64, "whose residuals it has").from("donors", &self.id, "identity"),
            new("injected_snr", F64, "signal-to-noise ratio of the added noise"),
            new("flux_norm", F64.list(), "normalized flux")
                .from("models", "flux_norm", "flux")
                .from("donors", "flux_norm", "residual"),
            new("ivar_norm", F64.list(), "its inverse variance, 0 where bad").from(
                "donors",
                "ivar_norm",
                "derived: noise added",
            ),
        ];
        let mut spectra = Output::table("spectra", columns).id("injected_id");
        for named in &self.carry {
            spectra.carried.extend(named.carried("models", &inputs["models"])?);
        }
        Ok(vec![spectra.split(Split::Chunks(self.chunk))])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("inject")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (seed, wave) = (job.seed()?, f64s(job, "grid", "wave_angstrom")?);
        let models = Models::read(self, job)?;
        let donors_of = models.donors(self, job)?;
        let drawn = models.drawn(self.n, seed);
        let drawn_ids: Vec<i64> = drawn.iter().map(|row| models.ids[*row]).collect();
        let donor = donors(&drawn_ids, donors_of.len(), seed.wrapping_add(1));
        let snr = draw_snr(&drawn_ids, self.snr[0], self.snr[1], seed.wrapping_add(2));
        let mut made = Made::default();
        for (fault, name) in self.faults() {
            for (at, row) in drawn.iter().enumerate() {
                let id = made.id.len() as i64;
                let (donor_id, donor) = &donors_of[donor[at]];
                let flux = models.faulty(self, fault, *row, &wave)?;
                // The same noise under every fault: differences are those of the fault.
                let noisy =
                    injected(&flux, donor, snr[at], drawn_ids[at] as u64, seed.wrapping_add(3));
                made.push(id, &name, *donor_id, snr[at], noisy);
                made.rows.push(*row as u32);
            }
        }
        Ok(vec![made.product()])
    }
}

impl Inject {
    fn faults(&self) -> Vec<(Fault, String)> {
        let mut faults = vec![(Fault::None, "none".to_owned())];
        let velocity = |v: &f64| (Fault::Velocity(*v), format!("velocity {v:+} km/s"));
        faults.extend(self.velocities_km_s.iter().map(velocity));
        faults.extend(self.air.then(|| (Fault::Air, "air for vacuum".to_owned())));
        let lower = |to: &f64| {
            (Fault::Resolution { from: self.resolution, to: *to }, format!("resolution {to}"))
        };
        faults.extend(self.resolutions.iter().map(lower));
        let companion = |share: &f64| (Fault::Companion(*share), format!("companion {share}"));
        faults.extend(self.companions.iter().map(companion));
        faults
    }
}

/// The models, by row.
struct Models {
    table: RecordBatch,
    ids: Vec<i64>,
    teff: Vec<f64>,
}

impl Models {
    fn read(spec: &Inject, job: &Job) -> Result<Self, StageError> {
        let ids = ids(job, "models", &spec.id)?;
        Ok(Models {
            table: job.table("models")?.clone(),
            ids,
            teff: f64s(job, "models", &spec.teff)?,
        })
    }

    fn flux(&self, row: usize) -> Result<Vec<f64>, StageError> {
        f64_row(&self.table, "flux_norm", row)
    }

    /// Rows with a model, drawn by seed and id; all if there are fewer than wanted.
    fn drawn(&self, n: usize, seed: u64) -> Vec<usize> {
        let known: Vec<usize> =
            (0..self.ids.len()).filter(|row| self.teff[*row].is_finite()).collect();
        let ids: Vec<i64> = known.iter().map(|row| self.ids[*row]).collect();
        let order = draw_snr(&ids, 1.0, 2.0, seed);
        let mut ranked: Vec<(f64, usize)> = order.into_iter().zip(known).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranked.truncate(n);
        let mut rows: Vec<usize> = ranked.into_iter().map(|(_, row)| row).collect();
        rows.sort_by_key(|row| self.ids[*row]);
        rows
    }

    /// Donors with their ids and residuals.
    fn donors(&self, spec: &Inject, job: &Job) -> Result<Vec<(i64, Donor)>, StageError> {
        let row_of: BTreeMap<i64, usize> =
            self.ids.iter().enumerate().map(|(row, id)| (*id, row)).collect();
        let table = job.table("donors")?;
        let mut found = Vec::new();
        for (row, id) in ids(job, "donors", &spec.id)?.into_iter().enumerate() {
            let Some(model) = row_of.get(&id) else { continue };
            let (model, observed) = (self.flux(*model)?, f64_row(table, "flux_norm", row)?);
            let ivar = f64_row(table, "ivar_norm", row)?;
            if observed.len() == model.len() && ivar.len() == model.len() && !model.is_empty() {
                let residual = observed.iter().zip(&model).map(|(o, m)| o - m).collect();
                found.push((id, Donor { residual, ivar }));
            }
        }
        if found.is_empty() {
            let what =
                "no donor has a model on the same pixels: bind donors whose ids are in `models`";
            return Err(StageError::new(what));
        }
        Ok(found)
    }

    fn faulty(
        &self,
        spec: &Inject,
        fault: Fault,
        row: usize,
        wave: &[f64],
    ) -> Result<Vec<f64>, StageError> {
        let flux = self.flux(row)?;
        if flux.len() != wave.len() {
            return Err(StageError::new(format!(
                "a model has {} pixels, the grid {}: bind the grid of the model",
                flux.len(),
                wave.len()
            )));
        }
        let other = match fault {
            Fault::Companion(_) => Some(self.flux(self.nearest(self.teff[row] - spec.cooler))?),
            _ => None,
        };
        Ok(with_fault(fault, wave, &flux, other.as_deref()))
    }

    /// The model nearest in temperature, of equals the first.
    fn nearest(&self, teff: f64) -> usize {
        let far = |row: &usize| (self.teff[*row] - teff).abs();
        let known = (0..self.teff.len()).filter(|row| self.teff[*row].is_finite());
        known.min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0)
    }
}

/// Injected spectra.
#[derive(Default)]
struct Made {
    id: Vec<i64>,
    fault: Vec<String>,
    donor: Vec<i64>,
    snr: Vec<f64>,
    flux: Vec<Vec<f64>>,
    ivar: Vec<Vec<f64>>,
    rows: Vec<u32>,
}

impl Made {
    fn push(&mut self, id: i64, fault: &str, donor: i64, snr: f64, spectrum: (Vec<f64>, Vec<f64>)) {
        self.id.push(id);
        self.fault.push(fault.to_owned());
        self.donor.push(donor);
        self.snr.push(snr);
        self.flux.push(spectrum.0);
        self.ivar.push(spectrum.1);
    }

    fn product(self) -> Product {
        let columns = vec![
            i64_array(self.id),
            text_array(self.fault.into_iter().map(Some)),
            i64_array(self.donor),
            f64_array(self.snr),
            f64_lists(self.flux),
            f64_lists(self.ivar),
        ];
        Product::new("spectra", columns).rows("models", UInt32Array::from(self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stage::TableSchema;
    use crate::stages::columns::finite_array;

    fn stage() -> Inject {
        serde_json::from_str(r#"{"id": "obsid", "teff": "Teff", "carry": ["Teff"]}"#).unwrap()
    }

    fn models() -> Models {
        let teff = vec![3_700.0, f64::NAN, 3_300.0, 3_480.0];
        let flux = f64_lists(teff.iter().map(|t| vec![t / 4_000.0; 3]).collect());
        let table =
            RecordBatch::try_from_iter([("Teff", finite_array(teff.clone())), ("flux_norm", flux)]);
        Models { table: table.unwrap(), ids: vec![9, 8, 7, 6], teff }
    }

    #[test]
    fn faults_are_named_and_none_comes_first() {
        let names: Vec<String> = stage().faults().into_iter().map(|f| f.1).collect();
        assert_eq!(names[0], "none");
        assert!(names.contains(&"velocity -40 km/s".to_owned()) && names.len() == 8, "{names:?}");
    }

    #[test]
    fn models_without_labels_are_not_drawn_and_the_draw_is_by_id() {
        let models = models();
        assert_eq!(models.drawn(9, 1), [3, 2, 0]);
        let two = models.drawn(2, 1);
        assert_eq!((two.len(), &two), (2, &models.drawn(2, 1)));
        assert_eq!(models.nearest(3_450.0), 3);
    }

    #[test]
    fn the_truth_is_carried_and_ranges_are_checked() {
        let meta = |name: &str| ColumnMeta::new(name, F64);
        let schema = |names: &[&str]| TableSchema {
            columns: names.iter().map(|n| meta(n)).collect(),
            row_id: None,
        };
        let inputs = Schemas::from([("models".into(), schema(&["obsid", "Teff", "flux_norm"]))]);
        let outputs = stage().outputs(&inputs).unwrap();
        assert_eq!(outputs[0].carried[0].name, "Teff");
        assert_eq!(outputs[0].split, Some(Split::Chunks(200)));
        let wrong = Inject { snr: [0.0, 10.0], ..stage() };
        assert!(wrong.outputs(&inputs).is_err());
    }
}
