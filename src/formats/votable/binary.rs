//! Rows of `BINARY` and `BINARY2`: base64 within the document, decoded as it is read.

use std::io::BufRead;

use super::VoTableError;
use super::cells::{Selection, refused};
use super::document::Document;
use super::field::{MOST_CELL_BYTES, Primitive, Shape, VoField};
use super::source::Source;
use crate::formats::columns::{Column, Misfit, Value};

/// Reads all rows up to the end of the element's text.
///
/// `masked`: rows begin with a bit for each field, set where its value is missing.
pub(super) fn read(
    document: &mut Document<'_>,
    selection: &mut Selection,
    masked: bool,
) -> Result<(), VoTableError> {
    let start = document.byte();
    let nulls: Vec<Option<i64>> = selection.fields.iter().map(null_number).collect();
    let mut bytes = Base64::new(document.source());
    let mut row = 0;
    let read = loop {
        bytes.source.rearm();
        match bytes.is_at_end() {
            Ok(true) => break Ok(()),
            Ok(false) => row += 1,
            Err(problem) => break Err((None, problem)),
        }
        if let Err(fault) = read_row(&mut bytes, selection, &nulls, masked) {
            break Err(fault);
        }
    };
    let taken = bytes.taken;
    document.skipped(taken);
    let byte = start + taken;
    read.map_err(|(place, problem)| match place {
        None => VoTableError::Binary { row, byte, problem },
        Some(place) => {
            let column = selection.fields[place].name.clone();
            VoTableError::Value { row, column, byte, problem }
        }
    })
}

/// Steps over the text of an element.
pub(super) fn skip(document: &mut Document<'_>) -> Result<(), VoTableError> {
    let mut taken = 0;
    loop {
        let source = document.source();
        source.rearm();
        let step = match source.fill_buf() {
            Ok(chunk) => chunk.iter().position(|byte| *byte == b'<').ok_or(chunk.len()),
            Err(error) => return Err(document.xml(error.to_string())),
        };
        let (Ok(count) | Err(count)) = step;
        source.consume(count);
        taken += count as u64;
        if step.is_ok() || count == 0 {
            document.skipped(taken);
            return Ok(());
        }
    }
}

/// A fault, and the field where it is one of a value.
type Fault = (Option<usize>, String);

fn null_number(field: &VoField) -> Option<i64> {
    field.null.as_deref()?.parse().ok()
}

fn read_row(
    bytes: &mut Base64<'_, '_>,
    selection: &mut Selection,
    nulls: &[Option<i64>],
    masked: bool,
) -> Result<(), Fault> {
    let structural = |problem| (None, problem);
    let n_field = selection.fields.len();
    let mask = match masked {
        true => bytes.take(n_field.div_ceil(8)).map_err(structural)?.to_vec(),
        false => Vec::new(),
    };
    for (place, null) in nulls.iter().enumerate() {
        let field = &selection.fields[place];
        let primitive = field.primitive;
        let count = match field.shape {
            Shape::One => 1,
            Shape::Fixed(count) => count,
            Shape::Variable => {
                let head = bytes.take(4).map_err(structural)?;
                u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize
            }
        };
        let length = primitive.bytes(count).filter(|length| *length <= MOST_CELL_BYTES);
        let length = length.ok_or_else(|| {
            let problem = format!("column `{}` claims {count} elements", field.name);
            (None, format!("{problem}, more than {MOST_CELL_BYTES} bytes"))
        })?;
        let cell = bytes.take(length).map_err(structural)?;
        let is_null = mask.get(place / 8).is_some_and(|byte| byte & (0x80 >> (place % 8)) != 0);
        for target in &selection.targets[place] {
            let column = &mut selection.columns[*target];
            let taken = match is_null {
                true => column.push(Value::Null),
                false => push_cell(column, primitive, cell, *null),
            };
            taken.map_err(|Misfit| (Some(place), refused(column.spec(), "the value")))?;
        }
    }
    Ok(())
}

fn push_cell(
    column: &mut Column,
    primitive: Primitive,
    cell: &[u8],
    null: Option<i64>,
) -> Result<(), Misfit> {
    if primitive.is_text() {
        let text = decoded(primitive, cell);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        return column.push(if text.is_empty() { Value::Null } else { Value::Text(text) });
    }
    let width = primitive.bytes(1).unwrap_or(1);
    let value = |element: &[u8]| match number(primitive, element) {
        Value::Int(value) if Some(value) == null => Value::Null,
        value => value,
    };
    if !column.spec().vector {
        return column.push(value(cell));
    }
    for element in cell.chunks_exact(width) {
        column.push_element(value(element))?;
    }
    column.end_vector(cell.len() / width)
}

