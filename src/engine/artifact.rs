//! Artifacts: tables that exist, read column by column.
//!
//! A relational stage stores row numbers and new columns only; the columns it carries are
//! gathered from its inputs when somebody reads them. So a carried column has the content, and
//! the digest, that the inputs have *now*: gathering is never work that "ran".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::take;
use arrow::datatypes::UInt32Type;
use rayon::prelude::*;

use super::digest::{Digest, column_digest};
use super::error::{EngineError, Result, unless_read_only};
use super::part_digests::{Known, PartDigests, ReadDigests};
use super::record::{OutputRecord, Part, Record};
use super::stage::{Carried, Output, Scope, TableSchema};
use super::store::{Store, table};
use super::types::ColumnMeta;

/// The name under which the row numbers of a port are stored beside the new columns.
pub fn selection_column(port: &str) -> String {
    format!("#rows:{port}")
}

/// The artifacts bound to a node's ports. Shared: a deep graph is many tables, not many copies.
pub type Inputs = Arc<BTreeMap<String, (Artifact, Scope)>>;

/// A table that exists.
#[derive(Clone)]
pub struct Artifact {
    /// `node.output`, for messages.
    pub name: String,
    /// As the stage declared it.
    pub output: Arc<Output>,
    /// Names, types and meanings of all columns.
    pub schema: Arc<TableSchema>,
    /// The record it comes from.
    pub record: Arc<Record>,
    /// Which of the record's outputs it is.
    pub index: usize,
    /// What its carried columns come from, and how much of it a job was handed.
    pub inputs: Inputs,
    /// Content digests that were asked for.
    pub contents: Known,
    /// Recipes that were asked for.
    pub recipes: Known,
}

impl Artifact {
    fn stored(&self) -> &OutputRecord {
        &self.record.outputs[self.index]
    }

