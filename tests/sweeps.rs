//! `gc`: what no run that counts relies on goes, and nothing else does, whoever runs meanwhile.

use std::collections::BTreeSet;
use std::fs::{self, FileTimes};
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, SystemTime};

use crate::project::{Answer, Project};
use crate::stories;
use crate::tally::trials as told;
use crate::together::{catalog, clean, files_in, start, trials};

const VARIANT: [&str; 2] = ["--set", "predicted.model_error=none"];

fn gc(project: &Project, more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["gc", "--json", "--profile", "test"];
    arguments.extend(more);
    let answer = project.mdwarf(&arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.last_json()
}

fn removed(swept: &serde_json::Value, kind: &str) -> u64 {
    swept["removed"][kind]["files"].as_u64().unwrap_or(0)
}

fn names(project: &Project, folder: &str) -> BTreeSet<PathBuf> {
    files_in(project, folder).into_iter().collect()
}

#[test]
fn what_the_latest_run_rests_on_stays_and_the_rest_goes() {
    let project = stories::project();
    project.run();
    let first = names(&project, "objects");
    assert_eq!(gc(&project, &[])["total"]["files"], 0);
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    project.run();
    let both = names(&project, "objects");
    let trial = gc(&project, &["--dry-run"]);
    assert!(removed(&trial, "objects") > 0 && removed(&trial, "records") > 0);
    assert_eq!(names(&project, "objects"), both, "a dry run removes nothing");
    let swept = gc(&project, &[]);
    assert_eq!(swept["removed"], trial["removed"]);
    let left = names(&project, "objects");
    assert_eq!(both.len() - left.len(), removed(&swept, "objects") as usize);
    project.run().ran(&[]);
    assert_eq!(gc(&project, &[])["total"]["files"], 0);
    // What went can be made again, bit for bit.
    project.edit("pipeline.toml", "snri > 60", "snri > 5");
    project.run().reused("spectra").reused("literature");
    assert_eq!(names(&project, "objects").intersection(&first).count(), first.len());
    assert_eq!(catalog(&project), clean());
}

#[test]
fn an_incremental_run_after_a_sweep_finds_the_shards() {
    let project = stories::project();
    project.run();
    gc(&project, &[]);
    let mut star = crate::spectra::survey(16).remove(3);
    star.snr *= 1.5;
    let name = format!("data/spectra/spec-{}.fits", star.obsid);
    project.write(&name, crate::spectra::fits(&star));
    project.run();
    let status = project.mdwarf(&["status", "--profile", "test", "--json"]).json();
    let nodes = status["nodes"].as_array().expect("nodes").clone();
    let spectra = nodes.iter().find(|n| n["node"] == "spectra").expect("the node");
    assert_eq!(spectra["jobs_run"], 1, "the other buckets were kept");
}

#[test]
fn variants_count_among_the_latest_few() {
    let project = stories::project();
    project.run_with(&VARIANT);
    project.run();
    assert_eq!(gc(&project, &[])["roots"].as_array().map(Vec::len), Some(2));
    project.run_with(&VARIANT).ran(&[]);
    project.run();
    assert_eq!(gc(&project, &["--keep-last", "1"])["roots"].as_array().map(Vec::len), Some(1));
    project.run_with(&VARIANT).reused("slam").reused("normalized");
    let ran = project.mdwarf(&["status", "--profile", "test", "--json"]).json();
    let again = ran["nodes"].as_array().into_iter().flatten().any(|n| n["outcome"] == "ran");
    assert!(again, "the variant had gone");
}

#[test]
fn a_locked_run_stays_until_its_lock_goes() {
    let project = stories::project();
    project.run();
    assert_eq!(project.mdwarf(&["lock", "--profile", "test"]).code, 0);
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    project.run();
    assert_eq!(gc(&project, &["--keep-last", "1"])["total"]["files"], 0);
    project.edit("pipeline.toml", "snri > 60", "snri > 5");
    assert_eq!(project.mdwarf(&["plan", "--check", "--profile", "test"]).code, 0);
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    project.run();
    fs::remove_file(project.path("mdwarf.lock")).expect("removed");
    assert!(removed(&gc(&project, &[]), "objects") > 0);
}

#[test]
fn a_size_gives_up_the_oldest_first_and_never_the_latest() {
    let project = stories::project();
    project.run_with(&VARIANT);
    project.run();
    let swept = gc(&project, &["--max-size", "1K"]);
    assert_eq!(swept["roots"].as_array().map(Vec::len), Some(1));
    assert!(swept["over_bytes"].as_u64().is_some_and(|over| over > 0));
    project.run().ran(&[]);
}

#[test]
fn rubbish_goes_and_young_files_stay() {
    let project = stories::project();
    project.run();
    project.write("cache/v1/quarantine/ab.parquet", "damaged");
    project.write("cache/v1/tmp/old", "half");
    project.write("cache/v1/tmp/young", "half");
    let old = FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(200_000));
    let file = fs::File::options().append(true).open(project.path("cache/v1/tmp/old"));
    file.and_then(|file| file.set_times(old)).expect("an old file");
    let swept = gc(&project, &[]);
    assert_eq!((removed(&swept, "quarantine"), removed(&swept, "tmp")), (1, 1));
    assert!(project.path("cache/v1/tmp/young").exists());
    let answer = project.mdwarf(&["gc", "--profile", "test"]);
    answer.says("removed 0 files, 0 B");
}

