//! Numbers that two runs measured, each with its interval: which agree.
//!
//! A table without ids of rows is a summary: rows are told apart by their texts and by edges of bins. A column `X` with
//! `X_lo` and `X_hi` (or `_low` and `_high`) is measured, `X_lo` and `X_hi` being its 95 % interval. Two values agree if
//! their difference is not larger than the halves of their intervals that face each other, added in quadrature: the 95 %
//! interval of the difference of independent values.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::Serialize;

use super::artifact::Artifact;
use super::cells::value;
use super::error::{EngineError, Result};
use super::store::Store;
use super::types::Type;

/// Names of the lower and the upper end of an interval.
const ENDS: [[&str; 2]; 2] = [["_lo", "_hi"], ["_low", "_high"]];

/// A number that both runs measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// `node.output`.
    pub table: String,
    /// What tells the row from others.
    pub row: String,
    /// The column.
    pub column: String,
    /// Value, lower and upper end of its interval in the old run.
    pub old: [f64; 3],
    /// The same in the new one.
    pub new: [f64; 3],
    /// Difference over the half of its 95 % interval.
    pub apart: f64,
}

impl Measured {
    /// Whether the two values agree within their intervals.
    pub fn agrees(&self) -> bool {
        self.apart <= 1.0
    }
}

/// Measured numbers of one table that both runs have, and that are not the same.
pub fn measured(store: &Store, old: &Artifact, new: &Artifact) -> Result<Vec<Measured>> {
    if old.schema.row_id.is_some() || new.schema.row_id.is_some() {
        return Ok(Vec::new());
    }
    let name = &new.name;
    let (old, new) = (Table::read(store, old)?, Table::read(store, new)?);
    let (mut columns, mut names) = (Vec::new(), old.texts.clone());
    for [low, high] in new.ends.iter().filter(|ends| old.ends.contains(ends)) {
        match stem(low).filter(|stem| is_measured(&old, &new, stem, low)) {
            Some(stem) => columns.push([stem.to_owned(), low.clone(), high.clone()]),
            None => names.extend([low.clone(), high.clone()]),
        }
    }
    let (before, after) = (old.rows(&names)?, new.rows(&names)?);
    let mut found = Vec::new();
    for (row, now) in &after {
        let Some(was) = before.get(row) else { continue };
        for column in &columns {
            let (Some(was), Some(now)) = (old.triple(column, *was), new.triple(column, *now))
            else {
                continue;
            };
            if was == now {
                continue;
            }
            found.push(Measured {
                table: name.clone(),
                row: row.0.clone(),
                column: column[0].clone(),
                old: was,
                new: now,
                apart: apart(was, now),
            });
        }
    }
    Ok(found)
}

/// Edges of bins stand beside what is typical of the bin; they are the same in both tables, as no measured interval is.
fn is_measured(old: &Table, new: &Table, stem: &str, low: &str) -> bool {
    let has = |table: &Table| table.numbers.contains_key(stem);
    let ends = |table: &Table| table.numbers[low].iter().flatten().copied().collect::<Vec<f64>>();
    let (before, after) = (ends(old), ends(new));
    has(old) && has(new) && !after.iter().all(|end| before.contains(end))
}

/// `X` of `X_lo` or `X_low`.
fn stem(low: &str) -> Option<&str> {
    ENDS.iter().find_map(|[end, _]| low.strip_suffix(end))
}

fn apart(old: [f64; 3], new: [f64; 3]) -> f64 {
    let (below, above) = if old[0] < new[0] { (old, new) } else { (new, old) };
    let (difference, half) =
        (above[0] - below[0], (below[2] - below[0]).hypot(above[0] - above[1]));
    if difference == 0.0 { 0.0 } else { difference / half }
}

/// What a summary says in texts and numbers.
struct Table {
    n_row: usize,
    texts: Vec<String>,
    ends: Vec<[String; 2]>,
    columns: BTreeMap<String, ArrayRef>,
    numbers: BTreeMap<String, Vec<Option<f64>>>,
}

impl Table {
    fn read(store: &Store, artifact: &Artifact) -> Result<Self> {
        let mut table = Self {
            n_row: artifact.rows() as usize,
            texts: Vec::new(),
            ends: Vec::new(),
            columns: BTreeMap::new(),
            numbers: BTreeMap::new(),
        };
        for column in &artifact.schema.columns {
            let values = artifact.read(store, &column.name)?;
            if column.kind == Type::Text {
                table.texts.push(column.name.clone());
            } else if values.data_type().is_numeric() {
                table.numbers.insert(column.name.clone(), numbers(&values)?);
            }
            table.columns.insert(column.name.clone(), values);
        }
        let has = |name: &String| table.numbers.contains_key(name);
        let plain = [["low".to_owned(), "high".to_owned()]];
        let of_stems = table.numbers.keys().flat_map(|low| {
            let ends = ENDS.iter().filter_map(|[l, h]| Some((low.strip_suffix(l)?, h)));
            ends.map(|(stem, high)| [low.clone(), format!("{stem}{high}")])
        });
        table.ends = of_stems.chain(plain).filter(|ends| ends.iter().all(has)).collect();
        Ok(table)
    }

