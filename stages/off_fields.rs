//! Off fields (§5.1): how many stars that are no members the window of a cluster takes.
//!
//! Port `fields` (whole): as [`super::members`] writes it, field 0 the cluster's own.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `summary` | one | members, covered fields, chance members with error, their share |
//! | `fields` | a field | center, stars, stars in the window, summed over the parts |
//!
//! A field without any star does not count: the table does not reach there. The paper gives no such number.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, f64s, ids, optional_f64_array, u32_array, u64_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, U32, U64};
use crate::science::validation::fields::contamination;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<OffFields>("off_fields", 1, "estimates how many members of a cluster are none");

/// It has no parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OffFields {}

const CENTER: [(&str, &str); 4] = [
    ("field_ra_deg", "right ascension of the center"),
    ("field_dec_deg", "declination of the center"),
    ("field_l_deg", "galactic longitude of the center"),
    ("field_b_deg", "galactic latitude of the center"),
];
const COUNTS: [(&str, &str); 2] =
    [("n_star", "stars in the field"), ("n_window", "of these, stars that pass all windows")];

/// A field: center, stars, stars in the window.
type Counted = ([f64; 4], [u64; 2]);

impl Stage for OffFields {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::of("field", U32)];
        needs.extend(CENTER.iter().map(|(name, _)| Need::in_unit(*name, "deg")));
        needs.extend(COUNTS.iter().map(|(name, _)| Need::of(*name, U64)));
        vec![Port::whole("fields", needs)]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let counted = |meta: ColumnMeta| {
            COUNTS.iter().fold(NewColumn::new(meta), |column, (name, _)| {
                column.from("fields", name, "derived: sum over parts")
            })
        };
        let summary = vec![
            counted(ColumnMeta::new("n", U64).about("stars in the window of the cluster's field")),
            counted(ColumnMeta::new("n_covered", U64).about("other fields with any star")),
            counted(
                ColumnMeta::new("chance", F64).about("mean stars in the window of such a field"),
            ),
            counted(ColumnMeta::new("chance_error", F64).about("its standard error")),
            counted(ColumnMeta::new("chance_fraction", F64).about("chance over n")),
        ];
        let field = ColumnMeta::new("field", U32).about("number of the field; 0 is the cluster's");
        let mut fields = vec![NewColumn::new(field).from("fields", "field", "identity")];
        fields.extend(CENTER.iter().map(|(name, about)| {
            NewColumn::new(ColumnMeta::new(*name, F64).unit("deg").about(*about))
                .from("fields", name, "identity")
        }));
        fields.extend(COUNTS.iter().map(|(name, about)| {
            NewColumn::new(ColumnMeta::new(*name, U64).about(*about)).from(
                "fields",
                name,
                "derived: sum over parts",
            )
        }));
        Ok(vec![Output::table("summary", summary), Output::table("fields", fields)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let numbers = ids(job, "fields", "field")?;
        let mut centers = Vec::new();
        for (name, _) in CENTER {
            centers.push(f64s(job, "fields", name)?);
        }
        let mut counts = Vec::new();
        for (name, _) in COUNTS {
            counts.push(ids(job, "fields", name)?);
        }
        let mut fields: BTreeMap<i64, Counted> = BTreeMap::new();
        for (row, number) in numbers.into_iter().enumerate() {
            let center = std::array::from_fn(|i| centers[i][row]);
            let (_, sums) = fields.entry(number).or_insert((center, [0; 2]));
            for (sum, column) in sums.iter_mut().zip(&counts) {
                *sum += column[row] as u64;
            }
        }
        Ok(vec![Product::new("summary", summary(&fields)), Product::new("fields", table(&fields))])
    }
}

fn summary(fields: &BTreeMap<i64, Counted>) -> Vec<ArrayRef> {
    let own = fields.get(&0).map_or(0, |field| field.1[1]);
    let others: Vec<(u64, u64)> =
        fields.iter().filter(|(number, _)| **number != 0).map(|(_, f)| (f.1[0], f.1[1])).collect();
    let found = contamination(own, &others);
    vec![
        u64_array(vec![own]),
        u64_array(vec![found.n_covered as u64]),
        optional_f64_array(vec![found.per_field]),
        optional_f64_array(vec![found.per_field_error]),
        optional_f64_array(vec![found.fraction]),
    ]
}

fn table(fields: &BTreeMap<i64, Counted>) -> Vec<ArrayRef> {
    let mut columns = vec![u32_array(fields.keys().map(|number| *number as u32).collect())];
    columns.extend((0..4).map(|i| f64_array(fields.values().map(|f| f.0[i]).collect())));
    columns.extend((0..2).map(|i| u64_array(fields.values().map(|f| f.1[i]).collect())));
    columns
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float64Type, UInt64Type};

    use super::*;

    #[test]
    fn chance_members_are_the_mean_of_covered_fields() {
        let field = |stars, window| ([0.0; 4], [stars, window]);
        let fields = BTreeMap::from([
            (0, field(200, 23)),
            (1, field(90, 1)),
            (2, field(0, 0)),
            (3, field(80, 3)),
        ]);
        let columns = summary(&fields);
        let count = |at: usize| columns[at].as_primitive::<UInt64Type>().value(0);
        assert_eq!((count(0), count(1)), (23, 2));
        assert_eq!(columns[2].as_primitive::<Float64Type>().value(0), 2.0);
        assert!(summary(&BTreeMap::from([(0, field(5, 5))]))[2].is_null(0));
        let outputs = OffFields {}.outputs(&Schemas::default()).unwrap();
        for (output, arrays) in outputs.iter().zip([&columns, &table(&fields)]) {
            let fits = output
                .columns
                .iter()
                .zip(arrays)
                .all(|(c, a)| c.meta.kind.arrow() == *a.data_type());
            assert!(fits && output.columns.len() == arrays.len());
        }
    }
}
