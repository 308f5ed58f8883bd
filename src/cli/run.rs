//! The verb `run`: brings all results up to date, keeps the ledger, publishes copies for people.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::args::{Cli, RunArgs};
use super::claims;
use super::failure::{CLAIM_MISSED, CORRUPT, Failure, STAGE_FAILED, split_hint};
use super::lock::Locked;
use super::plan::{self, Selection};
use super::progress::Progress;
use super::project::Project;
use super::publish::{Published, publish};
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
    let started = Instant::now();
    let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let progress = Progress::new(talk);
    let project = Project::open(&cli.common, &progress)?;
    let options = options(&project, args, talk)?;
    let head = RunEntry {
        id: run_id(started_at, std::process::id()),
        started: started_at.as_secs(),
        seconds: 0.0,
        pipeline: project.pipeline.name.clone(),
        profile: project.pipeline.profile.clone(),
        method: project.pipeline.method.clone(),
        sets: cli.common.set.clone(),
        code: code_version(),
        nodes: Vec::new(),
        claims: Vec::new(),
    };
    let engine = project.engine(&progress);
    let locked = match args.locked {
        true => Some(Locked::open(&project, &cli.common.set, talk)?),
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
        let publish = |()| publish(&project, &done, &cli.common.set);
        Ok::<_, Failure>((entry, published.and_then(publish)))
    })?;
    report(cli, talk, &entry, published.as_deref().unwrap_or_default());
    published?;
    if options.stop.load(Ordering::SeqCst) {
        return Err(Failure {
            code: signals::exit_code(),
            ..Failure::usage("interrupted; what was finished is kept")
        }
        .hint("`mdwarf run` goes on from there"));
    }
    Ok(exit_code(&entry, args.strict))
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

fn options(project: &Project, args: &RunArgs, talk: &Talk) -> Result<RunOptions, Failure> {
    let Selection { wanted, force } = selection(project, args)?;
    let jobs = threads(args)?;
    Ok(RunOptions {
        force,
        wanted,
        keep_going: args.keep_going,
        wait: !args.no_wait,
        memory_bytes: args.memory,
        stop: signals::listen(talk),
        ..RunOptions::all(project.pipeline.nodes.len(), jobs)
    })
}

fn threads(args: &RunArgs) -> Result<usize, Failure> {
    match args.jobs {
        Some(0) => Err(Failure::usage("`-j 0` leaves nobody to work").hint("give 1 or more")),
        Some(jobs) => Ok(jobs),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// The parallel loops of science, and those of polars, have pools of their own: each of the size
/// that was asked for. To be called while the program has one thread.
fn limit_pools(jobs: usize) {
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

fn exit_code(entry: &RunEntry, strict: bool) -> u8 {
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

fn report(cli: &Cli, talk: &Talk, entry: &RunEntry, published: &[Published]) {
    let named = |wanted: fn(&Outcome) -> bool| -> Vec<String> {
        let fitting = entry.nodes.iter().filter(|n| wanted(&n.outcome));
        fitting.map(|n| n.node.clone()).collect()
    };
    let line = RunLine {
        run: entry.id.clone(),
        ran: named(|o| matches!(o, Outcome::Ran { .. })),
        reused: named(|o| matches!(o, Outcome::Reused)),
        failed: named(|o| matches!(o, Outcome::Failed { .. })),
        seconds: entry.seconds,
    };
    exceptions(talk, entry);
    for file in published.iter().filter(|file| file.written) {
        talk.note(&format!("wrote {}", file.path.display()));
    }
    if !entry.claims.is_empty() {
        talk.note(&format!("{} (`mdwarf claims` lists them)", claims::summary(&entry.claims)));
    }
    let skipped = named(|o| matches!(o, Outcome::Skipped { .. })).len();
    talk.note(&format!(
        "run {}: {} ran, {} reused, {} failed, {skipped} skipped, {:.2} s",
        entry.id,
        line.ran.len(),
        line.reused.len(),
        line.failed.len(),
        entry.seconds
    ));
    if cli.common.json {
        talk.json(&line);
    }
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
