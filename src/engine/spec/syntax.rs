//! Text to tables: the bounds that protect the parser, then TOML.

use toml::de::{DeTable, DeValue};

use super::error::SpecError;
use super::source_map::{SourceMap, Span};
use super::value::{Spanned, Table, Value, from_toml, value_from_toml};

/// Deepest nesting of one line's brackets and dotted keys together.
const MAX_DEPTH: usize = 64;

/// Largest text, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// Adds a text to the map unless it is too large to look at. Returns its base address.
pub(super) fn admit(
    map: &mut SourceMap,
    name: &str,
    text: &str,
    errors: &mut Vec<SpecError>,
) -> Option<usize> {
    if text.len() <= MAX_BYTES {
        return Some(map.add(name, text));
    }
    let base = map.add(name, "");
    let message = format!("{} MiB of text, the most is 64 MiB", text.len() >> 20);
    errors.push(
        SpecError::new("spec.size", message, base..base, "too large")
            .help("is this the right file?"),
    );
    None
}

/// Reads a whole document. `None` when it is no TOML, which is then among the errors.
pub(super) fn read_document(
    map: &mut SourceMap,
    name: &str,
    text: &str,
    errors: &mut Vec<SpecError>,
) -> Option<Table> {
    let base = admit(map, name, text, errors)?;
    if let Err(error) = check_depth(text, base) {
        errors.push(error);
        return None;
    }
    match DeTable::parse(text) {
        Ok(table) => Some(from_toml(table.into_inner(), base, errors)),
        Err(error) => {
            errors.push(syntax_error(&error, base, text.len()));
            None
        }
    }
}

/// Reads a single value that begins at address `base`.
pub(super) fn read_value(
    text: &str,
    base: usize,
    errors: &mut Vec<SpecError>,
) -> Result<Spanned<Value>, SpecError> {
    check_depth(text, base)?;
    match DeValue::parse(text) {
        Ok(value) => Ok(value_from_toml(value, base, errors)),
        Err(error) => Err(syntax_error(&error, base, text.len())),
    }
}

fn syntax_error(error: &toml::de::Error, base: usize, len: usize) -> SpecError {
    let span: Span =
        error.span().map_or(base + len..base + len, |span| span.start + base..span.end + base);
    SpecError::new("spec.syntax", error.message(), span, "here")
}

fn check_depth(text: &str, base: usize) -> Result<(), SpecError> {
    match first_too_deep(text.as_bytes()) {
        None => Ok(()),
        Some(at) => {
            let message = format!("nested more than {MAX_DEPTH} deep");
            let span = base + at..base + at + 1;
            Err(SpecError::new("spec.depth", message, span, "here"))
        }
    }
}

/// Position of the first byte that is nested too deep, counting brackets, braces and the dots of dotted keys.
///
/// Every later walk over a value recurses; this bound is what keeps a hostile file from overflowing the stack.
fn first_too_deep(text: &[u8]) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let (mut depth, mut dots, mut at) = (0, 0, 0);
    while at < text.len() {
        match text[at] {
            b'#' => at = end_of_line(text, at),
            b'"' | b'\'' => at = end_of_string(text, at),
            b'[' | b'{' => {
                open.push(dots + 1);
                depth += dots + 1;
                dots = 0;
            }
            b']' | b'}' => {
                depth -= open.pop().unwrap_or(0);
                dots = 0;
            }
            b'.' => dots += 1,
            b',' | b'\n' => dots = 0,
            _ => {}
        }
        if depth + dots > MAX_DEPTH {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The last byte before the line's end.
fn end_of_line(text: &[u8], at: usize) -> usize {
    let rest = &text[at..];
    at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()).saturating_sub(1)
}

/// The last byte of the string that opens at `at`.
fn end_of_string(text: &[u8], at: usize) -> usize {
    let quote = text[at];
    let triple = text[at..].starts_with(&[quote; 3]);
    let mut next = if triple { at + 3 } else { at + 1 };
    while next < text.len() {
        match text[next] {
            b'\\' if quote == b'"' => next += 1,
            b'\n' if !triple => return next - 1,
            byte if byte == quote && !triple => return next,
            byte if byte == quote && text[next..].starts_with(&[quote; 3]) => return next + 2,
            _ => {}
        }
        next += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, String> {
        let (mut map, mut errors) = (SourceMap::default(), Vec::new());
        let table = read_document(&mut map, "p.toml", text, &mut errors);
        match errors.first() {
            None => Ok(table.unwrap()),
            Some(error) => Err(error.render(&map).to_string()),
        }
    }

    #[test]
    fn depth_is_bounded_before_the_parser_sees_it() {
        let nested = |n: usize| format!("a = {}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(60)).is_ok());
        assert_eq!(read(&nested(70)).unwrap_err(), "p.toml:1:69: nested more than 64 deep");
        assert!(read(&nested(100_000)).is_err());
        let dotted = format!("{}a = 1", "a.".repeat(100_000));
        assert!(read(&dotted).unwrap_err().contains("nested more than 64"));
        let mixed = format!("x = {}1", "{ a.b.c.d.e.f.g.h = ".repeat(10));
        assert!(read(&mixed).unwrap_err().contains("nested more than 64"));
        let tables = format!("x = {}", "{ a = ".repeat(100_000));
        assert!(read(&tables).unwrap_err().contains("nested more than 64"));
    }

    #[test]
    fn brackets_and_dots_in_strings_and_comments_do_not_count() {
        let dots = ".[".repeat(100);
        let text = format!(
            "a = \"{dots}\\\"{dots}\" # {dots}\nb = '{dots}'\nc = \"\"\"\n{dots}\n\"{dots}\"\"\"\nd = '''{dots}\n'''\n#{dots}"
        );
        assert!(read(&text).is_ok(), "{:?}", read(&text));
        let floats = format!("a = [{}]", "1.5, ".repeat(500));
        assert!(read(&floats).is_ok());
    }

    #[test]
    fn the_bound_holds_behind_a_string_and_a_comment() {
        let deep = "[".repeat(80);
        for before in ["#\n", "a = \"x\"\n", "a = 'x'\n", "a = '''x'''\n", "a = \"\"\n", "# c"] {
            let text = format!("{before}\nb = {deep}");
            assert!(read(&text).unwrap_err().contains("nested more"), "{before:?}");
        }
    }

    #[test]
    fn errors_of_toml_have_their_place() {
        let error = read("a = 1\nb = \n").unwrap_err();
        assert!(error.starts_with("p.toml:2:"), "{error}");
        let error = read("a = 1\na = 2\n").unwrap_err();
        assert_eq!(error, "p.toml:2:1: duplicate key");
        let error = read("[x]\n[x]\n").unwrap_err();
        assert!(error.starts_with("p.toml:2:") && error.contains("duplicate"), "{error}");
        assert!(read("a = \"open").unwrap_err().starts_with("p.toml:1:"));
    }

    #[test]
    fn a_huge_text_is_refused_without_being_kept() {
        let (mut map, mut errors) = (SourceMap::default(), Vec::new());
        let text = " ".repeat(MAX_BYTES + 1);
        assert!(read_document(&mut map, "big.toml", &text, &mut errors).is_none());
        let text = errors[0].render(&map).to_string();
        assert!(text.starts_with("big.toml:1:1: 64 MiB of text"), "{text}");
        assert_eq!(map.texts().next(), Some(("big.toml", "")));
    }
}
