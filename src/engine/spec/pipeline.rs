//! The grammar of `pipeline.toml`.

use serde::Deserialize;

use super::claim::{Claim, RawClaim};
use super::contradiction::{Contradiction, read_contradictions};
use super::de::read_table;
use super::error::{SpecError, suggestion};
use super::fault::Owner;
use super::matrix::{RawAxes, read_matrix};
use super::names::{check_name, check_path};
use super::source_map::Span;
use super::value::{Entry, Ordered, Spanned, Table, Value};
use super::{Binding, DatasetSlot, NodeSpec, PRINTED, PortRef, Publication};

/// The language of `pipeline.toml` that this code reads.
const VERSION: i64 = 1;

/// Keys of a slot that say what it is, not what fills it.
pub(super) const SLOT_KEYS: [&str; 3] = ["about", "format", "section"];

/// Keys of a node that are not parameters of its stage.
const NODE_KEYS: [&str; 5] = ["stage", "in", "section", "about", "when"];

/// `pipeline.toml` before overlays.
#[derive(Default)]
pub(super) struct Pipeline {
    pub head: Option<Head>,
    pub datasets: Ordered<DatasetSlot>,
    pub nodes: Ordered<NodeSpec>,
    pub methods: Ordered<Entry>,
    pub publish: Vec<Publication>,
    pub claims: Vec<Claim>,
    pub contradictions: Vec<Contradiction>,
    pub matrices: Vec<RawAxes>,
}

/// `[pipeline]`.
#[derive(Deserialize)]
pub(super) struct Head {
    pub name: Spanned<String>,
    pub seed: u64,
    pub version: Option<Spanned<i64>>,
    pub bibcode: Option<String>,
}

#[derive(Deserialize)]
struct RawDataset {
    about: String,
    format: Option<Spanned<String>>,
    section: Option<String>,
}

#[derive(Deserialize)]
struct RawNode {
    stage: Spanned<String>,
    section: String,
    about: Option<String>,
}

/// Reads the document; what cannot be read is left out and reported.
pub(super) fn read_pipeline(
    mut document: Table,
    start: &Span,
    errors: &mut Vec<SpecError>,
) -> Pipeline {
    let mut pipeline = Pipeline::default();
    match document.0.remove("pipeline") {
        Some(entry) => pipeline.head = keep(read_head(entry), errors),
        None => errors.push(missing_section("pipeline", start)),
    }
    for (name, entry) in take_tables(&mut document, "dataset", errors) {
        if let Some(slot) = keep(read_dataset(&name, entry), errors) {
            pipeline.datasets.insert(name, slot);
        }
    }
    for (name, entry) in take_tables(&mut document, "node", errors) {
        if let Some(node) = read_node(&name, entry, errors) {
            pipeline.nodes.insert(name, node);
        }
    }
    pipeline.methods = take_tables(&mut document, "method", errors);
    for (name, entry) in &pipeline.methods {
        keep(check_method(name, &entry.key), errors);
    }
    if let Some(entry) = document.0.remove("publish") {
        pipeline.publish = read_publish(entry, errors);
    }
    if let Some(entry) = document.0.remove("claim") {
        pipeline.claims = read_claims(entry, errors);
    }
    if let Some(entry) = document.0.remove("contradiction") {
        pipeline.contradictions = read_contradictions(entry, errors);
    }
    pipeline.matrices = read_matrices(&mut document, errors);
    let sections =
        ["pipeline", "dataset", "node", "method", "matrix", "publish", "claim", "contradiction"];
    refuse_rest(&document, &sections, errors);
    pipeline
}

/// The tables under `[section.NAME]`, with every other kind of value refused.
pub(super) fn take_tables(
    document: &mut Table,
    section: &str,
    errors: &mut Vec<SpecError>,
) -> Ordered<Entry> {
    let Some(entry) = document.0.remove(section) else {
        return Ordered::new();
    };
    let wrong = |found: &Value, name: &str, span: &Span| {
        let message = format!("expected tables [{section}.{name}], found {}", found.kind());
        SpecError::new("spec.type", message, span.clone(), "not a table")
    };
    let mut tables = Ordered::new();
    match entry.value.value {
        Value::Table(table) => {
            for (name, entry) in table.0 {
                match &entry.value.value {
                    Value::Table(_) => drop(tables.insert(name, entry)),
                    other => errors.push(wrong(other, &name, &entry.value.span)),
                }
            }
        }
        other => errors.push(wrong(&other, "NAME", &entry.value.span)),
    }
    tables
}

