//! What a page says of the run that published it: claims, contradictions, record, lineage, acknowledgements.
//!
//! A page is drawn before its run has ended, so it has a slot for each of these, between two comments of HTML; they are
//! filled when the page is published. A band of a claim can change, or a run be faster, and the page itself stays as it is.

use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::claims::{self, ClaimRow};
use super::sections::table_markup;
use crate::report::plot::plain;
use crate::report::tables::{Kind, Table};

/// What is known of a run when it has ended.
#[derive(Debug, Clone, Default)]
pub struct RunFacts {
    /// Whether claims are measured on simulated data.
    pub is_simulated: bool,
    /// Published numbers against those of this run.
    pub claims: Vec<ClaimRow>,
    /// Where the paper contradicts itself or the released code, and what is done about it.
    pub contradictions: Vec<Contradiction>,
    /// Facts of the run: name and value, in order.
    pub record: Vec<(String, String)>,
    /// Nodes of the run with keys and rows.
    pub nodes: Option<Table>,
    /// Columns of the catalog and what they are made of.
    pub columns: Vec<ColumnOrigin>,
    /// Flags of the catalog.
    pub flags: Vec<FlagColumn>,
    /// Whom to cite: what, and the words.
    pub acknowledgements: Vec<(String, String)>,
    /// The same for programs.
    pub data: Value,
}

/// An entry of the contradiction register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contradiction {
    /// Identifier.
    pub id: String,
    /// Section, equation or table.
    pub section: String,
    /// What is contradictory or missing there.
    pub problem: String,
    /// What is done by default.
    pub resolution: String,
    /// Parameters that switch it, and what each method sets them to.
    pub options: Vec<String>,
}

/// A published column and the steps that made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnOrigin {
    /// Name.
    pub name: String,
    /// Unit; empty if none.
    pub unit: String,
    /// Meaning.
    pub about: String,
    /// Steps from the column back to the data: `node.output.column` and how it is made of what.
    pub steps: Vec<(String, String)>,
}

/// A column of flags, and what its values or bits mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagColumn {
    /// Columns that share the list.
    pub names: Vec<String>,
    /// What they tell.
    pub about: String,
    /// Value, or bit of a sum, and its meaning.
    pub values: Vec<(String, String)>,
}

/// Slots of a page in no particular order: name, and what stands there before it is filled.
const SLOTS: [(&str, &str); 8] = [
    ("summary", ""),
    ("claims", "Claims are measured when a run has ended: `mdwarf claims` lists them."),
    ("contradictions", "The register is filled in when a run publishes this page."),
    (
        "record",
        "The record is filled in when a run publishes this page: `mdwarf runs` lists all runs.",
    ),
    (
        "columns",
        "The lineage is filled in when a run publishes this page: `mdwarf lineage COLUMN` tells it.",
    ),
    ("flags", "They are filled in when a run publishes this page."),
    ("acknowledgements", "They are filled in when a run publishes this page."),
    ("data", ""),
];

fn ends(name: &str) -> (String, String) {
    (format!("<!--slot:{name}-->"), format!("<!--/slot:{name}-->"))
}

/// An empty slot.
pub(super) fn slot(name: &str) -> Markup {
    let (start, end) = ends(name);
    let words = SLOTS.iter().find(|(slot, _)| *slot == name).map_or("", |(_, words)| words);
    html! { (PreEscaped(start)) @if !words.is_empty() { p { (words) } } (PreEscaped(end)) }
}

/// Fills the slots of a page; one without slots stays as it is.
pub fn filled(page: &str, facts: &RunFacts) -> String {
    let mut page = page.to_owned();
    for (name, _) in SLOTS {
        let (start, end) = ends(name);
        let Some(from) = page.find(&start).map(|at| at + start.len()) else { continue };
        let Some(length) = page[from..].find(&end) else { continue };
        page.replace_range(from..from + length, &content(name, facts).into_string());
    }
    page
}

fn content(name: &str, facts: &RunFacts) -> Markup {
    match name {
        "summary" => summary(facts),
        "claims" => claims::body(&facts.claims, facts.is_simulated),
        "contradictions" => contradictions(&facts.contradictions),
        "record" => record(facts),
        "columns" => columns(&facts.columns),
        "flags" => flags(&facts.flags),
        "acknowledgements" => acknowledgements(&facts.acknowledgements),
        _ => data(&facts.data),
    }
}

