//! The verb `schema`: the JSON schema (draft 2020-12) of `pipeline.toml` or of a profile, for editors.

use serde_json::{Map, Value, json};

use super::args::SchemaOf;
use super::profile_schema::profile_schema;
use super::talk::Talk;
use crate::engine::pipeline::StageDef;
use crate::stages::REGISTRY;

const NAME: &str = "^[a-z][a-z0-9_]*$";
const REFERENCE: &str = "^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)?$";

/// Prints the schema.
pub fn schema(of: SchemaOf, talk: &Talk) -> u8 {
    let schema = match of {
        SchemaOf::Pipeline => pipeline_schema(REGISTRY),
        SchemaOf::Profile => profile_schema(),
    };
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => talk.out(&text),
        Err(_) => talk.json(&schema),
    }
    0
}

/// The schema of `pipeline.toml` with these stages.
fn pipeline_schema(registry: &[StageDef]) -> Value {
    let mut definitions = Map::new();
    let stages: Vec<Value> =
        registry.iter().map(|stage| node_schema(stage, &mut definitions)).collect();
    definitions.insert("node".into(), json!({ "type": "object", "oneOf": stages }));
    definitions.insert("claim".into(), claim_schema());
    definitions.insert(
        "reference".into(),
        json!({
            "type": "string",
            "pattern": REFERENCE,
            "description": "`node.output`, or `node` for its first output",
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pipeline.toml",
        "type": "object",
        "required": ["pipeline"],
        "additionalProperties": false,
        "properties": {
            "pipeline": head_schema(),
            "dataset": named(dataset_schema()),
            "node": named(json!({ "$ref": "#/$defs/node" })),
            "method": named(json!({
                "type": "object",
                "description": "`\"node.param\" = value`, or a table a node",
            })),
            "publish": {
                "type": "object",
                "description": "files under `results/PROFILE/`: name = output",
                "additionalProperties": { "$ref": "#/$defs/reference" },
            },
            "claim": { "type": "array", "items": { "$ref": "#/$defs/claim" } },
            "matrix": named(matrix_schema()),
            "contradiction": { "type": "array", "items": contradiction_schema() },
        },
        "$defs": definitions,
    })
}

/// A table whose keys are names.
fn named(items: Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": items,
    })
}

fn head_schema() -> Value {
    json!({
        "type": "object",
        "required": ["name", "seed"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "pattern": NAME },
            "seed": { "type": "integer", "minimum": 0, "description": "of all randomness" },
            "version": { "const": 1, "description": "of this language" },
            "bibcode": { "type": "string", "description": "ADS code of the paper" },
        },
    })
}

fn dataset_schema() -> Value {
    json!({
        "type": "object",
        "required": ["about"],
        "additionalProperties": false,
        "properties": {
            "about": { "type": "string" },
            "format": { "type": "string" },
            "section": { "type": "string", "description": "section of the paper" },
        },
    })
}

/// The schema of `[matrix.NAME]`.
pub fn matrix_schema() -> Value {
    let choice = json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string" },
            "set": { "type": "array", "items": { "type": "string" }, "description": "`node.param=value` each" },
        },
    });
    json!({
        "type": "object",
        "required": ["about"],
        "additionalProperties": false,
        "properties": {
            "about": { "type": "string" },
            "methods": { "type": "array", "items": { "type": "string" } },
            "axes": { "type": "array", "items": { "type": "array", "minItems": 1, "items": choice } },
        },
    })
}

fn contradiction_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["id", "section", "problem", "resolution"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "pattern": NAME },
            "section": text,
            "problem": { "type": "string", "description": "what the paper leaves open" },
            "resolution": { "type": "string", "description": "what is done about it by default" },
            "at": {
                "type": "array",
                "items": { "type": "string" },
                "description": "`node.param` or `node.port` that decides",
            },
        },
    })
}

/// The schema of a claim.
pub fn claim_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["id", "section", "about", "paper", "accept", "sample", "statistic", "value"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "minLength": 1 },
            "section": text,
            "about": text,
            "paper": { "type": "string", "description": "the number as printed" },
            "accept": {
                "type": "array",
                "items": { "type": "number" },
                "minItems": 2,
                "maxItems": 2,
                "description": "accepted band, both ends included",
            },
            "sample": text,
            "statistic": text,
            "data": {
                "type": "array",
                "items": { "type": "string", "pattern": NAME },
                "description": "slots whose real data the number speaks of",
            },
            "simulated": {
                "enum": ["tested", "injected", "meaningless"],
                "description": "what becomes of it where one of them is simulated",
            },
            "value": value_schema(),
        },
    })
}

