//! The verb `trace`: one row through the whole graph, with each verdict on it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::args::Cli;
use super::failure::{Failure, USAGE};
use super::project::Planned;
use super::table::cell;
use super::talk::Talk;
use crate::engine::pipeline::Pipeline;
use crate::engine::trace::Step;

/// A step with what became of the row there.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    step: Step,
    verdict: &'static str,
}

const KEPT: &str = "kept";
const REJECTED: &str = "rejected";
const PRESENT: &str = "present";

/// Follows a row.
pub fn trace(cli: &Cli, id: i64, column: &str, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::open(&cli.common, talk)?;
    let project = &planned.project;
    let steps = project.pipeline.trace(&project.store, &planned.plan.done, column, id)?;
    if steps.is_empty() {
        return Err(nowhere(&planned, id, column));
    }
    let told: Vec<Told> = steps
        .into_iter()
        .map(|step| Told { verdict: verdict(&project.pipeline, &step), step })
        .collect();
    if cli.common.json {
        talk.json(&told);
    } else {
        talk.out(&text(column, id, &told));
    }
    Ok(0)
}

/// Kept or rejected, where the node accounts for its rows.
fn verdict(pipeline: &Pipeline, step: &Step) -> &'static str {
    let node = pipeline.nodes.iter().find(|node| node.name == step.node);
    match node.and_then(|node| node.work.accounts()) {
        Some(accounts) if accounts.kept == step.output => KEPT,
        Some(accounts) if accounts.rejects == step.output => REJECTED,
        _ => PRESENT,
    }
}

fn nowhere(planned: &Planned, id: i64, column: &str) -> Failure {
    let done = &planned.plan.done;
    let failure = Failure {
        code: USAGE,
        ..Failure::usage(format!("no table of the latest results has a row with {column} {id}"))
    };
    if done.iter().all(Option::is_none) {
        return failure.hint("nothing was made yet: run `mdwarf run` first");
    }
    let ids: BTreeSet<&str> = done
        .iter()
        .flatten()
        .flatten()
        .filter_map(|artifact| artifact.schema.row_id.as_deref())
        .collect();
    if !ids.contains(column) {
        let ids: Vec<String> = ids.into_iter().map(|id| format!("`{id}`")).collect();
        return failure.hint(format!("row ids are {}; name one with `--column`", ids.join(", ")));
    }
    if planned.plan.is_fresh() {
        failure.hint("look for the id in the dataset that it should come from")
    } else {
        failure.hint("some nodes are stale and were not searched: run `mdwarf run` first")
    }
}

fn text(column: &str, id: i64, told: &[Told]) -> String {
    let mut lines = vec![format!("{column} {id}")];
    for (index, told) in told.iter().enumerate() {
        let step = &told.step;
        let place = [step.stage.as_str(), step.section.as_str()];
        let place: Vec<&str> = place.into_iter().filter(|word| !word.is_empty()).collect();
        let verdict = match told.verdict {
            REJECTED => format!("REJECTED{}", criterion(&step.rows)),
            KEPT => "kept".to_owned(),
            _ => format!("in `{}`", step.output),
        };
        lines.push(format!("{:>3}. {} ({}): {verdict}", index + 1, step.node, place.join(", ")));
        for values in &step.rows {
            let values = details(values, column, told.verdict == REJECTED);
            if !values.is_empty() {
                lines.push(format!("     {}", values.join(", ")));
            }
        }
    }
    lines.join("\n")
}

/// ` by \`criterion\`: value 1, threshold 2`, where the rejects table says so.
fn criterion(rows: &[Map<String, Value>]) -> String {
    let Some(row) = rows.first() else {
        return String::new();
    };
    if let Some(criterion) = row.get("criterion").and_then(Value::as_str) {
        if row.get("missing") == Some(&Value::Bool(true)) {
            return format!(" by `{criterion}`: a value is missing");
        }
        let shown = |key: &str| row.get(key).map(cell).unwrap_or_else(|| "-".into());
        let (value, threshold) = (shown("value"), shown("threshold"));
        return format!(" by `{criterion}`: value {value}, threshold {threshold}");
    }
    let reason = row.get("reason").and_then(Value::as_str);
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// The other values of a row; the id and those of the verdict itself are not told twice.
fn details(values: &Map<String, Value>, id: &str, rejected: bool) -> Vec<String> {
    let told = ["criterion", "value", "threshold", "missing", "failed", "reason"];
    values
        .iter()
        .filter(|(name, value)| !value.is_null() && *name != id)
        .filter(|(name, _)| !(rejected && told.contains(&name.as_str())))
        .map(|(name, value)| format!("{name} = {}", cell(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(node: &str, output: &str, verdict: &'static str, row: Value) -> Told {
        let row = row.as_object().cloned().unwrap_or_default();
        let step = Step {
            node: node.into(),
            stage: "cuts".into(),
            section: "§3.1".into(),
            output: output.into(),
            rows: vec![row],
        };
        Told { step, verdict }
    }

    #[test]
    fn each_step_says_what_became_of_the_row() {
        let steps = [
            told("spectra", "spectra", PRESENT, json!({"snr": 12.5, "flux": "3700 values"})),
            told("quality", "kept", KEPT, json!({})),
            told(
                "cuts",
                "rejects",
                REJECTED,
                json!({
                    "obsid": 7, "criterion": "snr", "value": 12.5, "threshold": 50.0,
                    "missing": false, "failed": 1,
                }),
            ),
        ];
        let expected = "\
obsid 7
  1. spectra (cuts, §3.1): in `spectra`
     snr = 12.5, flux = 3700 values
  2. quality (cuts, §3.1): kept
  3. cuts (cuts, §3.1): REJECTED by `snr`: value 12.5, threshold 50";
        assert_eq!(text("obsid", 7, &steps), expected);
        let json = serde_json::to_value(&steps[2]).unwrap();
        assert_eq!(json["verdict"], "rejected");
        assert_eq!(json["rows"][0]["criterion"], "snr");
    }

    #[test]
    fn a_missing_value_and_a_bare_reason_are_told() {
        let row = |value: Value| vec![value.as_object().cloned().unwrap()];
        let missing = row(json!({"criterion": "mag", "missing": true, "value": null}));
        assert_eq!(criterion(&missing), " by `mag`: a value is missing");
        assert_eq!(criterion(&row(json!({"reason": "no source"}))), ": no source");
        assert_eq!(criterion(&[]), "");
    }
}
