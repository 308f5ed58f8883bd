//! The verb `run`: brings all results up to date, keeps the ledger, publishes copies for people.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::args::{Cli, Common, RunArgs};
use super::claims;
use super::failure::{CLAIM_MISSED, CORRUPT, Failure, STAGE_FAILED, split_hint};
use super::lock::Locked;
use super::plan::{self, Selection};
use super::progress::Progress;
use super::project::Project;
use super::publish::{Published, publish, results_folder};
use super::run_facts::Ended;
use super::signals;
use super::talk::Talk;
use crate::engine::claims::Status;
use crate::engine::error::{EngineError, forbids_writing, unless_read_only};
use crate::engine::evaluate::Outputs;
use crate::engine::ledger::{NodeEntry, RunEntry};
use crate::engine::record::code_version;
use crate::engine::run::{Outcome, RunOptions, Settled};
use crate::provenance::time::civil;

/// Where polars looks for the size of its pool, once, before its first use.
const POLARS_THREADS: &str = "POLARS_MAX_THREADS";

/// The last line of `run --json`.
#[derive(Debug, Serialize)]
struct RunLine {
    run: String,
    ran: Vec<String>,
    reused: Vec<String>,
    failed: Vec<String>,
    seconds: f64,
}

/// Runs the pipeline.
pub fn run(cli: &Cli, args: &RunArgs, talk: &Talk) -> Result<u8, Failure> {
    if args.dry_run {
        return plan::dry_run(cli, talk, |project| selection(project, args));
    }
    limit_pools(threads(args)?);
    let done = one(&cli.common, args, &signals::listen(talk), talk)?;
    if cli.common.json {
        talk.json(&RunLine::of(&done.entry));
    } else if !named(&done.entry, |o| matches!(o, Outcome::Ran { .. })).is_empty() {
        // A run that found all as it was has nothing new to claim.
        let table = claims::closing(&done.entry.claims);
        if !table.is_empty() {
            talk.out(&table);
        }
    }
    Ok(exit_code(&done.entry, args.strict))
}

/// A run that came to its end.
pub struct Done {
    /// As the ledger has it.
    pub entry: RunEntry,
    /// Where its copies for people are.
    pub folder: PathBuf,
}

/// Runs the pipeline once and tells how it went.
///
/// # Errors
/// What keeps the run from its end: a specification that does not hold, a store that cannot be written, `stop`.
pub fn one(
    common: &Common,
    args: &RunArgs,
    stop: &Arc<AtomicBool>,
    talk: &Talk,
) -> Result<Done, Failure> {
    let started = Instant::now();
    let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let progress = Progress::new(talk);
    let project = Project::open(common, &progress)?;
    let options = options(&project, args, stop)?;
    let head = RunEntry {
        id: run_id(started_at, std::process::id()),
        started: started_at.as_secs(),
        seconds: 0.0,
        pipeline: project.pipeline.name.clone(),
        profile: project.pipeline.profile.clone(),
        method: project.pipeline.method.clone(),
        sets: common.set.clone(),
        code: code_version(),
        nodes: Vec::new(),
        claims: Vec::new(),
    };
    let engine = project.engine(&progress);
    let locked = match args.locked {
        true => Some(Locked::open(&project, &common.set, talk)?),
        false => None,
    };
    let (entry, published) = engine.run_then(&project.ledger, &options, |settled| {
        progress.finish();
        project.sources.remember().or_else(unless_read_only)?;
        let done: Vec<Option<Outputs>> = settled.iter().map(|s| s.outputs.clone()).collect();
        let entry = RunEntry {
            claims: engine.claims(&done),
            nodes: node_entries(&project, settled),
            seconds: started.elapsed().as_secs_f64(),
            ..head
        };
        project.store.save_gathered().or_else(unless_read_only)?;
        enter(&project, &entry, talk)?;
        let published = match locked {
            Some(locked) => locked.check(&project, &done, talk),
            None => Ok(()),
        };
        let ended = Ended { project: &project, done: &done, entry: &entry };
        let published = published.and_then(|()| publish(&ended));
        Ok::<_, Failure>((entry, published))
    })?;
    report(talk, &entry, published.as_deref().unwrap_or_default());
    published?;
    if stop.load(Ordering::SeqCst) {
        return Err(Failure {
            code: signals::exit_code(),
            ..Failure::usage("interrupted; what was finished is kept")
        }
        .hint("`mdwarf run` goes on from there"));
    }
    let folder = results_folder(&project, &common.set)?;
    Ok(Done { entry, folder })
}

