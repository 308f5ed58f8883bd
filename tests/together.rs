//! Runs at once share their work, wait for each other, and never end in anything but the clean
//! result.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::{Answer, Project};
use crate::stories;
use crate::tally::trials as told;

/// Starts the program without waiting for it.
pub fn start(project: &Project, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mdwarf"))
        .args(arguments)
        .arg("-C")
        .arg(project.root())
        .env_remove("MDWARF_MIRROR")
        .env_remove("MDWARF_CACHE")
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn ended(child: Child) -> Answer {
    Answer::of(child.wait_with_output().expect("the program ends"))
}

/// Jobs done by node, and jobs in all, over all runs of the ledger.
fn jobs(project: &Project) -> BTreeMap<String, (u64, u64)> {
    let mut jobs: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for path in files_in(project, "runs").iter().filter(|p| p.extension().is_some()) {
        let text = fs::read_to_string(path).expect("a run");
        // The second line is its seal.
        let run = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let Some(run) = run else { continue };
        for node in run["nodes"].as_array().into_iter().flatten() {
            let name = node["node"].as_str().expect("a name").to_owned();
            let entry = jobs.entry(name).or_default();
            entry.0 += node["jobs_run"].as_u64().unwrap_or(0);
            entry.1 = entry.1.max(node["jobs"].as_u64().unwrap_or(0));
        }
    }
    jobs
}

pub fn files_in(project: &Project, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![project.path("cache/v1").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

pub fn catalog(project: &Project) -> Vec<u8> {
    fs::read(project.path("results/test/catalog.fits")).expect("the catalog")
}

pub fn clean() -> Vec<u8> {
    let project = stories::project();
    project.run();
    catalog(&project)
}

/// `MDWARF_LONG=1` tries more often.
pub fn trials() -> usize {
    if std::env::var_os("MDWARF_LONG").is_some() { 50 } else { 1 }
}

fn at_once(runs: usize, jobs_each: &str) {
    let clean = clean();
    for _ in 0..trials() {
        try_at_once(runs, jobs_each, &clean);
    }
    told(3, &format!("{runs} runs at once"), trials() as u64, 0, "each job done once");
}

fn try_at_once(runs: usize, jobs_each: &str, clean: &[u8]) {
    let project = stories::project();
    let arguments = ["run", "--profile", "test", "--json", "-j", jobs_each];
    let children: Vec<Child> = (0..runs).map(|_| start(&project, &arguments)).collect();
    for child in children {
        let answer = ended(child);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }
    assert_eq!(catalog(&project), clean);
    let jobs = jobs(&project);
    assert_eq!(jobs.len(), stories::ALL.len());
    for (node, (done, of)) in jobs {
        assert_eq!(done, of, "`{node}`: each job is done once, by whichever run");
    }
    project.run().ran(&[]);
    assert_eq!(project.mdwarf(&["plan", "--check", "--profile", "test"]).code, 0);
    let left: Vec<PathBuf> =
        ["locks", "active", "tmp"].iter().flat_map(|f| files_in(&project, f)).collect();
    assert_eq!(left, [project.path("cache/v1/locks/gate")]);
}

#[test]
fn two_runs_at_once_do_each_job_once() {
    at_once(2, "2");
}

#[test]
fn eight_runs_at_once_do_each_job_once() {
    at_once(8, "1");
}

#[test]
fn runs_of_different_methods_share_what_they_have_in_common() {
    let project = stories::project();
    let plain = ["run", "--profile", "test", "--json"];
    let other = ["run", "--profile", "test", "--json", "--set", "predicted.model_error=none"];
    let children = [start(&project, &plain), start(&project, &other)];
    for child in children {
        assert_eq!(ended(child).code, 0);
    }
    let jobs = jobs(&project);
    for node in ["spectra", "normalized", "slam"] {
        assert_eq!(jobs[node].0, jobs[node].1, "{node}");
    }
    assert_eq!(jobs["predicted"].0, 2 * jobs["predicted"].1);
    assert_eq!(catalog(&project), clean());
}

/// A project whose work is to be done again, and locks on all of it as another run would hold.
fn in_progress() -> (Project, Vec<File>) {
    let project = stories::project();
    project.run();
    let locks = project.path("cache/v1/locks");
    let held = files_in(&project, "records")
        .into_iter()
        .map(|record| {
            let name = |path: &std::path::Path| {
                path.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned()
            };
            let key = name(record.parent().expect("a folder")) + &name(&record);
            fs::remove_file(&record).expect("removed");
            fs::write(locks.join(&key), std::process::id().to_string()).expect("a lock");
            let file = File::open(locks.join(&key)).expect("the lock");
            file.lock().expect("locked");
            file
        })
        .collect();
    (project, held)
}

#[test]
fn who_may_not_wait_ends_with_nine() {
    let (project, held) = in_progress();
    let answer = project.mdwarf(&["run", "--profile", "test", "--no-wait"]);
    assert_eq!(answer.code, 9, "{}", answer.stderr);
    answer.says("in progress elsewhere").says(&std::process::id().to_string());
    drop(held);
    assert_eq!(project.mdwarf(&["run", "--profile", "test", "--no-wait"]).code, 0);
}

#[test]
fn who_waits_says_for_whom_and_goes_on() {
    let (project, held) = in_progress();
    let before = catalog(&project);
    let mut child = start(&project, &["run", "--profile", "test", "--json"]);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(child.try_wait().expect("a state").is_none(), "it waits");
    drop(held);
    let answer = ended(child);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.says(&format!("waiting for the run of process {}", std::process::id()));
    assert_eq!(catalog(&project), before);
}

#[test]
fn who_waits_can_be_interrupted() {
    let (project, held) = in_progress();
    let child = start(&project, &["run", "--profile", "test"]);
    std::thread::sleep(Duration::from_millis(1000));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let started = Instant::now();
    let answer = ended(child);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(answer.code, 130, "{}", answer.stderr);
    drop(held);
    project.run();
}

#[test]
fn locks_left_by_the_dead_are_free() {
    let (project, held) = in_progress();
    drop(held);
    assert!(files_in(&project, "locks").len() > stories::ALL.len());
    let answer = project.mdwarf(&["run", "--profile", "test", "--no-wait"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    told(3, "locks left by a dead process", stories::ALL.len() as u64, 0, "free at once");
}

#[test]
fn a_killed_run_holds_nobody_up() {
    let clean = clean();
    for delay_ms in (0..3 * trials() as u64).map(|i| 20 + i * 45 % 140) {
        let project = stories::project();
        let mut first = start(&project, &["run", "--profile", "test"]);
        let second = start(&project, &["run", "--profile", "test", "--json"]);
        std::thread::sleep(Duration::from_millis(delay_ms));
        first.kill().expect("killed");
        let started = Instant::now();
        let answer = ended(second);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(started.elapsed() < Duration::from_secs(60));
        let _ = first.wait();
        assert_eq!(catalog(&project), clean);
    }
    told(3, "one of two runs killed", 3 * trials() as u64, 0, "nobody is held up");
}

/// A library that makes every lock on a file fail as a file system without locks does.
fn without_locks(folder: &Path) -> Option<PathBuf> {
    let source = "#include <errno.h>\nint flock(int f, int how) { errno = ENOLCK; return -1; }\n";
    let (code, library) = (folder.join("locks.c"), folder.join("locks.so"));
    fs::write(&code, source).expect("a file");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &code]).output();
    built.is_ok_and(|output| output.status.success()).then_some(library)
}

#[test]
fn a_store_without_file_locks_gives_the_clean_result() {
    let clean = clean();
    for trial in 0..trials() {
        let project = stories::project();
        let Some(library) = without_locks(project.root().parent().expect("a folder")) else {
            eprintln!("skipped: a_store_without_file_locks_gives_the_clean_result needs cc");
            return;
        };
        let runs = if trial % 2 == 0 { 2 } else { 8 };
        let children: Vec<Child> = (0..runs)
            .map(|_| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_mdwarf"));
                command
                    .args(["run", "--profile", "test", "--json", "-j", "1", "-C"])
                    .arg(project.root())
                    .env_remove("MDWARF_MIRROR")
                    .env_remove("MDWARF_CACHE")
                    .env("LD_PRELOAD", &library)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                command.spawn().expect("the program starts")
            })
            .collect();
        for child in children {
            let answer = ended(child);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
        }
        assert_eq!(catalog(&project), clean);
        assert_eq!(project.mdwarf(&["verify"]).code, 0);
        project.run().ran(&[]);
    }
    told(
        3,
        "2 and 8 runs at once without file locks",
        trials() as u64,
        0,
        "work may be done twice",
    );
}

/// What a user who may only read the project gets; as root, another user asks.
fn as_reader(project: &Project, arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdwarf"));
    command.args(arguments).arg("-C").arg(project.root()).env("NO_COLOR", "1");
    command.env_remove("MDWARF_MIRROR").env_remove("MDWARF_CACHE");
    let root = fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    if root {
        command.uid(65_534).gid(65_534);
    }
    Answer::of(command.output().expect("the program runs"))
}

fn set_modes(folder: &Path, file_mode: u32, folder_mode: u32) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            set_modes(&path, file_mode, folder_mode);
        } else {
            fs::set_permissions(&path, Permissions::from_mode(file_mode)).expect("a mode");
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(folder_mode)).expect("a mode");
}

