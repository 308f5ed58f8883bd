//! Columns under construction: what the readers of tables fill, value by value.
//!
//! A value that does not fit its column is refused, never rounded or cut.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float32Builder, Float64Builder, Int8Builder, Int16Builder,
    Int32Builder, Int64Builder, ListArray, StringBuilder, UInt8Builder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::formats::meaning::with_meaning;

/// Bytes of text, and elements of vectors, that arrow's 32-bit offsets reach.
const MOST_OFFSET: usize = i32::MAX as usize;

/// The names of a table's columns, for a message: no more of them than anybody reads.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const MOST: usize = 100;
    const LONGEST: usize = 60;
    let short = |name: &S| match name.as_ref().char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name.as_ref()[..end]),
        None => name.as_ref().to_owned(),
    };
    let mut list = names.iter().take(MOST).map(short).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        list.push_str(&format!(" and {} more", names.len() - MOST));
    }
    list
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float32,
    Float64,
    Text,
}

impl Kind {
    /// In words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int8 => "a whole number from -128 to 127",
            Self::UInt8 => "a whole number from 0 to 255",
            Self::Int16 => "a whole number of 16 bits",
            Self::UInt16 => "a whole number of 16 bits without sign",
            Self::Int32 => "a whole number of 32 bits",
            Self::UInt32 => "a whole number of 32 bits without sign",
            Self::Int64 => "a whole number of 64 bits",
            Self::UInt64 => "a whole number of 64 bits without sign",
            Self::Float32 | Self::Float64 => "a number",
            Self::Text => "text within 2 GiB a column",
        }
    }
}

/// A value on its way into a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Single(f32),
    Double(f64),
    /// Parsed as the column's type asks.
    Text(&'a str),
}

/// Why a value was not taken: it does not fit the type, or the column is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit;

/// What is known of a column before its values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    pub name: String,
    pub kind: Kind,
    /// Whether a row holds a vector.
    pub vector: bool,
    pub unit: Option<String>,
    pub ucd: Option<String>,
    pub description: Option<String>,
}

impl Spec {
    /// A column without unit, UCD or description.
    pub fn plain(name: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        Self { name, kind, vector: false, unit: None, ucd: None, description: None }
    }
}

/// A column under construction.
pub(crate) struct Column {
    spec: Spec,
    elements: Elements,
    /// Ends and validity of the rows of a vector column.
    rows: Option<(Vec<i32>, Vec<bool>)>,
}

macro_rules! elements {
    ($($kind:ident => $builder:ident),*) => {
        enum Elements {
            $($kind($builder),)*
            Bool(BooleanBuilder),
            Text(StringBuilder, usize),
        }

        impl Elements {
            fn new(kind: Kind) -> Self {
                match kind {
                    $(Kind::$kind => Self::$kind($builder::new()),)*
                    Kind::Bool => Self::Bool(BooleanBuilder::new()),
                    Kind::Text => Self::Text(StringBuilder::new(), 0),
                }
            }

            fn push_null(&mut self) {
                match self {
                    $(Self::$kind(builder) => builder.append_null(),)*
                    Self::Bool(builder) => builder.append_null(),
                    Self::Text(builder, _) => builder.append_null(),
                }
            }

            fn finish(&mut self) -> ArrayRef {
                match self {
                    $(Self::$kind(builder) => Arc::new(builder.finish()),)*
                    Self::Bool(builder) => Arc::new(builder.finish()),
                    Self::Text(builder, _) => Arc::new(builder.finish()),
                }
            }
        }
    };
}

elements! {
    Int8 => Int8Builder, UInt8 => UInt8Builder, Int16 => Int16Builder, UInt16 => UInt16Builder,
    Int32 => Int32Builder, UInt32 => UInt32Builder, Int64 => Int64Builder,
    UInt64 => UInt64Builder, Float32 => Float32Builder, Float64 => Float64Builder
}

impl Elements {
    fn push(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        match self {
            _ if value == Value::Null => self.push_null(),
            Self::Int8(b) => b.append_value(whole(value)?),
            Self::UInt8(b) => b.append_value(whole(value)?),
            Self::Int16(b) => b.append_value(whole(value)?),
            Self::UInt16(b) => b.append_value(whole(value)?),
            Self::Int32(b) => b.append_value(whole(value)?),
            Self::UInt32(b) => b.append_value(whole(value)?),
            Self::Int64(b) => b.append_value(whole(value)?),
            Self::UInt64(b) => b.append_value(unsigned(value)?),
            Self::Float32(b) => b.append_value(match value {
                Value::Single(value) => value,
                Value::Text(text) => real(text)?,
                _ => return Err(Misfit),
            }),
            Self::Float64(b) => b.append_value(match value {
                Value::Double(value) => value,
                Value::Text(text) => real(text)?,
                _ => return Err(Misfit),
            }),
            Self::Bool(b) => b.append_value(match value {
                Value::Bool(value) => value,
                Value::Text(text) => logical(text)?,
                _ => return Err(Misfit),
            }),
            Self::Text(b, bytes) => {
                let Value::Text(text) = value else { return Err(Misfit) };
                *bytes += text.len();
                if *bytes > MOST_OFFSET {
                    return Err(Misfit);
                }
                b.append_value(text);
            }
        }
        Ok(())
    }
}

fn whole<T: TryFrom<i64>>(value: Value<'_>) -> Result<T, Misfit> {
    let value = match value {
        Value::Int(value) => value,
        Value::Text(text) => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => i64::from_str_radix(digits, 16).map_err(|_| Misfit)?,
            None => text.parse().map_err(|_| Misfit)?,
        },
        _ => return Err(Misfit),
    };
    value.try_into().map_err(|_| Misfit)
}

