//! Who may use whom: the table of `src/ARCHITECTURE.md`, read off the `use` lines.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found.sort();
    found
}

/// Whether a file is compiled for tests only, as its name says.
fn is_test(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let folder = path.parent().and_then(|p| p.file_name()).unwrap_or_default();
    name.ends_with("tests.rs") || name == "reference_npz.rs" || folder == "tests"
}

/// Names that a file's code mentions as paths, tests and comments aside.
fn offends(path: &Path, banned: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source");
    if is_test(path) {
        return Vec::new();
    }
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .filter(|line| banned.iter().any(|word| line.contains(word)))
        .map(|line| format!("{}: {line}", path.display()))
        .collect()
}

fn check(folder: &str, banned: &[&str]) {
    let found: Vec<String> = files(folder).iter().flat_map(|path| offends(path, banned)).collect();
    assert!(found.is_empty(), "{folder} may not use {banned:?}:\n{}", found.join("\n"));
}

const PRINTING: [&str; 4] = ["println!", "eprintln!", "print!(", "dbg!("];
const CLOCK: [&str; 2] = ["SystemTime", "Instant::now"];

#[test]
fn science_knows_no_tables_no_paths_no_clock() {
    check("src/science", &["polars", "arrow::", "parquet", "crate::engine", "crate::stages"]);
    check("src/science", &["crate::formats", "crate::cli", "std::fs", "std::path", "std::env"]);
    check("src/science", &PRINTING);
    check("src/science", &CLOCK);
}

#[test]
fn formats_know_no_pipelines() {
    check("src/formats", &["crate::engine", "crate::science", "crate::stages", "crate::cli"]);
    check("src/formats", &["std::fs", "std::env"]);
    check("src/formats", &PRINTING);
}

#[test]
fn the_report_is_drawn_from_plain_data() {
    check("src/report", &["crate::engine", "crate::stages", "crate::cli", "crate::science"]);
    check("src/report", &["polars", "arrow::", "std::fs", "std::path", "std::env"]);
    check("src/report", &PRINTING);
    check("src/report", &CLOCK);
}

#[test]
fn provenance_is_told_from_plain_data() {
    check("src/provenance", &["crate::engine", "crate::stages", "crate::cli", "crate::science"]);
    check("src/provenance", &["polars", "arrow::", "std::fs", "std::path", "std::env"]);
    check("src/provenance", &PRINTING);
    check("src/provenance", &CLOCK);
}

#[test]
fn only_the_scorer_reads_the_truth_of_a_simulation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut readers = 0;
    for file in ["pipeline.toml", "profiles/simulated.toml"] {
        let text = fs::read_to_string(root.join(file)).expect("a pipeline");
        let document: toml::Table = text.parse().expect("TOML");
        for (name, node) in document["node"].as_table().expect("nodes") {
            let Some(inputs) = node.get("in").and_then(|ports| ports.as_table()) else { continue };
            let from =
                |from: &toml::Value| from.as_str().map(|f| f.split('.').next() == Some("truth"));
            if inputs.values().any(|port| from(port) == Some(true)) {
                readers += 1;
                let stage = node["stage"].as_str().unwrap_or_default();
                assert!(stage.starts_with("score_"), "{file}: node {name} of stage {stage}");
            }
        }
    }
    assert!(readers >= 3, "{readers}");
}

#[test]
fn the_engine_knows_no_stars_and_no_terminal() {
    check("src/engine", &["crate::science", "crate::formats", "crate::stages", "crate::cli"]);
    check("src/engine", &["indicatif", "owo_colors", "miette", "clap", "is_terminal"]);
    check("src/engine", &PRINTING);
}

#[test]
fn stages_open_no_file_and_read_no_clock() {
    check("stages", &["std::fs", "std::env", "std::path", "engine::store", "crate::cli", "rand::"]);
    check("stages", &PRINTING);
    check("stages", &CLOCK);
}

#[test]
fn the_simulation_knows_no_pipelines() {
    check("src/simulation", &["crate::engine", "crate::stages", "crate::cli", "polars", "arrow"]);
    check("src/simulation", &["std::fs", "std::env"]);
    check("src/simulation", &PRINTING);
    check("src/simulation", &CLOCK);
}

/// Rooms that stages share: modules of `stages` that are no stage.
fn shared_rooms() -> Vec<String> {
    let stem = |path: &Path| path.file_stem().and_then(|n| n.to_str()).map(str::to_owned);
    let is_stage = |path: &Path| {
        fs::read_to_string(path).expect("a source").contains("pub const STAGE: StageDef")
    };
    let rooms = files("stages").into_iter().filter(|path| {
        path.parent().is_some_and(|p| p.ends_with("stages")) && !is_test(path) && !is_stage(path)
    });
    rooms.filter_map(|path| stem(&path)).filter(|name| name != "mod").collect()
}

#[test]
fn stages_do_not_use_each_other() {
    let rooms = shared_rooms();
    assert!(rooms.contains(&"columns".to_owned()) && !rooms.contains(&"train".to_owned()));
    for path in files("stages") {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if is_test(&path) || name == "mod.rs" {
            continue;
        }
        // The page shows what the figures show: its steps and data are theirs.
        let pages = path.ends_with("stages/report.rs")
            || path.parent().is_some_and(|p| p.ends_with("report"));
        let text = fs::read_to_string(&path).expect("a source");
        let lines = text.lines().filter(|l| l.starts_with("use super::"));
        for line in lines.filter(|l| !(pages && l.contains("figure::"))) {
            let shared: Vec<_> = rooms
                .iter()
                .map(|m| (format!("use super::{m}::"), format!("use super::super::{m}::")))
                .collect();
            let own = path.parent().is_some_and(|p| !p.ends_with("stages"))
                && !line.contains("super::super");
            let known = shared.iter().any(|(a, b)| line.starts_with(a) || line.starts_with(b));
            assert!(own || known, "{}: {line}", path.display());
        }
    }
}

#[test]
fn the_command_line_does_no_science() {
    check("src/cli", &["crate::science", "linfa", "ndarray"]);
}
