//! What a table says of its rows: the columns that it made or joined, and what it asked of them.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use serde_json::{Map, Value, json};

use super::artifact::Artifact;
use super::cells::in_short;
use super::digest::Digest;
use super::error::{EngineError, Result};
use super::pipeline::{Node, Pipeline};
use super::stage::{Carried, Scope, StageError};
use super::store::Store;
use super::trace::IdTable;
use super::trace_pages::{PageRow, TracePages, trace_pages};

/// The key under which a row keeps what was asked of it.
pub(super) const CHECKS: &str = "#checks";
/// The key under which the parts of a row are kept.
const PART: &str = "#part";

/// A table that is asked for rows by an id column.
pub(super) struct TableRows<'a> {
    store: &'a Store,
    node: &'a Node,
    artifact: &'a Artifact,
    id_column: &'a str,
    /// The columns that are told: what comes unchanged from other tables of the same rows was told there.
    names: Vec<String>,
}

impl<'a> TableRows<'a> {
    /// A table among others of the same rows.
    pub(super) fn new(
        store: &'a Store,
        pipeline: &'a Pipeline,
        (node, _, id_column): &'a IdTable,
        of_rows: &[IdTable],
        artifact: &'a Artifact,
    ) -> Self {
        let is_catalog = pipeline.catalog() == Some(*node);
        let node = &pipeline.nodes[*node];
        let is_told = |port: &str| {
            let bound = node.ports.iter().find(|bound| bound.port.name == port);
            let source = bound.and_then(|bound| bound.source);
            source.is_some_and(|source| of_rows.iter().any(|t| (t.0, t.1) == source))
        };
        // A column that is called otherwise here is told again: a label by its published name.
        let is_news = |c: &&Carried| is_catalog || c.name != c.column || !is_told(&c.port);
        let new = artifact.output.columns.iter().map(|c| &c.meta.name);
        let joined = artifact.output.carried.iter().filter(is_news).map(|c| &c.name);
        let names = new.chain(joined).filter(|name| *name != id_column).cloned().collect();
        TableRows { store, node, artifact, id_column, names }
    }

    /// What the table says of the rows with an id. Pages are made of the parts alone in which they stand.
    pub(super) fn of_id(&self, id: i64) -> Result<Vec<Map<String, Value>>> {
        let mut rows = Vec::new();
        for part in self.parts_of(id)? {
            let pages = trace_pages(self.store, self.signature(part)?, || self.rows(part))?;
            rows.extend(of_id(&pages, id)?);
        }
        Ok(rows)
    }

    /// The parts in which an id stands. Tables whose ids are the same share the answer.
    fn parts_of(&self, id: i64) -> Result<Vec<usize>> {
        if self.artifact.parts().len() < 2 {
            return Ok((0..self.artifact.parts().len()).collect());
        }
        let ids = self.artifact.recipe(self.id_column)?;
        let signature = Digest::of_sequence(&[Digest::of_bytes(PART.as_bytes()), ids]);
        let pages = trace_pages(self.store, signature, || self.places())?;
        let part = |row: Map<String, Value>| row.get(PART)?.as_u64().map(|part| part as usize);
        let mut parts: Vec<usize> = of_id(&pages, id)?.into_iter().filter_map(part).collect();
        parts.dedup();
        Ok(parts)
    }

    fn places(&self) -> Result<Vec<PageRow>> {
        let mut places = Vec::new();
        for part in 0..self.artifact.parts().len() {
            let ids = self.artifact.read_part(self.store, self.id_column, part)?;
            let ids = ids.as_primitive::<Int64Type>().iter().flatten();
            places.extend(ids.map(|id| (id, Map::from_iter([(PART.to_owned(), json!(part))]))));
        }
        Ok(places)
    }

    /// What decides the pages of a part. By records alone: it is known of data that a sweep has taken.
    fn signature(&self, part: usize) -> Result<Digest> {
        let output = format!("{}\n{}\n{part}", self.artifact.output.name, self.id_column);
        let mut words = vec![self.artifact.record.name, Digest::of_bytes(output.as_bytes())];
        words.push(self.artifact.part_recipe(self.id_column, part)?);
        for name in &self.names {
            words.push(Digest::of_bytes(name.as_bytes()));
            words.push(self.artifact.part_recipe(name, part)?);
        }
        Ok(Digest::of_sequence(&words))
    }

    fn rows(&self, part: usize) -> Result<Vec<PageRow>> {
        let ids = self.artifact.read_part(self.store, self.id_column, part)?;
        let ids = ids.as_primitive::<Int64Type>().iter().enumerate();
        let (places, mut rows): (Vec<usize>, Vec<PageRow>) =
            ids.filter_map(|(row, id)| Some((row, (id?, Map::new())))).unzip();
        for name in &self.names {
            let column = self.artifact.read_part(self.store, name, part)?;
            for ((_, told), row) in rows.iter_mut().zip(&places) {
                told.insert(name.clone(), in_short(&column, *row)?);
            }
        }
        let accounts = self.node.work.accounts();
        let output = &self.artifact.output.name;
        if self.node.work.has_checks()
            && let Some(accounts) = accounts.filter(|a| [&a.kept, &a.rejects].contains(&output))
        {
            self.add_checks(&accounts.port, part, &mut rows)?;
        }
        Ok(rows)
    }

    /// Asks the stage what it asked of each row of its driving port.
    fn add_checks(&self, port: &str, part: usize, rows: &mut [PageRow]) -> Result<()> {
        let Some((input, scope)) = self.artifact.inputs.get(port) else { return Ok(()) };
        let needs = self.node.ports.iter().find(|p| p.port.name == port).into_iter();
        let mut columns: Vec<String> =
            needs.flat_map(|p| &p.port.needs).map(|need| need.column.clone()).collect();
        columns.sort();
        columns.dedup();
        let part = (*scope == Scope::Driving).then_some(part);
        let table = input.read_table(self.store, &columns, part)?;
        let stage = |why: StageError| EngineError::Stage {
            node: self.node.name.clone(),
            what: why.to_string(),
        };
        let checks = self.node.work.checks(&table).map_err(stage)?;
        let ids = match part {
            Some(part) => input.read_part(self.store, self.id_column, part)?,
            None => input.read(self.store, self.id_column)?,
        };
        let mut by_id = BTreeMap::new();
        for (row, id) in ids.as_primitive::<Int64Type>().iter().enumerate() {
            if let Some(id) = id {
                by_id.entry(id).or_insert(row);
            }
        }
        for (id, told) in rows {
            if let Some(checks) = by_id.get(id).and_then(|row| checks.get(*row)) {
                told.insert(CHECKS.into(), json!(checks));
            }
        }
        Ok(())
    }
}

fn of_id(pages: &TracePages, id: i64) -> Result<Vec<Map<String, Value>>> {
    let page = pages.page(id)?;
    Ok(page.into_iter().filter(|(of, _)| *of == id).map(|(_, row)| row).collect())
}
