//! The state of the archives in words, and as JSON.

use serde_json::{Value, json as object};

use super::{Copy, Entry, State};
use crate::cli::table::{count, table};

/// Width of the names of lines, and of the text beside them.
const INDENT: usize = 12;
const WIDTH: usize = 100;
/// Begins a step that is a command for a shell.
const COMMAND: &str = "$ ";

/// Slot by slot what is missing and how to get it, what is wrong with what is there; then a table of all.
pub fn text(entries: &[Entry<'_>], profile: &str) -> String {
    let mut lines = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_missing()) {
        lines.extend(missing(entry, profile));
        lines.push(String::new());
    }
    for entry in entries {
        if let State::There(copy) = &entry.state {
            let before = lines.len();
            lines.extend(there(entry, copy));
            if lines.len() > before {
                lines.push(String::new());
            }
        }
    }
    lines.push(overview(entries));
    lines.push(String::new());
    lines.push(sum(entries));
    lines.join("\n")
}

/// How to get one dataset.
fn missing(entry: &Entry<'_>, profile: &str) -> Vec<String> {
    let (slot, archive) = (entry.slot, entry.archive);
    let mut lines = vec![format!("{}: missing", slot.name)];
    let mut say = |what: &str, text: &str| match what {
        // A line to be copied is never wrapped.
        COMMAND => lines.push(format!("{:INDENT$}   {COMMAND}{text}", "")),
        _ if text.is_empty() => {}
        _ => lines.extend(item(what, text)),
    };
    let section = slot.section.as_ref().map(|section| format!(" ({section})"));
    say("what", &format!("{}{}", slot.about, section.unwrap_or_default()));
    say("release", &archive.release);
    say("size", &size(archive.volume_bytes));
    say("from", archive.url.as_deref().unwrap_or_default());
    let mut number = 0;
    for step in &archive.get {
        if let Some(command) = step.strip_prefix(COMMAND) {
            say(COMMAND, command);
            continue;
        }
        number += 1;
        say(if number == 1 { "get" } else { "" }, &format!("{number}. {step}"));
    }
    let query = archive.query_file.as_ref().map(|file| format!("profiles/{file}"));
    say("query", query.as_deref().unwrap_or_default());
    match entry.place() {
        Some(place) => {
            let elsewhere = format!(
                "or wherever you like: set `path` of [dataset.{}] in profiles/{profile}.toml",
                slot.name
            );
            say("put it at", place);
            say("", &elsewhere);
        }
        None => say("bind it", &format!("set `path` in profiles/{profile}.toml")),
    }
    say("format", entry.format());
    let columns: Vec<String> = archive
        .columns
        .iter()
        .map(|column| match column.unit.as_str() {
            "" => column.name.clone(),
            unit => format!("{} [{unit}]", column.name),
        })
        .collect();
    say("columns", &columns.join(", "));
    say("licence", &archive.licence);
    say("cite", &archive.acknowledgement);
    lines
}

/// What is wrong with, or worth knowing of, a copy.
fn there(entry: &Entry<'_>, copy: &Copy) -> Vec<String> {
    if copy.faults.is_empty() && copy.notes.is_empty() {
        return Vec::new();
    }
    let state = if copy.faults.is_empty() { "there" } else { "wrong" };
    let place = entry.place().unwrap_or("bound");
    let mut lines = vec![format!("{}: {state} ({place})", entry.slot.name)];
    copy.faults.iter().for_each(|fault| lines.extend(item("fault", fault)));
    copy.notes.iter().for_each(|note| lines.extend(item("note", note)));
    lines
}

fn overview(entries: &[Entry<'_>]) -> String {
    let rows = entries
        .iter()
        .map(|entry| {
            let (state, rows) = match &entry.state {
                State::Missing(_) => ("missing", String::new()),
                State::There(copy) => {
                    let state = if copy.faults.is_empty() { "good" } else { "wrong" };
                    (state, copy.rows.map(|rows| rows.to_string()).unwrap_or_default())
                }
            };
            let bytes = match &entry.state {
                State::Missing(_) => entry.archive.volume_bytes,
                State::There(copy) => copy.bytes,
            };
            let place = entry.place().unwrap_or("-").to_owned();
            let name = entry.slot.name.clone();
            vec![name, state.into(), entry.archive.release.clone(), size(bytes), rows, place]
        })
        .collect();
    table(&["DATASET", "STATE", "RELEASE", "SIZE", "ROWS", "PLACE"], &["SIZE", "ROWS"], rows)
}

fn sum(entries: &[Entry<'_>]) -> String {
    let missing: Vec<&Entry<'_>> = entries.iter().filter(|entry| entry.is_missing()).collect();
    let wrong = entries.iter().filter(|entry| entry.is_faulty()).count();
    let to_get: u64 = missing.iter().map(|entry| entry.archive.volume_bytes).sum();
    let mut text = format!("{} of archives: ", count(entries.len(), "dataset"));
    text.push_str(&format!("{} there", entries.len() - missing.len()));
    if !missing.is_empty() {
        text.push_str(&format!(", {} missing ({} to get)", missing.len(), size(to_get)));
    }
    if wrong > 0 {
        text.push_str(&format!(", {wrong} wrong"));
    }
    text
}

/// A named item, its text wrapped beside the name.
fn item(name: &str, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    // Steps hang under their text, not under their number.
    let hang = text.find(". ").filter(|at| text[..*at].bytes().all(|b| b.is_ascii_digit()));
    let hang = hang.map_or(0, |at| at + 2);
    for word in text.split_whitespace() {
        let room = WIDTH - INDENT - if lines.is_empty() { 0 } else { hang };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let indented = lines.iter().enumerate().map(|(at, line)| match at {
        0 => format!("  {name:<width$}{line}", width = INDENT - 2),
        _ => format!("{:width$}{line}", "", width = INDENT + hang),
    });
    indented.collect()
}

/// A size with three digits, powers of 1000 as archives give them.
fn size(bytes: u64) -> String {
    let (number, unit) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (bytes as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (bytes as f64 / 1e6, "MB"),
        _ => (bytes as f64 / 1e9, "GB"),
    };
    let decimals = if number < 10.0 { 1 } else { 0 };
    format!("{number:.decimals$} {unit}")
}

/// The same for programs.
pub fn json(entries: &[Entry<'_>]) -> Value {
    entries.iter().map(dataset).collect()
}

fn dataset(entry: &Entry<'_>) -> Value {
    let (slot, archive) = (entry.slot, entry.archive);
    let mut value = object!({
        "dataset": slot.name,
        "about": slot.about,
        "release": archive.release,
        "volume_bytes": archive.volume_bytes,
        "path": entry.place(),
        "format": entry.format(),
        "url": archive.url,
        "get": archive.get,
        "query_file": archive.query_file,
        "licence": archive.licence,
        "acknowledgement": archive.acknowledgement,
        "columns": archive.columns.iter().map(|column| object!({
            "name": column.name, "unit": column.unit, "about": column.about,
        })).collect::<Value>(),
    });
    let state = match &entry.state {
        State::Missing(why) => object!({ "state": "missing", "why": why }),
        State::There(copy) => object!({
            "state": if copy.faults.is_empty() { "good" } else { "wrong" },
            "files": copy.files,
            "bytes": copy.bytes,
            "rows": copy.rows,
            "faults": copy.faults,
            "notes": copy.notes,
        }),
    };
    if let (Value::Object(value), Value::Object(state)) = (&mut value, state) {
        value.extend(state);
    }
    value
}
