//! One address space for all texts that make up a run's specification.
//!
//! `pipeline.toml`, the profile, its list files and every `--set` are laid one after the other, so that a plain byte
//! range says both where and in which text. Values of different texts can then be merged without losing their places.

use std::ops::Range;

/// A byte range in the address space of a [`SourceMap`].
pub type Span = Range<usize>;

/// The texts that were read, by address.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    base: usize,
}

/// A place in one text, as a person or a renderer of errors wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// Name of the text as it was added: `pipeline.toml`, `--set slam_ap.C=1`.
    pub name: &'a str,
    /// The whole text.
    pub text: &'a str,
    /// Bytes within `text`, on character boundaries.
    pub range: Range<usize>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl SourceMap {
    /// Appends a text and returns the address of its first byte.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        let base = self.end();
        self.sources.push(Source { name: name.into(), text: text.into(), base });
        base
    }

    /// The address that the next text will begin at.
    pub(super) fn end(&self) -> usize {
        // One address more than the text is long: "end of file" then belongs to no other text.
        self.sources.last().map_or(0, |s| s.base + s.text.len() + 1)
    }

    /// Finds the text and the place of a span; `None` when it lies behind all texts.
    pub fn locate(&self, span: &Span) -> Option<Location<'_>> {
        let next = self.sources.partition_point(|s| s.base <= span.start);
        let source = self.sources.get(next.checked_sub(1)?)?;
        let text = source.text.as_str();
        if span.start - source.base > text.len() {
            return None;
        }
        let start = floor_char(text, span.start - source.base);
        let end = floor_char(text, span.end.saturating_sub(source.base)).max(start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some(Location {
            name: &source.name,
            text,
            range: start..end,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        })
    }

    /// Lists name and text of all sources in the order of their addresses.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.iter().map(|s| (s.name.as_str(), s.text.as_str()))
    }
}

/// The nearest character boundary at or below `at`, within the text.
fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_the_right_text() {
        let mut map = SourceMap::default();
        let first = map.add("a.toml", "x = 1\ny = \"§é\" # z\n");
        let second = map.add("b.toml", "k = 2");
        assert_eq!((first, second), (0, 22));
        let y = map.locate(&(6..7)).unwrap();
        assert_eq!((y.name, y.line, y.column, y.range), ("a.toml", 2, 1, 6..7));
        let comment = map.locate(&(17..18)).unwrap();
        assert_eq!((comment.line, comment.column), (2, 10));
        let k = map.locate(&(second..second + 1)).unwrap();
        assert_eq!((k.name, k.line, k.column, k.text), ("b.toml", 1, 1, "k = 2"));
    }

    #[test]
    fn the_end_of_a_text_belongs_to_that_text() {
        let mut map = SourceMap::default();
        map.add("a", "12");
        map.add("b", "");
        assert_eq!(map.locate(&(2..2)).unwrap().name, "a");
        assert_eq!(map.locate(&(3..3)).unwrap().name, "b");
        assert_eq!(map.locate(&(4..4)), None);
        assert_eq!(SourceMap::default().locate(&(0..0)), None);
    }

    #[test]
    fn a_span_inside_a_character_or_past_the_end_is_clamped() {
        let mut map = SourceMap::default();
        map.add("a", "§x");
        assert_eq!(map.locate(&(1..99)).unwrap().range, 0..3);
    }
}