/// Writes a run into the ledger. One that only found all fresh may do without, where the store is
/// read-only.
fn enter(project: &Project, entry: &RunEntry, talk: &Talk) -> Result<(), Failure> {
    match project.ledger.write(&project.store, entry) {
        Err(EngineError::Io { source, .. }) if forbids_writing(&source) => {
            talk.note(&format!("this run is not in the ledger: the store is read-only ({source})"));
            Ok(())
        }
        other => Ok(other?),
    }
}

fn selection(project: &Project, args: &RunArgs) -> Result<Selection, Failure> {
    let pipeline = &project.pipeline;
    let n = pipeline.nodes.len();
    let wanted = match &args.until {
        Some(node) => pipeline.ancestors(pipeline.node(node)?),
        None => vec![true; n],
    };
    let mut force = vec![false; n];
    match args.force.as_deref() {
        None => {}
        Some("") => force = vec![true; n],
        Some(node) => force[pipeline.node(node)?] = true,
    }
    if let Some(node) = &args.from {
        let reached = pipeline.descendants(pipeline.node(node)?);
        force.iter_mut().zip(reached).for_each(|(force, reached)| *force |= reached);
    }
    Ok(Selection { wanted, force })
}

fn options(
    project: &Project,
    args: &RunArgs,
    stop: &Arc<AtomicBool>,
) -> Result<RunOptions, Failure> {
    let Selection { wanted, force } = selection(project, args)?;
    let jobs = threads(args)?;
    Ok(RunOptions {
        measure: args.measure,
        force,
        wanted,
        keep_going: args.keep_going,
        wait: !args.no_wait,
        memory_bytes: args.memory,
        stop: stop.clone(),
        ..RunOptions::all(project.pipeline.nodes.len(), jobs)
    })
}

/// How many threads are asked for.
pub fn threads(args: &RunArgs) -> Result<usize, Failure> {
    match args.jobs {
        Some(0) => Err(Failure::usage("`-j 0` leaves nobody to work").hint("give 1 or more")),
        Some(jobs) => Ok(jobs),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// The parallel loops of science, and those of polars, have pools of their own: each of the size
/// that was asked for. To be called while the program has one thread.
pub fn limit_pools(jobs: usize) {
    if std::env::var_os(POLARS_THREADS).is_none() {
        // SAFETY: there is no other thread that could read or write the environment meanwhile.
        unsafe { std::env::set_var(POLARS_THREADS, jobs.to_string()) };
    }
    let _ = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global();
}

/// A time that sorts (UTC): to the second, then the rest in 65,536ths of a second, which keeps
/// runs of one second apart and in order; then digits of the process's number, for runs that start
/// at once.
fn run_id(since_1970: Duration, process: u32) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = civil((seconds / 86_400) as i64);
    let rest = seconds % 86_400;
    let fraction = (u64::from(since_1970.subsec_nanos()) << 16) / 1_000_000_000;
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}-{fraction:04x}{:03x}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60,
        process & 0xfff
    )
}

