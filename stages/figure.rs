//! Figure (§3.1-§5.2, Figs. 1-9, and diagnostics): draws what other nodes have found.
//!
//! Ports depend on `figure` and are all optional: what is not bound, or whose dataset is absent, is said in the
//! panel's place. Of a bound table the columns below are read where it has them; `columns` gives other names.
//! `where` is a condition on the rows of the first port.
//!
//! | `figure` | ports |
//! |---|---|
//! | `cmd` | `candidates`, `selected`, `giants` |
//! | `cv` | `ap_curve`, `ap_laws`, `bt_curve`, `bt_laws` |
//! | `teff`, `metallicity` | `apogee`, `b20`, `apogee_statistics`, `b20_statistics` |
//! | `galgano` | `galgano`, `statistics` |
//! | `hrd` | `stars`, `isochrones`, `statistics` |
//! | `hyades`, `clusters` | `stars`, `statistics` |
//! | `binaries` | `pairs`, `statistics` |
//! | `attrition` | `attrition` |
//! | `coverage` | `held_out`, `laws`, `coverage` |
//! | `selection` | `selection` |
//! | `transfer` | `old`, `new`, `summary` |
//! | `pixels` | `model` |
//! | `hull` | `stars`, `model`, `training` |
//! | `precision` | `curve`, `repeats` |
//! | `sensitivity` | `recovery` |
//! | `spectrum` | `spectra`, `grid`, `model`, `training` |
//! | `population` | `candidates`, `stars` |
//! | `likeness` | `observed`, `simulated`, `grid` |
//!
//! Output `files`: NAME.svg, NAME.png (300 dots an inch) and NAME.json, the numbers drawn with caption and alternative
//! text. Intervals are those of the nodes of statistics; where these are not bound, values stand without.

mod binaries;
mod clusters;
mod cmd;
mod comparisons;
mod cv;
pub mod data;
mod errors;
mod hrd;
mod hyades;
mod likeness;
mod model;
mod population;
mod sample;
mod spectrum;

pub use self::sample::steps;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::data::{Data, Read};
use super::figures::{check_filters, chosen};
use super::simulated::{NamedFile, files_output, files_product};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::report::plot::Color;
use crate::report::{Figure as Drawing, Origin};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Figure>("figure", 6, "draws a figure");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What is drawn.
    figure: Kind,
    /// Where the data come from; what is simulated says so on the figure.
    #[serde(default)]
    origin: OriginChoice,
    /// Names of columns that are not the usual ones: `usual = "here"`.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// Which rows of the first port are drawn.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Stars that are drawn at most, chosen by lot; all without.
    #[serde(default)]
    n: Option<usize>,
    /// Names that captions use: the model, or the two training sets.
    #[serde(default)]
    names: Vec<String>,
    /// Colors in the place of the usual ones, pairs of old and new: `[["#0072b2", "#005f99"]]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    colors: Vec<(String, String)>,
    /// The spectrum that is drawn; without it the one in the middle by signal-to-noise ratio.
    #[serde(default)]
    obsid: Option<i64>,
}

/// Where data come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginChoice {
    /// Telescopes.
    #[default]
    Observed,
    /// The simulated survey.
    Simulated,
}

