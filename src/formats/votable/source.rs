//! The bytes of a document, of which a tag or a text may take only so many.

use std::io::{self, BufRead, Read};

/// The most bytes of one tag, text or comment: no cell is longer.
pub(super) const LONGEST_ITEM_BYTES: usize = 16 << 20;

/// A reader that fails when more than a limit is taken between two calls of [`Source::rearm`].
pub(super) struct Source<'a> {
    inner: Box<dyn BufRead + 'a>,
    left: usize,
}

impl<'a> Source<'a> {
    pub fn new(inner: Box<dyn BufRead + 'a>) -> Self {
        Self { inner, left: LONGEST_ITEM_BYTES }
    }

    /// Allows the next item.
    pub fn rearm(&mut self) {
        self.left = LONGEST_ITEM_BYTES;
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let count = chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&chunk[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let chunk = self.inner.fill_buf()?;
        if self.left == 0 && !chunk.is_empty() {
            let what = format!("a tag or text has more than {LONGEST_ITEM_BYTES} bytes");
            return Err(io::Error::other(what));
        }
        // What lies in memory already would else pass the limit in one step.
        Ok(&chunk[..chunk.len().min(self.left)])
    }

    fn consume(&mut self, count: usize) {
        self.left -= count.min(self.left);
        self.inner.consume(count);
    }
}
