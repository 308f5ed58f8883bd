//! The run: settles each node, its jobs on worker threads, as soon as its inputs exist.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use serde::{Deserialize, Serialize};

use super::commit::commit_products;
use super::digest::Digest;
use super::error::{EngineError, Result};
use super::evaluate::{Engine, Evaluation, Outputs, join_records};
use super::events::Event;
use super::ledger::Ledger;
use super::pipeline::Node;
use super::record::{FORMAT, Record, code_version, machine_class};
use super::source::{Binding, FILE_BYTES, FILE_NAME, FILES};
use super::stage::{InputFile, Job, Scope};

/// How a node was settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// At least one of its jobs was done.
    Ran {
        /// Jobs done in this run.
        jobs_run: usize,
        /// Jobs in all.
        jobs: usize,
        /// Wall seconds of the jobs done, added up.
        seconds: f64,
    },
    /// All of its result was in the store.
    Reused,
    /// A job failed; nothing of that is kept but this.
    Failed {
        /// The message.
        error: String,
        /// Whether damaged data, not the stage, is at fault.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        corrupt: bool,
    },
    /// Not tried, because of a failure before it or because it was not asked for.
    Skipped {
        /// Why.
        because: String,
    },
    /// A dataset that it needs is not bound.
    Absent {
        /// The slot.
        dataset: String,
    },
}

/// What a run is asked for.
pub struct RunOptions {
    /// Worker threads.
    pub jobs: usize,
    /// Nodes to do again though their records are there.
    pub force: Vec<bool>,
    /// Nodes asked for; others are skipped.
    pub wanted: Vec<bool>,
    /// Whether nodes that do not depend on a failure go on.
    pub keep_going: bool,
    /// Set from outside to stop after the jobs in hand.
    pub stop: Arc<AtomicBool>,
}

/// What became of a node.
pub struct Settled {
    /// How.
    pub outcome: Outcome,
    /// Its key, if its inputs existed.
    pub key: Option<Digest>,
    /// Why it ran.
    pub reasons: Vec<String>,
    /// Its outputs, if they exist.
    pub outputs: Option<Outputs>,
}

struct NodeRun {
    evaluation: Arc<Evaluation>,
    wholes: Arc<BTreeMap<String, OnceLock<RecordBatch>>>,
    records: Vec<Option<Record>>,
    waiting: usize,
    jobs_run: usize,
    seconds: f64,
    reasons: Vec<String>,
    failure: Option<EngineError>,
    cancelled: Arc<AtomicBool>,
}

struct Task {
    node: usize,
    job: usize,
    evaluation: Arc<Evaluation>,
    wholes: Arc<BTreeMap<String, OnceLock<RecordBatch>>>,
    /// Set when another job of the node has failed.
    cancelled: Arc<AtomicBool>,
}

struct TaskDone {
    node: usize,
    job: usize,
    result: Result<Record>,
}

struct Scheduler<'a> {
    engine: Engine<'a>,
    options: &'a RunOptions,
    ledger: &'a Ledger,
    settled: Vec<Option<Settled>>,
    done: Vec<Option<Outputs>>,
    running: BTreeMap<usize, NodeRun>,
    tasks: Sender<Task>,
    in_flight: usize,
    failed: bool,
}

impl Engine<'_> {
    /// Runs the pipeline.
    ///
    /// # Errors
    /// Only for faults of the store itself; failures of stages are outcomes.
    pub fn run(&self, ledger: &Ledger, options: &RunOptions) -> Result<Vec<Settled>> {
        let (tasks, task_queue) = channel::<Task>();
        let (results, result_queue) = channel::<TaskDone>();
        let task_queue = Mutex::new(task_queue);
        let n = self.pipeline.nodes.len();
        self.observer.event(&Event::Started { nodes: n });
        std::thread::scope(|scope| {
            for _ in 0..options.jobs.max(1) {
                let results = results.clone();
                let task_queue = &task_queue;
                scope.spawn(move || self.work(task_queue, &results, &options.stop));
            }
            drop(results);
            let mut scheduler = Scheduler {
                engine: *self,
                options,
                ledger,
                settled: (0..n).map(|_| None).collect(),
                done: vec![None; n],
                running: BTreeMap::new(),
                tasks,
                in_flight: 0,
                failed: false,
            };
            let settled = scheduler.drive(&result_queue);
            if settled.is_err() {
                // The store itself is at fault: what is queued would be work for nothing.
                options.stop.store(true, Ordering::Relaxed);
            }
            settled
        })
    }

    fn work(&self, tasks: &Mutex<Receiver<Task>>, results: &Sender<TaskDone>, stop: &AtomicBool) {
        loop {
            let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(task) = next else { return };
            let node = &self.pipeline.nodes[task.node];
            let cancelled = task.cancelled.load(Ordering::Relaxed);
            let result = if cancelled || stop.load(Ordering::Relaxed) {
                Err(EngineError::Stage { node: node.name.clone(), what: "interrupted".into() })
            } else {
                catch_unwind(AssertUnwindSafe(|| self.do_job(node, &task))).unwrap_or_else(
                    |panic| {
                        let what = format!("the engine panicked: {}", panic_text(&*panic));
                        Err(EngineError::Stage { node: node.name.clone(), what })
                    },
                )
            };
            if results.send(TaskDone { node: task.node, job: task.job, result }).is_err() {
                return;
            }
        }
    }

    fn do_job(&self, node: &Node, task: &Task) -> Result<Record> {
        let started = Instant::now();
        let job = self.prepare(node, task)?;
        let failed = |what: String| EngineError::Stage { node: node.name.clone(), what };
        let products = catch_unwind(AssertUnwindSafe(|| node.work.run(&job)))
            .map_err(|panic| failed(format!("the stage panicked: {}", panic_text(&*panic))))?
            .map_err(|why| failed(why.to_string()))?;
        let handed = task.evaluation.handed(task.job);
        let key = task.evaluation.job_key(task.job);
        let outputs = commit_products(self.store, node, products, &handed)?;
        let record = Record {
            format: FORMAT,
            name: key.digest(),
            key,
            outputs,
            log: job.log.into_inner().unwrap_or_else(PoisonError::into_inner),
            seconds: started.elapsed().as_secs_f64(),
            code: code_version(),
            machine: machine_class(),
        };
        self.store.put_shard_record(&record)?;
        self.observer.event(&Event::JobEnded {
            node: &node.name,
            rows: job_rows(&task.evaluation, task.job),
        });
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
            let table = match (scope, task.wholes.get(name)) {
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
        Ok(Job { tables, files, seed: node.seed, log: Mutex::new(Vec::new()) })
    }
}

