//! From a job's products to stored parts: checked, cut, hashed, written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Int64Type, UInt32Type};

use super::artifact::{digest_of, selection_column};
use super::digest::{Digest, canonical_encoding};
use super::error::{EngineError, Result};
use super::pipeline::{Node, bucket};
use super::record::{OutputRecord, Part};
use super::stage::{Output, Product, Rows, Split};
use super::store::{Store, parquet_bytes, table};
use super::types::{ColumnMeta, U32};

/// Rows that a job was handed, by port: row numbers are checked against them.
pub type PortRows = BTreeMap<String, u64>;

/// Checks a job's products against the stage's declaration and stores them.
pub fn commit_products(
    store: &Store,
    node: &Node,
    products: Vec<Product>,
    handed: &PortRows,
) -> Result<Vec<OutputRecord>> {
    let mut by_name: BTreeMap<String, Product> = BTreeMap::new();
    for product in products {
        by_name.insert(product.output.clone(), product);
    }
    let mut records = Vec::new();
    let mut pack = Pack::default();
    for output in &node.outputs {
        let product = by_name
            .remove(&output.name)
            .ok_or_else(|| broken(node, format!("no product for output `{}`", output.name)))?;
        let sound = check(node, output, product, handed)?;
        records.push(store_output(store, node, output, sound, &mut pack)?);
    }
    if let Some(name) = by_name.keys().next() {
        return Err(broken(node, format!("a product for the undeclared output `{name}`")));
    }
    account(node, handed, &records)?;
    pack.place(store, &mut records)?;
    Ok(records)
}

/// Objects are closed when they have grown to this.
const PACK_BYTES: usize = 32 << 20;

/// The Parquet files of a job's parts, laid one after the other into few objects: what costs time
/// is a file, not its length.
#[derive(Default)]
struct Pack {
    /// The object being filled.
    bytes: Vec<u8>,
    /// Objects written, with their size.
    objects: Vec<(Digest, u64)>,
    /// For each part in order, the number of its object and the place in it; `None` for a part
    /// without a file.
    places: Vec<Option<(usize, [u64; 2])>>,
}

impl Pack {
    /// Adds the next part, with its file if it has one.
    fn add(&mut self, store: &Store, file: Option<&[u8]>) -> Result<()> {
        let Some(file) = file else {
            self.places.push(None);
            return Ok(());
        };
        if !self.bytes.is_empty() && self.bytes.len() + file.len() > PACK_BYTES {
            self.close(store)?;
        }
        let at = [self.bytes.len() as u64, file.len() as u64];
        self.places.push(Some((self.objects.len(), at)));
        self.bytes.extend_from_slice(file);
        Ok(())
    }

    fn close(&mut self, store: &Store) -> Result<()> {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            self.objects.push((store.put_object(&bytes)?, bytes.len() as u64));
        }
        Ok(())
    }

    /// Writes what is left and tells each part where its file lies.
    fn place(mut self, store: &Store, records: &mut [OutputRecord]) -> Result<()> {
        self.close(store)?;
        let parts = records.iter_mut().flat_map(|record| &mut record.parts);
        for (part, place) in parts.zip(&self.places) {
            if let Some((object, at)) = place {
                let (digest, bytes) = self.objects[*object];
                (part.object, part.bytes, part.at) = (Some(digest), bytes, *at);
            }
        }
        Ok(())
    }
}

fn broken(node: &Node, what: String) -> EngineError {
    EngineError::Contract { stage: node.stage.name.to_owned(), what }
}

/// A product whose lengths, types and row numbers are right.
struct Sound {
    rows: usize,
    columns: Vec<ArrayRef>,
    /// Row numbers by port; absent where all rows of the port are kept in order.
    selections: BTreeMap<String, UInt32Array>,
    /// Ports whose rows this output's are, whether or not a column of them is carried today.
    ports: BTreeSet<String>,
}