#[test]
fn a_read_only_store_serves_what_is_fresh() {
    let project = stories::project();
    // Files that changed a moment ago would be hashed again, and that be remembered.
    std::thread::sleep(Duration::from_millis(2100));
    project.run();
    project.run();
    let top = project.root().parent().expect("a folder").to_owned();
    set_modes(&top, 0o444, 0o555);
    for words in [
        &["plan", "--check"][..],
        &["run"],
        &["status"],
        &["show", "catalog"],
        &["lineage", "TEFF_LIT"],
        &["claims"],
        &["runs"],
        &["why", "slam"],
        &["check"],
        &["gc", "--dry-run"],
    ] {
        let answer = as_reader(&project, &[words, &["--profile", "test"]].concat());
        assert_eq!(answer.code, 0, "{words:?}: {}", answer.stderr);
    }
    let set = ["--profile", "test", "--set", "predicted.model_error=none"];
    let answer = as_reader(&project, &[&["plan", "--check"], &set[..]].concat());
    assert_eq!(answer.code, 3, "{}", answer.stderr);
    let answer = as_reader(&project, &[&["run"], &set[..]].concat());
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    answer.says("node `predicted` must run").says("read-only").says("--cache DIR");
    set_modes(&top, 0o644, 0o755);
    project.run().ran(&[]);
}

#[test]
fn little_memory_means_one_job_after_the_other() {
    let project = stories::project();
    project.run_with(&["-j", "4", "--memory", "1M"]).ran(&stories::ALL);
    assert_eq!(catalog(&project), clean());
    let answer = project.mdwarf(&["run", "--profile", "test", "--memory", "6X"]);
    assert_eq!(answer.code, 2);
    answer.says("use K, M, G or T");
}
