//! A record batch as a VOTable 1.4 of serialization `BINARY2`.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    UInt8Type,
};
use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::meaning::{DESCRIPTION, TableFacts, UCD, UNIT, entry, listed};

/// Why a table could not be written as a VOTable.
#[derive(Debug, Error)]
#[error("column `{column}` cannot be written as VOTable: {problem}")]
pub struct VoTableWriteError {
    /// Name of the column.
    pub column: String,
    /// What stands in its way.
    pub problem: String,
}

impl VoTableWriteError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "leave the column out, or cast it to numbers, logicals, text or vectors of fixed width"
    }
}

/// Returns a VOTable 1.4 with the table as `BINARY2`, where a bit says that a value is missing,
/// whatever its type.
///
/// Fields have unit (VOUnit; what VOUnit lacks is quoted), UCD and description; a description that
/// lists values ([`listed`]) also gives them as `OPTION`s of a text column. `facts` become `INFO`s.
/// `Int8`, `UInt16`, `UInt32` and `UInt64` are written with the next wider signed type. Equal tables give equal bytes.
/// Errors on types without a form there, on vectors null as a whole, and on integers beyond i64.
pub fn write_votable(
    batch: &RecordBatch,
    facts: &TableFacts,
) -> Result<Vec<u8>, VoTableWriteError> {
    let schema = batch.schema();
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let problem = |problem| VoTableWriteError { column: field.name().clone(), problem };
        columns.push(stored(array).map_err(problem)?);
    }
    let mut text = head(facts);
    for (field, column) in schema.fields().iter().zip(&columns) {
        text.push_str(&field_element(field, column));
    }
    text.push_str("<DATA>\n<BINARY2>\n<STREAM encoding=\"base64\">\n");
    push_base64(&mut text, &rows(&columns, batch.num_rows()));
    text.push_str("</STREAM>\n</BINARY2>\n</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n");
    Ok(text.into_bytes())
}

fn head(facts: &TableFacts) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<VOTABLE version=\"1.4\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\" \
         xsi:schemaLocation=\"http://www.ivoa.net/xml/VOTable/v1.3 \
         http://www.ivoa.net/xml/VOTable/v1.3\">\n",
    );
    text.push_str("<RESOURCE type=\"results\">\n");
    element(&mut text, "DESCRIPTION", &facts.title);
    for (name, value) in &facts.facts {
        let (name, value) = (escaped(name), escaped(value));
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "<INFO name=\"{name}\" value=\"{value}\"/>");
    }
    let _ = writeln!(text, "<TABLE name=\"{}\">", escaped(&facts.name));
    element(&mut text, "DESCRIPTION", &facts.about);
    text
}

fn element(text: &mut String, name: &str, content: &str) {
    if !content.is_empty() {
        let _ = writeln!(text, "<{name}>{}</{name}>", escaped(content));
    }
}

fn field_element(field: &Field, column: &Stored) -> String {
    let mut text =
        format!("<FIELD name=\"{}\" datatype=\"{}\"", escaped(field.name()), column.kind);
    if let Some(size) = &column.size {
        let _ = write!(text, " arraysize=\"{size}\"");
    }
    if let Some(unit) = entry(field, UNIT) {
        let _ = write!(text, " unit=\"{}\"", escaped(&vo_unit(unit)));
    }
    if let Some(ucd) = entry(field, UCD) {
        let _ = write!(text, " ucd=\"{}\"", escaped(ucd));
    }
    text.push_str(">\n");
    let about = entry(field, DESCRIPTION).unwrap_or_default();
    element(&mut text, "DESCRIPTION", about);
    if let (Some(list), Values::Text(_)) = (listed(about), &column.values) {
        text.push_str("<VALUES>\n");
        for (value, about) in list.entries {
            let (value, about) = (escaped(value), escaped(about));
            let _ = writeln!(text, "<OPTION name=\"{about}\" value=\"{value}\"/>");
        }
        text.push_str("</VALUES>\n");
    }
    text.push_str("</FIELD>\n");
    text
}

/// A unit as VOUnits 1.0 spell it: what they do not know stands in quotes.
fn vo_unit(unit: &str) -> String {
    match unit {
        "dex" => format!("'{unit}'"),
        "Msun" => "solMass".to_owned(),
        _ => unit.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '"' => plain.push_str("&quot;"),
            sign if sign.is_control() => plain.push(' '),
            sign => plain.push(sign),
        }
    }
    plain
}

/// A column as it is stored.
struct Stored {
    kind: &'static str,
    size: Option<String>,
    array: ArrayRef,
    values: Values,
}

