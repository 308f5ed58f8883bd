//! Where two training sets lie in the space of their common labels.

use arrow::array::ArrayRef;
use ndarray::{Array2, ArrayView1, Axis};

use super::super::columns::{optional_f64_array, text_array, u64_array};
use crate::engine::stage::{NewColumn, StageError};
use crate::engine::types::{ColumnMeta, F64, Type, U64};
use crate::science::hull::ConvexHull;
use crate::science::labels::LabelScaler;
use crate::science::slam::TrainingLabels;
use crate::science::statistics::{Fraction, fraction};

/// How far outside a hull rounding may put its own points, scaled labels.
const ROUNDING: f64 = 1e-9;

/// The row of all common labels together.
const HULL: &str = "hull";

/// Columns of the coverage, a row a label and one for the hull of all.
pub fn coverage_columns() -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).about(about))
    };
    vec![
        new("label", Type::Text, "label in its own unit; `hull`: all common labels together"),
        new("n_old", U64, "spectra of the old training set"),
        new("n_new", U64, "spectra of the new training set"),
        new("old_low", F64, "smallest label of the old training set"),
        new("old_high", F64, "largest"),
        new("new_low", F64, "smallest label of the new training set"),
        new("new_high", F64, "largest"),
        new("old_inside_new", F64, "share of the old training set in range or hull of the new"),
        new("new_inside_old", F64, "share of the new training set in range or hull of the old"),
    ]
}

/// The labels of a training set in a given order, `(n_train, n_label)`.
fn ordered(training: &TrainingLabels, labels: &[String]) -> Array2<f64> {
    let at = labels.iter().filter_map(|l| training.names.iter().position(|name| name == l));
    training.physical.select(Axis(1), &at.collect::<Vec<_>>())
}

fn ends(column: ArrayView1<'_, f64>) -> [f64; 2] {
    let low = column.iter().copied().fold(f64::INFINITY, f64::min);
    [low, column.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
}

/// Share of `column` between `ends`.
fn inside(column: ArrayView1<'_, f64>, [low, high]: [f64; 2]) -> Option<Fraction> {
    let n = column.iter().filter(|v| (low..=high).contains(*v)).count();
    fraction(n, column.len(), column.len())
}

/// Share of the rows of `labels` in the hull of `others`, in labels scaled by `others`.
fn in_hull(labels: &Array2<f64>, others: &Array2<f64>) -> Result<Option<Fraction>, StageError> {
    let scaler = LabelScaler::fit(others.view())?;
    let hull = ConvexHull::new(scaler.transform(others.view()).view())?;
    let scaled = scaler.transform(labels.view());
    let n = scaled.outer_iter().filter(|label| hull.contains(*label, ROUNDING)).count();
    Ok(fraction(n, labels.nrows(), labels.nrows()))
}

/// The coverage, in the order of [`coverage_columns`].
///
/// # Errors
/// A training set without spectra.
pub fn coverage_arrays(
    labels: &[String],
    old: &TrainingLabels,
    new: &TrainingLabels,
) -> Result<Vec<ArrayRef>, StageError> {
    let (old, new) = (ordered(old, labels), ordered(new, labels));
    let columns = || old.columns().into_iter().zip(new.columns());
    let share = |found: Option<Fraction>| found.map(|f| f.value);
    let mut old_inside: Vec<_> = columns().map(|(o, n)| share(inside(o, ends(n)))).collect();
    let mut new_inside: Vec<_> = columns().map(|(o, n)| share(inside(n, ends(o)))).collect();
    old_inside.push(share(in_hull(&old, &new)?));
    new_inside.push(share(in_hull(&new, &old)?));
    let edge = |of: &Array2<f64>, end: usize| {
        let ends = of.columns().into_iter().map(|column| Some(ends(column)[end]));
        optional_f64_array(ends.chain([None]).collect())
    };
    let count = |of: &Array2<f64>| u64_array(vec![of.nrows() as u64; labels.len() + 1]);
    let names = labels.iter().map(String::as_str).chain([HULL]);
    Ok(vec![
        text_array(names.map(Some)),
        count(&old),
        count(&new),
        edge(&old, 0),
        edge(&old, 1),
        edge(&new, 0),
        edge(&new, 1),
        optional_f64_array(old_inside),
        optional_f64_array(new_inside),
    ])
}
