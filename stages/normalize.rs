//! Normalize (§2.2, §3.1, §4.4): spectra at rest, on the model's pixels, over their continuum.
//!
//! | port | reads |
//! |---|---|
//! | `spectra` (driving) | row id, `wave_angstrom` (Angstrom), `flux`, `ivar`, `andmask`, `ormask`, `z`, `vacuum`, optionally the error of z |
//! | `template` (whole, optional) | `wave_angstrom` (Angstrom), `flux`: normalized spectra at rest, on the whole grid |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `spectra` | those that can be normalized | all of `spectra` but the raw vectors; `flux_norm`, `ivar_norm`, `mask`, `continuum`, velocity (km/s) with source, pixels used, signal-to-noise ratio |
//! | `rejects` | the others | id, reason |
//!
//! The paper names no shift to rest, LAMOST spectra are not at rest, and a pixel is 69 km/s: by
//! default the catalog's z is undone, where it is missing a velocity measured against `template`;
//! where there is neither, the spectrum stays as it is and `rv_source` says `none`.
//! Masked pixels are left out of the continuum (`continuum.weights = "all"` for the released code,
//! which lets them in), flux is averaged over pixels (`resample = "cubic"` for the released code).
//! Telluric windows are looked up at heliocentric wavelengths, at most 30 km/s off the observer's.

mod parameters;
mod row;
#[cfg(test)]
mod tests;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt32Type};

use super::columns::{
    f64_lists, f64_row, f64s_of, i64_array, ids, list_row, optional_f64_array, text_array,
    u16_lists, u32_array,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError, TableSchema,
};
use crate::engine::types::{ColumnMeta, F32, F64, I64, Type, U32};
pub use parameters::Normalize;
use row::{RawSpectrum, RestFrame, Row, Settings, normalize_row};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Normalize>(
    "normalize",
    1,
    "brings spectra to rest, to the model's pixels and over their continuum",
);

/// Columns of vectors on the input's own pixels, which end here.
const RAW: [&str; 5] = ["wave_angstrom", "flux", "ivar", "andmask", "ormask"];

impl Stage for Normalize {
    fn ports(&self) -> Vec<Port> {
        let reals =
            |column: &str| Need { types: vec![F32.list(), F64.list()], ..Need::any(column) };
        let wave = || Need { unit: Some("Angstrom".into()), ..reals("wave_angstrom") };
        let mut spectra = vec![
            Need::of(&self.id, I64),
            wave(),
            reals("flux"),
            reals("ivar"),
            Need::of("andmask", U32.list()),
            Need::of("ormask", U32.list()),
            Need::of("z", F64),
            Need::of("vacuum", Type::Bool),
        ];
        spectra.extend(self.rv.z_err.iter().map(Need::any));
        let template = Port::whole("template", vec![wave(), reals("flux")]);
        vec![Port::driving("spectra", spectra), template.optional()]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.settings()?;
        let mut carried: TableSchema = inputs["spectra"].clone();
        carried.columns.retain(|c| !RAW.contains(&c.name.as_str()));
        let rejects = vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id of the spectrum"))
                .from("spectra", &self.id, "identity"),
            NewColumn::new(ColumnMeta::new("reason", Type::Text).about("why it is not used")),
        ];
        Ok(vec![
            Output::selected("spectra", "spectra", &carried, self.new_columns()).id(&self.id),
            Output::table("rejects", rejects).id(&self.id),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts { port: "spectra".into(), kept: "spectra".into(), rejects: "rejects".into() })
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let mut settings = self.settings()?;
        if let Some(templates) = job.optional("template") {
            settings.templates = read_templates(templates, &settings)?;
        }
        let ids = ids(job, "spectra", &self.id)?;
        let batch = job.table("spectra")?;
        let rows = self.rows(batch, &settings)?;
        self.note(job, &rows, batch)?;
        let (mut kept, mut good, mut who, mut why) = (vec![], vec![], vec![], vec![]);
        for (index, row) in rows.into_iter().enumerate() {
            match row {
                Ok(row) => {
                    kept.push(index as u32);
                    good.push(row);
                }
                Err(reason) => {
                    who.push(ids[index]);
                    why.push(Some(reason));
                }
            }
        }
        let spectra = Product::new("spectra", self.columns(good));
        Ok(vec![
            spectra.rows("spectra", UInt32Array::from(kept)),
            Product::new("rejects", vec![i64_array(who), text_array(why)]),
        ])
    }
}