fn check(node: &Node, output: &Output, product: Product, handed: &PortRows) -> Result<Sound> {
    if product.columns.len() != output.columns.len() {
        return Err(broken(
            node,
            format!(
                "output `{}` has {} columns, declared are {}",
                output.name,
                product.columns.len(),
                output.columns.len()
            ),
        ));
    }
    let columns = check_columns(node, output, &product)?;
    let rows = row_count(node, output, &product, &columns, handed)?;
    for (column, declared) in columns.iter().zip(&output.columns) {
        if column.len() != rows {
            return Err(broken(
                node,
                format!(
                    "column `{}` of `{}` has {} rows instead of {rows}",
                    declared.meta.name,
                    output.name,
                    column.len()
                ),
            ));
        }
    }
    let ports = product.rows.keys().cloned().collect();
    let selections = check_selections(node, output, product.rows, rows, handed)?;
    Ok(Sound { rows, columns, selections, ports })
}

fn check_columns(node: &Node, output: &Output, product: &Product) -> Result<Vec<ArrayRef>> {
    product
        .columns
        .iter()
        .zip(&output.columns)
        .map(|(array, declared)| {
            canonical_encoding(array)
                .filter(|array| *array.data_type() == declared.meta.kind.arrow())
                .ok_or_else(|| {
                    let what = format!(
                        "column `{}` of `{}` is {} instead of {}",
                        declared.meta.name,
                        output.name,
                        array.data_type(),
                        declared.meta.kind
                    );
                    broken(node, what)
                })
        })
        .collect()
}

fn row_count(
    node: &Node,
    output: &Output,
    product: &Product,
    columns: &[ArrayRef],
    handed: &PortRows,
) -> Result<usize> {
    match &output.rows {
        Rows::Same(port) => handed.get(port).map(|rows| *rows as usize).ok_or_else(|| {
            broken(node, format!("`{}` follows the unbound port `{port}`", output.name))
        }),
        Rows::Select(port) => {
            product.rows.get(port).map(UInt32Array::len).ok_or_else(|| {
                broken(node, format!("`{}` selects no rows of `{port}`", output.name))
            })
        }
        Rows::New => columns
            .first()
            .map(|c| c.len())
            .or_else(|| product.rows.values().next().map(UInt32Array::len))
            .ok_or_else(|| broken(node, format!("`{}` has no columns", output.name))),
    }
}

fn check_selections(
    node: &Node,
    output: &Output,
    given: BTreeMap<String, UInt32Array>,
    rows: usize,
    handed: &PortRows,
) -> Result<BTreeMap<String, UInt32Array>> {
    let mut sound = BTreeMap::new();
    let mut told = BTreeSet::new();
    for (port, selection) in given {
        told.insert(port.clone());
        let n = handed.get(&port).copied().unwrap_or(0);
        if selection.len() != rows || selection.iter().flatten().any(|row| u64::from(row) >= n) {
            return Err(broken(
                node,
                format!(
                    "`{}` has {} row numbers of `{port}` for {rows} rows, or one beyond its {n}",
                    output.name,
                    selection.len()
                ),
            ));
        }
        if !is_all_rows(&selection, n) {
            sound.insert(port, selection);
        }
    }
    let same = match &output.rows {
        Rows::Same(port) | Rows::Select(port) => Some(port),
        Rows::New => None,
    };
    for carried in &output.carried {
        if Some(&carried.port) != same && !told.contains(&carried.port) {
            return Err(broken(
                node,
                format!(
                    "`{}` carries columns of `{}` without row numbers",
                    output.name, carried.port
                ),
            ));
        }
    }
    Ok(sound)
}

fn is_all_rows(selection: &UInt32Array, rows: u64) -> bool {
    selection.null_count() == 0
        && selection.len() as u64 == rows
        && selection.values().iter().enumerate().all(|(i, row)| *row as usize == i)
}

/// Rows in = kept + rejected, or the stage has lost some (invariant 8).
fn account(node: &Node, handed: &PortRows, records: &[OutputRecord]) -> Result<()> {
    let Some(accounts) = node.work.accounts() else { return Ok(()) };
    let rows = |name: &str| records.iter().find(|r| r.name == name).map_or(0, OutputRecord::rows);
    let given = handed.get(&accounts.port).copied().unwrap_or(0);
    let (kept, rejected) = (rows(&accounts.kept), rows(&accounts.rejects));
    if kept + rejected == given {
        return Ok(());
    }
    Err(broken(
        node,
        format!("{given} rows in, but {kept} kept and {rejected} rejected: rows have vanished"),
    ))
}