/// All `[matrix.NAME]`.
pub(super) fn read_matrices(document: &mut Table, errors: &mut Vec<SpecError>) -> Vec<RawAxes> {
    let tables = take_tables(document, "matrix", errors);
    tables.iter().filter_map(|(name, entry)| keep(read_matrix(name, entry), errors)).collect()
}

/// Reports the keys of a document that no section took.
pub(super) fn refuse_rest(document: &Table, sections: &[&str], errors: &mut Vec<SpecError>) {
    for (key, entry) in &document.0 {
        let message = format!("unknown section [{key}]");
        let error = SpecError::new("spec.unknown-key", message, entry.key.clone(), "not a section");
        errors.push(error.help(suggestion(key, sections, "section")));
    }
}

pub(super) fn missing_section(name: &str, start: &Span) -> SpecError {
    let message = format!("missing section [{name}]");
    SpecError::new("spec.missing", message, start.clone(), "in this file")
}

/// Reads a section's table into a type.
pub(super) fn read_section<T: serde::de::DeserializeOwned>(
    name: String,
    entry: &Entry,
) -> Result<T, SpecError> {
    let owner = Owner { name, noun: "key" };
    match &entry.value.value {
        Value::Table(table) => read_table(table, &entry.key, &owner),
        other => {
            let message = format!("{}: expected a table, found {}", owner.name, other.kind());
            Err(SpecError::new("spec.type", message, entry.value.span.clone(), "here"))
        }
    }
}

