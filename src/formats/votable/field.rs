//! Declarations of columns.

use super::document::Attributes;
use crate::formats::columns::{Kind, Spec};

/// The most fields of a table; the widest catalogs have some hundreds.
pub(super) const MOST_FIELDS: usize = 10_000;
/// The most bytes that one cell may hold.
pub(super) const MOST_CELL_BYTES: usize = 16 << 20;

/// The primitive types of VOTable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    Boolean,
    Bit,
    UnsignedByte,
    Short,
    Int,
    Long,
    Char,
    UnicodeChar,
    Float,
    Double,
    FloatComplex,
    DoubleComplex,
}

impl Primitive {
    fn named(name: &str) -> Option<Self> {
        Some(match name.trim() {
            "boolean" => Self::Boolean,
            "bit" => Self::Bit,
            "unsignedByte" => Self::UnsignedByte,
            "short" => Self::Short,
            "int" => Self::Int,
            "long" => Self::Long,
            "char" => Self::Char,
            "unicodeChar" => Self::UnicodeChar,
            "float" => Self::Float,
            "double" => Self::Double,
            "floatComplex" => Self::FloatComplex,
            "doubleComplex" => Self::DoubleComplex,
            _ => return None,
        })
    }

    /// Bytes of `count` elements in the binary serializations.
    pub fn bytes(self, count: usize) -> Option<usize> {
        let width = match self {
            Self::Bit => return Some(count.div_ceil(8)),
            Self::Boolean | Self::UnsignedByte | Self::Char => 1,
            Self::Short | Self::UnicodeChar => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::Double | Self::FloatComplex => 8,
            Self::DoubleComplex => 16,
        };
        count.checked_mul(width)
    }

    pub fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::UnicodeChar)
    }

    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Boolean | Self::Bit => Kind::Bool,
            Self::UnsignedByte => Kind::UInt8,
            Self::Short => Kind::Int16,
            Self::Int => Kind::Int32,
            Self::Long => Kind::Int64,
            Self::Char | Self::UnicodeChar => Kind::Text,
            Self::Float => Kind::Float32,
            Self::Double => Kind::Float64,
            Self::FloatComplex | Self::DoubleComplex => return None,
        })
    }
}

/// How many elements a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One, without an `arraysize`.
    One,
    /// So many, whatever the dimensions.
    Fixed(usize),
    /// Any number; the binary serializations say it before the elements.
    Variable,
}

/// A `FIELD`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VoField {
    pub name: String,
    pub primitive: Primitive,
    pub shape: Shape,
    /// Whether elements are texts: a text column has one dimension more than its texts.
    pub texts: bool,
    pub unit: Option<String>,
    pub ucd: Option<String>,
    pub description: Option<String>,
    /// What stands for a missing value.
    pub null: Option<String>,
}

impl VoField {
    /// Makes a field of its attributes; the error says what is wrong.
    pub fn new(attributes: &Attributes, number: usize) -> Result<Self, String> {
        let of = |name: &str| attributes.of(name);
        let datatype = of("datatype").ok_or("it has no datatype")?;
        let primitive = Primitive::named(&datatype)
            .ok_or_else(|| format!("datatype `{datatype}` is none of VOTable's"))?;
        let (shape, dimensions) = match of("arraysize") {
            None => (Shape::One, 0),
            Some(size) => shape(&size, primitive)?,
        };
        Ok(Self {
            name: of("name").or_else(|| of("ID")).unwrap_or_else(|| format!("col{number}")),
            primitive,
            shape,
            texts: primitive.is_text() && dimensions > 1,
            unit: of("unit"),
            ucd: of("ucd"),
            description: None,
            null: None,
        })
    }

    /// The column that holds it; `None` where its type is not read.
    pub fn spec(&self, name: &str) -> Option<Spec> {
        let bits = self.primitive == Primitive::Bit && self.shape != Shape::One;
        let kind = self.primitive.kind().filter(|_| !self.texts && !bits)?;
        Some(Spec {
            name: name.to_owned(),
            kind,
            vector: kind != Kind::Text && self.shape != Shape::One,
            unit: self.unit.clone(),
            ucd: self.ucd.clone(),
            description: self.description.clone(),
        })
    }

    /// Its type in words.
    pub fn describe(&self) -> String {
        match (self.texts, self.shape) {
            (true, _) => "an array of texts".to_owned(),
            (false, Shape::One) => format!("{:?}", self.primitive),
            (false, _) => format!("an array of {:?}", self.primitive),
        }
    }
}

/// Elements and number of dimensions of `10`, `*`, `10*`, `3x4`, `3x*`.
fn shape(size: &str, primitive: Primitive) -> Result<(Shape, usize), String> {
    let wrong = || format!("arraysize `{size}` is no array size");
    let parts: Vec<&str> = size.split('x').map(str::trim).collect();
    let mut count = 1_usize;
    let mut variable = false;
    for (place, part) in parts.iter().enumerate() {
        let is_last = place + 1 == parts.len();
        if is_last && part.ends_with('*') {
            variable = true;
            let bound = part.trim_end_matches('*');
            if !bound.is_empty() && bound.parse::<u64>().is_err() {
                return Err(wrong());
            }
            continue;
        }
        let length: usize = part.parse().map_err(|_| wrong())?;
        count = count.checked_mul(length).ok_or_else(wrong)?;
    }
    if primitive.bytes(count).is_none_or(|bytes| bytes > MOST_CELL_BYTES) {
        return Err(format!("a cell of {count} elements has more than {MOST_CELL_BYTES} bytes"));
    }
    let shape = if variable { Shape::Variable } else { Shape::Fixed(count) };
    Ok((shape, parts.len()))
}
