//! Products (§4.5, Table 2): a table in the forms in which people read it.
//!
//! Port `rows` (whole): all columns with their meanings, in their order. Output `files`: `name`, `bytes`, of each of
//! `formats`:
//!
//! | `formats` | file | what it keeps |
//! |---|---|---|
//! | `parquet` | NAME.parquet | everything; facts in the footer |
//! | `fits` | NAME.fits | units, UCDs (`TUCDn`), descriptions (`TCOMMn`), nulls; facts as cards; text in ASCII |
//! | `votable` | NAME.vot, VOTable 1.4 | everything; facts as `INFO` |
//! | `csv` | NAME.csv | values, exactly |
//! | `cds` | NAME.dat and `ReadMe` | values to the decimals that the ReadMe states; descriptions; lists of values as notes |
//!
//! Every file but CSV states `content`, the digest of names and values of the table's columns: files of one table have
//! the same. Nothing in them tells of a run; whom to thank is filled into the ReadMe when it is published.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::simulated::{NamedFile, files_output, files_product};
use crate::engine::digest::{Digest, column_digest};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Output, Port, Product, Schemas, Stage, StageError};
use crate::formats::cds::write_cds;
use crate::formats::csv::write_csv;
use crate::formats::fits_table::write_table_with;
use crate::formats::meaning::TableFacts;
use crate::formats::parquet_out::write_parquet;
use crate::formats::votable::write_votable;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Products>("products", 1, "writes a table in the forms in which people read it");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Products {
    /// Name of the files, without extension.
    name: String,
    formats: Vec<Format>,
    /// Headline.
    title: String,
    /// Who made it.
    #[serde(default)]
    authors: String,
    /// What it is, a paragraph.
    #[serde(default)]
    description: String,
    /// More facts, `[name, value]`, in order: `["reference", "2021ApJS..253...45L"]`.
    #[serde(default)]
    facts: Vec<(String, String)>,
    /// Decimals of columns in the table of CDS; the others have those of their unit.
    #[serde(default)]
    decimals: BTreeMap<String, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// Parquet.
    Parquet,
    /// A FITS binary table.
    Fits,
    /// VOTable.
    Votable,
    /// Comma-separated text.
    Csv,
    /// A data file of fixed width, with its ReadMe.
    Cds,
}

/// Name of a ReadMe.
const README: &str = "ReadMe";
/// Extension of the table in a FITS file.
const EXTENSION: &str = "table";

impl Stage for Products {
    fn ports(&self) -> Vec<Port> {
        vec![Port::whole("rows", Vec::new()).layout()]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![files_output("files")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        Ok(vec![files_product("files", &self.files(job.table("rows")?)?)])
    }
}

impl Products {
    fn files(&self, rows: &RecordBatch) -> Result<Vec<NamedFile>, StageError> {
        let facts = self.facts(rows)?;
        let mut files = Vec::new();
        for format in &self.formats {
            files.extend(self.written(*format, rows, &facts)?);
        }
        Ok(files)
    }

    fn written(
        &self,
        format: Format,
        rows: &RecordBatch,
        facts: &TableFacts,
    ) -> Result<Vec<NamedFile>, StageError> {
        let named = |extension: &str| format!("{}.{extension}", self.name);
        Ok(vec![match format {
            Format::Parquet => (named("parquet"), write_parquet(rows, &borrowed(&whole(facts)))?),
            Format::Fits => {
                let cards = cards(facts);
                (named("fits"), write_table_with(rows, EXTENSION, &borrowed(&cards))?)
            }
            Format::Votable => (named("vot"), write_votable(rows, facts)?),
            Format::Csv => (named("csv"), csv(rows)?),
            Format::Cds => {
                let files = write_cds(rows, facts, &named("dat"), &self.decimals)?;
                return Ok(vec![
                    (README.to_owned(), files.readme.into_bytes()),
                    (named("dat"), files.data.into_bytes()),
                ]);
            }
        }])
    }