fn store_output(
    store: &Store,
    node: &Node,
    output: &Output,
    sound: Sound,
    pack: &mut Pack,
) -> Result<OutputRecord> {
    let parts = match &output.split {
        None => vec![store_part(store, output, &sound, pack)?],
        Some(split) => split_rows(node, output, split, &sound)?
            .into_iter()
            .map(|rows| store_part(store, output, &sound.taken(output, &rows)?, pack))
            .collect::<Result<_>>()?,
    };
    let columns = output.columns.iter().map(|c| c.meta.clone()).collect();
    Ok(OutputRecord { name: output.name.clone(), columns, parts })
}

impl Sound {
    fn taken(&self, output: &Output, rows: &UInt32Array) -> Result<Sound> {
        let gather = |array: &dyn Array| {
            take(array, rows, None).map_err(EngineError::table(output.name.clone()))
        };
        let columns = self.columns.iter().map(|c| gather(c.as_ref())).collect::<Result<_>>()?;
        let mut selections = BTreeMap::new();
        let ports = self.ports.iter().chain(output.carried.iter().map(|c| &c.port));
        for port in ports {
            let selection = match self.selections.get(port) {
                Some(selection) => gather(selection)?.as_primitive::<UInt32Type>().clone(),
                None => rows.clone(),
            };
            selections.insert(port.clone(), selection);
        }
        Ok(Sound { rows: rows.len(), columns, selections, ports: self.ports.clone() })
    }
}

fn split_rows(
    node: &Node,
    output: &Output,
    split: &Split,
    sound: &Sound,
) -> Result<Vec<UInt32Array>> {
    match split {
        Split::Chunks(length) => {
            let length = (*length).max(1) as usize;
            let starts = (0..sound.rows.max(1)).step_by(length);
            Ok(starts
                .map(|start| {
                    UInt32Array::from_iter_values(
                        (start..sound.rows.min(start + length)).map(|row| row as u32),
                    )
                })
                .collect())
        }
        Split::Buckets(n) => {
            let n = &(*n).max(1);
            let ids = id_column(node, output, sound)?;
            let mut order: Vec<(u32, i64, u32)> = ids
                .values()
                .iter()
                .enumerate()
                .map(|(row, id)| (bucket(*id, *n), *id, row as u32))
                .collect();
            order.sort_unstable();
            let of_bucket = |b: u32| order.iter().filter(move |o| o.0 == b).map(|o| o.2);
            Ok((0..*n).map(|b| UInt32Array::from_iter_values(of_bucket(b))).collect())
        }
    }
}

fn id_column(node: &Node, output: &Output, sound: &Sound) -> Result<arrow::array::Int64Array> {
    let index = output
        .row_id
        .as_ref()
        .and_then(|id| output.columns.iter().position(|c| c.meta.name == *id));
    let ids = index.and_then(|i| sound.columns[i].as_primitive_opt::<Int64Type>().cloned());
    let ids = ids.filter(|ids| ids.null_count() == 0);
    ids.ok_or_else(|| {
        let what =
            format!("`{}` is cut into buckets but has no i64 row id free of nulls", output.name);
        broken(node, what)
    })
}

fn store_part(store: &Store, output: &Output, sound: &Sound, pack: &mut Pack) -> Result<Part> {
    let mut stored: Vec<(ColumnMeta, ArrayRef)> = Vec::new();
    let mut digests = Vec::new();
    for (declared, array) in output.columns.iter().zip(&sound.columns) {
        digests.push(digest_of(array, &output.name, &declared.meta.name)?);
        stored.push((declared.meta.clone(), array.clone()));
    }
    let mut selections: BTreeMap<String, Digest> = BTreeMap::new();
    for (port, rows) in &sound.selections {
        let name = selection_column(port);
        let array: ArrayRef = Arc::new(rows.clone());
        selections.insert(port.clone(), digest_of(&array, &output.name, &name)?);
        stored.push((ColumnMeta::new(name, U32), array));
    }
    if sound.rows == 0 || stored.is_empty() {
        pack.add(store, None)?;
    } else {
        pack.add(store, Some(&parquet_bytes(&table(stored, sound.rows)?)?))?;
    }
    let rows = sound.rows as u64;
    Ok(Part { rows, digests, selections, object: None, bytes: 0, at: [0, 0] })
}
