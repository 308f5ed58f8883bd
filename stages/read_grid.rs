//! Reads a grid of BT-Settl model spectra (§3.2.2).
//!
//! Dataset: a tree of files, one a node, in any form of [`crate::formats::btsettl`]. Teff, log g, [M/H] and [alpha/M]
//! are those of the file's name and header, which must agree.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `nodes` | a readable file | `node_id` (made of the labels), `Teff` (K), `logg`, `M_H`, `alpha_M` (dex), `native`, `vacuum`, `wave_angstrom` and `flux` (erg/s/cm2/Angstrom) inside the window, `file_blake3` |
//! | `rejects` | another one | `file_blake3`, `node_id` if known, `reason`, `hint` |
//!
//! Files of one node met in one job: the one with the smaller digest is kept. Across jobs, and across a native and a
//! derived grid, `grid_nodes` chooses, and lists the nodes that the grid lacks.
//! Deviation: the paper's grid has native models at [M/H] < 0; where a dataset holds spectra made otherwise,
//! `native = false` says so in every row.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, Int64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64_array, f64_lists, i64_array, text_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, InputFile, Job, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type};
use crate::formats::btsettl::{GridSpectrum, LOG_OFFSET, Options, read_spectrum};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<ReadGrid>("read_grid", 1, "reads a grid of BT-Settl model spectra");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadGrid {
    /// The dataset slot. (Its name decides nothing, its bytes do: it is not part of the key.)
    #[serde(skip_serializing)]
    dataset: String,
    /// Whether the files are model spectra as computed; `false` for spectra derived from others.
    native: bool,
    /// Number of jobs that the files are shared between.
    #[serde(default = "sixteen")]
    buckets: u32,
    /// Points kept, Angstrom.
    #[serde(default = "window")]
    window_angstrom: [f64; 2],
    /// What a file must cover, Angstrom: the model's pixels and the reach of the line profile.
    #[serde(default = "covering")]
    covering_angstrom: [f64; 2],
    /// Added to the logarithms of text files to make log10 of erg/s/cm2/Angstrom.
    #[serde(default = "log_offset")]
    log_offset: f64,
    /// Whether wavelengths are those of vacuum; no file says so.
    #[serde(default = "yes")]
    vacuum: bool,
    /// What labels learned from this grid are published as: TEFF_BT.
    #[serde(default = "bt", skip_serializing)]
    scale: String,
}

fn bt() -> String {
    "BT".into()
}

fn sixteen() -> u32 {
    16
}

fn window() -> [f64; 2] {
    [5900.0, 9300.0]
}

fn covering() -> [f64; 2] {
    [6130.0, 8910.0]
}

fn log_offset() -> f64 {
    LOG_OFFSET
}

fn yes() -> bool {
    true
}

struct Reject {
    blake3: String,
    node_id: Option<i64>,
    reason: String,
    hint: &'static str,
}

/// A node's spectrum and the digest of its file, by the node's id.
type Nodes = BTreeMap<i64, (GridSpectrum, String)>;

impl Stage for ReadGrid {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn dataset(&self) -> Option<&str> {
        Some(&self.dataset)
    }

    fn file_buckets(&self) -> Option<u32> {
        Some(self.buckets)
    }

    // What a native file is of stands in its name only.
    fn reads_names(&self) -> bool {
        true
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let rejects = vec![
            text("file_blake3", "digest of the file"),
            NewColumn::new(ColumnMeta::new("node_id", I64).about("node of the grid, if known")),
            text("reason", "why the file is not used"),
            text("hint", "what to do about it"),
        ];
        Ok(vec![
            Output::table("nodes", node_columns(&self.scale)).id("node_id"),
            Output::table("rejects", rejects).id("node_id"),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts {
            port: crate::engine::source::FILES.into(),
            kept: "nodes".into(),
            rejects: "rejects".into(),
        })
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let mut nodes = Nodes::new();
        let mut rejects = Vec::new();
        for file in job.files() {
            match self.read(file, &nodes) {
                Ok((id, spectrum)) => {
                    nodes.insert(id, (spectrum, file.digest.to_string()));
                }
                Err(reject) => {
                    job.note(format!("{}: {}", file.name, reject.reason));
                    rejects.push(reject);
                }
            }
        }
        Ok(vec![self.nodes_product(nodes), rejects_product(&rejects)])
    }
}

impl ReadGrid {
    fn check(&self) -> Result<(), StageError> {
        let ascends = |[low, high]: [f64; 2]| low.is_finite() && high > low && low > 0.0;
        if self.buckets == 0 {
            return Err(StageError::new(
                "`buckets = 0` leaves no place for a file; give 1 or more",
            ));
        }
        if !ascends(self.window_angstrom) || !ascends(self.covering_angstrom) {
            return Err(StageError::new(
                "`window_angstrom` and `covering_angstrom` are [low, high] above 0",
            ));
        }
        let ([low, high], [from, to]) = (self.window_angstrom, self.covering_angstrom);
        if from < low || to > high {
            return Err(StageError::new(format!(
                "`covering_angstrom` ({from}-{to}) must lie inside `window_angstrom` ({low}-{high})"
            )));
        }
        if !self.log_offset.is_finite() {
            return Err(StageError::new("`log_offset` must be a finite number"));
        }
        Ok(())
    }

