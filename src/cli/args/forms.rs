//! Forms to choose from.

use clap::ValueEnum;

/// Files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// `pipeline.toml`.
    Pipeline,
    /// `profiles/NAME.toml`.
    Profile,
}

/// Forms of a run's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Products, lock, records and data as `.tar.gz`, to be replayed elsewhere.
    Bundle,
    /// W3C PROV-JSON.
    ProvJson,
    /// RO-Crate with the Provenance Run Crate profile.
    RoCrate,
    /// OpenLineage events, a line each.
    Openlineage,
    /// IVOA Provenance Data Model, as `voprov` writes it.
    Provdm,
}

/// Forms of a drawing of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DagFormat {
    /// Indented lines.
    Text,
    /// Mermaid.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture.
    Svg,
}
