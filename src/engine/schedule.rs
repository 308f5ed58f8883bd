//! The scheduler of a run: settles each node, or hands its jobs to the workers, as soon as its
//! inputs exist.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::evaluate::{Engine, Evaluation, Outputs, join_records};
use super::events::Event;
use super::key::Key;
use super::ledger::Ledger;
use super::locks::{Gate, Holder, TRY_AGAIN};
use super::memory::{Budget, job_bytes};
use super::record::Record;
use super::run::{Outcome, RunOptions, Settled};
use super::work::{Ending, Shared, Task, TaskDone, note_public_files, wholes_of};

/// Waiting for less than a second is not worth a line.
const TRIES_UNTOLD: u32 = 50;

/// A job that has no record, with its key and that key's digest.
type MissingJob = (usize, Key, Digest);

struct NodeRun {
    evaluation: Arc<Evaluation>,
    records: Vec<Option<Record>>,
    waiting: usize,
    jobs_run: usize,
    seconds: f64,
    reasons: Vec<String>,
    failure: Option<EngineError>,
    cancelled: Arc<AtomicBool>,
    /// Whom a message has named as holding this node up.
    told: BTreeSet<Holder>,
}

pub(super) struct Scheduler<'a> {
    engine: Engine<'a>,
    options: &'a RunOptions,
    ledger: &'a Ledger,
    shared: &'a Shared,
    settled: Vec<Option<Settled>>,
    done: Vec<Option<Outputs>>,
    running: BTreeMap<usize, NodeRun>,
    tasks: Sender<Task>,
    /// Jobs that no worker has yet, for want of memory.
    pending: VecDeque<Task>,
    /// Jobs in progress in another run.
    busy: Vec<Task>,
    budget: Budget,
    in_flight: usize,
    failed: bool,
    told_no_locks: bool,
    /// Held until the run begins to write; from then on for a moment at a time.
    pub(super) gate: Option<Gate>,
}

impl<'a> Scheduler<'a> {
    pub(super) fn new(
        engine: Engine<'a>,
        options: &'a RunOptions,
        ledger: &'a Ledger,
        shared: &'a Shared,
        tasks: Sender<Task>,
        gate: Gate,
    ) -> Self {
        let n = engine.pipeline.nodes.len();
        Scheduler {
            engine,
            options,
            ledger,
            shared,
            settled: (0..n).map(|_| None).collect(),
            done: vec![None; n],
            running: BTreeMap::new(),
            tasks,
            pending: VecDeque::new(),
            busy: Vec::new(),
            budget: Budget::of(options.memory_bytes),
            in_flight: 0,
            failed: false,
            told_no_locks: false,
            gate: Some(gate),
        }
    }

