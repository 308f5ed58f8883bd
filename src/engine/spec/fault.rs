//! What can go wrong while a table is read into a Rust type, and how it is told to the user.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::error::{SpecError, did_you_mean, quoted, suggestion};
use super::source_map::Span;

/// Whose table is read, for messages.
pub(super) struct Owner {
    /// `node slam_ap`, `[dataset.gaia]`.
    pub name: String,
    /// What its keys are called: `parameter`, `key`.
    pub noun: &'static str,
}

/// A failed reading; place and path are filled in on the way up.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: FaultKind,
    pub span: Option<Span>,
    /// Keys from the outermost table to the value.
    pub path: Vec<String>,
}

#[derive(Debug)]
pub(super) enum FaultKind {
    /// Keys that the type lacks, each with its place.
    UnknownKeys(Vec<(String, Span)>, Names),
    /// A key that serde met where only the table's place is known.
    UnknownKey(String, Names),
    /// A word that is none of an enum's.
    UnknownWord(String, Names),
    /// A key that must be there.
    Missing(&'static str),
    /// Anything else, in words.
    Value(String),
}

/// Names as serde hands them out.
pub(super) type Names = &'static [&'static str];

impl Fault {
    pub(super) fn new(kind: FaultKind) -> Self {
        Self { kind, span: None, path: Vec::new() }
    }

    /// Sets the place unless a deeper one is known.
    pub(super) fn at(mut self, span: &Span) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    /// Puts the error under a key.
    pub(super) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }

    /// Tells the user. `outer` is the place of the whole table.
    pub(super) fn into_error(self, owner: &Owner, outer: &Span) -> SpecError {
        let span = self.span.unwrap_or_else(|| outer.clone());
        let path = self.path.join(".");
        let Owner { name, noun } = owner;
        let inside = match path.as_str() {
            "" => name.clone(),
            path => format!("`{path}` of {name}"),
        };
        let subject = match path.as_str() {
            "" => name.clone(),
            path => format!("{noun} `{path}` of {name}"),
        };
        match self.kind {
            FaultKind::UnknownKeys(keys, names) => unknown_keys(keys, names, &inside, noun),
            FaultKind::UnknownKey(key, names) => {
                unknown_keys(vec![(key, span)], names, &inside, noun)
            }
            FaultKind::UnknownWord(word, names) => {
                let message = format!("{subject}: unknown value `{word}`");
                SpecError::new("spec.unknown-value", message, span, "not a value of it")
                    .help(suggestion(&word, names, "value"))
            }
            FaultKind::Missing(key) => {
                let message = format!("missing {noun} `{key}` in {inside}");
                SpecError::new("spec.missing", message, span, format!("`{key}` is required"))
            }
            FaultKind::Value(what) => {
                SpecError::new("spec.value", format!("{subject}: {what}"), span, "here")
            }
        }
    }
}

/// A damaged file may have thousands of unknown keys; nobody reads them all.
const MOST_LABELS: usize = 30;

fn unknown_keys(keys: Vec<(String, Span)>, names: Names, inside: &str, noun: &str) -> SpecError {
    let words: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
    let plural = if words.len() == 1 { "" } else { "s" };
    let help = match words.as_slice() {
        [word] => suggestion(word, names, noun),
        _ => suggestion("", names, noun),
    };
    SpecError {
        code: "spec.unknown-key",
        message: format!("unknown {noun}{plural} {} in {inside}", quoted(&words)),
        help: Some(help),
        labels: keys
            .iter()
            .take(MOST_LABELS)
            .map(|(key, span)| {
                let label = match did_you_mean(key, names.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("`{key}` is not accepted"),
                };
                (span.clone(), label)
            })
            .collect(),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::UnknownKeys(..) => f.write_str("unknown keys"),
            FaultKind::UnknownKey(key, _) => write!(f, "unknown key `{key}`"),
            FaultKind::UnknownWord(word, _) => write!(f, "unknown value `{word}`"),
            FaultKind::Missing(key) => write!(f, "missing key `{key}`"),
            FaultKind::Value(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(FaultKind::Value(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("expected {}, found {}", expected_words(expected), found_words(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self::custom(format!("expected {expected}, found {len} of them"))
    }

    fn unknown_variant(word: &str, names: Names) -> Self {
        Self::new(FaultKind::UnknownWord(word.to_owned(), names))
    }

    fn unknown_field(key: &str, names: Names) -> Self {
        Self::new(FaultKind::UnknownKey(key.to_owned(), names))
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(FaultKind::Missing(key))
    }
}

/// Serde names Rust types; a user of TOML knows numbers, text and tables.
fn expected_words(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "f64" | "f32" => "a number".into(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer".into(),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a non-negative integer".into(),
        "a string" | "a borrowed string" => "text".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array".into(),
        "a map" => "a table".into(),
        other if other.starts_with("struct ") => "a table".into(),
        other if other.starts_with("enum ") => "text".into(),
        other => other.to_owned(),
    }
}

fn found_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) if text.chars().count() > 40 => {
            let start: String = text.chars().take(40).collect();
            format!("text `{start}…`")
        }
        Unexpected::Str(text) => format!("text `{text}`"),
        Unexpected::Signed(number) => format!("integer `{number}`"),
        Unexpected::Unsigned(number) => format!("integer `{number}`"),
        Unexpected::Float(number) => format!("number `{number:?}`"),
        Unexpected::Bool(yes) => format!("`{yes}`"),
        Unexpected::Seq => "an array".into(),
        Unexpected::Map => "a table".into(),
        other => other.to_string(),
    }
}
