//! Tables as columns, ready for a writer of any format.

/// Values of a column. Missing: NaN for floating-point numbers, an empty text; integers are never missing but for the
/// sentinels that an archive itself writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    I16(Vec<i16>),
    Bool(Vec<bool>),
    /// Texts and the width of a fixed-width format, in bytes; no text is longer.
    Text(Vec<String>, usize),
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::Text(v, _) => v.len(),
        }
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value as text, as a CSV file has it: nothing for a missing one.
    pub fn text(&self, row: usize) -> String {
        fn number<T: std::fmt::Display>(value: T, missing: bool) -> String {
            if missing { String::new() } else { value.to_string() }
        }
        match self {
            Self::F64(v) => number(v[row], v[row].is_nan()),
            Self::F32(v) => number(v[row], v[row].is_nan()),
            Self::I64(v) => v[row].to_string(),
            Self::I32(v) => v[row].to_string(),
            Self::I16(v) => v[row].to_string(),
            Self::Bool(v) => v[row].to_string(),
            Self::Text(v, _) => v[row].clone(),
        }
    }

    /// Adds the rows of another part of the same column; false when the types differ.
    fn append(&mut self, other: Self) -> bool {
        match (self, other) {
            (Self::F64(a), Self::F64(b)) => a.extend(b),
            (Self::F32(a), Self::F32(b)) => a.extend(b),
            (Self::I64(a), Self::I64(b)) => a.extend(b),
            (Self::I32(a), Self::I32(b)) => a.extend(b),
            (Self::I16(a), Self::I16(b)) => a.extend(b),
            (Self::Bool(a), Self::Bool(b)) => a.extend(b),
            (Self::Text(a, _), Self::Text(b, _)) => a.extend(b),
            _ => return false,
        }
        true
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: &'static str,
    /// Unit as the archives write it (`deg`, `mas.yr**-1`); empty for none.
    pub unit: &'static str,
    pub description: &'static str,
    pub values: Values,
}

/// A table, or one shard of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<Column>,
}

/// Two tables that are not parts of one.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "table {table}: column {column} of one part is missing from, or of another type in, the other; parts of one table must come from one builder"
)]
pub struct PartsDiffer {
    pub table: &'static str,
    pub column: &'static str,
}

impl Table {
    /// An empty table.
    pub fn new(name: &'static str) -> Self {
        Self { name, columns: Vec::new() }
    }

    /// Number of rows.
    pub fn n_row(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Values of a floating-point column, as f64.
    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        match &self.column(name)?.values {
            Values::F64(v) => Some(v.clone()),
            Values::F32(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
            Values::I64(v) => Some(v.iter().map(|x| *x as f64).collect()),
            Values::I32(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
            Values::I16(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
            Values::Bool(_) | Values::Text(..) => None,
        }
    }

    /// Adds the rows of the next shard.
    pub fn append(&mut self, other: Self) -> Result<(), PartsDiffer> {
        if self.columns.is_empty() {
            self.columns = other.columns;
            return Ok(());
        }
        for (mine, theirs) in self.columns.iter_mut().zip(other.columns) {
            let column = mine.name;
            if mine.name != theirs.name || !mine.values.append(theirs.values) {
                return Err(PartsDiffer { table: self.name, column });
            }
        }
        Ok(())
    }

    fn with(
        mut self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        values: Values,
    ) -> Self {
        self.columns.push(Column { name, unit, description, values });
        self
    }

    /// Adds a column of f64, one value a row.
    pub fn f64<R>(
        self,
        (name, unit, description): Heading,
        rows: &[R],
        of: impl Fn(&R) -> f64,
    ) -> Self {
        self.with(name, unit, description, Values::F64(rows.iter().map(of).collect()))
    }

    /// Adds a column of f32.
    pub fn f32<R>(
        self,
        (name, unit, description): Heading,
        rows: &[R],
        of: impl Fn(&R) -> f64,
    ) -> Self {
        let values = rows.iter().map(|row| of(row) as f32).collect();
        self.with(name, unit, description, Values::F32(values))
    }

    /// Adds a column of i64.
    pub fn i64<R>(
        self,
        (name, unit, description): Heading,
        rows: &[R],
        of: impl Fn(&R) -> i64,
    ) -> Self {
        self.with(name, unit, description, Values::I64(rows.iter().map(of).collect()))
    }

    /// Adds a column of i32.
    pub fn i32<R>(
        self,
        (name, unit, description): Heading,
        rows: &[R],
        of: impl Fn(&R) -> i32,
    ) -> Self {
        self.with(name, unit, description, Values::I32(rows.iter().map(of).collect()))
    }

    /// Adds a column of i16.
    pub fn i16<R>(
        self,
        (name, unit, description): Heading,
        rows: &[R],
        of: impl Fn(&R) -> i16,
    ) -> Self {
        self.with(name, unit, description, Values::I16(rows.iter().map(of).collect()))
    }

    /// Adds a column of truth values.
    pub fn bool<R>(
        self,
        (name, unit, description): Heading,
        rows: &[R],
        of: impl Fn(&R) -> bool,
    ) -> Self {
        self.with(name, unit, description, Values::Bool(rows.iter().map(of).collect()))
    }

    /// Adds a column of texts of at most `width` bytes; longer ones are cut.
    pub fn text<R>(
        self,
        (name, unit, description): Heading,
        width: usize,
        rows: &[R],
        of: impl Fn(&R) -> String,
    ) -> Self {
        let cut = |mut text: String| {
            let end = (0..=width.min(text.len())).rev().find(|i| text.is_char_boundary(*i));
            text.truncate(end.unwrap_or(0));
            text
        };
        let values = rows.iter().map(|row| cut(of(row))).collect();
        self.with(name, unit, description, Values::Text(values, width))
    }

    /// The table as comma-separated text with a heading line; texts hold no commas or quotes.
    pub fn to_csv(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        let mut csv = names.join(",");
        csv.push('\n');
        for row in 0..self.n_row() {
            let cells: Vec<String> = self.columns.iter().map(|c| c.values.text(row)).collect();
            csv.push_str(&cells.join(","));
            csv.push('\n');
        }
        csv
    }
}

/// Name, unit and description of a column.
pub type Heading = (&'static str, &'static str, &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_append_and_differing_parts_are_refused() {
        let rows = [1.0, f64::NAN];
        let part = || Table::new("t").f64(("x", "mas", "a number"), &rows, |x| *x);
        let mut table = Table::new("t");
        table.append(part()).unwrap();
        table.append(part()).unwrap();
        assert_eq!(table.n_row(), 4);
        assert_eq!(table.to_csv(), "x\n1\n\n1\n\n");
        let other = Table::new("t").text(("x", "", "a text"), 3, &rows, |_| "abcd".to_owned());
        assert_eq!(other.column("x").unwrap().values.text(0), "abc");
        let refused = table.append(other).unwrap_err();
        assert_eq!(refused, PartsDiffer { table: "t", column: "x" });
    }
}
