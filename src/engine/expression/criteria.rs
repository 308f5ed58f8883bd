//! Criteria: boolean expressions applied in order, with an account of every row (why it was rejected, and by what).

use std::collections::BTreeSet;

use arrow::array::{Array, BooleanArray, Float64Array, RecordBatch};
use arrow::datatypes::Schema;
use thiserror::Error;

use super::atom::atoms;
use super::attrition::{Attrition, AttritionRow};
use super::check::column_types;
use super::{Expression, ExpressionError, bridge};

/// Most criteria in a list: one bit each in the mask of a row.
const MAX_CRITERIA: usize = 64;

/// A named boolean expression that a row must fulfil.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// Name in attrition and reject tables; unique in a list.
    pub name: String,
    /// The condition; boolean.
    pub expression: Expression,
}

/// A list of criteria, at most 64, with different names.
#[derive(Debug, Clone, PartialEq)]
pub struct Criteria {
    criteria: Vec<Criterion>,
}

/// What is wrong with a list of criteria.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields of the variants are")]
pub enum CriteriaError {
    /// An expression is wrong, does not fit the table, or is not boolean.
    #[error("criterion `{name}`: {source}")]
    Expression { name: String, source: ExpressionError },
    /// Two criteria have one name, so that a rejection would not say which.
    #[error("two criteria are named `{name}`; rename one")]
    SameName { name: String },
    /// There are more criteria than bits in a mask.
    #[error(
        "{n_criteria} criteria, more than {MAX_CRITERIA}; join some by `and`, or use two nodes"
    )]
    TooMany { n_criteria: usize },
    /// Attrition tables of different criteria are added.
    #[error(
        "attrition of {left:?} cannot be added to that of {right:?}; merge parts of one selection only"
    )]
    DifferentCriteria { left: Vec<String>, right: Vec<String> },
}

/// The first criterion that a row fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failure {
    /// Its place in the list.
    pub criterion: usize,
    /// Place among [`Criterion::atoms`] of the first atom that is not true; `None` when all are, and the criterion
    /// fails only because a column it reads is missing.
    pub atom: Option<usize>,
    /// The left side of that atom; `None` when missing or not numeric.
    pub value: Option<f64>,
    /// The right side of that atom; `None` when missing or not numeric.
    pub threshold: Option<f64>,
    /// Whether the criterion fails because a value is missing (null or NaN).
    pub missing: bool,
}

/// What the criteria say of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Verdict {
    /// Bit `i` is set when criterion `i` fails; 0 means that the row is kept.
    pub failed: u64,
    /// The first failure, `None` when the row is kept.
    pub first: Option<Failure>,
}

/// What the criteria say of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdicts {
    /// One for each row, in order.
    pub rows: Vec<Verdict>,
    /// How many rows each criterion took away.
    pub attrition: Attrition,
}

impl Criterion {
    /// Parses a criterion.
    pub fn parse(name: &str, text: &str) -> Result<Self, CriteriaError> {
        let expression = Expression::parse(text).map_err(|source| in_criterion(name, source))?;
        Ok(Self { name: name.to_owned(), expression })
    }

    /// Returns the conditions that must all hold, in normal form: the terms of the conjunction, a chain of
    /// comparisons split into its pairs.
    pub fn atoms(&self) -> Vec<String> {
        atoms(&self.expression).iter().map(|atom| atom.test.canonical()).collect()
    }

    /// Evaluates to (failed, missing) of each row.
    fn judge(&self, batch: &RecordBatch) -> Result<Vec<(bool, bool)>, ExpressionError> {
        let outcome = self.expression.evaluate_bool(batch)?;
        let mut missing: Vec<bool> = (0..outcome.len()).map(|row| outcome.is_null(row)).collect();
        let guarded = self.expression.root.guarded_columns();
        let types = column_types(&self.expression.root, &batch.schema())?;
        for (name, kind) in types.iter().filter(|(name, _)| !guarded.contains(*name)) {
            for (row, absent) in bridge::missing(batch, name, *kind)?.into_iter().enumerate() {
                missing[row] |= absent;
            }
        }
        Ok(missing
            .into_iter()
            .enumerate()
            .map(|(row, missing)| (missing || !outcome.value(row), missing))
            .collect())
    }
}

impl Criteria {
    /// Makes a list. Errors when there are more than 64 or two have the same name.
    pub fn new(criteria: Vec<Criterion>) -> Result<Self, CriteriaError> {
        if criteria.len() > MAX_CRITERIA {
            let n_criteria = criteria.len();
            return Err(CriteriaError::TooMany { n_criteria });
        }
        let mut names = BTreeSet::new();
        match criteria.iter().find(|criterion| !names.insert(criterion.name.as_str())) {
            Some(Criterion { name, .. }) => Err(CriteriaError::SameName { name: name.clone() }),
            None => Ok(Self { criteria }),
        }
    }

    /// Returns the criteria in order.
    pub fn as_slice(&self) -> &[Criterion] {
        &self.criteria
    }

