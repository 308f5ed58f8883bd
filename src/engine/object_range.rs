//! A part of a file, as the reader of Parquet wants it: what is not asked for is not read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// `length` bytes of a file from `start` on.
#[derive(Clone, Debug)]
pub(super) struct ObjectRange {
    file: Arc<File>,
    start: u64,
    length: u64,
}

impl ObjectRange {
    /// The bytes at `at` (first byte, length) of `file`.
    pub fn new(file: File, [start, length]: [u64; 2]) -> Self {
        Self { file: Arc::new(file), start, length }
    }
}

impl Length for ObjectRange {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for ObjectRange {
    type T = BufReader<Rest>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(Rest { range: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            let what = format!("{length} bytes at {start} of {}", self.length);
            return Err(ParquetError::EOF(what));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, self.start + start)?;
        Ok(bytes.into())
    }
}

/// What follows a place in a range.
#[derive(Debug)]
pub(super) struct Rest {
    range: ObjectRange,
    at: u64,
}

impl Read for Rest {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.range.length.saturating_sub(self.at).min(into.len() as u64);
        let n = self.range.file.read_at(&mut into[..left as usize], self.range.start + self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_range_ends_where_it_ends() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before|within|after").unwrap();
        let range = ObjectRange::new(file, [7, 6]);
        assert_eq!(range.get_bytes(2, 4).unwrap(), "thin".as_bytes());
        assert!(range.get_bytes(3, 4).is_err() && range.get_bytes(u64::MAX, 2).is_err());
        let mut rest = String::new();
        range.get_read(1).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), range.len()), ("ithin", 6));
        assert_eq!(range.get_read(9).unwrap().read(&mut [0; 4]).unwrap(), 0);
    }
}
