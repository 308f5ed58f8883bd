//! TOML values that know where they were written, and their merging.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use toml::de::{DeTable, DeValue};

use super::error::SpecError;
use super::source_map::Span;

/// A map in the order of declaration.
pub type Ordered<T> = toml::map::Map<String, T>;

/// A value and where it was written. Two are equal when their values are.
///
/// A stage's parameters may hold it to point at a value from a later error; it serialises as the value alone, so that
/// moving a line changes no key. It can be read from the specification only, and not inside an untagged or internally
/// tagged enum, where serde forgets places.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Serialize for Spanned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// The struct name by which the deserializer knows that a place is asked for.
pub(super) const SPANNED: &str = "$mdwarf::Spanned";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(SPANNED, &[], SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the specification")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let short = || A::Error::custom("a place has a start, an end and a value");
        let start = seq.next_element()?.ok_or_else(short)?;
        let end = seq.next_element()?.ok_or_else(short)?;
        let value = seq.next_element()?.ok_or_else(short)?;
        Ok(Spanned::new(value, start..end))
    }
}

/// A TOML value. Floats are finite; dates do not occur.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A finite float.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// An array, element by element.
    Array(Vec<Spanned<Value>>),
    /// A table or an inline table.
    Table(Table),
}

impl Value {
    /// What the value is, for messages: `text`, `an integer`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Boolean(yes) => serializer.serialize_bool(*yes),
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|v| seq.serialize_element(v))?;
                seq.end()
            }
            Value::Table(table) => table.serialize(serializer),
        }
    }
}

/// One `key = value` of a table.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key was written.
    pub key: Span,
    /// The value and its place.
    pub value: Spanned<Value>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A table in the order of declaration, with the places of keys and values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(pub Ordered<Entry>);

impl Table {
    /// The value under a dotted path, `errors.source`.
    pub fn get(&self, path: &str) -> Option<&Spanned<Value>> {
        let (head, rest) = match path.split_once('.') {
            Some((head, rest)) => (head, Some(rest)),
            None => (path, None),
        };
        let value = &self.0.get(head)?.value;
        match (rest, &value.value) {
            (None, _) => Some(value),
            (Some(rest), Value::Table(table)) => table.get(rest),
            (Some(_), _) => None,
        }
    }

    /// Lays another table over this one: tables are merged key by key, everything else is replaced.
    pub fn overlay(&mut self, over: Table) {
        for (key, entry) in over.0 {
            let below = self.0.get_mut(&key).map(|e| &mut e.value.value);
            match (below, entry.value.value) {
                (Some(Value::Table(below)), Value::Table(over)) => below.overlay(over),
                (_, value) => {
                    let value = Spanned::new(value, entry.value.span);
                    let key_span = entry.key;
                    // `insert` keeps the position of a known key, and so the order of declaration.
                    self.0.insert(key, Entry { key: key_span, value });
                }
            }
        }
    }

    /// Dotted paths of all values that are not tables, in order of declaration.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.push_paths("", &mut paths);
        paths
    }

    fn push_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        for (key, entry) in &self.0 {
            match &entry.value.value {
                Value::Table(table) => table.push_paths(&format!("{prefix}{key}."), paths),
                _ => paths.push(format!("{prefix}{key}")),
            }
        }
    }

    /// Its keys, in order of declaration.
    pub fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, entry) in &self.0 {
            map.serialize_entry(key, &entry.value)?;
        }
        map.end()
    }
}

/// Takes over a parsed table whose text begins at address `base`.
///
/// What has no place in a specification (NaN, infinities, dates, integers beyond 64 bits) is reported to `errors` and
/// replaced by zero, so that the rest can still be checked.
pub(super) fn from_toml(table: DeTable<'_>, base: usize, errors: &mut Vec<SpecError>) -> Table {
    let entry = |(key, value): (toml::Spanned<_>, toml::Spanned<_>), errors: &mut _| {
        let key_span = shift(key.span(), base);
        let name: std::borrow::Cow<'_, str> = key.into_inner();
        let value = value_from_toml(value, base, errors);
        let key = key_span;
        (name.into_owned(), Entry { key, value })
    };
    Table(table.into_iter().map(|e| entry(e, errors)).collect())
}

const NOT_FINITE: &str = "nan, inf and numbers beyond 1.8e308 are refused everywhere";

