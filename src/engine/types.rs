//! Logical types and the meaning of a column: what keys, ports and lineage speak of.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use serde::{Deserialize, Serialize};

/// Field metadata keys under which a column's meaning travels through arrow and Parquet.
pub const UNIT: &str = "unit";
/// See [`UNIT`].
pub const UCD: &str = "ucd";
/// See [`UNIT`].
pub const DESCRIPTION: &str = "description";
/// See [`UNIT`].
pub const SCALE: &str = "scale";

/// A column's type as its readers mean it, whatever arrow's encoding of it.
///
/// `Utf8`, `LargeUtf8` and `Utf8View` are one [`Type::Text`]; all lists are [`Type::List`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Type {
    /// True or false.
    Bool,
    /// Signed integer of so many bits (8, 16, 32, 64).
    Int(u8),
    /// Unsigned integer of so many bits.
    UInt(u8),
    /// Floating point of 32 or 64 bits.
    Float(u8),
    /// Unicode text.
    Text,
    /// Bytes: a file.
    Bytes,
    /// A vector a row; lengths may differ between rows.
    List(Box<Type>),
}

/// 64-bit integer.
pub const I64: Type = Type::Int(64);
/// 32-bit integer.
pub const I32: Type = Type::Int(32);
/// 32-bit unsigned integer.
pub const U32: Type = Type::UInt(32);
/// 64-bit unsigned integer.
pub const U64: Type = Type::UInt(64);
/// Double precision.
pub const F64: Type = Type::Float(64);
/// Single precision.
pub const F32: Type = Type::Float(32);

impl Type {
    /// The list of this type.
    pub fn list(self) -> Self {
        Type::List(Box::new(self))
    }

    /// The logical type of an arrow type; `None` where the engine has no rule for hashing it.
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Type::Bool,
            DataType::Int8 => Type::Int(8),
            DataType::Int16 => Type::Int(16),
            DataType::Int32 => Type::Int(32),
            DataType::Int64 => Type::Int(64),
            DataType::UInt8 => Type::UInt(8),
            DataType::UInt16 => Type::UInt(16),
            DataType::UInt32 => Type::UInt(32),
            DataType::UInt64 => Type::UInt(64),
            DataType::Float32 => Type::Float(32),
            DataType::Float64 => Type::Float(64),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Type::Bytes,
            DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
                Type::of(f.data_type())?.list()
            }
            _ => return None,
        })
    }

    /// The arrow type in which the engine stores this type.
    pub fn arrow(&self) -> DataType {
        match self {
            Type::Bool => DataType::Boolean,
            Type::Int(8) => DataType::Int8,
            Type::Int(16) => DataType::Int16,
            Type::Int(32) => DataType::Int32,
            Type::Int(_) => DataType::Int64,
            Type::UInt(8) => DataType::UInt8,
            Type::UInt(16) => DataType::UInt16,
            Type::UInt(32) => DataType::UInt32,
            Type::UInt(_) => DataType::UInt64,
            Type::Float(32) => DataType::Float32,
            Type::Float(_) => DataType::Float64,
            Type::Text => DataType::Utf8,
            Type::Bytes => DataType::LargeBinary,
            Type::List(inner) => DataType::List(Arc::new(Field::new("item", inner.arrow(), true))),
        }
    }

    /// Whether arithmetic makes sense on it.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Type::Int(_) | Type::UInt(_) | Type::Float(_))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Int(bits) => write!(f, "i{bits}"),
            Type::UInt(bits) => write!(f, "u{bits}"),
            Type::Float(bits) => write!(f, "f{bits}"),
            Type::Text => f.write_str("text"),
            Type::Bytes => f.write_str("bytes"),
            Type::List(inner) => write!(f, "{inner}[]"),
        }
    }
}

impl From<Type> for String {
    fn from(value: Type) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Type {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(inner) = text.strip_suffix("[]") {
            return Type::try_from(inner.to_owned()).map(Type::list);
        }
        Ok(match text.as_str() {
            "bool" => Type::Bool,
            "i8" => Type::Int(8),
            "i16" => Type::Int(16),
            "i32" => Type::Int(32),
            "i64" => Type::Int(64),
            "u8" => Type::UInt(8),
            "u16" => Type::UInt(16),
            "u32" => Type::UInt(32),
            "u64" => Type::UInt(64),
            "f32" => Type::Float(32),
            "f64" => Type::Float(64),
            "text" => Type::Text,
            "bytes" => Type::Bytes,
            _ => return Err(format!("unknown column type `{text}`")),
        })
    }
}

/// A column's name, type and meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnMeta {
    /// Name as the paper or the archive prints it.
    pub name: String,
    /// Logical type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Unit in VOUnit spelling; empty for dimensionless.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// IVOA Unified Content Descriptor.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ucd: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whose scale a label is on (`AP` for APOGEE): labels learned from it are published under this name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scale: String,
}

impl ColumnMeta {
    /// A column without unit, UCD or description.
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        ColumnMeta {
            name: name.into(),
            kind,
            unit: String::new(),
            ucd: String::new(),
            description: String::new(),
            scale: String::new(),
        }
    }

    /// Sets the unit.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Sets the UCD.
    pub fn ucd(mut self, ucd: impl Into<String>) -> Self {
        self.ucd = ucd.into();
        self
    }

    /// Sets the description.
    pub fn about(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the scale of a label.
    pub fn scale(mut self, scale: impl Into<String>) -> Self {
        self.scale = scale.into();
        self
    }

    /// Gives another name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The arrow field that stores this column, meaning included.
    pub fn field(&self) -> Field {
        let mut metadata = HashMap::new();
        let meanings = [
            (UNIT, &self.unit),
            (UCD, &self.ucd),
            (DESCRIPTION, &self.description),
            (SCALE, &self.scale),
        ];
        for (key, value) in meanings {
            if !value.is_empty() {
                metadata.insert(key.to_owned(), value.clone());
            }
        }
        Field::new(&self.name, self.kind.arrow(), true).with_metadata(metadata)
    }

    /// Reads the meaning back from an arrow field.
    pub fn of(field: &FieldRef) -> Option<Self> {
        let text = |key: &str| field.metadata().get(key).cloned().unwrap_or_default();
        Some(ColumnMeta {
            name: field.name().clone(),
            kind: Type::of(field.data_type())?,
            unit: text(UNIT),
            ucd: text(UCD),
            description: text(DESCRIPTION),
            scale: text(SCALE),
        })
    }
}
