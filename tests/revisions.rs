//! A stage whose outputs move must raise its revision: otherwise old results would be served as
//! new ones.
//!
//! The made-up survey of `stories` runs through every stage that can be run on it; the mean size of
//! every numeric column that a stage made is compared with `tests/revisions.txt` within 1e-5. (Not
//! the solver's residual, which is rounding noise.)
//! After raising a revision (or adding a stage), write the file anew:
//! `MDWARF_WRITE_REVISIONS=1 cargo test revisions`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::stories;

const FILE: &str = "tests/revisions.txt";

/// Mean size of all finite numbers in a column, vectors flattened; `None` for text.
fn mean(array: &ArrayRef) -> Option<f64> {
    let values = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().values().clone(),
        DataType::Boolean | DataType::Utf8 => return None,
        _ => array.clone(),
    };
    let values = cast(&values, &DataType::Float64).ok()?;
    let finite: Vec<f64> =
        values.as_primitive::<Float64Type>().iter().flatten().filter(|v| v.is_finite()).collect();
    (!finite.is_empty()).then(|| finite.iter().map(|v| v.abs()).sum::<f64>() / finite.len() as f64)
}

fn means(path: &Path) -> BTreeMap<String, f64> {
    let file = fs::File::open(path).expect("a published table");
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).expect("Parquet");
    let batches: Vec<_> = reader.collect::<Result<_, _>>().expect("batches");
    let mut found = BTreeMap::new();
    let Some(first) = batches.first() else { return found };
    let whole = arrow::compute::concat_batches(&first.schema(), &batches).expect("one batch");
    for (field, column) in whole.schema().fields().iter().zip(whole.columns()) {
        if let Some(mean) = mean(column) {
            found.insert(field.name().clone(), mean);
        }
    }
    found
}

/// `stage revision node.output.column mean`, for the columns that the stage itself made.
fn measured() -> Vec<(String, f64)> {
    let project = stories::project();
    project.run();
    let nodes: Vec<Value> = stories::ALL
        .iter()
        .map(|node| project.mdwarf(&["show", node, "--profile", "test", "--json"]).json())
        .collect();
    let mut publish = String::new();
    for node in &nodes {
        for output in node["outputs"].as_array().expect("outputs") {
            let name = format!("{}.{}", text(&node["node"]), text(&output["output"]));
            writeln!(publish, "\"{name}.parquet\" = \"{name}\"").expect("text");
        }
    }
    project.edit("pipeline.toml", "[publish]", &format!("[publish]\n{publish}"));
    project.run();
    let mut lines = Vec::new();
    // A column that a stage hands through has the digest it had where it was made.
    let mut made = BTreeSet::new();
    for node in &nodes {
        for output in node["outputs"].as_array().expect("outputs") {
            let name = format!("{}.{}", text(&node["node"]), text(&output["output"]));
            let means = means(&project.path(&format!("results/test/{name}.parquet")));
            for column in output["columns"].as_array().expect("columns") {
                let digest = text(&column["digest"]);
                let column = text(&column["name"]);
                if column == "kkt_residual" || !made.insert((column.clone(), digest)) {
                    continue;
                }
                if let Some(mean) = means.get(&column) {
                    let key =
                        format!("{} {} {name}.{column}", text(&node["stage"]), node["revision"]);
                    lines.push((key, *mean));
                }
            }
        }
    }
    lines
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn outputs_move_only_with_the_revision() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let measured = measured();
    assert!(measured.len() > 40, "only {} columns were measured", measured.len());
    if std::env::var_os("MDWARF_WRITE_REVISIONS").is_some() {
        let lines: String =
            measured.iter().map(|(key, mean)| format!("{key} {mean:e}\n")).collect();
        fs::write(&path, lines).expect("the file of pinned outputs");
        return;
    }
    let pinned: BTreeMap<String, f64> = fs::read_to_string(&path)
        .expect("the file of pinned outputs")
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(key, mean)| (key.to_owned(), mean.parse().expect("a number")))
        .collect();
    let moved: Vec<String> = measured
        .iter()
        .filter(|(key, mean)| {
            pinned.get(key).is_none_or(|old| (old - mean).abs() > 1e-5 * old.abs() + 1e-9)
        })
        .map(|(key, mean)| format!("{key}: {:?} -> {mean:e}", pinned.get(key)))
        .collect();
    assert!(
        moved.is_empty(),
        "outputs moved without a new revision: bump `revision` in the stage's `STAGE` and write \
         {FILE} anew\n{}",
        moved.join("\n")
    );
}
