//! What the user typed.

mod forms;
mod size;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::forms::{DagFormat, ExportFormat, SchemaOf};
pub use self::size::size_bytes;
use crate::engine::files::Files;

/// Stellar labels of M dwarfs from LAMOST spectra, as a cached and auditable pipeline.
#[derive(Debug, Parser)]
#[command(name = "mdwarf", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Options of every verb.
    #[command(flatten)]
    pub common: Common,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  a stage failed, or results differ from the locked ones
  2  wrong usage, pipeline.toml or profile, or not what was locked
  3  something is stale (`plan --check`, `lock`)
  4  a claim was missed (`run --strict`, `claims --check`)
  5  corruption was found; the next run mends it
  9  what is needed is in use elsewhere (`--no-wait`)
  130, 143  Ctrl-C or SIGTERM asked for the end; what was finished is kept

Example: mdwarf init trial && mdwarf run -C trial";

/// The profile that runs on any machine.
pub const DEFAULT_PROFILE: &str = "simulated";

/// Options of every verb.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Folder with `pipeline.toml`
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".", global = true)]
    pub directory: PathBuf,
    /// Profile: `profiles/NAME.toml` binds the datasets
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PROFILE, global = true)]
    pub profile: String,
    /// Method: `printed`, or a `[method.NAME]` of `pipeline.toml`
    #[arg(long, value_name = "NAME", default_value = "printed", global = true)]
    pub method: String,
    /// Change one thing: `node.param=value` or `node.port=node.output`
    #[arg(long, value_name = "NODE.PARAM=VALUE", global = true)]
    pub set: Vec<String>,
    /// Folder that holds copies of public files, found by digest
    #[arg(long, value_name = "DIR", env = "MDWARF_MIRROR", global = true)]
    pub mirror: Option<PathBuf>,
    /// Where results are kept; `cache` beside `pipeline.toml` by default
    #[arg(long, value_name = "DIR", env = "MDWARF_CACHE", global = true)]
    pub cache: Option<PathBuf>,
    /// Fetch nothing
    #[arg(long, global = true)]
    pub offline: bool,
    /// JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Colors in messages
    #[arg(long, value_enum, default_value = "auto", global = true)]
    pub color: ColorChoice,
    /// The file layer of the store; only tests break it.
    #[arg(skip)]
    pub files: Files,
}

impl Common {
    /// Where results are kept.
    pub fn cache_folder(&self) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| self.directory.join("cache"))
    }
}

