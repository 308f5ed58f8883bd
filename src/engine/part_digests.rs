//! Digests of columns, a part each: what is remembered of a table's, and what the keys of its readers say.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::digest::Digest;
use super::error::Result;
use super::key::{KeyColumn, KeyPort};
use super::types::ColumnMeta;

/// A digest for each part of a column.
pub type PartDigests = Arc<[Digest]>;

/// Digests of columns that were asked for; clones share it. What decides them does not change while a table exists.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<HashMap<String, PartDigests>>>);

impl Known {
    /// What is known, or what `make` tells.
    pub(super) fn get_or(
        &self,
        column: &str,
        make: impl FnOnce() -> Result<Vec<Digest>>,
    ) -> Result<PartDigests> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digests) = known().get(column) {
            return Ok(digests.clone());
        }
        // Not locked meanwhile: what it takes may be long.
        let digests: PartDigests = make()?.into();
        known().insert(column.to_owned(), digests.clone());
        Ok(digests)
    }
}

/// Digests of the parts of the columns that a node reads from one port.
pub struct ReadDigests {
    rows: Vec<u64>,
    columns: BTreeMap<String, (ColumnMeta, PartDigests)>,
    layout: Option<Digest>,
}

impl ReadDigests {
    /// Of a table whose parts have so many rows.
    pub(super) fn new(
        rows: Vec<u64>,
        columns: BTreeMap<String, (ColumnMeta, PartDigests)>,
    ) -> Self {
        ReadDigests { rows, columns, layout: None }
    }

    /// The same for a reader that writes down what the columns mean.
    pub fn with_layout(self, layout: Option<Digest>) -> Self {
        ReadDigests { layout, ..self }
    }

    /// What the key of a reader of the whole table says.
    pub fn whole(&self) -> KeyPort {
        self.key_port(self.rows.clone(), |digests| Digest::of_sequence(digests))
    }

    /// What the key of a reader of one part says.
    pub fn part(&self, part: usize) -> KeyPort {
        self.key_port(vec![self.rows[part]], |digests| digests[part])
    }

    fn key_port(&self, rows: Vec<u64>, digest: impl Fn(&[Digest]) -> Digest) -> KeyPort {
        let columns = self
            .columns
            .iter()
            .map(|(name, (meta, digests))| {
                let column = KeyColumn {
                    kind: meta.kind.clone(),
                    unit: meta.unit.clone(),
                    scale: meta.scale.clone(),
                    digest: digest(digests),
                };
                (name.clone(), column)
            })
            .collect();
        KeyPort { rows, columns, layout: self.layout }
    }
}
