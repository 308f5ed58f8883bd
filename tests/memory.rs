//! `--memory` and `-j`: how many jobs are done at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::Int64Array;
use mdwarf::engine::bind::bind;
use mdwarf::engine::build::build;
use mdwarf::engine::evaluate::Engine;
use mdwarf::engine::events::Silent;
use mdwarf::engine::ledger::Ledger;
use mdwarf::engine::pipeline::StageDef;
use mdwarf::engine::run::{Outcome, RunOptions};
use mdwarf::engine::source::Sources;
use mdwarf::engine::spec::{Spec, SpecInput};
use mdwarf::engine::stage::{Job, NewColumn, Output, Port, Product, Schemas, Stage, StageError};
use mdwarf::engine::store::Store;
use mdwarf::engine::types::{ColumnMeta, I64};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// One run at a time: they share the counters.
static ALONE: Mutex<()> = Mutex::new(());

/// Takes a while, and counts how many of its jobs do at once.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Slow {
    #[serde(skip_serializing)]
    dataset: String,
}

static REGISTRY: &[StageDef] = &[StageDef::of::<Slow>("slow", 1, "takes a while")];

impl Stage for Slow {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn dataset(&self) -> Option<&str> {
        Some(&self.dataset)
    }

    fn file_buckets(&self) -> Option<u32> {
        Some(16)
    }

    fn outputs(&self, _: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![Output::table("out", vec![NewColumn::new(ColumnMeta::new("id", I64))])])
    }

    fn run(&self, _: &Job) -> Result<Vec<Product>, StageError> {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![Product::new("out", vec![Arc::new(Int64Array::from(vec![1]))])])
    }
}

const PIPELINE: &str = "[pipeline]\nname = \"memory\"\nseed = 1\n[dataset.d]\nabout = \"files\"\n\
    [node.n]\nstage = \"slow\"\nsection = \"-\"\ndataset = \"d\"\n";
const PROFILE: &str = "[profile]\nname = \"test\"\nabout = \"t\"\n[dataset.d]\npath = \"files\"\n\
    glob = \"*\"\n";

/// The most jobs that were done at once. Each has about a file of 1 MB, estimated at 8 MB.
fn most_at_once(memory_bytes: Option<u64>) -> usize {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    MOST.store(0, Ordering::SeqCst);
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    for index in 0..16u8 {
        std::fs::write(files.join(format!("f{index}")), vec![index; 1 << 20]).expect("a file");
    }
    let input = SpecInput {
        pipeline: ("pipeline.toml", PIPELINE),
        profile: ("profiles/test.toml", PROFILE),
        list_files: &|_| Err(std::io::ErrorKind::NotFound.into()),
        method: "printed",
        sets: &[],
    };
    let (spec, _) = Spec::load(&input).unwrap_or_else(|(errors, _)| panic!("{errors:?}"));
    let store = Store::open(&folder.path().join("cache")).expect("a store");
    let sources = Sources::open(&store, None, true);
    let binder = |slot: &_| bind(slot, folder.path(), &sources, &Silent);
    let pipeline = build(&spec, REGISTRY, &binder).unwrap_or_else(|errors| panic!("{errors:?}"));
    let ledger = Ledger::open(&store, "test", "printed").expect("a ledger");
    let engine =
        Engine { pipeline: &pipeline, store: &store, sources: &sources, observer: &Silent };
    let options = RunOptions { memory_bytes, ..RunOptions::all(1, 4) };
    let settled = engine.run(&ledger, &options).expect("a run");
    assert!(matches!(settled[0].outcome, Outcome::Ran { .. }), "{:?}", settled[0].outcome);
    MOST.load(Ordering::SeqCst)
}

#[test]
fn jobs_at_once_fit_into_the_memory() {
    assert!((2..=4).contains(&most_at_once(None)), "-j is the limit");
    assert!((2..=4).contains(&most_at_once(Some(8 << 30))));
    // Less than a single job needs: one after the other, never none.
    assert_eq!(most_at_once(Some(1 << 20)), 1);
}

#[test]
fn pools_are_of_the_size_of_the_jobs() {
    let project = crate::stories::project();
    let mut run = crate::together::start(&project, &["run", "--profile", "test", "-j", "1"]);
    let path = format!("/proc/{}/task", run.id());
    let mut most: Vec<String> = Vec::new();
    while run.try_wait().expect("a state").is_none() {
        let tasks = std::fs::read_dir(&path).into_iter().flatten().flatten();
        let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
        let names: Vec<String> = tasks.filter_map(|task| name(task).ok()).collect();
        most = if names.len() > most.len() { names } else { most };
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(run.wait().expect("it ends").success());
    // The main thread, a worker, one thread of each pool, the signals' thread.
    assert!(most.len() <= 6, "{} threads with -j 1: {most:?}", most.len());
}