/// The files of a table that another node made, by row id inside and digest as those of a folder.
fn made_files(node: &Node, table: Option<RecordBatch>) -> Result<Vec<InputFile>> {
    let Some(table) = table else { return Ok(Vec::new()) };
    let missing = || EngineError::Table {
        place: format!("files of `{}`", node.name),
        why: "there are no names and bytes".into(),
    };
    let names = table.column_by_name(FILE_NAME).and_then(|c| c.as_string_opt::<i32>());
    let bytes = table.column_by_name(FILE_BYTES).and_then(|c| c.as_binary_opt::<i64>());
    let (names, bytes) = names.zip(bytes).ok_or_else(missing)?;
    let file = |row: usize| {
        let content = bytes.value(row);
        InputFile {
            name: names.value(row).to_owned(),
            digest: Digest::of_bytes(content),
            id: node.work.probe(content),
            bytes: Arc::new(content.to_vec()),
        }
    };
    let mut files: Vec<InputFile> = (0..table.num_rows()).map(file).collect();
    files.sort_by_key(|file| (file.id, file.digest));
    Ok(files)
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

impl Scheduler<'_> {
    fn drive(&mut self, results: &Receiver<TaskDone>) -> Result<Vec<Settled>> {
        loop {
            while self.settle_ready()? {}
            if self.in_flight == 0 {
                break;
            }
            let Ok(first) = results.recv() else { break };
            let mut arrived = VecDeque::from([first]);
            arrived.extend(results.try_iter());
            for done in arrived {
                self.take(done)?;
            }
        }
        let skipped = || Settled {
            outcome: Outcome::Skipped { because: "the run was stopped".into() },
            key: None,
            reasons: Vec::new(),
            outputs: None,
        };
        Ok(self.settled.iter_mut().map(|s| s.take().unwrap_or_else(skipped)).collect())
    }

    /// Settles or starts every node whose inputs are settled; tells whether any was.
    fn settle_ready(&mut self) -> Result<bool> {
        let mut any = false;
        for index in 0..self.engine.pipeline.nodes.len() {
            if self.settled[index].is_none() && !self.running.contains_key(&index) {
                any |= self.consider(index)?;
            }
        }
        Ok(any)
    }

    fn consider(&mut self, index: usize) -> Result<bool> {
        let engine = self.engine;
        let node = &engine.pipeline.nodes[index];
        if let Some(dataset) = &node.absent {
            self.settle(index, Outcome::Absent { dataset: dataset.clone() }, None, vec![], None);
            return Ok(true);
        }
        if !self.options.wanted[index] {
            let because = "not asked for".into();
            self.settle(index, Outcome::Skipped { because }, None, vec![], None);
            return Ok(true);
        }
        let sources = node.ports.iter().filter_map(|bound| bound.source);
        for (source, _) in sources {
            match &self.settled[source] {
                None => return Ok(false),
                Some(settled) if settled.outputs.is_none() => {
                    let because = format!("`{}` has no result", engine.pipeline.nodes[source].name);
                    self.settle(index, Outcome::Skipped { because }, None, vec![], None);
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        let stopped = self.options.stop.load(Ordering::Relaxed);
        if stopped || (self.failed && !self.options.keep_going) {
            let because = if stopped { "interrupted" } else { "another node failed" }.into();
            self.settle(index, Outcome::Skipped { because }, None, vec![], None);
            return Ok(true);
        }
        self.begin(index)?;
        Ok(true)
    }

    fn begin(&mut self, index: usize) -> Result<()> {
        let engine = self.engine;
        let node = &engine.pipeline.nodes[index];
        let evaluation = match engine.evaluate(node, &self.done) {
            Ok(evaluation) => evaluation,
            Err(why) => {
                self.fail(index, None, why);
                return Ok(());
            }
        };
        let force = self.options.force[index];
        if !force && let Some(record) = engine.fresh(&evaluation)? {
            let key = evaluation.digest;
            let outputs = engine.outputs(node, evaluation, record);
            self.settle(index, Outcome::Reused, Some(key), vec![], Some(outputs));
            return Ok(());
        }
        let reasons = if force {
            vec!["forced".to_owned()]
        } else {
            engine.reasons(node, &evaluation, self.ledger)?
        };
        self.start(index, evaluation, reasons, force)
    }

    fn start(
        &mut self,
        index: usize,
        evaluation: Evaluation,
        reasons: Vec<String>,
        force: bool,
    ) -> Result<()> {
        let engine = self.engine;
        let node = &engine.pipeline.nodes[index];
        let wholes: BTreeMap<String, OnceLock<RecordBatch>> = evaluation
            .inputs
            .iter()
            .filter(|(_, (_, scope))| *scope == Scope::Whole)
            .map(|(name, _)| (name.clone(), OnceLock::new()))
            .collect();
        let (evaluation, wholes) = (Arc::new(evaluation), Arc::new(wholes));
        let mut records = Vec::new();
        for job in 0..evaluation.jobs() {
            let known =
                if force { None } else { engine.fresh_record(evaluation.job_key(job).digest())? };
            records.push(known);
        }
        let missing: Vec<usize> =
            (0..records.len()).filter(|job| records[*job].is_none()).collect();
        let rows = evaluation.driving_rows();
        engine.observer.event(&Event::NodeStarted { node: &node.name, jobs: missing.len(), rows });
        let cancelled = Arc::new(AtomicBool::new(false));
        let run = NodeRun {
            evaluation: evaluation.clone(),
            wholes: wholes.clone(),
            records,
            waiting: missing.len(),
            jobs_run: 0,
            seconds: 0.0,
            reasons,
            failure: None,
            cancelled: cancelled.clone(),
        };
        self.running.insert(index, run);
        for job in missing {
            let task = Task {
                node: index,
                job,
                evaluation: evaluation.clone(),
                wholes: wholes.clone(),
                cancelled: cancelled.clone(),
            };
            if self.tasks.send(task).is_ok() {
                self.in_flight += 1;
            }
        }
        self.finish_if_complete(index)
    }

    fn take(&mut self, done: TaskDone) -> Result<()> {
        self.in_flight -= 1;
        let Some(run) = self.running.get_mut(&done.node) else { return Ok(()) };
        run.waiting -= 1;
        match done.result {
            Ok(record) => {
                run.jobs_run += 1;
                run.seconds += record.seconds;
                run.records[done.job] = Some(record);
            }
            Err(why) => {
                run.cancelled.store(true, Ordering::Relaxed);
                run.failure = run.failure.take().or(Some(why));
            }
        }
        self.finish_if_complete(done.node)
    }

    fn finish_if_complete(&mut self, index: usize) -> Result<()> {
        if self.running.get(&index).is_none_or(|run| run.waiting > 0) {
            return Ok(());
        }
        let Some(run) = self.running.remove(&index) else { return Ok(()) };
        drop(run.wholes);
        if let Some(why) = run.failure {
            self.fail(index, Some(run.evaluation.digest), why);
            return Ok(());
        }
        let engine = self.engine;
        let node = &engine.pipeline.nodes[index];
        let jobs = run.records.len();
        let records: Vec<Record> = run.records.into_iter().flatten().collect();
        let record = join_records(run.evaluation.key.clone(), records)?;
        engine.store.put_record(&record)?;
        let evaluation = Arc::into_inner(run.evaluation)
            .map_or_else(|| engine.evaluate(node, &self.done), Ok)?;
        let key = evaluation.digest;
        let outputs = engine.outputs(node, evaluation, record);
        let outcome = if run.jobs_run == 0 {
            Outcome::Reused
        } else {
            Outcome::Ran { jobs_run: run.jobs_run, jobs, seconds: run.seconds }
        };
        let reasons = if run.jobs_run == 0 { Vec::new() } else { run.reasons };
        self.settle(index, outcome, Some(key), reasons, Some(outputs));
        Ok(())
    }

    fn fail(&mut self, index: usize, key: Option<Digest>, why: EngineError) {
        self.failed = true;
        self.settle(
            index,
            Outcome::Failed { error: why.to_string(), corrupt: why.is_corruption() },
            key,
            vec![],
            None,
        );
    }

    fn settle(
        &mut self,
        index: usize,
        outcome: Outcome,
        key: Option<Digest>,
        reasons: Vec<String>,
        outputs: Option<Outputs>,
    ) {
        let node = &self.engine.pipeline.nodes[index].name;
        self.engine.observer.event(&Event::NodeEnded { node, outcome: &outcome });
        self.done[index] = outputs.clone();
        self.settled[index] = Some(Settled { outcome, key, reasons, outputs });
    }
}
