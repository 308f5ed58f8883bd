//! A binary table as a record batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float64Array, PrimitiveArray, StringArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Schema as ArrowSchema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use fits_well::io::{Hdu, HduKind, SliceReader};
use fits_well::table::{CharacterField, Column, ColumnData, ElementKind, Schema, SelectedData};
use fits_well::{FitsError, FitsReader, Result as FitsResult};

use super::FitsTableError;
use super::rows::Rows;
use crate::formats::columns::listed;
use crate::formats::gzip::{TABLE_LIMIT_BYTES, unpacked};
use crate::formats::meaning::with_meaning;

/// Reads a binary table from the bytes of a FITS file (or its gzip).
///
/// `hdu`: EXTNAME of the table, or the first binary table when `None`. `columns`: the
/// columns to read, in this order (matched exactly, else without regard to case, as FITS
/// has it; fields are named as asked), or every one that can be read when `None`.
///
/// Integers keep their width, unsigned ones by the `TZEROn` convention; other scaled
/// columns become `Float64`. `TNULLn` becomes null; NaN stays NaN. Text is trimmed, and
/// null where it begins with NUL. A vector column becomes a `FixedSizeList`, flattened if
/// it has `TDIMn`. Errors name the HDU and column.
pub fn read_table(
    bytes: &[u8],
    hdu: Option<&str>,
    columns: Option<&[&str]>,
) -> Result<RecordBatch, FitsTableError> {
    let plain = unpacked(bytes, TABLE_LIMIT_BYTES)?;
    let length_bytes = plain.len();
    let mut fits = FitsReader::from_bytes(&plain)
        .map_err(|source| FitsTableError::Structure { length_bytes, source })?;
    let index = find_table(&fits, hdu)?;
    let declared_bytes = fits.hdus()[index].data_bytes;
    let failed = |source| FitsTableError::Data { hdu: index, declared_bytes, length_bytes, source };
    let schema = fits.hdus()[index].table_schema().map_err(failed)?;
    let wanted = columns.map_or_else(
        || Ok(readable_columns(schema)),
        |names| named_columns(schema, index, names),
    )?;
    let positions: Vec<usize> = wanted.iter().map(|column| column.position).collect();
    let schema = schema.clone();
    let data = match Rows::find(&plain, fits.hdus(), index, &schema)
        .and_then(|rows| rows.columns(&schema, &positions))
    {
        Some(data) => data,
        None => selected(&mut fits, index, &wanted, failed)?,
    };
    let header = &fits.hdus()[index];
    let mut fields = Vec::with_capacity(wanted.len());
    let mut arrays = Vec::with_capacity(wanted.len());
    for (column, data) in wanted.iter().zip(data) {
        let descriptor = &schema.columns[column.position];
        let array = column_array(descriptor, data).map_err(failed)?;
        let array = array.ok_or_else(|| unread(&column.name, index, descriptor))?;
        fields.push(field(header, column, &array));
        arrays.push(array);
    }
    let schema = ArrowSchema::new(fields);
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

/// The columns by way of the FITS reader: for what does not lie plainly in the file.
fn selected(
    fits: &mut SliceReader<'_>,
    index: usize,
    wanted: &[Wanted],
    failed: impl Fn(FitsError) -> FitsTableError,
) -> Result<Vec<ColumnData>, FitsTableError> {
    let positions = wanted.iter().map(|column| column.position);
    let selection = fits.read_table_columns(index, .., positions).map_err(failed)?;
    let columns = wanted.iter().zip(selection.columns);
    let data = columns.map(|(column, found)| match found.data {
        SelectedData::Fixed(data) => Ok(data),
        _ => Err(unread(&column.name, index, &found.descriptor)),
    });
    data.collect()
}

fn unread(name: &str, hdu: usize, column: &Column) -> FitsTableError {
    FitsTableError::Unread { column: name.to_owned(), hdu, format: column.tform.to_string() }
}

/// A column to read: its name for the caller and its position in the table, from 0.
struct Wanted {
    name: String,
    position: usize,
}

fn find_table(fits: &SliceReader<'_>, name: Option<&str>) -> Result<usize, FitsTableError> {
    let is_table = |hdu: &&Hdu| matches!(hdu.kind, HduKind::BinTable | HduKind::CompressedTable);
    let has_name = |hdu: &&Hdu| match name {
        None => true,
        Some(name) => extname(hdu).is_some_and(|found| found.eq_ignore_ascii_case(name)),
    };
    let table = fits.hdus().iter().filter(is_table).find(has_name);
    table.map(|hdu| hdu.index).ok_or_else(|| {
        let found = fits.hdus().iter().map(|hdu| {
            let name = extname(hdu).unwrap_or("unnamed");
            format!("{} {:?} `{name}`", hdu.index, hdu.kind)
        });
        let mut found = found.collect::<Vec<_>>().join(", ");
        if let Some(defect) = fits.scan_defect() {
            found.push_str(&format!(", then a defective one ({defect})"));
        }
        let wanted = name.map(|name| format!(" `{name}`")).unwrap_or_default();
        FitsTableError::NoTable { wanted, found }
    })
}

fn extname(hdu: &Hdu) -> Option<&str> {
    hdu.extname().ok().flatten().map(str::trim)
}

fn column_name(column: &Column, position: usize) -> String {
    match column.name() {
        Ok(Some(name)) if !name.trim().is_empty() => name.trim().to_owned(),
        _ => format!("col{}", position + 1),
    }
}

fn readable_columns(schema: &Schema) -> Vec<Wanted> {
    let columns = schema.columns.iter().enumerate();
    let readable = columns.filter(|(_, column)| is_readable(column));
    readable
        .map(|(position, column)| Wanted { name: column_name(column, position), position })
        .collect()
}

/// Whether [`column_array`] has a form for the column; one of no width has none.
fn is_readable(column: &Column) -> bool {
    let kind = column.tform.element();
    let other =
        matches!(kind, ElementKind::Bit | ElementKind::ComplexF32 | ElementKind::ComplexF64);
    !other && column.tform.repeat() > 0 && column.tform.descriptor_width().is_none()
}

fn named_columns(
    schema: &Schema,
    hdu: usize,
    names: &[&str],
) -> Result<Vec<Wanted>, FitsTableError> {
    let columns = schema.columns.iter().enumerate();
    let available: Vec<String> = columns.map(|(at, column)| column_name(column, at)).collect();
    let missing = |name: &str| FitsTableError::Missing {
        column: name.to_owned(),
        hdu,
        available: listed(&available),
    };
    let mut wanted = Vec::with_capacity(names.len());
    for &name in names {
        let exact = available.iter().position(|found| found == name);
        let loose = || available.iter().position(|found| found.eq_ignore_ascii_case(name));
        let position = exact.or_else(loose).ok_or_else(|| missing(name))?;
        if !is_readable(&schema.columns[position]) {
            return Err(unread(name, hdu, &schema.columns[position]));
        }
        let name = name.to_owned();
        wanted.push(Wanted { name, position });
    }
    Ok(wanted)
}

fn field(hdu: &Hdu, column: &Wanted, array: &ArrayRef) -> Field {
    let number = column.position + 1;
    let card = |root: &str| {
        let text = hdu.header.get_text(format!("{root}{number}").as_str());
        text.ok().flatten()
    };
    let field = Field::new(column.name.as_str(), array.data_type().clone(), true);
    with_meaning(field, card("TUNIT"), card("TUCD"), card("TCOMM"))
}

/// `None` when the column's type is not read.
fn column_array(column: &Column, data: ColumnData) -> FitsResult<Option<ArrayRef>> {
    let scaling = Scaling { scale: column.tscale()?, zero: column.tzero()?, null: column.tnull()? };
    let repeat = column.tform.repeat();
    let is_text = matches!(data, ColumnData::Character(_));
    let Some(values) = values(data, repeat, scaling) else {
        return Ok(None);
    };
    if repeat == 1 || is_text {
        return Ok(Some(values));
    }
    Ok(vectors(values, repeat))
}

fn vectors(values: ArrayRef, repeat: usize) -> Option<ArrayRef> {
    let width = i32::try_from(repeat).ok()?;
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let lists = FixedSizeListArray::try_new(item, width, values, None).ok()?;
    Some(Arc::new(lists))
}

#[derive(Clone, Copy)]
struct Scaling {
    scale: f64,
    zero: f64,
    null: Option<i64>,
}

impl Scaling {
    /// Whether physical values are stored values plus exactly `offset`.
    fn is_offset(self, offset: f64) -> bool {
        self.scale == 1.0 && self.zero == offset
    }
}

/// All elements in row order; one text a row for character columns.
fn values(data: ColumnData, repeat: usize, scaling: Scaling) -> Option<ArrayRef> {
    Some(match data {
        ColumnData::Logical(values) => Arc::new(BooleanArray::from(values)),
        ColumnData::Character(bytes) => Arc::new(texts(&bytes, repeat)?),
        ColumnData::F32(values) if scaling.is_offset(0.0) => {
            Arc::new(PrimitiveArray::<Float32Type>::from(values))
        }
        ColumnData::F64(values) if scaling.is_offset(0.0) => {
            Arc::new(PrimitiveArray::<Float64Type>::from(values))
        }
        ColumnData::F32(values) => scaled_reals(values.iter().map(|&v| f64::from(v)), scaling),
        ColumnData::F64(values) => scaled_reals(values.iter().copied(), scaling),
        ColumnData::U8(values) => bytes(&values, scaling),
        ColumnData::I16(values) => {
            integers::<Int16Type, UInt16Type, _>(&values, scaling, 32_768.0, |v| {
                (v as u16) ^ (1 << 15)
            })
        }
        ColumnData::I32(values) => {
            integers::<Int32Type, UInt32Type, _>(&values, scaling, 2_147_483_648.0, |v| {
                (v as u32) ^ (1 << 31)
            })
        }
        ColumnData::I64(values) => integers::<Int64Type, UInt64Type, _>(
            &values,
            scaling,
            9_223_372_036_854_775_808.0,
            |v| (v as u64) ^ (1 << 63),
        ),
        _ => return None,
    })
}

/// `B`: unsigned as stored, signed by the offset -128.
fn bytes(values: &[u8], scaling: Scaling) -> ArrayRef {
    if scaling.is_offset(0.0) {
        return with_nulls::<UInt8Type, _>(values, scaling, |v| v);
    }
    if scaling.is_offset(-128.0) {
        return with_nulls::<Int8Type, _>(values, scaling, |v| (v ^ 0x80) as i8);
    }
    scaled_integers(values, scaling)
}

/// `I`, `J`, `K`: signed as stored, unsigned by the offset of half their range.
fn integers<S, U, N>(
    values: &[N],
    scaling: Scaling,
    half_range: f64,
    unsigned: fn(N) -> U::Native,
) -> ArrayRef
where
    S: ArrowPrimitiveType<Native = N>,
    U: ArrowPrimitiveType,
    N: Copy + TryInto<i64>,
{
    if scaling.is_offset(0.0) {
        return with_nulls::<S, N>(values, scaling, |v| v);
    }
    if scaling.is_offset(half_range) {
        return with_nulls::<U, N>(values, scaling, unsigned);
    }
    scaled_integers(values, scaling)
}

fn with_nulls<T, N>(values: &[N], scaling: Scaling, physical: fn(N) -> T::Native) -> ArrayRef
where
    T: ArrowPrimitiveType,
    N: Copy + TryInto<i64>,
{
    let stored = values.iter().map(|&value| {
        let is_null = scaling.null.is_some() && value.try_into().ok() == scaling.null;
        (!is_null).then(|| physical(value))
    });
    Arc::new(PrimitiveArray::<T>::from_iter(stored))
}

fn scaled_integers<N: Copy + TryInto<i64>>(values: &[N], scaling: Scaling) -> ArrayRef {
    let physical = values.iter().map(|&value| {
        let stored = value.try_into().ok().filter(|&stored| scaling.null != Some(stored))?;
        Some(scaling.zero + scaling.scale * stored as f64)
    });
    Arc::new(physical.collect::<Float64Array>())
}

fn scaled_reals(values: impl Iterator<Item = f64>, scaling: Scaling) -> ArrayRef {
    let physical = values.map(|value| scaling.zero + scaling.scale * value);
    Arc::new(Float64Array::from_iter_values(physical))
}

/// `None` when the text would pass the 2 GiB that a string column holds.
fn texts(bytes: &[u8], width: usize) -> Option<StringArray> {
    if i32::try_from(bytes.len()).is_err() {
        return None;
    }
    let rows = bytes.chunks_exact(width).map(|row| {
        let field = CharacterField::new(row);
        (!field.is_null()).then(|| decoded(field.members()))
    });
    Some(rows.collect())
}

/// FITS text is ASCII; bytes beyond it are taken as UTF-8, else as Latin-1.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().trim().to_owned(),
    }
}
