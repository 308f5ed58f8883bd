//! Cuts (§3.1, §3.2.1): named criteria in the paper's own words, applied in order.
//!
//! | port | reads |
//! |---|---|
//! | `stars` (driving) | the row id and the columns of the criteria |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `kept` | those that pass all criteria | all of `stars` |
//! | `rejects` | the others | id, first failing criterion, its value and threshold, missing, bitmask of all failed criteria |
//! | `attrition` | a criterion and part | rows in, failing alone, cut, missing, out |
//!
//! Deviations: none; a null or NaN in a column that a criterion reads is a reject "missing", where
//! the paper is silent.

use arrow::array::{BooleanArray, Float64Array, RecordBatch, UInt32Array, UInt64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::columns::{ids, text_array, u32_array, u64_array};
use crate::engine::expression::{Check, Criteria, Criterion, Verdicts};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32, U64};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Cuts>("cuts", 1, "keeps the rows that pass named criteria");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cuts {
    /// The row id.
    id: String,
    /// Criteria in order: `[name, expression]`.
    criteria: Vec<(String, Formula)>,
}

impl Cuts {
    fn criteria(&self) -> Result<Criteria, StageError> {
        let criteria = self
            .criteria
            .iter()
            .map(|(name, formula)| Criterion { name: name.clone(), expression: formula.0.clone() })
            .collect();
        Ok(Criteria::new(criteria)?)
    }

    /// The criteria that read a column: `filter: 3 ruwe: ruwe < 1.4`.
    fn role(&self, column: &str) -> String {
        let reads = |formula: &Formula| formula.0.columns().iter().any(|read| read == column);
        let reading = self.criteria.iter().filter(|(_, formula)| reads(formula));
        let words: Vec<String> =
            reading.map(|(name, formula)| format!("{name}: {}", formula.0)).collect();
        format!("filter: {}", words.join("; "))
    }

    fn reject_columns(&self) -> Vec<NewColumn> {
        let new = |name: &str, kind: Type, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).about(about))
        };
        vec![
            new(&self.id, I64, "row id").from("stars", &self.id, "identity"),
            new("criterion", Type::Text, "first criterion that fails"),
            new("value", F64, "left side of its first failing comparison"),
            new("threshold", F64, "right side of that comparison"),
            new("missing", Type::Bool, "whether it fails because a value is missing"),
            new("failed", U64, "bitmask of all failing criteria, the first is bit 0"),
        ]
    }
}

fn attrition_columns() -> Vec<NewColumn> {
    let count = |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, U64).about(about));
    vec![
        NewColumn::new(ColumnMeta::new("order", U32).about("place in the list of criteria")),
        NewColumn::new(ColumnMeta::new("criterion", Type::Text).about("name of the criterion")),
        NewColumn::new(ColumnMeta::new("expression", Type::Text).about("in its normal form")),
        count("n_in", "rows that pass all criteria before it"),
        count("n_failing_alone", "rows that fail it whatever the others say"),
        count("n_cut", "rows for which it is the first to fail"),
        count("n_missing", "of these, rows in which a value is missing"),
        count("n_out", "rows that pass it and all before it"),
    ]
}

impl Stage for Cuts {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::of(&self.id, I64).role("row id of the rejects")];
        if let Ok(criteria) = self.criteria() {
            needs.extend(criteria.columns().into_iter().map(|c| Need::any(&c).role(self.role(&c))));
        }
        vec![Port::driving("stars", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let stars = &inputs["stars"];
        let criteria = self.criteria()?;
        let read = criteria.columns();
        let fields: Vec<_> = stars
            .columns
            .iter()
            .filter(|c| read.contains(&c.name))
            .map(ColumnMeta::field)
            .collect();
        criteria.check(&arrow::datatypes::Schema::new(fields))?;
        let mut kept = Output::selected("kept", "stars", stars, Vec::new()).id(&self.id);
        if !read.contains(&self.id) {
            kept = kept.untouched_by("stars", &self.id);
        }
        Ok(vec![
            kept,
            Output::table("rejects", self.reject_columns()).id(&self.id),
            Output::table("attrition", attrition_columns()),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts { port: "stars".into(), kept: "kept".into(), rejects: "rejects".into() })
    }

    fn has_checks(&self) -> bool {
        true
    }

    fn checks(&self, table: &RecordBatch) -> Result<Vec<Vec<Check>>, StageError> {
        Ok(self.criteria()?.checks(table)?)
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let verdicts = self.criteria()?.apply(job.table("stars")?)?;
        let kept = UInt32Array::from(verdicts.kept());
        Ok(vec![
            Product::new("kept", Vec::new()).rows("stars", kept),
            self.rejects(job, &verdicts)?,
            self.attrition(&verdicts),
        ])
    }
}

impl Cuts {
    fn rejects(&self, job: &Job, verdicts: &Verdicts) -> Result<Product, StageError> {
        let ids = ids(job, "stars", &self.id)?;
        let rows = verdicts.rejected();
        let of = |row: &u32| &verdicts.rows[*row as usize];
        let first = |row: &u32| of(row).first.as_ref();
        let name = |row: &u32| first(row).map(|f| self.criteria[f.criterion].0.as_str());
        Ok(Product::new(
            "rejects",
            vec![
                super::columns::i64_array(rows.iter().map(|row| ids[*row as usize]).collect()),
                text_array(rows.iter().map(name)),
                Arc::new(rows.iter().map(|r| first(r)?.value).collect::<Float64Array>()),
                Arc::new(rows.iter().map(|r| first(r)?.threshold).collect::<Float64Array>()),
                Arc::new(rows.iter().map(|r| Some(first(r)?.missing)).collect::<BooleanArray>()),
                Arc::new(rows.iter().map(|r| Some(of(r).failed)).collect::<UInt64Array>()),
            ],
        ))
    }

    fn attrition(&self, verdicts: &Verdicts) -> Product {
        let rows = &verdicts.attrition.rows;
        let formulas = self.criteria.iter().map(|(_, formula)| Some(formula.0.canonical()));
        Product::new(
            "attrition",
            vec![
                u32_array((0..rows.len() as u32).collect()),
                text_array(rows.iter().map(|r| Some(&r.criterion))),
                text_array(formulas),
                u64_array(rows.iter().map(|r| r.n_in).collect()),
                u64_array(rows.iter().map(|r| r.n_failing_alone).collect()),
                u64_array(rows.iter().map(|r| r.n_cut).collect()),
                u64_array(rows.iter().map(|r| r.n_missing).collect()),
                u64_array(rows.iter().map(|r| r.n_out).collect()),
            ],
        )
    }
}
