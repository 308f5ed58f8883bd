//! Digests: of bytes, of printable structs, and of a column's content.
//!
//! A column's digest depends on its logical type and its values in row order, and on nothing
//! else: not on arrow's encoding, chunks, Parquet's row groups or codec, nor on what lies under a
//! null (invariant 3 of `ARCHITECTURE.md`). The format is pinned by a test.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, LargeListArray, ListArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::types::Type;

/// A blake3 digest; prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a value's JSON text: what is hashed can be printed.
    pub fn of_json<T: Serialize>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::of_bytes(&serde_json::to_vec(value)?))
    }

    /// The digest of an ordered sequence of digests.
    pub fn of_sequence<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"mdwarf sequence 1\0");
        for digest in digests {
            hasher.update(&digest.0);
        }
        Self::finish(&hasher)
    }

    /// Ends a hasher.
    pub fn finish(hasher: &blake3::Hasher) -> Self {
        Digest(*hasher.finalize().as_bytes())
    }

    /// The first eight bytes as a number: for buckets and seeds.
    pub fn low_u64(&self) -> u64 {
        let mut low = [0u8; 8];
        low.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(low)
    }

    /// The digest's bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(blake3::Hash::from(self.0).to_hex().as_str())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl Visitor<'_> for Hex {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a blake3 digest of 64 hex digits")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digest, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Hex)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            b'A'..=b'F' => Some(c - b'A' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        let whole = pairs.len() == bytes.len() && rest.is_empty();
        let filled = bytes.iter_mut().zip(pairs).all(|(byte, [high, low])| {
            let value = digit(*high).zip(digit(*low)).map(|(high, low)| 16 * high + low);
            *byte = value.unwrap_or_default();
            value.is_some()
        });
        match whole && filled {
            true => Ok(Digest(bytes)),
            false => Err(format!("`{text}` is not a blake3 digest of 64 hex digits")),
        }
    }
}

/// The digest of a column's content; `None` if its type has no hashing rule.
pub fn column_digest(array: &ArrayRef) -> Option<Digest> {
    let kind = Type::of(array.data_type())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"mdwarf column 1\0");
    hasher.update(kind.to_string().as_bytes());
    hasher.update(&[0]);
    hash_values(&mut hasher, array)?;
    Some(Digest::finish(&hasher))
}

fn hash_values(hasher: &mut blake3::Hasher, array: &ArrayRef) -> Option<()> {
    hasher.update(&(array.len() as u64).to_le_bytes());
    hash_nulls(hasher, array.len(), array.logical_nulls().as_ref());
    match array.data_type() {
        DataType::Boolean => hash_bools(hasher, array.as_boolean()),
        DataType::Int8 => hash_primitive::<Int8Type>(hasher, array, |v| v.to_le_bytes()),
        DataType::Int16 => hash_primitive::<Int16Type>(hasher, array, i16::to_le_bytes),
        DataType::Int32 => hash_primitive::<Int32Type>(hasher, array, i32::to_le_bytes),
        DataType::Int64 => hash_primitive::<Int64Type>(hasher, array, i64::to_le_bytes),
        DataType::UInt8 => hash_primitive::<UInt8Type>(hasher, array, |v| v.to_le_bytes()),
        DataType::UInt16 => hash_primitive::<UInt16Type>(hasher, array, u16::to_le_bytes),
        DataType::UInt32 => hash_primitive::<UInt32Type>(hasher, array, u32::to_le_bytes),
        DataType::UInt64 => hash_primitive::<UInt64Type>(hasher, array, u64::to_le_bytes),
        DataType::Float32 => hash_primitive::<Float32Type>(hasher, array, |v| {
            if v.is_nan() { f32::NAN } else { v + 0.0 }.to_bits().to_le_bytes()
        }),
        DataType::Float64 => hash_primitive::<Float64Type>(hasher, array, |v| {
            if v.is_nan() { f64::NAN } else { v + 0.0 }.to_bits().to_le_bytes()
        }),
        DataType::Utf8 => hash_text(hasher, array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => hash_text(hasher, array.as_string::<i64>().iter()),
        DataType::Utf8View => hash_text(hasher, array.as_string_view().iter()),
        DataType::Binary => hash_bytes(hasher, array.as_binary::<i32>().iter()),
        DataType::LargeBinary => hash_bytes(hasher, array.as_binary::<i64>().iter()),
        DataType::BinaryView => hash_bytes(hasher, array.as_binary_view().iter()),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            return hash_lists(hasher, array);
        }
        _ => return None,
    }
    Some(())
}

