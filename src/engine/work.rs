//! The work of a run: a job on a worker thread, from its tables to its record.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;

use super::commit::commit_products;
use super::cost::Meter;
use super::digest::Digest;
use super::error::{EngineError, Result};
use super::evaluate::{Engine, Evaluation};
use super::events::Event;
use super::gc::inputs_path;
use super::key::Key;
use super::locks::{Active, Claim, Gate, Holder, Locks};
use super::made_files::made_files;
use super::pipeline::Node;
use super::record::{FORMAT, Record, code_version, machine_class};
use super::run::RunOptions;
use super::source::{Binding, FILES, Origin};
use super::stage::{InputFile, Job, Made, Scope};
use super::store::Store;

/// What the scheduler and the workers of a run share.
pub(super) struct Shared {
    pub(super) locks: Locks,
    active: OnceLock<Active>,
    wait: bool,
    /// Whether one job runs at a time, and what it costs is measured.
    measure: bool,
}

impl Shared {
    pub(super) fn new(locks: Locks, options: &RunOptions) -> Self {
        Shared { locks, active: OnceLock::new(), wait: options.wait, measure: options.measure }
    }

    /// Whether the run writes.
    pub(super) fn is_active(&self) -> bool {
        self.active.get().is_some()
    }

    /// Says that the run begins to write, and relies on these keys.
    pub(super) fn begin(&self, engine: &Engine<'_>, keys: Vec<Digest>) -> Result<()> {
        let active = Active::begin(engine.store.root(), keys)?;
        let _ = self.active.set(active);
        Ok(())
    }

    /// Keeps a sweep of the store out while something is looked up, or written, and noted.
    pub(super) fn gate(&self) -> Result<Gate> {
        self.locks.share(self.wait)
    }

    /// Says that the run relies on these keys too.
    pub(super) fn note(&self, keys: impl IntoIterator<Item = Digest>) -> Result<()> {
        self.active.get().map_or(Ok(()), |active| active.note(keys))
    }

    /// The run is in the ledger. What it left unfinished is kept for a while.
    pub(super) fn end(self, finished: bool) {
        if let Some(active) = self.active.into_inner().filter(|_| finished) {
            active.end();
        }
    }
}

/// What all jobs of a node are handed alike, read and made by the first that needs it.
#[derive(Clone)]
pub(super) struct Wholes {
    tables: Arc<BTreeMap<String, OnceLock<RecordBatch>>>,
    made: Arc<Made>,
}

/// A job to be done.
pub(super) struct Task {
    pub(super) node: usize,
    pub(super) job: usize,
    pub(super) key: Key,
    pub(super) name: Digest,
    /// Whether it is done though its record may be there.
    pub(super) force: bool,
    pub(super) evaluation: Arc<Evaluation>,
    pub(super) wholes: Wholes,
    /// Set when another job of the node has failed.
    pub(super) cancelled: Arc<AtomicBool>,
    /// How often it was found in progress elsewhere.
    pub(super) tries: u32,
    /// Memory that it needs, by estimate.
    pub(super) bytes: u64,
}

/// How a job ended.
pub(super) enum Ending {
    /// It was done.
    Did(Box<Record>),
    /// Another run has done it meanwhile.
    Found(Box<Record>),
    /// It is in progress elsewhere.
    Busy(Box<Task>, Holder),
}

pub(super) struct TaskDone {
    pub(super) node: usize,
    pub(super) job: usize,
    pub(super) bytes: u64,
    pub(super) result: Result<Ending>,
}