    fn read(&self, file: &InputFile, known: &Nodes) -> Result<(i64, GridSpectrum), Reject> {
        let reject = |node_id: Option<i64>, reason: String, hint: &'static str| Reject {
            blake3: file.digest.to_string(),
            node_id,
            reason,
            hint,
        };
        let [low, high] = self.window_angstrom;
        let options = Options { window_angstrom: (low, high), log_offset: self.log_offset };
        let spectrum = read_spectrum(&file.name, file.bytes(), &options)
            .map_err(|why| reject(None, why.to_string(), why.hint()))?;
        let id = spectrum.node.id().map_err(|why| reject(None, why.to_string(), why.hint()))?;
        if let Some((_, digest)) = known.get(&id) {
            let reason = format!("node {id} is already in file {}", &digest[..10]);
            return Err(reject(Some(id), reason, "remove one of the two files"));
        }
        let [from, to] = self.covering_angstrom;
        let wave = &spectrum.wave_angstrom;
        match (wave.first(), wave.last()) {
            (Some(first), Some(last)) if *first <= from && *last >= to => Ok((id, spectrum)),
            (first, last) => {
                let (first, last) = (first.unwrap_or(&f64::NAN), last.unwrap_or(&f64::NAN));
                let reason = format!("it covers {first}-{last} Angstrom only, not {from}-{to}");
                Err(reject(Some(id), reason, "give the whole spectrum of the node"))
            }
        }
    }

    fn nodes_product(&self, nodes: Nodes) -> Product {
        let ids: Vec<i64> = nodes.keys().copied().collect();
        let (spectra, digests): (Vec<GridSpectrum>, Vec<String>) = nodes.into_values().unzip();
        let label = |of: fn(&GridSpectrum) -> f64| f64_array(spectra.iter().map(of).collect());
        let mut columns: Vec<ArrayRef> = vec![
            i64_array(ids),
            label(|s| s.node.teff_k),
            label(|s| s.node.logg),
            label(|s| s.node.m_h),
            label(|s| s.node.alpha_m),
            bool_array(vec![self.native; spectra.len()]),
            bool_array(vec![self.vacuum; spectra.len()]),
        ];
        let (wave, flux) = spectra.into_iter().map(|s| (s.wave_angstrom, s.flux)).unzip();
        columns.push(f64_lists(wave));
        columns.push(f64_lists(flux));
        columns.push(text_array(digests.iter().map(Some)));
        Product::new("nodes", columns)
    }
}

fn node_columns(scale: &str) -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, unit: &str, ucd: &str, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).unit(unit).ucd(ucd).about(about))
    };
    let label = |name: &str, unit: &str, ucd: &str, about: &str| {
        let meta = ColumnMeta::new(name, F64).unit(unit).ucd(ucd).about(about);
        NewColumn::new(meta.scale(scale))
    };
    let teff = "phys.temperature.effective";
    let flux = "F_lambda at the surface of the star";
    let native = "whether the spectrum is a model as computed; else it is derived from others";
    vec![
        new("node_id", I64, "", "meta.id;meta.main", "node of the grid, made of its labels"),
        label("Teff", "K", teff, "effective temperature"),
        label("logg", "dex", "phys.gravity", "log10 of the surface gravity in cm/s2"),
        label("M_H", "dex", "phys.abund.Z", "metals against the Sun's"),
        label("alpha_M", "dex", "phys.abund", "alpha elements against the other metals"),
        new("native", Type::Bool, "", "meta.code.qual", native),
        new("vacuum", Type::Bool, "", "meta.code;em.wl", "whether wavelengths are of vacuum"),
        new("wave_angstrom", F64.list(), "Angstrom", "em.wl", "wavelength of each point"),
        new("flux", F64.list(), "erg/s/cm2/Angstrom", "phot.flux.density;em.wl", flux),
        new("file_blake3", Type::Text, "", "meta.id;meta.file", "digest of the file"),
    ]
}

fn rejects_product(rejects: &[Reject]) -> Product {
    Product::new(
        "rejects",
        vec![
            text_array(rejects.iter().map(|r| Some(&r.blake3))),
            std::sync::Arc::new(rejects.iter().map(|r| r.node_id).collect::<Int64Array>()),
            text_array(rejects.iter().map(|r| Some(&r.reason))),
            text_array(rejects.iter().map(|r| Some(r.hint))),
        ],
    )
}
