//! Overlays: a method, a profile's sizes, `--set`.
//!
//! All three say the same thing: new values for parameters of nodes. A key that is one of the node's ports binds the
//! port anew instead.

use super::NodeSpec;
use super::error::{SpecError, suggestion};
use super::pipeline::{keep, port_ref, read_inputs};
use super::source_map::{SourceMap, Span};
use super::syntax::{admit, read_value};
use super::value::{Entry, Ordered, Spanned, Table, Value};

/// Lays `node = { param = value }` and `"node.param" = value` over the nodes.
pub(super) fn apply(
    nodes: &mut Ordered<NodeSpec>,
    overlay: Ordered<Entry>,
    errors: &mut Vec<SpecError>,
) {
    for (key, entry) in overlay {
        let at = entry.key.clone();
        let Some((node, table)) = keep(node_and_table(key, entry), errors) else {
            continue;
        };
        match nodes.get_mut(&node) {
            Some(node) => apply_to_node(node, table, errors),
            None => errors.push(unknown_node(&node, nodes, at)),
        }
    }
}

/// Reports the nodes that an overlay names and the pipeline lacks, without applying it.
pub(super) fn check_nodes(nodes: &Ordered<NodeSpec>, overlay: &Table, errors: &mut Vec<SpecError>) {
    for (key, entry) in &overlay.0 {
        let Some((node, _)) = keep(node_and_table(key.clone(), entry.clone()), errors) else {
            continue;
        };
        if !nodes.contains_key(&node) {
            errors.push(unknown_node(&node, nodes, entry.key.clone()));
        }
    }
}

pub(super) fn unknown_node(name: &str, nodes: &Ordered<NodeSpec>, at: Span) -> SpecError {
    let known: Vec<&str> = nodes.keys().map(String::as_str).collect();
    let message = format!("there is no node `{name}`");
    SpecError::new("spec.reference", message, at, "not a node")
        .help(suggestion(name, &known, "node"))
}

/// Both spellings as a node and a table: the path of `"node.a.b" = v` becomes nested tables.
fn node_and_table(key: String, entry: Entry) -> Result<(String, Table), SpecError> {
    let mut parts = key.split('.').map(|part| Spanned::new(part.to_owned(), entry.key.clone()));
    let node = parts.next().map(|part| part.value).unwrap_or_default();
    let path: Vec<Spanned<String>> = parts.collect();
    if path.iter().any(|part| part.is_empty()) || node.is_empty() {
        let message = format!("`{key}` is not `node.parameter`");
        return Err(SpecError::new("spec.reference", message, entry.key, "here"));
    }
    match nest(path, entry.value) {
        Spanned { value: Value::Table(table), .. } => Ok((node, table)),
        other => {
            let message =
                format!("`{node}`: expected a table of parameters, found {}", other.value.kind());
            Err(SpecError::new("spec.type", message, other.span, "here")
                .help(format!("write `{node}.parameter = …`")))
        }
    }
}

/// Wraps a value into one table for each part of a path.
fn nest(path: Vec<Spanned<String>>, value: Spanned<Value>) -> Spanned<Value> {
    path.into_iter().rev().fold(value, |value, part| {
        let span = part.span.start..value.span.end.max(part.span.end);
        let mut table = Table::default();
        table.0.insert(part.value, Entry { key: part.span, value });
        Spanned::new(Value::Table(table), span)
    })
}

fn apply_to_node(node: &mut NodeSpec, overlay: Table, errors: &mut Vec<SpecError>) {
    let mut params = Table::default();
    for (key, entry) in overlay.0 {
        match key.as_str() {
            "in" => {
                for (port, from) in read_inputs(&node.name, entry, errors) {
                    node.inputs.insert(port, from);
                }
            }
            "stage" | "section" | "about" | "when" => {
                let message = format!("`{key}` of node `{}` cannot be set from outside", node.name);
                let error = SpecError::new("spec.reference", message, entry.key, "here");
                errors.push(
                    error.help("only parameters and ports can; edit the pipeline for the rest"),
                );
            }
            port if node.inputs.contains_key(port) => {
                let what = format!("port `{port}` of node `{}`", node.name);
                if let Some(from) = keep(port_ref(&what, entry.value), errors) {
                    node.inputs.insert(key, from);
                }
            }
            _ => drop(params.0.insert(key, entry)),
        }
    }
    node.params.overlay(params);
}

/// Reads `node.param=VALUE` into an overlay. VALUE is TOML, or a bare word that stands for text.
pub(super) fn read_set(
    map: &mut SourceMap,
    text: &str,
    errors: &mut Vec<SpecError>,
) -> Option<Ordered<Entry>> {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    let base = admit(map, &format!("--set {shown}"), text, errors)?;
    let Some(equals) = text.find('=') else {
        errors.push(set_error("there is no `=`", base..base + text.len()));
        return None;
    };
    let mut path = keep(set_path(&text[..equals], base), errors)?;
    let value = set_value(&text[equals + 1..], base + equals + 1, errors)?;
    let node = path.remove(0);
    let entry = Entry { key: node.span, value: nest(path, value) };
    Some(Ordered::from_iter([(node.value, entry)]))
}

fn set_error(message: &str, span: Span) -> SpecError {
    SpecError::new("spec.set", message, span, "here")
        .help("write `--set node.parameter=value`, `--set node.port=other.port` or `--set pipeline.seed=1`")
}

/// Splits `node.errors.source`; at least a node and one key.
fn set_path(text: &str, base: usize) -> Result<Vec<Spanned<String>>, SpecError> {
    // As deep as a file may nest.
    const DEEPEST: usize = 64;
    let mut start = base;
    let mut path = Vec::new();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for part in text.split('.') {
        let span = start..start + part.len();
        start = span.end + 1;
        let word = part.trim();
        if word.is_empty() || !word.chars().all(plain) {
            let message = format!("`{}` is not a path of plain names", text.trim().escape_debug());
            return Err(set_error(&message, base..base + text.len()));
        }
        path.push(Spanned::new(word.to_owned(), span));
    }
    match path.len() {
        0 | 1 => Err(set_error("a node alone cannot be set", base..base + text.len())),
        n if n > DEEPEST => Err(set_error("nested more than 64 deep", base..base + text.len())),
        _ => Ok(path),
    }
}

fn set_value(text: &str, base: usize, errors: &mut Vec<SpecError>) -> Option<Spanned<Value>> {
    let value = text.trim();
    let start = base + (text.len() - text.trim_start().len());
    match read_value(value, start, errors) {
        Ok(value) => Some(value),
        Err(_) if is_bare(value) => {
            let span = start..start + value.len();
            Some(Spanned::new(Value::Text(value.to_owned()), span))
        }
        Err(error) => {
            errors
                .push(error.help(
                    "text with other signs than letters, digits and `_-./:+@*` needs quotes",
                ));
            None
        }
    }
}

/// A word that needs no quotes: it begins with a letter and could be a name, a path or an address.
fn is_bare(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '/' || c == '_')
        && word.chars().all(|c| c.is_alphanumeric() || "_-./:+@*".contains(c))
}
