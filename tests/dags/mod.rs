//! Random graphs, random edits, faults and resumes: what is incremental equals what is clean, and
//! what runs again is what an oracle says, which knows no keys.
//!
//! A short run by default; `MDWARF_LONG=1` tries 10,000 cases.

mod oracle;
mod stages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use mdwarf::engine::bind::bind;
use mdwarf::engine::build::build;
use mdwarf::engine::error::EngineError;
use mdwarf::engine::evaluate::{Engine, Outputs};
use mdwarf::engine::events::Silent;
use mdwarf::engine::gc::{SweepOptions, sweep};
use mdwarf::engine::ledger::{Ledger, NodeEntry, RunEntry};
use mdwarf::engine::pipeline::Pipeline;
use mdwarf::engine::run::{RunOptions, Settled};
use mdwarf::engine::source::Sources;
use mdwarf::engine::spec::{Spec, SpecInput};
use mdwarf::engine::store::Store;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use oracle::{Graph, JobId, Truth, Work};
use stages::{DONE, FUSE, REGISTRY};

const DATASETS: usize = 2;

/// A step of a case. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    /// Another work for a node.
    Change(usize, Work),
    /// One more node.
    Add(Work),
    /// The last node goes.
    Drop,
    /// A number of a dataset.
    Number { data: usize, row: usize, column: usize, value: i64 },
    /// One more row.
    Row { data: usize, a: i64, b: i64 },
    /// All nodes get other names.
    Rename,
    /// As it was a step before.
    Revert,
    /// A run that fails after so many jobs, and is then taken up again.
    Fail(i64),
    /// A file of the store is damaged or removed.
    Damage { file: usize, at: usize, how: u8 },
    /// The store is swept.
    Sweep,
    /// Two runs at once, with or without locks.
    Twice { locking: bool },
}

