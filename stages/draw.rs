//! Draw (§3.2.2): labels drawn uniformly where a grid of spectra can be interpolated.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `training` | `id` and labels of the spectra that the model was trained with: the nodes of the grid |
//! | `nodes` (optional) | id of a node and whether its spectrum is a native one |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `labels` | a draw | `id` and `star_id`, its number; the labels: a training set's labels |
//! | `support` | a draw, with `nodes` | `id`; the nearest node, its distance, whether it is native, the native share of the kernel weight |
//! | `region` | a label | range of the nodes and drawn from; draws, tries, acceptance |
//!
//! The region is the ranges asked for, cut to the box and to the convex hull of the nodes in scaled
//! labels. A draw depends on the seed, `stream` and its number: a larger `n` only adds draws.
//!
//! Deviation: the paper draws log g from 4.5 to 5.5 and its grid reaches 5.5; where a grid ends
//! earlier the draws end there too, so that nothing is extrapolated.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use ndarray::ArrayView1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, finite_array, i64_array, text_array, u64_array};
use super::support::{
    Nodes, label_names, read_training, support_arrays, support_columns, training_port,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Split, Stage, StageError, TableSchema,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::draw::{Draws, Range, draw_labels, intersect};
use crate::science::hull::ConvexHull;
use crate::science::slam::TrainingLabels;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Draw>("draw", 1, "draws labels uniformly inside the hull of a training set");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// Row id of `nodes`.
    #[serde(default = "node_id")]
    node_id: String,
    /// Draws.
    n: u32,
    /// Range of each label, its unit; a label without one keeps that of the nodes.
    #[serde(default)]
    ranges: BTreeMap<String, [f64; 2]>,
    /// How far outside the hull a draw may lie, scaled labels: for rounding only.
    #[serde(default = "tolerance")]
    tolerance: f64,
    /// Says in `nodes` whether a spectrum is native.
    #[serde(default = "native")]
    native: String,
    /// Inverse squared width of the kernel in which the native share is measured, per squared scaled label.
    #[serde(default = "one")]
    gamma: f64,
    /// Another number gives other draws of the same seed.
    #[serde(default)]
    stream: u32,
    /// Draws a part of `labels`; all in one without.
    #[serde(default)]
    chunk: Option<u32>,
}

fn node_id() -> String {
    "node_id".into()
}

fn tolerance() -> f64 {
    1e-9
}

fn native() -> String {
    "native".into()
}

fn one() -> f64 {
    1.0
}

impl Stage for Draw {
    fn ports(&self) -> Vec<Port> {
        let nodes = vec![Need::of(&self.node_id, I64), Need::of(&self.native, Type::Bool)];
        vec![training_port("training"), Port::whole("nodes", nodes).optional()]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let labels = label_names(&inputs["training"])?;
        self.check(&labels)?;
        let mut drawn =
            Output::table("labels", drawn_columns(&inputs["training"], &labels)).id("id");
        drawn.split = self.chunk.map(Split::Chunks);
        let mut outputs = vec![drawn, Output::table("region", region_columns(&labels))];
        if inputs.contains_key("nodes") {
            let mut columns = vec![number_of_draw("id")];
            columns.extend(support_columns("", "training", &labels, &self.node_id, &self.native));
            outputs.push(Output::table("support", columns).id("id"));
        }
        Ok(outputs)
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("draw")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (training, node_ids) = read_training(job, "training")?;
        let own = intersect(
            &training.names,
            &vec![None; training.names.len()],
            training.physical.view(),
        )?;
        let ranges =
            intersect(&training.names, &self.asked(&training.names), training.physical.view())?;
        let seed = job.seed()?.wrapping_add(u64::from(self.stream) << 32);
        let draws = self.draw(&training, &ranges, seed)?;
        job.note(format!(
            "{} draws from {} nodes, {:.4} of the tries accepted",
            self.n,
            training.n_train(),
            draws.acceptance()
        ));
        let ids = || i64_array((0..i64::from(self.n)).collect());
        let mut columns = vec![ids(), ids()];
        columns.extend(draws.labels.columns().into_iter().map(|c| f64_array(c.to_vec())));
        let mut products = vec![
            Product::new("labels", columns),
            Product::new("region", region(&draws, &training, &own, &ranges)),
        ];
        if job.optional("nodes").is_some() {
            let nodes = Nodes::read(job, node_ids, &self.node_id, &self.native)?;
            let mut columns = vec![ids()];
            columns.extend(support_arrays(&nodes, &training, draws.labels.view(), self.gamma));
            products.push(Product::new("support", columns));
        }
        Ok(products)
    }
}