    /// Returns the columns that the criteria read.
    pub fn columns(&self) -> BTreeSet<String> {
        self.criteria.iter().flat_map(|criterion| criterion.expression.columns()).collect()
    }

    /// Checks names and types against a schema, and that every criterion is boolean.
    pub fn check(&self, schema: &Schema) -> Result<(), CriteriaError> {
        self.criteria.iter().try_for_each(|criterion| {
            let checked = criterion.expression.check_boolean(schema);
            checked.map_err(|source| in_criterion(&criterion.name, source))
        })
    }

    /// Judges every row by every criterion.
    ///
    /// A missing value (null or NaN) in any column that a criterion reads makes it fail, unless the expression has
    /// that column inside `is_null`, `is_finite` or `coalesce`; so does an undecidable outcome.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Verdicts, CriteriaError> {
        self.check(&batch.schema())?;
        let mut rows = vec![Verdict::default(); batch.num_rows()];
        let mut attrition = Attrition::default();
        for (index, criterion) in self.criteria.iter().enumerate() {
            let judged =
                criterion.judge(batch).map_err(|source| in_criterion(&criterion.name, source))?;
            attrition.rows.push(count(&criterion.name, &judged, &rows));
            mark(index, &judged, &mut rows);
            explain(index, criterion, batch, &mut rows)
                .map_err(|source| in_criterion(&criterion.name, source))?;
        }
        Ok(Verdicts { rows, attrition })
    }
}

impl Verdicts {
    /// Returns the numbers of the rows that fulfil all criteria, in order.
    pub fn kept(&self) -> Vec<u32> {
        self.numbers(|verdict| verdict.failed == 0)
    }

    /// Returns the numbers of the rows that fail a criterion, in order.
    pub fn rejected(&self) -> Vec<u32> {
        self.numbers(|verdict| verdict.failed != 0)
    }

    fn numbers(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<u32> {
        let rows = (0..).zip(&self.rows);
        rows.filter(|(_, verdict)| wanted(verdict)).map(|(row, _)| row).collect()
    }
}

pub(super) fn in_criterion(name: &str, source: ExpressionError) -> CriteriaError {
    CriteriaError::Expression { name: name.to_owned(), source }
}

fn count(name: &str, judged: &[(bool, bool)], before: &[Verdict]) -> AttritionRow {
    let number = |wanted: &dyn Fn(bool, bool, &Verdict) -> bool| {
        let rows = judged.iter().zip(before);
        rows.filter(|((failed, missing), verdict)| wanted(*failed, *missing, verdict)).count()
            as u64
    };
    let n_in = number(&|_, _, verdict| verdict.failed == 0);
    let n_cut = number(&|failed, _, verdict| failed && verdict.failed == 0);
    AttritionRow {
        criterion: name.to_owned(),
        n_in,
        n_failing_alone: number(&|failed, _, _| failed),
        n_cut,
        n_missing: number(&|_, missing, verdict| missing && verdict.failed == 0),
        n_out: n_in - n_cut,
    }
}

fn mark(index: usize, judged: &[(bool, bool)], rows: &mut [Verdict]) {
    for (verdict, &(failed, missing)) in rows.iter_mut().zip(judged) {
        if failed && verdict.failed == 0 {
            verdict.first = Some(Failure {
                criterion: index,
                atom: None,
                value: None,
                threshold: None,
                missing,
            });
        }
        verdict.failed |= u64::from(failed) << index;
    }
}

/// Fills in the atom and its sides for the rows whose first failure is criterion `index`.
fn explain(
    index: usize,
    criterion: &Criterion,
    batch: &RecordBatch,
    rows: &mut [Verdict],
) -> Result<(), ExpressionError> {
    let is_first = |failure: &Failure| failure.criterion == index;
    if !rows.iter().any(|verdict| verdict.first.as_ref().is_some_and(is_first)) {
        return Ok(());
    }
    for (place, atom) in atoms(&criterion.expression).iter().enumerate() {
        let holds = atom.test.evaluate_bool(batch)?;
        let sides = atom.numeric_sides(batch)?;
        for (row, verdict) in rows.iter_mut().enumerate() {
            let Some(failure) = verdict.first.as_mut().filter(|failure| is_first(failure)) else {
                continue;
            };
            if failure.atom.is_none() && !is_true(&holds, row) {
                failure.atom = Some(place);
                failure.value = sides.as_ref().and_then(|(value, _)| number_at(value, row));
                failure.threshold =
                    sides.as_ref().and_then(|(_, threshold)| number_at(threshold, row));
            }
        }
    }
    Ok(())
}

pub(super) fn is_true(values: &BooleanArray, row: usize) -> bool {
    values.is_valid(row) && values.value(row)
}

pub(super) fn number_at(values: &Float64Array, row: usize) -> Option<f64> {
    (values.is_valid(row) && !values.value(row).is_nan()).then(|| values.value(row))
}
