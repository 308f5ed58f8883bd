//! Reads LAMOST low-resolution spectra (§3.1).
//!
//! Dataset: a tree of `.fits` or `.fits.gz` files in either layout, worked on in buckets of obsid.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `spectra` | a readable spectrum | header facts (sentinels are null), `wave_angstrom`, `flux`, `ivar`, `andmask`, `ormask`, `file_blake3` |
//! | `rejects` | a file that is not | `file_blake3`, `obsid` if known, `reason`, `hint` |
//!
//! Of two files with the same obsid the one with the smaller digest is kept: names decide nothing,
//! so that renaming a file changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray};
use arrow::datatypes::{Float32Type, Float64Type, UInt32Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::text_array;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, InputFile, Job, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F32, F64, I64, Type, U32};
use crate::formats::lamost::{
    LamostHeader, LamostSpectrum, header_table, probe_obsid, read_spectrum,
};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<ReadSpectra>("read_spectra", 1, "reads LAMOST low-resolution spectra");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadSpectra {
    /// The dataset slot. (Its name decides nothing, its bytes do: it is not part of the key.)
    #[serde(skip_serializing)]
    dataset: String,
    /// Number of buckets by obsid.
    #[serde(default = "sixteen")]
    buckets: u32,
}

fn sixteen() -> u32 {
    16
}

struct Reject {
    blake3: String,
    obsid: Option<i64>,
    reason: String,
    hint: &'static str,
}

fn header_columns() -> Result<Vec<NewColumn>, StageError> {
    let empty = header_table(&[])?;
    Ok(empty.schema().fields().iter().filter_map(ColumnMeta::of).map(NewColumn::new).collect())
}

fn pixel_columns() -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, unit: &str, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind.list()).unit(unit).about(about))
    };
    vec![
        new("wave_angstrom", F64, "Angstrom", "vacuum wavelength of each pixel"),
        new("flux", F32, "", "relative flux"),
        new("ivar", F32, "", "inverse variance of the relative flux, 0 where bad"),
        new("andmask", U32, "", "bits set in every exposure"),
        new("ormask", U32, "", "bits set in any exposure"),
        NewColumn::new(ColumnMeta::new("file_blake3", Type::Text).about("digest of the file")),
    ]
}

impl Stage for ReadSpectra {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn dataset(&self) -> Option<&str> {
        Some(&self.dataset)
    }

    fn file_buckets(&self) -> Option<u32> {
        Some(self.buckets)
    }

    fn probe(&self, bytes: &[u8]) -> Option<i64> {
        probe_obsid(bytes)
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.buckets == 0 {
            return Err(StageError::new(
                "`buckets = 0` leaves no place for a spectrum; give 1 or more",
            ));
        }
        let mut columns = header_columns()?;
        columns.extend(pixel_columns());
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let rejects = vec![
            text("file_blake3", "digest of the file"),
            NewColumn::new(ColumnMeta::new("obsid", I64).about("LAMOST spectrum, if known")),
            text("reason", "why the file is not used"),
            text("hint", "what to do about it"),
        ];
        Ok(vec![
            Output::table("spectra", columns).id("obsid"),
            Output::table("rejects", rejects).id("obsid"),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts {
            port: crate::engine::source::FILES.into(),
            kept: "spectra".into(),
            rejects: "rejects".into(),
        })
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let mut spectra: BTreeMap<i64, (LamostSpectrum, String)> = BTreeMap::new();
        let mut rejects = Vec::new();
        for file in job.files() {
            match read(file, &spectra) {
                Ok(spectrum) => {
                    let value = (spectrum, file.digest.to_string());
                    spectra.insert(value.0.header.obsid, value);
                }
                Err(reject) => {
                    job.note(format!("{}: {}", file.name, reject.reason));
                    rejects.push(reject);
                }
            }
        }
        Ok(vec![spectra_product(spectra.into_values().collect())?, rejects_product(&rejects)])
    }
}

fn read(
    file: &InputFile,
    known: &BTreeMap<i64, (LamostSpectrum, String)>,
) -> Result<LamostSpectrum, Reject> {
    let reject = |reason: String, hint: &'static str| Reject {
        blake3: file.digest.to_string(),
        obsid: file.id,
        reason,
        hint,
    };
    let spectrum =
        read_spectrum(file.bytes()).map_err(|why| reject(why.to_string(), why.hint()))?;
    match known.get(&spectrum.header.obsid) {
        Some((_, digest)) => Err(reject(
            format!("obsid {} is already in file {}", spectrum.header.obsid, &digest[..10]),
            "remove one of the two files",
        )),
        None => Ok(spectrum),
    }
}

fn spectra_product(spectra: Vec<(LamostSpectrum, String)>) -> Result<Product, StageError> {
    let headers: Vec<LamostHeader> = spectra.iter().map(|(s, _)| s.header.clone()).collect();
    let mut columns: Vec<ArrayRef> = header_table(&headers)?.columns().to_vec();
    let wave = spectra.iter().map(|(s, _)| Some(s.wave_angstrom.iter().copied().map(Some)));
    let flux = spectra.iter().map(|(s, _)| Some(s.flux.iter().copied().map(Some)));
    let ivar = spectra.iter().map(|(s, _)| Some(s.ivar.iter().copied().map(Some)));
    let and = spectra.iter().map(|(s, _)| Some(s.andmask.iter().copied().map(Some)));
    let or = spectra.iter().map(|(s, _)| Some(s.ormask.iter().copied().map(Some)));
    columns.push(Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(wave)));
    columns.push(Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(flux)));
    columns.push(Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(ivar)));
    columns.push(Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(and)));
    columns.push(Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(or)));
    columns.push(text_array(spectra.iter().map(|(_, digest)| Some(digest))));
    Ok(Product::new("spectra", columns))
}

fn rejects_product(rejects: &[Reject]) -> Product {
    Product::new(
        "rejects",
        vec![
            text_array(rejects.iter().map(|r| Some(&r.blake3))),
            Arc::new(rejects.iter().map(|r| r.obsid).collect::<Int64Array>()),
            text_array(rejects.iter().map(|r| Some(&r.reason))),
            text_array(rejects.iter().map(|r| Some(r.hint))),
        ],
    )
}