/// When to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Bring all results up to date
    #[command(visible_alias = "repro", after_help = "Example: mdwarf run --profile nearby -j 2")]
    Run(RunArgs),
    /// Show what a run would do, and why
    #[command(after_help = "Example: mdwarf plan --set fits_ap.loss=soft_l1")]
    Plan(PlanArgs),
    /// Show what became of each node in the latest run
    #[command(after_help = "Example: mdwarf status")]
    Status {
        /// Another run than the latest
        #[command(flatten)]
        past: PastRun,
    },
    /// Explain why a node is stale, or why it ran last
    #[command(after_help = "Example: mdwarf why slam_ap")]
    Why {
        /// The node
        node: String,
        /// Another run than the latest
        #[command(flatten)]
        past: PastRun,
    },
    /// Draw the graph of nodes
    #[command(after_help = "Example: mdwarf dag --format svg > dag.svg")]
    Dag {
        /// Form of the drawing
        #[arg(long, value_enum, default_value = "text")]
        format: DagFormat,
    },
    /// Show a node, or a column: parameters, ports, units, first rows
    #[command(after_help = "Example: mdwarf show catalog.TEFF_LIT")]
    Show {
        /// `node`, `node.output` or a column
        what: String,
        /// Rows to show of a table
        #[arg(long, default_value_t = 5)]
        rows: usize,
        /// Another run than the latest
        #[command(flatten)]
        past: PastRun,
    },
    /// Follow a column back to the bytes it comes from, or on to all that it touches
    #[command(after_help = "Example: mdwarf lineage TEFF_LIT; mdwarf lineage --impact gaia.ruwe")]
    Lineage(LineageArgs),
    /// Compare two runs: what they were made of, columns, rows, claims
    #[command(after_help = "Example: mdwarf diff latest~1 latest")]
    Diff {
        /// A run: its name, the beginning of it, `latest`, or `latest~1` for the one before
        old: String,
        /// Another run
        #[arg(default_value = "latest")]
        new: String,
    },
    /// Follow one spectrum through the whole graph
    #[command(
        after_help = "Example: mdwarf trace 183404083; mdwarf trace 183404083 --neighbours 10"
    )]
    Trace(TraceArgs),
    /// Label spectra of your own with the trained models of this project
    #[command(after_help = "Example: mdwarf label spec-56591-GAC089N28B1_sp01-001.fits.gz --json")]
    Label(LabelArgs),
    /// Compare claimed numbers, those of the paper where their data are bound, with the results
    #[command(after_help = "Example: mdwarf claims --check")]
    Claims {
        /// Exit with 4 if a claim is missed
        #[arg(long)]
        check: bool,
        /// Another run than the latest
        #[command(flatten)]
        past: PastRun,
    },
    /// Write what nodes made into a folder: the files of a simulated survey, any table as Parquet
    #[command(after_help = "Example: mdwarf unpack survey simulated_gaia")]
    Unpack {
        /// The folder; each node has one of its own in it
        folder: PathBuf,
        /// `node` or `node.output`; all outputs of files by default
        what: Option<String>,
    },
    /// Show a node's notes, or its error
    #[command(after_help = "Example: mdwarf log spectra")]
    Log {
        /// The node
        node: String,
        /// Another run than the latest
        #[command(flatten)]
        past: PastRun,
    },
    /// Check `pipeline.toml` and the profile; say how to get data that are missing
    #[command(after_help = "Example: mdwarf check --profile archive")]
    Check {
        /// List where the paper is silent or contradicts itself, and what each method does about it
        #[arg(long)]
        contradictions: bool,
    },
    /// Print the JSON schema of `pipeline.toml`, or of a profile
    #[command(after_help = "Example: mdwarf schema > pipeline.schema.json")]
    Schema {
        /// Of which file
        #[arg(value_enum, default_value = "pipeline")]
        of: SchemaOf,
    },
    /// List the runs of this store, oldest first
    #[command(after_help = "Example: mdwarf runs")]
    Runs,
    /// Check every file of the store by its digest
    #[command(after_help = "Example: mdwarf verify --repair && mdwarf run")]
    Verify {
        /// Set aside what is damaged, so that the next run makes it again
        #[arg(long)]
        repair: bool,
    },
    /// Write `mdwarf.lock`: digests of the sources and of all results of the latest run
    #[command(after_help = "Example: mdwarf lock && mdwarf run --locked")]
    Lock,
    /// Write the history of the latest run in another form, or all of it as one archive
    #[command(
        after_help = "Example: mdwarf export run.tar.gz; mdwarf export --format prov-json history.json"
    )]
    Export {
        /// Form; an archive that `import` reads where it is not given
        #[arg(long, value_enum, default_value = "bundle")]
        format: ExportFormat,
        /// File to write; of an RO-Crate the folder
        path: PathBuf,
    },
    /// Check an archive that `export` wrote, unpack it and go on from there without doing anything again
    #[command(after_help = "Example: mdwarf import bundle.tar.gz --into replay")]
    Import {
        /// The archive
        bundle: PathBuf,
        /// A folder that is not there yet, or empty
        #[arg(long, value_name = "DIR", default_value = "replay")]
        into: PathBuf,
        /// Refuse an archive that unpacks to more
        #[arg(long, value_name = "SIZE", value_parser = size_bytes, default_value = "64G")]
        max_size: u64,
        /// Only check and unpack
        #[arg(long)]
        no_run: bool,
    },
    /// Remove from the store what no run that counts relies on
    #[command(after_help = "Example: mdwarf gc --dry-run\n\n\
        Kept are the results of the latest run of each profile and method, of each variant (`--set`) \
        among the latest few, of locked runs, and of runs in progress.")]
    Gc(GcArgs),
    /// Start a project: a small pipeline with a table of its own
    #[command(after_help = "Example: mdwarf init trial && mdwarf run -C trial")]
    Init {
        /// The folder to make, or an empty one; by default the one of `-C`
        folder: Option<PathBuf>,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example: mdwarf completions bash > ~/.local/share/bash-completion/completions/mdwarf"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which run is asked.
#[derive(Debug, Args)]
pub struct PastRun {
    /// Ask this run of the ledger: its name, the beginning of it, `latest` or `latest~1`
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
}

/// Options of `lineage`.
#[derive(Debug, Args)]
pub struct LineageArgs {
    /// `node.output.column`, `node.column` or a bare column name; `node.output.#rows` for what
    /// decides which rows there are; `dataset:slot` or `dataset:slot.column`
    pub column: String,
    /// Follow direct dependences only
    #[arg(long)]
    pub direct: bool,
    /// Follow the column forwards: what does it touch?
    #[arg(long)]
    pub impact: bool,
    /// Show every dependence as one tree
    #[arg(long)]
    pub full: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: DagFormat,
}

/// Options of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Only show what would be removed
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Keep each variant (`--set`) among so many latest runs of a profile and method
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub keep_last: usize,
    /// Give up data that no published table of this profile is read from too; records stay, and with
    /// them `lineage`, and `trace` of tables that were traced before
    #[arg(long)]
    pub intermediate: bool,
    /// Give up the oldest of what is kept until the store is no larger, as in `10G`
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    pub max_size: Option<u64>,
}

