//! What a figure reads: columns of the ports that are there. What is not there is empty.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use crate::engine::stage::StageError;
use crate::report::{Measured, Panel};
use crate::stages::columns::f64s_of;

/// A port of a figure and the columns that it reads there, each where the table has it.
pub type Read = (&'static str, &'static [&'static str]);

/// Columns of a table of statistics that figures show.
pub const STATISTICS: &[&str] = &[
    "label",
    "population",
    "mean",
    "mean_lo",
    "mean_hi",
    "sd",
    "sd_lo",
    "sd_hi",
    "slope",
    "slope_lo",
    "slope_hi",
    "robust_pull",
    "robust_pull_lo",
    "robust_pull_hi",
];

/// The tables of a figure by port.
pub struct Data<'a> {
    tables: BTreeMap<&'static str, RecordBatch>,
    columns: &'a BTreeMap<String, String>,
}

impl<'a> Data<'a> {
    /// Tables, and the names that columns have there where they are not the usual ones.
    pub fn new(
        tables: BTreeMap<&'static str, RecordBatch>,
        columns: &'a BTreeMap<String, String>,
    ) -> Self {
        Data { tables, columns }
    }

    /// The table at a port.
    pub fn table(&self, port: &str) -> Option<&RecordBatch> {
        self.tables.get(port)
    }

    /// Rows at a port.
    pub fn n_row(&self, port: &str) -> usize {
        self.table(port).map_or(0, RecordBatch::num_rows)
    }

    /// Whether a port has a column.
    pub fn has(&self, port: &str, column: &str) -> bool {
        self.column(port, column).is_some()
    }

    fn column(&self, port: &str, column: &str) -> Option<&ArrayRef> {
        let name = self.columns.get(column).map_or(column, String::as_str);
        self.table(port)?.column_by_name(name)
    }

    /// A numeric column, `(n_row,)`; NaN where there is no value or no column.
    ///
    /// # Errors
    /// A column that is no number.
    pub fn numbers(&self, port: &str, column: &str) -> Result<Vec<f64>, StageError> {
        match self.column(port, column) {
            Some(array) => f64s_of(array),
            None => Ok(vec![f64::NAN; self.n_row(port)]),
        }
    }

    /// A column of counts; zero where there is no value.
    ///
    /// # Errors
    /// A column that is no number.
    pub fn counts(&self, port: &str, column: &str) -> Result<Vec<usize>, StageError> {
        Ok(self.numbers(port, column)?.into_iter().map(|n| n.max(0.0) as usize).collect())
    }

    /// A column of row ids; -1 where there is none.
    ///
    /// # Errors
    /// A column that holds no whole numbers.
    pub fn ids(&self, port: &str, column: &str) -> Result<Vec<i64>, StageError> {
        let Some(array) = self.column(port, column) else { return Ok(vec![-1; self.n_row(port)]) };
        let array = cast(array, &DataType::Int64)?;
        Ok(array.as_primitive::<Int64Type>().iter().map(|id| id.unwrap_or(-1)).collect())
    }

    /// A column of text; empty where there is none.
    ///
    /// # Errors
    /// A column that cannot be written as text.
    pub fn texts(&self, port: &str, column: &str) -> Result<Vec<String>, StageError> {
        let Some(array) = self.column(port, column) else {
            return Ok(vec![String::new(); self.n_row(port)]);
        };
        let array = cast(array, &DataType::Utf8)?;
        let texts = array.as_string::<i32>().iter();
        Ok(texts.map(|text| text.unwrap_or_default().to_owned()).collect())
    }

    /// A column of truth values, null as false; without the column nothing is known: empty.
    pub fn marks(&self, port: &str, column: &str) -> Vec<bool> {
        let array = self.column(port, column).and_then(|array| array.as_boolean_opt());
        array.map_or(Vec::new(), |marks| marks.iter().map(|m| m == Some(true)).collect())
    }

    /// Row numbers in which columns of text have these values.
    ///
    /// # Errors
    /// A column that cannot be written as text.
    pub fn rows(&self, port: &str, want: &[(&str, &str)]) -> Result<Vec<usize>, StageError> {
        let mut rows: Vec<usize> = (0..self.n_row(port)).collect();
        for (column, value) in want {
            let texts = self.texts(port, column)?;
            rows.retain(|row| texts[*row] == *value);
        }
        Ok(rows)
    }

    /// Values with the intervals beside them (`NAME_lo`, `NAME_hi`), `(n_row,)`.
    ///
    /// # Errors
    /// A column that is no number.
    pub fn with_intervals(&self, port: &str, name: &str) -> Result<Vec<Measured>, StageError> {
        let value = self.numbers(port, name)?;
        let low = self.numbers(port, &format!("{name}_lo"))?;
        let high = self.numbers(port, &format!("{name}_hi"))?;
        let rows = value.into_iter().zip(low).zip(high);
        Ok(rows.map(|((value, low), high)| Measured { value, low, high }).collect())
    }

    /// A statistic of all rows of the sample of that label; `None` where it was not computed.
    ///
    /// # Errors
    /// A column of another kind than statistics have.
    pub fn statistic(
        &self,
        port: &str,
        label: Option<&str>,
        name: &str,
    ) -> Result<Option<Measured>, StageError> {
        let mut want = vec![("population", "all")];
        want.extend(label.map(|label| ("label", label)));
        let rows = self.rows(port, &want)?;
        let values = self.with_intervals(port, name)?;
        Ok(rows.first().map(|row| values[*row]).filter(|m| m.value.is_finite()))
    }
}

/// A panel, or the sentence that says what is missing for it.
pub fn panel<T>(data: &Data<'_>, port: &str, why: &str, value: T) -> Panel<T> {
    if data.table(port).is_some() { Panel::Data(value) } else { Panel::missing(why) }
}
