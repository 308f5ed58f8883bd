//! The JSON schema (draft 2020-12) of `profiles/NAME.toml`, for editors.

use serde_json::{Value, json};

use super::schema::{claim_schema, matrix_schema};

/// The schema of a profile.
pub fn profile_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "profiles/NAME.toml",
        "type": "object",
        "required": ["profile"],
        "additionalProperties": false,
        "properties": {
            "profile": {
                "type": "object",
                "required": ["name", "about"],
                "additionalProperties": false,
                "properties": {
                    "name": { "type": "string", "pattern": "^[a-z][a-z0-9_-]*$" },
                    "about": text("what it is for"),
                },
            },
            "dataset": {
                "type": "object",
                "description": "what fills each slot of the pipeline, in one way",
                "additionalProperties": { "$ref": "#/$defs/dataset" },
            },
            "node": {
                "type": "object",
                "description": "parameters for this profile, or nodes of its own",
                "additionalProperties": { "type": "object" },
            },
            "publish": {
                "type": "object",
                "description": "files of this profile's own under `results/PROFILE/`: name = output",
                "additionalProperties": { "type": "string" },
            },
            "claim": { "type": "array", "items": claim_schema() },
            "matrix": { "type": "object", "additionalProperties": matrix_schema() },
        },
        "$defs": { "dataset": dataset(), "archive": archive(), "column": column(), "file": file() },
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn file() -> Value {
    json!({
        "type": "object",
        "required": ["path", "blake3", "bytes"],
        "additionalProperties": false,
        "properties": {
            "path": text("relative path"),
            "blake3": text("64 lower-case hexadecimal digits"),
            "bytes": { "type": "integer", "minimum": 0 },
        },
    })
}

fn dataset() -> Value {
    let ways = ["path", "blake3", "tree", "simulated", "absent"];
    let ways: Vec<Value> = ways.iter().map(|way| json!({ "required": [way] })).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "path": text("a file or folder, from the folder of pipeline.toml"),
            "glob": text("which files of the folder: `*.fits*`"),
            "url": text("public address of the file"),
            "blake3": text("64 lower-case hexadecimal digits"),
            "bytes": { "type": "integer", "minimum": 0 },
            "mirror_path": text("where in a mirror it may be found first"),
            "tree": {
                "type": "object",
                "description": "many files known by digest",
                "additionalProperties": false,
                "properties": {
                    "url": text("address of a file, with `{path}` in it"),
                    "list": { "type": "array", "items": { "$ref": "#/$defs/file" } },
                    "list_file": text("`digest size path` a line; relative to the profile"),
                },
            },
            "simulated": text("`node` or `node.output` that makes the files"),
            "absent": text("why it is not there"),
            "cite": text("what a paper that uses the data has to say; in an archive's dataset its acknowledgement stands for it"),
            "archive": { "$ref": "#/$defs/archive" },
        },
        "oneOf": ways,
    })
}

fn archive() -> Value {
    json!({
        "type": "object",
        "description": "what the dataset is and how it is had, for `mdwarf check`; decides no result",
        "required": ["release", "get", "licence", "acknowledgement", "volume_bytes"],
        "additionalProperties": false,
        "properties": {
            "release": text("version of the data; another release is another dataset"),
            "url": text("where it is had"),
            "get": {
                "type": "array",
                "items": { "type": "string" },
                "minItems": 1,
                "description": "steps; one that begins with `$ ` is a command for a shell",
            },
            "query_file": text("a query to send, relative to the profile"),
            "licence": text("what may be done with the data"),
            "acknowledgement": text("what to write into a paper"),
            "volume_bytes": { "type": "integer", "minimum": 0, "description": "of the download" },
            "format": text("how the files are written, where it differs from the slot's"),
            "rows": { "type": "integer", "minimum": 0, "description": "rows, or files, of all" },
            "columns": { "type": "array", "items": { "$ref": "#/$defs/column" } },
            "unique": {
                "type": "array",
                "items": { "type": "array", "items": { "type": "string" } },
                "description": "sets of columns that identify a row",
            },
        },
    })
}

fn column() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": text("in the file"),
            "unit": text("checked where the file states one"),
            "about": text("what it is"),
            "range": {
                "type": "array",
                "items": { "type": "number" },
                "minItems": 2,
                "maxItems": 2,
                "description": "possible values, both ends included",
            },
            "sentinels": {
                "type": "array",
                "items": { "type": "number" },
                "description": "numbers that stand for a missing value",
            },
            "optional": { "type": "boolean", "description": "whether a value may be missing" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of the shipped profile are all in the schema.
    #[test]
    fn the_schema_knows_the_keys_of_the_archive_profile() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let text = std::fs::read_to_string(format!("{folder}/archive.toml")).unwrap();
        let profile: toml::Table = toml::from_str(&text).unwrap();
        let schema = profile_schema();
        let known = |of: &str, keys: &toml::Table| {
            for key in keys.keys() {
                assert!(schema["$defs"][of]["properties"].get(key).is_some(), "{of}: {key}");
            }
        };
        for (name, dataset) in profile["dataset"].as_table().unwrap() {
            let dataset = dataset.as_table().unwrap();
            known("dataset", dataset);
            // The paper's own tables come with the program.
            let Some(archive) = dataset.get("archive").and_then(|archive| archive.as_table())
            else {
                assert!(dataset["path"].as_str().unwrap().starts_with("profiles/paper/"), "{name}");
                continue;
            };
            known("archive", archive);
            for required in schema["$defs"]["archive"]["required"].as_array().unwrap() {
                assert!(archive.contains_key(required.as_str().unwrap()), "{name}");
            }
            let columns = archive.get("columns").and_then(|columns| columns.as_array());
            for column in columns.into_iter().flatten() {
                known("column", column.as_table().unwrap());
            }
        }
    }
}
