//! A machine-readable table of the AAS journals: a byte-by-byte description, then rows of fixed width, all in
//! ASCII (CDS' "Standards for Astronomical Catalogues", version 2.0, sections 3 and 4).

use super::{Cell, Column, Kind, Table};
use crate::report::plot::plain;

/// Width of the description.
const WIDTH: usize = 80;

/// A column laid out.
struct Field {
    first: usize,
    last: usize,
    format: String,
    may_lack: bool,
}

impl Table {
    /// The whole file. `authors` are one line.
    pub fn mrt(&self, authors: &str) -> String {
        let cells = self.cells();
        let fields = self.fields(&cells);
        let rule = |c: &str| format!("{}\n", c.repeat(WIDTH));
        let mut text = wrapped("Title: ", 7, &plain(&self.title));
        text.push_str(&wrapped("Authors: ", 9, authors));
        text.push_str(&wrapped("Table: ", 7, &plain(&self.title)));
        text.push_str(&rule("="));
        text.push_str(&format!("Byte-by-byte Description of file: {}.txt\n", self.name));
        text.push_str(&rule("-"));
        text.push_str("   Bytes Format Units     Label          Explanations\n");
        text.push_str(&rule("-"));
        for (column, field) in self.columns.iter().zip(&fields) {
            text.push_str(&described(column, field));
        }
        text.push_str(&rule("-"));
        for (i, note) in self.notes.iter().enumerate() {
            text.push_str(&wrapped(&format!("Note ({}): ", i + 1), 4, note));
        }
        if !self.notes.is_empty() {
            text.push_str(&rule("-"));
        }
        for row in &cells {
            text.push_str(&self.line(row, &fields));
        }
        text
    }

    fn cells(&self) -> Vec<Vec<String>> {
        (0..self.rows.len())
            .map(|row| {
                let columns = self.columns.iter().enumerate();
                columns.map(|(i, column)| written(self.cell(row, i), column.kind)).collect()
            })
            .collect()
    }

    fn fields(&self, cells: &[Vec<String>]) -> Vec<Field> {
        let mut first = 1;
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(i, column)| {
                let width = cells.iter().map(|row| row[i].len()).max().unwrap_or(0).max(1);
                let field = Field {
                    first,
                    last: first + width - 1,
                    format: match column.kind {
                        Kind::Text => format!("A{width}"),
                        Kind::Integer | Kind::Real(0) => format!("I{width}"),
                        Kind::Real(decimals) => format!("F{width}.{decimals}"),
                    },
                    may_lack: cells.iter().any(|row| row[i].is_empty()),
                };
                first = field.last + 2;
                field
            })
            .collect()
    }

    fn line(&self, row: &[String], fields: &[Field]) -> String {
        let mut line = String::new();
        for ((cell, field), column) in row.iter().zip(fields).zip(&self.columns) {
            let width = field.last - field.first + 1;
            if field.first > 1 {
                line.push(' ');
            }
            match column.kind {
                Kind::Text => line.push_str(&format!("{cell:<width$}")),
                _ => line.push_str(&format!("{cell:>width$}")),
            }
        }
        // Blanks at the end are kept: every row has the bytes that are described.
        line.push('\n');
        line
    }
}

/// The lines of a column's description.
fn described(column: &Column, field: &Field) -> String {
    // CDS writes the unit of a logarithm so.
    let unit = match column.unit.as_str() {
        "" => "---",
        "dex" => "[-]",
        unit => unit,
    };
    let bytes = if field.first == field.last {
        format!("{:>8}", field.first)
    } else {
        format!("{:>4}-{:>3}", field.first, field.last)
    };
    let (unit, name) = (ascii(unit), ascii(&column.name));
    let head = format!("{bytes} {:<6} {unit:<9} {name:<14} ", field.format);
    let lack = if field.may_lack { "? " } else { "" };
    wrapped(&head, head.len(), &format!("{lack}{}", plain(&column.about)))
}

/// A cell in ASCII; what is not of its column's kind is missing.
fn written(cell: &Cell, kind: Kind) -> String {
    match (cell, kind) {
        (Cell::Text(text), Kind::Text) => ascii(text.trim()),
        (Cell::Integer(_), Kind::Integer | Kind::Text) | (Cell::Real(_), Kind::Real(_)) => {
            cell.ascii(kind.decimals())
        }
        (Cell::Integer(n), Kind::Real(decimals)) => Cell::Real(*n as f64).ascii(decimals),
        _ => String::new(),
    }
}

/// Text in ASCII on one line.
fn ascii(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '\u{2212}' | '–' | '—' => plain.push('-'),
            '±' => plain.push_str("+-"),
            '≤' => plain.push_str("<="),
            '≥' => plain.push_str(">="),
            'σ' => plain.push_str("sigma"),
            'α' => plain.push_str("alpha"),
            'Δ' => plain.push_str("Delta"),
            'Å' => plain.push_str("Angstrom"),
            '\n' | '\r' | '\t' => plain.push(' '),
            c if c.is_ascii() && !c.is_ascii_control() => plain.push(c),
            _ => plain.push('?'),
        }
    }
    plain
}

/// Text broken at blanks, its first line after `head`, the others behind `indent` blanks.
fn wrapped(head: &str, indent: usize, text: &str) -> String {
    let mut lines = vec![head.to_owned()];
    let mut is_fresh = true;
    for word in ascii(text).split_whitespace() {
        let length = lines.last().map_or(0, String::len) + word.len() + usize::from(!is_fresh);
        if length > WIDTH && !is_fresh {
            lines.push(" ".repeat(indent));
            is_fresh = true;
        }
        if let Some(line) = lines.last_mut() {
            if !is_fresh {
                line.push(' ');
            }
            line.push_str(word);
        }
        is_fresh = false;
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}
