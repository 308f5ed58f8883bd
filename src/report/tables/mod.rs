//! Tables: plain rows, written as Markdown, LaTeX (AASTeX's `deluxetable`) and machine-readable table (MRT of the
//! AAS journals, the format of CDS), and Tables 1-4 of Li et al. 2021.

mod latex;
mod markdown;
mod mrt;
mod paper;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::report::plot::fixed;

pub use paper::{
    CatalogRow, ClusterRow, Field, PAPER_FIELDS, catalog_fields, cluster_means, notation,
    stellar_labels,
};

/// A cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A whole number: identifiers, counts.
    Integer(i64),
    /// A real number; one that is not finite counts as missing.
    Real(f64),
    /// No value.
    Missing,
}

impl Cell {
    /// Text.
    pub fn text(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }

    /// A real number, or missing.
    pub fn real(value: Option<f64>) -> Self {
        value.map_or(Cell::Missing, Cell::Real)
    }

    /// A count.
    pub fn count(n: usize) -> Self {
        i64::try_from(n).map_or(Cell::Missing, Cell::Integer)
    }

    /// Whether there is nothing to write.
    pub fn is_missing(&self) -> bool {
        match self {
            Cell::Text(text) => text.trim().is_empty(),
            Cell::Integer(_) => false,
            Cell::Real(value) => !value.is_finite(),
            Cell::Missing => true,
        }
    }

    /// As text with `decimals`, ASCII minus; empty if missing.
    pub fn ascii(&self, decimals: usize) -> String {
        match self {
            _ if self.is_missing() => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Integer(n) => n.to_string(),
            Cell::Real(value) => fixed(*value, decimals).replace('\u{2212}', "-"),
            Cell::Missing => String::new(),
        }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Text, at the left.
    Text,
    /// Whole numbers.
    Integer,
    /// Real numbers with so many decimals.
    Real(usize),
}

impl Kind {
    /// Decimals of real numbers.
    pub fn decimals(self) -> usize {
        match self {
            Kind::Real(decimals) => decimals,
            _ => 0,
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Label, ASCII without blanks: `M_H_AP`.
    pub name: String,
    /// Heading in print, marked text (`T_{eff}`); the label if empty.
    pub heading: String,
    /// Unit; empty if none.
    pub unit: String,
    /// One sentence without period.
    pub about: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is the error of the column before it, with which it is printed as a ± b.
    pub is_error: bool,
}

impl Column {
    /// A column without heading of its own.
    pub fn new(name: &str, unit: &str, about: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            heading: String::new(),
            unit: unit.to_owned(),
            about: about.to_owned(),
            kind,
            is_error: false,
        }
    }

    /// With a heading in print.
    pub fn headed(self, heading: &str) -> Self {
        Self { heading: heading.to_owned(), ..self }
    }

    /// As error of the column before it.
    pub fn error(self) -> Self {
        Self { is_error: true, ..self }
    }

    /// What heads it in print.
    pub fn title(&self) -> &str {
        if self.heading.is_empty() { &self.name } else { &self.heading }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// File stem, unique in a report: `table3_clusters`.
    pub name: String,
    /// Title without period, marked text.
    pub title: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows; cells beyond the columns are ignored, absent ones missing.
    pub rows: Vec<Vec<Cell>>,
    /// Notes below the table.
    pub notes: Vec<String>,
}

impl Table {
    /// The cell, or a missing one.
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        static MISSING: Cell = Cell::Missing;
        self.rows.get(row).and_then(|cells| cells.get(column)).unwrap_or(&MISSING)
    }

    /// Columns as printed: the index of a value's column and, if there is one, of its error's.
    pub fn printed(&self) -> Vec<(usize, Option<usize>)> {
        let mut found: Vec<(usize, Option<usize>)> = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            match found.last_mut() {
                Some((_, error @ None)) if column.is_error => *error = Some(i),
                _ => found.push((i, None)),
            }
        }
        found
    }

    /// Value and error of a printed cell as text with a true minus sign; empty if missing.
    pub fn shown(&self, row: usize, (value, error): (usize, Option<usize>)) -> (String, String) {
        let write = |column: usize| {
            let kind = self.columns[column].kind;
            match self.cell(row, column) {
                cell @ Cell::Real(_) => cell.ascii(kind.decimals()).replace('-', "\u{2212}"),
                cell => cell.ascii(0),
            }
        };
        (write(value), error.map_or(String::new(), write))
    }

    /// The first `n` rows, with a note that says so.
    pub fn head(&self, n: usize) -> Table {
        let mut table = self.clone();
        if self.rows.len() > n {
            table.rows.truncate(n);
            table.notes.push(format!(
                "The first {n} of {} rows; the whole table is in machine-readable form.",
                crate::report::plot::count(self.rows.len())
            ));
        }
        table
    }
}
