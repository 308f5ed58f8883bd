//! Errors (§4.5, Table 2): the error that is published with each label, beside the formal one.
//!
//! | port | reads |
//! |---|---|
//! | `rows` (driving) | labels, their formal errors, signal-to-noise ratio |
//! | `laws` (whole; unless all sources are `covariance`) | laws of errors, as `calibrate` gives them |
//!
//! Output `labels`: all of `rows`, but for each label under the name of its formal error, `…_ERR`, the adopted
//! one; the formal error as `…_FORMAL`; and `…_FLAG`: `ok`, or what is to be known of the adopted error:
//!
//! | flag | adopted error |
//! |---|---|
//! | `formal` | the formal one: source `covariance` |
//! | `few_stars` | by a law of one parameter, from fewer than 40 stars |
//! | `extrapolated_snr` | beyond the ratios of the stars behind the law |
//! | `no_snr`, `no_formal` | null: the spectrum lacks what the law needs |
//! | `no_law` | null: there is no law, too few stars were held out |
//!
//! The flag is null where there is no label. Deviations: see `calibrate`.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64s, finite_array, text_array};
use super::laws::{LabelLaw, Source, law_needs, read_laws};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Carried, Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, Type};
use crate::science::calibration::Fitted;

/// What a flag may say; the table of the module's head in a line.
const FLAG: &str = "what is to be known of the adopted error: ok = nothing; formal = it is the formal error; few_stars = few stars gave the law; extrapolated_snr = the signal-to-noise ratio lies outside of those that gave the law; no_snr = null, the ratio is missing or not positive; no_formal = null, the fit has no formal error; no_law = null, too few stars were held out";

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Errors>("errors", 1, "adopts an error for each label, beside the formal one");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Column of each label in `rows`, and its name in `laws`; `?` after a column leaves the label out where there is
    /// none.
    labels: BTreeMap<String, String>,
    /// Where the adopted errors come from.
    #[serde(default)]
    source: Source,
    /// Another source for some labels, by column.
    #[serde(default)]
    sources: BTreeMap<String, Source>,
    /// Signal-to-noise ratio.
    #[serde(default = "snri")]
    snr: String,
}

fn snri() -> String {
    "snri".into()
}

impl Stage for Errors {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::any(&self.snr)];
        for label in self.labels.keys() {
            let column = bare(label);
            for need in [Need::any(column), Need::any(error_of(column))] {
                needs.push(if label == column { need } else { need.if_there() });
            }
        }
        let mut ports = vec![Port::driving("rows", needs)];
        let formal = |label: &String| self.source_of(label) == Source::Covariance;
        ports.push(match self.labels.keys().all(formal) {
            true => Port::unread("laws"),
            false => Port::whole("laws", law_needs()),
        });
        ports
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let schema = &inputs["rows"];
        let mut columns = Vec::new();
        let mut formal = Vec::new();
        for label in self.labels.keys() {
            let column = bare(label);
            if column != label && schema.column(column).is_none() {
                continue;
            }
            let (label, error) = (column, error_of(column));
            for taken in [format!("{error}_FORMAL"), format!("{error}_FLAG")] {
                if schema.column(&taken).is_some() {
                    let what = format!("`rows` has `{taken}` already: errors are adopted once");
                    return Err(StageError::new(what));
                }
            }
            columns.extend(self.columns(inputs, label));
            formal.push(Carried {
                name: format!("{error}_FORMAL"),
                port: "rows".into(),
                column: error,
            });
        }
        let mut output = Output::widened("labels", "rows", schema, columns);
        output.carried.extend(formal);
        Ok(vec![output])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let laws = job.optional("laws").map(read_laws).transpose()?.unwrap_or_default();
        let snr = f64s(job, "rows", &self.snr)?;
        let mut columns = Vec::new();
        for (label, name) in &self.labels {
            let label = bare(label);
            if job.table("rows")?.column_by_name(label).is_none() {
                continue;
            }
            let rows = Rows {
                label: f64s(job, "rows", label)?,
                formal: f64s(job, "rows", &error_of(label))?,
                snr: &snr,
            };
            let source = self.source_of(label);
            columns.extend(arrays(&rows.adopt(source, law_of(&laws, name, source)?)));
        }
        Ok(vec![Product::new("labels", columns)])
    }
}

impl Errors {
    fn check(&self) -> Result<(), StageError> {
        if self.labels.is_empty() {
            return Err(StageError::new("`labels` names no label; give at least one column"));
        }
        match self.sources.keys().find(|column| !self.labels.contains_key(*column)) {
            Some(stranger) => {
                Err(StageError::new(format!("`sources` has `{stranger}`, `labels` has not")))
            }
            None => Ok(()),
        }
    }

