//! "Byte-by-byte Description of file: …".

use super::{CdsError, LONGEST_LINE_BYTES};
use crate::formats::columns::{Kind, Spec};

/// The most columns of a table.
const MOST_COLUMNS: usize = 10_000;
/// The most tables of a ReadMe.
const MOST_TABLES: usize = 1_000;

/// A column as described.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CdsColumn {
    pub spec: Spec,
    /// First byte, from 1.
    pub first: usize,
    /// Last byte.
    pub last: usize,
    /// What stands for a missing value.
    null: Option<String>,
}

impl CdsColumn {
    /// Whether a text that is not blank stands for a missing value.
    pub fn is_null(&self, text: &str) -> bool {
        let Some(null) = &self.null else { return false };
        let number = |text: &str| with_e(text).parse::<f64>().ok();
        let same = || number(null).is_some_and(|null| number(text) == Some(null));
        null == text || (self.spec.kind != Kind::Text && same())
    }
}

/// A number with Fortran's exponent letter as others write it.
pub(super) fn with_e(text: &str) -> String {
    text.replace(['D', 'd'], "e")
}

/// The description of one table, or of several that are alike.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Description {
    /// Names, in which `*` stands for anything and `?` for one character.
    pub files: Vec<String>,
    pub columns: Vec<CdsColumn>,
}

impl Description {
    /// For each byte of a line whether a column has it.
    pub fn covered(&self) -> Vec<bool> {
        let last = self.columns.iter().map(|column| column.last).max().unwrap_or(0);
        let mut covered = vec![false; last];
        for column in &self.columns {
            covered[column.first - 1..column.last].fill(true);
        }
        covered
    }

    /// Takes a column, or words that go on with the last one's.
    fn add(&mut self, column: Option<CdsColumn>, words: &str) -> Result<(), String> {
        let Some(column) = column else {
            if let Some(last) = self.columns.last_mut() {
                go_on(last, words);
            }
            return Ok(());
        };
        let name = &column.spec.name;
        if self.columns.len() == MOST_COLUMNS {
            return Err(format!("more than {MOST_COLUMNS} columns"));
        }
        if self.columns.iter().any(|other| other.spec.name == *name) {
            return Err(format!("label `{name}` stands twice"));
        }
        self.columns.push(column);
        Ok(())
    }

    pub fn is_of(&self, file: &str) -> bool {
        self.files.iter().any(|pattern| fits(pattern.as_bytes(), file.as_bytes()))
    }
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
        ([b'?', pattern @ ..], [_, name @ ..]) => fits(pattern, name),
        ([a, pattern @ ..], [b, name @ ..]) => a == b && fits(pattern, name),
        _ => false,
    }
}

/// The files that a line begins to describe.
pub(super) fn files_of(line: &str) -> Option<Vec<String>> {
    const BEGINNING: &str = "byte-by-byte description of file";
    let beginning = line.get(..BEGINNING.len())?;
    if !beginning.eq_ignore_ascii_case(BEGINNING) {
        return None;
    }
    // `of file: t.dat`, `of file (# 1): t.dat u.dat`
    let rest = &line[BEGINNING.len()..];
    let names = rest.split_once(':').map_or(rest, |(_, names)| names);
    let names = names.split([' ', ',', '\t']).filter(|name| !name.is_empty());
    Some(names.map(str::to_owned).collect())
}

/// Where in a description a line stands: so many rules were met.
#[derive(Debug, Default)]
pub(super) struct Parser {
    done: Vec<Description>,
    current: Option<(Description, usize)>,
}

impl Parser {
    /// Takes the next line.
    pub fn take(&mut self, line: usize, text: &str) -> Result<(), CdsError> {
        let wrong = |problem: String| CdsError::Description { line, problem };
        if let Some(files) = files_of(text) {
            self.done.extend(self.current.take().map(|(description, _)| description));
            if self.done.len() == MOST_TABLES {
                return Err(wrong(format!("more than {MOST_TABLES} tables")));
            }
            self.current = Some((Description { files, columns: Vec::new() }, 0));
            return Ok(());
        }
        let Some((description, rules)) = &mut self.current else { return Ok(()) };
        if super::is_rule(text.as_bytes()) {
            *rules += 1;
            // One rule above the heads, one below, one behind the columns.
            if *rules == 3 {
                self.done.extend(self.current.take().map(|(description, _)| description));
            }
            return Ok(());
        }
        if *rules != 2 {
            return Ok(());
        }
        description.add(column(text).map_err(wrong)?, text.trim()).map_err(wrong)
    }

