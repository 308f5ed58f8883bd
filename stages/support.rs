//! The table of a training set as the stages around the model read it, and which of its spectra labels lean on.
//!
//! A training set's `labels` are `id`, `star_id` and the labels: every other column.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use ndarray::{Array1, Array2, ArrayView2};

use super::columns::{f64s_of, finite_array, ids};
use super::model::{check_labels, training_labels};
use crate::engine::stage::{Job, Need, NewColumn, Port, StageError, TableSchema};
use crate::engine::types::{ColumnMeta, F64, I64, Type};
use crate::science::draw::{Support, support};
use crate::science::slam::TrainingLabels;

/// Columns of a training set that are no labels.
const IDS: [&str; 2] = ["id", "star_id"];

/// A port that reads the labels of a training set, whatever they are.
pub fn training_port(name: &str) -> Port {
    Port::whole(name, vec![Need::of("id", I64), Need::of("star_id", I64)]).all_columns()
}

/// The labels of a training set.
///
/// # Errors
/// A table without any.
pub fn label_names(schema: &TableSchema) -> Result<Vec<String>, StageError> {
    let names = schema.columns.iter().map(|c| c.name.as_str());
    let labels: Vec<String> = names.filter(|n| !IDS.contains(n)).map(str::to_owned).collect();
    check_labels(&labels)?;
    Ok(labels)
}

/// The labels at a [`training_port`], and the ids of their spectra, `(n_train,)`.
///
/// # Errors
/// A table without labels or rows, or a missing label.
pub fn read_training(job: &Job, port: &str) -> Result<(TrainingLabels, Vec<i64>), StageError> {
    Ok((training_labels_of(job.table(port)?)?, ids(job, port, "id")?))
}

/// The labels of the table of a training set.
///
/// # Errors
/// As [`read_training`].
pub fn training_labels_of(table: &RecordBatch) -> Result<TrainingLabels, StageError> {
    let fields = table.schema();
    let names = fields.fields().iter().map(|field| field.name().as_str());
    let labels: Vec<String> = names.filter(|n| !IDS.contains(n)).map(str::to_owned).collect();
    check_labels(&labels)?;
    training_labels(table, &labels)
}

/// Ids of the spectra of a training set, and of their stars, 64-bit integers.
///
/// # Errors
/// A table without them.
pub fn training_ids(table: &RecordBatch) -> Result<[ArrayRef; 2], StageError> {
    let column = |name: &str| {
        let found = table.column_by_name(name);
        let found = found.filter(|array| array.as_primitive_opt::<Int64Type>().is_some());
        found.cloned().ok_or_else(|| StageError::new(format!("no column `{name}` of 64-bit ids")))
    };
    let [id, star] = IDS.map(column);
    Ok([id?, star?])
}

/// Columns of `table` side by side, `(n_row, n_name)`; null becomes NaN.
///
/// # Errors
/// A column that is missing or no number.
pub fn columns_of(table: &RecordBatch, names: &[String]) -> Result<Array2<f64>, StageError> {
    let mut all = Array2::zeros((table.num_rows(), names.len()));
    for (mut out, name) in all.columns_mut().into_iter().zip(names) {
        let array = table
            .column_by_name(name)
            .ok_or_else(|| StageError::new(format!("column `{name}` was not declared as read")))?;
        out.assign(&Array1::from(f64s_of(array)?));
    }
    Ok(all)
}

/// Nodes in the order of the training labels.
pub struct Nodes {
    ids: Vec<i64>,
    native: Vec<bool>,
}

impl Nodes {
    /// Looks training spectra up at port `nodes`; `ids`, `(n_train,)`.
    ///
    /// # Errors
    /// A training spectrum that is no node, or a node of unknown origin.
    pub fn read(job: &Job, node_ids: Vec<i64>, id: &str, native: &str) -> Result<Self, StageError> {
        let flags = job.column("nodes", native)?;
        let flags = flags
            .as_boolean_opt()
            .ok_or_else(|| StageError::new(format!("`nodes.{native}` is no truth value")))?;
        let known: BTreeMap<i64, Option<bool>> =
            ids(job, "nodes", id)?.into_iter().zip(flags.iter()).collect();
        Nodes::of(node_ids, &known, native)
    }

    fn of(
        ids: Vec<i64>,
        known: &BTreeMap<i64, Option<bool>>,
        native: &str,
    ) -> Result<Self, StageError> {
        let origin = |id: &i64| {
            known.get(id).copied().flatten().ok_or_else(|| {
                StageError::new(format!(
                    "training spectrum {id} has no `{native}` at port `nodes`; bind the table of \
                     which the training set was made"
                ))
            })
        };
        let native = ids.iter().map(origin).collect::<Result<_, _>>()?;
        Ok(Nodes { ids, native })
    }
}

