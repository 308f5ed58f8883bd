//! `trace --neighbours N`: the training spectra that weigh most in a model at the labels of a spectrum.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::{Value, json};

use super::failure::Failure;
use super::project::Planned;
use super::table::{counted, number, table};
use crate::engine::artifact::Artifact;
use crate::engine::error::EngineError;
use crate::engine::pipeline::Node;
use crate::stages::training_weights::{Neighbours, label_names, model_columns, neighbours};

/// Stage whose labels are fitted with a model.
const PREDICT: &str = "predict";

/// What a model leans on at a spectrum's labels.
pub struct Found {
    /// The node that fitted the labels.
    pub node: String,
    /// The output that holds them.
    pub output: String,
    /// The labels, by the names of the training set.
    pub labels: Vec<(String, f64)>,
    /// All training spectra by falling weight.
    pub neighbours: Neighbours,
}

/// Of each node that fitted labels to the row, and has them and its model in the store.
///
/// # Errors
/// Damaged tables.
pub fn find(planned: &Planned, column: &str, id: i64) -> Result<Vec<Found>, Failure> {
    let nodes = &planned.project.pipeline.nodes;
    let mut found = Vec::new();
    for (at, node) in nodes.iter().enumerate().filter(|(_, node)| node.stage.name == PREDICT) {
        let of_rows = node.schemas[0].row_id.as_deref() == Some(column);
        let Some(labels) = planned.plan.done[at].as_ref().and_then(|outputs| outputs.first())
        else {
            continue;
        };
        let (Some(model), Some(training)) =
            (bound(planned, node, "model"), bound(planned, node, "training"))
        else {
            continue;
        };
        if of_rows {
            found.extend(of_node(planned, node, (labels, model, training), (column, id))?);
        }
    }
    Ok(found)
}

/// The table at a port.
fn bound<'a>(planned: &'a Planned, node: &Node, port: &str) -> Option<&'a Artifact> {
    let bound = node.ports.iter().find(|bound| bound.port.name == port)?;
    let (source, output) = bound.source?;
    planned.plan.done[source].as_ref()?.get(output)
}

/// `None` where the row is not there, or has no labels.
fn of_node(
    planned: &Planned,
    node: &Node,
    (labels, model, training): (&Artifact, &Artifact, &Artifact),
    (column, id): (&str, i64),
) -> Result<Option<Found>, Failure> {
    let store = &planned.project.store;
    let stage = |why: crate::engine::stage::StageError| EngineError::Stage {
        node: node.name.clone(),
        what: why.to_string(),
    };
    let ids = labels.read(store, column)?;
    let Some(row) = ids.as_primitive::<Int64Type>().iter().position(|known| known == Some(id))
    else {
        return Ok(None);
    };
    let columns: Vec<String> = training.schema.columns.iter().map(|c| c.name.clone()).collect();
    let training = training.read_table(store, &columns, None)?;
    let names = label_names(&training).map_err(stage)?;
    let prefix = node.params["prefix"].as_str().unwrap_or_default();
    let mut theta = Vec::new();
    for name in &names {
        let values = labels.read(store, &format!("{prefix}{name}"))?;
        let values = arrow::compute::cast(&values, &DataType::Float64)
            .map_err(EngineError::table(labels.name.clone()))?;
        let values = values.as_primitive::<Float64Type>();
        if values.is_null(row) || !values.value(row).is_finite() {
            return Ok(None);
        }
        theta.push(values.value(row));
    }
    let model = model.read_table(store, &model_columns(), None)?;
    let found = neighbours(&model, &training, &theta).map_err(stage)?;
    Ok(Some(Found {
        node: node.name.clone(),
        output: labels.output.name.clone(),
        labels: names.into_iter().zip(theta).collect(),
        neighbours: found,
    }))
}

impl Found {
    /// The `n` that weigh most, as JSON.
    pub fn json(&self, n: usize) -> Value {
        let spectra = self.neighbours.spectra.iter().take(n).map(|one| {
            let labels = self.neighbours.names.iter().cloned().zip(one.labels.iter().copied());
            json!({
                "id": one.id,
                "star_id": one.star_id,
                "share": one.influence.share,
                "kernel": one.influence.kernel,
                "distance": one.influence.distance,
                "n_pix": one.influence.n_pix,
                "labels": labels.collect::<std::collections::BTreeMap<_, _>>(),
            })
        });
        spectra.collect()
    }

    /// The same as a table for people.
    pub fn text(&self, n: usize) -> String {
        let shown = &self.neighbours.spectra[..n.min(self.neighbours.spectra.len())];
        let share: f64 = shown.iter().map(|one| one.influence.share).sum();
        let labels =
            self.labels.iter().map(|(name, value)| format!("{name} = {}", number(*value, 6)));
        let names: Vec<&str> = self.neighbours.names.iter().map(String::as_str).collect();
        let fixed = ["id", "star_id", "weight %", "kernel", "distance", "pixels"];
        let header: Vec<&str> = fixed.into_iter().chain(names).collect();
        let rows = shown.iter().map(|one| {
            let of = &one.influence;
            let mut row = vec![one.id.to_string(), one.star_id.to_string()];
            row.push(format!("{:.2}", 100.0 * of.share));
            row.extend([format!("{:.3}", of.kernel), format!("{:.3}", of.distance)]);
            row.push(of.n_pix.to_string());
            row.extend(one.labels.iter().map(|label| number(*label, 6)));
            row
        });
        let title = format!(
            "`{}` at {}: {} of {} hold {:.1} % of the weight",
            self.node,
            labels.collect::<Vec<_>>().join(", "),
            shown.len(),
            counted(self.neighbours.spectra.len(), "training spectrum", "training spectra"),
            100.0 * share
        );
        let lines = table(&header, &header, rows.collect());
        let lines: String = lines.lines().map(|line| format!("\n  {line}")).collect();
        format!("{title}{lines}")
    }
}
