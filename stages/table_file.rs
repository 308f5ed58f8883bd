//! Table file: a table as the file that an archive would serve.
//!
//! Port `rows` (whole): all columns. Output `files`: `name`, `bytes`; a dataset slot is bound to it by
//! `simulated = "node.files"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::simulated::{csv_gz, files_output, files_product};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Output, Port, Product, Schemas, Stage, StageError};
use crate::formats::fits_table::write_table;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<TableFile>("table_file", 1, "writes a table as the file of an archive");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// Name of the file.
    name: String,
    format: Format,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
enum Format {
    /// A FITS binary table.
    #[serde(rename = "fits")]
    Fits,
    /// Comma-separated text, packed.
    #[serde(rename = "csv.gz")]
    CsvGz,
}

impl Stage for TableFile {
    fn ports(&self) -> Vec<Port> {
        vec![Port::whole("rows", Vec::new()).layout()]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![files_output("files")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let rows = job.table("rows")?;
        let bytes = match self.format {
            Format::Fits => write_table(rows, "table")?,
            Format::CsvGz => csv_gz(rows)?,
        };
        Ok(vec![files_product("files", &[(self.name.clone(), bytes)])])
    }
}
