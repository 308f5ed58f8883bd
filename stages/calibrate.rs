//! Calibrate (§4.1, Fig. 2): what held-out labels say about errors, as a table of laws that `errors` applies.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `held_out` | star id, signal-to-noise ratio; of each label the truth, the held-out label and its formal error |
//! | `printed` (with the parameter) | signal-to-noise ratio and printed errors, as Table 4 has them |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `laws` | a label and source of errors | the law, its knots and values, stars and range of ratios behind it, or why there is none |
//! | `curve` | a label and bin of signal-to-noise ratio | bias and rms with intervals, formal error, error by each law |
//! | `coverage` | a label, source and bin | share of residuals within 1 sigma and within 95 %, with intervals |
//!
//! Sources: `covariance` (the formal error as it is), `cv_curve` (a function of the ratio alone: monotone, two
//! parameters below 400 stars, constant below 40), `cv_power_law`, `calibrated` (the formal error scaled,
//! with a floor; one of the two below 40 stars), `table4_fit` (a power law through printed errors). Below 8
//! stars there is no law. Coverage is cross-fitted: each star's error is by the law of other stars.
//! Intervals of `curve` are bootstraps by star, those of `coverage` Wilson's for as many trials as stars.
//!
//! Deviations: the paper does not say where its errors come from; those of Table 4 are a function of the
//! ratio in i alone. Residuals are against training labels, so laws include their noise.

mod scored;
mod tables;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::scored::{Label, Setting, printed_law};
use self::tables::{coverage_arrays, coverage_columns, curve_arrays, curve_columns};
use super::columns::{f64s, optional_ids};
use super::laws::{LabelLaw, law_arrays, law_columns};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::ColumnMeta;
use crate::science::calibration::{Form, HeldOut, Match, fit_power_law};
use crate::science::statistics::Bootstrap;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Calibrate>("calibrate", 2, "fits laws of errors to held-out labels");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibrate {
    /// Labels; without, all for which `held_out` has the three columns below.
    #[serde(default)]
    labels: Vec<String>,
    /// Column of the true label; `{label}` stands for the label.
    #[serde(default = "truth")]
    truth: String,
    /// Column of the held-out label.
    #[serde(default = "found")]
    found: String,
    /// Column of its formal error.
    #[serde(default = "formal")]
    formal: String,
    /// Column that tells which spectra are of one star.
    star_id: String,
    /// Signal-to-noise ratio.
    #[serde(default = "snri")]
    snr: String,
    /// How many parameters a law may have.
    #[serde(default)]
    form: FormChoice,
    /// What a law reproduces.
    #[serde(default, rename = "match")]
    matching: MatchChoice,
    /// Folds over stars for the coverage.
    #[serde(default = "super::defaults::folds")]
    folds: usize,
    /// Lower edges of the bins of signal-to-noise ratio, ascending; the last bin is open.
    #[serde(default = "snr_edges")]
    snr_edges: Vec<f64>,
    /// Bootstrap resamples.
    #[serde(default = "two_thousand")]
    resamples: usize,
    /// Printed errors.
    #[serde(default)]
    printed: Option<Printed>,
}

/// A table of printed errors.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Printed {
    /// Signal-to-noise ratio.
    snr: String,
    /// Column of printed errors of each label.
    errors: BTreeMap<String, String>,
}

/// How many parameters a law may have; fewer where there are too few stars.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FormChoice {
    /// As many as the number of stars allows.
    #[default]
    Auto,
    /// One.
    One,
    /// A floor, and a term that falls with the ratio or scales the formal error.
    Two,
    /// A monotone curve, or a monotone factor of the formal error.
    Monotone,
}

/// What a law reproduces.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum MatchChoice {
    /// The root mean square of the residuals (eq. 5).
    #[default]
    Rms,
    /// Their 68th percentile.
    Coverage,
}

fn truth() -> String {
    "{label}_true".into()
}

fn found() -> String {
    "{label}_cv".into()
}

fn formal() -> String {
    "{label}_cv_err".into()
}

fn snri() -> String {
    "snri".into()
}

fn snr_edges() -> Vec<f64> {
    vec![5.0, 10.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0]
}

fn two_thousand() -> usize {
    2_000
}

/// What stands for a label in the name of a column.
const LABEL: &str = "{label}";

