//! Paper table (§2-§5): Tables 1-4 as they are printed, of this run's numbers.
//!
//! | `table` | port (whole) | reads |
//! |---|---|---|
//! | `notation` | none | Table 1: names of the labels |
//! | `fields` | none | Table 2: fields of the catalog |
//! | `clusters` | `clusters` | Table 3: cluster, means and sd of both labels, members, those that training knew |
//! | `labels` | `catalog` | Table 4: id, labels, errors and signal-to-noise ratio, each where the catalog has it |
//!
//! Output `files`: NAME.md, NAME.tex (AASTeX) and NAME.txt (machine-readable table of the AAS journals). The first
//! two hold the first `rows` rows, the last one all.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::f64s_of;
use super::simulated::{NamedFile, files_output, files_product};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::report::tables::{
    CatalogRow, ClusterRow, PAPER_FIELDS, Table, catalog_fields, cluster_means, notation,
    stellar_labels,
};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<PaperTable>("paper_table", 1, "writes a table of the paper");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaperTable {
    /// Which table.
    table: Which,
    /// Line of authors of the machine-readable table.
    #[serde(default = "authors")]
    authors: String,
    /// Rows that are printed.
    #[serde(default = "fifty")]
    rows: usize,
}

fn authors() -> String {
    "this run of the pipeline, after Li et al. (2021)".into()
}

fn fifty() -> usize {
    50
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// Table 1.
    Notation,
    /// Table 2.
    Fields,
    /// Table 3.
    Clusters,
    /// Table 4.
    Labels,
}

const CLUSTERS: [&str; 7] =
    ["cluster", "ours_mean", "ours_sd", "theirs_mean", "theirs_sd", "n", "n_in_training"];
const LABELS: [&str; 8] =
    ["obsid", "TEFF_BT", "TEFF_BT_ERR", "TEFF_AP", "TEFF_AP_ERR", "M_H_AP", "M_H_AP_ERR", "snri"];

impl Stage for PaperTable {
    fn ports(&self) -> Vec<Port> {
        match self.table {
            Which::Notation | Which::Fields => Vec::new(),
            Which::Clusters => vec![Port::whole("clusters", CLUSTERS.map(Need::any).to_vec())],
            Which::Labels => {
                let need = |name: &str| {
                    let need = Need::any(name);
                    if name == "obsid" { need } else { need.if_there() }
                };
                vec![Port::whole("catalog", LABELS.map(need).to_vec())]
            }
        }
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![files_output("files")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let table = match self.table {
            Which::Notation => notation(),
            Which::Fields => catalog_fields(&PAPER_FIELDS),
            Which::Clusters => clusters(job.table("clusters")?)?,
            Which::Labels => labels(job.table("catalog")?)?,
        };
        Ok(vec![files_product("files", &self.files(&table))])
    }
}

impl PaperTable {
    fn files(&self, table: &Table) -> Vec<NamedFile> {
        let printed = table.head(self.rows);
        let named =
            |kind: &str, text: String| (format!("{}.{kind}", table.name), text.into_bytes());
        vec![
            named("md", printed.markdown()),
            named("tex", printed.latex()),
            named("txt", table.mrt(&self.authors)),
        ]
    }
}

fn column<'a>(table: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, StageError> {
    let column = table.column_by_name(name);
    column.ok_or_else(|| StageError::new(format!("column `{name}` was not declared as read")))
}

