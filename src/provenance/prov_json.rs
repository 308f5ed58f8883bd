//! W3C PROV-JSON: nodes are activities, tables, datasets, files and products are entities, the program is the agent.
//! Columns are entities too: members of their table, derived from other columns where the dependence is direct,
//! influenced by them where it is not.

use serde_json::{Map, Value, json};

use super::history::{Activity, Dependence, History, Source, Table};
use super::time::rfc3339;

/// The namespace of everything here.
pub const NAMESPACE: &str = "urn:mdwarf:";

/// The records of a document, by kind.
#[derive(Default)]
pub(super) struct Document {
    pub(super) records: Map<String, Value>,
    anonymous: usize,
}

impl Document {
    /// A record with an identifier of its own.
    pub(super) fn named(&mut self, kind: &str, id: String, attributes: Value) {
        let records = self.records.entry(kind).or_insert_with(|| json!({}));
        if let Some(records) = records.as_object_mut() {
            records.insert(id, attributes);
        }
    }

    /// A relation.
    pub(super) fn relation(&mut self, kind: &str, attributes: Value) {
        self.anonymous += 1;
        let id = format!("_:r{}", self.anonymous);
        self.named(kind, id, attributes);
    }

    /// The document, its prefixes first.
    pub(super) fn finish(self, prefixes: &[(&str, &str)]) -> Value {
        let prefixes: Map<String, Value> =
            prefixes.iter().map(|(name, uri)| ((*name).to_owned(), json!(uri))).collect();
        let mut document = Map::from_iter([("prefix".to_owned(), Value::Object(prefixes))]);
        document.extend(self.records);
        Value::Object(document)
    }
}

/// An identifier: `mdwarf:table/catalog.catalog`.
pub(super) fn id(kind: &str, name: &str) -> String {
    format!("mdwarf:{kind}/{}", plain(name))
}