fn work() -> impl Strategy<Value = Work> {
    let n = 0..8usize;
    prop_oneof![
        1 => (0..DATASETS, 1..4usize).prop_map(|(data, chunk)| Work::Source { data, chunk }),
        3 => (n.clone(), n.clone(), n.clone(), -2..3i64)
            .prop_map(|(rows, x, y, k)| Work::Map { rows, x, y, k }),
        3 => (n.clone(), n.clone(), 1..4i64).prop_map(|(rows, x, m)| Work::Pick { rows, x, m }),
        1 => (n.clone(), n.clone()).prop_map(|(rows, x)| Work::Sum { rows, x }),
        2 => (n.clone(), n.clone(), n.clone(), n.clone())
            .prop_map(|(rows, other, x, z)| Work::Join { rows, other, x, z }),
        1 => (n.clone(), n, 1..4usize).prop_map(|(rows, x, chunk)| Work::Chunk { rows, x, chunk }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let small = -3..4i64;
    prop_oneof![
        4 => (0..8usize, work()).prop_map(|(node, work)| Step::Change(node, work)),
        2 => work().prop_map(Step::Add),
        1 => Just(Step::Drop),
        4 => (0..DATASETS, 0..8usize, 1..3usize, small.clone())
            .prop_map(|(data, row, column, value)| Step::Number { data, row, column, value }),
        1 => (0..DATASETS, small.clone(), small).prop_map(|(data, a, b)| Step::Row { data, a, b }),
        1 => Just(Step::Rename),
        2 => Just(Step::Revert),
        3 => (0..6i64).prop_map(Step::Fail),
        2 => (any::<usize>(), any::<usize>(), 0..4u8)
            .prop_map(|(file, at, how)| Step::Damage { file, at, how }),
        1 => Just(Step::Sweep),
        2 => any::<bool>().prop_map(|locking| Step::Twice { locking }),
    ]
}

fn graph() -> impl Strategy<Value = Graph> {
    let rows = prop::collection::vec((-3..4i64, -3..4i64), 0..6);
    (prop::collection::vec(work(), 1..6), prop::collection::vec(rows, DATASETS)).prop_map(
        |(nodes, data)| {
            let numbered = |rows: Vec<(i64, i64)>| {
                (1i64..).zip(rows).map(|(id, (a, b))| [id, a, b]).collect::<Vec<_>>()
            };
            let data = data.into_iter().map(numbered).collect();
            let mut graph = Graph { nodes: Vec::new(), data, names: 0 };
            let first = Work::Source { data: 0, chunk: 2 };
            std::iter::once(first).chain(nodes).for_each(|work| push(&mut graph, work));
            graph
        },
    )
}

/// Binds a work to nodes before its place.
fn fitted(work: Work, at: usize) -> Work {
    match work {
        Work::Source { .. } => work,
        _ if at == 0 => Work::Source { data: 0, chunk: 2 },
        Work::Map { rows, x, y, k } => Work::Map { rows: rows % at, x, y, k },
        Work::Pick { rows, x, m } => Work::Pick { rows: rows % at, x, m },
        Work::Sum { rows, x } => Work::Sum { rows: rows % at, x },
        Work::Join { rows, other, x, z } => Work::Join { rows: rows % at, other: other % at, x, z },
        Work::Chunk { rows, x, chunk } => Work::Chunk { rows: rows % at, x, chunk },
    }
}

fn push(graph: &mut Graph, work: Work) {
    let at = graph.nodes.len();
    if at < 8 {
        graph.nodes.push(fitted(work, at));
    }
}

fn edit(graph: &mut Graph, step: &Step, before: &Graph) {
    match step {
        Step::Change(node, work) => {
            let at = node % graph.nodes.len();
            graph.nodes[at] = fitted(work.clone(), at);
        }
        Step::Add(work) => push(graph, work.clone()),
        Step::Drop if graph.nodes.len() > 1 => {
            graph.nodes.pop();
        }
        Step::Number { data, row, column, value } => {
            let rows = &mut graph.data[*data];
            if !rows.is_empty() {
                let row = row % rows.len();
                rows[row][*column] = *value;
            }
        }
        Step::Row { data, a, b } => {
            let rows = &mut graph.data[*data];
            rows.push([rows.len() as i64 + 1, *a, *b]);
        }
        Step::Rename => graph.names += 1,
        Step::Revert => *graph = before.clone(),
        _ => {}
    }
}

/// A project in memory where the machine has such a place.
struct World {
    _folder: tempfile::TempDir,
    root: PathBuf,
    runs: u64,
    /// Whether a file of the store was ever damaged.
    damaged: bool,
    /// Jobs whose results are in the store.
    known: BTreeSet<JobId>,
    /// Jobs whose results may be in the store.
    perhaps: BTreeSet<JobId>,
    tally: Tally,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    cases: u64,
    runs: u64,
    jobs: u64,
    /// Runs after damage that ended in a named error.
    named: u64,
}

type Ended = Result<(Pipeline, Vec<Settled>), EngineError>;

impl World {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder");
        World {
            root: folder.path().to_owned(),
            _folder: folder,
            runs: 0,
            damaged: false,
            known: BTreeSet::new(),
            perhaps: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    fn write(&self, graph: &Graph) {
        for (index, data) in graph.data.iter().enumerate() {
            let (path, text) = (self.root.join(format!("d{index}")), oracle::text(data));
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                fs::write(path, text).expect("written");
            }
        }
    }

    /// A run as the program does it.
    fn engine_run(&self, graph: &Graph, truth: &Truth, locking: bool, id: u64) -> Ended {
        let text = graph.toml(truth);
        let mut profile = "[profile]\nname = \"test\"\nabout = \"t\"\n".to_owned();
        for data in 0..graph.data.len() {
            profile.push_str(&format!("[dataset.d{data}]\npath = \"d{data}\"\n"));
        }
        let (spec, _) = Spec::load(&SpecInput {
            pipeline: ("pipeline.toml", &text),
            profile: ("profiles/test.toml", &profile),
            list_files: &|_| Err(std::io::ErrorKind::NotFound.into()),
            method: "printed",
            sets: &[],
        })
        .unwrap_or_else(|(errors, _)| panic!("{errors:?}\n{text}"));
        let store = Store::open(&self.root.join("cache"))?;
        let sources = Sources::open(&store, None, true);
        let binder = |slot: &_| bind(slot, &self.root, &sources, &Silent);
        let pipeline =
            build(&spec, REGISTRY, &binder).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
        let ledger = Ledger::open(&store, "test", "printed")?;
        let engine =
            Engine { pipeline: &pipeline, store: &store, sources: &sources, observer: &Silent };
        let options = RunOptions { locking, ..RunOptions::all(pipeline.nodes.len(), 2) };
        let settled = engine.run_then(&ledger, &options, |settled| {
            let nodes = pipeline.nodes.iter().zip(&settled).map(|(node, settled)| NodeEntry {
                node: node.name.clone(),
                stage: node.stage.name.to_owned(),
                outcome: settled.outcome.clone(),
                key: settled.key.or_else(|| ledger.last_key(&node.name)),
                reasons: settled.reasons.clone(),
                dataset: node.dataset.as_ref().map(|(slot, _)| slot.clone()),
            });
            let entry = RunEntry {
                id: format!("{id:08}"),
                started: id,
                seconds: 0.0,
                pipeline: "dag".into(),
                profile: "test".into(),
                method: "printed".into(),
                sets: vec![],
                code: String::new(),
                nodes: nodes.collect(),
                claims: vec![],
            };
            sources.remember()?;
            store.save_gathered()?;
            ledger.write(&store, &entry)?;
            Ok::<_, EngineError>(settled)
        })?;
        check_tables(&store, &pipeline, &settled, graph, truth)?;
        Ok((pipeline, settled))
    }

    /// Runs, so many at once, and compares what was done with what the oracle says.
    fn run(&mut self, graph: &Graph, at_once: u64, locking: bool) -> bool {
        let truth = graph.truth();
        self.write(graph);
        DONE.lock().expect("a lock").clear();
        let first = self.runs + 1;
        self.runs += at_once;
        let this = &*self;
        let ended: Vec<Ended> = std::thread::scope(|scope| {
            let runs: Vec<_> = (first..first + at_once)
                .map(|id| {
                    scope.spawn({
                        let truth = &truth;
                        move || this.engine_run(graph, truth, locking, id)
                    })
                })
                .collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        });
        let done = DONE.lock().expect("a lock").clone();
        self.tally.runs += at_once;
        self.tally.jobs += done.len() as u64;
        let well =
            ended.iter().all(|ended| ended.as_ref().is_ok_and(|(_, settled)| all_well(settled)));
        self.compare(&truth, &done, well, (at_once as usize, locking));
        well
    }

    fn compare(
        &mut self,
        truth: &Truth,
        done: &[String],
        well: bool,
        (at_once, locking): (usize, bool),
    ) {
        let wanted: BTreeSet<&JobId> = truth.jobs.iter().flatten().collect();
        let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for job in &wanted {
            let (must, may, _) = counts.entry(&job.told).or_default();
            if self.perhaps.contains(*job) {
                *may += 1;
            } else if !self.known.contains(*job) {
                *must += 1;
            }
        }
        for told in done {
            counts.entry(told).or_default().2 += 1;
        }
        for (told, (must, may, did)) in &counts {
            let enough = !well || did >= must;
            // With locks each job is done once. Only a damaged record, which one run sets aside
            // while the other writes it anew, may cost its job a second time.
            let most = if locking { must + may * at_once } else { (must + may) * at_once };
            assert!(enough && *did <= most, "{did} times instead of {must} to {most}: {told}");
        }
        let all: BTreeSet<JobId> = wanted.into_iter().cloned().collect();
        for job in &all {
            let alike = all.iter().filter(|other| other.told == job.told).count();
            if alike == 1 && done.contains(&job.told) || well && !self.perhaps.contains(job) {
                self.perhaps.remove(job);
                self.known.insert(job.clone());
            } else if done.contains(&job.told) && !self.known.contains(job) {
                // Two jobs look the same to their stage: one of them was done.
                self.perhaps.insert(job.clone());
            }
            // What was not done but is in doubt was found with its node: alone it may be missing.
        }
    }

    /// From here on results may be missing.
    fn doubt(&mut self) {
        self.perhaps.append(&mut self.known);
    }

    fn damage(&mut self, file: usize, at: usize, how: u8) {
        let mut files = Vec::new();
        for folder in ["objects", "records", "gathers", "runs"] {
            files_below(&self.root.join("cache/v1").join(folder), &mut files);
        }
        files.push(self.root.join("cache/v1/stat.json"));
        files.sort();
        let path = &files[file % files.len()];
        let Ok(mut bytes) = fs::read(path) else { return };
        match how {
            0 => return fs::remove_file(path).expect("removed"),
            1 if !bytes.is_empty() => {
                let at = at % bytes.len();
                bytes[at] ^= 1 << (at % 8);
            }
            2 if !bytes.is_empty() => bytes.truncate(at % bytes.len()),
            _ => bytes.clear(),
        }
        fs::write(path, bytes).expect("written");
    }

    /// Runs until all is well. Only where something was damaged, if long before, may that take
    /// more than one run, each of which must have said what is wrong.
    fn run_well(&mut self, graph: &Graph, at_once: u64, locking: bool) {
        for _ in 0..8 {
            if self.run(graph, at_once, locking) {
                return;
            }
            assert!(self.damaged, "a run failed without a reason");
            self.tally.named += 1;
            // A record that names a damaged object is in doubt once that is set aside.
            self.doubt();
        }
        panic!("the store does not mend");
    }

    fn sweep(&mut self, graph: &Graph) {
        let store = Store::open(&self.root.join("cache")).expect("a store");
        let ledger = Ledger::open(&store, "test", "printed").expect("a ledger");
        let options =
            SweepOptions { keep_last: 1, max_bytes: None, dry_run: false, on_the_way: None };
        sweep(&store, &ledger, &options).expect("swept");
        let kept: BTreeSet<JobId> = graph.truth().jobs.into_iter().flatten().collect();
        let kept: BTreeSet<JobId> = kept.into_iter().filter(|j| self.known.contains(j)).collect();
        self.doubt();
        self.perhaps.retain(|job| !kept.contains(job));
        self.known = kept;
    }
}

fn all_well(settled: &[Settled]) -> bool {
    settled.iter().all(|s| s.outcome.has_result())
}

/// Whatever a run calls done must be the truth, column by column.
fn check_tables(
    store: &Store,
    pipeline: &Pipeline,
    settled: &[Settled],
    graph: &Graph,
    truth: &Truth,
) -> Result<(), EngineError> {
    for (index, table) in truth.tables.iter().enumerate() {
        let node = pipeline.node(&format!("n{index}_{}", graph.names))?;
        let Some(outputs): &Option<Outputs> = &settled[node].outputs else { continue };
        let artifact = &outputs[0];
        assert_eq!(artifact.parts().len(), table.len());
        let mut columns: Vec<&str> =
            artifact.schema.columns.iter().map(|c| c.name.as_str()).collect();
        columns.sort_unstable();
        assert_eq!(columns, oracle::columns(table));
        for (part, expected) in table.iter().enumerate() {
            for (column, expected) in expected {
                let found = artifact.read_part(store, column, part)?;
                let found = found.as_primitive::<Int64Type>().values().to_vec();
                assert_eq!(&found, expected, "n{index} {column} part {part}");
            }
        }
    }
    Ok(())
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, files) } else { files.push(path) }
    }
}

