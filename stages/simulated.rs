//! What the stages of the simulated survey share: which survey, its objects, its tables as columns and as files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    LargeBinaryArray, RecordBatch, StringArray,
};
use arrow::datatypes::{Field, Schema};
use flate2::Compression;

use super::columns::{ids, text_array, texts};
use crate::engine::source::{FILE_BYTES, FILE_NAME};
use crate::engine::stage::{Job, Need, NewColumn, Output, Port, Product, StageError};
use crate::engine::types::{ColumnMeta, F32, F64, I32, I64, Type};
use crate::formats::csv::write_csv;
use crate::simulation::fits_image::gzip_at;
use crate::simulation::size::Size;
use crate::simulation::survey::{PAIR_BASE, Survey};
use crate::simulation::table::{Column, Table, Values};
use crate::simulation::variant::Variant;

/// Port and output of the numbers of the objects.
pub const OBJECTS: &str = "objects";
/// Port and output of what the survey is: one row of seed, size and variant.
pub const SURVEY: &str = "survey";
/// Column of an object's number.
pub const OBJECT_ID: &str = "object_id";

/// Ports of a stage that makes something of the objects: a part at a time, or all at once.
pub fn ports(by_part: bool) -> Vec<Port> {
    let id = vec![Need::of(OBJECT_ID, I64)];
    let objects = if by_part { Port::driving(OBJECTS, id) } else { Port::whole(OBJECTS, id) };
    vec![objects, survey_port()]
}

/// The port that says which survey: it follows the objects.
pub fn survey_port() -> Port {
    let facts = ["seed", "size", "variant"].map(Need::any);
    Port::whole(SURVEY, facts.to_vec()).beside(OBJECTS, SURVEY)
}

/// The survey at the port `survey`.
pub fn survey(job: &Job) -> Result<Survey, StageError> {
    let seed = ids(job, SURVEY, "seed")?;
    let (sizes, variants) = (texts(job, SURVEY, "size")?, texts(job, SURVEY, "variant")?);
    let first = |texts: Vec<Option<String>>| texts.into_iter().flatten().next().unwrap_or_default();
    let (size, variant) = (first(sizes), first(variants));
    let unknown =
        || StageError::new(format!("there is no survey of size `{size}` and variant `{variant}`"));
    let seed = seed.first().copied().ok_or_else(unknown)?;
    let size = Size::named(&size).ok_or_else(unknown)?;
    let mut survey =
        Survey::of_variant(seed as u64, size, variant_named(&variant).ok_or_else(unknown)?);
    // How many objects there are is said by the table of objects, and must not decide what one of them is like.
    survey.extent.n_field = PAIR_BASE;
    Ok(survey)
}

/// The variant of that name.
pub fn variant_named(name: &str) -> Option<Variant> {
    match name {
        "standard" => Some(Variant::Standard),
        "blind" => Some(Variant::Blind),
        _ => None,
    }
}

/// Numbers of the objects at the port `objects`.
pub fn object_ids(job: &Job) -> Result<Vec<u64>, StageError> {
    Ok(ids(job, OBJECTS, OBJECT_ID)?.into_iter().map(|id| id as u64).collect())
}

/// Columns of a simulated table; names, types and meanings are those of any of its parts.
pub fn columns(table: &Table) -> Vec<NewColumn> {
    table.columns.iter().map(|column| NewColumn::new(meta(column))).collect()
}

fn meta(column: &Column) -> ColumnMeta {
    let kind = match column.values {
        Values::F64(_) => F64,
        Values::F32(_) => F32,
        Values::I64(_) => I64,
        Values::I32(_) => I32,
        Values::I16(_) => Type::Int(16),
        Values::Bool(_) => Type::Bool,
        Values::Text(..) => Type::Text,
    };
    ColumnMeta::new(column.name, kind).unit(column.unit).about(column.description)
}

/// Values of a simulated table: NaN and empty text are missing.
pub fn arrays(table: Table) -> Vec<ArrayRef> {
    table.columns.into_iter().map(|column| array(column.values)).collect()
}

fn array(values: Values) -> ArrayRef {
    match values {
        Values::F64(v) => {
            Arc::new(v.into_iter().map(|x| (!x.is_nan()).then_some(x)).collect::<Float64Array>())
        }
        Values::F32(v) => {
            Arc::new(v.into_iter().map(|x| (!x.is_nan()).then_some(x)).collect::<Float32Array>())
        }
        Values::I64(v) => Arc::new(Int64Array::from(v)),
        Values::I32(v) => Arc::new(Int32Array::from(v)),
        Values::I16(v) => Arc::new(Int16Array::from(v)),
        Values::Bool(v) => Arc::new(BooleanArray::from(v)),
        Values::Text(v, _) => Arc::new(
            v.into_iter().map(|text| (!text.is_empty()).then_some(text)).collect::<StringArray>(),
        ),
    }
}

/// A simulated table as a record batch whose fields say unit and description.
pub fn batch(table: Table) -> Result<RecordBatch, StageError> {
    let fields: Vec<Field> = table.columns.iter().map(|column| meta(column).field()).collect();
    let schema = Schema::new_with_metadata(fields, HashMap::new());
    Ok(RecordBatch::try_new(Arc::new(schema), arrays(table))?)
}

/// A table as comma-separated text, packed.
pub fn csv_gz(table: &RecordBatch) -> Result<Vec<u8>, StageError> {
    let mut csv = Vec::new();
    write_csv(table, &mut csv)?;
    gzip(&csv)
}

/// Packs text: tighter than spectra, which are mostly noise.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>, StageError> {
    Ok(gzip_at(Compression::new(6), bytes)?)
}

/// A file's name and bytes.
pub type NamedFile = (String, Vec<u8>);

/// An output of files, for a dataset slot to be bound to.
pub fn files_output(name: &str) -> Output {
    let columns = vec![
        NewColumn::new(ColumnMeta::new(FILE_NAME, Type::Text).about("name of the file")),
        NewColumn::new(ColumnMeta::new(FILE_BYTES, Type::Bytes).about("its bytes")),
    ];
    Output::table(name, columns)
}

/// The files themselves.
pub fn files_product(output: &str, files: &[NamedFile]) -> Product {
    let bytes = files.iter().map(|(_, bytes)| Some(bytes)).collect::<LargeBinaryArray>();
    let names = text_array(files.iter().map(|(name, _)| Some(name)));
    Product::new(output, vec![names, Arc::new(bytes)])
}

/// Objects that are measured at a time.
const OBJECTS_AT_A_TIME: usize = 256;

/// A table of all the objects, made in parallel, in their order.
pub fn table_of(
    survey: &Survey,
    ids: &[u64],
    make: impl Fn(&crate::simulation::archives::Shard) -> Table + Sync,
) -> Result<Table, StageError> {
    use rayon::prelude::*;
    let part = |ids: &[u64]| make(&crate::simulation::archives::Shard::new(survey, ids));
    if ids.is_empty() {
        return Ok(part(ids));
    }
    let parts: Vec<Table> = ids.par_chunks(OBJECTS_AT_A_TIME).map(part).collect();
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or_else(|| StageError::new("there are no objects"))?;
    for part in parts {
        whole.append(part)?;
    }
    Ok(whole)
}