impl Draw {
    fn check(&self, labels: &[String]) -> Result<(), StageError> {
        if let Some(stranger) = self.ranges.keys().find(|name| !labels.contains(name)) {
            return Err(StageError::new(format!(
                "`ranges` has `{stranger}`, but the training set has the labels {}",
                labels.join(", ")
            )));
        }
        if !(self.gamma > 0.0 && self.gamma.is_finite()) {
            return Err(StageError::new("`gamma` must be positive"));
        }
        if !(0.0..1.0).contains(&self.tolerance) {
            return Err(StageError::new("`tolerance` must be 0 or more and below 1 scaled label"));
        }
        Ok(())
    }

    fn asked(&self, labels: &[String]) -> Vec<Option<Range>> {
        let range = |label| self.ranges.get(label).map(|&[low, high]| Range { low, high });
        labels.iter().map(range).collect()
    }

    /// Draws in the hull of scaled labels: lengths in kelvin and dex would not be comparable.
    fn draw(
        &self,
        training: &TrainingLabels,
        ranges: &[Range],
        seed: u64,
    ) -> Result<Draws, StageError> {
        let hull = ConvexHull::new(training.scaled.view())?;
        let inside = |labels: ArrayView1<'_, f64>| {
            hull.contains(training.scaler.transform_row(labels).view(), self.tolerance)
        };
        Ok(draw_labels(ranges, inside, self.n as usize, seed)?)
    }
}

fn number_of_draw(name: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, I64).ucd("meta.id").about("number of the draw"))
}

fn drawn_columns(training: &TableSchema, labels: &[String]) -> Vec<NewColumn> {
    let mut columns = vec![number_of_draw("id"), number_of_draw("star_id")];
    for label in labels {
        let meta = training.column(label).cloned();
        let meta = meta.unwrap_or_else(|| ColumnMeta::new(label, F64));
        let about = format!("{label}, drawn uniformly inside the hull of the nodes");
        let meta = ColumnMeta { kind: F64, ..meta.about(about) };
        columns.push(NewColumn::new(meta).from("training", label, "drawn within its hull"));
    }
    columns
}

fn region_columns(labels: &[String]) -> Vec<NewColumn> {
    let number = |name: &str, about: &str| {
        let column = NewColumn::new(ColumnMeta::new(name, F64).about(about));
        labels.iter().fold(column, |c, label| c.from("training", label, "derived: range"))
    };
    let count = |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, U64).about(about));
    vec![
        NewColumn::new(ColumnMeta::new("label", Type::Text).about("label; numbers in its unit")),
        number("node_low", "smallest label of the nodes"),
        number("node_high", "largest label of the nodes"),
        number("low", "lower end of the range drawn from"),
        number("high", "upper end of the range drawn from"),
        count("n_node", "nodes"),
        count("n", "draws"),
        count("n_tried", "points tried in the box of all ranges"),
        number("acceptance", "share of tried points inside the hull of the nodes"),
    ]
}

/// The columns of [`region_columns`].
fn region(
    draws: &Draws,
    training: &TrainingLabels,
    own: &[Range],
    ranges: &[Range],
) -> Vec<ArrayRef> {
    let n = ranges.len();
    let all = |value: u64| u64_array(vec![value; n]);
    let ends = |of: &[Range], end: fn(&Range) -> f64| f64_array(of.iter().map(end).collect());
    vec![
        text_array(training.names.iter().map(Some)),
        ends(own, |r| r.low),
        ends(own, |r| r.high),
        ends(ranges, |r| r.low),
        ends(ranges, |r| r.high),
        all(training.n_train() as u64),
        all(draws.labels.nrows() as u64),
        all(draws.n_tried),
        finite_array(vec![draws.acceptance(); n]),
    ]
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
