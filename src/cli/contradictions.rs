//! `check --contradictions`: where the paper leaves something open, and what each method does about it.

use serde_json::{Value, json};

use super::args::Common;
use super::failure::Failure;
use super::project::load_spec;
use super::table::{cell, table};
use crate::engine::spec::{Contradiction, Decision, Spec, SpecError, SpecErrors};
use crate::report::page;
use crate::stages::REGISTRY;

/// An entry of the register with what each method decides.
pub struct Entry {
    contradiction: Contradiction,
    decisions: Vec<Decided>,
}

/// A parameter that decides, and its value by method.
type Decided = (String, Vec<Value>);

/// The register of a pipeline.
pub struct Register {
    methods: Vec<String>,
    entries: Vec<Entry>,
}

impl Register {
    /// Reads the pipeline once for each method, if there is a register at all. `--set` is left out: it belongs to no
    /// method.
    ///
    /// # Errors
    /// A parameter that its stage does not have.
    pub fn read(common: &Common, spec: &Spec) -> Result<Self, Failure> {
        let methods = spec.methods.clone();
        if spec.contradictions.is_empty() {
            return Ok(Register { methods, entries: Vec::new() });
        }
        let of_method = |method: &String| {
            load_spec(&Common { method: method.clone(), set: Vec::new(), ..common.clone() })
        };
        let (printed, map) = of_method(&common.method)?;
        let specs: Vec<Spec> = methods
            .iter()
            .map(|method| of_method(method).map(|(spec, _)| spec))
            .collect::<Result<_, _>>()?;
        let mut errors = Vec::new();
        let mut entries = Vec::new();
        for contradiction in printed.contradictions {
            let mut decisions = Vec::new();
            for at in &contradiction.at {
                let values = specs.iter().map(|spec| decided(spec, at)).collect();
                match values {
                    Ok(values) => decisions.push((at.to_string(), values)),
                    Err(error) => errors.push(error),
                }
            }
            entries.push(Entry { contradiction, decisions });
        }
        if !errors.is_empty() {
            return Err(Failure::spec(SpecErrors(errors), map));
        }
        Ok(Register { methods, entries })
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            let decisions = entry.decisions.iter().map(|(at, values)| {
                let by_method: serde_json::Map<String, Value> =
                    self.methods.iter().cloned().zip(values.iter().cloned()).collect();
                json!({ "at": at, "by_method": by_method })
            });
            json!({
                "id": entry.contradiction.id.value,
                "section": entry.contradiction.section,
                "problem": entry.contradiction.problem,
                "resolution": entry.contradiction.resolution,
                "decisions": decisions.collect::<Vec<_>>(),
            })
        });
        Value::Array(entries.collect())
    }

    /// For people.
    pub fn text(&self) -> String {
        let entries: Vec<String> =
            self.entries.iter().map(|entry| self.entry_text(entry)).collect();
        entries.join("\n\n")
    }

    fn entry_text(&self, entry: &Entry) -> String {
        let Contradiction { id, section, problem, resolution, .. } = &entry.contradiction;
        let mut text =
            format!("{} ({section})\n  problem: {problem}\n  done: {resolution}", id.value);
        let (same, differ): (Vec<&Decided>, Vec<&Decided>) =
            entry.decisions.iter().partition(|(_, values)| values.iter().all(|v| *v == values[0]));
        for (at, values) in same {
            text.push_str(&format!("\n    {at} = {}", short(&values[0])));
        }
        if !differ.is_empty() {
            let mut header = vec!["PARAMETER"];
            header.extend(self.methods.iter().map(String::as_str));
            let rows = differ.iter().map(|(at, values)| {
                std::iter::once(at.clone()).chain(values.iter().map(short)).collect()
            });
            for line in table(&header, &[], rows.collect()).lines() {
                text.push_str("\n    ");
                text.push_str(line);
            }
        }
        text
    }

    /// For the page: each entry with its parameters, and what other methods set them to.
    pub fn rows(&self) -> Vec<page::Contradiction> {
        let decision = |(at, values): &Decided| {
            let differ = values.iter().any(|value| *value != values[0]);
            match differ {
                false => format!("{at} = {}", short(&values[0])),
                true => {
                    let each = self.methods.iter().zip(values);
                    let each: Vec<String> =
                        each.map(|(method, value)| format!("{method} {}", short(value))).collect();
                    format!("{at}: {}", each.join(", "))
                }
            }
        };
        let row = |entry: &Entry| page::Contradiction {
            id: entry.contradiction.id.value.clone(),
            section: entry.contradiction.section.clone(),
            problem: entry.contradiction.problem.clone(),
            resolution: entry.contradiction.resolution.clone(),
            options: entry.decisions.iter().map(decision).collect(),
        };
        self.entries.iter().map(row).collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A value as a cell: lists and tables as JSON, cut where they are long.
fn short(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::Null => "not set".to_owned(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        plain => cell(plain),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What a specification decides: a parameter with its stage's default, or the output that a port is bound to.
fn decided(spec: &Spec, at: &Decision) -> Result<Value, SpecError> {
    let unknown = |what: String| {
        let message = format!("`{at}`: {what}");
        Err(SpecError::new("spec.reference", message, at.span.clone(), "in the register"))
    };
    let Some(node) = spec.nodes.get(&at.node) else {
        return unknown("no such node".into());
    };
    if let [port] = at.path.as_slice()
        && let Some(from) = node.inputs.get(port)
    {
        let port = from.port.as_ref().map(|port| format!(".{port}")).unwrap_or_default();
        return Ok(Value::String(format!("{}{port}", from.node)));
    }
    let Some(stage) = REGISTRY.iter().find(|stage| stage.name == node.stage.value) else {
        return unknown(format!("no stage `{}`", node.stage.value));
    };
    let schema = (stage.params_schema)();
    let first = at.path.first().map(String::as_str).unwrap_or_default();
    if schema["properties"].get(first).is_none() {
        return unknown(format!("stage `{}` has no parameter `{first}`", stage.name));
    }
    let params = (stage.build)(node)?.params;
    Ok(at.path.iter().try_fold(&params, |value, key| value.get(key)).cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::Parser;

    fn register(words: &[&str]) -> Register {
        let words =
            ["mdwarf", "-C", env!("CARGO_MANIFEST_DIR")].iter().chain(words).chain(&["check"]);
        let cli = Cli::try_parse_from(words).unwrap();
        let (spec, _) = load_spec(&cli.common).unwrap_or_else(|why| panic!("{}", why.message));
        Register::read(&cli.common, &spec).unwrap_or_else(|failure| panic!("{}", failure.message))
    }

    #[test]
    fn every_entry_names_parameters_that_exist_and_methods_differ() {
        for profile in ["simulated", "nearby", "archive"] {
            let register = register(&["--profile", profile]);
            assert_eq!(register.methods, ["printed", "released", "recommended"]);
            assert!(register.len() >= 25, "{}", register.len());
            let differs = |method: usize| {
                let decisions = register.entries.iter().flat_map(|entry| &entry.decisions);
                decisions.filter(|(_, values)| values[method] != values[0]).count()
            };
            assert!(differs(1) >= 5 && differs(2) >= 5, "{} {}", differs(1), differs(2));
        }
    }

    #[test]
    fn what_a_method_changes_is_in_the_register() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/pipeline.toml"));
        let document: toml::Table = text.unwrap().parse().unwrap();
        let register = register(&[]);
        let known: Vec<&str> = register
            .entries
            .iter()
            .flat_map(|entry| entry.decisions.iter().map(|(at, _)| at.as_str()))
            .collect();
        for (method, changes) in document["method"].as_table().unwrap() {
            for at in changes.as_table().unwrap().keys() {
                assert!(known.contains(&at.as_str()), "{method} changes {at} without an entry");
            }
        }
    }
}