/// A column of numbers that may be missing as a whole.
fn numbers(table: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>, StageError> {
    let Some(array) = table.column_by_name(name) else { return Ok(vec![None; table.num_rows()]) };
    Ok(f64s_of(array)?.into_iter().map(|v| v.is_finite().then_some(v)).collect())
}

/// Table 3: clusters with members.
fn clusters(table: &RecordBatch) -> Result<Table, StageError> {
    let names = cast(column(table, "cluster")?, &DataType::Utf8)?;
    let names = names.as_string::<i32>();
    let of = |name: &str| numbers(table, name);
    let (m_h, m_h_sd, fe_h, fe_h_sd) =
        (of("ours_mean")?, of("ours_sd")?, of("theirs_mean")?, of("theirs_sd")?);
    let (n, n_training) = (of("n")?, of("n_in_training")?);
    let count = |value: Option<f64>| value.unwrap_or(0.0) as usize;
    let row = |at: usize| {
        Some(ClusterRow {
            cluster: if names.is_null(at) { String::new() } else { names.value(at).to_owned() },
            m_h: m_h[at]?,
            m_h_sd: m_h_sd[at],
            fe_h: fe_h[at]?,
            fe_h_sd: fe_h_sd[at],
            n: count(n[at]),
            n_training: count(n_training[at]),
        })
    };
    Ok(cluster_means(&(0..table.num_rows()).filter_map(row).collect::<Vec<_>>()))
}

/// Table 4, in the order of the catalog.
fn labels(table: &RecordBatch) -> Result<Table, StageError> {
    let ids = cast(column(table, "obsid")?, &DataType::Int64)?;
    let ids = ids.as_primitive::<Int64Type>();
    let of = |name: &str| numbers(table, name);
    let (teff_bt, teff_bt_err) = (of("TEFF_BT")?, of("TEFF_BT_ERR")?);
    let (teff_ap, teff_ap_err) = (of("TEFF_AP")?, of("TEFF_AP_ERR")?);
    let (m_h_ap, m_h_ap_err, snri) = (of("M_H_AP")?, of("M_H_AP_ERR")?, of("snri")?);
    let row = |at: usize| CatalogRow {
        obsid: ids.value(at),
        teff_bt: teff_bt[at],
        teff_bt_err: teff_bt_err[at],
        teff_ap: teff_ap[at],
        teff_ap_err: teff_ap_err[at],
        m_h_ap: m_h_ap[at],
        m_h_ap_err: m_h_ap_err[at],
        snri: snri[at],
    };
    Ok(stellar_labels(&(0..table.num_rows()).map(row).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::columns::{finite_array, i64_array, text_array, u64_array};

    fn stage(table: &str) -> PaperTable {
        serde_json::from_str(&format!(r#"{{"table": "{table}", "rows": 1}}"#)).unwrap()
    }

    fn text(files: &[NamedFile], kind: &str) -> String {
        let (_, bytes) = files.iter().find(|(name, _)| name.ends_with(kind)).unwrap();
        String::from_utf8(bytes.clone()).unwrap()
    }

    #[test]
    fn clusters_without_members_are_left_out() {
        let table = RecordBatch::try_from_iter([
            ("cluster", text_array([Some("M67"), Some("NGC 188")])),
            ("ours_mean", finite_array(vec![0.043, f64::NAN])),
            ("ours_sd", finite_array(vec![0.09, f64::NAN])),
            ("theirs_mean", finite_array(vec![0.01, 0.1])),
            ("theirs_sd", finite_array(vec![0.05, f64::NAN])),
            ("n", u64_array(vec![5, 0])),
            ("n_in_training", u64_array(vec![2, 0])),
        ])
        .unwrap();
        let files = stage("clusters").files(&clusters(&table).unwrap());
        let markdown = text(&files, ".md");
        assert!(markdown.contains("M67") && markdown.contains("0.04"), "{markdown}");
        assert!(!text(&files, ".txt").contains("NGC 188"));
    }

    #[test]
    fn the_machine_readable_table_has_all_rows() {
        let table = RecordBatch::try_from_iter([
            ("obsid", i64_array(vec![101_005, 101_006])),
            ("TEFF_AP", finite_array(vec![3512.4, 3801.0])),
        ])
        .unwrap();
        let files = stage("labels").files(&labels(&table).unwrap());
        assert!(!text(&files, ".md").contains("101006"));
        let whole = text(&files, ".txt");
        assert!(whole.contains("101006") && whole.contains("3512"), "{whole}");
        assert_eq!(files[0].0, "table4_labels.md");
    }

    #[test]
    fn tables_of_names_need_no_port() {
        for (name, words) in [("notation", "TEFF_AP"), ("fields", "source_id")] {
            let stage = stage(name);
            assert!(stage.ports().is_empty());
            let table = if name == "notation" { notation() } else { catalog_fields(&PAPER_FIELDS) };
            assert!(text(&stage.files(&table), ".txt").contains(words));
        }
    }
}
