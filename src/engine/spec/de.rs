//! Reads spanned values into Rust types.
//!
//! Stricter than a general TOML reader: a struct refuses unknown keys whether or not it asks for that, is never filled
//! from an array by position, and an error always has the place of the value or key at fault.

use serde::de::value::{StrDeserializer, UsizeDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::SpecError;
use super::fault::{Fault, FaultKind, Names, Owner};
use super::source_map::Span;
use super::value::{Entry, SPANNED, Spanned, Table, Value};

/// Reads a table into a type.
///
/// `outer` is the place of the table's head, where a missing key is reported.
pub(super) fn read_table<T: DeserializeOwned>(
    table: &Table,
    outer: &Span,
    owner: &Owner,
) -> Result<T, SpecError> {
    let reader = TableReader { table, span: outer };
    T::deserialize(reader)
        .map_err(|fault| place_in_table(fault, table, outer).into_error(owner, outer))
}

type Read<T> = Result<T, Fault>;

/// A value to be read.
struct Reader<'a> {
    value: &'a Value,
    span: &'a Span,
}

impl<'a> Reader<'a> {
    fn new(value: &'a Spanned<Value>) -> Self {
        Self { value: &value.value, span: &value.span }
    }

    fn found(&self) -> Unexpected<'a> {
        match self.value {
            Value::Text(text) => Unexpected::Str(text),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::Float(number) => Unexpected::Float(*number),
            Value::Boolean(yes) => Unexpected::Bool(*yes),
            Value::Array(_) => Unexpected::Seq,
            Value::Table(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.value {
            Value::Text(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(yes) => visitor.visit_bool(*yes),
            Value::Array(items) => visit_items(items, visitor),
            Value::Table(table) => visit_entries(table, visitor),
        }
        .map_err(|fault| place(fault, self.value, self.span))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.value {
            // Narrowing would make an infinity of it, which no file can state directly.
            Value::Float(number) if !(*number as f32).is_finite() => {
                Err(Fault::invalid_value(self.found(), &visitor).at(self.span))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        let span = self.span;
        visitor.visit_newtype_struct(self).map_err(|f| f.at(span))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: Names,
        visitor: V,
    ) -> Read<V::Value> {
        match self.value {
            _ if name == SPANNED => visitor.visit_seq(PlaceAndValue(Some(self), 0)),
            Value::Table(table) => {
                let span = self.span;
                TableReader { table, span }.deserialize_struct(name, names, visitor)
            }
            _ => Err(Fault::invalid_type(self.found(), &visitor).at(self.span)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _words: Names,
        visitor: V,
    ) -> Read<V::Value> {
        let span = self.span;
        let mut entries = match self.value {
            Value::Table(table) if table.0.len() == 1 => table.0.iter(),
            Value::Text(word) => {
                let content = None;
                let choice = Choice { word, content, span };
                return visitor.visit_enum(choice).map_err(|f| f.at(span));
            }
            _ => {
                return Err(
                    Fault::invalid_type(self.found(), &"text or a table of one key").at(span)
                );
            }
        };
        let Some((word, entry)) = entries.next() else {
            return Err(Fault::custom("an empty table").at(span));
        };
        let content = Some(Reader::new(&entry.value));
        let span = &entry.key;
        let choice = Choice { word, content, span };
        visitor.visit_enum(choice).map_err(|f| f.at(span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// A table to be read, not necessarily part of a value.
struct TableReader<'a> {
    table: &'a Table,
    span: &'a Span,
}

impl<'de> Deserializer<'de> for TableReader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visit_entries(self.table, visitor).map_err(|f| place_in_table(f, self.table, self.span))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        names: Names,
        visitor: V,
    ) -> Read<V::Value> {
        refuse_unknown(self.table, names)?;
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        let span = self.span;
        visitor.visit_newtype_struct(self).map_err(|f| f.at(span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        option seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn refuse_unknown(table: &Table, names: Names) -> Read<()> {
    let unknown: Vec<(String, Span)> = table
        .0
        .iter()
        .filter(|(key, _)| !names.contains(&key.as_str()))
        .map(|(key, entry)| (key.clone(), entry.key.clone()))
        .collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Fault::new(FaultKind::UnknownKeys(unknown, names))),
    }
}

fn place(fault: Fault, value: &Value, span: &Span) -> Fault {
    match value {
        Value::Table(table) => place_in_table(fault, table, span),
        _ => fault.at(span),
    }
}

/// Serde tells an unknown key of a tagged enum without its place; the table knows it.
fn place_in_table(fault: Fault, table: &Table, span: &Span) -> Fault {
    let entry = match &fault.kind {
        FaultKind::UnknownKey(key, _) => table.0.get(key),
        _ => None,
    };
    fault.at(entry.map_or(span, |entry| &entry.key))
}

fn visit_items<'de, V: Visitor<'de>>(items: &[Spanned<Value>], visitor: V) -> Read<V::Value> {
    let mut rest = Items(items.iter());
    let value = visitor.visit_seq(&mut rest)?;
    match rest.0.len() {
        0 => Ok(value),
        more => Err(Fault::custom(format!("{more} values too many"))),
    }
}

fn visit_entries<'de, V: Visitor<'de>>(table: &Table, visitor: V) -> Read<V::Value> {
    visitor.visit_map(Entries { rest: table.0.iter(), current: None })
}

struct Items<'a>(std::slice::Iter<'a, Spanned<Value>>);

impl<'de> SeqAccess<'de> for &mut Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        let Some(item) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader::new(item)).map(Some).map_err(|f| place(f, &item.value, &item.span))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'a> {
    rest: toml::map::Iter<'a, String, Entry>,
    current: Option<(&'a str, &'a Entry)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let Some((key, entry)) = self.rest.next() else {
            return Ok(None);
        };
        self.current = Some((key, entry));
        let reader: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        seed.deserialize(reader).map(Some).map_err(|f| f.at(&entry.key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        let Some((key, entry)) = self.current.take() else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        seed.deserialize(Reader::new(&entry.value))
            .map_err(|f| place(f, &entry.value.value, &entry.value.span).under(key))
    }
}

/// Start, end and value, as [`Spanned`] asks for them.
struct PlaceAndValue<'a>(Option<Reader<'a>>, usize);

impl<'de> SeqAccess<'de> for PlaceAndValue<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        self.1 += 1;
        let number = |n: usize| -> UsizeDeserializer<Fault> { n.into_deserializer() };
        match (self.1, &self.0) {
            (1, Some(reader)) => seed.deserialize(number(reader.span.start)).map(Some),
            (2, Some(reader)) => seed.deserialize(number(reader.span.end)).map(Some),
            _ => self.0.take().map(|r| seed.deserialize(r)).transpose(),
        }
    }
}

/// One word of an enum, with the content of `{ word = content }`.
struct Choice<'a> {
    word: &'a str,
    content: Option<Reader<'a>>,
    span: &'a Span,
}

impl<'a, 'de> EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Read<(V::Value, Content<'a>)> {
        let reader: StrDeserializer<'_, Fault> = self.word.into_deserializer();
        let word = seed.deserialize(reader).map_err(|f| f.at(self.span))?;
        Ok((word, Content(self.content, self.word)))
    }
}

struct Content<'a>(Option<Reader<'a>>, &'a str);

impl<'a> Content<'a> {
    fn required(self) -> Read<Reader<'a>> {
        let word = self.1;
        self.0.ok_or_else(|| Fault::custom(format!("`{word}` needs a content: {{ {word} = … }}")))
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Read<()> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(Fault::custom(format!("`{}` takes no content", self.1))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Read<T::Value> {
        let word = self.1;
        seed.deserialize(self.required()?).map_err(|f| f.under(word))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Read<V::Value> {
        let word = self.1;
        let reader = self.required()?;
        let read = reader.deserialize_tuple(len, visitor);
        read.map_err(|f| f.under(word))
    }

    fn struct_variant<V: Visitor<'de>>(self, names: Names, visitor: V) -> Read<V::Value> {
        let word = self.1;
        let reader = self.required()?;
        let read = reader.deserialize_struct("", names, visitor);
        read.map_err(|f| f.under(word))
    }
}
