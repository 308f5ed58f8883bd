//! Score faults: whether what was planted in a simulated survey comes up where the pipeline should show it.
//!
//! Ports (whole): one a table that detectors look at, named by `tables`; `stars` and, following it, `spectra`, the
//! truth.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `faults` | a detector | spectra with the fault, those that reach the table, those found; recall, precision |
//! | `missed` | a spectrum whose fault no detector found | `obsid`, `fault` |
//!
//! A detector is a condition on a table; the spectra that fulfil it are flagged. Recall is the share found of the
//! spectra that reach the table (a star that a cut has removed before is `n_planted` but not `n_reached`), precision
//! the share of flagged spectra with that fault. Intervals are Wilson's.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{i64_array, optional_f64_array, optional_ids, text_array, u64_array};
use super::truth::{Truth, truth_ports};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::{Fraction, fraction};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<ScoreFaults>(
    "score_faults",
    1,
    "looks for the planted faults of a simulated survey in what the pipeline flags",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreFaults {
    /// Ports that detectors look at.
    tables: Vec<String>,
    /// Column of the spectrum in each of them.
    #[serde(default = "obsid")]
    id: String,
    /// Where each fault should come up. Of several detectors of one fault each is scored.
    detectors: Vec<Detector>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Detector {
    /// The fault, by its name in the truth.
    fault: String,
    /// The table.
    table: String,
    /// Which of its rows are flagged.
    #[serde(rename = "where")]
    condition: Formula,
    /// True of a table of rejects: every spectrum could have come into it.
    #[serde(default)]
    rejects: bool,
    /// What it goes by, in words.
    about: String,
    /// Column of the spectrum in its table, where it has another name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

fn obsid() -> String {
    "obsid".into()
}

/// Spectra of one detector.
struct Found {
    planted: usize,
    reached: usize,
    found: BTreeSet<i64>,
    flagged: usize,
}

impl Found {
    fn recall(&self) -> Option<Fraction> {
        fraction(self.found.len(), self.reached, self.reached)
    }

    fn precision(&self) -> Option<Fraction> {
        fraction(self.found.len(), self.flagged, self.flagged)
    }
}

impl Stage for ScoreFaults {
    fn ports(&self) -> Vec<Port> {
        let mut ports: Vec<Port> = self
            .tables
            .iter()
            .map(|table| {
                let of_table = self.detectors.iter().filter(|d| d.table == *table);
                let read: BTreeSet<String> =
                    of_table.flat_map(|d| d.condition.0.columns()).collect();
                let id_of = |d: &Detector| d.id.clone().unwrap_or_else(|| self.id.clone());
                let ids: BTreeSet<String> =
                    self.detectors.iter().filter(|d| d.table == *table).map(id_of).collect();
                let mut needs: Vec<Need> = ids.iter().map(|id| Need::of(id, I64)).collect();
                let more = read.into_iter().filter(|column| !ids.contains(column));
                needs.extend(more.map(Need::any));
                Port::whole(table, needs)
            })
            .collect();
        ports.extend(truth_ports(&[]));
        ports
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        for detector in &self.detectors {
            let Some(schema) = inputs.get(&detector.table) else {
                let what = format!("`{}` is not among `tables`", detector.table);
                return Err(StageError::new(what));
            };
            let fields: Vec<_> = schema.columns.iter().map(ColumnMeta::field).collect();
            detector.condition.0.check(&arrow::datatypes::Schema::new(fields))?;
        }
        let missed = vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("the spectrum")),
            NewColumn::new(ColumnMeta::new("fault", Type::Text).about("what is planted in it")),
        ];
        Ok(vec![Output::table("faults", columns()), Output::table("missed", missed).id(&self.id)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let truth = Truth::read(job)?;
        let mut planted: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for (obsid, spectrum) in &truth.spectra {
            for fault in truth.faults(spectrum) {
                planted.entry(fault).or_default().insert(*obsid);
            }
        }
        let none = BTreeSet::new();
        let found = self
            .detectors
            .iter()
            .map(|d| self.detect(job, d, planted.get(d.fault.as_str()).unwrap_or(&none)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut missed: Vec<(i64, &str)> = Vec::new();
        for (fault, spectra) in &planted {
            let of_fault = self.detectors.iter().zip(&found).filter(|(d, _)| d.fault == *fault);
            let seen: BTreeSet<i64> = of_fault.flat_map(|(_, f)| f.found.iter().copied()).collect();
            missed.extend(spectra.difference(&seen).map(|obsid| (*obsid, *fault)));
        }
        let missed = vec![
            i64_array(missed.iter().map(|(obsid, _)| *obsid).collect()),
            text_array(missed.iter().map(|(_, fault)| Some(fault))),
        ];
        Ok(vec![Product::new("faults", self.arrays(&found)), Product::new("missed", missed)])
    }
}

impl ScoreFaults {
    fn detect(
        &self,
        job: &Job,
        detector: &Detector,
        planted: &BTreeSet<i64>,
    ) -> Result<Found, StageError> {
        let table = job.table(&detector.table)?;
        let id = detector.id.as_ref().unwrap_or(&self.id);
        let obsids = optional_ids(job, &detector.table, id)?;
        let hit = detector.condition.0.evaluate_bool(table)?;
        let hit = |row: usize| arrow::array::Array::is_valid(&hit, row) && hit.value(row);
        let there: BTreeSet<i64> = obsids.iter().copied().flatten().collect();
        let flagged: BTreeSet<i64> = obsids
            .iter()
            .enumerate()
            .filter(|(row, _)| hit(*row))
            .filter_map(|(_, id)| *id)
            .collect();
        let reached =
            if detector.rejects { planted.len() } else { planted.intersection(&there).count() };
        let found = planted.intersection(&flagged).copied().collect();
        Ok(Found { planted: planted.len(), reached, found, flagged: flagged.len() })
    }

    fn arrays(&self, found: &[Found]) -> Vec<arrow::array::ArrayRef> {
        let of =
            |text: fn(&Detector) -> &str| text_array(self.detectors.iter().map(|d| Some(text(d))));
        let count =
            |of: fn(&Found) -> usize| u64_array(found.iter().map(|f| of(f) as u64).collect());
        let real =
            |of: fn(&Found) -> Option<f64>| optional_f64_array(found.iter().map(of).collect());
        vec![
            of(|d| &d.fault),
            of(|d| &d.table),
            of(|d| d.condition.0.text()),
            of(|d| &d.about),
            count(|f| f.planted),
            count(|f| f.reached),
            count(|f| f.found.len()),
            count(|f| f.flagged),
            real(|f| f.recall().map(|r| r.value)),
            real(|f| f.recall().map(|r| r.interval.low)),
            real(|f| f.recall().map(|r| r.interval.high)),
            real(|f| f.precision().map(|p| p.value)),
            real(|f| f.precision().map(|p| p.interval.low)),
            real(|f| f.precision().map(|p| p.interval.high)),
        ]
    }
}

fn columns() -> Vec<NewColumn> {
    let text =
        |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, Type::Text).about(about));
    let count = |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, U64).about(about));
    let real = |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, F64).about(about));
    vec![
        text("fault", "what is planted"),
        text("table", "where it is looked for"),
        text("condition", "what flags it"),
        text("about", "the same in words"),
        count("n_planted", "spectra with the fault"),
        count("n_reached", "those in the table; all, where it is one of rejects"),
        count("n_found", "those flagged"),
        count("n_flagged", "all spectra flagged"),
        real("recall", "n_found / n_reached"),
        real("recall_low", "lower end of its 95 % interval"),
        real("recall_high", "upper end"),
        real("precision", "n_found / n_flagged"),
        real("precision_low", "lower end of its 95 % interval"),
        real("precision_high", "upper end"),
    ]
}
