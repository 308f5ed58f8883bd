//! Delimited text as rows of fields, borrowed from the text where no quote is escaped.

use std::borrow::Cow;

use super::CsvError;

/// The most bytes of a field: no cell of a table is longer.
const LONGEST_FIELD_BYTES: usize = 16 << 20;
/// The most fields of a row: a line of commas must not fill the memory.
const MOST_FIELDS: usize = 100_000;

/// One field, without its quotes or the blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub text: Cow<'a, str>,
    pub quoted: bool,
}

/// Returns the bytes as text, without a byte order mark.
pub(super) fn decoded(bytes: &[u8]) -> Result<&str, CsvError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let byte = error.valid_up_to();
        let line = 1 + bytes[..byte].iter().filter(|&&b| b == b'\n').count();
        CsvError::Encoding { line, byte }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A walk over the rows of a text.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    text: &'a str,
    separator: u8,
    position: usize,
    /// Line of `position`, from 1.
    next_line: usize,
    /// Line on which the last record began.
    line: usize,
    /// Records given after the header.
    row: usize,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a str, separator: u8, comment: Option<u8>) -> Self {
        let mut records = Self { text, separator, position: 0, next_line: 1, line: 1, row: 0 };
        while comment.is_some() && records.peek() == comment {
            let rest = &text.as_bytes()[records.position..];
            let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            records.position += length.unwrap_or(rest.len());
            records.end_line();
        }
        records
    }

    /// Row of data that was given last, from 1.
    pub fn row(&self) -> usize {
        self.row
    }

    /// Line on which that row began, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// Steps over LF, CRLF or CR; whether one was there.
    fn end_line(&mut self) -> bool {
        let rest = &self.text.as_bytes()[self.position..];
        let length = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.position += length;
        self.next_line += 1;
        true
    }

    /// Fills `fields` with the next row of data; `false` at the end. Blank lines are
    /// skipped, except where one column makes them a missing value.
    pub fn next_row(
        &mut self,
        fields: &mut Vec<Field<'a>>,
        width: usize,
    ) -> Result<bool, CsvError> {
        while width > 1 && self.end_line() {}
        if !self.next(fields)? {
            return Ok(false);
        }
        self.row += 1;
        if fields.len() == width {
            return Ok(true);
        }
        let (row, line, found) = (self.row, self.line, fields.len());
        Err(CsvError::Width { row, line, found, expected: width })
    }

    /// Fills `fields` with the next record; `false` at the end.
    pub fn next(&mut self, fields: &mut Vec<Field<'a>>) -> Result<bool, CsvError> {
        fields.clear();
        self.line = self.next_line;
        if self.position == self.text.len() {
            return Ok(false);
        }
        loop {
            let field = self.field()?;
            if field.text.len() > LONGEST_FIELD_BYTES {
                return Err(CsvError::TooLong {
                    line: self.line,
                    limit_mib: LONGEST_FIELD_BYTES >> 20,
                });
            }
            if fields.len() == MOST_FIELDS {
                return Err(CsvError::TooMany { line: self.line, limit: MOST_FIELDS });
            }
            fields.push(field);
            if self.end_line() || self.position == self.text.len() {
                return Ok(true);
            }
            // Neither end of line nor of text: a separator.
            self.position += 1;
        }
    }

    fn field(&mut self) -> Result<Field<'a>, CsvError> {
        let start = self.position;
        let length = self.length_to_delimiter();
        let raw = &self.text[start..start + length];
        if !raw.trim_start_matches(' ').starts_with('"') {
            self.position += length;
            return Ok(Field { text: Cow::Borrowed(raw.trim()), quoted: false });
        }
        self.position += raw.len() - raw.trim_start_matches(' ').len();
        self.quoted_field()
    }

    /// Bytes up to the next separator or end of line. The caller made sure that the
    /// separator is ASCII; this would else cut a character.
    fn length_to_delimiter(&self) -> usize {
        let rest = &self.text.as_bytes()[self.position..];
        let ends = |&byte: &u8| byte == self.separator || matches!(byte, b'\n' | b'\r');
        rest.iter().position(ends).unwrap_or(rest.len())
    }

    /// A field in quotes, in which a doubled quote stands for one and lines may end.
    fn quoted_field(&mut self) -> Result<Field<'a>, CsvError> {
        let line = self.next_line;
        let text = self.text;
        let start = self.position + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            let Some(length) = text[end..].find('"') else {
                return Err(CsvError::Quote { line, problem: "quote is not closed" });
            };
            end += length;
            if !text[end + 1..].starts_with('"') {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.position = end + 1;
        let after = self.length_to_delimiter();
        let rest = &text[self.position..self.position + after];
        if !rest.trim().is_empty() {
            let problem = "text follows the closing quote";
            return Err(CsvError::Quote { line, problem });
        }
        self.position += after;
        let inner = &text[start..end];
        self.next_line += inner.matches('\n').count();
        let doubled = || Cow::Owned(inner.replace("\"\"", "\""));
        let text = if escaped { doubled() } else { inner.into() };
        Ok(Field { text, quoted: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Vec<String>> {
        let mut records = Records::new(text, b',', Some(b'#'));
        let (mut rows, mut fields) = (Vec::new(), Vec::new());
        while records.next(&mut fields).unwrap() {
            rows.push(fields.iter().map(|field| field.text.to_string()).collect());
        }
        rows
    }

    #[test]
    fn every_end_of_line() {
        let expected = vec![vec!["a", "b"], vec!["1", "2"], vec!["", ""]];
        for text in ["a,b\n1,2\n,\n", "a,b\r\n1,2\r\n,", "a,b\r1,2\r,", "# x,\"\n#y\na,b\n1 , 2\n,"]
        {
            assert_eq!(all(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_hold_separators_quotes_and_lines() {
        let rows = all("\"a,\"\"b\"\"\", \"x\ny\" ,5\" disk\nö,,\"\"\n");
        assert_eq!(rows, [vec!["a,\"b\"", "x\ny", "5\" disk"], vec!["ö", "", ""]]);
    }

    #[test]
    fn bad_quotes_name_their_line() {
        for (text, message) in [
            ("a\n\"b\nc", "line 2: quote is not closed"),
            ("a\n\"x\ny\"\n\"b\"c\n", "line 4: text follows the closing quote"),
        ] {
            let mut records = Records::new(text, b',', None);
            let mut fields = Vec::new();
            let error = loop {
                match records.next(&mut fields) {
                    Ok(more) => assert!(more),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.to_string(), message);
        }
    }
}
