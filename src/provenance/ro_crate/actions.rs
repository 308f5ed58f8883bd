//! What was done: the run, the work of each node, and what the engine did to have it done.

use serde_json::{Value, json};

use super::{ENGINE, WORKFLOW, at, step_id, table_id, tool_id, value_id};
use crate::provenance::history::History;
use crate::provenance::time::rfc3339;

/// The run, the work of each node, and what the engine did to have it done.
pub(super) fn actions(history: &History, graph: &mut Vec<Value>) {
    let (start, end) = (rfc3339(history.started), rfc3339(history.ended()));
    let done = "http://schema.org/CompletedActionStatus";
    let objects: Vec<Value> =
        history.sources.keys().map(|slot| at(format!("#dataset/{slot}"))).collect();
    let results: Vec<Value> = history.products.iter().map(|p| at(&p.path)).collect();
    graph.push(json!({
        "@id": "#run",
        "@type": "CreateAction",
        "name": format!("run {}", history.run),
        "description": history.command,
        "instrument": at(WORKFLOW),
        "agent": at("#project"),
        "object": objects,
        "result": results,
        "startTime": start,
        "endTime": end,
        "actionStatus": at(done),
    }));
    let controls: Vec<Value> =
        history.activities.iter().map(|a| at(format!("#control/{}", a.name))).collect();
    graph.push(json!({
        "@id": "#organize",
        "@type": "OrganizeAction",
        "name": format!("run of mdwarf {}", history.run),
        "instrument": at(ENGINE),
        "agent": at("#project"),
        "object": controls,
        "result": at("#run"),
        "startTime": start,
        "endTime": end,
        "actionStatus": at(done),
    }));
    for activity in &history.activities {
        let tables = activity.uses.iter().map(|(_, table)| at(table_id(table)));
        let dataset = activity.dataset.iter().map(|slot| at(format!("#dataset/{slot}")));
        let values =
            activity.parameters().into_iter().map(|(path, _)| at(value_id(activity, &path)));
        let objects: Vec<Value> = tables.chain(dataset).chain(values).collect();
        let results: Vec<Value> = activity.makes.iter().map(|table| at(table_id(table))).collect();
        graph.push(json!({
            "@id": format!("#action/{}", activity.name),
            "@type": "CreateAction",
            "name": format!("{} ({}, revision {})", activity.name, activity.stage, activity.revision),
            "description": format!(
                "{} {}; record {}, by {}, {:.2} s",
                activity.about, activity.section, activity.key, activity.code, activity.seconds
            ).trim(),
            "instrument": at(tool_id(&activity.stage)),
            "agent": at("#project"),
            "object": objects,
            "result": results,
            "startTime": start,
            "endTime": end,
            "actionStatus": at(done),
        }));
        graph.push(json!({
            "@id": format!("#control/{}", activity.name),
            "@type": "ControlAction",
            "name": format!("{} in run {}", activity.name, history.run),
            "instrument": at(step_id(activity)),
            "agent": at("#project"),
            "object": at(format!("#action/{}", activity.name)),
            "startTime": start,
            "endTime": end,
            "actionStatus": at(done),
        }));
    }
}