/// A column without nulls and one that merely might have had some hash alike.
fn hash_nulls(hasher: &mut blake3::Hasher, n_rows: usize, nulls: Option<&NullBuffer>) {
    let Some(nulls) = nulls.filter(|n| n.null_count() > 0) else {
        hasher.update(&[0]);
        return;
    };
    hasher.update(&[1]);
    let mut packed = vec![0u8; n_rows.div_ceil(8)];
    for row in (0..n_rows).filter(|&row| nulls.is_valid(row)) {
        packed[row / 8] |= 1 << (row % 8);
    }
    hasher.update(&packed);
}

fn hash_bools(hasher: &mut blake3::Hasher, array: &BooleanArray) {
    let bytes: Vec<u8> = array.iter().map(|v| u8::from(v.unwrap_or(false))).collect();
    hasher.update(&bytes);
}

fn hash_primitive<T: ArrowPrimitiveType>(
    hasher: &mut blake3::Hasher,
    array: &ArrayRef,
    bytes: impl Fn(T::Native) -> <T::Native as Bytes>::Of,
) where
    T::Native: Bytes,
{
    let array = array.as_primitive::<T>();
    let mut buffer = Vec::with_capacity(array.len() * size_of::<T::Native>());
    for row in 0..array.len() {
        let value = if array.is_valid(row) { array.value(row) } else { T::Native::default() };
        buffer.extend_from_slice(bytes(value).as_ref());
    }
    hasher.update(&buffer);
}

/// The little-endian bytes of a number.
trait Bytes {
    type Of: AsRef<[u8]>;
}

macro_rules! bytes_of {
    ($($native:ty: $n:literal),*) => { $(impl Bytes for $native { type Of = [u8; $n]; })* };
}
bytes_of!(i8: 1, i16: 2, i32: 4, i64: 8, u8: 1, u16: 2, u32: 4, u64: 8, f32: 4, f64: 8);

fn hash_text<'a>(hasher: &mut blake3::Hasher, values: impl Iterator<Item = Option<&'a str>>) {
    let mut buffer = Vec::new();
    for value in values {
        let value = value.unwrap_or_default();
        buffer.extend_from_slice(&(value.len() as u64).to_le_bytes());
        buffer.extend_from_slice(value.as_bytes());
    }
    hasher.update(&buffer);
}

/// As text is hashed: the type's name tells them apart.
fn hash_bytes<'a>(hasher: &mut blake3::Hasher, values: impl Iterator<Item = Option<&'a [u8]>>) {
    for value in values {
        let value = value.unwrap_or_default();
        hasher.update(&(value.len() as u64).to_le_bytes());
        hasher.update(value);
    }
}

/// Lengths first, then all values as one flat column without those under null rows.
fn hash_lists(hasher: &mut blake3::Hasher, array: &ArrayRef) -> Option<()> {
    let rows: Vec<Option<ArrayRef>> = match array.data_type() {
        DataType::List(_) => list_rows(array.as_any().downcast_ref::<ListArray>()?.iter()),
        DataType::LargeList(_) => {
            list_rows(array.as_any().downcast_ref::<LargeListArray>()?.iter())
        }
        _ => list_rows(array.as_any().downcast_ref::<FixedSizeListArray>()?.iter()),
    };
    for row in &rows {
        let length = row.as_ref().map_or(0, |values| values.len() as u64);
        hasher.update(&length.to_le_bytes());
    }
    for values in rows.iter().flatten() {
        hash_values(hasher, values)?;
    }
    Some(())
}