enum Values {
    Bool,
    U8,
    I16,
    I32,
    I64,
    F32,
    F64,
    /// Whether all of it is ASCII.
    Text(bool),
    /// A vector of so many elements.
    Vector(Box<Stored>, usize),
}

fn stored(array: &ArrayRef) -> Result<Stored, String> {
    let plain = |kind, values| Ok(Stored { kind, size: None, array: array.clone(), values });
    match array.data_type() {
        DataType::Boolean => plain("boolean", Values::Bool),
        DataType::UInt8 => plain("unsignedByte", Values::U8),
        DataType::Int16 => plain("short", Values::I16),
        DataType::Int32 => plain("int", Values::I32),
        DataType::Int64 => plain("long", Values::I64),
        DataType::Float32 => plain("float", Values::F32),
        DataType::Float64 => plain("double", Values::F64),
        DataType::Int8 => stored(&widened(array, &DataType::Int16)?),
        DataType::UInt16 => stored(&widened(array, &DataType::Int32)?),
        DataType::UInt32 | DataType::UInt64 => stored(&widened(array, &DataType::Int64)?),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let array = cast(array, &DataType::LargeUtf8).map_err(|error| error.to_string())?;
            let ascii = array.as_string::<i64>().iter().flatten().all(str::is_ascii);
            let kind = if ascii { "char" } else { "unicodeChar" };
            Ok(Stored { kind, size: Some("*".to_owned()), array, values: Values::Text(ascii) })
        }
        DataType::FixedSizeList(_, width) => {
            let lists = array.as_fixed_size_list();
            if lists.null_count() > 0 || lists.values().null_count() > 0 {
                return Err("a vector cannot be null, nor its elements".to_owned());
            }
            let width = usize::try_from(*width).map_err(|_| format!("its width is {width}"))?;
            let inner = stored(lists.values())?;
            if matches!(inner.values, Values::Text(_) | Values::Vector(..)) {
                return Err("vectors of texts or of vectors have no form there".to_owned());
            }
            let (kind, size) = (inner.kind, Some(width.to_string()));
            let values = Values::Vector(Box::new(inner), width);
            Ok(Stored { kind, size, array: array.clone(), values })
        }
        kind => Err(format!("type {kind} has no form there")),
    }
}