/// Options of `trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// The row id
    pub id: i64,
    /// Its column
    #[arg(long, default_value = "obsid")]
    pub column: String,
    /// Also the N training spectra that weigh most in the model at the row's labels
    #[arg(long, value_name = "N")]
    pub neighbours: Option<usize>,
}

/// Options of `run`.
#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// All runs of a `[matrix.NAME]`, compared in one table
    #[arg(long, value_name = "NAME", conflicts_with_all = ["until", "from", "force", "locked", "dry_run"])]
    pub matrix: Option<String>,
    /// Only this node and what it needs
    #[arg(long, value_name = "NODE")]
    pub until: Option<String>,
    /// Do this node and all that depends on it again
    #[arg(long, value_name = "NODE")]
    pub from: Option<String>,
    /// Do everything again, or only the node named: `--force=NODE`
    #[arg(short, long, value_name = "NODE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub force: Option<String>,
    /// Go on with what does not depend on a failure
    #[arg(short, long)]
    pub keep_going: bool,
    /// Worker threads; all cores by default
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
    /// One job at a time, on all threads: `status` then tells the processor time and the memory of each node
    #[arg(long)]
    pub measure: bool,
    /// Memory for the jobs done at once, by estimate, as in `6G`
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    pub memory: Option<u64>,
    /// Exit with 4 if a claim is missed
    #[arg(long)]
    pub strict: bool,
    /// Refuse to differ from `mdwarf.lock`, in what is run (2) or in what comes out (1)
    #[arg(long)]
    pub locked: bool,
    /// Exit with 9, instead of waiting, where another run has work in progress that this one needs
    #[arg(long)]
    pub no_wait: bool,
    /// Only show the plan
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Options of `label`.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// LAMOST spectra, `.fits` or `.fits.gz`
    #[arg(required = true, value_name = "FITS")]
    pub files: Vec<PathBuf>,
    /// Node of stage `predict` or `errors` whose model to use; all by default
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Exit with 3 if anything is stale
    #[arg(long)]
    pub check: bool,
    /// Show fresh nodes too
    #[arg(short, long)]
    pub all: bool,
    /// For those who type `run -n`: a plan never runs anything
    #[arg(short = 'n', long, hide = true)]
    pub dry_run: bool,
}
