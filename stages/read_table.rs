//! Reads a catalog: CSV, FITS table, VOTable, ECSV, PARSEC, AAS and CDS tables, plain or compressed (§3, §4: Gaia, APOGEE, B20, literature).
//!
//! Dataset: one file (of `cds` two). The parameters declare each column that the pipeline may use: its name here,
//! its name there, type, unit, UCD and meaning. Columns that are not declared are not read.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `rows` | a row of the file | the declared ones; `row`, its number in the file, unless `id` names another row id |
//! | `rejects` | a row without an id, or with one met before | `row`, `reason` |

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::{DataType, Int64Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{i64_array, optional_f64_array, text_array};
use crate::engine::pipeline::StageDef;
use crate::engine::source::FILES;
use crate::engine::stage::{
    InputFile, Job, NewColumn, Output, Port, Product, Schemas, Split, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, I64, Type};
use crate::formats::Format;
use crate::formats::catalog::read_typed;
use crate::formats::csv::{ColumnType, CsvOptions, read_csv};
use crate::science::sky::{parse_dec_deg, parse_ra_deg};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<ReadTable>("read_table", 1, "reads a catalog");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadTable {
    /// The dataset slot. (Its name decides nothing, its bytes do: it is not part of the key.)
    #[serde(skip_serializing)]
    dataset: String,
    /// How the file is written.
    format: TableFormat,
    /// The columns.
    columns: Vec<Declared>,
    /// The row id, one of the columns; without it rows are numbered.
    #[serde(default)]
    id: Option<String>,
    /// Number of buckets by row id.
    #[serde(default)]
    buckets: Option<u32>,
    /// Texts that mean "missing", beside the empty one (CSV).
    #[serde(default)]
    nulls: Vec<String>,
    /// Numbers that mean "missing": -9999 in APOGEE's tables.
    #[serde(default)]
    sentinels: Vec<f64>,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum TableFormat {
    /// Delimited text.
    Csv,
    /// First binary table of a FITS file.
    FitsTable,
    /// VOTable.
    Votable,
    /// Enhanced CSV.
    Ecsv,
    /// Isochrones of PARSEC's web form.
    Parsec,
    /// Machine-readable table of the AAS journals.
    Mrt,
    /// Table of CDS and its ReadMe: two files.
    Cds,
}

impl TableFormat {
    fn format(self) -> Format {
        match self {
            TableFormat::Csv => Format::Csv,
            TableFormat::FitsTable => Format::FitsTable,
            TableFormat::Votable => Format::VoTable,
            TableFormat::Ecsv => Format::Ecsv,
            TableFormat::Parsec => Format::Parsec,
            TableFormat::Mrt => Format::Mrt,
            TableFormat::Cds => Format::Cds,
        }
    }
}

/// A column that the pipeline may use.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Declared {
    /// Name in the pipeline.
    name: String,
    /// Name in the file, where it differs.
    #[serde(default)]
    from: Option<String>,
    /// `i64`, `f64`, `text` or `bool`.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    kind: Type,
    /// How a text becomes a number.
    #[serde(default)]
    parse: Option<Parse>,
    #[serde(default)]
    unit: String,
    /// Whose scale a label is on, as in TEFF_AP.
    #[serde(default, skip_serializing)]
    scale: String,
    // What people read of a column decides none of its values.
    #[serde(default, skip_serializing)]
    ucd: String,
    #[serde(default, skip_serializing)]
    about: String,
}

/// Texts that are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Parse {
    /// Hours, minutes, seconds of right ascension to degrees.
    Hms,
    /// Degrees, arcminutes, arcseconds of declination to degrees.
    Dms,
}

impl Declared {
    fn there(&self) -> &str {
        self.from.as_deref().unwrap_or(&self.name)
    }
}

