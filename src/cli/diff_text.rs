//! How two runs differ, in words.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::diff::{MeasuredDiff, NodeDiff, RunDiff};
use super::table::{count, number, table};
use crate::engine::claims::Status;
use crate::engine::diff::{ColumnDiff, TableDiff};
use crate::engine::measured::Measured;

/// Ids and changes beyond this are only counted.
const SHOWN: usize = 6;

/// The whole difference.
pub fn text(diff: &RunDiff) -> String {
    let [old, new] = &diff.runs;
    let mut lines = vec![format!("{} -> {}", old.run, new.run)];
    lines.extend(diff.head.iter().map(|d| format!("  {d}")));
    section("MADE OF", diff.causes.iter().map(|d| format!("  {d}")), &mut lines);
    if !diff.nodes.is_empty() {
        lines.push(format!(
            "\nNODES: {} with other inputs, {} the same",
            diff.nodes.len(),
            diff.same_nodes
        ));
        lines.extend(diff.nodes.iter().flat_map(node));
    } else {
        lines.push(format!("\nNODES: all {} the same", diff.same_nodes));
    }
    if !diff.tables.is_empty() {
        lines.push(format!(
            "\nPUBLISHED TABLES: {} differ, {} the same",
            diff.tables.len(),
            diff.same_tables
        ));
        lines.extend(diff.tables.iter().map(one_table));
    } else if diff.same_tables > 0 {
        lines.push(format!("\nPUBLISHED TABLES: all {} the same", diff.same_tables));
    }
    if diff.measured.numbers > 0 {
        lines.push(measured(&diff.measured));
    }
    if !diff.claims.is_empty() {
        lines.push(format!("\nCLAIMS: {} came out otherwise", diff.claims.len()));
        lines.push(claims(diff));
    }
    section("NOT SHOWN", diff.not_shown.iter().map(|why| format!("  {why}")), &mut lines);
    lines.join("\n")
}

fn section(title: &str, more: impl Iterator<Item = String>, lines: &mut Vec<String>) {
    let mut more = more.peekable();
    if more.peek().is_some() {
        lines.push(format!("\n{title}"));
        lines.extend(more);
    }
}

/// A node: what was asked of it otherwise; of changed inputs only the number of columns.
fn node(diff: &NodeDiff) -> Vec<String> {
    let asked = |change: &&String| {
        change.starts_with("parameter")
            || change.starts_with("revision")
            || change.starts_with("seed")
            || change.starts_with("stage")
            || change.contains("newly")
            || change.contains("no longer")
    };
    let mut line = format!("  {}", diff.node);
    line.push_str(&match (diff.moved.len(), diff.columns) {
        (0, 0) => ": its rows are chosen anew".to_owned(),
        (0, n) => format!(": all {} made there the same", count(n, "column")),
        (moved, n) => format!(": {moved} of {} made there moved", count(n, "column")),
    });
    for (output, [old, new]) in &diff.rows {
        line.push_str(&format!("; {output} {old} -> {new} rows"));
    }
    let mut lines = vec![line];
    let asked: Vec<&String> = diff.changes.iter().filter(asked).collect();
    lines.extend(asked.iter().take(SHOWN).map(|change| format!("      {change}")));
    if asked.len() > SHOWN {
        lines.push(format!("      and {} more", asked.len() - SHOWN));
    }
    lines
}

fn one_table(diff: &TableDiff) -> String {
    let mut head = format!("  {}: {} -> {} rows", diff.table, diff.rows_old, diff.rows_new);
    if let Some(id) = &diff.row_id {
        head.push_str(&format!(
            ", by {id}: {} entered, {} left",
            diff.entered.len(),
            diff.left.len()
        ));
    }
    let mut lines = vec![format!("{head}; {} the same", count(diff.same, "column"))];
    for (what, ids) in [("entered", &diff.entered), ("left", &diff.left)] {
        if !ids.is_empty() {
            let shown: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
            let more = ids.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            lines.push(format!("    {what}: {}{more}", shown.join(", ")));
        }
    }
    let is_told = |c: &&ColumnDiff| c.rows > 0 || c.was.is_some();
    lines.extend(diff.changed.iter().filter(is_told).map(|c| format!("    {}", column(c))));
    let others = diff.changed.iter().filter(|c| !is_told(c)).map(|c| c.column.as_str());
    let others: Vec<&str> = others.collect();
    if !others.is_empty() {
        lines.push(format!("    other content: {}", others.join(", ")));
    }
    for (what, names) in [("no longer there", &diff.gone), ("new", &diff.new)] {
        if !names.is_empty() {
            lines.push(format!("    {what}: {}", names.join(", ")));
        }
    }
    lines.join("\n")
}

