//! Errors of the specification as they stand in the texts: file, line, column, the line itself.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents,
};

use crate::engine::spec::{SourceMap, Span, SpecError, SpecErrors};

/// Columns of a report where no terminal says how wide it is.
const WIDTH: usize = 100;
/// The most errors that are shown: of more, nobody reads the rest.
const MOST_ERRORS: usize = 50;
/// The longest line that is shown, in bytes; of an error in a longer one the place is told.
const LONGEST_LINE_BYTES: usize = 1000;

/// All errors, one after the other.
pub fn render(errors: &SpecErrors, map: &SourceMap, color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(WIDTH);
    let mut text = String::new();
    for error in errors.0.iter().take(MOST_ERRORS) {
        let report = Report::new(error, map);
        // Without a place in a text there is nothing to draw.
        if report.text.is_none() || handler.render_report(&mut text, &report).is_err() {
            text.push_str(&format!("{}\n", error.render(map)));
        }
        text.push('\n');
    }
    if let Some(more) = errors.0.len().checked_sub(MOST_ERRORS).filter(|more| *more > 0) {
        text.push_str(&format!("and {more} more\n"));
    }
    text.trim_end().to_owned()
}

/// Whether the lines of a place can be shown.
fn is_shown(text: &str, range: &std::ops::Range<usize>) -> bool {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at);
    end - start <= LONGEST_LINE_BYTES
}

/// One error in one text; places in other texts are reports of their own below it.
#[derive(Debug)]
struct Report {
    message: String,
    code: Option<&'static str>,
    help: Option<String>,
    text: Option<Text>,
    labels: Vec<LabeledSpan>,
    severity: Severity,
    related: Vec<Report>,
}

impl Report {
    fn new(error: &SpecError, map: &SourceMap) -> Self {
        let mut report = Report {
            message: error.message.clone(),
            code: Some(error.code),
            help: error.help.clone(),
            text: None,
            labels: Vec::new(),
            severity: Severity::Error,
            related: Vec::new(),
        };
        for (span, label) in &error.labels {
            report.point(span, label, map);
        }
        report
    }

    fn point(&mut self, span: &Span, label: &str, map: &SourceMap) {
        let Some(place) = map.locate(span) else {
            return;
        };
        if !is_shown(place.text, &place.range) {
            return;
        }
        let text = self.text.get_or_insert_with(|| Text {
            name: place.name.to_owned(),
            text: place.text.to_owned(),
        });
        if text.name == place.name {
            let span = SourceSpan::from(place.range);
            let labeled = if self.labels.is_empty() {
                LabeledSpan::new_primary_with_span(Some(label.to_owned()), span)
            } else {
                LabeledSpan::new_with_span(Some(label.to_owned()), span)
            };
            self.labels.push(labeled);
            return;
        }
        let mut elsewhere = Report {
            message: label.to_owned(),
            code: None,
            help: None,
            text: None,
            labels: Vec::new(),
            severity: Severity::Advice,
            related: Vec::new(),
        };
        elsewhere.point(span, label, map);
        self.related.push(elsewhere);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code?))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.help.as_ref()?))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.text.as_ref()?)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|r| r as &dyn Diagnostic)))
    }
}

/// A text with its name.
///
/// miette counts columns in bytes; people, editors and [`SourceMap`] count characters.
#[derive(Debug)]
struct Text {
    name: String,
    text: String,
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.as_bytes().read_span(span, before, after)?;
        let head = &self.text.as_bytes()[..found.span().offset()];
        let line_start = head.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&head[line_start..]).chars().count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            found.data(),
            *found.span(),
            found.line(),
            column,
            found.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_texts() -> (SourceMap, usize) {
        let mut map = SourceMap::default();
        map.add("pipeline.toml", "[node.a]\nsection = \"§3\" # C = 1\nC = 1\n");
        let base = map.add("profiles/x.toml", "[node.a]\nC = 2\n");
        (map, base)
    }

    #[test]
    fn line_and_column_count_characters() {
        let (map, _) = two_texts();
        let at = "[node.a]\nsection = \"§3\" # ".len();
        let error = SpecError::new("spec.test", "wrong", at..at + 1, "here").help("mend it");
        let text = render(&SpecErrors(vec![error]), &map, false);
        assert!(text.contains("pipeline.toml:2:18"), "{text}");
        assert!(text.contains("section = \"§3\""), "{text}");
        assert!(text.contains("wrong") && text.contains("mend it") && text.contains("here"));
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn every_error_and_every_text_is_shown() {
        let (map, base) = two_texts();
        let first = SpecError::new("spec.one", "first", base + 9..base + 10, "again")
            .label(33..34, "before");
        let second = SpecError::new("spec.two", "second", 0..1, "there");
        let text = render(&SpecErrors(vec![first, second]), &map, false);
        assert!(text.contains("profiles/x.toml:2:1"), "{text}");
        assert!(text.contains("pipeline.toml:3:1"), "{text}");
        assert!(text.contains("pipeline.toml:1:1"), "{text}");
        assert!(text.contains("first") && text.contains("second") && text.contains("before"));
    }

    #[test]
    fn long_lines_and_many_errors_are_cut() {
        let mut map = SourceMap::default();
        map.add("pipeline.toml", format!("x = {}\n", "[".repeat(100_000)));
        let deep = SpecError::new("spec.depth", "too deep", 60..61, "here");
        let text = render(&SpecErrors(vec![deep; 60]), &map, false);
        assert!(text.starts_with("pipeline.toml:1:61: too deep"), "{text}");
        assert!(text.ends_with("and 10 more") && text.len() < 5000, "{text}");
    }

    #[test]
    fn an_error_without_a_place_is_still_told() {
        let error = SpecError::new("spec.x", "nowhere", 10..11, "here").help("look");
        let text = render(&SpecErrors(vec![error]), &SourceMap::default(), false);
        assert_eq!(text, "nowhere\n  hint: look");
    }
}
