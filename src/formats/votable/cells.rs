//! Cells as text, and which of a row's cells are wanted.

use super::field::VoField;
use super::{VoTableError, VoTableOptions};
use crate::formats::columns::{Column, Kind, Misfit, Spec, Value, listed, positions};

/// The wanted columns, and where they stand in a row.
pub(super) struct Selection {
    pub fields: Vec<VoField>,
    /// For each field the columns it goes to.
    pub targets: Vec<Vec<usize>>,
    pub columns: Vec<Column>,
}

impl Selection {
    pub fn new(fields: Vec<VoField>, options: &VoTableOptions) -> Result<Self, VoTableError> {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let wanted = options.columns.as_deref();
        let found = positions(&names, wanted).map_err(|column| VoTableError::Missing {
            column: column.to_owned(),
            available: listed(&names),
        })?;
        let mut targets = vec![Vec::new(); fields.len()];
        let mut columns = Vec::new();
        for (order, position) in found.into_iter().enumerate() {
            let field = &fields[position];
            let name = wanted.map_or(field.name.as_str(), |wanted| &wanted[order]);
            match field.spec(name) {
                Some(spec) => {
                    targets[position].push(columns.len());
                    columns.push(Column::new(spec));
                }
                None if wanted.is_none() => (),
                None => {
                    let (column, what) = (name.to_owned(), field.describe());
                    return Err(VoTableError::Unread { column, what });
                }
            }
        }
        Ok(Self { fields, targets, columns })
    }

    /// Appends a cell of `TABLEDATA` to the columns that want field `place`.
    pub fn push_text(&mut self, place: usize, cell: &str) -> Result<(), String> {
        let cell = cell.trim();
        let is_null = cell.is_empty() || self.fields[place].null.as_deref() == Some(cell);
        for target in &self.targets[place] {
            let column = &mut self.columns[*target];
            let taken = match (is_null, column.spec().vector) {
                (true, _) => column.push(Value::Null),
                (false, false) => scalar(column, cell),
                (false, true) => vector(column, cell),
            };
            taken.map_err(|Misfit| refused(column.spec(), cell))?;
        }
        Ok(())
    }
}

fn scalar(column: &mut Column, cell: &str) -> Result<(), Misfit> {
    // A truth value that is not known.
    if cell == "?" && column.spec().kind == Kind::Bool {
        return column.push(Value::Null);
    }
    column.push(Value::Text(cell))
}

fn vector(column: &mut Column, cell: &str) -> Result<(), Misfit> {
    let mut count = 0;
    for element in cell.split_ascii_whitespace() {
        column.push_element(Value::Text(element))?;
        count += 1;
    }
    column.end_vector(count)
}

pub(super) fn refused(spec: &Spec, cell: &str) -> String {
    let beginning: String = cell.chars().take(40).collect();
    format!("`{beginning}` is not {}", spec.kind.describe())
}
