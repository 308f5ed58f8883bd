//! Native (§3.2.2): whether inferred labels lean on native spectra of the grid or on differential ones.
//!
//! A grid may be completed with differential nodes: spectra made from their neighbors, not computed
//! with a model atmosphere. What was trained on them must say so star by star.
//!
//! | port | reads |
//! |---|---|
//! | `rows` (driving) | the inferred labels |
//! | `training` (whole) | `id` and labels of the nodes |
//! | `nodes` (whole) | id of a node and whether its spectrum is native |
//!
//! Output `labels`: all of `rows`; the nearest node, its distance, whether it is native, and the
//! native share of the kernel weight; null where a label is missing.
//!
//! Deviation: the paper's grid is native throughout; there the share is 1 everywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::check_labels;
use super::support::{
    Nodes, columns_of, label_names, read_training, support_arrays, support_columns, training_port,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{I64, Type};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Native>("native", 1, "says on which native nodes of a grid labels lean");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Native {
    /// Columns of the inferred labels, in the order of the training set's.
    labels: Vec<String>,
    /// Row id of `nodes`.
    #[serde(default = "node_id")]
    node_id: String,
    /// Says in `nodes` whether a spectrum is native.
    #[serde(default = "native")]
    native: String,
    /// Inverse squared width of the kernel, per squared scaled label.
    #[serde(default = "one")]
    gamma: f64,
    /// Put before the names of the new columns.
    #[serde(default)]
    prefix: String,
}

fn node_id() -> String {
    "node_id".into()
}

fn native() -> String {
    "native".into()
}

fn one() -> f64 {
    1.0
}

impl Stage for Native {
    fn ports(&self) -> Vec<Port> {
        let nodes = vec![Need::of(&self.node_id, I64), Need::of(&self.native, Type::Bool)];
        vec![
            Port::driving("rows", self.labels.iter().map(Need::any).collect()),
            training_port("training"),
            Port::whole("nodes", nodes),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_labels(&self.labels)?;
        let trained = label_names(&inputs["training"])?;
        if self.labels.len() != trained.len() {
            return Err(StageError::new(format!(
                "`labels` has {} columns, the training set the labels {}; name one of each, in this \
                 order",
                self.labels.len(),
                trained.join(", ")
            )));
        }
        if !(self.gamma > 0.0 && self.gamma.is_finite()) {
            return Err(StageError::new("`gamma` must be positive"));
        }
        let columns =
            support_columns(&self.prefix, "rows", &self.labels, &self.node_id, &self.native);
        Ok(vec![Output::widened("labels", "rows", &inputs["rows"], columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let known = job.shared(|whole| {
            let (training, node_ids) = read_training(whole, "training")?;
            Ok((Nodes::read(whole, node_ids, &self.node_id, &self.native)?, training))
        })?;
        let (nodes, training) = &*known;
        let labels = columns_of(job.table("rows")?, &self.labels)?;
        let columns = support_arrays(nodes, training, labels.view(), self.gamma);
        Ok(vec![Product::new("labels", columns)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stage::TableSchema;
    use crate::engine::types::{ColumnMeta, F64};

    #[test]
    fn labels_are_those_of_the_training_set_and_new_columns_get_the_prefix() {
        let stage: Native =
            serde_json::from_str(r#"{"labels": ["bt_Teff", "bt_M_H"], "prefix": "bt_"}"#).unwrap();
        let schema = |names: &[&str]| TableSchema {
            columns: names.iter().map(|name| ColumnMeta::new(*name, F64)).collect(),
            row_id: None,
        };
        let mut inputs = Schemas::from([
            ("rows".into(), schema(&["obsid", "bt_Teff", "bt_M_H"])),
            ("training".into(), schema(&["id", "star_id", "Teff", "M_H"])),
            ("nodes".into(), schema(&["node_id", "native"])),
        ]);
        let output = stage.outputs(&inputs).unwrap().remove(0);
        assert!(output.columns.iter().any(|c| c.meta.name == "bt_native_nearest"));
        for edge in output.columns.iter().flat_map(|c| &c.from) {
            assert!(inputs[&edge.port].column(&edge.column).is_some(), "{edge:?}");
        }
        inputs.insert("training".into(), schema(&["id", "star_id", "Teff"]));
        assert!(stage.outputs(&inputs).unwrap_err().to_string().contains("labels Teff;"));
    }
}
