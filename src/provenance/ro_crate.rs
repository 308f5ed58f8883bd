//! RO-Crate 1.1 with the Provenance Run Crate profile 0.5: `pipeline.toml` is the workflow, stages are its tools, nodes
//! its steps; the run, and the work of each node, are actions. Tables between nodes are described and not in the crate.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::history::{Activity, History};
use super::time::rfc3339;

/// A file of the crate beside the products.
#[derive(Clone, Debug)]
pub struct CrateFile {
    /// Its path in the crate.
    pub path: String,
    /// What it is.
    pub about: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
}

const RUN_PROFILES: [(&str, &str, &str); 3] = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
];
const WORKFLOW_PROFILE: &str = "https://w3id.org/workflowhub/workflow-ro-crate/1.0";
const WORKFLOW: &str = "pipeline.toml";
const ENGINE: &str = "#engine";
const LICENCE: &str = "https://spdx.org/licenses/MIT";

fn at(id: impl Into<String>) -> Value {
    json!({ "@id": id.into() })
}

/// The text of `ro-crate-metadata.json`; `files` lie in the crate beside the products.
pub fn ro_crate(history: &History, files: &[CrateFile]) -> Value {
    let mut graph = vec![descriptor(), root(history, files)];
    graph.extend(profiles());
    graph.push(json!({
        "@id": ENGINE,
        "@type": "SoftwareApplication",
        "name": "mdwarf",
        "description": "runs the pipeline, cached by content",
        "softwareVersion": history.program,
        "url": "https://doi.org/10.3847/1538-4365/abe1c1",
    }));
    graph.push(json!({
        "@id": "#toml",
        "@type": "ComputerLanguage",
        "name": "TOML",
        "alternateName": "mdwarf pipeline",
        "url": "https://toml.io/",
        "identifier": { "@id": "https://toml.io/" },
    }));
    graph.push(json!({
        "@id": LICENCE, "@type": "CreativeWork", "name": "MIT License", "identifier": LICENCE,
    }));
    graph.push(json!({
        "@id": "#project",
        "@type": "Organization",
        "name": "mdwarf",
        "url": "https://doi.org/10.3847/1538-4365/abe1c1",
    }));
    workflow(history, &mut graph);
    for file in files.iter().filter(|file| file.path != WORKFLOW) {
        graph.push(json!({
            "@id": file.path,
            "@type": "File",
            "name": file.path,
            "description": file.about,
            "encodingFormat": file.media_type,
            "contentSize": file.bytes.to_string(),
        }));
    }
    products(history, &mut graph);
    sources(history, &mut graph);
    tables(history, &mut graph);
    actions(history, &mut graph);
    let graph: Vec<Value> = graph.into_iter().map(plain).collect();
    json!({ "@context": ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"], "@graph": graph })
}

/// A list of one thing is that thing; an empty one says nothing.
fn plain(entity: Value) -> Value {
    let Value::Object(entity) = entity else { return entity };
    let told = entity.into_iter().filter_map(|(key, value)| match value {
        Value::Array(items) if items.is_empty() => None,
        Value::Array(mut items) if items.len() == 1 => Some((key, items.swap_remove(0))),
        value => Some((key, value)),
    });
    Value::Object(told.collect())
}

fn descriptor() -> Value {
    json!({
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": { "@id": "./" },
        "conformsTo": [
            { "@id": "https://w3id.org/ro/crate/1.1" },
            { "@id": WORKFLOW_PROFILE },
        ],
    })
}

fn root(history: &History, files: &[CrateFile]) -> Value {
    let mut conforms: Vec<Value> = RUN_PROFILES.iter().map(|(id, ..)| at(*id)).collect();
    conforms.push(at(WORKFLOW_PROFILE));
    let mut parts: Vec<Value> = files.iter().map(|file| at(&file.path)).collect();
    parts.extend(history.products.iter().map(|product| at(&product.path)));
    let mut mentions = vec![at("#run"), at("#organize")];
    mentions.extend(history.activities.iter().map(|a| at(format!("#action/{}", a.name))));
    mentions.extend(history.sources.keys().map(|slot| at(format!("#dataset/{slot}"))));
    json!({
        "@id": "./",
        "@type": "Dataset",
        "name": format!("{}, profile {}, method {}", history.pipeline, history.profile, history.method),
        "description": format!("Run {} of the pipeline {}: {}.", history.run, history.pipeline, history.about),
        "datePublished": rfc3339(history.ended()),
        "license": at(LICENCE),
        "publisher": at("#project"),
        "author": at("#project"),
        "conformsTo": conforms,
        "hasPart": parts,
        "mainEntity": at(WORKFLOW),
        "mentions": mentions,
    })
}

fn profiles() -> Vec<Value> {
    let mut profiles: Vec<Value> = RUN_PROFILES
        .iter()
        .map(|(id, name, version)| {
            json!({ "@id": id, "@type": "CreativeWork", "name": name, "version": version })
        })
        .collect();
    profiles.push(json!({
        "@id": WORKFLOW_PROFILE,
        "@type": "CreativeWork",
        "name": "Workflow RO-Crate",
        "version": "1.0",
    }));
    profiles
}

/// The workflow, its steps, its tools and their parameters.
fn workflow(history: &History, graph: &mut Vec<Value>) {
    let tools: BTreeMap<&str, &Activity> =
        history.activities.iter().map(|a| (a.stage.as_str(), a)).collect();
    let steps: Vec<Value> = history.activities.iter().map(|a| at(step_id(a))).collect();
    let inputs: Vec<Value> = history.sources.keys().map(|slot| at(format!("#in/{slot}"))).collect();
    let outputs: Vec<Value> =
        history.products.iter().map(|p| at(format!("#out/{}", p.path))).collect();
    let has_part: Vec<Value> = tools.keys().map(|stage| at(tool_id(stage))).collect();
    graph.push(json!({
        "@id": WORKFLOW,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": history.pipeline,
        "description": format!("the pipeline; made again by `{}`", history.command),
        "encodingFormat": "application/toml",
        "programmingLanguage": at("#toml"),
        "version": history.run,
        "url": "https://doi.org/10.3847/1538-4365/abe1c1",
        "license": at(LICENCE),
        "input": inputs,
        "output": outputs,
        "hasPart": has_part,
        "step": steps,
    }));
    for (position, activity) in history.activities.iter().enumerate() {
        graph.push(json!({
            "@id": step_id(activity),
            "@type": "HowToStep",
            "name": activity.name,
            "description": format!("{} {}", activity.about, activity.section).trim(),
            "position": position.to_string(),
            "workExample": at(tool_id(&activity.stage)),
        }));
    }
    for (stage, activity) in &tools {
        let parameters: Vec<Value> = history
            .activities
            .iter()
            .filter(|a| a.stage == **stage)
            .flat_map(Activity::parameters)
            .map(|(path, _)| path)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .map(|path| at(format!("#param/{stage}/{path}")))
            .collect();
        graph.push(json!({
            "@id": tool_id(stage),
            "@type": "SoftwareApplication",
            "name": stage,
            "description": activity.stage_about,
            "softwareVersion": format!("revision {}", activity.revision),
            "input": parameters,
            "url": "https://doi.org/10.3847/1538-4365/abe1c1",
        }));
    }
    let formal = |id: String, name: &str, kind: &str, about: &str, example: Value| {
        json!({
            "@id": id,
            "@type": "FormalParameter",
            "additionalType": kind,
            "name": name,
            "description": about,
            "workExample": example,
            "conformsTo": at("https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"),
        })
    };
    graph.push(json!({
        "@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE",
        "@type": "CreativeWork",
        "name": "FormalParameter profile",
        "version": "1.0-RELEASE",
    }));
    for (slot, source) in &history.sources {
        graph.push(formal(
            format!("#in/{slot}"),
            slot,
            "Collection",
            &source.about,
            at(format!("#dataset/{slot}")),
        ));
    }
    for product in &history.products {
        graph.push(formal(
            format!("#out/{}", product.path),
            &product.path,
            "File",
            &format!("a copy of the table {}", product.table),
            at(&product.path),
        ));
    }
    let mut examples: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for activity in &history.activities {
        for (path, value) in activity.parameters() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            graph.push(json!({
                "@id": value_id(activity, &path),
                "@type": "PropertyValue",
                "name": path,
                "value": text,
                "exampleOfWork": at(format!("#param/{}/{path}", activity.stage)),
            }));
            let of = examples.entry((activity.stage.clone(), path.clone())).or_default();
            of.push(at(value_id(activity, &path)));
        }
    }
    for ((stage, path), values) in examples {
        let about = format!("parameter of the stage {stage}");
        graph.push(formal(format!("#param/{stage}/{path}"), &path, "Text", &about, json!(values)));
    }
}

fn step_id(activity: &Activity) -> String {
    format!("{WORKFLOW}#{}", activity.name)
}

fn tool_id(stage: &str) -> String {
    format!("#stage/{stage}")
}

fn value_id(activity: &Activity, path: &str) -> String {
    format!("#value/{}/{path}", activity.name)
}

fn table_id(table: &str) -> String {
    format!("#table/{table}")
}

fn products(history: &History, graph: &mut Vec<Value>) {
    for product in &history.products {
        graph.push(json!({
            "@id": product.path,
            "@type": "File",
            "name": product.path,
            "description": format!("a copy of the table {}", product.table),
            "encodingFormat": media_type(&product.path),
            "contentSize": product.bytes.to_string(),
            "identifier": format!("blake3:{}", product.blake3),
            "exampleOfWork": at(format!("#out/{}", product.path)),
        }));
    }
}

/// The media type of a file by its name.
pub fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "parquet" => "application/vnd.apache.parquet",
        "fits" => "application/fits",
        "csv" => "text/csv",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "html" => "text/html",
        "json" => "application/json",
        "md" => "text/markdown",
        "xml" | "vot" => "application/x-votable+xml",
        "tex" => "application/x-tex",
        "toml" | "lock" => "application/toml",
        "gz" => "application/gzip",
        _ => "text/plain",
    }
}