fn value_schema() -> Value {
    json!({
        "type": "object",
        "required": ["node"],
        "additionalProperties": false,
        "properties": {
            "node": { "type": "string", "pattern": NAME },
            "port": { "type": "string", "pattern": NAME },
            "rows": { "const": true },
            "column": { "type": "string" },
            "where": {
                "type": "object",
                "additionalProperties": { "type": ["boolean", "number", "string"] },
            },
            "statistic": { "type": "string" },
        },
        "oneOf": [{ "required": ["rows"] }, { "required": ["column"] }],
    })
}

/// The schema of `[node.NAME]` for one stage: its parameters beside what every node has.
fn node_schema(stage: &StageDef, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = match (stage.params_schema)() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    schema.remove("$schema");
    if let Some(Value::Object(own)) = schema.remove("$defs") {
        for (name, mut definition) in own {
            qualify(&mut definition, stage.name);
            definitions.insert(format!("{}.{name}", stage.name), definition);
        }
    }
    let mut schema = Value::Object(schema);
    qualify(&mut schema, stage.name);
    schema["title"] = json!(stage.name);
    schema["description"] = json!(stage.about);
    schema["type"] = json!("object");
    for (name, property) in own_keys(stage.name) {
        schema["properties"][name] = property;
    }
    let mut required = vec![json!("stage"), json!("section")];
    required.extend(schema["required"].as_array().cloned().unwrap_or_default());
    schema["required"] = Value::Array(required);
    close(&mut schema);
    schema
}

fn own_keys(stage: &str) -> [(&'static str, Value); 4] {
    let inputs = json!({
        "type": "object",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": { "$ref": "#/$defs/reference" },
    });
    [
        ("stage", json!({ "const": stage })),
        ("in", inputs),
        ("section", json!({ "type": "string", "description": "section of the paper" })),
        ("about", json!({ "type": "string" })),
    ]
}

/// Refuses unknown keys; where parameters come in variants, these are open each and closed together.
fn close(schema: &mut Value) {
    let mut variants = false;
    for combiner in ["oneOf", "anyOf", "allOf"] {
        for variant in schema[combiner].as_array_mut().into_iter().flatten() {
            variants = true;
            if let Some(variant) = variant.as_object_mut() {
                variant.remove("additionalProperties");
            }
        }
    }
    if let Some(map) = schema.as_object_mut() {
        map.retain(|_, value| !value.is_null());
        map.remove("additionalProperties");
        let key = if variants { "unevaluatedProperties" } else { "additionalProperties" };
        map.insert(key.into(), json!(false));
    }
}

/// Two stages may each have a definition of the same name: references get the stage's name.
fn qualify(value: &mut Value, stage: &str) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("#/$defs/{stage}.{name}");
            }
            map.values_mut().for_each(|value| qualify(value, stage));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| qualify(value, stage)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_stage_is_a_closed_variant() {
        let schema = pipeline_schema(REGISTRY);
        let stages = schema["$defs"]["node"]["oneOf"].as_array().unwrap();
        assert_eq!(stages.len(), REGISTRY.len());
        for (stage, definition) in stages.iter().zip(REGISTRY) {
            assert_eq!(stage["properties"]["stage"]["const"], definition.name);
            let closed = stage.get("additionalProperties").or(stage.get("unevaluatedProperties"));
            assert_eq!(closed, Some(&json!(false)), "{}", definition.name);
            assert!(stage["required"].as_array().unwrap().contains(&json!("section")));
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let schema = pipeline_schema(REGISTRY);
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let name = reference.strip_prefix("#/$defs/").unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{reference}");
        }
    }

    #[test]
    fn variants_are_closed_together() {
        let mut schema = json!({"oneOf": [{"additionalProperties": false, "required": ["a"]}]});
        close(&mut schema);
        assert_eq!(schema, json!({"oneOf": [{"required": ["a"]}], "unevaluatedProperties": false}));
    }
}