fn case(graph: &Graph, steps: &[Step]) -> Tally {
    FUSE.store(i64::MAX, Ordering::SeqCst);
    let mut world = World::new();
    let (mut graph, mut before) = (graph.clone(), graph.clone());
    assert!(world.run(&graph, 1, true));
    for step in steps {
        let old = graph.clone();
        edit(&mut graph, step, &before);
        before = old;
        match step {
            Step::Fail(jobs) => {
                // Something to do, so that there is something to fail.
                edit(
                    &mut graph,
                    &Step::Number { data: 0, row: 0, column: 1, value: 9 + jobs },
                    &before,
                );
                FUSE.store(*jobs, Ordering::SeqCst);
                world.run(&graph, 1, true);
                FUSE.store(i64::MAX, Ordering::SeqCst);
                world.run_well(&graph, 1, true);
            }
            Step::Damage { file, at, how } => {
                world.damage(*file, *at, *how);
                world.damaged = true;
                world.doubt();
                world.run_well(&graph, 1, true);
            }
            Step::Sweep => {
                world.sweep(&graph);
                world.run_well(&graph, 1, true);
            }
            Step::Twice { locking } => {
                edit(&mut graph, &Step::Row { data: 0, a: 1, b: 2 }, &before);
                world.run_well(&graph, 2, *locking);
            }
            _ => world.run_well(&graph, 1, true),
        }
    }
    world.run_well(&graph, 1, true);
    assert!(DONE.lock().expect("a lock").is_empty(), "the last run had nothing to do");
    world.tally
}

#[test]
fn incremental_is_clean_and_what_runs_again_is_what_must() {
    let long = std::env::var_os("MDWARF_LONG").is_some();
    let cases = if long { 10_000 } else { 60 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let total = std::cell::Cell::new(Tally::default());
    let started = std::time::Instant::now();
    let strategy = (graph(), prop::collection::vec(step(), 1..8));
    let result = runner.run(&strategy, |(graph, steps)| {
        let (tally, mut sum) = (case(&graph, &steps), total.get());
        sum.runs += tally.runs;
        sum.jobs += tally.jobs;
        sum.named += tally.named;
        sum.cases += 1;
        total.set(sum);
        Ok(())
    });
    if let Err(why) = result {
        panic!("after {:?}: {why}", total.get());
    }
    let seconds = started.elapsed().as_secs_f64();
    let note = format!("{:?}, {seconds:.0} s", total.get());
    crate::tally::trials(6, "random graphs, edits, faults and resumes", u64::from(cases), 0, &note);
}
