//! OpenLineage 2.0.2 run events: a START and a COMPLETE for each node, children of the run; tables and datasets with
//! schema, version and column lineage.

use serde_json::{Map, Value, json};

use super::history::{Activity, Column, Dependence, History, Source, Table};
use super::time::rfc3339;

/// The namespace of jobs and tables.
const NAMESPACE: &str = "mdwarf";
/// Who says so.
const PRODUCER: &str = concat!("urn:mdwarf:", env!("CARGO_PKG_VERSION"));
const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// All events of a run, in order.
///
/// `uuid_of` makes 16 bytes of a name, the same for the same name.
pub fn openlineage(history: &History, uuid_of: &dyn Fn(&str) -> [u8; 16]) -> Vec<Value> {
    let run = uuid(uuid_of(&format!("run {}", history.run)));
    let job = json!({ "namespace": NAMESPACE, "name": history.pipeline });
    let (start, end) = (rfc3339(history.started), rfc3339(history.ended()));
    let mut events = vec![event("START", &start, &run, job.clone(), json!({}), [vec![], vec![]])];
    for activity in &history.activities {
        let id = uuid(uuid_of(&format!("node {} of {}", activity.name, history.run)));
        let parent = json!({
            "parent": facet("1-1-0/ParentRunFacet", json!({
                "run": { "runId": run }, "job": { "namespace": NAMESPACE, "name": history.pipeline },
            })),
            "processing_engine": facet("1-1-1/ProcessingEngineRunFacet", json!({
                "version": activity.code, "name": "mdwarf",
            })),
            "mdwarf": own(json!({
                "stage": activity.stage,
                "revision": activity.revision,
                "section": activity.section,
                "params": activity.params,
                "seed": activity.seed,
                "key": activity.key,
                "machine": history.machine,
                "seconds": activity.seconds,
            })),
        });
        let job = node_job(history, activity);
        let inputs = inputs(history, activity);
        let made = activity.makes.iter().filter_map(|name| Some((name, history.tables.get(name)?)));
        let outputs = made.map(|(name, table)| output(name, table)).collect();
        let none = [vec![], vec![]];
        events.push(event("START", &start, &id, job.clone(), parent.clone(), none));
        events.push(event("COMPLETE", &end, &id, job, parent, [inputs, outputs]));
    }
    let facets = json!({ "mdwarf": own(json!({
        "profile": history.profile, "method": history.method, "set": history.sets,
        "command": history.command,
    }))});
    events.push(event("COMPLETE", &end, &run, job, facets, [vec![], vec![]]));
    events
}

fn event(
    kind: &str,
    at: &str,
    run: &str,
    job: Value,
    facets: Value,
    tables: [Vec<Value>; 2],
) -> Value {
    let [inputs, outputs] = tables;
    json!({
        "eventType": kind,
        "eventTime": at,
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "run": { "runId": run, "facets": facets },
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
    })
}

fn node_job(history: &History, activity: &Activity) -> Value {
    json!({
        "namespace": NAMESPACE,
        "name": format!("{}.{}", history.pipeline, activity.name),
        "facets": {
            "documentation": facet("1-1-0/DocumentationJobFacet", json!({
                "description": format!("{} {}", activity.about, activity.section).trim(),
            })),
            "jobType": facet("2-0-3/JobTypeJobFacet", json!({
                "processingType": "BATCH", "integration": "MDWARF", "jobType": "NODE",
            })),
        },
    })
}

/// A facet of the standard.
fn facet(schema: &str, content: Value) -> Value {
    let (version, name) = schema.split_once('/').unwrap_or((schema, ""));
    let url = format!("https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}");
    with(content, &url)
}

/// A facet of ours.
fn own(content: Value) -> Value {
    with(content, "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet")
}

fn with(content: Value, schema: &str) -> Value {
    let mut facet = Map::from_iter([
        ("_producer".to_owned(), json!(PRODUCER)),
        ("_schemaURL".to_owned(), json!(schema)),
    ]);
    if let Value::Object(content) = content {
        facet.extend(content);
    }
    Value::Object(facet)
}

/// Namespace and name of a table or a dataset.
fn named(table: &str) -> (String, String) {
    match table.strip_prefix("dataset:") {
        Some(slot) => ("mdwarf.dataset".into(), slot.to_owned()),
        None => (NAMESPACE.into(), table.to_owned()),
    }
}