impl Stage for ReadTable {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn dataset(&self) -> Option<&str> {
        Some(&self.dataset)
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let mut columns: Vec<NewColumn> = self
            .columns
            .iter()
            .map(|c| {
                let meta = ColumnMeta::new(&c.name, c.kind.clone());
                NewColumn::new(meta.unit(&c.unit).ucd(&c.ucd).about(&c.about).scale(&c.scale))
                    .from(FILES, c.there(), self.how(c))
                    .only()
            })
            .collect();
        let numbered = ColumnMeta::new("row", I64).about("row number in the file, from 0");
        if self.id.is_none() {
            columns.push(NewColumn::new(numbered.clone()));
        }
        let mut rows = Output::table("rows", columns).id(self.id.as_deref().unwrap_or("row"));
        if self.buckets == Some(0) {
            return Err(StageError::new("`buckets = 0` leaves no place for a row; give 1 or more"));
        }
        if let Some(buckets) = self.buckets {
            rows = rows.split(Split::Buckets(buckets));
        }
        let reason = ColumnMeta::new("reason", Type::Text).about("why the row is not used");
        let rejects = vec![NewColumn::new(numbered), NewColumn::new(reason)];
        Ok(vec![rows, Output::table("rejects", rejects).id("row")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let names: Vec<&str> = job.files().iter().map(|file| file.name.as_str()).collect();
        let names = names.join(", ");
        let table = self.read(job.files()).map_err(StageError::within(&names))?;
        if table.num_rows() == 0 {
            return Err(StageError::new(format!("{names}: the table has no rows")));
        }
        let mut columns = self
            .columns
            .iter()
            .map(|declared| self.column(&table, declared))
            .collect::<Result<Vec<_>, _>>()?;
        let (kept, rejects) = self.sound_ids(&columns)?;
        if kept.len() < table.num_rows() {
            let rows = UInt32Array::from_iter_values(kept.iter().map(|row| *row as u32));
            for column in &mut columns {
                *column = take(column, &rows, None)?;
            }
        }
        if self.id.is_none() {
            columns.push(i64_array(kept));
        }
        let rejected = vec![
            i64_array(rejects.iter().map(|(row, _)| *row).collect()),
            text_array(rejects.iter().map(|(_, reason)| Some(reason))),
        ];
        Ok(vec![Product::new("rows", columns), Product::new("rejects", rejected)])
    }
}

impl ReadTable {
    /// What becomes of a value of the file.
    fn how(&self, declared: &Declared) -> &'static str {
        match declared.parse {
            Some(Parse::Hms) => "derived: hours to degrees",
            Some(Parse::Dms) => "derived: sexagesimal to degrees",
            None if self.sentinels.is_empty() || !declared.kind.is_numeric() => "identity",
            None => "identity, sentinels as nulls",
        }
    }

