use std::io::Write;

use super::*;
use crate::formats::gzip::packed as gzip;

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `printf 12345.678-8.123 | xz`.
const XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01,
    0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x0e, 0x31, 0x32, 0x33, 0x34, 0x35,
    0x2e, 0x36, 0x37, 0x38, 0x2d, 0x38, 0x2e, 0x31, 0x32, 0x33, 0x00, 0x00, 0x9d, 0xa2, 0x77, 0xa4,
    0x58, 0xea, 0xed, 0x31, 0x00, 0x01, 0x27, 0x0f, 0xdf, 0x1a, 0xfc, 0x6a, 0x1f, 0xb6, 0xf3, 0x7d,
    0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
];

fn streamed(bytes: &[u8], limit: u64) -> Result<Vec<u8>, CompressionError> {
    let mut plain = Vec::new();
    let kind = compression_of(bytes)?;
    match stream(bytes, limit)?.read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(error) => Err(cause(error, kind)),
    }
}

#[test]
fn every_kind_unpacks_whole_and_streamed() {
    let text = b"5900.225 11.52079\n".repeat(20_000);
    for packed in [gzip(&text), bzip2(&text), text.clone()] {
        assert_eq!(&*unpacked(&packed, 1 << 20).unwrap(), &text[..]);
        assert_eq!(streamed(&packed, 1 << 20).unwrap(), text);
    }
    let mut members = bzip2(b"first ");
    members.extend(bzip2(b"second"));
    assert_eq!(&*unpacked(&members, 100).unwrap(), b"first second");
    assert_eq!(compression_of(b"BZhere begins a text").unwrap(), Compression::None);
}

#[test]
fn damage_and_bombs_name_the_kind() {
    let zeros = vec![0; 1 << 20];
    for packed in [gzip(&zeros), bzip2(&zeros)] {
        let bomb = unpacked(&packed, 1 << 16).unwrap_err();
        assert!(matches!(bomb, CompressionError::TooLarge { limit: 65536, .. }), "{bomb}");
        let bomb = streamed(&packed, 1 << 16).unwrap_err();
        assert!(matches!(bomb, CompressionError::TooLarge { .. }), "{bomb}");
        let cut = &packed[..packed.len() - 6];
        for error in [unpacked(cut, 1 << 21).unwrap_err(), streamed(cut, 1 << 21).unwrap_err()] {
            assert!(matches!(error, CompressionError::Damaged { .. }), "{error}");
            assert!(!error.hint().is_empty());
        }
    }
    assert_eq!(&*unpacked(XZ, 100).unwrap(), b"12345.678-8.123");
    assert_eq!(streamed(XZ, 100).unwrap(), b"12345.678-8.123");
    assert!(matches!(unpacked(XZ, 3), Err(CompressionError::TooLarge { .. })));
    let cut = unpacked(&XZ[..40], 100).unwrap_err().to_string();
    assert!(cut.starts_with("xz stream breaks off"), "{cut}");
}

#[test]
fn what_is_not_read_is_named() {
    let said = |bytes: &[u8]| unpacked(bytes, 100).unwrap_err().to_string();
    assert_eq!(said(b"PK\x03\x04...."), "the bytes are a zip archive, which is not read");
    let mut tar = vec![b' '; 600];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(said(&tar), "the bytes are a tar archive, which is not read");
    let twice = gzip(&gzip(b"text"));
    assert_eq!(said(&twice), "the gzip stream holds another packed file (gzip)");
    assert!(matches!(streamed(&twice, 100), Err(CompressionError::Twice { .. })));
}

#[test]
fn an_xz_header_cannot_ask_for_any_memory() {
    // The dictionary size of the block header is set to 4 GiB - 1, and its checksum to match.
    let mut bytes = XZ.to_vec();
    bytes[16] = 40;
    let checksum = crc32(&bytes[12..20]);
    bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
    let error = unpacked(&bytes, 100).unwrap_err();
    assert!(matches!(error, CompressionError::Damaged { .. }), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}
