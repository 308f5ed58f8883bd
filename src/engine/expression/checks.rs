//! What each condition of a list of criteria says of a row: for those who ask about one star.

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

use super::atom::atoms;
use super::criteria::{Criteria, CriteriaError, in_criterion, is_true, number_at};

/// One condition, asked of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Name of the criterion.
    pub criterion: String,
    /// The condition in its normal form.
    pub test: String,
    /// The judged side, where it is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The side it is judged by, where it is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Whether it holds.
    pub holds: bool,
    /// Whether it could not be decided, for want of a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

impl Criteria {
    /// Asks every condition of every row.
    pub fn checks(&self, batch: &RecordBatch) -> Result<Vec<Vec<Check>>, CriteriaError> {
        self.check(&batch.schema())?;
        let mut rows = vec![Vec::new(); batch.num_rows()];
        for criterion in self.as_slice() {
            let failed = |source| in_criterion(&criterion.name, source);
            for atom in atoms(&criterion.expression) {
                let outcome = atom.test.evaluate_bool(batch).map_err(failed)?;
                let sides = atom.numeric_sides(batch).map_err(failed)?;
                let test = atom.test.canonical();
                for (row, checks) in rows.iter_mut().enumerate() {
                    let side = |of: fn(&(_, _)) -> &arrow::array::Float64Array| {
                        sides.as_ref().and_then(|sides| number_at(of(sides), row))
                    };
                    let (value, threshold) = (side(|s| &s.0), side(|s| &s.1));
                    let unknown = sides.is_some() && (value.is_none() || threshold.is_none());
                    checks.push(Check {
                        criterion: criterion.name.clone(),
                        test: test.clone(),
                        value,
                        threshold,
                        holds: is_true(&outcome, row) && !unknown,
                        missing: arrow::array::Array::is_null(&outcome, row) || unknown,
                    });
                }
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array};

    use super::super::{Criteria, Criterion};
    use super::*;

    #[test]
    fn every_condition_is_told_of_every_row() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]));
        let batch = RecordBatch::try_from_iter([("ruwe", values)]).expect("a table");
        let criterion = Criterion::parse("3 ruwe", "0 < ruwe < 1.4").expect("a criterion");
        let criteria = Criteria::new(vec![criterion]).expect("criteria");
        let checks = criteria.checks(&batch).expect("checks");
        assert_eq!(checks[0].len(), 2);
        let last = &checks[0][1];
        assert_eq!((last.value, last.threshold, last.holds), (Some(1.0), Some(1.4), true));
        assert!(checks[1..].iter().flatten().all(|check| check.missing && !check.holds));
    }
}