impl Stage for Calibrate {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::any(&self.star_id), Need::any(&self.snr)];
        for label in &self.labels {
            needs.extend(self.columns_of(label).map(Need::any));
        }
        let held_out = Port::whole("held_out", needs);
        let held_out = if self.labels.is_empty() { held_out.all_columns() } else { held_out };
        let printed = self.printed.as_ref().map(|printed| {
            let mut needs = vec![Need::any(&printed.snr)];
            needs.extend(printed.errors.values().map(Need::any));
            Port::whole("printed", needs)
        });
        std::iter::once(held_out).chain(printed).collect()
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let names = inputs["held_out"].columns.iter().map(|c| c.name.as_str());
        let labels = self.chosen(names.collect())?;
        let read: Vec<String> = labels.iter().flat_map(|label| self.columns_of(label)).collect();
        let scored = |columns: Vec<NewColumn>| -> Vec<NewColumn> {
            let from = |column: NewColumn| {
                read.iter().fold(column, |c, name| c.from("held_out", name, "derived: residual"))
            };
            columns.into_iter().map(from).collect()
        };
        Ok(vec![
            Output::table("laws", scored(law_columns())),
            Output::table("curve", scored(curve_columns())),
            Output::table("coverage", scored(coverage_columns())),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("calibrate")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let fields = job.table("held_out")?.schema();
        let names = fields.fields().iter().map(|field| field.name().as_str()).collect();
        let labels = self
            .chosen(names)?
            .into_iter()
            .map(|label| self.label(job, label))
            .collect::<Result<Vec<_>, _>>()?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let how = Setting {
            form: self.form(),
            matching: self.matching(),
            folds: self.folds,
            // Another stream of numbers than that of the bootstrap.
            seed: job.seed()?.wrapping_add(1),
            edges: &self.snr_edges,
        };
        let mut laws: Vec<LabelLaw> = Vec::new();
        let mut coverage = Vec::new();
        for label in &labels {
            let (of_label, covered) = label.calibrate(how)?;
            laws.extend(of_label);
            coverage.extend(covered);
        }
        let curve = curve_arrays(&labels, &laws, &self.snr_edges, &bootstrap);
        laws.extend(self.printed_laws(job)?);
        for law in &laws {
            if let Err(why) = &law.fitted {
                job.note(format!("no {} of {}: {why}", law.source.name(), law.label));
            }
        }
        Ok(vec![
            Product::new("laws", law_arrays(&laws)),
            Product::new("curve", curve),
            Product::new("coverage", coverage_arrays(&coverage)),
        ])
    }
}

impl Calibrate {
    fn check(&self) -> Result<(), StageError> {
        for pattern in [&self.truth, &self.found, &self.formal] {
            // With one label there is nothing to stand for.
            if self.labels.len() != 1 && pattern.matches(LABEL).count() != 1 {
                return Err(StageError::new(format!("`{pattern}` must contain {LABEL} once")));
            }
        }
        if self.snr_edges.is_empty() || !self.snr_edges.is_sorted_by(|a, b| a < b) {
            return Err(StageError::new("`snr_edges` must ascend"));
        }
        if self.folds < 2 {
            return Err(StageError::new("`folds` must be 2 or more"));
        }
        Ok(())
    }

    /// Truth, held-out label and formal error of a label.
    fn columns_of(&self, label: &str) -> [String; 3] {
        [&self.truth, &self.found, &self.formal].map(|pattern| pattern.replace(LABEL, label))
    }

    /// The labels asked for, or all that a table with these columns has.
    fn chosen(&self, columns: Vec<&str>) -> Result<Vec<String>, StageError> {
        if !self.labels.is_empty() {
            return Ok(self.labels.clone());
        }
        let has = |label: &String| {
            self.columns_of(label).iter().all(|name| columns.contains(&name.as_str()))
        };
        let labels: Vec<String> =
            columns.iter().filter_map(|name| matched(&self.truth, name)).filter(has).collect();
        if labels.is_empty() {
            return Err(StageError::new(format!(
                "`held_out` has no label with the columns `{}`, `{}` and `{}`; name `labels` or set \
                 these patterns",
                self.truth, self.found, self.formal
            )));
        }
        Ok(labels)
    }

    fn label(&self, job: &Job, name: String) -> Result<Label, StageError> {
        let [truth, found, formal] = self.columns_of(&name);
        let stars = optional_ids(job, "held_out", &self.star_id)?;
        let values = f64s(job, "held_out", &truth)?.into_iter().zip(f64s(job, "held_out", &found)?);
        let residual = stars.iter().zip(values).map(|(star, (truth, found))| {
            // A spectrum of no known star cannot be kept apart from its twins.
            if star.is_some() { found - truth } else { f64::NAN }
        });
        let fields = job.table("held_out")?.schema();
        let meta = fields.fields().find(&truth).and_then(|(_, field)| ColumnMeta::of(field));
        Ok(Label {
            unit: meta.map(|m| m.unit).unwrap_or_default(),
            held_out: HeldOut {
                residual: residual.collect(),
                formal: f64s(job, "held_out", &formal)?,
                snr: f64s(job, "held_out", &self.snr)?,
                star: stars.iter().map(|star| star.unwrap_or(i64::MIN)).collect(),
            },
            name,
        })
    }

    fn printed_laws(&self, job: &Job) -> Result<Vec<LabelLaw>, StageError> {
        let Some(printed) = &self.printed else { return Ok(Vec::new()) };
        let snr = f64s(job, "printed", &printed.snr)?;
        let law = |(label, column): (&String, &String)| {
            let errors = f64s(job, "printed", column)?;
            let law = fit_power_law(&snr, &errors);
            Ok(printed_law(label, law, &snr, &errors))
        };
        printed.errors.iter().map(law).collect()
    }

    fn form(&self) -> Form {
        match self.form {
            FormChoice::Auto => Form::Auto,
            FormChoice::One => Form::One,
            FormChoice::Two => Form::Two,
            FormChoice::Monotone => Form::Monotone,
        }
    }

    fn matching(&self) -> Match {
        match self.matching {
            MatchChoice::Rms => Match::Rms,
            MatchChoice::Coverage => Match::Coverage,
        }
    }
}

/// The label of a column that is named after a pattern.
fn matched(pattern: &str, name: &str) -> Option<String> {
    let (before, after) = pattern.split_once(LABEL)?;
    let label = name.strip_prefix(before)?.strip_suffix(after)?;
    (!label.is_empty()).then(|| label.to_owned())
}

#[cfg(test)]
mod tests;