    fn source_of(&self, label: &str) -> Source {
        self.sources.get(label).copied().unwrap_or(self.source)
    }

    /// Adopted error and flag.
    fn columns(&self, inputs: &Schemas, label: &str) -> [NewColumn; 2] {
        let (name, source) = (error_of(label), self.source_of(label));
        let unit = inputs["rows"].column(label).map_or("", |c| c.unit.as_str());
        let ucd = inputs["rows"].column(label).map_or("", |c| c.ucd.as_str());
        let ucd = format!("stat.error;{ucd}");
        let about = format!("adopted error, {}", source.about());
        let scale = inputs["rows"].column(label).map_or("", |c| c.scale.as_str());
        let adopted = ColumnMeta::new(&name, F64).unit(unit).scale(scale).about(about);
        let flag = ColumnMeta::new(format!("{name}_FLAG"), Type::Text)
            .ucd("meta.code.qual")
            .scale(scale)
            .about(FLAG);
        let of = |meta: ColumnMeta| {
            let column = NewColumn::new(meta)
                .from("rows", &name, "derived: calibrated error")
                .from("rows", &self.snr, "derived: calibrated error");
            if source == Source::Covariance {
                column
            } else {
                column.from("laws", "values", "derived: calibrated error")
            }
        };
        [of(adopted.ucd(ucd.trim_end_matches(';'))), of(flag)]
    }
}

/// A column's name without the sign that it may be missing.
fn bare(column: &str) -> &str {
    column.strip_suffix('?').unwrap_or(column)
}

/// Column of a label's error, as `predict` names it.
fn error_of(column: &str) -> String {
    format!("{column}_ERR")
}

/// The law of a label, `None` where there is none.
///
/// # Errors
/// A label that `laws` does not know: a wrong name, not too few stars.
fn law_of<'a>(
    laws: &'a [LabelLaw],
    name: &str,
    source: Source,
) -> Result<Option<&'a Fitted>, StageError> {
    if source == Source::Covariance {
        return Ok(None);
    }
    let law = laws.iter().find(|law| law.label == name && law.source == source);
    let law = law.ok_or_else(|| {
        let known: Vec<String> =
            laws.iter().map(|l| format!("{} of {}", l.source.name(), l.label)).collect();
        StageError::new(format!(
            "`laws` has no {} of `{name}`, only {}; name the label as `calibrate` does",
            source.name(),
            known.join(", ")
        ))
    })?;
    Ok(law.fitted.as_ref().ok())
}

/// What the error of a row is made of, `(n_row,)` each.
struct Rows<'a> {
    label: Vec<f64>,
    formal: Vec<f64>,
    snr: &'a [f64],
}

/// An adopted error, NaN where there is none, and its flag, `None` where there is no label.
type Adopted = (f64, Option<&'static str>);

impl Rows<'_> {
    fn adopt(&self, source: Source, law: Option<&Fitted>) -> Vec<Adopted> {
        (0..self.label.len())
            .map(|row| match (source, law) {
                _ if !self.label[row].is_finite() => (f64::NAN, None),
                (Source::Covariance, _) if !self.formal[row].is_finite() => {
                    (f64::NAN, Some("no_formal"))
                }
                (Source::Covariance, _) => (self.formal[row], Some("formal")),
                (_, None) => (f64::NAN, Some("no_law")),
                (_, Some(fitted)) => by_law(source, fitted, self.snr[row], self.formal[row]),
            })
            .collect()
    }
}

fn by_law(source: Source, fitted: &Fitted, snr: f64, formal: f64) -> Adopted {
    let sigma = fitted.law.sigma(snr, formal);
    let no_snr = snr.is_nan() || snr <= 0.0;
    let flag = match sigma.is_finite() {
        false if fitted.law.needs_snr() && no_snr => "no_snr",
        false => "no_formal",
        // Printed errors have no scatter of their own: a few of them give the law.
        true if source != Source::Table4Fit && fitted.is_few() => "few_stars",
        true if fitted.extrapolates(snr) => "extrapolated_snr",
        true => "ok",
    };
    (sigma, Some(flag))
}

fn arrays(adopted: &[Adopted]) -> [ArrayRef; 2] {
    [
        finite_array(adopted.iter().map(|(sigma, _)| *sigma).collect()),
        text_array(adopted.iter().map(|(_, flag)| *flag)),
    ]
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
