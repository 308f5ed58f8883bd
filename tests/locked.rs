//! `mdwarf lock` and `run --locked`; runs of the past; how a project begins; help.

use std::fs;

use crate::project::Project;
use crate::stories;

fn locked() -> Project {
    let project = stories::project();
    project.run();
    let answer = project.mdwarf(&["lock", "--profile", "test"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    project
}

const LOCKED: [&str; 5] = ["run", "--profile", "test", "--locked", "--json"];

#[test]
fn a_locked_run_passes_where_nothing_differs() {
    let project = locked();
    assert_eq!(project.mdwarf(&LOCKED).code, 0);
    // In an empty store everything is made anew, and comes out the same.
    fs::remove_dir_all(project.path("cache")).expect("removed");
    let answer = project.mdwarf(&LOCKED);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let first = fs::read_to_string(project.path("mdwarf.lock")).expect("the lock");
    project.mdwarf(&["lock", "--profile", "test"]);
    let second = fs::read_to_string(project.path("mdwarf.lock")).expect("the lock");
    let differing = first.lines().zip(second.lines()).filter(|(a, b)| a != b);
    let differing: Vec<&str> = differing.map(|(a, _)| a.split(' ').next().unwrap_or(a)).collect();
    assert_eq!(differing, ["run"], "two locks of the same state differ in the run's name only");
}

#[test]
fn what_is_run_may_not_differ() {
    let project = locked();
    let plain = ["run", "--profile", "test", "--locked"];
    project.edit("pipeline.toml", "snri > 5", "snri > 7");
    let answer = project.mdwarf(&plain);
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    answer.says("node `bright` parameter `criteria`").says("snri > 5").says("snri > 7");
    project.edit("pipeline.toml", "snri > 7", "snri > 5");
    project.edit("data/labels.csv", "first", "other");
    let answer = project.mdwarf(&plain);
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    answer.says("dataset `labels` file `labels.csv`").says("nothing was run");
    project.edit("data/labels.csv", "other", "first");
    let answer = project.mdwarf(&[&plain[..], &["--set", "slam.folds=4"]].concat());
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    answer.says("--set: nothing -> slam.folds=4");
    assert_eq!(project.mdwarf(&plain).code, 0);
}

#[test]
fn what_comes_out_may_not_differ() {
    let project = locked();
    let path = project.path("mdwarf.lock");
    let text = fs::read_to_string(&path).expect("the lock");
    let line = text.lines().rfind(|line| line.starts_with("TEFF_LIT = ")).expect("a column");
    let other = format!("TEFF_LIT = \"{}\"", blake3::hash(b"another").to_hex());
    project.write("mdwarf.lock", text.replace(line, &other));
    fs::remove_dir_all(project.path("results")).expect("removed");
    let answer = project.mdwarf(&LOCKED);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    answer.says("column `TEFF_LIT`").says(&blake3::hash(b"another").to_hex()[..10]);
    answer.says("nothing was published");
    assert!(!project.path("results").exists());
}

#[test]
fn only_what_was_run_can_be_locked() {
    let project = stories::project();
    assert_eq!(project.mdwarf(&["lock", "--profile", "test"]).code, 3);
    let answer = project.mdwarf(&LOCKED);
    assert_eq!(answer.code, 2);
    answer.says("mdwarf lock");
    project.run();
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    assert_eq!(project.mdwarf(&["lock", "--profile", "test"]).code, 3);
    project.write("mdwarf.lock", "format = 7\n");
    let answer = project.mdwarf(&LOCKED);
    assert_eq!(answer.code, 2);
    answer.says("mdwarf.lock");
}

#[test]
fn any_past_run_can_be_asked() {
    let project = stories::project();
    let first = project.run().0["run"].as_str().expect("a name").to_owned();
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    let second = project.run().0["run"].as_str().expect("a name").to_owned();
    let ask = |words: &[&str]| {
        let answer = project.mdwarf(words);
        assert_eq!(answer.code, 0, "{words:?}: {}", answer.stderr);
        answer
    };
    ask(&["why", "bright", "--run", &second]).says("snri > 5").says("snri > 60");
    ask(&["why", "bright", "--run", &first]).says("never ran in this store");
    ask(&["why", "grid", "--run", "latest"]).says("reused").says(&format!("made in {first}"));
    ask(&["show", "bright", "--run", &first]).says("snri > 5").says("stage:    cuts");
    ask(&["show", "bright.attrition", "--run", &second]).says("snri > 60");
    ask(&["status", "--run", &first]).says("catalog");
    ask(&["log", "slam", "--run", &first]);
    let claims = ask(&["claims", "--run", &first, "--json"]);
    assert!(claims.json().is_array());
    // No pipeline is needed to ask the past.
    project.write("pipeline.toml", "not a pipeline");
    ask(&["why", "bright", "--run", &second]).says("snri > 60");
    ask(&["runs", "--json"]);
    let answer = project.mdwarf(&["why", "bright", "--run", "19"]);
    assert_eq!(answer.code, 2);
    answer.says("no run `19`");
    assert_eq!(project.mdwarf(&["why", "brigt", "--run", &first]).code, 2);
}

#[test]
fn a_new_project_is_accepted_and_runs() {
    let project = Project::new();
    for words in [
        &["init"][..],
        &["check"],
        &["run", "--strict"],
        &["claims", "--check"],
        &["lock"],
        &["run", "--locked"],
        &["plan", "--check"],
    ] {
        let answer = project.mdwarf(words);
        assert_eq!(answer.code, 0, "{words:?}: {}", answer.stderr);
    }
    let table =
        fs::read_to_string(project.path("results/simulated/dwarfs.csv")).expect("the table");
    assert_eq!(table.lines().count(), 5, "{table}");
    let before = fs::read(project.path("pipeline.toml")).expect("it");
    let answer = project.mdwarf(&["init"]);
    assert_eq!(answer.code, 2);
    answer.says("is there already");
    assert_eq!(fs::read(project.path("pipeline.toml")).expect("it"), before);
    let other = project.path("other");
    let folder = other.to_str().expect("a path");
    assert_eq!(project.mdwarf(&["init", folder, "--profile", "mine"]).code, 0);
    assert!(other.join("profiles/mine.toml").exists());
    assert_eq!(project.mdwarf(&["init", folder, "--profile", "../x"]).code, 2);
}

#[test]
fn every_verb_has_help_with_an_example() {
    let project = Project::new();
    let help = project.mdwarf(&["--help"]).stdout;
    for code in ["0", "1", "2", "3", "4", "5", "9"] {
        assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} in\n{help}");
    }
    let commands = help.split("Commands:").nth(1).and_then(|t| t.split("Options:").next());
    let verbs: Vec<&str> = commands
        .expect("a list of verbs")
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !verb.is_empty() && *verb != "help")
        .collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in verbs {
        let answer = project.mdwarf(&[verb, "--help"]);
        assert_eq!(answer.code, 0, "{verb}");
        answer.says(&format!("Example: mdwarf {verb}"));
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.mdwarf(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.stdout.contains("mdwarf") && script.stdout.len() > 1000, "{shell}");
    }
}
