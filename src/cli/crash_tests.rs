//! A small run, broken at every one of its file operations: the next plain run must give what a
//! clean run gives.
//!
//! `MDWARF_LONG=1` tries more ways in which a power cut may mix what lasts with what does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;

use super::args::Cli;
use super::failure::Failure;
use super::project::Project;
use super::publish::publish;
use super::run_facts::Ended;
use crate::engine::digest::column_digest;
use crate::engine::evaluate::Outputs;
use crate::engine::events::Silent;
use crate::engine::files::{Files, Operation};
use crate::engine::files_trial::{Fault, Trial, Unsynced};
use crate::engine::ledger::{NodeEntry, RunEntry};
use crate::engine::run::{Outcome, RunOptions};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

const PIPELINE: &str = r#"
[pipeline]
name = "crash"
seed = 1
[dataset.stars]
about = "numbers"
[node.stars]
stage = "read_table"
section = "-"
dataset = "stars"
format = "csv"
id = "star"
buckets = 2
columns = [{ name = "star", type = "i64" }, { name = "x", type = "f64" }]
[node.squared]
stage = "derive"
section = "-"
in = { rows = "stars" }
columns = [{ name = "y", expr = "x * x", about = "square" }]
[node.kept]
stage = "cuts"
section = "-"
in = { stars = "squared" }
id = "star"
criteria = [["y", "y > 0.25"]]
[node.root]
stage = "derive"
section = "-"
in = { rows = "kept" }
columns = [{ name = "z", expr = "y - x", about = "difference" }]
[publish]
"kept.csv" = "root"
"rejects.parquet" = "kept.rejects"
[[claim]]
id = "C1"
section = "-"
about = "rows kept"
paper = "7"
accept = [7, 7]
sample = "all"
statistic = "count"
value = { node = "kept", column = "y", statistic = "count" }
"#;

const PROFILE: &str =
    "[profile]\nname = \"test\"\nabout = \"crash\"\n[dataset.stars]\npath = \"stars.csv\"\n";

fn stars(shift: f64) -> String {
    let row = |i: i32| format!("{i},{}\n", (f64::from(i * 7 % 16) / 16.0 + shift).fract());
    format!("star,x\n{}", (1..=16).map(row).collect::<String>())
}

/// A project in memory where the machine has such a place: the disk would only cost time.
pub struct Small {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Small {
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder");
        let small = Small { root: folder.path().to_owned(), _folder: folder };
        fs::create_dir(small.root.join("profiles")).expect("a folder");
        small.write("pipeline.toml", PIPELINE);
        small.write("profiles/test.toml", PROFILE);
        small.write("stars.csv", &stars(0.0));
        small
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.root.join(name), text).expect("a file");
    }

    /// What changes before a second run: bytes of the source, and a threshold.
    fn edit(&self) {
        self.write("stars.csv", &stars(0.4));
        self.write("pipeline.toml", &PIPELINE.replace("0.25", "0.125"));
    }

    pub fn run(&self, files: Files) -> Result<Found, Failure> {
        let root = self.root.to_string_lossy().into_owned();
        let words = ["mdwarf", "run", "--profile", "test", "-C", &root];
        let mut cli = Cli::try_parse_from(words).expect("arguments");
        cli.common.files = files;
        let project = Project::open(&cli.common, &Silent)?;
        let options = RunOptions::all(project.pipeline.nodes.len(), 1);
        let engine = project.engine(&Silent);
        let settled = engine.run(&project.ledger, &options)?;
        project.sources.remember()?;
        let failed = settled.iter().find_map(|s| match &s.outcome {
            Outcome::Failed { error, .. } => Some(error.clone()),
            _ => None,
        });
        let done: Vec<Option<Outputs>> = settled.iter().map(|s| s.outputs.clone()).collect();
        let claims = engine.claims(&done);
        let claimed = serde_json::to_string(&claims).expect("JSON");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_nanos();
        let nodes = project.pipeline.nodes.iter().zip(settled).map(|(node, settled)| NodeEntry {
            node: node.name.clone(),
            stage: node.stage.name.to_owned(),
            key: settled.key,
            reasons: settled.reasons,
            dataset: None,
            outcome: settled.outcome,
        });
        let entry = RunEntry {
            id: format!("{now}"),
            started: 0,
            seconds: 0.0,
            pipeline: project.pipeline.name.clone(),
            profile: project.pipeline.profile.clone(),
            method: project.pipeline.method.clone(),
            sets: vec![],
            code: String::new(),
            nodes: nodes.collect(),
            claims,
        };
        project.store.save_gathered()?;
        project.ledger.write(&project.store, &entry)?;
        publish(&Ended { project: &project, done: &done, entry: &entry })?;
        match failed {
            Some(why) => Err(Failure::usage(why)),
            None => Found::of(&self.root, &project, &done, claimed),
        }
    }

    /// The plain run after a fault. Damage is named once and mended by the run after that.
    pub fn recovered(&self, named: &mut usize) -> Found {
        match self.run(Files::disk()) {
            Ok(found) => found,
            Err(failure) => {
                *named += 1;
                self.run(Files::disk()).unwrap_or_else(|second| {
                    panic!("still broken: {}, then {}", failure.message, second.message)
                })
            }
        }
    }
}