    /// Settles all nodes. `hire` is called before the first job is handed out.
    pub(super) fn drive(
        &mut self,
        results: &Receiver<TaskDone>,
        hire: &mut dyn FnMut(),
    ) -> Result<Vec<Settled>> {
        loop {
            while self.settle_ready()? {}
            self.hand_out(hire);
            if self.in_flight == 0 && self.busy.is_empty() {
                break;
            }
            match results.recv_timeout(self.patience()) {
                Ok(first) => {
                    let mut arrived = VecDeque::from([first]);
                    arrived.extend(results.try_iter());
                    for done in arrived {
                        self.take(done)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.pending.extend(self.busy.drain(..)),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tell_of_missing_locks();
        }
        let skipped = || Settled {
            outcome: Outcome::Skipped { because: "the run was stopped".into() },
            key: None,
            reasons: Vec::new(),
            outputs: None,
        };
        Ok(self.settled.iter_mut().map(|s| s.take().unwrap_or_else(skipped)).collect())
    }

    fn patience(&self) -> std::time::Duration {
        if self.busy.is_empty() { std::time::Duration::MAX } else { TRY_AGAIN }
    }

    fn tell_of_missing_locks(&mut self) {
        if self.options.locking
            && !self.told_no_locks
            && let Some(why) = self.shared.locks.without()
        {
            self.told_no_locks = true;
            self.engine.observer.event(&Event::NoLocks { why });
        }
    }

    /// Hands jobs to the workers, as many as fit into the memory.
    fn hand_out(&mut self, hire: &mut dyn FnMut()) {
        while let Some(task) = self.pending.pop_front() {
            if self.in_flight > 0 && !self.budget.has_room(task.bytes) {
                self.pending.push_front(task);
                return;
            }
            hire();
            let bytes = task.bytes;
            if self.tasks.send(task).is_ok() {
                self.budget.take(bytes);
                self.in_flight += 1;
            }
        }
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
        // What is looked up from here on is noted before a sweep can come between.
        let _gate = if self.shared.is_active() { Some(self.shared.gate()?) } else { None };
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
            self.shared.note([key])?;
            let outputs = engine.outputs(node, evaluation, record);
            self.settle(index, Outcome::Reused, Some(key), vec![], Some(outputs));
            return Ok(());
        }
        let reasons = if force {
            vec!["forced".to_owned()]
        } else {
            engine.reasons(node, &evaluation, self.ledger)?
        };
        self.start(index, evaluation, reasons)
    }

    /// The run begins to write: it says what it relies on and lets others sweep.
    fn begin_to_write(&mut self, index: usize) -> Result<()> {
        if self.shared.is_active() {
            return Ok(());
        }
        let keys = self.settled.iter().flatten().filter_map(|settled| settled.key).collect();
        self.shared.begin(&self.engine, keys).map_err(|why| {
            let node = &self.engine.pipeline.nodes[index].name;
            why.read_only(self.engine.store.root(), node)
        })
    }

    fn start(&mut self, index: usize, evaluation: Evaluation, reasons: Vec<String>) -> Result<()> {
        self.begin_to_write(index)?;
        let engine = self.engine;
        let node = &engine.pipeline.nodes[index];
        let force = self.options.force[index];
        let (records, missing) = self.known_jobs(&evaluation, force)?;
        self.gate = None;
        let rows = evaluation.driving_rows();
        engine.observer.event(&Event::NodeStarted { node: &node.name, jobs: missing.len(), rows });
        let wholes = wholes_of(&evaluation);
        let evaluation = Arc::new(evaluation);
        let cancelled = Arc::new(AtomicBool::new(false));
        let run = NodeRun {
            evaluation: evaluation.clone(),
            records,
            waiting: missing.len(),
            jobs_run: 0,
            seconds: 0.0,
            reasons,
            failure: None,
            cancelled: cancelled.clone(),
            told: BTreeSet::new(),
        };
        self.running.insert(index, run);
        for (job, key, name) in missing {
            self.pending.push_back(Task {
                node: index,
                job,
                key,
                name,
                force,
                bytes: if self.budget.is_limited() { job_bytes(node, &evaluation, job) } else { 0 },
                tries: 0,
                evaluation: evaluation.clone(),
                wholes: wholes.clone(),
                cancelled: cancelled.clone(),
            });
        }
        self.finish_if_complete(index)
    }

    /// The records of a node's jobs, and those jobs that have none.
    fn known_jobs(
        &self,
        evaluation: &Evaluation,
        force: bool,
    ) -> Result<(Vec<Option<Record>>, Vec<MissingJob>)> {
        let (mut records, mut missing) = (Vec::new(), Vec::new());
        for job in 0..evaluation.jobs() {
            let key = evaluation.job_key(job);
            let name = key.digest();
            let known = if force { None } else { self.engine.fresh_record(name)? };
            match &known {
                Some(_) => self.shared.note([name])?,
                None => missing.push((job, key, name)),
            }
            records.push(known);
        }
        Ok((records, missing))
    }

    fn take(&mut self, done: TaskDone) -> Result<()> {
        self.in_flight -= 1;
        self.budget.give_back(done.bytes);
        let Some(run) = self.running.get_mut(&done.node) else { return Ok(()) };
        match done.result {
            Ok(Ending::Busy(task, by)) => return self.hold_back(*task, by),
            Ok(Ending::Did(record)) => {
                run.jobs_run += 1;
                run.seconds += record.seconds;
                run.records[done.job] = Some(*record);
            }
            Ok(Ending::Found(record)) => run.records[done.job] = Some(*record),
            Err(why) => {
                run.cancelled.store(true, Ordering::Relaxed);
                run.failure = run.failure.take().or(Some(why));
            }
        }
        run.waiting -= 1;
        self.finish_if_complete(done.node)
    }

    /// Keeps a job that is in progress elsewhere for later.
    fn hold_back(&mut self, mut task: Task, by: Holder) -> Result<()> {
        let node = &self.engine.pipeline.nodes[task.node].name;
        if by != Holder::Ourselves {
            if !self.options.wait {
                let what = format!("the work of node `{node}`");
                return Err(EngineError::Locked { what, by: by.to_string() });
            }
            let long = task.tries == TRIES_UNTOLD;
            if long && self.running.get_mut(&task.node).is_some_and(|run| run.told.insert(by)) {
                self.engine.observer.event(&Event::Waiting { node, by: &by.to_string() });
            }
        }
        task.tries = task.tries.saturating_add(1);
        self.busy.push(task);
        Ok(())
    }

    fn finish_if_complete(&mut self, index: usize) -> Result<()> {
        if self.running.get(&index).is_none_or(|run| run.waiting > 0) {
            return Ok(());
        }
        let Some(run) = self.running.remove(&index) else { return Ok(()) };
        if let Some(why) = run.failure {
            self.fail(index, Some(run.evaluation.digest), why);
            return Ok(());
        }
        let engine = self.engine;
        let node = &engine.pipeline.nodes[index];
        let jobs = run.records.len();
        let records: Vec<Record> = run.records.into_iter().flatten().collect();
        let record = join_records(run.evaluation.key.clone(), records)?;
        let _gate = self.shared.gate()?;
        let known = run.jobs_run == 0 && engine.fresh_record(record.name)?.is_some();
        // Noted first: a run that is killed in between leaves no record that a sweep would take.
        self.shared.note([record.name])?;
        if !known {
            note_public_files(engine.store, record.name, &run.evaluation)?;
            engine.store.put_record(&record)?;
        }
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
        let outcome = match why {
            // Its jobs that were done are kept; it did not fail.
            EngineError::Interrupted => Outcome::Skipped { because: why.to_string() },
            _ => Outcome::Failed { error: why.to_string(), corrupt: why.is_corruption() },
        };
        self.settle(index, outcome, key, vec![], None);
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
