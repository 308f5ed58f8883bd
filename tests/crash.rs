//! The program killed at random points, or asked to stop: the next plain run gives what a clean
//! run gives.
//!
//! `MDWARF_LONG=1` kills it 200 times instead of 10.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::{Answer, Project};
use crate::stories;
use crate::tally::trials;

fn command(project: &Project) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdwarf"));
    command
        .args(["run", "--profile", "test", "--json", "-j", "2", "-C"])
        .arg(project.root())
        .env_remove("MDWARF_MIRROR")
        .env_remove("MDWARF_CACHE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(project: &Project) -> Child {
    command(project).spawn().expect("the program starts")
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// All files in a folder, by path.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
    found
}

/// What a project gives to anybody: published bytes, digests of all columns, claims.
#[derive(Debug, PartialEq)]
struct Given {
    published: BTreeMap<PathBuf, Vec<u8>>,
    outputs: Vec<String>,
    claims: Value,
}

impl Given {
    fn by(project: &Project) -> Self {
        let root = project.path("results");
        let files = tree(&root);
        let published = files
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(&root).expect("inside").to_owned(), bytes))
            .collect();
        let verified = project.mdwarf(&["verify", "--json"]);
        assert_eq!(verified.code, 0, "{}", verified.stdout);
        let mut outputs: Vec<String> = latest(project)["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|node| digests(project, node))
            .collect();
        outputs.sort();
        let claims = project.mdwarf(&["claims", "--profile", "test", "--json"]).json();
        Given { published, outputs, claims }
    }
}

/// The latest run of the ledger.
fn latest(project: &Project) -> Value {
    let id = fs::read_to_string(project.path("cache/v1/runs/latest")).expect("a run");
    let run = project.path(&format!("cache/v1/runs/{}.json", id.trim()));
    first_line(&run)
}

/// The JSON of a sealed file.
fn first_line(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file");
    serde_json::from_str(text.lines().next().unwrap_or_default()).expect("JSON")
}

/// A node's key and the digests of what it made.
fn digests(project: &Project, node: &Value) -> String {
    let key = node["key"].as_str().expect("a key");
    let record = format!("cache/v1/records/{}/{}.json", &key[..2], &key[2..]);
    let record = first_line(&project.path(&record));
    format!("{} {key} {}", node["node"], record["outputs"])
}

fn clean() -> (Given, Duration) {
    let project = stories::project();
    let started = Instant::now();
    project.run();
    let took = started.elapsed();
    (Given::by(&project), took)
}

#[test]
fn killed_at_random_points_the_next_run_is_clean() {
    let (clean, mut took) = clean();
    let kills = if std::env::var_os("MDWARF_LONG").is_some() { 200 } else { 10 };
    let (mut killed, mut too_late, mut state) = (0, 0, 2021_u64);
    while killed < kills {
        let project = stories::project();
        let mut child = start(&project);
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(took.mul_f64((state >> 40) as f64 / (1u64 << 24) as f64));
        if child.try_wait().expect("a child").is_some() {
            // The machine is less busy than it was.
            took = took.mul_f64(0.9);
            too_late += 1;
            assert!(too_late < 5 * kills, "no kill comes in time");
            continue;
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("its end");
        project.run();
        assert_eq!(Given::by(&project), clean, "silently wrong");
        assert_eq!(project.mdwarf(&["plan", "--check", "--profile", "test"]).code, 0);
        killed += 1;
    }
    let note = format!("{too_late} more came too late");
    trials(1, "SIGKILL at random points of the program", kills as u64, 0, &note);
}

#[test]
fn killed_again_and_again_a_run_gets_to_its_end() {
    let (clean, took) = clean();
    let project = stories::project();
    let mut ended = false;
    for kill in 1..100 {
        let mut child = start(&project);
        std::thread::sleep(took.mul_f64(0.3 + 0.02 * f64::from(kill)));
        ended = child.try_wait().expect("a child").is_some_and(|status| status.success());
        let _ = child.kill();
        child.wait().expect("its end");
        if ended {
            break;
        }
    }
    assert!(ended, "each run goes on where the last was killed");
    project.run().ran(&[]);
    assert_eq!(Given::by(&project), clean);
}

/// A project whose one job takes some seconds, so that a signal finds it at work.
fn slow() -> Project {
    let rows = 20_000;
    let table: String = (0..rows).map(|i| format!("{i},{}\n", f64::from(i % 997))).collect();
    let nodes: String = (1..=20)
        .map(|i| {
            let before = if i == 1 { "stars".to_owned() } else { format!("n{}", i - 1) };
            format!(
                "[node.n{i}]\nstage = \"derive\"\nsection = \"-\"\nin = {{ rows = \"{before}\" }}\n\
                 columns = [{{ name = \"y{i}\", expr = \"x * {i} + 0.5\", about = \"y\" }}]\n"
            )
        })
        .collect();
    let pipeline = format!(
        "[pipeline]\nname = \"slow\"\nseed = 1\n[dataset.stars]\nabout = \"numbers\"\n\
         [node.stars]\nstage = \"read_table\"\nsection = \"-\"\ndataset = \"stars\"\nformat = \"csv\"\n\
         id = \"star\"\nbuckets = 4\ncolumns = [{{ name = \"star\", type = \"i64\" }}, \
         {{ name = \"x\", type = \"f64\" }}]\n{nodes}[publish]\n\"out.csv\" = \"n20\"\n"
    );
    Project::new()
        .file("pipeline.toml", pipeline)
        .file(
            "profiles/test.toml",
            "[profile]\nname = \"test\"\nabout = \"slow\"\n[dataset.stars]\npath = \"stars.csv\"\n",
        )
        .file("stars.csv", format!("star,x\n{table}"))
}

/// Starts a slow run and waits until it is well under way.
fn under_way(project: &Project) -> Child {
    let mut child = start(project);
    while tree(&project.path("cache/v1/records")).len() < 8 {
        assert!(child.try_wait().expect("a child").is_none(), "it has ended already");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn asked_to_stop_it_stops_and_says_so() {
    let undisturbed = slow();
    undisturbed.run();
    let clean = Given::by(&undisturbed);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let project = slow();
        let child = under_way(&project);
        signal(&child, name);
        let answer = Answer::of(child.wait_with_output().expect("its end"));
        assert_eq!(answer.code, code, "{}", answer.stderr);
        answer.says("stopping after the jobs in hand").says("interrupted");
        let run = latest(&project);
        let outcomes: Vec<&str> = run["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .filter(|node| node["because"] == "interrupted" || node["outcome"] == "failed")
            .map(|node| node["outcome"].as_str().expect("a word"))
            .collect();
        assert!(!outcomes.is_empty() && outcomes.iter().all(|o| *o == "skipped"), "{run}");
        assert_eq!(tree(&project.path("cache/v1/tmp")).len(), 0, "nothing half-written");
        assert_eq!(project.mdwarf(&["verify"]).code, 0);
        let ran = project.run();
        assert!(!ran.0["reused"].as_array().expect("a list").is_empty(), "{}", ran.0);
        assert_eq!(Given::by(&project), clean);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second, code) in [("INT", "INT", 130), ("TERM", "TERM", 143)] {
        let project = slow();
        let child = under_way(&project);
        signal(&child, first);
        std::thread::sleep(Duration::from_millis(20));
        let started = Instant::now();
        signal(&child, second);
        let answer = Answer::of(child.wait_with_output().expect("its end"));
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(answer.code, code, "{}", answer.stderr);
        project.run();
        assert_eq!(project.mdwarf(&["verify"]).code, 0);
    }
}