fn list_rows(rows: impl Iterator<Item = Option<ArrayRef>>) -> Vec<Option<ArrayRef>> {
    rows.collect()
}

/// Brings a column to the form in which the engine stores it: one encoding a logical type, and
/// one zero and one NaN, as its digest has it; equal digests then mean equal bytes for a stage.
pub fn canonical_encoding(array: &ArrayRef) -> Option<ArrayRef> {
    let stored = Type::of(array.data_type())?.arrow();
    let array =
        if *array.data_type() == stored { array.clone() } else { cast(array, &stored).ok()? };
    Some(canonical_floats(&array))
}

fn canonical_floats(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float32 => Arc::new(
            array
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v + 0.0 }),
        ),
        DataType::Float64 => Arc::new(
            array
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v + 0.0 }),
        ),
        DataType::List(item) => {
            let lists = array.as_list::<i32>();
            Arc::new(ListArray::new(
                item.clone(),
                lists.offsets().clone(),
                canonical_floats(lists.values()),
                lists.nulls().cloned(),
            ))
        }
        _ => array.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, LargeStringArray, StringArray, StringViewArray};
    use arrow::datatypes::Float32Type;

    use super::*;

    fn digest(array: impl Array + 'static) -> Digest {
        column_digest(&(Arc::new(array) as ArrayRef)).expect("hashable")
    }

    #[test]
    fn the_format_is_pinned() {
        let table = [
            digest(Int64Array::from(vec![Some(1), None, Some(-7)])),
            digest(Float64Array::from(vec![0.5, -0.0, f64::NAN])),
            digest(StringArray::from(vec![Some("ab"), None, Some("")])),
            digest(ListArray::from_iter_primitive::<Float32Type, _, _>([
                Some(vec![Some(1.0), None]),
                None,
                Some(vec![]),
            ])),
        ];
        let text: Vec<String> = table.iter().map(Digest::short).collect();
        assert_eq!(text, PINNED, "a new digest format makes every cache stale: bump `column 1`");
    }

    const PINNED: [&str; 4] = ["6bc0ce0674", "c2a1b0d560", "2adfe2ebfb", "40bf106fec"];

    #[test]
    fn encodings_of_one_content_hash_alike() {
        let words = vec![Some("K7"), None, Some("M4")];
        let plain = digest(StringArray::from(words.clone()));
        assert_eq!(plain, digest(LargeStringArray::from(words.clone())));
        assert_eq!(plain, digest(StringViewArray::from(words)));
        let zero = digest(Float64Array::from(vec![0.0, f64::NAN]));
        assert_eq!(zero, digest(Float64Array::from(vec![-0.0, -f64::NAN])));
    }

    #[test]
    fn slices_and_values_under_nulls_do_not_matter() {
        let long: ArrayRef = Arc::new(Int64Array::from(vec![Some(9), Some(1), None, Some(3)]));
        let tail = Int64Array::from(vec![Some(1), None, Some(3)]);
        assert_eq!(column_digest(&long.slice(1, 3)), Some(digest(tail)));
        let hidden = Int64Array::new(vec![1, 77, 3].into(), Some(vec![true, false, true].into()));
        assert_eq!(digest(hidden), digest(Int64Array::from(vec![Some(1), None, Some(3)])));
    }

    #[test]
    fn field_borders_and_types_count() {
        assert_ne!(
            digest(StringArray::from(vec!["ab", "cd"])),
            digest(StringArray::from(vec!["a", "bcd"]))
        );
        assert_ne!(
            digest(Int64Array::from(vec![1])),
            digest(arrow::array::UInt64Array::from(vec![1]))
        );
        assert_ne!(
            digest(Int64Array::from(vec![Some(0)])),
            digest(Int64Array::from(vec![None::<i64>]))
        );
    }
}