fn column(diff: &ColumnDiff) -> String {
    let name = match &diff.was {
        Some(was) => format!("{was} -> {}", diff.column),
        None => diff.column.clone(),
    };
    let unit = if diff.unit.is_empty() { String::new() } else { format!(" {}", diff.unit) };
    let mut words = Vec::new();
    if let (Some(median), Some(largest)) = (diff.median, diff.largest) {
        let at = diff.largest_at.map(|id| format!(" at {id}")).unwrap_or_default();
        words.push(format!(
            "median {}{unit}, largest {}{unit}{at}",
            signed(median),
            signed(largest)
        ));
    }
    if let Some([old, new]) = &diff.example {
        words.push(format!("as {old} -> {new}"));
    }
    for (n, what) in [(diff.lost, "became missing"), (diff.gained, "was missing before")] {
        if n > 0 {
            words.push(format!("{n} {what}"));
        }
    }
    let rows = match (diff.rows, words.is_empty()) {
        (0, true) => "renamed".to_owned(),
        (1, _) => "1 row differs".to_owned(),
        (n, _) => format!("{n} rows differ"),
    };
    words.insert(0, rows);
    format!("{name}: {}", words.join("; "))
}

fn signed(value: f64) -> String {
    let text = number(value, 4);
    if value > 0.0 { format!("+{text}") } else { text }
}

fn measured(diff: &MeasuredDiff) -> String {
    let MeasuredDiff { numbers, agree, tables, apart } = diff;
    let share = 100.0 * *agree as f64 / *numbers as f64;
    let of = count(*numbers, "number");
    let head = format!(
        "\nMEASURED: of {of} that differ, {agree} agree within 95 % intervals ({share:.1} %)"
    );
    if apart.is_empty() {
        return head;
    }
    let triple = |[value, low, high]: [f64; 3]| {
        format!("{} [{}, {}]", number(value, 4), number(low, 4), number(high, 4))
    };
    let row = |m: &Measured| {
        let (row, column) = (m.row.clone(), m.column.clone());
        vec![format!("  {}", m.table), row, column, triple(m.old), triple(m.new)]
    };
    let shown = apart.iter().take(SHOWN).map(row).collect();
    let more = match apart.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more that do not agree (`--json` has all)"),
    };
    format!(
        "{head}\n{}\n\n{}{more}",
        of_tables(tables),
        table(&["  FARTHEST APART", "ROW", "COLUMN", "OLD", "NEW"], &[], shown)
    )
}

/// Tables with numbers that do not agree, those with most of them first.
fn of_tables(tables: &BTreeMap<String, [usize; 2]>) -> String {
    let mut differing: Vec<_> = tables.iter().filter(|(_, [all, agree])| agree < all).collect();
    differing.sort_by_key(|(_, [all, agree])| Reverse(all - agree));
    let row = |(name, [all, agree]): &(&String, &[usize; 2])| {
        vec![format!("  {name}"), all.to_string(), agree.to_string()]
    };
    let rows = differing.iter().map(row).collect();
    table(&["  TABLE", "NUMBERS", "AGREE"], &["NUMBERS", "AGREE"], rows)
}

fn claims(diff: &RunDiff) -> String {
    let value = |value: Option<f64>| value.map_or("-".into(), |value| number(value, 5));
    let status = |status: Option<Status>| status.map_or("-".into(), |status| status.to_string());
    let rows = diff.claims.iter().map(|claim| {
        let [old, new] = claim.value.map(value);
        let [was, now] = claim.status.map(status);
        let verdict = if was == now { now } else { format!("{was} -> {now}") };
        vec![format!("  {}", claim.id), claim.paper.clone(), old, new, verdict]
    });
    table(&["  CLAIM", "PAPER", "OLD", "NEW", "STATUS"], &["OLD", "NEW"], rows.collect())
}