/// An element that is no text; complex numbers and bits have no columns.
fn number(primitive: Primitive, element: &[u8]) -> Value<'static> {
    match (primitive, element) {
        (Primitive::Boolean, [b'T' | b't' | b'1']) => Value::Bool(true),
        (Primitive::Boolean, [b'F' | b'f' | b'0']) => Value::Bool(false),
        // The standard has the first bit highest; astropy writes a single one as 8.
        (Primitive::Bit, [value]) => Value::Bool(*value != 0),
        (Primitive::UnsignedByte, [value]) => Value::Int(i64::from(*value)),
        (Primitive::Short, [a, b]) => Value::Int(i64::from(i16::from_be_bytes([*a, *b]))),
        (Primitive::Int, bytes) => match bytes.try_into() {
            Ok(bytes) => Value::Int(i64::from(i32::from_be_bytes(bytes))),
            Err(_) => Value::Null,
        },
        (Primitive::Long, bytes) => {
            bytes.try_into().map_or(Value::Null, |bytes| Value::Int(i64::from_be_bytes(bytes)))
        }
        (Primitive::Float, bytes) => {
            bytes.try_into().map_or(Value::Null, |bytes| Value::Single(f32::from_be_bytes(bytes)))
        }
        (Primitive::Double, bytes) => {
            bytes.try_into().map_or(Value::Null, |bytes| Value::Double(f64::from_be_bytes(bytes)))
        }
        // A truth value that is not known.
        _ => Value::Null,
    }
}

/// `char` is ASCII; what is met beyond it is taken as UTF-8, else as Latin-1.
fn decoded(primitive: Primitive, cell: &[u8]) -> String {
    if primitive == Primitive::UnicodeChar {
        let units: Vec<u16> =
            cell.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    match std::str::from_utf8(cell) {
        Ok(text) => text.to_owned(),
        Err(_) => cell.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Base64 up to the next tag.
struct Base64<'s, 'a> {
    source: &'s mut Source<'a>,
    /// Bytes of the document that were read.
    taken: u64,
    /// Six bits a character that wait for a whole byte, and how many bits they are.
    bits: (u32, u32),
    padded: bool,
    decoded: Vec<u8>,
    /// Place in `decoded` of the next byte.
    next: usize,
}

impl<'s, 'a> Base64<'s, 'a> {
    fn new(source: &'s mut Source<'a>) -> Self {
        Self { source, taken: 0, bits: (0, 0), padded: false, decoded: Vec::new(), next: 0 }
    }

    fn is_at_end(&mut self) -> Result<bool, String> {
        while self.next == self.decoded.len() {
            if !self.refill()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next `count` bytes. Memory grows with what is there, not with what is claimed.
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        while self.decoded.len() - self.next < count {
            self.source.rearm();
            if !self.refill()? {
                let left = self.decoded.len() - self.next;
                return Err(format!("they end {left} bytes into {count}"));
            }
        }
        let start = self.next;
        self.next += count;
        Ok(&self.decoded[start..self.next])
    }

    /// Decodes some more; `false` at the next tag or the end of the document.
    fn refill(&mut self) -> Result<bool, String> {
        self.decoded.drain(..self.next);
        self.next = 0;
        let chunk = self.source.fill_buf().map_err(|error| error.to_string())?;
        let length = chunk.iter().position(|byte| *byte == b'<').unwrap_or(chunk.len());
        if length == 0 {
            return Ok(false);
        }
        let (mut bits, mut waiting) = self.bits;
        for (at, byte) in chunk[..length].iter().enumerate() {
            let value = match byte {
                b' ' | b'\n' | b'\r' | b'\t' => continue,
                b'=' => {
                    self.padded = true;
                    continue;
                }
                byte => sextet(*byte).ok_or_else(|| {
                    let (shown, place) = (byte.escape_ascii(), self.taken + at as u64);
                    format!("`{shown}` at byte {place} of it is no base64")
                })?,
            };
            if self.padded {
                return Err("base64 goes on after its end".to_owned());
            }
            bits = (bits << 6) | u32::from(value);
            waiting += 6;
            if waiting >= 8 {
                waiting -= 8;
                self.decoded.push((bits >> waiting) as u8);
                bits &= (1 << waiting) - 1;
            }
        }
        self.bits = (bits, waiting);
        self.taken += length as u64;
        self.source.consume(length);
        Ok(true)
    }
}

/// The six bits of a character.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