/// Date and time (UTC) of seconds since 1970: `2021-01-30 00:00:00 UTC`.
pub fn civil_time(since_1970: u64) -> String {
    let (year, month, day) = civil((since_1970 / 86_400) as i64);
    let rest = since_1970 % 86_400;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

fn node_entries(project: &Project, settled: Vec<Settled>) -> Vec<NodeEntry> {
    project
        .pipeline
        .nodes
        .iter()
        .zip(settled)
        .map(|(node, settled)| NodeEntry {
            node: node.name.clone(),
            stage: node.stage.name.to_owned(),
            // A node that was not reached keeps the key of its last run, so that `why` can tell
            // what has changed since.
            key: settled.key.or_else(|| project.ledger.last_key(&node.name)),
            reasons: settled.reasons,
            dataset: node.dataset.as_ref().map(|(slot, _)| slot.clone()),
            outcome: settled.outcome,
        })
        .collect()
}

/// 1, 4 or 5 where something failed, was missed or damaged.
pub fn exit_code(entry: &RunEntry, strict: bool) -> u8 {
    let corrupt = |o: &Outcome| matches!(o, Outcome::Failed { corrupt: true, .. });
    if entry.nodes.iter().any(|n| corrupt(&n.outcome)) {
        return CORRUPT;
    }
    let failed = entry.nodes.iter().any(|n| matches!(n.outcome, Outcome::Failed { .. }));
    let missed = entry.claims.iter().any(|c| c.status == Status::Miss);
    match (failed, missed && strict) {
        (true, _) => STAGE_FAILED,
        (false, true) => CLAIM_MISSED,
        (false, false) => 0,
    }
}

impl RunLine {
    fn of(entry: &RunEntry) -> Self {
        RunLine {
            run: entry.id.clone(),
            ran: named(entry, |o| matches!(o, Outcome::Ran { .. })),
            reused: named(entry, |o| matches!(o, Outcome::Reused)),
            failed: named(entry, |o| matches!(o, Outcome::Failed { .. })),
            seconds: entry.seconds,
        }
    }
}

fn named(entry: &RunEntry, wanted: fn(&Outcome) -> bool) -> Vec<String> {
    entry.nodes.iter().filter(|n| wanted(&n.outcome)).map(|n| n.node.clone()).collect()
}

fn report(talk: &Talk, entry: &RunEntry, published: &[Published]) {
    let line = RunLine::of(entry);
    exceptions(talk, entry);
    for file in published.iter().filter(|file| file.written) {
        talk.note(&format!("wrote {}", file.path.display()));
    }
    if !entry.claims.is_empty() {
        talk.note(&format!("{} (`mdwarf claims` lists them)", claims::summary(&entry.claims)));
    }
    let skipped = named(entry, |o| matches!(o, Outcome::Skipped { .. })).len();
    talk.note(&format!(
        "run {}: {} ran, {} reused, {} failed, {skipped} skipped, {:.2} s",
        entry.id,
        line.ran.len(),
        line.reused.len(),
        line.failed.len(),
        entry.seconds
    ));
}

/// Nodes that failed or were left out.
fn exceptions(talk: &Talk, entry: &RunEntry) {
    let mut absent: BTreeMap<&String, Vec<&str>> = BTreeMap::new();
    for node in &entry.nodes {
        match &node.outcome {
            Outcome::Failed { error, .. } => {
                let (message, hint) = split_hint(error);
                talk.error(message);
                let again = format!("`mdwarf log {}` shows it again", node.node);
                talk.hint(hint.unwrap_or(&again));
            }
            Outcome::Absent { dataset } => absent.entry(dataset).or_default().push(&node.node),
            _ => {}
        }
    }
    for (dataset, nodes) in absent {
        talk.note(&format!("dataset `{dataset}` is absent: without {}", nodes.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_sort_by_time() {
        let at = |nanos: u32| run_id(Duration::new(1_611_964_800, nanos), 0x1_2345);
        assert_eq!(at(0), "20210130T000000-0000345");
        assert_eq!(at(500_000_000), "20210130T000000-8000345");
        assert_eq!(at(999_999_999), "20210130T000000-ffff345");
        assert!(at(20_000) > at(0));
    }
}
