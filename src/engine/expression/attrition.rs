//! How many rows each criterion of a list takes away.

use super::criteria::CriteriaError;

/// The counts of one criterion in its place in the list: `n_in` = `n_cut` + `n_out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttritionRow {
    /// Name of the criterion.
    pub criterion: String,
    /// Rows that passed all criteria before it.
    pub n_in: u64,
    /// Rows of the whole table that fail it, whatever the other criteria say; independent of the order.
    pub n_failing_alone: u64,
    /// Rows of `n_in` that fail it: it is the first that they fail.
    pub n_cut: u64,
    /// Rows of `n_cut` that fail because a value it reads is missing.
    pub n_missing: u64,
    /// Rows that passed it and all before it.
    pub n_out: u64,
}

/// The attrition table, in the order of the criteria.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attrition {
    /// One row a criterion.
    pub rows: Vec<AttritionRow>,
}

impl Attrition {
    /// Adds the counts of another part of the same table.
    ///
    /// Errors when the criteria are not the same in the same order.
    pub fn merge(&mut self, other: &Self) -> Result<(), CriteriaError> {
        let names =
            |table: &Self| table.rows.iter().map(|row| row.criterion.clone()).collect::<Vec<_>>();
        if names(self) != names(other) {
            return Err(CriteriaError::DifferentCriteria {
                left: names(self),
                right: names(other),
            });
        }
        for (row, more) in self.rows.iter_mut().zip(&other.rows) {
            row.n_in += more.n_in;
            row.n_failing_alone += more.n_failing_alone;
            row.n_cut += more.n_cut;
            row.n_missing += more.n_missing;
            row.n_out += more.n_out;
        }
        Ok(())
    }
}
