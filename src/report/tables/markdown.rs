//! A table in Markdown, with pipes.

use super::{Kind, Table};
use crate::report::plot::plain;

impl Table {
    /// Title, header with units, rows, notes.
    pub fn markdown(&self) -> String {
        let printed = self.printed();
        let heads = printed.iter().map(|&(i, _)| {
            let column = &self.columns[i];
            let unit =
                if column.unit.is_empty() { String::new() } else { format!(" ({})", column.unit) };
            safe(&format!("{}{unit}", plain(column.title())))
        });
        let rules = printed.iter().map(|&(i, _)| match self.columns[i].kind {
            Kind::Text => ":--".to_owned(),
            _ => "--:".to_owned(),
        });
        let mut text = format!("**{}**\n\n", plain(&self.title));
        text.push_str(&line(heads.collect()));
        text.push_str(&line(rules.collect()));
        for row in 0..self.rows.len() {
            let cells = printed.iter().map(|&place| match self.shown(row, place) {
                (value, error) if error.is_empty() => safe(&value),
                (value, error) => safe(&format!("{value} ± {error}")),
            });
            text.push_str(&line(cells.collect()));
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}

fn line(cells: Vec<String>) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn safe(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ").replace('_', "\\_")
}
