//! Report (§3-§5): one page of figures, tables, attrition and stars that opens from disk and asks no network.
//!
//! | port (whole, optional) | reads |
//! |---|---|
//! | one of each name in `figures` and `diagnostics` | the files of a `figure` |
//! | one of each port in `tables` | the columns to show; all that are no vectors where none are named |
//! | `attrition` | criterion, rows before and after |
//! | `stars` | id, ratio, labels, normalized flux, as `predict` gives them |
//! | `grid`, `model`, `training` | wavelengths; the model and the labels that it learned |
//! | one of each name in `cards` | the files of a `model_card` |
//!
//! Output `files`: `report.html`. The stars are at most `most` rows in equal steps of their ids; their models are
//! synthesized at the labels found. Claims, contradictions, the run's record,
//! lineage and acknowledgements are known after a run: the page has a slot for each, which publishing fills.

mod stars;

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::stars::Stars;
use super::columns::f64s_of;
use super::figure::OriginChoice;
use super::figure::data::Data;
use super::simulated::{files_output, files_product};
use crate::engine::pipeline::StageDef;
use crate::engine::source::{FILE_BYTES, FILE_NAME};
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::ColumnMeta;
use crate::report::Figure;
use crate::report::cards::ModelCard;
use crate::report::figures::Step;
use crate::report::page::{Report as Page, page};
use crate::report::tables::{Cell, Column, Kind, Table};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Report>("report", 3, "writes the page of a run");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Headline.
    title: String,
    /// A sentence or two below it.
    #[serde(default)]
    summary: String,
    /// Where the data come from.
    #[serde(default)]
    origin: OriginChoice,
    /// Ports of the paper's figures, in order.
    #[serde(default)]
    figures: Vec<String>,
    /// Ports of the other figures, in order.
    #[serde(default)]
    diagnostics: Vec<String>,
    /// Tables that are shown, in order.
    #[serde(default)]
    tables: Vec<Shown>,
    /// Sentences that say what is simulated.
    #[serde(default)]
    simulated: Vec<String>,
    /// Ports of the models' cards, in order.
    #[serde(default)]
    cards: Vec<String>,
    /// Labels of the stars: column, unit, decimals.
    #[serde(default)]
    labels: Vec<(String, String, usize)>,
    /// What stands before the labels of the model in `stars`.
    #[serde(default = "prefix")]
    prefix: String,
    /// Stars in the page.
    #[serde(default = "two_thousand")]
    most: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Shown {
    /// Port.
    port: String,
    title: String,
    /// Columns, each where the table has it; all without.
    #[serde(default)]
    columns: Vec<String>,
}

fn prefix() -> String {
    "ap_".into()
}

fn two_thousand() -> usize {
    2_000
}

/// Rows of a table that the page shows.
const ROWS: usize = 100;
/// Ports of one name each.
const ATTRITION: &str = "attrition";

impl Stage for Report {
    fn ports(&self) -> Vec<Port> {
        let figure = |name: &String| {
            Port::whole(name, vec![Need::any(FILE_NAME), Need::any(FILE_BYTES)]).optional()
        };
        let mut ports: Vec<Port> =
            self.figures.iter().chain(&self.diagnostics).chain(&self.cards).map(figure).collect();
        ports.extend(self.tables.iter().map(|shown| {
            let needs = shown.columns.iter().map(|name| Need::any(name).if_there()).collect();
            let port = Port::whole(&shown.port, needs).optional();
            if shown.columns.is_empty() { port.all_columns() } else { port }
        }));
        let cuts = ["criterion", "n_in", "n_out"].map(Need::any).to_vec();
        ports.push(Port::whole(ATTRITION, cuts).optional());
        ports.extend(stars::ports(&self.labels, &self.prefix));
        ports
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let mut names: Vec<String> = self.ports().into_iter().map(|port| port.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let what = format!("two ports are named `{}`; name one otherwise", twice[0]);
            return Err(StageError::new(what));
        }
        Ok(vec![files_output("files")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let text = self.page(&|port| job.optional(port).cloned())?;
        Ok(vec![files_product("files", &[("report.html".to_owned(), text.into_bytes())])])
    }
}

impl Report {
    /// The page of the tables at the ports.
    fn page(&self, at: &dyn Fn(&str) -> Option<RecordBatch>) -> Result<String, StageError> {
        let figures = |names: &[String]| -> Result<Vec<Figure>, StageError> {
            names.iter().filter_map(|name| at(name)).map(|files| figure(&files)).collect()
        };
        let tables = self.tables.iter().filter_map(|shown| Some((shown, at(&shown.port)?)));
        let tables: Vec<Table> =
            tables.map(|(shown, rows)| table(shown, &rows)).collect::<Result<_, _>>()?;
        let cards = self.cards.iter().filter_map(|name| at(name)).map(|files| card(&files));
        let cards: Vec<ModelCard> = cards.collect::<Result<_, _>>()?;
        let stars = Stars::read(at, &self.labels, &self.prefix, self.most)?;
        let columns: Vec<(&str, &str, usize)> = stars.columns.iter().map(borrowed).collect();
        let all = stars.all();
        let block = stars.block(&columns, &all);
        Ok(page(&Page {
            title: &self.title,
            summary: &self.summary,
            origin: self.origin.into(),
            figures: &figures(&self.figures)?,
            diagnostics: &figures(&self.diagnostics)?,
            tables: &tables,
            attrition: &cuts(at)?,
            cards: &cards,
            simulated: &self.simulated,
            stars: Some(&block).filter(|_| !all.is_empty()),
        }))
    }
}

fn borrowed((name, unit, decimals): &(String, String, usize)) -> (&str, &str, usize) {
    (name, unit, *decimals)
}

fn cuts(at: &dyn Fn(&str) -> Option<RecordBatch>) -> Result<Vec<Step>, StageError> {
    let usual = BTreeMap::new();
    let tables = at(ATTRITION).map(|table| (ATTRITION, table));
    super::figure::steps(&Data::new(tables.into_iter().collect(), &usual), ATTRITION)
}

/// The file of that kind.
fn file<'a>(files: &'a RecordBatch, kind: &str) -> Result<&'a [u8], StageError> {
    let lacking = || StageError::new(format!("a port of figures or cards has no file `{kind}`"));
    let names = files.column_by_name(FILE_NAME).and_then(|c| c.as_string_opt::<i32>());
    let bytes = files.column_by_name(FILE_BYTES).and_then(|c| c.as_binary_opt::<i64>());
    let (names, bytes) = names.zip(bytes).ok_or_else(lacking)?;
    let row = (0..files.num_rows()).find(|row| names.value(*row).ends_with(kind));
    row.map(|row| bytes.value(row)).ok_or_else(lacking)
}