/// What a local name may hold; other bytes are written as in an address.
fn plain(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    name.bytes()
        .map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The identifier of what a dependence points to.
pub(super) fn source_id(table: &str, column: Option<&str>) -> String {
    match (table.strip_prefix("dataset:"), column) {
        (Some(slot), None) => id("dataset", slot),
        (Some(slot), Some(column)) => id("dataset-column", &format!("{slot}.{column}")),
        (None, Some(column)) => id("column", &format!("{table}.{column}")),
        (None, None) => id("table", table),
    }
}

/// The run as PROV-JSON.
pub fn prov_json(history: &History) -> Value {
    let mut document = Document::default();
    let program = id("program", &history.program);
    document.named(
        "agent",
        program.clone(),
        json!({
            "prov:type": { "$": "prov:SoftwareAgent", "type": "prov:QUALIFIED_NAME" },
            "prov:label": history.program,
            "mdwarf:machine": history.machine,
        }),
    );
    let plan = id("plan", &history.pipeline);
    document.named(
        "entity",
        plan.clone(),
        json!({
            "prov:type": { "$": "prov:Plan", "type": "prov:QUALIFIED_NAME" },
            "prov:label": format!("{} ({}, {})", history.pipeline, history.profile, history.method),
            "mdwarf:set": history.sets.join(" "),
            "mdwarf:command": history.command,
        }),
    );
    let run = id("run", &history.run);
    document.named(
        "activity",
        run.clone(),
        json!({
            "prov:startTime": rfc3339(history.started),
            "prov:endTime": rfc3339(history.ended()),
            "prov:label": format!("run {}", history.run),
        }),
    );
    document.relation(
        "wasAssociatedWith",
        json!({ "prov:activity": run, "prov:agent": program, "prov:plan": plan }),
    );
    for (slot, source) in &history.sources {
        dataset(&mut document, slot, source);
    }
    for activity in &history.activities {
        node(&mut document, activity, &program, &run);
    }
    for (name, table) in &history.tables {
        one_table(&mut document, name, table);
    }
    for product in &history.products {
        let entity = id("product", &product.path);
        document.named(
            "entity",
            entity.clone(),
            json!({
                "prov:label": product.path,
                "mdwarf:blake3": product.blake3,
                "mdwarf:bytes": number(product.bytes),
            }),
        );
        document.relation(
            "wasDerivedFrom",
            json!({ "prov:generatedEntity": entity, "prov:usedEntity": id("table", &product.table) }),
        );
        document.relation("wasGeneratedBy", json!({ "prov:entity": entity, "prov:activity": run }));
    }
    document.finish(&[("mdwarf", NAMESPACE)])
}

fn number(n: u64) -> Value {
    json!({ "$": n.to_string(), "type": "xsd:unsignedLong" })
}

fn dataset(document: &mut Document, slot: &str, source: &Source) {
    let entity = id("dataset", slot);
    let mut facts = json!({
        "prov:type": { "$": "prov:Collection", "type": "prov:QUALIFIED_NAME" },
        "prov:label": source.about,
    });
    for (key, value) in
        [("release", &source.release), ("url", &source.url), ("licence", &source.licence)]
    {
        if let Some(value) = value {
            facts[format!("mdwarf:{key}")] = json!(value);
        }
    }
    document.named("entity", entity.clone(), facts);
    for file in &source.files {
        let member = id("file", &file.blake3);
        let mut facts = json!({ "prov:label": file.name, "mdwarf:blake3": file.blake3 });
        if let Some(url) = &file.url {
            facts["prov:location"] = json!(url);
        }
        if let Some(bytes) = file.bytes {
            facts["mdwarf:bytes"] = number(bytes);
        }
        document.named("entity", member.clone(), facts);
        document.relation("hadMember", json!({ "prov:collection": entity, "prov:entity": member }));
    }
    if let Some(table) = &source.made_by {
        document.relation(
            "wasDerivedFrom",
            json!({ "prov:generatedEntity": entity, "prov:usedEntity": id("table", table) }),
        );
    }
}

fn node(document: &mut Document, activity: &Activity, program: &str, run: &str) {
    let name = id("node", &activity.name);
    let mut facts = json!({
        "prov:label": format!("{}: {}", activity.name, activity.about),
        "mdwarf:stage": activity.stage,
        "mdwarf:revision": number(activity.revision.into()),
        "mdwarf:section": activity.section,
        "mdwarf:key": activity.key,
        "mdwarf:code": activity.code,
        "mdwarf:parameters": activity.params.to_string(),
    });
    if let Some(seed) = &activity.seed {
        facts["mdwarf:seed"] = json!(seed);
    }
    document.named("activity", name.clone(), facts);
    document.relation("wasAssociatedWith", json!({ "prov:activity": name, "prov:agent": program }));
    document.relation("wasInformedBy", json!({ "prov:informed": name, "prov:informant": run }));
    for (port, table) in &activity.uses {
        document.relation(
            "used",
            json!({
                "prov:activity": name,
                "prov:entity": id("table", table),
                "prov:role": port,
            }),
        );
    }
    if let Some(slot) = &activity.dataset {
        let entity = id("dataset", slot);
        document.relation("used", json!({ "prov:activity": name, "prov:entity": entity }));
    }
    for table in &activity.makes {
        let entity = id("table", table);
        document
            .relation("wasGeneratedBy", json!({ "prov:entity": entity, "prov:activity": name }));
    }
}

fn one_table(document: &mut Document, name: &str, table: &Table) {
    let entity = id("table", name);
    document.named(
        "entity",
        entity.clone(),
        json!({
            "prov:type": { "$": "prov:Collection", "type": "prov:QUALIFIED_NAME" },
            "prov:label": name,
            "mdwarf:rows": number(table.rows),
            "mdwarf:blake3": table.digest,
        }),
    );
    for from in &table.rows_from {
        dependence(document, &entity, from);
    }
    for column in &table.columns {
        let member = source_id(name, Some(&column.name));
        let mut facts = json!({
            "prov:label": column.name,
            "mdwarf:type": column.kind,
            "mdwarf:blake3": column.digest,
        });
        for (key, value) in [("unit", &column.unit), ("ucd", &column.ucd), ("about", &column.about)]
        {
            if !value.is_empty() {
                facts[format!("mdwarf:{key}")] = json!(value);
            }
        }
        document.named("entity", member.clone(), facts);
        document.relation("hadMember", json!({ "prov:collection": entity, "prov:entity": member }));
        for from in &column.from {
            dependence(document, &member, from);
        }
    }
}

fn dependence(document: &mut Document, of: &str, from: &Dependence) {
    let source = source_id(&from.table, from.column.as_deref());
    if source == of {
        return;
    }
    if from.table.starts_with("dataset:") && from.column.is_some() {
        let label = from.column.clone().unwrap_or_default();
        document.named("entity", source.clone(), json!({ "prov:label": label }));
        let whole = source_id(&from.table, None);
        document.named(
            "hadMember",
            format!("_:m{source}"),
            json!({ "prov:collection": whole, "prov:entity": source }),
        );
    }
    match from.direct {
        true => document.relation(
            "wasDerivedFrom",
            json!({
                "prov:generatedEntity": of,
                "prov:usedEntity": source,
                "mdwarf:how": from.how,
            }),
        ),
        false => document.relation(
            "wasInfluencedBy",
            json!({ "prov:influencee": of, "prov:influencer": source, "mdwarf:how": from.how }),
        ),
    }
}
