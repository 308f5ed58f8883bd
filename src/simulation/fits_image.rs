//! A minimal writer of FITS files with one image of 32-bit reals in the primary HDU (FITS standard 4.0, sections 3 and
//! 4), and of reproducible gzip.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use thiserror::Error;

/// Size of a FITS block and of a card, in bytes.
const BLOCK_BYTES: usize = 2880;
const CARD_BYTES: usize = 80;
/// Longest text of a card, in characters with doubled quotes.
const TEXT_LENGTH: usize = 68;

/// Why an image cannot be written.
#[derive(Debug, Error, PartialEq)]
pub enum FitsImageError {
    /// A row is shorter or longer than the first.
    #[error(
        "FITS image: row {row} has {found} pixels, row 0 has {expected}: pass rows of one spectrum"
    )]
    Row { row: usize, found: usize, expected: usize },
    /// A card does not fit its 80 bytes, or is not ASCII.
    #[error(
        "FITS image: card {keyword} cannot hold {value:?}: use up to 68 printable ASCII characters"
    )]
    Card { keyword: String, value: String },
    /// The gzip encoder failed.
    #[error("FITS image: packing failed: {0}")]
    Gzip(String),
}

/// Value of a card.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Logical(bool),
    Integer(i64),
    /// A real with so many decimals.
    Real(f64, usize),
    Text(String),
    /// A line of commentary: keyword COMMENT or blank.
    Comment,
}

/// One card of the header.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    pub keyword: &'static str,
    pub value: Value,
    pub comment: &'static str,
}

impl Card {
    /// A card of any value.
    pub fn new(keyword: &'static str, value: Value, comment: &'static str) -> Self {
        Self { keyword, value, comment }
    }

    /// The 80 bytes.
    fn image(&self) -> Result<String, FitsImageError> {
        let wrong = |value: &str| FitsImageError::Card {
            keyword: self.keyword.to_owned(),
            value: value.to_owned(),
        };
        let value = match &self.value {
            Value::Logical(value) => format!("{:>20}", if *value { "T" } else { "F" }),
            Value::Integer(value) => format!("{value:>20}"),
            Value::Real(value, decimals) if value.is_finite() => format!("{value:>20.decimals$}"),
            Value::Real(value, _) => return Err(wrong(&value.to_string())),
            Value::Text(text) => {
                let escaped = text.replace('\'', "''");
                if escaped.len() > TEXT_LENGTH
                    || !escaped.bytes().all(|b| (b' '..=b'~').contains(&b))
                {
                    return Err(wrong(text));
                }
                format!("{:<20}", format!("'{escaped:<8}'"))
            }
            Value::Comment => return Ok(padded(format!("{:<8}{}", self.keyword, self.comment))),
        };
        let card = format!("{:<8}= {value} / {}", self.keyword, self.comment);
        Ok(padded(card))
    }
}

/// Cut or filled to 80 characters: a comment may be cut, the value always fits.
fn padded(card: String) -> String {
    format!("{card:<CARD_BYTES$.CARD_BYTES$}")
}

/// Bytes of a FITS file with an image of `rows`, each `(n_pix,)`, so NAXIS1 = n_pix and NAXIS2 = number of rows.
///
/// `cards` follow the mandatory ones and must not repeat them.
pub fn image(rows: &[&[f32]], cards: &[Card]) -> Result<Vec<u8>, FitsImageError> {
    let n_pix = rows.first().map_or(0, |row| row.len());
    let uneven = rows.iter().position(|row| row.len() != n_pix);
    if let Some(row) = uneven {
        return Err(FitsImageError::Row { row, found: rows[row].len(), expected: n_pix });
    }
    let mut bytes = Vec::with_capacity(6 * BLOCK_BYTES + 4 * n_pix * rows.len());
    for card in mandatory(n_pix, rows.len()).iter().chain(cards) {
        bytes.extend_from_slice(card.image()?.as_bytes());
    }
    bytes.extend_from_slice(padded("END".to_owned()).as_bytes());
    fill(&mut bytes, b' ');
    for row in rows {
        bytes.extend(row.iter().flat_map(|value| value.to_be_bytes()));
    }
    fill(&mut bytes, 0);
    Ok(bytes)
}

fn mandatory(n_pix: usize, n_row: usize) -> [Card; 6] {
    let size = |n: usize| Value::Integer(n as i64);
    [
        Card::new("SIMPLE", Value::Logical(true), "Primary header"),
        Card::new("BITPIX", Value::Integer(-32), ""),
        Card::new("NAXIS", Value::Integer(2), "Number of array dimensions"),
        Card::new("NAXIS1", size(n_pix), ""),
        Card::new("NAXIS2", size(n_row), ""),
        Card::new("EXTEND", Value::Logical(true), ""),
    ]
}

fn fill(bytes: &mut Vec<u8>, with: u8) {
    bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), with);
}

/// Packs bytes as one gzip member without name or time, so that equal bytes pack equally.
///
/// The fastest level: noise does not compress, and the rest (wavelengths, masks) does at any level.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>, FitsImageError> {
    gzip_at(Compression::fast(), bytes)
}

/// The same at a level of choice.
pub fn gzip_at(level: Compression, bytes: &[u8]) -> Result<Vec<u8>, FitsImageError> {
    let out = Vec::with_capacity(bytes.len() / 2);
    let mut encoder = GzBuilder::new().mtime(0).write(out, level);
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map_err(|source| FitsImageError::Gzip(source.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cards_and_big_endian_pixels() {
        let cards = [
            Card::new("OBSID", Value::Integer(95008071), "Unique number"),
            Card::new("SUBCLASS", Value::Text("M2".to_owned()), "Subclass"),
            Card::new("Z", Value::Real(0.0001388, 8), "Redshift"),
            Card::new("COMMENT", Value::Comment, "--------FILE INFORMATION"),
        ];
        let bytes = image(&[&[1.0, -2.5], &[0.0, f32::NAN]], &cards).unwrap();
        assert_eq!(bytes.len(), 2 * BLOCK_BYTES);
        let text = std::str::from_utf8(&bytes[..BLOCK_BYTES]).unwrap();
        let card = |n: usize| text[80 * n..80 * (n + 1)].trim_end().to_owned();
        assert_eq!(card(3), "NAXIS1  =                    2 /");
        assert_eq!(card(6), "OBSID   =             95008071 / Unique number");
        assert_eq!(card(7), "SUBCLASS= 'M2      '           / Subclass");
        assert_eq!(card(8), "Z       =           0.00013880 / Redshift");
        assert_eq!(card(9), "COMMENT --------FILE INFORMATION");
        assert_eq!(card(10), "END");
        assert_eq!(bytes[BLOCK_BYTES..BLOCK_BYTES + 8], [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0]);
    }

    #[test]
    fn uneven_rows_long_text_and_infinite_numbers_are_refused() {
        assert!(matches!(
            image(&[&[1.0], &[1.0, 2.0]], &[]),
            Err(FitsImageError::Row { row: 1, found: 2, expected: 1 })
        ));
        for value in
            [Value::Text("x".repeat(69)), Value::Text("é".into()), Value::Real(f64::NAN, 2)]
        {
            assert!(matches!(
                image(&[&[1.0]], &[Card::new("X", value, "")]),
                Err(FitsImageError::Card { .. })
            ));
        }
    }

    #[test]
    fn gzip_has_no_time_and_is_reproducible() {
        let packed = gzip(&[7; 5000]).unwrap();
        assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        assert_eq!(packed, gzip(&[7; 5000]).unwrap());
    }
}
