//! What a column means: unit, UCD and description, as metadata of its Arrow field.
//!
//! A key is set only when its value is known, so its absence says "not stated" and an
//! empty string never occurs.

use arrow::datatypes::Field;

/// Metadata key of the unit, as the file states it (`mas.yr**-1`, `deg`).
pub const UNIT: &str = "unit";
/// Metadata key of the IVOA unified content descriptor (`pos.eq.ra;meta.main`).
pub const UCD: &str = "ucd";
/// Metadata key of the description in words.
pub const DESCRIPTION: &str = "description";

/// Returns `field` with `value` under `key`, or unchanged when the value is absent or blank.
pub fn with_entry(mut field: Field, key: &str, value: Option<&str>) -> Field {
    if let Some(value) = value.map(str::trim).filter(|text| !text.is_empty()) {
        field.metadata_mut().insert(key, value);
    }
    field
}

/// Returns `field` with its unit, UCD and description, each only when given.
pub fn with_meaning(
    field: Field,
    unit: Option<&str>,
    ucd: Option<&str>,
    description: Option<&str>,
) -> Field {
    let field = with_entry(field, UNIT, unit);
    let field = with_entry(field, UCD, ucd);
    with_entry(field, DESCRIPTION, description)
}

/// The value that `field` carries under `key`.
pub fn entry<'a>(field: &'a Field, key: &str) -> Option<&'a str> {
    field.metadata().get(key).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    #[test]
    fn only_known_meanings_are_set() {
        let field = Field::new("ra", DataType::Float64, true);
        let field = with_meaning(field, Some("deg"), Some("  "), None);
        assert_eq!(entry(&field, UNIT), Some("deg"));
        assert_eq!(entry(&field, UCD), None);
        assert_eq!(field.metadata().len(), 1);
    }
}