/// All that a run gives to anybody.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// Digests of all columns, made again from the stored bytes.
    columns: BTreeMap<String, String>,
    published: BTreeMap<String, Vec<u8>>,
    claims: String,
}

impl Found {
    fn of(
        root: &Path,
        project: &Project,
        done: &[Option<Outputs>],
        claims: String,
    ) -> Result<Self, Failure> {
        let mut columns = BTreeMap::new();
        for artifact in done.iter().flatten().flatten() {
            for column in &artifact.schema.columns {
                let mut digests = Vec::new();
                for part in 0..artifact.parts().len() {
                    let array = artifact.read_part(&project.store, &column.name, part)?;
                    digests.push(column_digest(&array).expect("a digest"));
                }
                let kept = artifact.part_digests(&project.store, &column.name)?;
                assert_eq!(*kept, digests, "{}.{}", artifact.name, column.name);
                columns.insert(format!("{}.{}", artifact.name, column.name), format!("{kept:?}"));
            }
        }
        let mut published = BTreeMap::new();
        for entry in fs::read_dir(root.join("results/test")).expect("a folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            published.insert(name, fs::read(entry.path()).expect("a file"));
        }
        Ok(Found { columns, published, claims })
    }
}

/// Where the fault strikes: in the first run of all, or in one after an edit.
#[derive(Clone, Copy, Debug)]
enum When {
    First,
    AfterEdit,
}

impl When {
    fn project(self) -> Small {
        let small = Small::new();
        if matches!(self, When::AfterEdit) {
            small.run(Files::disk()).unwrap_or_else(|why| panic!("{}", why.message));
            small.edit();
        }
        small
    }
}

#[derive(Debug, Default)]
struct Tally {
    trials: usize,
    /// Runs after the fault that ended in a named error, and were right the next time.
    named: usize,
    /// Broken runs that came through all the same.
    unharmed: usize,
}

/// Breaks each operation in turn.
fn break_each(
    when: When,
    fault: Fault,
    counts: fn(Operation) -> bool,
    unsynced: Unsynced,
    tally: &mut Tally,
) {
    let clean = {
        let small = Small::new();
        if matches!(when, When::AfterEdit) {
            small.edit();
        }
        small.run(Files::disk()).unwrap_or_else(|why| panic!("{}", why.message))
    };
    // In a short run one operation in a few, others in each scenario.
    let stride = if long() { 1 } else { 7 };
    for at in (1 + tally.trials as u64 % stride..).step_by(stride as usize) {
        let small = when.project();
        let trial = Arc::new(Trial::new(fault, at, counts));
        let broken = small.run(Files::on_trial(trial.clone()));
        let Some(hit) = trial.hit() else {
            assert!(at > 10, "only {at} operations");
            break;
        };
        if let Ok(found) = broken {
            assert_eq!(found, clean, "silently wrong: {fault:?} {hit:?} {when:?}");
            tally.unharmed += 1;
        }
        trial.power_cut(unsynced).expect("a power cut");
        let found = small.recovered(&mut tally.named);
        assert_eq!(found, clean, "silently wrong after {fault:?} {unsynced:?} {hit:?} {when:?}");
        tally.trials += 1;
    }
}