const PUBLIC: &str = "[pipeline]\nname = \"p\"\nseed = 1\n[dataset.t]\nabout = \"t\"\n\
    [node.t]\nstage = \"read_table\"\nsection = \"1\"\ndataset = \"t\"\nformat = \"csv\"\n\
    columns = [{ name = \"x\", type = \"f64\" }]\n";

/// Binds the dataset to public bytes that the store has already.
fn bind_download(project: &Project, table: &str) -> PathBuf {
    let digest = blake3::hash(table.as_bytes()).to_hex().to_string();
    let profile = format!(
        "[profile]\nname = \"test\"\nabout = \"t\"\n[dataset.t]\nurl = \"http://127.0.0.1:9/x\"\n\
         blake3 = \"{digest}\"\nbytes = {}\n",
        table.len()
    );
    project.write("profiles/test.toml", profile);
    let kept = format!("cache/v1/downloads/{}/{}", &digest[..2], &digest[2..]);
    project.write(&kept, table);
    project.path(&kept)
}

#[test]
fn downloads_in_use_stay() {
    let project = Project::new().file("pipeline.toml", PUBLIC);
    let first = bind_download(&project, "x\n1\n");
    project.run().ran(&["t"]);
    assert_eq!(gc(&project, &[])["total"]["files"], 0);
    let second = bind_download(&project, "x\n2\n");
    project.run().ran(&["t"]);
    assert_eq!(removed(&gc(&project, &[]), "downloads"), 1);
    assert!(!first.exists() && second.exists());
    // Where a run does not tell what it is made of, nothing is removed.
    bind_download(&project, "x\n1\n");
    fs::remove_dir_all(project.path("cache/v1/inputs")).expect("removed");
    assert_eq!(removed(&gc(&project, &[]), "downloads"), 0);
}

#[test]
fn sweeps_during_runs_harm_nothing() {
    let clean = clean();
    for _ in 0..trials() {
        sweeps_during_runs(&clean);
    }
    told(3, "gc again and again during four runs", trials() as u64, 0, "");
}

fn sweeps_during_runs(clean: &[u8]) {
    let project = stories::project();
    project.run();
    // Older results that runs may want back while sweeps would take them.
    project.edit("pipeline.toml", "snri > 5", "snri > 40");
    project.run();
    project.edit("pipeline.toml", "snri > 40", "snri > 5");
    let sets = ["slam.folds=3", "slam.folds=4", "slam.folds=5"];
    let mut runs: Vec<Child> = Vec::new();
    for set in sets {
        runs.push(start(
            &project,
            &["run", "--profile", "test", "--json", "--set", set, "-j", "1"],
        ));
    }
    runs.push(start(&project, &["run", "--profile", "test", "--json", "-j", "1"]));
    let mut sweeps = 0;
    while runs.iter_mut().any(|run| run.try_wait().expect("a state").is_none()) {
        gc(&project, &["--keep-last", "1"]);
        sweeps += 1;
    }
    for run in runs {
        let answer = Answer::of(run.wait_with_output().expect("the program ends"));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }
    assert!(sweeps > 2, "{sweeps} sweeps");
    project.run();
    assert_eq!(catalog(&project), clean);
    project.run().ran(&[]);
}

#[test]
fn the_work_of_a_killed_run_outlives_a_sweep() {
    for delay_ms in (0..3 * trials() as u64).map(|i| 40 + i * 60 % 190) {
        let project = stories::project();
        let mut run = start(&project, &["run", "--profile", "test", "-j", "1"]);
        std::thread::sleep(Duration::from_millis(delay_ms));
        run.kill().expect("killed");
        let _ = run.wait();
        let before = names(&project, "records");
        gc(&project, &[]);
        assert_eq!(names(&project, "records"), before);
        project.run();
        assert_eq!(catalog(&project), clean());
    }
    told(3, "gc after a killed run", 3 * trials() as u64, 0, "its work is kept");
}