    /// The descriptions that have columns.
    pub fn finish(mut self) -> Vec<Description> {
        self.done.extend(self.current.take().map(|(description, _)| description));
        self.done.retain(|description| !description.columns.is_empty());
        self.done
    }
}

/// The column that a line describes; `None` when it goes on with the one before.
fn column(text: &str) -> Result<Option<CdsColumn>, String> {
    let Some((first, last, rest)) = bytes(text) else { return Ok(None) };
    let mut words = rest.trim_start().splitn(2, char::is_whitespace);
    let format = words.next().unwrap_or_default();
    let Some((kind, width)) = kind(format) else { return Ok(None) };
    let mut word = || {
        let rest = words.next().unwrap_or_default().trim_start();
        words = rest.splitn(2, char::is_whitespace);
        words.next().unwrap_or_default()
    };
    let (unit, label) = (word(), word());
    let explanation = words.next().unwrap_or_default().trim();
    if label.is_empty() {
        return Err("a column has no label".to_owned());
    }
    if first == 0 || last < first || last > LONGEST_LINE_BYTES {
        return Err(format!("column `{label}` is at bytes {first}-{last}"));
    }
    if width != last - first + 1 {
        let found = last - first + 1;
        return Err(format!("column `{label}` has format {format} for {found} bytes"));
    }
    let unit = Some(unit.to_owned()).filter(|unit| !unit.starts_with("--"));
    let spec = Spec { unit, ..Spec::plain(label, kind) };
    let mut column = CdsColumn { spec, first, last, null: None };
    go_on(&mut column, explanation);
    Ok(Some(column))
}

/// `1- 9`, `12`, `1-9`, and what follows.
fn bytes(text: &str) -> Option<(usize, usize, &str)> {
    let (first, rest) = number(text)?;
    match rest.trim_start().strip_prefix('-') {
        Some(rest) => number(rest).map(|(last, rest)| (first, last, rest)),
        None => Some((first, first, rest)),
    }
}

fn number(text: &str) -> Option<(usize, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Type and width of `A9`, `I4`, `F7.3`, `E10.3`, `D12.4`.
fn kind(format: &str) -> Option<(Kind, usize)> {
    let kind = match format.chars().next()? {
        'A' | 'a' => Kind::Text,
        'I' | 'i' => Kind::Int64,
        'F' | 'f' | 'E' | 'e' | 'D' | 'd' => Kind::Float64,
        _ => return None,
    };
    let (width, rest) = number(&format[1..])?;
    let decimals = rest
        .strip_prefix('.')
        .map_or(rest, |digits| digits.trim_start_matches(|c: char| c.is_ascii_digit()));
    decimals.is_empty().then_some((kind, width))
}

/// Adds words to a column's explanation; the first ones may say `[0/24]?=-9.99`.
fn go_on(column: &mut CdsColumn, words: &str) {
    let description = column.spec.description.get_or_insert_default();
    if !description.is_empty() {
        description.push(' ');
        description.push_str(words);
        return;
    }
    let mut words = words;
    if let Some((_, rest)) = words.strip_prefix(['[', ']']).and_then(|w| w.split_once([']', '['])) {
        words = rest.trim_start();
    }
    if let Some(rest) = words.strip_prefix('?') {
        let rest = match rest.strip_prefix('=') {
            Some(null) => {
                let (null, rest) = null.split_once(char::is_whitespace).unwrap_or((null, ""));
                let null = null.trim_matches(['"', '\'']);
                column.null = Some(null.to_owned()).filter(|null| !null.is_empty());
                rest
            }
            None => rest,
        };
        words = rest.trim_start_matches(['+', '-', '=']).trim_start();
    }
    description.push_str(words);
}