/// Takes over one parsed value; see [`from_toml`].
pub(super) fn value_from_toml(
    value: toml::Spanned<DeValue<'_>>,
    base: usize,
    errors: &mut Vec<SpecError>,
) -> Spanned<Value> {
    let span = shift(value.span(), base);
    let mut refuse = |message: String, help: &str| {
        errors.push(SpecError::new("spec.value", message, span.clone(), "here").help(help));
        Value::Integer(0)
    };
    let taken = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(yes) => Value::Boolean(yes),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => refuse(
                format!("integer `{number}` does not fit 64 bits"),
                "write it as a float, or as text",
            ),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => refuse(format!("`{number}` is not a finite number"), NOT_FINITE),
        },
        DeValue::Datetime(date) => {
            refuse(format!("a date is not accepted: {date}"), "write it as text, in quotes")
        }
        DeValue::Array(items) => Value::Array(
            items.into_iter().map(|item| value_from_toml(item, base, errors)).collect(),
        ),
        DeValue::Table(table) => Value::Table(from_toml(table, base, errors)),
    };
    Spanned::new(taken, span)
}

fn shift(span: Span, base: usize) -> Span {
    span.start + base..span.end + base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, base: usize) -> (Table, Vec<SpecError>) {
        let mut errors = Vec::new();
        let parsed = DeTable::parse(text).unwrap().into_inner();
        let table = from_toml(parsed, base, &mut errors);
        (table, errors)
    }

    #[test]
    fn places_are_shifted_at_every_depth_and_order_is_kept() {
        let (t, errors) = table("z = 1\na = { b = [1.5, \"x\"] }\n", 100);
        assert!(errors.is_empty());
        assert_eq!(t.keys(), ["z", "a"]);
        assert_eq!(t.0.get("z").unwrap().key, 100..101);
        let Value::Array(items) = &t.get("a.b").unwrap().value else { panic!("an array") };
        assert_eq!(items[0].span, 117..120);
        assert_eq!(items[1].value, Value::Text("x".into()));
        assert_eq!(t.get("a.b.c"), None);
        assert_eq!(t.get("a.c"), None);
    }

    #[test]
    fn what_is_no_finite_number_is_refused_at_any_depth() {
        let text =
            "a = nan\nb = [[-inf]]\nc = { d = 1e999 }\ne = 99999999999999999999\nf = 2020-01-01\n";
        let (_, errors) = table(text, 0);
        let messages: Vec<&str> = errors.iter().map(|e| e.message.as_str()).collect();
        assert_eq!(messages.len(), 5, "{messages:?}");
        assert_eq!(messages[0], "`nan` is not a finite number");
        assert_eq!(messages[1], "`-inf` is not a finite number");
        assert_eq!(messages[2], "`1e999` is not a finite number");
        assert_eq!(errors[1].labels[0].0, 14..18);
    }

    #[test]
    fn hexadecimal_and_underscores_are_read() {
        let (t, errors) = table("a = 0xff\nb = 1_000\nc = 1_0.5\nd = -7\n", 0);
        assert!(errors.is_empty());
        assert_eq!(t.get("a").unwrap().value, Value::Integer(255));
        assert_eq!(t.get("b").unwrap().value, Value::Integer(1000));
        assert_eq!(t.get("c").unwrap().value, Value::Float(10.5));
        assert_eq!(t.get("d").unwrap().value, Value::Integer(-7));
    }

    #[test]
    fn overlay_merges_tables_and_replaces_the_rest() {
        let (mut below, _) = table("a = 1\nt = { x = 1, y = { z = 2 } }\nl = [1, 2]\n", 0);
        let (over, _) = table("t = { y = { w = 3 } }\nl = [9]\nn = true\n", 50);
        below.overlay(over);
        assert_eq!(below.paths(), ["a", "t.x", "t.y.z", "t.y.w", "l", "n"]);
        let l = below.get("l").unwrap();
        assert_eq!(serde_json::to_string(&l).unwrap(), "[9]");
        assert_eq!(l.span.start, 76);
        let t = serde_json::to_string(&below.get("t").unwrap()).unwrap();
        assert_eq!(t, r#"{"x":1,"y":{"z":2,"w":3}}"#);
    }
}
