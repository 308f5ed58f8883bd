//! The type of a column from all its values, and its Arrow array.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};

use super::ColumnType;

/// Largest whole number below which every one is an exact `f64`.
const EXACT_IN_F64: u64 = 1 << 53;
/// Bytes of text that the 32-bit offsets of an Arrow string column reach.
const MAX_TEXT_BYTES: usize = i32::MAX as usize;

/// What the values of a column have been so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guess {
    texts: bool,
    logicals: bool,
    reals: bool,
    integers: bool,
    /// A whole number that a float would round.
    long_integers: bool,
}

impl Guess {
    /// Takes one value that is not null into account.
    pub fn see(&mut self, text: &str) {
        if self.texts {
            return;
        }
        match integer(text) {
            Integer::Exact(value) => {
                self.integers = true;
                self.long_integers |= value.unsigned_abs() > EXACT_IN_F64;
            }
            Integer::LooksLikeAnId => self.texts = true,
            Integer::No if logical(text).is_some() => self.logicals = true,
            Integer::No if text.parse::<f64>().is_ok() => self.reals = true,
            Integer::No => self.texts = true,
        }
    }

    /// The narrowest type that holds every value exactly.
    pub fn column_type(self) -> ColumnType {
        let numbers = self.integers || self.reals;
        let rounded = self.long_integers && self.reals;
        match (self.texts || rounded, self.logicals, numbers) {
            (false, true, false) => ColumnType::Bool,
            (false, false, true) if self.reals => ColumnType::Float,
            (false, false, true) => ColumnType::Int,
            _ => ColumnType::Text,
        }
    }
}

enum Integer {
    Exact(i64),
    /// Digits whose value would lose something: leading zeros, or more than 64 bits.
    LooksLikeAnId,
    No,
}

fn integer(text: &str) -> Integer {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Integer::No;
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Integer::LooksLikeAnId;
    }
    match text.parse() {
        // The sign of -0 lives on only as a real.
        Ok(0) if text.starts_with('-') => Integer::No,
        Ok(value) => Integer::Exact(value),
        Err(_) => Integer::LooksLikeAnId,
    }
}

fn logical(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A column under construction.
#[derive(Debug)]
pub(super) enum Builder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder, usize),
}

impl Builder {
    pub fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Int => Self::Int(Int64Builder::new()),
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Text => Self::Text(StringBuilder::new(), 0),
        }
    }

    pub fn push_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Text(builder, _) => builder.append_null(),
        }
    }

    /// Appends a value; `false` when it does not fit the type.
    pub fn push(&mut self, text: &str) -> bool {
        match self {
            Self::Bool(builder) => logical(text).map(|value| builder.append_value(value)).is_some(),
            Self::Int(builder) => text.parse().map(|value| builder.append_value(value)).is_ok(),
            Self::Float(builder) => text.parse().map(|value| builder.append_value(value)).is_ok(),
            Self::Text(builder, bytes) => {
                *bytes = bytes.saturating_add(text.len());
                let fits = *bytes <= MAX_TEXT_BYTES;
                if fits {
                    builder.append_value(text);
                }
                fits
            }
        }
    }

    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Text(builder, _) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(values: &[&str]) -> ColumnType {
        let mut guess = Guess::default();
        for value in values {
            guess.see(value);
        }
        guess.column_type()
    }

    #[test]
    fn narrowest_exact_type() {
        assert_eq!(learned(&["1", "-2", "+3", "9223372036854775807"]), ColumnType::Int);
        assert_eq!(learned(&["1", "2.5", "1e-3", "NaN", "-inf"]), ColumnType::Float);
        assert_eq!(learned(&["-0"]), ColumnType::Float);
        assert_eq!(learned(&["true", "False"]), ColumnType::Bool);
        assert_eq!(learned(&["true", "1"]), ColumnType::Text);
        assert_eq!(learned(&["2M00424433+4116074", "1"]), ColumnType::Text);
        assert_eq!(learned(&["05 31 27.4", "-03 40 38"]), ColumnType::Text);
        assert_eq!(learned(&[]), ColumnType::Text);
    }

    #[test]
    fn ids_are_never_rounded() {
        assert_eq!(learned(&["18446744073709551615"]), ColumnType::Text);
        assert_eq!(learned(&["00123", "17"]), ColumnType::Text);
        assert_eq!(learned(&["3156028903802300416", "1.5"]), ColumnType::Text);
        assert_eq!(learned(&["9007199254740992", "1.5"]), ColumnType::Float);
    }
}
