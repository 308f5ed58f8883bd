//! What depends on what: one step up from a column, from the rows of a table, from a dataset's column.

use super::lineage::{DATASET, Item, Kind, ROWS};
use super::pipeline::{Node, Pipeline};
use super::source::{Binding, FILE_BYTES, FILES};
use super::stage::{NewColumn, Output, Rows};

/// Something that an item depends on.
pub(super) struct SourceEdge {
    pub(super) item: Item,
    pub(super) kind: Kind,
    pub(super) how: String,
}

/// The sources found of one item, each once.
#[derive(Default)]
struct Found(Vec<SourceEdge>);

impl Found {
    fn add(&mut self, item: Item, kind: Kind, how: impl Into<String>) {
        if !self.0.iter().any(|known| known.item == item) {
            self.0.push(SourceEdge { item, kind, how: how.into() });
        }
    }
}

impl Pipeline {
    /// Every column, table and dataset of the pipeline.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for (output, schema) in node.schemas.iter().enumerate() {
                items.push(Item::Rows(index, output));
                let columns = schema.columns.iter();
                items.extend(columns.map(|c| Item::Column(index, output, c.name.clone())));
            }
            if let Some((slot, _)) = &node.dataset {
                items.push(Item::Dataset(slot.clone()));
                let edges = node.outputs.iter().flat_map(|o| &o.columns).flat_map(|c| &c.from);
                let columns = edges.filter(|e| e.port == FILES).map(|e| e.column.clone());
                items.extend(columns.map(|c| Item::DatasetColumn(slot.clone(), c)));
            }
        }
        items.sort();
        items.dedup();
        items
    }

    /// How an item is named.
    pub fn item_id(&self, item: &Item) -> String {
        let table = |node: usize, output: usize| {
            let node = &self.nodes[node];
            format!("{}.{}", node.name, node.outputs[output].name)
        };
        match item {
            Item::Column(node, output, column) => format!("{}.{column}", table(*node, *output)),
            Item::Rows(node, output) => format!("{}.{ROWS}", table(*node, *output)),
            Item::DatasetColumn(slot, column) => format!("{DATASET}{slot}.{column}"),
            Item::Dataset(slot) => format!("{DATASET}{slot}"),
        }
    }

    /// What an item depends on, one step up, how strongly and in what way.
    pub fn depends_on(&self, item: &Item) -> Vec<(Item, Kind, String)> {
        self.sources_of(item).into_iter().map(|s| (s.item, s.kind, s.how)).collect()
    }

    /// The direct and indirect sources of an item, one step up.
    pub(super) fn sources_of(&self, item: &Item) -> Vec<SourceEdge> {
        let mut found = Found::default();
        match item {
            Item::Column(node, output, column) => {
                self.of_column(&self.nodes[*node], *node, *output, column, &mut found);
            }
            Item::Rows(node, output) => {
                let node = &self.nodes[*node];
                self.of_rows(node, &node.outputs[*output], &mut found);
            }
            Item::DatasetColumn(slot, _) => {
                found.add(Item::Dataset(slot.clone()), Kind::Direct, "column of its files");
            }
            Item::Dataset(slot) => self.of_dataset(slot, &mut found),
        }
        found.0
    }

    fn of_column(&self, n: &Node, node: usize, at: usize, column: &str, found: &mut Found) {
        let output = &n.outputs[at];
        if let Some(carried) = output.carried.iter().find(|c| c.name == column) {
            if let Some((source, out)) = bound(n, &carried.port) {
                let from = Item::Column(source, out, carried.column.clone());
                found.add(from, Kind::Direct, "identity");
            }
            match &output.rows {
                Rows::Same(port) if *port == carried.port => {}
                // Of the driving table's rows; another table's are found by what the stage read.
                Rows::Select(port) if *port == carried.port => {
                    found.add(Item::Rows(node, at), Kind::Indirect, "rows");
                }
                _ => {
                    self.reads(n, output, found);
                    found.add(Item::Rows(node, at), Kind::Indirect, "rows");
                }
            }
        } else if let Some(new) = output.columns.iter().find(|c| c.meta.name == column) {
            self.of_new(n, output, new, found);
            if new.only || matches!(output.rows, Rows::Select(_)) {
                found.add(Item::Rows(node, at), Kind::Indirect, "rows");
            }
        }
    }

    fn of_new(&self, n: &Node, output: &Output, new: &NewColumn, found: &mut Found) {
        let mut whole_files = true;
        for edge in &new.from {
            match (&n.dataset, bound(n, &edge.port)) {
                (Some((slot, _)), _) if edge.port == FILES => {
                    whole_files = false;
                    let from = Item::DatasetColumn(slot.clone(), edge.column.clone());
                    found.add(from, Kind::Direct, &edge.how);
                }
                (_, Some((source, out))) => {
                    let from = Item::Column(source, out, edge.column.clone());
                    found.add(from, Kind::Direct, &edge.how);
                }
                _ => {}
            }
        }
        if let Some((slot, _)) = n.dataset.as_ref().filter(|_| whole_files && !new.only) {
            found.add(Item::Dataset(slot.clone()), Kind::Direct, FILES);
        }
        if !new.only {
            self.reads(n, output, found);
        }
    }

    /// What decides which rows an output has.
    fn of_rows(&self, n: &Node, output: &Output, found: &mut Found) {
        match &output.rows {
            Rows::Same(port) | Rows::Select(port) => {
                if let Some((source, out)) = bound(n, port) {
                    let kind = Kind::Direct;
                    let how =
                        if follows(output, port) { "all rows" } else { "a choice of its rows" };
                    found.add(Item::Rows(source, out), kind, how);
                }
                if follows(output, port) {
                    return;
                }
            }
            Rows::New => {}
        }
        if let Some((slot, _)) = &n.dataset {
            let id = output.columns.iter().find(|c| Some(&c.meta.name) == output.row_id.as_ref());
            let id = id.map(|c| c.from.iter().filter(|e| e.port == FILES)).into_iter().flatten();
            for edge in id {
                let from = Item::DatasetColumn(slot.clone(), edge.column.clone());
                found.add(from, Kind::Direct, "row id");
            }
            found.add(Item::Dataset(slot.clone()), Kind::Direct, "rows of its files");
        }
        self.reads(n, output, found);
    }

    /// Every column that the stage read and that is not a source yet. Of a table of which it read
    /// no column it still knows the number of rows.
    fn reads(&self, n: &Node, output: &Output, found: &mut Found) {
        let by_shape = match &output.rows {
            Rows::Select(_) => "filter",
            _ if output.carried.is_empty() => "read",
            _ => "join",
        };
        for port in &n.ports {
            let Some((source, out)) = port.source else { continue };
            if is_made(n, &port.port.name) {
                // The files of a dataset that another node makes come through the dataset.
                continue;
            }
            let touches = |column: &str| {
                let mut untouched = output.untouched.iter();
                !untouched.any(|(p, c)| *p == port.port.name && c == column)
            };
            for need in port.port.needs.iter().filter(|need| touches(&need.column)) {
                let how = need.role.as_deref().unwrap_or(by_shape);
                found.add(Item::Column(source, out, need.column.clone()), Kind::Indirect, how);
            }
            if port.port.needs.is_empty() {
                found.add(Item::Rows(source, out), Kind::Indirect, "number of rows");
            }
        }
    }

    /// A dataset that a node of the pipeline makes comes from that node's files.
    fn of_dataset(&self, slot: &str, found: &mut Found) {
        for node in &self.nodes {
            let reads = matches!(&node.dataset, Some((name, Binding::Made)) if name == slot);
            let Some((source, out)) = bound(node, FILES).filter(|_| reads) else { continue };
            for need in node
                .ports
                .iter()
                .find(|p| p.port.name == FILES)
                .into_iter()
                .flat_map(|p| &p.port.needs)
            {
                let from = Item::Column(source, out, need.column.clone());
                match need.column.as_str() {
                    FILE_BYTES => found.add(from, Kind::Direct, FILES),
                    _ => found.add(from, Kind::Indirect, "names of the files"),
                }
            }
        }
    }
}

fn is_made(n: &Node, port: &str) -> bool {
    port == FILES && matches!(n.dataset, Some((_, Binding::Made)))
}

fn bound(node: &Node, port: &str) -> Option<(usize, usize)> {
    node.ports.iter().find(|b| b.port.name == port)?.source
}

/// Whether an output has all rows of that port, so that nothing but the port decides its rows.
fn follows(output: &Output, port: &str) -> bool {
    matches!(&output.rows, Rows::Same(same) if same == port)
}
