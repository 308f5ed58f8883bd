//! Sample: rows drawn at random, for what is too dear to be done for all of them.
//!
//! Port `rows` (whole): row id.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `sample` | `n` of `rows`, or all where there are no more | all of `rows` |
//!
//! Each id has a random number of its own, decided by the seed, and the rows of the `n` smallest are drawn: rows that
//! come or go elsewhere hardly change which of the others are in the sample.

use arrow::array::UInt32Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::ids;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::I64;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Sample>("sample", 1, "draws rows at random");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Row id.
    id: String,
    /// Rows that are drawn, where there are so many.
    n: usize,
}

impl Stage for Sample {
    fn ports(&self) -> Vec<Port> {
        vec![Port::whole("rows", vec![Need::of(&self.id, I64)])]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.n == 0 {
            return Err(StageError::new("`n` is 0: say how many rows are drawn"));
        }
        let rows = &inputs["rows"];
        Ok(vec![Output::selected("sample", "rows", rows, Vec::new()).id(&self.id)])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("sample")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let drawn = drawn(&ids(job, "rows", &self.id)?, self.n, job.seed()?);
        let rows = UInt32Array::from_iter_values(drawn.into_iter().map(|row| row as u32));
        Ok(vec![Product::new("sample", Vec::new()).rows("rows", rows)])
    }
}

/// The drawn rows, ascending. Of equal ids the first comes first.
fn drawn(ids: &[i64], n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<(u64, usize)> =
        ids.iter().enumerate().map(|(row, id)| (lot(*id, seed), row)).collect();
    order.sort_unstable();
    let mut rows: Vec<usize> = order.into_iter().take(n).map(|(_, row)| row).collect();
    rows.sort_unstable();
    rows
}

/// The random number of an id.
fn lot(id: i64, seed: u64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&id.to_le_bytes());
    let mut lot = [0; 8];
    lot.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(lot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_even_and_hardly_moves_when_rows_go() {
        let ids: Vec<i64> = (0..20_000).map(|i| 7_000_000 + 3 * i).collect();
        let rows = drawn(&ids, 2_000, 1);
        assert!(rows.len() == 2_000 && rows.is_sorted_by(|a, b| a < b));
        // Hypergeometric: 1,000 +- 21 in the first half.
        let first_half = rows.iter().filter(|row| **row < 10_000).count();
        assert!((900..1_100).contains(&first_half), "{first_half}");
        let other_seed = drawn(&ids, 2_000, 2);
        assert_ne!(rows, other_seed);

        let fewer: Vec<i64> = ids.iter().copied().filter(|id| id % 100 != 0).collect();
        let of = |ids: &[i64]| -> std::collections::BTreeSet<i64> {
            drawn(ids, 2_000, 1).into_iter().map(|row| ids[row]).collect()
        };
        let (before, after) = (of(&ids), of(&fewer));
        let gone = before.iter().filter(|id| *id % 100 == 0).count();
        assert_eq!(after.difference(&before).count(), gone);
        assert_eq!(drawn(&ids[..5], 9, 1), [0, 1, 2, 3, 4]);
    }
}