fn sources(history: &History, graph: &mut Vec<Value>) {
    for (slot, source) in &history.sources {
        let mut about = source.about.clone();
        for (word, value) in [("release", &source.release), ("licence", &source.licence)] {
            if let Some(value) = value {
                about.push_str(&format!("; {word} {value}"));
            }
        }
        let parts: Vec<Value> = match &source.made_by {
            Some(table) => vec![at(table_id(table))],
            None => source.files.iter().map(|file| at(format!("#file/{}", file.blake3))).collect(),
        };
        graph.push(json!({
            "@id": format!("#dataset/{slot}"),
            "@type": "Collection",
            "name": slot,
            "description": about,
            "hasPart": parts,
            "exampleOfWork": at(format!("#in/{slot}")),
        }));
        for file in &source.files {
            let mut facts = json!({
                "@id": format!("#file/{}", file.blake3),
                "@type": "CreativeWork",
                "name": file.name,
                "identifier": format!("blake3:{}", file.blake3),
            });
            if let Some(url) = &file.url {
                facts["url"] = json!(url);
            }
            graph.push(facts);
        }
    }
}

fn tables(history: &History, graph: &mut Vec<Value>) {
    for (name, table) in &history.tables {
        graph.push(json!({
            "@id": table_id(name),
            "@type": "CreativeWork",
            "name": name,
            "description": format!("{} rows of {} columns; not in the crate", table.rows, table.columns.len()),
            "identifier": format!("blake3:{}", table.digest),
        }));
    }
}

/// The run, the work of each node, and what the engine did to have it done.
fn actions(history: &History, graph: &mut Vec<Value>) {
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
