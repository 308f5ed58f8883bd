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

/// What is said of a table as a whole in the file that carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableFacts {
    /// Name of the table, without blanks.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// Who made it, one line.
    pub authors: String,
    /// A paragraph.
    pub about: String,
    /// More facts in order: name (a word of capitals or small letters) and value.
    pub facts: Vec<(String, String)>,
}

/// A description that ends in the values which a column may have: `head: 1 = this; 2 = that`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// What stands before the list.
    pub head: &'a str,
    /// Values, or bits of a sum, and what each of them means.
    pub entries: Vec<(&'a str, &'a str)>,
}

/// The list at the end of a description; `None` where it has none.
pub fn listed(description: &str) -> Option<Listed<'_>> {
    let (head, list) = description.split_once(": ")?;
    let entry = |entry: &'_ str| -> Option<(usize, usize)> {
        let at = entry.find(" = ")?;
        (!entry[..at].is_empty() && !entry[..at].contains(' ')).then_some((at, at + 3))
    };
    let mut entries = Vec::new();
    for text in list.split("; ") {
        let (end, start) = entry(text)?;
        entries.push((&text[..end], &text[start..]));
    }
    (entries.len() > 1).then_some(Listed { head, entries })
}

/// A description that [`listed`] takes apart again.
pub fn with_list(head: &str, entries: &[(String, String)]) -> String {
    let plain = |text: &str| text.replace(';', ",");
    let list: Vec<String> =
        entries.iter().map(|(value, about)| format!("{value} = {}", plain(about))).collect();
    format!("{}: {}", head.replace(": ", ", "), list.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_values_are_taken_apart() {
        let entries = [("1", "not converged; or never begun"), ("2", "outside")]
            .map(|(v, a)| (v.to_owned(), a.to_owned()));
        let text = with_list("sum of bits: 0 for none", &entries);
        let found = listed(&text).unwrap();
        assert_eq!(found.head, "sum of bits, 0 for none");
        assert_eq!(found.entries, [("1", "not converged, or never begun"), ("2", "outside")]);
        for none in ["redshift", "by source: see there", "a: b c = d; e = f", "a: b = c"] {
            assert_eq!(listed(none), None, "{none}");
        }
    }
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