    fn read(&self, files: &[InputFile]) -> Result<RecordBatch, StageError> {
        let wanted: Vec<String> = self
            .columns
            .iter()
            .map(|c| c.there().to_owned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if self.format != TableFormat::Csv {
            let files: Vec<_> = files.iter().map(|f| (f.name.as_str(), f.bytes())).collect();
            return read_typed(self.format.format(), &files, Some(&wanted))
                .map_err(|why| StageError::new(format!("{why}; hint: {}", why.hint())));
        }
        if files.is_empty() {
            return Err(StageError::new("no CSV file is bound"));
        }
        let mut options = CsvOptions { columns: Some(wanted), ..CsvOptions::default() };
        options.nulls.extend(self.nulls.iter().cloned());
        options.types = self.csv_types()?;
        let parts = files
            .iter()
            .map(|file| {
                read_csv(file.bytes(), &options).map_err(|why| {
                    StageError::new(format!("{}: {why}; hint: {}", file.name, why.hint()))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&parts[0].schema(), &parts)?)
    }

    fn csv_types(&self) -> Result<BTreeMap<String, ColumnType>, StageError> {
        let mut types = BTreeMap::new();
        for column in &self.columns {
            let kind = match column.kind {
                _ if column.parse.is_some() => ColumnType::Text,
                Type::Bool => ColumnType::Bool,
                Type::Int(_) => ColumnType::Int,
                Type::Float(_) => ColumnType::Float,
                Type::Text => ColumnType::Text,
                _ => {
                    let what = format!("column `{}`: a CSV has no {}", column.name, column.kind);
                    return Err(StageError::new(what));
                }
            };
            types.insert(column.there().to_owned(), kind);
        }
        Ok(types)
    }

    /// A column in its declared type, sentinels as nulls.
    fn column(&self, table: &RecordBatch, declared: &Declared) -> Result<ArrayRef, StageError> {
        let array = table.column_by_name(declared.there()).ok_or_else(|| {
            StageError::new(format!("the file has no column `{}`", declared.there()))
        })?;
        if let Some(parse) = declared.parse {
            return parsed(array, parse, declared);
        }
        let array = if declared.kind.is_numeric() && array.data_type().is_numeric() {
            self.without_sentinels(array)?
        } else {
            array.clone()
        };
        cast(&array, &declared.kind.arrow()).map_err(|why| {
            let what = format!(
                "column `{}` is {}, declared as {}",
                declared.there(),
                array.data_type(),
                declared.kind
            );
            StageError::new(format!("{what}: {why}"))
        })
    }

    fn without_sentinels(&self, array: &ArrayRef) -> Result<ArrayRef, StageError> {
        if self.sentinels.is_empty() {
            return Ok(array.clone());
        }
        let numbers = cast(array, &DataType::Float64)?;
        let sentinel = arrow::array::BooleanArray::from_iter(
            numbers
                .as_primitive::<arrow::datatypes::Float64Type>()
                .iter()
                .map(|v| Some(v.is_some_and(|v| self.sentinels.contains(&v)))),
        );
        Ok(arrow::compute::nullif(array, &sentinel)?)
    }

    /// Row numbers with a usable id, and the others with the reason.
    fn sound_ids(&self, columns: &[ArrayRef]) -> Result<(Vec<i64>, Rejects), StageError> {
        let n = columns.first().map_or(0, |c| c.len());
        let Some(id) = &self.id else { return Ok(((0..n as i64).collect(), Vec::new())) };
        let index = self.columns.iter().position(|c| c.name == *id).ok_or_else(|| {
            StageError::new(format!("the row id `{id}` is not among the declared columns"))
        })?;
        let ids = columns[index]
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| StageError::new(format!("the row id `{id}` must be declared as i64")))?;
        let mut met: BTreeMap<i64, usize> = BTreeMap::new();
        let (mut kept, mut rejects) = (Vec::new(), Vec::new());
        for row in 0..n {
            if ids.is_null(row) {
                rejects.push((row as i64, format!("`{id}` is missing")));
            } else if let Some(first) = met.get(&ids.value(row)) {
                rejects.push((row as i64, format!("`{id}` is that of row {first} too")));
            } else {
                met.insert(ids.value(row), row);
                kept.push(row as i64);
            }
        }
        Ok((kept, rejects))
    }
}

/// Row numbers that are not used, each with the reason.
type Rejects = Vec<(i64, String)>;

/// Reads sexagesimal angles; an empty text is missing, a wrong one an error that names its row.
fn parsed(array: &ArrayRef, parse: Parse, declared: &Declared) -> Result<ArrayRef, StageError> {
    let texts = cast(array, &DataType::Utf8)?;
    let angles = texts
        .as_string::<i32>()
        .iter()
        .enumerate()
        .map(|(row, text)| {
            let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
                return Ok(None);
            };
            let angle = match parse {
                Parse::Hms => parse_ra_deg(text),
                Parse::Dms => parse_dec_deg(text),
            };
            angle.map(Some).map_err(|why| {
                StageError::new(format!("column `{}`, row {row}: {why}", declared.there()))
            })
        })
        .collect::<Result<Vec<Option<f64>>, _>>()?;
    Ok(optional_f64_array(angles))
}