impl Normalize {
    fn new_columns(&self) -> Vec<NewColumn> {
        let plain = |name: &str, kind: Type, unit: &str, ucd: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).unit(unit).ucd(ucd).about(about))
        };
        let vector = |name: &str, kind: Type, ucd: &str, about: &str, from: &[&str]| {
            let column = plain(name, kind.list(), "", ucd, about);
            from.iter().fold(column, |column, read| column.from("spectra", read, "flux"))
        };
        let flux = "flux over continuum, 1 where there is none";
        let ivar = "inverse variance of the normalized flux, 0 where masked";
        let bits = "why a pixel is not used, as bits";
        let bits_from = ["flux", "ivar", "andmask", "ormask"];
        let mut vectors = vec![
            vector("flux_norm", F64, "phot.flux;arith.ratio", flux, &["flux"]),
            vector("ivar_norm", F64, "stat.weight", ivar, &["ivar", "flux"]),
            vector("mask", Type::UInt(16), "meta.code.qual", bits, &bits_from),
        ];
        if self.keep_continuum {
            let about = "continuum, in the unit of the flux";
            vectors.push(vector("continuum", F64, "spect.continuum", about, &["flux"]));
        }
        let mut columns = if self.keep_spectra { vectors } else { Vec::new() };
        let z = |column: NewColumn| column.from("spectra", "z", "derived: c z");
        let velocity = "spect.dopplerVeloc";
        let error = "stat.error;spect.dopplerVeloc";
        let signal = "median signal-to-noise ratio of the used pixels";
        let peak = "height of the correlation peak, where a velocity was measured";
        let error = plain("rv_err_km_s", F64, "km/s", error, "its error");
        columns.extend([
            z(plain("rv_km_s", F64, "km/s", velocity, "heliocentric velocity taken out of the spectrum, receding is positive; a measurement of this program only where rv_source says so")),
            match &self.rv.z_err {
                Some(read) => error.from("spectra", read, "derived: c z_err"),
                None => error,
            },
            plain("rv_source", Type::Text, "", "meta.code", "where the velocity comes from: catalog_z = redshift of the survey; measured = correlation with the template; none = not known, the spectrum stayed as it was"),
            plain("rv_peak", F64, "", "stat.correlation", peak),
            plain("n_pix_used", U32, "", "meta.number", "pixels that are used"),
            plain("snr_median", F64, "", "stat.snr", signal),
        ]);
        columns
    }

    /// Normalizes every row of a table, each by itself.
    fn rows(
        &self,
        batch: &RecordBatch,
        settings: &Settings,
    ) -> Result<Vec<Result<Row, String>>, StageError> {
        let z = f64s_of(column(batch, "z")?)?;
        let z_err = match &self.rv.z_err {
            Some(name) => f64s_of(column(batch, name)?)?,
            None => vec![f64::NAN; z.len()],
        };
        let vacuum = column(batch, "vacuum")?.as_boolean();
        (0..batch.num_rows())
            .map(|row| {
                let raw = RawSpectrum {
                    wave_angstrom: f64_row(batch, "wave_angstrom", row)?,
                    flux: f64_row(batch, "flux", row)?,
                    ivar: f64_row(batch, "ivar", row)?,
                    andmask: bits(batch, "andmask", row)?,
                    ormask: bits(batch, "ormask", row)?,
                    z: Some(z[row]).filter(|z| z.is_finite()),
                    z_err: Some(z_err[row]).filter(|error| error.is_finite()),
                    vacuum: vacuum.is_valid(row).then(|| vacuum.value(row)),
                };
                Ok(normalize_row(settings, &raw))
            })
            .collect()
    }

    fn columns(&self, rows: Vec<Row>) -> Vec<ArrayRef> {
        let frame = |of: fn(&RestFrame) -> Option<f64>| {
            optional_f64_array(rows.iter().map(|row| of(&row.rest_frame)).collect())
        };
        let facts = [
            frame(|frame| frame.rv_km_s),
            frame(|frame| frame.rv_err_km_s),
            text_array(rows.iter().map(|row| Some(row.rest_frame.source))),
            frame(|frame| frame.peak),
            u32_array(rows.iter().map(|row| row.n_pix_used).collect()),
            optional_f64_array(rows.iter().map(|row| row.snr_median).collect()),
        ];
        let mut columns = if self.keep_spectra { self.vectors(rows) } else { Vec::new() };
        columns.extend(facts);
        columns
    }

    fn vectors(&self, rows: Vec<Row>) -> Vec<ArrayRef> {
        let (mut flux, mut ivar, mut mask, mut continuum) = (vec![], vec![], vec![], vec![]);
        for row in rows {
            flux.push(row.flux_norm);
            ivar.push(row.ivar_norm);
            mask.push(row.mask);
            continuum.push(row.continuum);
        }
        let mut columns = vec![f64_lists(flux), f64_lists(ivar), u16_lists(mask)];
        if self.keep_continuum {
            columns.push(f64_lists(continuum));
        }
        columns
    }

    /// Tells what was assumed or could not be done.
    fn note(
        &self,
        job: &Job,
        rows: &[Result<Row, String>],
        batch: &RecordBatch,
    ) -> Result<(), StageError> {
        let vacuum = column(batch, "vacuum")?.as_boolean();
        let air = vacuum.iter().filter(|v| *v == Some(false)).count();
        let source = |name: &str| {
            let of = |row: &&Result<Row, String>| {
                row.as_ref().is_ok_and(|row| row.rest_frame.source == name)
            };
            rows.iter().filter(of).count()
        };
        for (count, what) in [
            (air, "had wavelengths in air, which were brought to vacuum"),
            (vacuum.null_count(), "do not say air or vacuum: vacuum was assumed"),
            (source("measured"), "have a measured velocity"),
            (source("none"), "have no velocity and were not shifted"),
        ] {
            if count > 0 {
                job.note(format!("{count} of {} spectra {what}", rows.len()));
            }
        }
        Ok(())
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, StageError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| StageError::new(format!("column `{name}` was not declared as read")))
}