    /// What the files say of themselves.
    fn facts(&self, rows: &RecordBatch) -> Result<TableFacts, StageError> {
        let mut facts = self.facts.clone();
        facts.push(("content".to_owned(), format!("blake3:{}", content(rows)?)));
        let (name, title) = (self.name.clone(), self.title.clone());
        let (authors, about) = (self.authors.clone(), self.description.clone());
        Ok(TableFacts { name, title, authors, about, facts })
    }
}

fn csv(rows: &RecordBatch) -> Result<Vec<u8>, StageError> {
    let mut bytes = Vec::new();
    write_csv(rows, &mut bytes)?;
    Ok(bytes)
}

/// All facts as names and values, without those that are not given.
fn whole(facts: &TableFacts) -> Vec<(String, String)> {
    let plain = [("title", &facts.title), ("authors", &facts.authors), ("about", &facts.about)];
    let given = plain.into_iter().filter(|(_, value)| !value.is_empty());
    let named = given.map(|(name, value)| (name.to_owned(), value.clone()));
    named.chain(facts.facts.iter().cloned()).collect()
}

/// The same as cards: a keyword is the first eight letters and digits of the name.
fn cards(facts: &TableFacts) -> Vec<(String, String)> {
    let keyword = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric).take(8);
        letters.map(|c| c.to_ascii_uppercase()).collect()
    };
    whole(facts).into_iter().map(|(name, value)| (keyword(&name), value)).collect()
}

fn borrowed(facts: &[(String, String)]) -> Vec<(&str, &str)> {
    facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The digest of names and values of the columns, in their order.
fn content(rows: &RecordBatch) -> Result<Digest, StageError> {
    let mut digests = Vec::new();
    for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
        digests.push(Digest::of_bytes(field.name().as_bytes()));
        let digest = column_digest(array);
        let lacking = || StageError::new(format!("column `{}` has no digest", field.name()));
        digests.push(digest.ok_or_else(lacking)?);
    }
    Ok(Digest::of_sequence(&digests))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Array;
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::engine::types::{ColumnMeta, F64, I64, U32};
    use crate::formats::catalog::read_typed;
    use crate::stages::columns::{f64_array, i64_array, u32_array};

    fn rows() -> RecordBatch {
        let flags = "sum of what is wrong, 0 for nothing: 1 = no fit; 2 = too hot";
        let columns = [
            (
                ColumnMeta::new("obsid", I64).ucd("meta.id").about("spectrum"),
                i64_array(vec![5, i64::MAX]),
            ),
            (
                ColumnMeta::new("TEFF_AP", F64).unit("K").about("temperature"),
                f64_array(vec![3500.25, 1.0 / 3.0]),
            ),
            (ColumnMeta::new("flags", U32).about(flags), u32_array(vec![0, 3])),
        ];
        let fields: Vec<Field> = columns.iter().map(|(meta, _)| meta.field()).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    }

    fn files() -> Vec<NamedFile> {
        let stage: Products = serde_json::from_str(
            r#"{"name": "catalog", "formats": ["fits", "votable", "csv", "cds", "parquet"],
                "title": "Labels", "facts": [["reference", "2021ApJS..253...45L"]]}"#,
        )
        .unwrap();
        stage.files(&rows()).unwrap()
    }

    fn file(name: &str) -> Vec<u8> {
        files().into_iter().find(|(other, _)| other == name).unwrap().1
    }

    #[test]
    fn every_product_has_the_same_values_and_the_same_digest() {
        let digest = content(&rows()).unwrap().to_string();
        let temperatures = f64_array(vec![3500.25, 1.0 / 3.0]);
        for (name, kind) in [
            ("catalog.fits", crate::formats::Format::FitsTable),
            ("catalog.vot", crate::formats::Format::VoTable),
        ] {
            let bytes = file(name);
            let read = read_typed(kind, &[("catalog", &bytes)], None).unwrap();
            assert_eq!(temperatures.to_data(), read.column(1).to_data(), "{name}");
            assert_eq!(i64_array(vec![5, i64::MAX]).to_data(), read.column(0).to_data(), "{name}");
            // FITS breaks long texts over cards; a part is enough to know it.
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(text.contains(&digest[..40]) && text.contains("2021ApJS..253...45L"), "{name}");
        }
        let text = String::from_utf8(file("catalog.csv")).unwrap();
        assert_eq!(
            text,
            "obsid,TEFF_AP,flags\n5,3500.25,0\n9223372036854775807,0.3333333333333333,3\n"
        );
        assert!(file("catalog.parquet").starts_with(b"PAR1"));
    }

    #[test]
    fn a_table_of_cds_has_its_readme() {
        let readme = String::from_utf8(file("ReadMe")).unwrap();
        assert!(readme.contains("sum of what is wrong, 0 for nothing (1)"), "{readme}");
        assert!(
            readme.contains("    2 = too hot")
                && readme.contains(&content(&rows()).unwrap().to_string())
        );
        let data = String::from_utf8(file("catalog.dat")).unwrap();
        assert_eq!(data.lines().next(), Some("                  5 3500.2 0"), "{data}");
    }
}
