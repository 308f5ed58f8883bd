//! From `pipeline.toml`, a profile, a method and `--set` to a [`Spec`]: what was asked for, as written.
//!
//! Order of precedence, later wins: `pipeline.toml` < `[method.NAME]` < the profile < `--set`. Unknown keys are refused
//! everywhere and every value keeps its place, so that a later error about it can point there. Nothing here knows what
//! a stage does: ports, columns and parameters are checked by whoever holds the stages, through [`NodeSpec::params`].

mod archive;
mod binding;
mod claim;
mod contradiction;
mod de;
mod error;
mod fault;
mod graph;
mod load;
mod matrix;
mod names;
mod overlay;
mod params;
mod pipeline;
mod profile;
mod source_map;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

pub use archive::{Archive, ArchiveColumn};
pub use binding::{Binding, TreeFile};
pub use claim::{Claim, ClaimValue, Measure, Scalar, WhenSimulated};
pub use contradiction::{Contradiction, Decision};
pub use error::{SpecError, SpecErrors, did_you_mean};
pub use graph::{cycle, cycle_error};
pub use load::SpecInput;
pub use matrix::{Matrix, MatrixRun};
pub use profile::ProfileInfo;
pub use source_map::{Location, SourceMap, Span};
pub use value::{Entry, Ordered, Spanned, Table, Value};

/// The method that is `pipeline.toml` itself and needs no section.
pub const PRINTED: &str = "printed";

/// A run's specification, after all overlays.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name of the pipeline.
    pub name: Spanned<String>,
    /// Seed of all randomness.
    pub seed: u64,
    /// ADS code of the paper.
    pub bibcode: Option<String>,
    /// The profile in use.
    pub profile: ProfileInfo,
    /// The method in use.
    pub method: String,
    /// All methods that can be chosen, [`PRINTED`] first.
    pub methods: Vec<String>,
    /// Dataset slots with what fills them, in order of declaration.
    pub datasets: Ordered<DatasetSlot>,
    /// Nodes, in order of declaration.
    pub nodes: Ordered<NodeSpec>,
    /// What is copied for people, in order of declaration.
    pub publish: Vec<Publication>,
    /// Published numbers to be checked, in order of declaration.
    pub claims: Vec<Claim>,
    /// Where the paper leaves something open, in order of declaration.
    pub contradictions: Vec<Contradiction>,
    /// Runs in one go, in order of declaration.
    pub matrices: Vec<Matrix>,
}

/// A place for data, and what fills it.
#[derive(Clone, Debug)]
pub struct DatasetSlot {
    /// Its name.
    pub name: String,
    /// Where `pipeline.toml` declares it.
    pub span: Span,
    /// What the data are.
    pub about: String,
    /// Their format: `lamost-lrs`.
    pub format: Option<Spanned<String>>,
    /// Section of the paper.
    pub section: Option<String>,
    /// What fills it.
    pub binding: Binding,
    /// What a paper that uses the data has to say: whom to cite, whom to thank.
    pub cite: String,
    /// What is known of it in an archive.
    pub archive: Option<Archive>,
    /// Where the profile says so; where the slot is declared when the profile is silent.
    pub binding_span: Span,
}

/// One use of a stage.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub name_span: Span,
    /// The stage it uses.
    pub stage: Spanned<String>,
    /// What it reads, by port, in order of declaration.
    pub inputs: Ordered<PortRef>,
    /// Section of the paper.
    pub section: String,
    /// What it is for.
    pub about: Option<String>,
    /// The parameters that were written; see [`NodeSpec::params`].
    pub params: Table,
}

/// An output of a node: `node.port`, or `node` for its only or primary one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRef {
    /// The node.
    pub node: String,
    /// Its output; `None` for the only or primary one.
    pub port: Option<String>,
    /// Where the reference is written.
    pub span: Span,
}

/// A file under `results/<profile>/` and the output it shows.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Relative path with `/`, safe to join to a directory.
    pub file: Spanned<String>,
    /// What it is a copy of.
    pub from: PortRef,
}
