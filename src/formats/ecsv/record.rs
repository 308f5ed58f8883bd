//! Rows of fields, some quoted, from a stream of lines.

use super::{EcsvError, LONGEST_ROW_BYTES};
use crate::formats::lines::Lines;

/// One row, and the place for the next.
pub(super) struct Record {
    separator: char,
    /// A row that was read already.
    ahead: Option<String>,
    /// Texts of all fields, one behind the other.
    text: String,
    /// End of each field in `text`.
    ends: Vec<usize>,
    line: usize,
}

impl Record {
    pub fn new(separator: char, ahead: Option<String>) -> Self {
        Self { separator, ahead, text: String::new(), ends: Vec::new(), line: 0 }
    }

    /// Line on which the row begins, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn field(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.text[start..self.ends[place]]
    }

    /// Takes the next row; `false` at the end. Blank lines and comments are skipped.
    pub fn next(&mut self, lines: &mut Lines<'_>) -> Result<bool, EcsvError> {
        let mut row = match self.ahead.take() {
            Some(row) => row,
            None => match next_line(lines)? {
                Some(row) => row,
                None => return Ok(false),
            },
        };
        self.line = lines.number();
        // A quote that is open at the end of a line goes on in the next one.
        let opens = |line: &str| line.matches('"').count() % 2 == 1;
        let mut is_open = opens(&row);
        while is_open {
            let number = lines.number() + 1;
            match lines.next_line()? {
                Some(more) if row.len() + more.len() < LONGEST_ROW_BYTES => {
                    let more = text(more, number)?;
                    row.push('\n');
                    row.push_str(more);
                    // Of the new line only: the row may be long.
                    is_open ^= opens(more);
                }
                _ => return Err(self.fault("quote is not closed")),
            }
        }
        self.split(&row)?;
        Ok(true)
    }

    fn fault(&self, problem: &'static str) -> EcsvError {
        EcsvError::Text { line: self.line, problem }
    }

    fn split(&mut self, row: &str) -> Result<(), EcsvError> {
        self.text.clear();
        self.ends.clear();
        let blank = self.separator == ' ';
        let mut rest = row.trim_matches(' ');
        loop {
            if blank {
                rest = rest.trim_start_matches(' ');
            }
            let after = match rest.strip_prefix('"') {
                Some(quoted) => self.quoted(quoted)?,
                None => {
                    let end = rest.find(self.separator).unwrap_or(rest.len());
                    self.text.push_str(rest[..end].trim());
                    &rest[end..]
                }
            };
            self.ends.push(self.text.len());
            match after.strip_prefix(self.separator) {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(()),
                None => return Err(self.fault("text follows the closing quote")),
            }
        }
    }

    /// Takes a field up to its closing quote; a doubled quote stands for one.
    fn quoted<'r>(&mut self, mut rest: &'r str) -> Result<&'r str, EcsvError> {
        loop {
            let end = rest.find('"').ok_or_else(|| self.fault("quote is not closed"))?;
            self.text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    self.text.push('"');
                    rest = more;
                }
                None => return Ok(rest),
            }
        }
    }
}

/// The next line that is neither blank nor a comment.
fn next_line(lines: &mut Lines<'_>) -> Result<Option<String>, EcsvError> {
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next_line()? else { return Ok(None) };
        if !line.trim_ascii().is_empty() && !line.starts_with(b"#") {
            return Ok(Some(text(line, number)?.to_owned()));
        }
    }
}

fn text(line: &[u8], number: usize) -> Result<&str, EcsvError> {
    let problem = "the line is not UTF-8";
    std::str::from_utf8(line).map_err(|_| EcsvError::Text { line: number, problem })
}
