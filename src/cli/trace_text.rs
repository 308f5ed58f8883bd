//! A row's way in words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::table::{cell, number};
use crate::engine::expression::Check;
use crate::engine::trace::{Step, Trace, Verdict};

/// Lines are broken here.
const WIDTH: usize = 110;

/// A row's way, and whose it is.
pub struct Told<'a> {
    /// The id column.
    pub column: &'a str,
    /// The id.
    pub id: i64,
    /// The way.
    pub trace: &'a Trace,
    /// The node of the product.
    pub catalog: Option<&'a str>,
}

/// The whole way: the end of it first, then step by step, then where the row has no counterpart.
pub fn text(told: &Told<'_>) -> String {
    let mut lines = vec![format!("{} {}: {}", told.column, told.id, ending(told))];
    let (aside, steps): (Vec<&Step>, Vec<&Step>) = told.trace.steps.iter().partition(|step| {
        step.verdict == Verdict::Rejected && !step.on_the_way && step.checks.is_empty()
    });
    let mut last = "";
    for (index, step) in steps.iter().enumerate() {
        if step.node != last {
            let about =
                if step.about.is_empty() { String::new() } else { format!(": {}", step.about) };
            let place = [step.stage.as_str(), step.section.as_str()];
            let place: Vec<&str> = place.into_iter().filter(|word| !word.is_empty()).collect();
            lines.push(format!("\n{:>3}. {} ({}){about}", index + 1, step.node, place.join(", ")));
        }
        last = &step.node;
        lines.push(format!("     {}", verdict(step)));
        lines.extend(step.checks.iter().map(|check| format!("       {}", condition(check))));
        for row in &step.rows {
            let values = details(row, told.column, step.verdict == Verdict::Rejected);
            wrap(&values, &mut lines);
        }
    }
    if !aside.is_empty() {
        lines.push("\nNo counterpart, and so not part of".into());
        for step in aside {
            lines.push(format!("  {} ({}){}", step.node, step.section, criterion(step)));
        }
    }
    if !told.trace.not_shown.is_empty() {
        lines.push("\nNot shown".into());
        lines.extend(told.trace.not_shown.iter().map(|why| format!("  {why}")));
    }
    lines.join("\n")
}

/// Whether the row is in the product, and if not, where its way ended.
fn ending(told: &Told<'_>) -> String {
    let steps = &told.trace.steps;
    let Some(catalog) = told.catalog else {
        return match steps.iter().find(|step| step.verdict == Verdict::Rejected) {
            Some(step) => format!("rejected by `{}`{}", step.node, criterion(step)),
            None => "not rejected".into(),
        };
    };
    if steps.iter().any(|step| step.node == catalog) {
        return format!("in `{catalog}`");
    }
    let lost = steps.iter().find(|step| step.verdict == Verdict::Rejected && step.on_the_way);
    match lost {
        Some(step) => {
            let section = if step.section.is_empty() {
                String::new()
            } else {
                format!(" ({})", step.section)
            };
            format!("not in `{catalog}`: rejected by `{}`{section}{}", step.node, criterion(step))
        }
        None => format!("not in `{catalog}`"),
    }
}

fn verdict(step: &Step) -> String {
    match step.verdict {
        Verdict::Rejected => format!("REJECTED{}", criterion(step)),
        Verdict::Kept => "kept".to_owned(),
        Verdict::Present => match step.rows.len() {
            0 | 1 => format!("in `{}`", step.output),
            n => format!("in `{}`, {n} rows", step.output),
        },
    }
}