impl Engine<'_> {
    pub(super) fn work(
        &self,
        tasks: &Mutex<Receiver<Task>>,
        results: &Sender<TaskDone>,
        shared: &Shared,
        stop: &AtomicBool,
    ) {
        loop {
            let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(task) = next else { return };
            let (node, job, bytes) = (task.node, task.job, task.bytes);
            let name = &self.pipeline.nodes[node].name;
            let cancelled = task.cancelled.load(Ordering::Relaxed);
            let result = if cancelled || stop.load(Ordering::Relaxed) {
                Err(EngineError::Interrupted)
            } else {
                catch_unwind(AssertUnwindSafe(|| self.attempt(task, shared))).unwrap_or_else(
                    |panic| {
                        let what = format!("the engine panicked: {}", panic_text(&*panic));
                        Err(EngineError::Stage { node: name.clone(), what })
                    },
                )
            };
            if results.send(TaskDone { node, job, bytes, result }).is_err() {
                return;
            }
        }
    }

    /// Does a job, unless another run does it or has done it.
    fn attempt(&self, task: Task, shared: &Shared) -> Result<Ending> {
        let _held = match shared.locks.claim(task.name) {
            Claim::Ours(held) => held,
            Claim::Busy(by) => return Ok(Ending::Busy(Box::new(task), by)),
        };
        if !task.force && self.fresh_record(task.name)?.is_some() {
            let _gate = shared.gate()?;
            // Once more, now that no sweep can come between.
            if let Some(record) = self.fresh_record(task.name)? {
                shared.note([task.name])?;
                return Ok(Ending::Found(Box::new(record)));
            }
        }
        self.do_job(task, shared).map(|record| Ending::Did(Box::new(record)))
    }

    fn do_job(&self, task: Task, shared: &Shared) -> Result<Record> {
        let started = Instant::now();
        let meter = if shared.measure { Meter::start() } else { None };
        let node = &self.pipeline.nodes[task.node];
        let job = self.prepare(node, &task)?;
        let failed = |what: String| EngineError::Stage { node: node.name.clone(), what };
        let products = catch_unwind(AssertUnwindSafe(|| node.work.run(&job)))
            .map_err(|panic| failed(format!("the stage panicked: {}", panic_text(&*panic))))?
            .map_err(|why| failed(why.to_string()))?;
        let handed = task.evaluation.handed(task.job);
        let _gate = shared.gate()?;
        let outputs = commit_products(self.store, node, products, &handed)?;
        let record = Record {
            format: FORMAT,
            name: task.name,
            key: task.key,
            outputs,
            log: job.log.into_inner().unwrap_or_else(PoisonError::into_inner),
            seconds: started.elapsed().as_secs_f64(),
            cost: meter.and_then(|meter| meter.stop()),
            code: code_version(),
            machine: machine_class(),
        };
        // Noted first: a run that is killed in between leaves no record that a sweep would take.
        shared.note([task.name])?;
        self.store.put_shard_record(&record)?;
        let rows = job_rows(&task.evaluation, task.job);
        self.observer.event(&Event::JobEnded { node: &node.name, rows });
        Ok(record)
    }

    fn prepare(&self, node: &Node, task: &Task) -> Result<Job> {
        let mut tables = BTreeMap::new();
        for bound in &node.ports {
            let name = &bound.port.name;
            let Some((artifact, scope)) = task.evaluation.inputs.get(name) else { continue };
            let mut columns: Vec<String> = Vec::new();
            for need in &bound.port.needs {
                if !columns.contains(&need.column) {
                    columns.push(need.column.clone());
                }
            }
            let table = match (scope, task.wholes.tables.get(name)) {
                (Scope::Whole, Some(cell)) => match cell.get() {
                    Some(table) => table.clone(),
                    None => {
                        let table = artifact.read_table(self.store, &columns, None)?;
                        cell.get_or_init(|| table).clone()
                    }
                },
                _ => artifact.read_table(self.store, &columns, Some(task.job))?,
            };
            tables.insert(name.clone(), table);
        }
        let mut files = match &node.dataset {
            Some((_, Binding::Made)) => made_files(node, tables.remove(FILES))?,
            _ => Vec::new(),
        };
        for (file, id) in task.evaluation.files.get(task.job).into_iter().flatten() {
            files.push(InputFile {
                name: file.name.clone(),
                digest: file.digest,
                id: *id,
                bytes: self.sources.read(file, self.observer)?,
            });
        }
        Ok(Job {
            tables,
            files,
            seed: node.seed,
            log: Mutex::default(),
            whole: task.wholes.tables.keys().cloned().collect(),
            made: Arc::clone(&task.wholes.made),
        })
    }
}

fn job_rows(evaluation: &Evaluation, job: usize) -> u64 {
    if let Some(files) = evaluation.files.get(job) {
        return files.len() as u64;
    }
    evaluation
        .inputs
        .values()
        .find(|(_, scope)| *scope == Scope::Driving)
        .map_or(0, |(artifact, _)| artifact.parts()[job].rows)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}

/// A cell for each table that the jobs of a node are handed whole.
pub(super) fn wholes_of(evaluation: &Evaluation) -> Wholes {
    let whole = evaluation.inputs.iter().filter(|(_, (_, scope))| *scope == Scope::Whole);
    let tables = whole.map(|(name, _)| (name.clone(), OnceLock::new())).collect();
    Wholes { tables: Arc::new(tables), made: Arc::default() }
}

/// Beside a source's record stands which public files it is made of, so that a sweep knows what
/// downloads are in use.
pub(super) fn note_public_files(
    store: &Store,
    name: Digest,
    evaluation: &Evaluation,
) -> Result<()> {
    if evaluation.files.is_empty() {
        return Ok(());
    }
    let files = evaluation.files.iter().flatten();
    let public = files.filter(|(file, _)| matches!(file.origin, Origin::Public { .. }));
    let list: String = public.map(|(file, _)| format!("{}\n", file.digest)).collect();
    store.commit_sealed(&inputs_path(store, name), list.as_bytes())
}
