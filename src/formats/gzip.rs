//! Gzip, unpacked under a limit: a small file that would fill the memory is an error.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use thiserror::Error;

/// The most bytes that one spectrum may unpack to; a LAMOST file holds about 0.1 MB.
pub const SPECTRUM_LIMIT_BYTES: u64 = 64 << 20;
/// The most bytes that one table may unpack to; APOGEE's allStar holds about 3 GB.
pub const TABLE_LIMIT_BYTES: u64 = 16 << 30;

/// Whatever the limit, this much may be unpacked: less fills no memory.
const SMALL_BYTES: u64 = 256 << 20;
/// Beyond that, a file unpacks to at most so many times its size. Tables reach 10; a file made to fill the
/// memory has 1,000 with gzip, and more with others.
const MOST_TIMES: u64 = 100;

/// The most bytes that `packed` ones may unpack to under a limit.
pub(super) fn allowed_bytes(packed: usize, limit: u64) -> u64 {
    limit.min(SMALL_BYTES.max((packed as u64).saturating_mul(MOST_TIMES)))
}

/// Why a gzip stream could not be unpacked.
#[derive(Debug, Error)]
pub enum GzipError {
    /// The stream ends early or fails its checksum.
    #[error("gzip stream breaks off or is damaged after {unpacked} unpacked bytes: {source}")]
    Damaged {
        /// Bytes unpacked before the defect.
        unpacked: usize,
        /// What the decoder met.
        source: std::io::Error,
    },
    /// The stream unpacks to more than the limit.
    #[error("gzip stream unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl GzipError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "download the file again; the copy is incomplete or damaged",
            Self::TooLarge { .. } => "check that this is the file that was meant, then unpack it",
        }
    }
}

/// Whether `bytes` begin as a gzip stream does.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Returns the plain bytes: borrowed when `bytes` are no gzip stream, else unpacked.
///
/// All members of a multi-member stream are joined. Errors when the stream is damaged,
/// unpacks to more than `limit` bytes, or to 256 MiB and more than 100 times its size.
pub fn unpacked(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, GzipError> {
    if !is_gzip(bytes) {
        return Ok(Cow::Borrowed(bytes));
    }
    let limit = allowed_bytes(bytes.len(), limit);
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(limit.saturating_add(1));
    if let Err(source) = decoder.read_to_end(&mut plain) {
        let unpacked = plain.len();
        return Err(GzipError::Damaged { unpacked, source });
    }
    if plain.len() as u64 > limit {
        return Err(GzipError::TooLarge { limit });
    }
    Ok(Cow::Owned(plain))
}

/// Returns at most the first `count` plain bytes, unpacking no more of a gzip stream than
/// that takes; a defect ends the bytes early and is no error.
pub fn first_bytes(bytes: &[u8], count: usize) -> Cow<'_, [u8]> {
    if !is_gzip(bytes) {
        return Cow::Borrowed(&bytes[..count.min(bytes.len())]);
    }
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(count as u64);
    // What was unpacked before a defect is still the beginning of the file.
    let _ = decoder.read_to_end(&mut plain);
    Cow::Owned(plain)
}

/// Packs `bytes` as one gzip member without name or time, so equal bytes pack equally.
#[cfg(test)]
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_members() {
        let mut stream = packed(b"first ");
        stream.extend(packed(b"second"));
        assert_eq!(&*unpacked(&stream, 100).unwrap(), b"first second");
        assert_eq!(&*unpacked(b"plain", 1).unwrap(), b"plain");
        assert_eq!(&*first_bytes(&stream, 8), b"first se");
    }

    #[test]
    fn a_small_file_may_not_unpack_to_a_giant() {
        let limit = TABLE_LIMIT_BYTES;
        assert_eq!(allowed_bytes(1000, limit), 256 << 20);
        assert_eq!(allowed_bytes(10 << 20, limit), 1000 << 20);
        assert_eq!(allowed_bytes(1 << 30, limit), limit);
        assert_eq!(allowed_bytes(1 << 30, 5), 5);
        assert_eq!(allowed_bytes(usize::MAX, limit), limit);
    }

    #[test]
    fn truncation_and_bombs_are_errors() {
        let stream = packed(&vec![0; 1 << 20]);
        assert!(stream.len() < 2000);
        let bomb = unpacked(&stream, 1 << 16);
        assert!(matches!(bomb, Err(GzipError::TooLarge { limit: 65536 })));
        let cut = unpacked(&stream[..stream.len() - 5], 1 << 21);
        assert!(matches!(cut, Err(GzipError::Damaged { .. })));
        assert!(unpacked(&stream, 1 << 20).is_ok());
    }
}
