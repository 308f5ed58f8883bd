//! Tally: sums the attrition tables of a cut's parts (§3.1).
//!
//! Port `attrition` (whole): as [`super::cuts`] writes it. Output `table`: one row a criterion.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{ids, text_array, texts, u32_array, u64_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, Type, U32, U64};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Tally>("tally", 1, "sums attrition over the parts");

/// It has no parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tally {}

const COUNTS: [(&str, &str); 5] = [
    ("n_in", "rows that pass all criteria before it"),
    ("n_failing_alone", "rows that fail it whatever the others say"),
    ("n_cut", "rows for which it is the first to fail"),
    ("n_missing", "of these, rows in which a value is missing"),
    ("n_out", "rows that pass it and all before it"),
];

impl Stage for Tally {
    fn ports(&self) -> Vec<Port> {
        let counts = COUNTS.iter().map(|(name, _)| Need::of(*name, U64));
        let mut needs = vec![
            Need::of("order", U32),
            Need::of("criterion", Type::Text),
            Need::of("expression", Type::Text),
        ];
        needs.extend(counts);
        vec![Port::whole("attrition", needs)]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let kept = |name: &str, kind: Type, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).about(about)).from(
                "attrition",
                name,
                "identity",
            )
        };
        let mut columns = vec![
            kept("order", U32, "place in the list of criteria"),
            kept("criterion", Type::Text, "name of the criterion"),
            kept("expression", Type::Text, "in its normal form"),
        ];
        columns.extend(COUNTS.iter().map(|(name, about)| {
            NewColumn::new(ColumnMeta::new(*name, U64).about(*about)).from(
                "attrition",
                name,
                "derived: sum over parts",
            )
        }));
        Ok(vec![Output::table("table", columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let order = ids(job, "attrition", "order")?;
        let names = texts(job, "attrition", "criterion")?;
        let expressions = texts(job, "attrition", "expression")?;
        let counts: Vec<Vec<i64>> =
            COUNTS.iter().map(|(name, _)| ids(job, "attrition", name)).collect::<Result<_, _>>()?;
        let mut sums: BTreeMap<i64, (usize, [u64; COUNTS.len()])> = BTreeMap::new();
        for (row, place) in order.iter().enumerate() {
            let (_, sum) = sums.entry(*place).or_insert((row, [0; COUNTS.len()]));
            for (total, column) in sum.iter_mut().zip(&counts) {
                *total += column[row] as u64;
            }
        }
        let first = |f: &dyn Fn(usize) -> Option<String>| {
            text_array(sums.values().map(|(row, _)| f(*row)).collect::<Vec<_>>())
        };
        let mut columns = vec![
            u32_array(sums.keys().map(|place| *place as u32).collect()),
            first(&|row| names[row].clone()),
            first(&|row| expressions[row].clone()),
        ];
        for index in 0..COUNTS.len() {
            columns.push(u64_array(sums.values().map(|(_, sum)| sum[index]).collect()));
        }
        Ok(vec![Product::new("table", columns)])
    }
}