fn widened(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, String> {
    let wide = cast(array, kind).map_err(|error| error.to_string())?;
    if wide.null_count() == array.null_count() {
        return Ok(wide);
    }
    Err(format!("values of type {} do not fit {kind}", array.data_type()))
}

/// All rows: the bits of what is missing, then the values, most significant byte first.
fn rows(columns: &[Stored], n_rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in 0..n_rows {
        for eight in columns.chunks(8) {
            let bit = |at: usize| eight.get(at).is_some_and(|column| column.array.is_null(row));
            bytes.push((0..8).fold(0, |byte, at| byte | (u8::from(bit(at)) << (7 - at))));
        }
        for column in columns {
            column.push(&mut bytes, row);
        }
    }
    bytes
}

impl Stored {
    /// Appends a value; a missing one as NaN, 0, `?` or no text.
    fn push(&self, bytes: &mut Vec<u8>, row: usize) {
        let null = self.array.is_null(row);
        match &self.values {
            Values::Bool => {
                let value = !null && self.array.as_boolean().value(row);
                bytes.push(if null {
                    b'?'
                } else if value {
                    b'T'
                } else {
                    b'F'
                });
            }
            Values::U8 => bytes.push(number::<UInt8Type>(&self.array, row, 0)),
            Values::I16 => bytes.extend(number::<Int16Type>(&self.array, row, 0).to_be_bytes()),
            Values::I32 => bytes.extend(number::<Int32Type>(&self.array, row, 0).to_be_bytes()),
            Values::I64 => bytes.extend(number::<Int64Type>(&self.array, row, 0).to_be_bytes()),
            Values::F32 => {
                bytes.extend(number::<Float32Type>(&self.array, row, f32::NAN).to_be_bytes());
            }
            Values::F64 => {
                bytes.extend(number::<Float64Type>(&self.array, row, f64::NAN).to_be_bytes());
            }
            Values::Text(ascii) => {
                let text = if null { "" } else { self.array.as_string::<i64>().value(row) };
                if *ascii {
                    bytes.extend((text.len() as u32).to_be_bytes());
                    bytes.extend(text.as_bytes());
                } else {
                    let units: Vec<u16> = text.encode_utf16().collect();
                    bytes.extend((units.len() as u32).to_be_bytes());
                    bytes.extend(units.into_iter().flat_map(u16::to_be_bytes));
                }
            }
            Values::Vector(inner, width) => {
                (row * width..(row + 1) * width).for_each(|at| inner.push(bytes, at));
            }
        }
    }
}

fn number<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize, missing: T::Native) -> T::Native {
    if array.is_null(row) { missing } else { array.as_primitive::<T>().value(row) }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes of a line: 76 digits.
const LINE_BYTES: usize = 57;

/// Appends bytes as base64 in lines.
fn push_base64(text: &mut String, bytes: &[u8]) {
    text.reserve(bytes.len() / 3 * 4 + bytes.len() / LINE_BYTES + 8);
    for line in bytes.chunks(LINE_BYTES) {
        for three in line.chunks(3) {
            let at = |i: usize| three.get(i).copied().map_or(0, u32::from);
            let bits = (at(0) << 16) | (at(1) << 8) | at(2);
            for place in 0..4 {
                let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
                text.push(if place > three.len() { '=' } else { char::from(digit) });
            }
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array,
        StringArray, UInt8Array, UInt32Array,
    };
    use arrow::datatypes::Schema;

    use super::*;
    use crate::formats::meaning::with_meaning;
    use crate::formats::votable::{VoTableOptions, read_votable};

    fn table() -> RecordBatch {
        let inner = Arc::new(Field::new("item", DataType::Float32, true));
        let pairs = Float32Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let columns: Vec<(&str, &str, &str, ArrayRef)> = vec![
            ("id", "", "an id", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(7)]))),
            ("n", "", "0 < n & so on", Arc::new(Int32Array::from(vec![Some(-1), None, Some(2)]))),
            ("u", "", "", Arc::new(UInt32Array::from(vec![Some(u32::MAX), None, Some(2)]))),
            ("b", "", "", Arc::new(UInt8Array::from(vec![Some(255), None, Some(2)]))),
            ("ok", "", "", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("x", "dex", "", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::NAN)]))),
            ("y", "mas/yr", "", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(-2.0)]))),
            (
                "word",
                "",
                "what: a = this \"thing\"; bb = that",
                Arc::new(StringArray::from(vec![Some("a"), None, Some("bb")])),
            ),
            ("name", "", "", Arc::new(StringArray::from(vec![Some("β Pic"), Some("x"), None]))),
            ("pair", "", "", Arc::new(FixedSizeListArray::new(inner, 2, Arc::new(pairs), None))),
        ];
        let field = |(name, unit, about, array): &(&str, &str, &str, ArrayRef)| {
            let field = Field::new(*name, array.data_type().clone(), true);
            with_meaning(field, Some(unit), None, Some(about))
        };
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let arrays = columns.into_iter().map(|(.., array)| array).collect();
        RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
    }

    fn facts() -> TableFacts {
        TableFacts {
            name: "catalog".into(),
            title: "A <title>".into(),
            about: "About.".into(),
            facts: vec![("reference".into(), "2021ApJS..253...45L".into())],
            ..TableFacts::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let table = table();
        let bytes = write_votable(&table, &facts()).unwrap();
        assert_eq!(bytes, write_votable(&table, &facts()).unwrap());
        let read = read_votable(&bytes, &VoTableOptions::default()).unwrap().table;
        assert_eq!((read.num_rows(), read.num_columns()), (3, 10));
        for (want, got) in table.columns().iter().zip(read.columns()).take(9) {
            let want = cast(want, got.data_type()).unwrap();
            assert_eq!(want.null_count(), got.null_count());
            assert_eq!(format!("{want:?}"), format!("{got:?}"));
        }
        assert_eq!(entry(read.schema().field(1), DESCRIPTION), Some("0 < n & so on"));
    }

    #[test]
    fn units_options_and_facts_stand_in_the_document() {
        let text = String::from_utf8(write_votable(&table(), &facts()).unwrap()).unwrap();
        for part in [
            "unit=\"'dex'\"",
            "unit=\"mas/yr\"",
            "<OPTION name=\"this &quot;thing&quot;\" value=\"a\"/>",
            "<INFO name=\"reference\" value=\"2021ApJS..253...45L\"/>",
            "<DESCRIPTION>A &lt;title&gt;</DESCRIPTION>",
            "datatype=\"unicodeChar\" arraysize=\"*\"",
            "datatype=\"float\" arraysize=\"2\"",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn base64_has_its_padding() {
        let encoded = |bytes: &[u8]| {
            let mut text = String::new();
            push_base64(&mut text, bytes);
            text.trim().to_owned()
        };
        assert_eq!([encoded(b"M"), encoded(b"Ma"), encoded(b"Man")], ["TQ==", "TWE=", "TWFu"]);
    }
}
