//! Errors of the specification: plain data with places, for the caller to render.

use std::fmt;

use super::source_map::{SourceMap, Span};

/// One thing wrong with `pipeline.toml`, the profile or a `--set`.
///
/// `Display` gives the message alone; [`SpecError::render`] adds the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecError {
    /// Kind of the error, stable: `spec.unknown-key`.
    pub code: &'static str,
    /// What is wrong, with the names as the user wrote them.
    pub message: String,
    /// Places: the first is where the error is, the others explain it.
    pub labels: Vec<(Span, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

impl SpecError {
    /// An error at one place.
    pub fn new(
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), labels: vec![(span, label.into())], help: None }
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    pub fn label(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    /// Plain text: `file:line:col: message`, then further places and the help, one a line.
    pub fn render<'a>(&'a self, map: &'a SourceMap) -> impl fmt::Display + 'a {
        Rendered { error: self, map }
    }
}

/// All that was found wrong, in the order of finding; never empty when returned by `Spec::load`.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct SpecErrors(pub Vec<SpecError>);

impl SpecErrors {
    /// Plain text of all errors with their places, one after the other.
    pub fn render(&self, map: &SourceMap) -> String {
        let lines: Vec<String> = self.0.iter().map(|e| e.render(map).to_string()).collect();
        lines.join("\n")
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.0.iter().map(|e| e.message.as_str()).collect();
        f.write_str(&lines.join("\n"))
    }
}

struct Rendered<'a> {
    error: &'a SpecError,
    map: &'a SourceMap,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = self.error.labels.iter();
        if let Some(at) = places.next().and_then(|(span, _)| self.map.locate(span)) {
            write!(f, "{}:{}:{}: ", at.name, at.line, at.column)?;
        }
        write!(f, "{}", self.error.message)?;
        for (span, label) in places {
            if let Some(at) = self.map.locate(span) {
                write!(f, "\n  {}:{}:{}: {label}", at.name, at.line, at.column)?;
            }
        }
        match &self.error.help {
            Some(help) => write!(f, "\n  hint: {help}"),
            None => Ok(()),
        }
    }
}

/// The candidate that a misspelled word most likely stands for; of equals, the first.
///
/// Upper and lower case are the cheapest confusion; otherwise a third of the word's letters may differ.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // The distance costs the product of both lengths, and nothing that long is a slip of the finger.
    const LONGEST: usize = 64;
    // Nor is a slip looked for among more names than anybody writes.
    const MOST: usize = 2000;
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .take(MOST)
        .filter(|candidate| candidate.len() <= LONGEST && *candidate != word)
        .map(|candidate| {
            let distance = strsim::osa_distance(&lower, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` if there is a likely candidate, and the list of all of them.
pub(super) fn suggestion(word: &str, candidates: &[&str], noun: &str) -> String {
    let list = match candidates {
        [] => format!("no {noun} is accepted here"),
        all => format!("accepted: {}", quoted(all)),
    };
    match did_you_mean(word, candidates.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? {list}"),
        None => list,
    }
}

/// `a`, `b`, `c`, cut after thirty.
pub(super) fn quoted(words: &[&str]) -> String {
    const MOST: usize = 30;
    let mut text =
        words.iter().take(MOST).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    if words.len() > MOST {
        text.push_str(&format!(" and {} more", words.len() - MOST));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let words = ["epsilon", "gamma", "C", "cost_grid"];
        assert_eq!(did_you_mean("epsilonn", words), Some("epsilon"));
        assert_eq!(did_you_mean("gmama", words), Some("gamma"));
        assert_eq!(did_you_mean("c", words), Some("C"));
        assert_eq!(did_you_mean("Cost_Grid", words), Some("cost_grid"));
        assert_eq!(did_you_mean("kernel", words), None);
        assert_eq!(did_you_mean("gamma", ["gamma"]), None);
        assert_eq!(did_you_mean(&"x".repeat(1000), words), None);
        assert_eq!(did_you_mean("x", []), None);
    }

    #[test]
    fn rendering_names_every_place_and_the_help() {
        let mut map = SourceMap::default();
        map.add("pipeline.toml", "a = 1\nb = 2\n");
        let error = SpecError::new("spec.test", "two of them", 6..7, "here")
            .label(0..1, "the first")
            .help("remove one");
        let text =
            "pipeline.toml:2:1: two of them\n  pipeline.toml:1:1: the first\n  hint: remove one";
        assert_eq!(error.render(&map).to_string(), text);
        assert_eq!(error.to_string(), "two of them");
        assert_eq!(SpecErrors(vec![error]).render(&map), text);
    }

    #[test]
    fn long_lists_are_cut() {
        let words: Vec<String> = (0..35).map(|i| i.to_string()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert!(quoted(&words).ends_with("`29` and 5 more"));
        assert_eq!(suggestion("x", &[], "port"), "no port is accepted here");
    }
}
