//! Where the paper is silent, unclear or contradicts itself: `[[contradiction]]`.

use serde::Deserialize;

use super::error::SpecError;
use super::names::check_name;
use super::source_map::Span;
use super::value::{Entry, Spanned, Value};

/// An entry of the register: what the paper leaves open, and what is done about it.
#[derive(Clone, Debug)]
pub struct Contradiction {
    /// Unique name.
    pub id: Spanned<String>,
    /// Sections of the paper.
    pub section: String,
    /// What is printed, and why it cannot be followed as it is.
    pub problem: String,
    /// What the printed method does about it.
    pub resolution: String,
    /// The parameters that decide it.
    pub at: Vec<Decision>,
}

/// A parameter that decides an entry of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The node.
    pub node: String,
    /// The parameter or port, and keys within it.
    pub path: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.node, self.path.join("."))
    }
}

#[derive(Deserialize)]
struct RawContradiction {
    id: Spanned<String>,
    section: String,
    problem: String,
    resolution: String,
    #[serde(default)]
    at: Vec<Spanned<String>>,
}

impl RawContradiction {
    fn check(self) -> Result<Contradiction, SpecError> {
        check_name("contradiction", &self.id, &self.id.span)?;
        let at = self.at.into_iter().map(decision).collect::<Result<_, _>>()?;
        let Self { id, section, problem, resolution, .. } = self;
        Ok(Contradiction { id, section, problem, resolution, at })
    }
}

fn decision(written: Spanned<String>) -> Result<Decision, SpecError> {
    let mut parts = written.value.split('.').map(str::to_owned);
    let node = parts.next().unwrap_or_default();
    let path: Vec<String> = parts.collect();
    if path.is_empty() || path.iter().any(String::is_empty) || node.is_empty() {
        let message = format!("`{}` is not `node.parameter`", written.value);
        return Err(SpecError::new("spec.reference", message, written.span, "here"));
    }
    Ok(Decision { node, path, span: written.span })
}

/// Reads all `[[contradiction]]`; what cannot be read is left out and reported.
pub(super) fn read_contradictions(entry: Entry, errors: &mut Vec<SpecError>) -> Vec<Contradiction> {
    let Value::Array(items) = entry.value.value else {
        let message = "an entry of the register is written as [[contradiction]], with two brackets";
        errors.push(SpecError::new("spec.type", message, entry.key, "here"));
        return Vec::new();
    };
    let mut found: Vec<Contradiction> = Vec::new();
    for item in items {
        let key = item.span.clone();
        let entry = Entry { key, value: item };
        let raw =
            super::pipeline::read_section::<RawContradiction>("[[contradiction]]".into(), &entry);
        let Some(read) = super::pipeline::keep(raw.and_then(RawContradiction::check), errors)
        else {
            continue;
        };
        if let Some(first) = found.iter().find(|other| other.id.value == read.id.value) {
            let message = format!("contradiction `{}` is written twice", read.id.value);
            let error = SpecError::new("spec.duplicate", message, read.id.span.clone(), "again");
            errors.push(error.label(first.id.span.clone(), "first"));
        }
        found.push(read);
    }
    found
}