fn card(files: &RecordBatch) -> Result<ModelCard, StageError> {
    Ok(serde_json::from_slice(file(files, ".json")?)?)
}

/// A figure from its files; the picture of dots is left out.
fn figure(files: &RecordBatch) -> Result<Figure, StageError> {
    let json: Value = serde_json::from_slice(file(files, ".json")?)?;
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Ok(Figure {
        name: text("figure"),
        svg: String::from_utf8(file(files, ".svg")?.to_vec())?,
        png: Vec::new(),
        caption: text("caption"),
        alt: text("alt"),
        drawing: None,
        json,
    })
}

/// A table of another node as one that is shown; vectors are left out.
fn table(shown: &Shown, rows: &RecordBatch) -> Result<Table, StageError> {
    let (mut columns, mut cells) = (Vec::new(), vec![Vec::new(); rows.num_rows()]);
    let schema = rows.schema();
    let wanted = |name: &String| shown.columns.is_empty() || shown.columns.contains(name);
    for (field, array) in schema.fields().iter().zip(rows.columns()) {
        let Some(meta) = ColumnMeta::of(field).filter(|meta| wanted(&meta.name)) else { continue };
        let Some((kind, values)) = values(array)? else { continue };
        columns.push(Column::new(&meta.name, &meta.unit, &meta.description, kind));
        cells.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
    }
    let all = Table {
        name: shown.port.clone(),
        title: shown.title.clone(),
        columns,
        rows: cells,
        notes: Vec::new(),
    };
    Ok(all.head(ROWS))
}

/// Cells of a column, `None` of one of vectors or bytes.
fn values(array: &arrow::array::ArrayRef) -> Result<Option<(Kind, Vec<Cell>)>, StageError> {
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().iter();
            Some((Kind::Text, texts.map(|t| t.map_or(Cell::Missing, Cell::text)).collect()))
        }
        DataType::Boolean => {
            let word = |mark: Option<bool>| match mark {
                Some(true) => Cell::text("yes"),
                Some(false) => Cell::text("no"),
                None => Cell::Missing,
            };
            Some((Kind::Text, array.as_boolean().iter().map(word).collect()))
        }
        DataType::Float64 | DataType::Float32 => {
            let numbers = f64s_of(array)?;
            let largest =
                numbers.iter().filter(|v| v.is_finite()).fold(0.0, |a: f64, v| a.max(v.abs()));
            let decimals = if largest >= 100.0 { 1 } else { 3 };
            Some((Kind::Real(decimals), numbers.into_iter().map(Cell::Real).collect()))
        }
        kind if kind.is_integer() => {
            let numbers = f64s_of(array)?.into_iter();
            let cell = |v: f64| if v.is_finite() { Cell::Integer(v as i64) } else { Cell::Missing };
            Some((Kind::Integer, numbers.map(cell).collect()))
        }
        _ => None,
    })
}

#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
