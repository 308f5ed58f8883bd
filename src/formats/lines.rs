//! Lines of a stream, each of bounded length.

use std::io::{self, BufRead};

use memchr::memchr;
use thiserror::Error;

/// Why a line could not be read.
#[derive(Debug, Error)]
pub enum LineError {
    /// The stream failed.
    #[error("line {line}: {source}")]
    Stream {
        /// Line, from 1.
        line: usize,
        /// What the stream met.
        source: io::Error,
    },
    /// The line is longer than any that was meant.
    #[error("line {line} has more than {limit} bytes")]
    TooLong {
        /// Line, from 1.
        line: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// A walk over the lines of a stream, which holds one line in memory.
pub struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    buffer: Vec<u8>,
    limit: usize,
    number: usize,
    has_end: bool,
}

impl<'a> Lines<'a> {
    /// Begins at the stream's position; a line of more than `limit` bytes will be an error.
    pub fn new(reader: Box<dyn BufRead + 'a>, limit: usize) -> Self {
        Self { reader, buffer: Vec::new(), limit, number: 0, has_end: true }
    }

    /// The number of the last line, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether the last line had an end of line.
    pub fn has_end(&self) -> bool {
        self.has_end
    }

    /// The next line without its end (LF or CRLF); `None` at the end of the stream.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, LineError> {
        self.buffer.clear();
        self.number += 1;
        self.has_end = false;
        loop {
            let line = self.number;
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(LineError::Stream { line, source }),
            };
            let end = memchr(b'\n', chunk);
            let taken = end.unwrap_or(chunk.len());
            if self.buffer.len() + taken > self.limit {
                return Err(LineError::TooLong { line, limit: self.limit });
            }
            let at_end = chunk.is_empty();
            self.buffer.extend_from_slice(&chunk[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                self.has_end = true;
                break;
            }
            if at_end {
                if self.buffer.is_empty() {
                    self.number -= 1;
                    return Ok(None);
                }
                break;
            }
        }
        Ok(Some(self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn over(text: &[u8], limit: usize) -> Lines<'_> {
        Lines::new(Box::new(BufReader::with_capacity(3, text)), limit)
    }

    #[test]
    fn ends_and_numbers() {
        let mut lines = over(b"one\r\n\ntwo lines\nlast", 100);
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let line = line.escape_ascii().to_string();
            seen.push((line, lines.number(), lines.has_end()));
        }
        let expected =
            [("one", 1, true), ("", 2, true), ("two lines", 3, true), ("last", 4, false)];
        assert_eq!(seen, expected.map(|(line, n, end)| (line.to_owned(), n, end)));
        assert_eq!(lines.number(), 4);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let endless = vec![b'x'; 1 << 20];
        let mut lines = over(&endless, 1000);
        let error = lines.next_line().unwrap_err();
        assert_eq!(error.to_string(), "line 1 has more than 1000 bytes");
        assert!(lines.buffer.capacity() <= 2048);
    }
}