    /// The parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.stored().parts
    }

    /// Rows of all parts.
    pub fn rows(&self) -> u64 {
        self.stored().rows()
    }

    /// The meaning of a column.
    pub fn meta(&self, column: &str) -> Result<&ColumnMeta> {
        self.schema.column(column).ok_or_else(|| {
            let names = self.schema.columns.iter().map(|c| c.name.as_str());
            EngineError::unknown("column", &format!("{}.{column}", self.name), names)
        })
    }

    fn stored_index(&self, column: &str) -> Option<usize> {
        self.stored().columns.iter().position(|c| c.name == column)
    }

    fn carried(&self, column: &str) -> Result<&Carried> {
        self.output.carried.iter().find(|c| c.name == column).ok_or_else(|| EngineError::Contract {
            stage: self.record.key.stage.clone(),
            what: format!("column `{column}` of `{}` is neither stored nor carried", self.name),
        })
    }

    fn input(&self, port: &str) -> Result<&(Artifact, Scope)> {
        self.inputs.get(port).ok_or_else(|| EngineError::Contract {
            stage: self.record.key.stage.clone(),
            what: format!("`{}` carries columns of the unbound port `{port}`", self.name),
        })
    }

    /// Reads a column of one part.
    pub fn read_part(&self, store: &Store, column: &str, part: usize) -> Result<ArrayRef> {
        let kind = self.meta(column)?.kind.arrow();
        let entry = &self.parts()[part];
        if let Some(index) = self.stored_index(column) {
            return match entry.object {
                Some(object) => store.read_column(object, entry.at, column, entry.digests[index]),
                None => Ok(new_null_array(&kind, entry.rows as usize)),
            };
        }
        let carried = self.carried(column)?;
        let (input, scope) = self.input(&carried.port)?;
        let source = match scope {
            Scope::Driving => input.read_part(store, &carried.column, part)?,
            // Each of many parts takes its rows from the same column.
            Scope::Whole if self.parts().len() > 1 && input.rows() > 0 => {
                let content = input.column_digest(store, &carried.column)?;
                store.whole_column(content, || input.read(store, &carried.column))?
            }
            Scope::Whole => input.read(store, &carried.column)?,
        };
        self.gather(store, &carried.port, part, source)
    }

    fn gather(&self, store: &Store, port: &str, part: usize, source: ArrayRef) -> Result<ArrayRef> {
        let entry = &self.parts()[part];
        let Some(content) = entry.selections.get(port) else {
            return Ok(source);
        };
        let Some(object) = entry.object else {
            return Ok(source.slice(0, 0));
        };
        let rows = store.read_column(object, entry.at, &selection_column(port), *content)?;
        take(&source, rows.as_primitive::<UInt32Type>(), None)
            .map_err(EngineError::table(self.name.clone()))
    }

    /// Reads a column of the whole table.
    pub fn read(&self, store: &Store, column: &str) -> Result<ArrayRef> {
        let parts: Vec<ArrayRef> = (0..self.parts().len())
            .map(|part| self.read_part(store, column, part))
            .collect::<Result<_>>()?;
        match parts.as_slice() {
            [] => Ok(arrow::array::new_empty_array(&self.meta(column)?.kind.arrow())),
            [only] => Ok(only.clone()),
            _ => {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                arrow::compute::concat(&parts).map_err(EngineError::table(self.name.clone()))
            }
        }
    }

    /// Reads columns as a table: of one part, or of all.
    pub fn read_table(
        &self,
        store: &Store,
        columns: &[String],
        part: Option<usize>,
    ) -> Result<RecordBatch> {
        let read = columns
            .iter()
            .map(|name| {
                let array = match part {
                    Some(part) => self.read_part(store, name, part)?,
                    None => self.read(store, name)?,
                };
                Ok((self.meta(name)?.clone(), array))
            })
            .collect::<Result<_>>()?;
        let rows = part.map_or(self.rows(), |part| self.parts()[part].rows);
        table(read, rows as usize)
    }

    /// The content digests of a column's parts.
    pub fn part_digests(&self, store: &Store, column: &str) -> Result<PartDigests> {
        self.meta(column)?;
        self.contents.get_or(column, || self.digests_of_parts(store, column))
    }

    fn digests_of_parts(&self, store: &Store, column: &str) -> Result<Vec<Digest>> {
        if let Some(index) = self.stored_index(column) {
            return Ok(self.parts().iter().map(|part| part.digests[index]).collect());
        }
        let carried = self.carried(column)?.clone();
        let sources = self.source_digests(store, &carried)?;
        let all_rows = Digest::of_bytes(b"all rows");
        let pairs: Vec<Option<Digest>> = (0..self.parts().len())
            .map(|part| {
                if self.is_input_part(&carried.port, part) {
                    return None;
                }
                let rows = self.parts()[part].selections.get(&carried.port);
                Some(Digest::of_sequence([rows.unwrap_or(&all_rows), &sources[part]]))
            })
            .collect();
        if pairs.iter().all(Option::is_none) {
            return Ok(sources);
        }
        let whole: Vec<Digest> = pairs.iter().zip(&sources).map(|(p, s)| p.unwrap_or(*s)).collect();
        let signature = Digest::of_sequence(&whole);
        let memo = self.record.name;
        if let Some(known) = store.gathered(memo, self.index, column, signature)
            && known.len() == whole.len()
        {
            return Ok(known);
        }
        let digests = (0..whole.len())
            .into_par_iter()
            .map(|part| self.gathered_digest(store, column, part, pairs[part], sources[part]))
            .collect::<Result<Vec<_>>>()?;
        store.remember_gathered(memo, self.index, column, signature, &digests);
        Ok(digests)
    }

    /// The digest of what each part's carried column is gathered from.
    fn source_digests(&self, store: &Store, carried: &Carried) -> Result<Vec<Digest>> {
        let (input, scope) = self.input(&carried.port)?;
        let parts = input.part_digests(store, &carried.column)?;
        Ok(match (scope, &*parts) {
            (Scope::Driving, parts) => parts.to_vec(),
            // A table of one part, handed over whole, has that part's content.
            (Scope::Whole, [only]) => vec![*only; self.parts().len()],
            (Scope::Whole, parts) => vec![Digest::of_sequence(parts); self.parts().len()],
        })
    }

    /// Whether all rows of a port stand in this output's part as one stretch that the input has
    /// as a part too: then the content is that part's.
    fn is_input_part(&self, port: &str, part: usize) -> bool {
        !self.parts()[part].selections.contains_key(port)
            && self
                .inputs
                .get(port)
                .is_some_and(|(input, scope)| *scope == Scope::Driving || input.parts().len() == 1)
    }

    fn gathered_digest(
        &self,
        store: &Store,
        column: &str,
        part: usize,
        pair: Option<Digest>,
        source: Digest,
    ) -> Result<Digest> {
        let Some(pair) = pair else { return Ok(source) };
        if let Some(known) = store.part_memo(pair) {
            return Ok(known);
        }
        let array = self.read_part(store, column, part)?;
        let digest = digest_of(&array, &self.name, column)?;
        store.put_part_memo(pair, digest).or_else(unless_read_only)?;
        Ok(digest)
    }

    /// The content digest of a whole column: of its ordered part digests.
    pub fn column_digest(&self, store: &Store, column: &str) -> Result<Digest> {
        Ok(Digest::of_sequence(&*self.part_digests(store, column)?))
    }

    /// The part digests of the columns that a reader reads: all that its keys need.
    pub fn read_digests(&self, store: &Store, columns: &[String]) -> Result<ReadDigests> {
        let mut read = BTreeMap::new();
        for name in columns {
            let meta = self.meta(name)?.clone();
            read.insert(name.clone(), (meta, self.part_digests(store, name)?));
        }
        let rows = self.parts().iter().map(|p| p.rows).collect();
        Ok(ReadDigests::new(rows, read))
    }

    /// The digest of names, types and meanings of columns, in this order.
    pub fn layout(&self, columns: &[String]) -> Result<Digest> {
        let metas = columns.iter().map(|name| self.meta(name)).collect::<Result<Vec<_>>>()?;
        Digest::of_json(&metas).map_err(EngineError::table(self.name.clone()))
    }

    /// What decides a column's content in one part, by records alone: another digest than that of the content,
    /// and known without reading, or of data that a sweep has taken.
    pub fn part_recipe(&self, column: &str, part: usize) -> Result<Digest> {
        let entry = &self.parts()[part];
        if let Some(index) = self.stored_index(column) {
            return Ok(entry.digests[index]);
        }
        let carried = self.carried(column)?;
        let (input, scope) = self.input(&carried.port)?;
        let source = match scope {
            Scope::Driving => input.part_recipe(&carried.column, part)?,
            Scope::Whole => input.recipe(&carried.column)?,
        };
        Ok(prepared(entry, &carried.port, source))
    }

    /// What decides a whole column's content, by records alone.
    pub fn recipe(&self, column: &str) -> Result<Digest> {
        Ok(Digest::of_sequence(&*self.part_recipes(column)?))
    }

    /// [`Self::part_recipe`] of all parts.
    fn part_recipes(&self, column: &str) -> Result<PartDigests> {
        self.recipes.get_or(column, || self.recipes_of_parts(column))
    }

    fn recipes_of_parts(&self, column: &str) -> Result<Vec<Digest>> {
        if let Some(index) = self.stored_index(column) {
            return Ok(self.parts().iter().map(|part| part.digests[index]).collect());
        }
        let carried = self.carried(column)?;
        let (input, scope) = self.input(&carried.port)?;
        let sources: Vec<Digest> = match scope {
            Scope::Driving => input.part_recipes(&carried.column)?.to_vec(),
            Scope::Whole => vec![input.recipe(&carried.column)?; self.parts().len()],
        };
        let parts = self.parts().iter().zip(sources);
        Ok(parts.map(|(entry, source)| prepared(entry, &carried.port, source)).collect())
    }

    /// Adds the objects that reading a column takes.
    pub fn objects_of(&self, column: &str, found: &mut BTreeSet<Digest>) -> Result<()> {
        let own = || self.parts().iter().filter_map(|part| part.object);
        if self.stored_index(column).is_some() {
            found.extend(own());
            return Ok(());
        }
        let carried = self.carried(column)?;
        if self.parts().iter().any(|part| part.selections.contains_key(&carried.port)) {
            found.extend(own());
        }
        self.input(&carried.port)?.0.objects_of(&carried.column, found)
    }

    /// Whether every object of the artifact is in the store.
    pub fn is_whole(&self, store: &Store) -> bool {
        self.parts()
            .iter()
            .all(|part| part.object.is_none_or(|object| store.has_object(object, part.bytes)))
    }
}

/// The recipe of a carried column's part: that of what it is gathered from, and the rows.
fn prepared(entry: &Part, port: &str, source: Digest) -> Digest {
    let rows = entry.selections.get(port);
    rows.map_or(source, |rows| Digest::of_sequence([rows, &source]))
}

/// The digest of a column, or an error that names it.
pub fn digest_of(array: &ArrayRef, place: &str, column: &str) -> Result<Digest> {
    column_digest(array).ok_or_else(|| EngineError::Table {
        place: place.to_owned(),
        why: format!("column `{column}` has type {}, which cannot be stored", array.data_type()),
    })
}
