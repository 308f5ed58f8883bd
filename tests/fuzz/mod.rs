//! Fuzzing without instruments: mutants of well-formed inputs are read; no panic, no hang, no
//! memory beyond what the input's size explains.
//!
//! An input whose outcome (the error, without its numbers) is new joins the corpus. A short run by
//! default; `MDWARF_LONG=1` goes on for `MDWARF_FUZZ_SECONDS` (default 1800) a target. Findings,
//! and the last input of each target, stay in `MDWARF_FUZZ_DIR` (default: the temporary folder);
//! `MDWARF_FUZZ_REPLAY=FILE` reads one of them again.

mod memory;
mod mutate;
mod records;
mod seeds;
mod targets;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use memory::most_bytes;
use mutate::{Pool, Random, mutant};

/// What is fuzzed.
pub struct Target<'a> {
    pub name: &'a str,
    pub seeds: Vec<Vec<u8>>,
    pub words: &'a [&'a str],
    /// The most bytes of an input.
    pub most_bytes: usize,
    /// Bytes of memory that are fine for an input of no length, and for each of its bytes.
    pub memory: (usize, usize),
    /// Reads an input and tells in words what came of it.
    pub read: &'a dyn Fn(&[u8]) -> String,
}

#[derive(Debug, Default)]
struct Tally {
    executions: u64,
    outcomes: usize,
    most_memory: usize,
    slowest: Duration,
    /// Findings: what, and how often.
    findings: BTreeMap<String, u64>,
}

thread_local! {
    static IN_TRIAL: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the place of a panic in a trial instead of printing it.
fn hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IN_TRIAL.get() {
                return before(info);
            }
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let what = info.payload();
            let what = what
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = format!("panic at {place}: {}", what.unwrap_or_default());
            PANIC.with(|panic| *panic.borrow_mut() = text);
        }));
    });
}

pub fn long() -> bool {
    std::env::var_os("MDWARF_LONG").is_some()
}

fn seconds() -> u64 {
    let asked = std::env::var("MDWARF_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(1800)
}

fn folder() -> PathBuf {
    std::env::var_os("MDWARF_FUZZ_DIR")
        .map_or_else(|| std::env::temp_dir().join("mdwarf_fuzz"), PathBuf::from)
}

/// What earlier runs found: it must never be found again.
fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/found");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let of_target = |path: &PathBuf| {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
    };
    paths.iter().filter(|path| of_target(path)).map(|path| fs::read(path).expect("it")).collect()
}

/// An outcome without what differs from input to input.
fn outline(outcome: &str) -> String {
    let mut quote = None;
    let kept = outcome.chars().filter(|c| {
        match quote {
            None if "`\"'".contains(*c) => quote = Some(*c),
            Some(open) if open == *c => quote = None,
            _ => {}
        }
        quote.is_none() && (c.is_ascii_alphabetic() || *c == ' ')
    });
    kept.take(160).collect()
}

/// Ends the program if a trial goes on for two minutes; the input lies in the folder.
fn watch(name: &str, started: Instant) -> Arc<AtomicU64> {
    let began = Arc::new(AtomicU64::new(0));
    let (name, seen) = (name.to_owned(), Arc::downgrade(&began));
    std::thread::spawn(move || {
        while let Some(began) = seen.upgrade() {
            let now = started.elapsed().as_secs();
            if now.saturating_sub(began.load(Ordering::Relaxed)) > 120 {
                eprintln!("{name}: hangs on {}", folder().join(format!("{name}.last")).display());
                std::process::abort();
            }
            drop(began);
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    began
}

/// Fuzzes a target; nothing may be found.
pub fn fuzz(target: &Target<'_>) {
    hook();
    fs::create_dir_all(folder()).expect("a folder");
    let seeds = [target.seeds.clone(), found(target.name)].concat();
    let mut corpus = seeds.clone();
    let mut seen = HashSet::new();
    let mut tally = Tally::default();
    let started = Instant::now();
    let began = watch(target.name, started);
    // Every run of a day would else walk the same way.
    let seed = std::env::var("MDWARF_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let mut random = Random::new(seed.unwrap_or(1));
    let ends = |executions: u64| match long() {
        true => started.elapsed().as_secs() >= seconds(),
        false => executions >= 300,
    };
    if let Some(path) = std::env::var_os("MDWARF_FUZZ_REPLAY") {
        let input = fs::read(path).expect("an input");
        eprintln!("{}\n{tally:?}", execute(target, &input, &mut tally));
        return;
    }
    let mut told = 0;
    while !ends(tally.executions) {
        let at = tally.executions as usize;
        let pool = Pool { corpus: &corpus, words: target.words, most_bytes: target.most_bytes };
        let input = match seeds.get(at) {
            Some(seed) => seed.clone(),
            None => mutant(&mut random, &pool),
        };
        began.store(started.elapsed().as_secs(), Ordering::Relaxed);
        let outcome = execute(target, &input, &mut tally);
        if seen.insert(outline(&outcome)) && corpus.len() < 5000 {
            corpus.push(input);
        }
        if started.elapsed().as_secs() / 300 > told {
            told += 1;
            eprintln!("{}: {} so far, {:?}", target.name, tally.executions, tally.findings);
        }
    }
    tally.outcomes = seen.len();
    report(target.name, &tally, started.elapsed());
    assert!(tally.findings.is_empty(), "{}: {:#?}", target.name, tally.findings);
}

fn report(name: &str, tally: &Tally, took: Duration) {
    crate::tally::trials(
        5,
        &format!("fuzz {name}"),
        tally.executions,
        tally.findings.values().sum(),
        &format!(
            "{} outcomes, at most {} KiB of memory, slowest {:.2} s, {} s in all",
            tally.outcomes,
            tally.most_memory >> 10,
            tally.slowest.as_secs_f64(),
            took.as_secs()
        ),
    );
}

fn execute(target: &Target<'_>, input: &[u8], tally: &mut Tally) -> String {
    // If this is the end of the program, the input is what is wanted to know.
    fs::write(folder().join(format!("{}.last", target.name)), input).expect("a file");
    let started = Instant::now();
    IN_TRIAL.set(true);
    let (read, most) = most_bytes(|| catch_unwind(AssertUnwindSafe(|| (target.read)(input))));
    IN_TRIAL.set(false);
    let took = started.elapsed();
    tally.executions += 1;
    tally.most_memory = tally.most_memory.max(most);
    tally.slowest = tally.slowest.max(took);
    let (base, each) = target.memory;
    if most > base + each * input.len() {
        let what = format!("memory: 2^{} bytes", most.ilog2());
        finding(target, &what, input, tally);
    }
    // Generous: the machine may be busy.
    if took > Duration::from_secs(20) {
        finding(target, "slow", input, tally);
    }
    read.unwrap_or_else(|_| {
        let what = PANIC.with(|panic| panic.take());
        finding(target, &outline(&what), input, tally);
        what
    })
}

fn finding(target: &Target<'_>, what: &str, input: &[u8], tally: &mut Tally) {
    let count = tally.findings.entry(what.to_owned()).or_default();
    *count += 1;
    if *count == 1 {
        let word: String = what.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
        let path = folder().join(format!("{}-{word}", target.name));
        fs::write(&path, input).expect("a file");
        eprintln!("{}: {what}; see {}", target.name, path.display());
    }
}
