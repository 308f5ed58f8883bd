//! A record batch as a FITS binary table.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    UInt8Type,
};
use arrow::record_batch::RecordBatch;
use fits_well::FitsWriter;
use fits_well::header::{Header, Value};
use fits_well::table::{Builder, ColumnData, WriteColumn};

use super::FitsTableError;
use crate::formats::meaning::{DESCRIPTION, UCD, UNIT, entry};

/// Returns a FITS file whose first extension, named `extname`, is the table.
///
/// Fields' units, UCDs and descriptions become `TUNITn`, `TUCDn`, `TCOMMn`. A null is NaN
/// in columns of reals, `TNULLn` (the lowest value that does not occur) in integers, a
/// leading NUL in text, and 0 in logicals. `Int8`, `UInt16`, `UInt32` and `UInt64` are
/// written with the next wider signed type. Text has the width of the longest value.
/// Errors on types without a FITS form, text that is not ASCII, and integers beyond i64.
pub fn write_table(batch: &RecordBatch, extname: &str) -> Result<Vec<u8>, FitsTableError> {
    write_table_with(batch, extname, &[])
}

/// The same with more cards in the table's header: keyword (at most eight capitals) and text.
pub fn write_table_with(
    batch: &RecordBatch,
    extname: &str,
    cards: &[(&str, &str)],
) -> Result<Vec<u8>, FitsTableError> {
    let mut table = Builder::with_rows(batch.num_rows());
    let mut header = Header::new();
    set(&mut header, "EXTNAME", extname)?;
    for (keyword, text) in cards {
        set(&mut header, keyword, text)?;
    }
    let schema = batch.schema();
    for (index, (field, array)) in schema.fields().iter().zip(batch.columns()).enumerate() {
        let column = column(field, array).map_err(|problem| FitsTableError::Unwritable {
            column: field.name().clone(),
            problem,
        })?;
        table.push(column).map_err(FitsTableError::Write)?;
        for (root, key) in [("TUCD", UCD), ("TCOMM", DESCRIPTION)] {
            if let Some(text) = entry(field, key) {
                set(&mut header, &format!("{root}{}", index + 1), text)?;
            }
        }
    }
    let mut writer = FitsWriter::new(Vec::new());
    writer.write_table(&table, Some(&header)).map_err(FitsTableError::Write)?;
    Ok(writer.into_inner())
}

fn set(header: &mut Header, card: &str, text: &str) -> Result<(), FitsTableError> {
    let value = Value::Text(ascii(text));
    header.set(card, value).map(|_| ()).map_err(FitsTableError::Write)
}

/// Cards are ASCII: the signs that descriptions of astronomers use are spelled out.
fn ascii(text: &str) -> String {
    let spelled = text.chars().map(|sign| match sign {
        ' '..='~' => sign.to_string(),
        '°' => "deg".to_owned(),
        'Å' | '\u{212b}' => "Angstrom".to_owned(),
        '±' => "+-".to_owned(),
        '–' | '—' | '−' => "-".to_owned(),
        '\n' | '\t' => " ".to_owned(),
        _ => "?".to_owned(),
    });
    spelled.collect()
}

/// The column, or what stands in its way.
fn column(field: &Field, array: &ArrayRef) -> Result<WriteColumn, String> {
    let name = field.name().as_str();
    let column = match array.data_type() {
        DataType::FixedSizeList(_, width) => vectors(name, array, *width)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text(name, array)?,
        _ => {
            let (data, null) = elements(array)?;
            let column = WriteColumn::scalar(name, data);
            null.into_iter().fold(column, WriteColumn::with_null)
        }
    };
    Ok(match entry(field, UNIT) {
        Some(unit) => column.with_unit(ascii(unit)),
        None => column,
    })
}