/// A line of the long run's table: the show, what was tried, how often, how often silently wrong (a
/// wrong one ends the test before this line).
pub fn told(show: u32, what: &str, trials: usize, tally: &impl std::fmt::Debug) {
    eprintln!("\nTRIALS | {show} | {what} | {trials} | 0 | {tally:?}");
}

pub fn long() -> bool {
    std::env::var_os("MDWARF_LONG").is_some()
}

#[test]
fn a_crash_at_any_operation_is_mended_by_the_next_run() {
    let mut tally = Tally::default();
    for when in [When::First, When::AfterEdit] {
        break_each(when, Fault::Crash, Operation::changes, Unsynced::Stays, &mut tally);
        break_each(when, Fault::TornCrash, Operation::changes, Unsynced::Stays, &mut tally);
    }
    told(1, "crash at every operation, unsynced writes last", tally.trials, &tally);
}

#[test]
fn a_power_cut_at_any_operation_is_mended_by_the_next_run() {
    let mut tally = Tally::default();
    let seeds = (1..=if long() { 10 } else { 2 }).map(Unsynced::Mixed);
    let ways = [Unsynced::Dropped, Unsynced::Emptied, Unsynced::Zeroed, Unsynced::Halved];
    for unsynced in ways.into_iter().chain(seeds) {
        for when in [When::First, When::AfterEdit] {
            break_each(when, Fault::Crash, Operation::changes, unsynced, &mut tally);
        }
    }
    told(1, "power cut at every operation, unsynced writes dropped or torn", tally.trials, &tally);
}

/// What is not synced must not be vouched for by what is, nor by another file that is not.
#[test]
fn a_power_cut_after_a_run_that_takes_one_file_is_mended_by_the_next() {
    let mut trials = 0;
    for when in [When::First, When::AfterEdit] {
        for one in 0.. {
            let small = when.project();
            let trial = Arc::new(Trial::counting(Operation::changes));
            let run = small.run(Files::on_trial(trial.clone()));
            let clean = run.unwrap_or_else(|why| panic!("{}", why.message));
            if one >= trial.unsynced() {
                break;
            }
            trial.power_cut(Unsynced::ZeroedOne(one)).expect("a power cut");
            let mut named = 0;
            assert_eq!(small.recovered(&mut named), clean, "silently wrong: {one} {when:?}");
            assert_eq!(named, 0, "an object is synced before a record speaks of it");
            trials += 1;
        }
    }
    told(1, "power cut after a run that takes one file", trials, &"");
    assert!(trials > 20);
}

#[test]
fn an_operation_that_fails_is_named_and_mended() {
    let mut tally = Tally::default();
    for when in [When::First, When::AfterEdit] {
        for (fault, counts) in [
            (Fault::Fail(EIO), (|_| true) as fn(Operation) -> bool),
            (Fault::Fail(ENOSPC), Operation::needs_room),
            (Fault::Tear(EIO), |operation| operation == Operation::Write),
            (Fault::Tear(ENOSPC), |operation| operation == Operation::Write),
            (Fault::FailFrom(ENOSPC), Operation::needs_room),
            (Fault::FailFrom(EIO), Operation::changes),
        ] {
            break_each(when, fault, counts, Unsynced::Stays, &mut tally);
        }
    }
    told(1, "EIO at every operation; EIO, ENOSPC and torn at every write", tally.trials, &tally);
}
