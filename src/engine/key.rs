//! Keys: printable structs that name everything that decides a result, and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::Digest;
use super::types::Type;

/// What decides a node's or a shard's result (invariant 1): no path, no time, no thread count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Kind of work.
    pub stage: String,
    /// The stage's `REVISION`.
    pub revision: u32,
    /// Parameters with defaults filled in, object keys sorted.
    pub params: Value,
    /// Present only where the stage declares randomness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The columns read, by port.
    pub ports: BTreeMap<String, KeyPort>,
}

/// What a key says of one port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyPort {
    /// Rows of each part: row numbers mean something only together with it.
    pub rows: Vec<u64>,
    /// The columns read.
    pub columns: BTreeMap<String, KeyColumn>,
    /// Digest of names, meanings and order of the columns, where the stage writes them down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Digest>,
}

/// What a key says of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyColumn {
    /// Logical type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Unit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Scale of a label.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scale: String,
    /// Digest of the content.
    pub digest: Digest,
}

impl Key {
    /// The key's digest: the name of its record.
    pub fn digest(&self) -> Digest {
        // A struct of strings, numbers and maps with string keys always has a JSON form.
        Digest::of_json(self).unwrap_or_else(|why| Digest::of_bytes(why.to_string().as_bytes()))
    }

    /// What changed from `old` to `self`, in words a person can act on.
    pub fn changes(&self, old: &Key) -> Vec<String> {
        let mut changes = Vec::new();
        if self.stage != old.stage {
            changes.push(format!("stage: {} -> {}", old.stage, self.stage));
        }
        if self.revision != old.revision {
            changes.push(format!(
                "revision of stage `{}`: {} -> {}",
                self.stage, old.revision, self.revision
            ));
        }
        if self.seed != old.seed {
            changes.push(format!("seed: {:?} -> {:?}", old.seed, self.seed));
        }
        value_changes("", &old.params, &self.params, &mut changes);
        port_changes(&old.ports, &self.ports, &mut changes);
        changes
    }
}

fn value_changes(path: &str, old: &Value, new: &Value, changes: &mut Vec<String>) {
    if old == new {
        return;
    }
    if let (Value::Object(a), Value::Object(b)) = (old, new) {
        let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let null = Value::Null;
            let (a, b) = (a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null));
            value_changes(&path, a, b, changes);
        }
        return;
    }
    if let (Value::Array(a), Value::Array(b)) = (old, new)
        && a.len() == b.len()
    {
        for (index, (a, b)) in a.iter().zip(b).enumerate() {
            value_changes(&format!("{path}[{index}]"), a, b, changes);
        }
        return;
    }
    changes.push(format!("parameter `{path}`: {old} -> {new}"));
}

fn port_changes(
    old: &BTreeMap<String, KeyPort>,
    new: &BTreeMap<String, KeyPort>,
    changes: &mut Vec<String>,
) {
    for (name, port) in new {
        let Some(before) = old.get(name) else {
            changes.push(format!("port `{name}`: newly bound"));
            continue;
        };
        let (n_old, n_new) = (before.rows.iter().sum::<u64>(), port.rows.iter().sum::<u64>());
        if n_old != n_new {
            changes.push(format!("port `{name}`: rows {n_old} -> {n_new}"));
        } else if before.rows != port.rows {
            changes.push(format!("port `{name}`: rows lie differently in its parts"));
        }
        for (column, now) in &port.columns {
            match before.columns.get(column) {
                None => changes.push(format!("port `{name}`: column `{column}` newly read")),
                Some(was) => column_change(name, column, was, now, changes),
            }
        }
        if before.layout != port.layout && before.columns.len() == port.columns.len() {
            changes.push(format!("port `{name}`: descriptions, UCDs or order of columns changed"));
        }
        for column in before.columns.keys().filter(|c| !port.columns.contains_key(*c)) {
            changes.push(format!("port `{name}`: column `{column}` no longer read"));
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        changes.push(format!("port `{name}`: no longer bound"));
    }
}

fn column_change(
    port: &str,
    column: &str,
    was: &KeyColumn,
    now: &KeyColumn,
    changes: &mut Vec<String>,
) {
    if was.kind != now.kind {
        changes.push(format!("`{port}.{column}`: type {} -> {}", was.kind, now.kind));
    }
    if was.unit != now.unit {
        changes.push(format!("`{port}.{column}`: unit `{}` -> `{}`", was.unit, now.unit));
    }
    if was.scale != now.scale {
        changes.push(format!("`{port}.{column}`: scale `{}` -> `{}`", was.scale, now.scale));
    }
    if was.digest != now.digest {
        changes.push(format!(
            "`{port}.{column}`: content {} -> {}",
            was.digest.short(),
            now.digest.short()
        ));
    }
}

/// Sorts the keys of every object, so that the order in a file never decides a key.
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> =
                map.into_iter().map(|(name, value)| (name, canonical(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}