fn summary(facts: &RunFacts) -> Markup {
    html! {
        @if !facts.claims.is_empty() { p { "Claims: " (claims::chips(&facts.claims)) a href="#claims" { "all claims" } } }
    }
}

fn contradictions(entries: &[Contradiction]) -> Markup {
    html! {
        @if entries.is_empty() { p { "The pipeline of this run has no register of contradictions." } }
        @else {
            div .scroll { table .sortable {
                thead { tr { @for head in ["Id", "Section", "What is unclear", "What is done", "Parameters"] { th scope="col" { (head) } } } }
                tbody {
                    @for entry in entries {
                        tr {
                            td { (entry.id) }
                            td { (entry.section) }
                            td .words { (entry.problem) }
                            td .words { (entry.resolution) }
                            td .words { @for option in &entry.options { div { code { (option) } } } }
                        }
                    }
                }
            } }
        }
    }
}

/// More nodes than these are folded away.
const NODES_SHOWN: usize = 40;

fn record(facts: &RunFacts) -> Markup {
    html! {
        dl { @for (name, value) in &facts.record { dt { (name) } dd { (value) } } }
        @if let Some(nodes) = &facts.nodes {
            details open[nodes.rows.len() <= NODES_SHOWN] { summary { (plain(&nodes.title)) } (table_markup(nodes)) }
        }
    }
}

fn columns(columns: &[ColumnOrigin]) -> Markup {
    html! {
        p { "What each column of the catalog is made of, back to the data: where it is made (node, output, column), how and of what. Tables that only hand it on are left out. " code { "mdwarf lineage catalog.COLUMN" } " tells also what else decided on it: cuts, hyper-parameters." }
        @for column in columns {
            details .column id={ "column-" (column.name) } {
                summary { code { (column.name) } @if !column.unit.is_empty() { " (" (column.unit) ")" } " " span .why { (column.about) } }
                ol { @for (step, how) in &column.steps { li { code { (step) } " " span .why { (how) } } } }
            }
        }
    }
}

fn flags(columns: &[FlagColumn]) -> Markup {
    html! {
        @if columns.is_empty() { p { "The catalog of this run has no flags." } }
        @for column in columns {
            h3 { @for (at, name) in column.names.iter().enumerate() { @if at > 0 { ", " } code { (name) } } }
            p { (column.about) "." }
            div .scroll { table {
                thead { tr { th scope="col" { "Value" } th scope="col" { "Meaning" } } }
                tbody { @for (value, about) in &column.values { tr { td { code { (value) } } td { (about) } } } }
            } }
        }
    }
}

fn acknowledgements(entries: &[(String, String)]) -> Markup {
    html! { dl { @for (what, words) in entries { dt { (what) } dd { (words) } } } }
}

fn data(data: &Value) -> Markup {
    // `<` could end the block; in JSON it stands in texts only.
    let text = data.to_string().replace('<', "\\u003c");
    html! { script id="run" type="application/json" { (PreEscaped(text)) } }
}

/// Columns of the table of nodes, for those who fill it.
pub fn node_columns() -> Vec<crate::report::tables::Column> {
    use crate::report::tables::Column;
    vec![
        Column::new("node", "", "name in pipeline.toml", Kind::Text),
        Column::new("stage", "", "kind of work", Kind::Text),
        Column::new("revision", "", "revision of the stage", Kind::Integer),
        Column::new("section", "", "section of the paper", Kind::Text),
        Column::new("state", "", "what became of it in this run", Kind::Text),
        Column::new("rows in", "", "rows that drive it", Kind::Integer),
        Column::new("rows out", "", "rows of its first output", Kind::Integer),
        Column::new("rejected", "", "rows that it rejected, with reasons", Kind::Integer),
        Column::new("seconds", "s", "wall time of the work, whenever it was done", Kind::Real(2)),
        Column::new(
            "key",
            "",
            "beginning of the digest of all that decides its result",
            Kind::Text,
        ),
    ]
}