    /// Rows by what the columns `names` say, and by which of such rows each is.
    fn rows(&self, names: &[String]) -> Result<BTreeMap<(String, usize), usize>> {
        let mut rows = BTreeMap::new();
        for row in 0..self.n_row {
            let mut words = Vec::new();
            for name in names {
                match value(&self.columns[name], row)? {
                    serde_json::Value::Null => {}
                    serde_json::Value::String(text) => words.push(text),
                    number => words.push(format!("{name} {number}")),
                }
            }
            let words = words.join(", ");
            let nth = (0..).find(|nth| !rows.contains_key(&(words.clone(), *nth))).unwrap_or(0);
            rows.insert((words, nth), row);
        }
        Ok(rows)
    }

    /// Value and ends where all are there; an interval without width is that of a single case, and none.
    fn triple(&self, columns: &[String; 3], row: usize) -> Option<[f64; 3]> {
        let [value, low, high] = columns.each_ref().map(|name| self.numbers[name][row]);
        Some([value?, low?, high?]).filter(|[_, low, high]| low < high)
    }
}

/// Finite numbers.
fn numbers(values: &ArrayRef) -> Result<Vec<Option<f64>>> {
    let wide = cast(values, &DataType::Float64).map_err(EngineError::table("summary"))?;
    let wide = wide.as_primitive::<Float64Type>();
    Ok(wide.iter().map(|value| value.filter(|value| value.is_finite())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, StringArray};
    use std::sync::Arc;

    fn table(columns: &[(&str, &[f64])]) -> Table {
        let n_row = columns[0].1.len();
        let label: ArrayRef = Arc::new(StringArray::from(vec!["Teff"; n_row]));
        let mut columns: BTreeMap<String, ArrayRef> = columns
            .iter()
            .map(|(name, values)| {
                ((*name).to_owned(), Arc::new(Float64Array::from(values.to_vec())) as ArrayRef)
            })
            .collect();
        let numbers =
            columns.iter().map(|(name, values)| (name.clone(), numbers(values).unwrap())).collect();
        columns.insert("label".into(), label);
        let (texts, ends) = (vec!["label".into()], Vec::new());
        Table { n_row, texts, ends, columns, numbers }
    }

    #[test]
    fn values_agree_within_the_halves_that_face_each_other() {
        assert_eq!(apart([1.0, 0.0, 4.0], [6.0, 2.0, 7.0]), 1.0);
        assert_eq!(apart([6.0, 2.0, 7.0], [1.0, 0.0, 4.0]), 1.0);
        assert_eq!(apart([1.0, 0.0, 1.0], [1.0, 1.0, 2.0]), 0.0);
    }

    #[test]
    fn edges_of_bins_are_not_measured_and_tell_rows_apart() {
        let of = |snr: &[f64], low: &[f64], rms: &[f64]| {
            let ends: Vec<f64> = rms.iter().map(|rms| rms - 1.0).collect();
            table(&[("snr", snr), ("snr_lo", low), ("rms", rms), ("rms_lo", &ends)])
        };
        let old = of(&[7.0, 15.0], &[5.0, 10.0], &[30.0, 20.0]);
        let new = of(&[16.0], &[10.0], &[21.5]);
        assert!(!is_measured(&old, &new, "snr", "snr_lo"));
        assert!(is_measured(&old, &new, "rms", "rms_lo"));
        assert!(!is_measured(&old, &new, "share", "rms_lo"));
        let names = ["label".to_owned(), "snr_lo".to_owned()];
        let rows = old.rows(&names).unwrap();
        assert_eq!(rows[&("Teff, snr_lo 10.0".to_owned(), 0)], 1);
        assert_eq!(new.rows(&names).unwrap().keys().next(), rows.keys().next());
        let columns = |low: &str| ["rms", low, "snr"].map(str::to_owned);
        assert_eq!(old.triple(&columns("rms_lo"), 0), None);
        assert_eq!(new.triple(&columns("snr_lo"), 0), Some([21.5, 10.0, 16.0]));
    }
}
