//! Degrade (§3.2.2): model spectra at the resolving power and on the pixels of LAMOST, as if they had been observed.
//!
//! | port | reads |
//! |---|---|
//! | `nodes` (driving) | row id, `wave_angstrom` (Angstrom), `flux`, `vacuum` |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `spectra` | those that can be degraded | all of `nodes` but the raw vectors; `wave_angstrom` (vacuum), `flux`, `ivar`, empty masks, `z` (null) and `vacuum`: what `normalize` reads, with `rv = { source = "none" }` |
//! | `rejects` | the others | id, reason |
//!
//! A model has no noise, but what comes after asks for an inverse variance: it is that of one signal-to-noise ratio in
//! every pixel, so high that the noise it stands for is far below anything that a regression resolves.
//! Deviations: none known; the paper says that the spectra were degraded to R about 1,800, not how.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    bool_array, f64_lists, f64_row, i64_array, ids, no_bits, optional_f64_array, text_array,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError, TableSchema,
};
use crate::engine::types::{ColumnMeta, F32, F64, I64, Type, U32};
use crate::science::degrade::{DegradeSettings, Degraded, Degrader, LAMOST_RESOLUTION};
use crate::science::wavelength::vacuum_from_air;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Degrade>(
    "degrade",
    1,
    "brings model spectra to the resolving power and pixels of LAMOST",
);

/// Columns that end here.
const RAW: [&str; 3] = ["wave_angstrom", "flux", "vacuum"];

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Degrade {
    /// Row id.
    #[serde(default = "node_id")]
    id: String,
    /// Resolving power of the output, wave / FWHM, the width of a pixel included.
    #[serde(default = "lamost")]
    resolution: f64,
    /// Resolving power of the input, subtracted in quadrature; left out when it is much higher.
    #[serde(default)]
    input_resolution: Option<f64>,
    /// Signal-to-noise ratio a pixel that `ivar` stands for.
    #[serde(default = "noise_free")]
    snr: f64,
}

fn node_id() -> String {
    "node_id".into()
}

fn lamost() -> f64 {
    LAMOST_RESOLUTION
}

fn noise_free() -> f64 {
    1e5
}

impl Stage for Degrade {
    fn ports(&self) -> Vec<Port> {
        let reals =
            |column: &str| Need { types: vec![F32.list(), F64.list()], ..Need::any(column) };
        let wave = Need { unit: Some("Angstrom".into()), ..reals("wave_angstrom") };
        let needs =
            vec![Need::of(&self.id, I64), wave, reals("flux"), Need::of("vacuum", Type::Bool)];
        vec![Port::driving("nodes", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.degrader()?;
        let mut carried: TableSchema = inputs["nodes"].clone();
        carried.columns.retain(|c| !RAW.contains(&c.name.as_str()));
        let rejects = vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id of the spectrum"))
                .from("nodes", &self.id, "identity"),
            NewColumn::new(ColumnMeta::new("reason", Type::Text).about("why it is not used")),
        ];
        let unit = inputs["nodes"].column("flux").map_or("", |flux| &flux.unit);
        Ok(vec![
            Output::selected("spectra", "nodes", &carried, new_columns(unit)).id(&self.id),
            Output::table("rejects", rejects).id(&self.id),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts { port: "nodes".into(), kept: "spectra".into(), rejects: "rejects".into() })
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let degrader = self.degrader()?;
        let ids = ids(job, "nodes", &self.id)?;
        let batch = job.table("nodes")?;
        let vacuum = job.column("nodes", "vacuum")?.as_boolean();
        let (mut kept, mut good, mut who, mut why) = (vec![], vec![], vec![], vec![]);
        for (row, id) in ids.into_iter().enumerate() {
            let in_air = vacuum.is_valid(row) && !vacuum.value(row);
            match degraded(&degrader, batch, row, in_air)? {
                Ok(spectrum) => {
                    kept.push(row as u32);
                    good.push(spectrum);
                }
                Err(reason) => {
                    job.note(format!("node {id}: {reason}"));
                    who.push(id);
                    why.push(Some(reason));
                }
            }
        }
        let spectra = self.product(good).rows("nodes", UInt32Array::from(kept));
        Ok(vec![spectra, Product::new("rejects", vec![i64_array(who), text_array(why)])])
    }
}

/// The degraded spectrum of a row, or why there is none.
fn degraded(
    degrader: &Degrader,
    batch: &RecordBatch,
    row: usize,
    in_air: bool,
) -> Result<Result<Degraded, String>, StageError> {
    let mut wave = f64_row(batch, "wave_angstrom", row)?;
    if in_air {
        wave = vacuum_from_air(&wave);
    }
    let flux = f64_row(batch, "flux", row)?;
    Ok(degrader.degrade(&wave, &flux).map_err(|why| why.to_string()))
}

impl Degrade {
    fn degrader(&self) -> Result<Degrader, StageError> {
        if !(self.snr.is_finite() && self.snr > 0.0) {
            return Err(StageError::new("`snr` must be a number above 0"));
        }
        Ok(Degrader::new(&DegradeSettings {
            resolution: self.resolution,
            input_resolution: self.input_resolution.unwrap_or(f64::INFINITY),
        })?)
    }

    fn product(&self, spectra: Vec<Degraded>) -> Product {
        let n = spectra.len();
        let ivar = spectra.iter().map(|s| s.flux.iter().map(|f| self.ivar(*f)).collect()).collect();
        let (wave, flux) = spectra.into_iter().map(|s| (s.wave_angstrom, s.flux)).unzip();
        Product::new(
            "spectra",
            vec![
                f64_lists(wave),
                f64_lists(flux),
                f64_lists(ivar),
                no_bits(n),
                no_bits(n),
                optional_f64_array(vec![None; n]),
                bool_array(vec![true; n]),
            ],
        )
    }

    /// 0 where there is no flux: such a pixel tells nothing.
    fn ivar(&self, flux: f64) -> f64 {
        let ivar = (self.snr / flux).powi(2);
        if flux > 0.0 && ivar.is_finite() { ivar } else { 0.0 }
    }
}

fn new_columns(flux_unit: &str) -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, unit: &str, ucd: &str, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).unit(unit).ucd(ucd).about(about))
    };
    let from = |column: NewColumn, read: &str, how: &str| column.from("nodes", read, how);
    let wave =
        new("wave_angstrom", F64.list(), "Angstrom", "em.wl", "vacuum wavelength of a pixel");
    let flux = new("flux", F64.list(), flux_unit, "phot.flux.density;em.wl", "degraded F_lambda");
    let ivar = "inverse variance for one signal-to-noise ratio in every pixel, 0 without flux";
    let ivar = new("ivar", F64.list(), "", "stat.weight", ivar);
    vec![
        from(wave, "wave_angstrom", "derived: LAMOST pixels"),
        from(flux, "flux", "flux"),
        from(ivar, "flux", "derived: (snr / flux)^2"),
        new("andmask", U32.list(), "", "meta.code.qual", "empty: a model has no bad pixels"),
        new("ormask", U32.list(), "", "meta.code.qual", "empty: a model has no bad pixels"),
        new("z", F64, "", "src.redshift", "null: a model is at rest"),
        new("vacuum", Type::Bool, "", "meta.code;em.wl", "whether wavelengths are of vacuum"),
    ]
}