fn unsigned(value: Value<'_>) -> Result<u64, Misfit> {
    match value {
        Value::Text(text) => text.parse().map_err(|_| Misfit),
        value => whole(value),
    }
}

/// Rust reads `inf` and `nan` in any case; it does not read words that only begin so.
fn real<T: std::str::FromStr>(text: &str) -> Result<T, Misfit> {
    text.parse().map_err(|_| Misfit)
}

fn logical(text: &str) -> Result<bool, Misfit> {
    match text {
        "true" | "True" | "TRUE" | "t" | "T" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "f" | "F" | "0" => Ok(false),
        _ => Err(Misfit),
    }
}

impl Column {
    /// An empty column.
    pub fn new(spec: Spec) -> Self {
        let elements = Elements::new(spec.kind);
        let rows = spec.vector.then(|| (vec![0], Vec::new()));
        Self { spec, elements, rows }
    }

    /// What it is.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Appends a row of a column without vectors, or a null row of any column.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        match &mut self.rows {
            None => self.elements.push(value),
            Some((ends, valid)) if value == Value::Null => {
                ends.push(ends.last().copied().unwrap_or_default());
                valid.push(false);
                Ok(())
            }
            Some(_) => Err(Misfit),
        }
    }

    /// Appends an element of the vector that [`Column::end_vector`] will end.
    pub fn push_element(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        self.elements.push(value)
    }

    /// Ends a row of `count` elements.
    pub fn end_vector(&mut self, count: usize) -> Result<(), Misfit> {
        let Some((ends, valid)) = &mut self.rows else { return Err(Misfit) };
        let start = ends.last().copied().unwrap_or_default() as usize;
        let end = start.checked_add(count).filter(|end| *end <= MOST_OFFSET).ok_or(Misfit)?;
        ends.push(end as i32);
        valid.push(true);
        Ok(())
    }

    fn finish(mut self) -> Result<(Field, ArrayRef), ArrowError> {
        let elements = self.elements.finish();
        let array: ArrayRef = match self.rows {
            None => elements,
            Some((ends, valid)) => {
                let item = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
                let ends = OffsetBuffer::new(ends.into());
                Arc::new(ListArray::try_new(item, ends, elements, Some(NullBuffer::from(valid)))?)
            }
        };
        let Spec { name, unit, ucd, description, .. } = &self.spec;
        let field = Field::new(name.as_str(), array.data_type().clone(), true);
        let (unit, ucd) = (unit.as_deref(), ucd.as_deref());
        Ok((with_meaning(field, unit, ucd, description.as_deref()), array))
    }
}

/// Puts finished columns of equal length together.
pub(crate) fn table(columns: Vec<Column>) -> Result<RecordBatch, ArrowError> {
    let finished = columns.into_iter().map(Column::finish).collect::<Result<Vec<_>, _>>()?;
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = finished.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// Positions of the wanted names, exact ones before those that differ in case alone; all of the
/// file's where none are asked for. The error is the name that is not there.
pub(crate) fn positions<'a>(
    names: &[&str],
    wanted: Option<&'a [String]>,
) -> Result<Vec<usize>, &'a str> {
    let Some(wanted) = wanted else { return Ok((0..names.len()).collect()) };
    let position = |name: &'a String| {
        let exact = names.iter().position(|found| found == name);
        let loose = || names.iter().position(|found| found.eq_ignore_ascii_case(name));
        exact.or_else(loose).ok_or(name.as_str())
    };
    wanted.iter().map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(kind: Kind, value: Value<'_>) -> Result<(), Misfit> {
        Column::new(Spec::plain("x", kind)).push(value)
    }

    #[test]
    fn values_fit_or_are_refused() {
        assert!(pushed(Kind::Int16, Value::Text("32767")).is_ok());
        assert!(pushed(Kind::Int16, Value::Text("32768")).is_err());
        assert!(pushed(Kind::UInt8, Value::Text("0xff")).is_ok());
        assert!(pushed(Kind::UInt8, Value::Int(-1)).is_err());
        assert!(pushed(Kind::UInt64, Value::Text("18446744073709551615")).is_ok());
        assert!(pushed(Kind::Int64, Value::Text("1.5")).is_err());
        assert!(pushed(Kind::Int64, Value::Double(1.0)).is_err());
        assert!(pushed(Kind::Float32, Value::Text("-Inf")).is_ok());
        assert!(pushed(Kind::Float64, Value::Text("1.5x")).is_err());
        assert!(pushed(Kind::Bool, Value::Text("yes")).is_err());
        assert!(pushed(Kind::Text, Value::Int(1)).is_err());
        for kind in [Kind::Bool, Kind::Int8, Kind::Float64, Kind::Text] {
            assert!(pushed(kind, Value::Null).is_ok());
        }
    }

    #[test]
    fn vectors_may_differ_in_length_and_be_null() {
        let spec = Spec { vector: true, ..Spec::plain("x", Kind::Float64) };
        let mut column = Column::new(spec);
        column.push_element(Value::Double(1.0)).unwrap();
        column.push_element(Value::Null).unwrap();
        column.end_vector(2).unwrap();
        column.push(Value::Null).unwrap();
        column.end_vector(0).unwrap();
        assert!(column.push(Value::Double(1.0)).is_err());
        let batch = table(vec![column]).unwrap();
        let lists = arrow::array::AsArray::as_list::<i32>(batch.column(0)).clone();
        assert_eq!((lists.len(), lists.null_count()), (3, 1));
        assert_eq!(
            (lists.value(0).len(), lists.value(0).null_count(), lists.value(2).len()),
            (2, 1, 0)
        );
    }
}
