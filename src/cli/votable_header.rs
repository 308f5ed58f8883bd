//! What the header of a published VOTable says of its table.

use serde_json::{Value, json};

use super::origin::{TableOrigin, sources};
use crate::engine::digest::Digest;
use crate::engine::error::{EngineError, Result};
use crate::engine::evaluate::Outputs;
use crate::engine::lineage::{Kind, Lineage, LineageNode};
use crate::provenance::votable::{Group, Header, Param};

/// The header: facts of the work, the datasets, and where each column is from.
///
/// # Errors
/// Parameters that have no JSON form.
pub fn header(
    origin: &TableOrigin<'_>,
    done: &[Option<Outputs>],
    sets: &[String],
) -> Result<Header> {
    let columns = origin.columns.iter();
    let columns = columns.map(|(meta, lineage)| (meta.name.clone(), column(&meta.name, lineage)));
    Ok(Header {
        infos: infos(origin, done, sets)?,
        datasets: origin.datasets().into_iter().map(|(slot, facts)| dataset(slot, facts)).collect(),
        columns: columns.collect(),
    })
}

fn infos(
    origin: &TableOrigin<'_>,
    done: &[Option<Outputs>],
    sets: &[String],
) -> Result<Vec<(String, String)>> {
    let pipeline = &origin.project.pipeline;
    let (node, output) = origin.table;
    let mut infos = vec![
        ("pipeline", pipeline.name.clone()),
        ("pipeline_digest", format!("blake3:{}", pipeline_digest(origin)?)),
        ("profile", pipeline.profile.clone()),
        ("method", pipeline.method.clone()),
    ];
    infos.extend(sets.iter().map(|set| ("set", set.clone())));
    if let Some(artifact) = done[node].as_ref().and_then(|outputs| outputs.get(output)) {
        infos.push(("server_software", artifact.record.code.clone()));
        infos.push(("table", artifact.name.clone()));
        infos.push(("key", format!("blake3:{}", artifact.record.name)));
    }
    infos.push(("seed", pipeline.seed.to_string()));
    infos.push(("provenance_model", "https://www.ivoa.net/documents/ProvenanceDM/".to_owned()));
    for (slot, facts) in origin.datasets() {
        let address = facts["slot"]["url"].as_str().map(str::to_owned);
        infos.push(("is_derived_from", address.unwrap_or_else(|| format!("dataset:{slot}"))));
    }
    Ok(infos.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The digest of all nodes that the table rests on: stage, revision, parameters, what they read, seed.
fn pipeline_digest(origin: &TableOrigin<'_>) -> Result<Digest> {
    Digest::of_json(&json!(origin.stages())).map_err(EngineError::table("pipeline"))
}

fn param(name: &'static str, utype: &'static str, value: impl ToString) -> Param {
    Param { name, utype, value: value.to_string() }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn dataset(slot: &str, facts: &Value) -> Group {
    let known = &facts["slot"];
    let files = facts["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut params = vec![
        param("release", "", words(&known["release"])),
        param("reference_url", "voprov:Entity.location", words(&known["url"])),
        param("rights", "", words(&known["licence"])),
        param("made_by", "", words(&facts["made_by"])),
        param("absent", "", words(&facts["absent"])),
    ];
    match files {
        [] => {}
        [file] => {
            params.push(param("file", "voprov:Entity.name", words(&file["name"])));
            params.push(param("file_origin", "voprov:Entity.location", words(&file["origin"])));
            params.push(param("blake3", "voprov:Entity.id", words(&file["blake3"])));
        }
        many => {
            let digests: String = many.iter().map(|f| words(&f["blake3"]) + "\n").collect();
            let of_list = Digest::of_bytes(digests.as_bytes());
            params.push(param("files", "", many.len()));
            params.push(param("blake3_of_list", "voprov:Entity.id", of_list));
        }
    }
    Group {
        name: format!("dataset_{slot}"),
        utype: "voprov:DatasetEntity",
        about: words(&known["about"]),
        params,
    }
}

fn column(name: &str, lineage: &Lineage) -> Group {
    let facts = lineage.nodes.first().map_or(&Value::Null, |node| &node.facts);
    let made = made(lineage);
    let node = made.map_or(&Value::Null, |made| &made.facts["node"]);
    let stage = lineage.stages.iter().find(|s| !node.is_null() && s["node"] == *node);
    let of_stage = |key: &str| stage.map_or(String::new(), |stage| words(&stage[key]));
    let params = vec![
        param("column", "voprov:Entity.name", made.map_or("", |made| made.id.as_str())),
        param("node", "voprov:Activity.name", words(node)),
        param("stage", "voprov:ActivityDescription.name", of_stage("stage")),
        param("revision", "voprov:ActivityDescription.version", of_stage("revision")),
        param("section", "", of_stage("section")),
        param("key", "voprov:Activity.id", of_stage("key")),
        param("program", "voprov:Agent.name", of_stage("code")),
        param("blake3", "voprov:Entity.id", words(&facts["digest"])),
        param("from", "voprov:WasDerivedFrom", made.map_or(String::new(), |m| from(lineage, m))),
        param("sources", "voprov:WasDerivedFrom", sources(lineage, Kind::Direct).join(" ")),
        param("decided_by", "voprov:Used", sources(lineage, Kind::Indirect).join(" ")),
    ];
    Group {
        name: format!("provenance_{name}"),
        utype: "voprov:Entity",
        about: format!("where {name} is from"),
        params,
    }
}

/// The column that a column is handed on from, itself if it is made where it stands.
fn made(lineage: &Lineage) -> Option<&LineageNode> {
    let direct = super::column_tree::Sources::of(lineage);
    let id = direct.made_at(&lineage.nodes.first()?.id);
    lineage.nodes.iter().find(|node| node.id == id)
}

/// What a column is made of: ` flux of a.b.c; label of d.e.f`.
fn from(lineage: &Lineage, made: &LineageNode) -> String {
    let edges = lineage.edges.iter().filter(|e| e.to == made.id && e.kind == Kind::Direct);
    edges.map(|e| format!("{} of {}", e.how, e.from)).collect::<Vec<_>>().join("; ")
}
