//! The run: what is asked for, what comes back. `schedule` settles nodes, `work` does their jobs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::Result;
use super::evaluate::{Engine, Outputs};
use super::events::Event;
use super::ledger::Ledger;
use super::locks::{Gate, Locks};
use super::schedule::Scheduler;
use super::work::{Shared, Task, TaskDone};

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

impl Outcome {
    /// Whether the node has a result, made in the run or before.
    pub fn has_result(&self) -> bool {
        matches!(self, Outcome::Ran { .. } | Outcome::Reused)
    }
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
    /// Whether to wait for work in progress in other runs; else that ends the run.
    pub wait: bool,
    /// Whether runs at once tell each other what they work on.
    pub locking: bool,
    /// Whether jobs are done one at a time, and what each costs is kept in its record.
    pub measure: bool,
    /// Memory that jobs may use together, by estimate.
    pub memory_bytes: Option<u64>,
    /// Set from outside to stop after the jobs in hand.
    pub stop: Arc<AtomicBool>,
}

impl RunOptions {
    /// All of `nodes` nodes, once, on so many threads.
    pub fn all(nodes: usize, jobs: usize) -> Self {
        RunOptions {
            jobs,
            force: vec![false; nodes],
            wanted: vec![true; nodes],
            keep_going: false,
            wait: true,
            locking: true,
            measure: false,
            memory_bytes: None,
            stop: Arc::default(),
        }
    }
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

impl Engine<'_> {
    /// Runs the pipeline.
    ///
    /// `ended` is handed what became of the nodes before the store's sweep may take anything of
    /// it: there a run is written into the ledger.
    ///
    /// # Errors
    /// For faults of the store itself, and for work in progress elsewhere that may not be waited
    /// for; failures of stages are outcomes.
    pub fn run_then<T, E: From<super::error::EngineError>>(
        &self,
        ledger: &Ledger,
        options: &RunOptions,
        ended: impl FnOnce(Vec<Settled>) -> Result<T, E>,
    ) -> Result<T, E> {
        let shared = Shared::new(Locks::new(self.store.root(), options.locking), options);
        let gate = shared.locks.share(options.wait)?;
        let (settled, _gate) = self.settle_all(ledger, options, &shared, gate)?;
        let failed = |s: &Settled| matches!(s.outcome, Outcome::Failed { .. });
        let stopped = options.stop.load(Ordering::Relaxed);
        let finished = !stopped && !settled.iter().any(failed);
        let result = ended(settled)?;
        shared.end(finished);
        Ok(result)
    }

    /// Runs the pipeline; see [`Engine::run_then`].
    pub fn run(&self, ledger: &Ledger, options: &RunOptions) -> Result<Vec<Settled>> {
        self.run_then(ledger, options, Ok)
    }

    fn settle_all(
        &self,
        ledger: &Ledger,
        options: &RunOptions,
        shared: &Shared,
        gate: Gate,
    ) -> Result<(Vec<Settled>, Option<Gate>)> {
        let (tasks, task_queue) = channel::<Task>();
        let (results, result_queue) = channel::<TaskDone>();
        let task_queue = Mutex::new(task_queue);
        self.observer.event(&Event::Started { nodes: self.pipeline.nodes.len() });
        std::thread::scope(|scope| {
            // A run that finds all fresh needs no workers.
            let mut results = Some(results);
            let mut hire = || {
                let Some(results) = results.take() else { return };
                let workers = if options.measure { 1 } else { options.jobs.max(1) };
                for _ in 0..workers {
                    let (results, task_queue) = (results.clone(), &task_queue);
                    scope.spawn(move || self.work(task_queue, &results, shared, &options.stop));
                }
            };
            let mut scheduler = Scheduler::new(*self, options, ledger, shared, tasks, gate);
            let settled = scheduler.drive(&result_queue, &mut hire);
            if settled.is_err() {
                // The store itself is at fault: what is queued would be work for nothing.
                options.stop.store(true, Ordering::Relaxed);
            }
            Ok((settled?, scheduler.gate))
        })
    }
}
