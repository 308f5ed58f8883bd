//! Tables for people: aligned columns, no frames, so that `grep`, `sort` and `cut` can go on with them.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// Lays out rows under a header; the columns named in `right` are right-aligned.
pub fn table(header: &[&str], right: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table.add_rows(rows);
    for (column, name) in table.column_iter_mut().zip(header) {
        column.set_padding((0, 2));
        if right.contains(name) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|l| l.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// `1 node`, `2 nodes`.
pub fn count(n: usize, noun: &str) -> String {
    counted(n, noun, &format!("{noun}s"))
}

/// The same for a noun with a plural of its own.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A number short enough for a table: as many as `digits` significant digits, no more than needed.
pub fn number(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..12).contains(&magnitude) {
        return format!("{value:.*e}", digits.saturating_sub(1));
    }
    let decimals = (digits as i32 - 1 - magnitude).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A JSON value as a cell: text without its quotes, null as a dash.
pub fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "-".into(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(n) if n.is_f64() => number(n.as_f64().unwrap_or(f64::NAN), 7),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let rows = vec![
            vec!["a".into(), "1".into(), "§ x".into()],
            vec!["long".into(), "1000".into(), String::new()],
        ];
        let text = table(&["NODE", "N", "WHY"], &["N"], rows);
        assert_eq!(text, "NODE     N  WHY\na        1  § x\nlong  1000");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(3500.0, 6), "3500");
        assert_eq!(number(71.234_567, 4), "71.23");
        assert_eq!(number(-0.25, 4), "-0.25");
        assert_eq!(number(1.5e-9, 3), "1.50e-9");
        assert_eq!(number(123_456.7, 3), "123457");
        assert_eq!(number(0.0, 3), "0");
    }

    #[test]
    fn cells_are_plain() {
        assert_eq!(cell(&json!("a b")), "a b");
        assert_eq!(cell(&json!(null)), "-");
        assert_eq!(cell(&json!(183404083)), "183404083");
        assert_eq!(cell(&json!(-0.1)), "-0.1");
        assert_eq!(count(1, "node"), "1 node");
        assert_eq!(count(0, "node"), "0 nodes");
    }
}