impl From<OriginChoice> for Origin {
    fn from(choice: OriginChoice) -> Self {
        match choice {
            OriginChoice::Observed => Origin::Observed,
            OriginChoice::Simulated => Origin::Simulated,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Figure 1.
    Cmd,
    /// Figure 2.
    Cv,
    /// Figure 3.
    Teff,
    /// Figure 4.
    Galgano,
    /// Figure 5.
    Metallicity,
    /// Figure 6.
    Hrd,
    /// Figure 7.
    Hyades,
    /// Figure 8.
    Clusters,
    /// Figure 9.
    Binaries,
    /// Rows that each cut leaves.
    Attrition,
    /// Whether errors cover.
    Coverage,
    /// What the cuts keep.
    Selection,
    /// What another training set does.
    Transfer,
    /// What the pixels' regressions chose.
    Pixels,
    /// Labels and the hull of the training set.
    Hull,
    /// Errors as different ways tell them.
    Precision,
    /// What disturbances do to labels.
    Sensitivity,
    /// One spectrum and its model.
    Spectrum,
    /// Who is in the sample.
    Population,
    /// Simulated spectra beside observed ones.
    Likeness,
}

/// How a kind is drawn.
type Draw = fn(&Figure, &Data<'_>, u64) -> Result<Drawing, StageError>;

impl Kind {
    fn parts(self) -> (&'static [Read], Draw) {
        match self {
            Kind::Cmd => (cmd::READS, cmd::draw),
            Kind::Cv => (cv::READS, cv::draw),
            Kind::Teff => (comparisons::READS, comparisons::teff),
            Kind::Galgano => (comparisons::GALGANO, comparisons::galgano),
            Kind::Metallicity => (comparisons::READS, comparisons::metallicity),
            Kind::Hrd => (hrd::READS, hrd::draw),
            Kind::Hyades => (hyades::READS, hyades::draw),
            Kind::Clusters => (clusters::READS, clusters::draw),
            Kind::Binaries => (binaries::READS, binaries::draw),
            Kind::Attrition => (sample::ATTRITION, sample::attrition),
            Kind::Selection => (sample::SELECTION, sample::selection),
            Kind::Coverage => (errors::COVERAGE, errors::coverage),
            Kind::Precision => (errors::PRECISION, errors::precision),
            Kind::Sensitivity => (errors::SENSITIVITY, errors::sensitivity),
            Kind::Transfer => (model::TRANSFER, model::transfer),
            Kind::Pixels => (model::PIXELS, model::pixels),
            Kind::Hull => (model::HULL, model::hull),
            Kind::Spectrum => (spectrum::READS, spectrum::draw),
            Kind::Population => (population::READS, population::draw),
            Kind::Likeness => (likeness::READS, likeness::draw),
        }
    }
}

impl Stage for Figure {
    fn ports(&self) -> Vec<Port> {
        let (reads, _) = self.figure.parts();
        let ports = reads.iter().enumerate().map(|(at, (port, columns))| {
            let mut names: BTreeSet<String> =
                columns.iter().map(|column| self.name_of(column).to_owned()).collect();
            if at == 0 {
                names.extend(self.filter.iter().flat_map(|f| f.0.columns()));
            }
            let needs = names.into_iter().map(|name| Need::any(name).if_there()).collect();
            let port = Port::whole(*port, needs).optional();
            // The labels of a training set are all its columns; it is that of the model.
            if port.name == "training" {
                port.all_columns().through("model", "training")
            } else {
                port
            }
        });
        ports.collect()
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let (reads, _) = self.figure.parts();
        if let Some(first) = reads.first().and_then(|(port, _)| inputs.get(*port)) {
            check_filters(self.filter.iter(), first)?;
        }
        Ok(vec![files_output("files")])
    }

    fn seed_purpose(&self) -> Option<&str> {
        self.n.map(|_| "figure")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (reads, _) = self.figure.parts();
        let mut tables = BTreeMap::new();
        for (at, (port, _)) in reads.iter().enumerate() {
            let Some(table) = job.optional(port) else { continue };
            let filter = self.filter.as_ref().filter(|_| at == 0);
            tables.insert(*port, filtered(table, filter)?);
        }
        let seed = if self.n.is_some() { job.seed()? } else { 0 };
        Ok(vec![files_product("files", &files(&self.drawn(tables, seed)?)?)])
    }
}

impl Figure {
    /// Name of a column in the tables.
    fn name_of<'a>(&'a self, column: &'a str) -> &'a str {
        self.columns.get(column).map_or(column, String::as_str)
    }

    /// The figure of these tables.
    fn drawn(
        &self,
        tables: BTreeMap<&'static str, RecordBatch>,
        seed: u64,
    ) -> Result<Drawing, StageError> {
        let (_, draw) = self.figure.parts();
        Ok(draw(self, &Data::new(tables, &self.columns), seed)?.recolored(&self.colors()?))
    }

    /// Colors that are replaced.
    fn colors(&self) -> Result<Vec<(Color, Color)>, StageError> {
        let color = |text: &str| {
            let what = || StageError::new(format!("`{text}` is no color; write it as #0072b2"));
            Color::parse(text).ok_or_else(what)
        };
        self.colors.iter().map(|(old, new)| Ok((color(old)?, color(new)?))).collect()
    }

    fn origin(&self) -> Origin {
        self.origin.into()
    }
}

/// The rows that fit.
fn filtered(table: &RecordBatch, filter: Option<&Formula>) -> Result<RecordBatch, StageError> {
    if filter.is_none() {
        return Ok(table.clone());
    }
    let fits = chosen(filter, table)?;
    Ok(filter_record_batch(table, &BooleanArray::from(fits))?)
}

/// A figure as its three files.
fn files(figure: &Drawing) -> Result<Vec<NamedFile>, StageError> {
    let mut numbers = figure.json.clone();
    if let Value::Object(numbers) = &mut numbers {
        numbers.insert("caption".to_owned(), figure.caption.clone().into());
        numbers.insert("alt".to_owned(), figure.alt.clone().into());
    }
    let mut text = serde_json::to_vec_pretty(&numbers)?;
    text.push(b'\n');
    let named = |kind: &str| format!("{}.{kind}", figure.name);
    Ok(vec![
        (named("svg"), figure.svg.clone().into_bytes()),
        (named("png"), figure.png.clone()),
        (named("json"), text),
    ])
}

#[cfg(test)]
#[path = "figure/tests.rs"]
mod tests;