/// The mask of a row; `None` where the file has none.
fn bits(batch: &RecordBatch, column: &str, row: usize) -> Result<Option<Vec<u32>>, StageError> {
    let values = cast(&list_row(batch, column, row)?, &DataType::UInt32)?;
    let values = values.as_primitive::<UInt32Type>().iter();
    let values: Vec<u32> = values.map(Option::unwrap_or_default).collect();
    Ok((!values.is_empty()).then_some(values))
}

/// Reads the templates, which must be on the whole grid.
fn read_templates(batch: &RecordBatch, settings: &Settings) -> Result<Vec<Vec<f64>>, StageError> {
    let grid = settings.grid.wave_angstrom();
    let same = |wave: &[f64]| {
        wave.len() == grid.len() && wave.iter().zip(grid).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    (0..batch.num_rows())
        .map(|row| {
            let (wave, flux) =
                (f64_row(batch, "wave_angstrom", row)?, f64_row(batch, "flux", row)?);
            if !same(&wave) || flux.len() != grid.len() {
                return Err(StageError::new(format!(
                    "template {row} has {} wavelengths and {} fluxes that are not those of the \
                     grid of {} pixels: make it from spectra normalized with `step = 1` and the \
                     same `keep_h_alpha`",
                    wave.len(),
                    flux.len(),
                    grid.len()
                )));
            }
            if flux.iter().any(|flux| !flux.is_finite()) {
                let what = format!("template {row} has pixels without flux");
                return Err(StageError::new(what));
            }
            Ok(flux)
        })
        .collect()
}