fn inputs(history: &History, activity: &Activity) -> Vec<Value> {
    let mut names: Vec<&String> = activity.uses.iter().map(|(_, table)| table).collect();
    names.sort();
    names.dedup();
    let tables = names.into_iter().filter_map(|name| Some(input(name, history.tables.get(name)?)));
    let slot = activity.dataset.iter();
    let dataset = slot.filter_map(|slot| Some(dataset(slot, history.sources.get(slot)?)));
    tables.chain(dataset).collect()
}

fn input(name: &str, table: &Table) -> Value {
    json!({
        "namespace": NAMESPACE,
        "name": name,
        "facets": {
            "schema": schema(&table.columns),
            "version": facet("1-0-1/DatasetVersionDatasetFacet", json!({ "datasetVersion": table.digest })),
        },
    })
}

fn dataset(slot: &str, source: &Source) -> Value {
    let files: Vec<Value> = source
        .files
        .iter()
        .map(|f| json!({ "name": f.name, "blake3": f.blake3, "bytes": f.bytes, "url": f.url }))
        .collect();
    json!({
        "namespace": "mdwarf.dataset",
        "name": slot,
        "facets": {
            "documentation": facet("1-1-0/DocumentationDatasetFacet", json!({ "description": source.about })),
            "mdwarf_files": with(
                json!({ "release": source.release, "url": source.url, "licence": source.licence, "files": files }),
                "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetFacet",
            ),
        },
    })
}

fn schema(columns: &[Column]) -> Value {
    let fields: Vec<Value> = columns
        .iter()
        .map(|column| {
            let about = match column.unit.is_empty() {
                true => column.about.clone(),
                false => format!("{} [{}]", column.about, column.unit),
            };
            json!({ "name": column.name, "type": column.kind, "description": about })
        })
        .collect();
    facet("1-1-1/SchemaDatasetFacet", json!({ "fields": fields }))
}

fn output(name: &str, table: &Table) -> Value {
    let fields: Map<String, Value> = table
        .columns
        .iter()
        .map(|column| {
            let from: Vec<Value> = column.from.iter().filter_map(input_field).collect();
            (column.name.clone(), json!({ "inputFields": from }))
        })
        .collect();
    let rows: Vec<Value> = table.rows_from.iter().filter_map(input_field).collect();
    json!({
        "namespace": NAMESPACE,
        "name": name,
        "facets": {
            "schema": schema(&table.columns),
            "version": facet("1-0-1/DatasetVersionDatasetFacet", json!({ "datasetVersion": table.digest })),
            "columnLineage": facet("1-2-0/ColumnLineageDatasetFacet", json!({ "fields": fields, "dataset": rows })),
        },
        "outputFacets": {
            "outputStatistics": facet("1-0-2/OutputStatisticsOutputDatasetFacet", json!({ "rowCount": table.rows })),
        },
    })
}

/// A dependence; on a whole table it has no field and is no part of column lineage.
fn input_field(from: &Dependence) -> Option<Value> {
    let column = from.column.as_ref()?;
    let (namespace, name) = named(&from.table);
    let (kind, subtype) = transformation(from);
    Some(json!({
        "namespace": namespace,
        "name": name,
        "field": column,
        "transformations": [{
            "type": kind, "subtype": subtype, "description": from.how, "masking": false,
        }],
    }))
}

/// Type and subtype of the standard.
fn transformation(from: &Dependence) -> (&'static str, &'static str) {
    let how = from.how.as_str();
    let begins = |words: &[&str]| words.iter().any(|word| how.starts_with(word));
    match from.direct {
        true if begins(&["identity"]) => ("DIRECT", "IDENTITY"),
        true if begins(&[
            "derived: count",
            "derived: statistics",
            "derived: sum",
            "derived: fit",
        ]) =>
        {
            ("DIRECT", "AGGREGATION")
        }
        true => ("DIRECT", "TRANSFORMATION"),
        false if begins(&["join"]) => ("INDIRECT", "JOIN"),
        false if begins(&["filter"]) => ("INDIRECT", "FILTER"),
        false if begins(&["sort", "order"]) => ("INDIRECT", "SORT"),
        false if begins(&["group"]) => ("INDIRECT", "GROUP_BY"),
        false => ("INDIRECT", "CONDITIONAL"),
    }
}

/// 16 bytes as a UUID of version 8 (RFC 9562: bits of one's own).
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let at = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    at.join("-")
}
