//! Compressed files, told by their first bytes: gzip, bzip2 and xz, whole or as a stream.
//!
//! The name of a file decides nothing: archives serve `.gz` files that a browser has unpacked
//! already. Whatever is read stays under a limit, and so does the memory that an xz header asks for.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use thiserror::Error;

use crate::formats::gzip::allowed_bytes;

/// The most memory that an xz stream's dictionary may ask for, KiB; `xz -9` asks for 64 MiB.
const XZ_MEMORY_KIB: u32 = 256 << 10;
/// Bytes of a stream that are unpacked at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// Where a tar archive says what it is, and what it says.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// They are not.
    None,
    /// RFC 1952.
    Gzip,
    /// Burrows-Wheeler.
    Bzip2,
    /// LZMA2 in an xz container.
    Xz,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        })
    }
}

/// Why packed bytes could not be unpacked.
#[derive(Debug, Error)]
pub enum CompressionError {
    /// Packed in a way that is not read here, or an archive of several files.
    #[error("the bytes are {what}, which is not read")]
    Unread {
        /// What they are.
        what: &'static str,
    },
    /// What was unpacked is packed once more.
    #[error("the {outer} stream holds another packed file ({inner})")]
    Twice {
        /// Compression outside.
        outer: Compression,
        /// What is inside.
        inner: &'static str,
    },
    /// The stream ends early or fails its checksum.
    #[error("{kind} stream breaks off or is damaged after {unpacked} unpacked bytes: {source}")]
    Damaged {
        /// Compression.
        kind: Compression,
        /// Bytes unpacked before the defect.
        unpacked: u64,
        /// What the decoder met.
        source: io::Error,
    },
    /// The stream unpacks to more than the limit.
    #[error("{kind} stream unpacks to more than {limit} bytes")]
    TooLarge {
        /// Compression.
        kind: Compression,
        /// The limit, in bytes.
        limit: u64,
    },
}

impl CompressionError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unread { .. } => "unpack it, and give the files inside as they are or as .gz",
            Self::Twice { .. } => "unpack it once",
            Self::Damaged { .. } => "download the file again; the copy is incomplete or damaged",
            Self::TooLarge { .. } => "check that this is the file that was meant, then unpack it",
        }
    }
}

/// How `bytes` are packed, by their beginning.
///
/// Errors when they are packed in a way that is not read here.
pub fn compression_of(bytes: &[u8]) -> Result<Compression, CompressionError> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Compression::Gzip);
    }
    // A block, or the end of an empty stream, follows: `BZh` alone could begin a text.
    let block = bytes.get(4..10);
    if bytes.starts_with(b"BZh") && block.is_none_or(|b| b == BZIP2_BLOCK || b == BZIP2_END) {
        return Ok(Compression::Bzip2);
    }
    if bytes.starts_with(b"\xfd7zXZ\0") {
        return Ok(Compression::Xz);
    }
    match unread(bytes) {
        Some(what) => Err(CompressionError::Unread { what }),
        None => Ok(Compression::None),
    }
}

const BZIP2_BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const BZIP2_END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

fn unread(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "a zip archive"),
        (&[0x1f, 0x9d], "a file of the old `compress`"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "a zstd stream"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (&[0x5d, 0x00, 0x00], "an lzma stream"),
    ];
    let known = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what);
    let tar = bytes.get(TAR.0..TAR.0 + TAR.1.len()) == Some(TAR.1);
    known.or(tar.then_some("a tar archive"))
}

/// What is packed inside something that was unpacked already.
fn packed_inside(plain: &[u8]) -> Option<&'static str> {
    match compression_of(plain) {
        Ok(Compression::None) => None,
        Ok(Compression::Gzip) => Some("gzip"),
        Ok(Compression::Bzip2) => Some("bzip2"),
        Ok(Compression::Xz) => Some("xz"),
        Err(_) => unread(plain),
    }
}

fn decoder(bytes: &[u8], kind: Compression) -> Box<dyn Read + '_> {
    match kind {
        Compression::None => Box::new(bytes),
        Compression::Gzip => Box::new(MultiGzDecoder::new(bytes)),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(bytes)),
        Compression::Xz => Box::new(XzReader::new_mem_limit(bytes, true, XZ_MEMORY_KIB)),
    }
}

/// Returns the plain bytes: borrowed when they are not packed, else unpacked.
///
/// All members of a stream are joined. Errors when the stream is damaged, is of an unread kind,
/// holds another packed file, unpacks to more than `limit` bytes, or to 256 MiB and more than 100
/// times its size.
pub fn unpacked(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, CompressionError> {
    let kind = compression_of(bytes)?;
    if kind == Compression::None {
        return Ok(Cow::Borrowed(bytes));
    }
    let limit = allowed_bytes(bytes.len(), limit);
    let mut plain = Vec::new();
    let mut decoder = decoder(bytes, kind).take(limit.saturating_add(1));
    if let Err(source) = decoder.read_to_end(&mut plain) {
        return Err(CompressionError::Damaged { kind, unpacked: plain.len() as u64, source });
    }
    if plain.len() as u64 > limit {
        return Err(CompressionError::TooLarge { kind, limit });
    }
    match packed_inside(&plain) {
        Some(inner) => Err(CompressionError::Twice { outer: kind, inner }),
        None => Ok(Cow::Owned(plain)),
    }
}

/// Returns the plain bytes as a stream, unpacked as they are read.
///
/// An [`io::Error`] of the stream holds a [`CompressionError`]: see [`cause`].
pub fn stream(bytes: &[u8], limit: u64) -> Result<Box<dyn BufRead + '_>, CompressionError> {
    let kind = compression_of(bytes)?;
    if kind == Compression::None {
        return Ok(Box::new(bytes));
    }
    let limit = allowed_bytes(bytes.len(), limit);
    let decoder = Unpacking { decoder: decoder(bytes, kind), kind, limit, unpacked: 0 };
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, decoder);
    match reader.fill_buf().map(packed_inside) {
        Ok(Some(inner)) => Err(CompressionError::Twice { outer: kind, inner }),
        Ok(None) => Ok(Box::new(reader)),
        Err(error) => Err(cause(error, kind)),
    }
}

/// The [`CompressionError`] inside an error of a [`stream`].
pub fn cause(error: io::Error, kind: Compression) -> CompressionError {
    match error.downcast::<CompressionError>() {
        Ok(cause) => cause,
        Err(source) => CompressionError::Damaged { kind, unpacked: 0, source },
    }
}

struct Unpacking<'a> {
    decoder: Box<dyn Read + 'a>,
    kind: Compression,
    limit: u64,
    unpacked: u64,
}

impl Read for Unpacking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (kind, limit, unpacked) = (self.kind, self.limit, self.unpacked);
        match self.decoder.read(buffer) {
            Ok(count) => {
                self.unpacked += count as u64;
                if self.unpacked > limit {
                    return Err(io::Error::other(CompressionError::TooLarge { kind, limit }));
                }
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(source) => {
                Err(io::Error::other(CompressionError::Damaged { kind, unpacked, source }))
            }
        }
    }
}

#[cfg(test)]
#[path = "compression_tests.rs"]
mod tests;
