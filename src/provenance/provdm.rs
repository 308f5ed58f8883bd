//! The IVOA Provenance Data Model 1.0, serialized as its reference implementation `voprov` does: activities with their
//! descriptions (stage, revision, what it is for), parameters with theirs, dataset entities, and who used and made what.

use serde_json::{Value, json};

use super::history::{Activity, History};
use super::prov_json::{Document, NAMESPACE, id};
use super::time::rfc3339;

/// The namespace of the model.
const VOPROV: &str = "http://www.ivoa.net/documents/ProvenanceDM/index.html#";

/// The run in the IVOA's model.
pub fn provdm(history: &History) -> Value {
    let mut document = Document::default();
    let program = id("program", &history.program);
    document.named("agent", program.clone(), json!({ "prov:name": history.program }));
    let run = id("run", &history.run);
    document.named(
        "activity",
        run.clone(),
        json!({
            "prov:name": format!("run {}", history.run),
            "prov:startTime": rfc3339(history.started),
            "prov:endTime": rfc3339(history.ended()),
            "voprov:comment": history.command,
        }),
    );
    document.relation("wasAssociatedWith", json!({ "prov:activity": run, "prov:agent": program }));
    for (slot, source) in &history.sources {
        let entity = id("dataset", slot);
        let mut facts = json!({ "prov:name": slot, "voprov:comment": source.about });
        if let Some(url) = source.url.as_ref().or(source.files.first().and_then(|f| f.url.as_ref()))
        {
            facts["prov:location"] = json!(url);
        }
        document.named("datasetEntity", entity.clone(), facts);
        for file in &source.files {
            let member = id("file", &file.blake3);
            let facts = json!({ "prov:name": file.name, "mdwarf:blake3": file.blake3 });
            document.named("datasetEntity", member.clone(), facts);
            document
                .relation("hadMember", json!({ "prov:collection": entity, "prov:entity": member }));
        }
        if let Some(table) = &source.made_by {
            let used = id("table", table);
            document.relation(
                "wasDerivedFrom",
                json!({ "prov:generatedEntity": entity, "prov:usedEntity": used }),
            );
        }
    }
    for (name, table) in &history.tables {
        document.named(
            "datasetEntity",
            id("table", name),
            json!({ "prov:name": name, "mdwarf:blake3": table.digest, "mdwarf:rows": table.rows.to_string() }),
        );
    }
    for activity in &history.activities {
        node(&mut document, activity, &program);
    }
    for product in &history.products {
        let entity = id("product", &product.path);
        document.named(
            "datasetEntity",
            entity.clone(),
            json!({ "prov:name": product.path, "mdwarf:blake3": product.blake3 }),
        );
        document.relation("wasGeneratedBy", json!({ "prov:entity": entity, "prov:activity": run }));
        let used = id("table", &product.table);
        document.relation(
            "wasDerivedFrom",
            json!({ "prov:generatedEntity": entity, "prov:usedEntity": used }),
        );
    }
    document.finish(&[("mdwarf", NAMESPACE), ("voprov", VOPROV)])
}

fn node(document: &mut Document, activity: &Activity, program: &str) {
    let name = id("node", &activity.name);
    let description = id("stage", &activity.stage);
    document.named(
        "activityDescription",
        description.clone(),
        json!({
            "prov:name": activity.stage,
            "voprov:version": activity.revision.to_string(),
            "voprov:description": activity.stage_about,
        }),
    );
    document.named(
        "activity",
        name.clone(),
        json!({
            "prov:name": activity.name,
            "voprov:comment": format!("{} {}", activity.about, activity.section).trim(),
            "mdwarf:key": activity.key,
            "mdwarf:code": activity.code,
        }),
    );
    document.relation(
        "isDescribedBy",
        json!({ "voprov:described": name, "voprov:descriptor": description }),
    );
    document.relation("wasAssociatedWith", json!({ "prov:activity": name, "prov:agent": program }));
    let seed = activity.seed.iter().map(|seed| ("seed".to_owned(), json!(seed)));
    for (path, value) in activity.parameters().into_iter().chain(seed) {
        let parameter = id("parameter", &format!("{}.{path}", activity.name));
        let of = id("parameter-description", &format!("{}.{path}", activity.stage));
        let kind = match &value {
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "double",
            Value::Number(_) => "long",
            _ => "char",
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        document.named(
            "parameter",
            parameter.clone(),
            json!({ "prov:name": path, "prov:value": text }),
        );
        document.named(
            "parameterDescription",
            of.clone(),
            json!({ "prov:name": path, "voprov:valueType": kind }),
        );
        document.relation(
            "isDescribedBy",
            json!({ "voprov:described": parameter, "voprov:descriptor": of }),
        );
        document.named(
            "isRelatedTo",
            format!("_:{of}"),
            json!({ "voprov:related": of, "voprov:relator": description }),
        );
        document.relation(
            "wasConfiguredBy",
            json!({
                "voprov:configured": name,
                "voprov:configurator": parameter,
                "voprov:artefactType": "Parameter",
            }),
        );
    }
    for (port, table) in &activity.uses {
        let entity = id("table", table);
        document.relation(
            "used",
            json!({ "prov:activity": name, "prov:entity": entity, "prov:role": port }),
        );
    }
    if let Some(slot) = &activity.dataset {
        let entity = id("dataset", slot);
        document.relation(
            "used",
            json!({ "prov:activity": name, "prov:entity": entity, "prov:role": "files" }),
        );
    }
    for table in &activity.makes {
        let entity = id("table", table);
        document
            .relation("wasGeneratedBy", json!({ "prov:entity": entity, "prov:activity": name }));
    }
}