/// The columns of [`support_arrays`], after `prefix`; `port` holds the labels.
pub fn support_columns(
    prefix: &str,
    port: &str,
    labels: &[String],
    node_id: &str,
    native: &str,
) -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, about: &str| {
        let name = format!("{prefix}{name}");
        let column = NewColumn::new(ColumnMeta::new(name, kind).about(about));
        labels.iter().fold(column, |column, label| column.from(port, label, "derived: nearest"))
    };
    vec![
        new("nearest_node", I64, "nearest node of the grid, scaled labels")
            .from("nodes", node_id, "identity"),
        new("node_distance", F64, "its distance, scaled labels"),
        new("native_nearest", Type::Bool, "whether its spectrum is a native one of the grid")
            .from("nodes", native, "identity"),
        new("native_share", F64, "share of native nodes in the kernel weight").from(
            "nodes",
            native,
            "derived: weighted mean",
        ),
    ]
}

/// Where `labels`, `(n, n_label)` in physical units, lean: null for missing labels.
pub fn support_arrays(
    nodes: &Nodes,
    training: &TrainingLabels,
    labels: ArrayView2<'_, f64>,
    gamma: f64,
) -> Vec<ArrayRef> {
    let scaled = training.scaler.transform(labels);
    let found = support(training.scaled.view(), &nodes.native, scaled.view(), gamma);
    let number = |of: fn(&Support) -> f64| {
        finite_array(found.iter().map(|s| s.as_ref().map_or(f64::NAN, of)).collect())
    };
    let nearest = found.iter().map(|s| s.map(|s| nodes.ids[s.nearest]));
    let native = found.iter().map(|s| s.map(|s| nodes.native[s.nearest]));
    vec![
        Arc::new(nearest.collect::<Int64Array>()),
        number(|s| s.distance),
        Arc::new(native.collect::<BooleanArray>()),
        number(|s| s.marked_share),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;
    use ndarray::array;

    #[test]
    fn labels_are_the_columns_that_are_no_ids() {
        let columns = ["id", "Teff", "star_id", "M_H"].map(|n| ColumnMeta::new(n, F64)).to_vec();
        let schema = TableSchema { columns, row_id: None };
        assert_eq!(label_names(&schema).unwrap(), ["Teff", "M_H"]);
        assert!(label_names(&TableSchema::default()).is_err());
    }

    #[test]
    fn columns_stand_side_by_side_with_missing_values_as_nan() {
        let table = RecordBatch::try_from_iter([
            ("b", finite_array(vec![1.0, f64::NAN])),
            ("a", finite_array(vec![3.0, 4.0])),
        ])
        .unwrap();
        let both = columns_of(&table, &["a".into(), "b".into()]).unwrap();
        assert_eq!(both.row(0).to_vec(), [3.0, 1.0]);
        assert!(both[[1, 0]] == 4.0 && both[[1, 1]].is_nan());
        assert!(columns_of(&table, &["c".into()]).is_err());
    }

    #[test]
    fn labels_lean_on_nodes_whose_origin_is_known() {
        let known = BTreeMap::from([(7, Some(true)), (9, Some(false)), (11, None)]);
        let physical = array![[3000.0], [4000.0]];
        let training = TrainingLabels::new(vec!["Teff".into()], physical).unwrap();
        let nodes = Nodes::of(vec![7, 9], &known, "native").unwrap();
        let labels = array![[3100.0], [3900.0], [f64::NAN]];
        let arrays = support_arrays(&nodes, &training, labels.view(), 1.0);
        let columns = support_columns("bt_", "labels", &["Teff".into()], "node_id", "native");
        assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
        assert_eq!(f64s_of(&arrays[0]).unwrap()[..2], [7.0, 9.0]);
        // Nodes lie at -1 and +1 in scaled labels.
        let distance = f64s_of(&arrays[1]).unwrap();
        assert!((distance[0] - 0.2).abs() < 1e-12 && arrays.iter().all(|a| a.is_null(2)));
        let share = f64s_of(&arrays[3]).unwrap();
        assert!(share[0] > 0.9 && (share[0] + share[1] - 1.0).abs() < 1e-12);
        let why = Nodes::of(vec![7, 11], &known, "native").err().unwrap().to_string();
        assert!(why.contains("11"), "{why}");
    }
}