/// ` by \`criterion\`: value 1, threshold 2`, where the rejects table says so.
fn criterion(step: &Step) -> String {
    let Some(row) = step.rows.first() else {
        return String::new();
    };
    if let Some(criterion) = row.get("criterion").and_then(Value::as_str) {
        if row.get("missing") == Some(&Value::Bool(true)) {
            return format!(" by `{criterion}`: a value is missing");
        }
        if row.get("value").is_none_or(Value::is_null) {
            return format!(" by `{criterion}`");
        }
        let shown = |key: &str| row.get(key).map(cell).unwrap_or_else(|| "-".into());
        let (value, threshold) = (shown("value"), shown("threshold"));
        return format!(" by `{criterion}`: value {value}, threshold {threshold}");
    }
    let reason = row.get("reason").and_then(Value::as_str);
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// `passes 3 ruwe: ruwe < 1.4 (ruwe is 1.02)`.
fn condition(check: &Check) -> String {
    let word = match (check.holds, check.missing) {
        (true, _) => "passes",
        (_, true) => "MISSING",
        _ => "FAILS ",
    };
    let value = check.value.map(|value| format!(", is {}", number(value, 6))).unwrap_or_default();
    format!("{word} {}: {}{value}", check.criterion, check.test)
}

/// The other values of a row; the id and those of the verdict itself are not told twice.
fn details(values: &Map<String, Value>, id: &str, rejected: bool) -> Vec<String> {
    let told: BTreeSet<&str> = match rejected {
        true => BTreeSet::from(["criterion", "value", "threshold", "missing", "failed", "reason"]),
        false => BTreeSet::new(),
    };
    values
        .iter()
        .filter(|(name, value)| !value.is_null() && *name != id && !told.contains(name.as_str()))
        .map(|(name, value)| format!("{name} = {}", shown(value)))
        .collect()
}

/// A vector by its extent.
fn shown(value: &Value) -> String {
    let Some(vector) = value.as_object() else { return cell(value) };
    let count = |key: &str| vector.get(key).and_then(Value::as_u64).unwrap_or_default();
    let mut text = format!("{} values", count("n"));
    if let (Some(min), Some(median), Some(max)) =
        (vector.get("min"), vector.get("median"), vector.get("max"))
    {
        let short = |value: &Value| number(value.as_f64().unwrap_or(f64::NAN), 4);
        text.push_str(&format!(" of {} to {}, median {}", short(min), short(max), short(median)));
    }
    for (key, what) in [("zero", "zero"), ("missing", "missing")] {
        if count(key) > 0 {
            text.push_str(&format!(", {} {what}", count(key)));
        }
    }
    format!("({text})")
}

fn wrap(values: &[String], lines: &mut Vec<String>) {
    let mut line = String::new();
    for value in values {
        if !line.is_empty() && line.chars().count() + value.chars().count() + 2 > WIDTH - 7 {
            lines.push(format!("       {line},"));
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(value);
    }
    if !line.is_empty() {
        lines.push(format!("       {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(node: &str, output: &str, verdict: Verdict, row: Value) -> Step {
        Step {
            node: node.into(),
            stage: "cuts".into(),
            about: String::new(),
            section: "§3.1".into(),
            output: output.into(),
            verdict,
            on_the_way: true,
            rows: vec![row.as_object().cloned().unwrap_or_default()],
            checks: Vec::new(),
        }
    }

    #[test]
    fn each_step_says_what_became_of_the_row() {
        let flux = json!({"n": 9, "zero": 1, "missing": 0, "min": 0.0, "median": 0.5, "max": 2.0});
        let mut cut = step(
            "cuts",
            "rejects",
            Verdict::Rejected,
            json!({
                "obsid": 7, "criterion": "snr", "value": 12.5, "threshold": 50.0,
                "missing": false, "failed": 1,
            }),
        );
        cut.checks = vec![Check {
            criterion: "snr".into(),
            test: "snr > 50".into(),
            value: Some(12.5),
            threshold: Some(50.0),
            holds: false,
            missing: false,
        }];
        let steps = vec![
            step("spectra", "spectra", Verdict::Present, json!({"snr": 12.5, "flux": flux})),
            cut,
        ];
        let trace = Trace { steps, not_shown: vec!["`x`: swept".into()] };
        let told = Told { column: "obsid", id: 7, trace: &trace, catalog: Some("catalog") };
        let expected = "\
obsid 7: not in `catalog`: rejected by `cuts` (§3.1) by `snr`: value 12.5, threshold 50

  1. spectra (cuts, §3.1)
     in `spectra`
       snr = 12.5, flux = (9 values of 0 to 2, median 0.5, 1 zero)

  2. cuts (cuts, §3.1)
     REJECTED by `snr`: value 12.5, threshold 50
       FAILS  snr: snr > 50, is 12.5

Not shown
  `x`: swept";
        assert_eq!(text(&told), expected);
    }

    #[test]
    fn a_missing_value_is_called_missing() {
        let row = json!({"criterion": "4 snri", "value": null, "missing": true});
        let step = step("cuts", "rejects", Verdict::Rejected, row);
        assert_eq!(criterion(&step), " by `4 snri`: a value is missing");
    }
}