fn vectors(name: &str, array: &ArrayRef, width: i32) -> Result<WriteColumn, String> {
    let lists = array.as_fixed_size_list();
    if lists.null_count() > 0 {
        return Err("a FITS vector cannot be null as a whole".to_owned());
    }
    let repeat = usize::try_from(width).map_err(|_| format!("its width is {width}"))?;
    let (data, null) = elements(lists.values())?;
    let column = WriteColumn::fixed(name, data, repeat);
    Ok(null.into_iter().fold(column, WriteColumn::with_null))
}

/// The stored values, and the value that stands for null if there is one.
fn elements(array: &ArrayRef) -> Result<(ColumnData, Option<i64>), String> {
    Ok(match array.data_type() {
        DataType::Boolean => (ColumnData::Logical(array.as_boolean().iter().collect()), None),
        DataType::Float32 => (ColumnData::F32(reals::<Float32Type>(array, f32::NAN)), None),
        DataType::Float64 => (ColumnData::F64(reals::<Float64Type>(array, f64::NAN)), None),
        DataType::UInt8 => {
            let (values, null) = integers::<UInt8Type>(array, u8::MIN..=u8::MAX)?;
            (ColumnData::U8(values), null)
        }
        DataType::Int16 => {
            let (values, null) = integers::<Int16Type>(array, i16::MIN..=i16::MAX)?;
            (ColumnData::I16(values), null)
        }
        DataType::Int32 => {
            let (values, null) = integers::<Int32Type>(array, i32::MIN..=i32::MAX)?;
            (ColumnData::I32(values), null)
        }
        DataType::Int64 => {
            let (values, null) = integers::<Int64Type>(array, i64::MIN..=i64::MAX)?;
            (ColumnData::I64(values), null)
        }
        DataType::Int8 => return elements(&widened(array, &DataType::Int16)?),
        DataType::UInt16 => return elements(&widened(array, &DataType::Int32)?),
        DataType::UInt32 | DataType::UInt64 => {
            return elements(&widened(array, &DataType::Int64)?);
        }
        kind => return Err(format!("type {kind} has no form in a binary table")),
    })
}

fn widened(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, String> {
    let wide = cast(array, kind).map_err(|error| error.to_string())?;
    if wide.null_count() == array.null_count() {
        return Ok(wide);
    }
    Err(format!("values of type {} do not fit {kind}", array.data_type()))
}

fn reals<T: ArrowPrimitiveType>(array: &ArrayRef, missing: T::Native) -> Vec<T::Native> {
    let values = array.as_primitive::<T>();
    values.iter().map(|value| value.unwrap_or(missing)).collect()
}

/// Integers with the first of `candidates` that does not occur in the place of nulls.
fn integers<T>(
    array: &ArrayRef,
    mut candidates: impl Iterator<Item = T::Native>,
) -> Result<(Vec<T::Native>, Option<i64>), String>
where
    T: ArrowPrimitiveType,
    T::Native: Ord + Into<i64>,
{
    let values = array.as_primitive::<T>();
    if values.null_count() == 0 {
        return Ok((values.iter().flatten().collect(), None));
    }
    let taken: BTreeSet<T::Native> = values.iter().flatten().collect();
    let free = candidates.find(|candidate| !taken.contains(candidate));
    let null = free.ok_or("every value of the type occurs, so none is left for null")?;
    let stored = values.iter().map(|value| value.unwrap_or(null));
    Ok((stored.collect(), Some(null.into())))
}

fn text(name: &str, array: &ArrayRef) -> Result<WriteColumn, String> {
    let array = cast(array, &DataType::LargeUtf8).map_err(|error| error.to_string())?;
    let values = array.as_string::<i64>();
    for (row, value) in values.iter().enumerate() {
        if let Some(value) =
            value.filter(|value| !value.bytes().all(|b| (b' '..=b'~').contains(&b)))
        {
            return Err(format!("row {row} has text that is not plain ASCII: {value:?}"));
        }
    }
    let width = values.iter().flatten().map(str::len).max().unwrap_or(0).max(1);
    let null = vec![0; width];
    let fields = values.iter().map(|value| value.map_or(null.as_slice(), str::as_bytes));
    WriteColumn::characters(name, fields, width).map_err(|error| error.to_string())
}