/// Keeps what went well and reports the rest.
pub(super) fn keep<T>(result: Result<T, SpecError>, errors: &mut Vec<SpecError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn read_head(entry: Entry) -> Result<Head, SpecError> {
    let head: Head = read_section("[pipeline]".into(), &entry)?;
    check_name("pipeline", &head.name, &head.name.span)?;
    match &head.version {
        Some(version) if version.value != VERSION => {
            let message = format!("language version {} is not known", version.value);
            Err(SpecError::new("spec.version", message, version.span.clone(), "here")
                .help(format!("this program reads version {VERSION}")))
        }
        _ => Ok(head),
    }
}

pub(super) fn read_dataset(name: &str, entry: Entry) -> Result<DatasetSlot, SpecError> {
    check_name("dataset", name, &entry.key)?;
    let raw: RawDataset = read_section(format!("[dataset.{name}]"), &entry)?;
    Ok(DatasetSlot {
        name: name.to_owned(),
        span: entry.key.clone(),
        about: raw.about,
        format: raw.format,
        section: raw.section,
        binding: Binding::Absent { reason: "not bound".into() },
        cite: String::new(),
        archive: None,
        binding_span: entry.key,
    })
}

pub(super) fn read_node(name: &str, entry: Entry, errors: &mut Vec<SpecError>) -> Option<NodeSpec> {
    keep(check_node_name(name, &entry.key), errors)?;
    let Value::Table(mut params) = entry.value.value else {
        return None;
    };
    let mut own = take_keys(&mut params, &NODE_KEYS);
    if let Some(when) = own.0.remove("when") {
        errors.push(when_refused(name, when.key));
    }
    let inputs = own.0.remove("in");
    let inputs = inputs.map(|entry| read_inputs(name, entry, errors));
    let owner = Owner { name: format!("[node.{name}]"), noun: "key" };
    let raw: RawNode = keep(read_table(&own, &entry.key, &owner), errors)?;
    keep(check_name("stage", &raw.stage, &raw.stage.span), errors)?;
    let node = NodeSpec {
        name: name.to_owned(),
        name_span: entry.key,
        stage: raw.stage,
        inputs: inputs.unwrap_or_default(),
        section: raw.section,
        about: raw.about,
        params,
    };
    refuse_ambiguous(&node, errors);
    Some(node)
}

fn check_node_name(name: &str, span: &Span) -> Result<(), SpecError> {
    if name == "pipeline" {
        let message = "a node cannot be called `pipeline`";
        let error = SpecError::new("spec.name", message, span.clone(), "here");
        return Err(error.help("`--set pipeline.seed=…` would be ambiguous"));
    }
    check_name("node", name, span)
}

/// Moves some keys of a table into one of their own.
pub(super) fn take_keys(table: &mut Table, keys: &[&str]) -> Table {
    let mut taken = Table::default();
    for key in keys {
        if let Some((key, entry)) = table.0.remove_entry(*key) {
            taken.0.insert(key, entry);
        }
    }
    taken
}

fn when_refused(node: &str, span: Span) -> SpecError {
    let message = format!("`when` is not a key of [node.{node}]: nodes have no conditions");
    SpecError::new("spec.unknown-key", message, span, "not accepted").help(
        "a node runs when its inputs are there; bind a dataset as absent in the profile, or set a parameter in a method",
    )
}

/// Reads `in = { port = "node.port" }`, also of an overlay.
pub(super) fn read_inputs(
    node: &str,
    entry: Entry,
    errors: &mut Vec<SpecError>,
) -> Ordered<PortRef> {
    let mut inputs = Ordered::new();
    let Value::Table(table) = entry.value.value else {
        let message =
            format!("`in` of [node.{node}]: expected a table, found {}", entry.value.value.kind());
        let error = SpecError::new("spec.type", message, entry.value.span, "here");
        errors.push(error.help("write `in = { stars = \"matched.stars\" }`"));
        return inputs;
    };
    for (port, entry) in table.0 {
        let read = check_name("port", &port, &entry.key)
            .and_then(|()| port_ref(&format!("port `{port}` of [node.{node}]"), entry.value));
        if let Some(from) = keep(read, errors) {
            inputs.insert(port, from);
        }
    }
    inputs
}

/// Reads a reference from a value.
pub(super) fn port_ref(what: &str, value: Spanned<Value>) -> Result<PortRef, SpecError> {
    match value.value {
        Value::Text(text) => PortRef::parse(&Spanned::new(text, value.span)),
        other => {
            let message = format!("{what}: expected `node` or `node.port`, found {}", other.kind());
            Err(SpecError::new("spec.type", message, value.span, "here"))
        }
    }
}

/// `--set node.x=…` must mean one thing.
fn refuse_ambiguous(node: &NodeSpec, errors: &mut Vec<SpecError>) {
    for (port, from) in &node.inputs {
        if let Some(entry) = node.params.0.get(port) {
            let message =
                format!("`{port}` is both a port and a parameter of node `{}`", node.name);
            let error =
                SpecError::new("spec.duplicate", message, entry.key.clone(), "as parameter");
            errors.push(error.label(from.span.clone(), "as port"));
        }
    }
}

fn check_method(name: &str, span: &Span) -> Result<(), SpecError> {
    check_name("method", name, span)?;
    if name != PRINTED {
        return Ok(());
    }
    let message = format!("[method.{PRINTED}] is not accepted: it is the file itself");
    Err(SpecError::new("spec.method", message, span.clone(), "here")
        .help("write the printed values under [node.NAME]"))
}

pub(super) fn read_publish(entry: Entry, errors: &mut Vec<SpecError>) -> Vec<Publication> {
    let Value::Table(table) = entry.value.value else {
        let message = format!("[publish]: expected a table, found {}", entry.value.value.kind());
        errors.push(SpecError::new("spec.type", message, entry.value.span, "here"));
        return Vec::new();
    };
    let mut published: Vec<Publication> = Vec::new();
    for (file, entry) in table.0 {
        let from = check_path("a published file", &file, &entry.key)
            .and_then(|()| port_ref(&format!("`{file}` in [publish]"), entry.value));
        if let Some(from) = keep(from, errors) {
            let file = Spanned::new(file, entry.key);
            published.push(Publication { file, from });
        }
    }
    refuse_nested(&published, errors);
    published
}

/// A file cannot also be a directory of other files.
fn refuse_nested(published: &[Publication], errors: &mut Vec<SpecError>) {
    let files: std::collections::HashMap<&str, &Span> =
        published.iter().map(|p| (p.file.as_str(), &p.file.span)).collect();
    for publication in published {
        let file = &publication.file;
        let parents = file.match_indices('/').map(|(at, _)| &file[..at]);
        for (parent, span) in parents.filter_map(|p| files.get_key_value(p)) {
            let message = format!("`{}` cannot be below the file `{parent}`", file.value);
            let error = SpecError::new("spec.path", message, file.span.clone(), "below a file");
            errors.push(error.label((*span).clone(), "the file"));
        }
    }
}

pub(super) fn read_claims(entry: Entry, errors: &mut Vec<SpecError>) -> Vec<Claim> {
    let Value::Array(items) = entry.value.value else {
        let message = "a claim is written as [[claim]], with two brackets";
        errors.push(SpecError::new("spec.type", message, entry.key, "here"));
        return Vec::new();
    };
    let mut claims: Vec<Claim> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for item in items {
        let key = item.span.clone();
        let raw = read_section::<RawClaim>("[[claim]]".into(), &Entry { key, value: item });
        let Some(claim) = keep(raw.and_then(RawClaim::check), errors) else {
            continue;
        };
        if let Some(first) = seen.insert(claim.id.value.clone(), claim.id.span.clone()) {
            let message = format!("claim `{}` is written twice", claim.id.value);
            let error = SpecError::new("spec.duplicate", message, claim.id.span.clone(), "again");
            errors.push(error.label(first, "first"));
        }
        claims.push(claim);
    }
    claims
}
