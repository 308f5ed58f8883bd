//! The main job on the real sample: needs `../shared/data`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::project::{Answer, shared};

/// The sample, run once for all tests of this file.
struct Nearby {
    root: TempDir,
    mirror: std::path::PathBuf,
    first: Answer,
}

/// Every eighth pixel and a third of the draws: the same graph in a tenth of the time.
const COARSE: &str = "
[node.grid]
step = 8
[node.normalized]
step = 8
[node.bt_normalized]
step = 8
[node.bt_unseen]
snr = [100.0]
";

fn nearby(test: &str) -> Option<&'static Nearby> {
    static NEARBY: OnceLock<Option<Nearby>> = OnceLock::new();
    let found = NEARBY.get_or_init(|| {
        let mirror = shared("data", "nearby")?;
        let root = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(source.join("pipeline.toml"), root.path().join("pipeline.toml")).expect("copy");
        let lists = ["spectra", "btsettl_original", "btsettl_differential"];
        let lists = lists.map(|list| format!("nearby/{list}.blake3"));
        for file in lists.iter().map(String::as_str).chain([
            "nearby.toml",
            "paper/table3.csv",
            "paper/table4.csv",
        ]) {
            let target = root.path().join("profiles").join(file);
            fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
            fs::copy(source.join("profiles").join(file), target).expect("copy");
        }
        let profile = root.path().join("profiles/nearby.toml");
        let text =
            fs::read_to_string(&profile).expect("the profile").replace("\nn = 300", "\nn = 100");
        let text =
            text.replace("id = \"blind_id\"\nstep = 1", "id = \"blind_id\"\nstep = 8") + COARSE;
        fs::write(&profile, text).expect("the profile");
        let first = call(root.path(), &mirror, &["run", "--json"]);
        Some(Nearby { root, mirror, first })
    });
    if found.is_none() {
        eprintln!("skipped: {test} needs ../shared/data");
    }
    found.as_ref()
}

fn call(root: &Path, mirror: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdwarf"));
    command.args(arguments).args(["--profile", "nearby", "--offline", "-C"]).arg(root);
    command.arg("--mirror").arg(mirror).env("NO_COLOR", "1");
    Answer::of(command.output().expect("the program runs"))
}

impl Nearby {
    fn call(&self, arguments: &[&str]) -> Answer {
        call(self.root.path(), &self.mirror, arguments)
    }

    fn rows(&self, file: &str) -> Vec<BTreeMap<String, String>> {
        let path = self.root.path().join("results/nearby").join(file);
        table(&fs::read_to_string(path).expect("a published table"))
    }
}

fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines
        .map(|line| {
            names.iter().map(|n| (*n).to_owned()).zip(line.split(',').map(str::to_owned)).collect()
        })
        .collect()
}

#[test]
fn the_main_job_reaches_its_result_and_then_rests() {
    let Some(nearby) = nearby("the_main_job_reaches_its_result_and_then_rests") else { return };
    assert_eq!(nearby.first.code, 0, "{}", nearby.first.stderr);
    let results = nearby.root.path().join("results/nearby");
    for file in ["catalog.parquet", "catalog.fits", "attrition.csv", "cross_validation.csv"] {
        assert!(results.join(file).exists(), "{file}");
    }
    let again = nearby.call(&["run", "--json"]);
    assert_eq!(again.last_json()["ran"], Value::Array(Vec::new()), "{}", again.stderr);
}

#[test]
fn the_sample_needs_no_mirror_while_its_results_are_fresh() {
    let Some(nearby) = nearby("the_sample_needs_no_mirror_while_its_results_are_fresh") else {
        return;
    };
    let answer = call(nearby.root.path(), Path::new("/nonexistent"), &["run", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(answer.last_json()["ran"], Value::Array(Vec::new()));
}

#[test]
fn matches_are_those_of_an_independent_match() {
    let name = "matches_are_those_of_an_independent_match";
    let (Some(nearby), Some(expected)) =
        (nearby(name), shared("data/expected/lamost_gaia_dr2.csv", name))
    else {
        return;
    };
    let expected: BTreeMap<String, String> = table(&fs::read_to_string(expected).expect("a table"))
        .iter()
        .map(|row| (row["obsid"].clone(), row["source_id"].clone()))
        .collect();
    let found: BTreeMap<String, String> = nearby
        .rows("matches.csv")
        .iter()
        .filter(|row| row["best"] == "true")
        .map(|row| (row["obsid"].clone(), row["source_id"].clone()))
        .collect();
    assert_eq!(found, expected);
    let observed = nearby
        .rows("matches.csv")
        .iter()
        .filter(|row| row["separation_observed_arcsec"].parse::<f64>().expect("a number") <= 3.0)
        .count();
    assert_eq!(observed, 8, "at the observed epoch most of these fast stars are out of reach");
}

#[test]
fn claims_hold_on_the_real_tables() {
    let Some(nearby) = nearby("claims_hold_on_the_real_tables") else { return };
    let answer = nearby.call(&["claims", "--json", "--check"]);
    assert_eq!(answer.code, 0, "{}", answer.stdout);
    let value = |id: &str| {
        let claims = answer.json();
        let claims = claims.as_array().expect("claims").clone();
        claims.iter().find(|c| c["id"] == id).expect("the claim")["value"].as_f64()
    };
    assert_eq!((value("S1"), value("S2")), (Some(1407.0), Some(1087.0)));
    assert_eq!((value("V1"), value("V2"), value("V3")), (Some(166.0), Some(277.0), Some(51.0)));
    assert_eq!(value("V4"), Some(5875.0));
    let near = |id: &str, expected: f64, within: f64| {
        assert!(value(id).is_some_and(|v| (v - expected).abs() <= within), "{id}: {:?}", value(id));
    };
    near("V5", 103.0, 0.5);
    near("V6", 46.0, 0.5);
    near("V7", -0.158, 5e-4);
    near("V8", 0.083, 6e-4);
    near("T4-TEFF_AP_ERR", 0.255, 0.255);
    near("T4-M_H_AP_ERR", 0.0025, 0.0025);
}

#[test]
fn validations_of_a_small_sample_have_their_tables() {
    let Some(nearby) = nearby("validations_of_a_small_sample_have_their_tables") else { return };
    let fits = nearby.rows("table4_errors.csv");
    let law = |label: &str, law: &str, column: &str| {
        let row = fits.iter().find(|row| row["label"] == label && row["law"] == law);
        row.expect("the law")[column].parse::<f64>().expect("a number")
    };
    assert!((law("paper_TEFF_AP_ERR", "power_offset", "a") - 505.0).abs() < 1.0);
    assert!((law("paper_M_H_AP_ERR", "power", "b") - 0.492).abs() < 1e-3);
    // Most spectra of this sample were trained on: held-out figures stand beside all.
    let rows = nearby.rows("literature_differences.csv");
    let n = |population: &str| -> f64 {
        let of =
            rows.iter().filter(|r| r["label"] == "Teff - G14" && r["population"] == population);
        of.map(|r| r["n"].parse::<f64>().expect("a count")).sum()
    };
    assert!(n("all") > 0.0 && n("held out") + n("in training") == n("all"));
    // No spectrum here is of a member: tables without rows are tables, and their figures missing.
    assert_eq!(nearby.rows("hyades.csv").len(), 6);
    assert_eq!(nearby.rows("table3_b20.csv").len(), 16);
}

#[test]
fn simulated_spectra_lie_beside_real_ones_of_every_subclass() {
    let test = "simulated_spectra_lie_beside_real_ones_of_every_subclass";
    let Some(nearby) = nearby(test) else { return };
    let text =
        std::fs::read_to_string(nearby.root.path().join("results/nearby/figures/likeness.json"));
    let figure: serde_json::Value = serde_json::from_str(&text.expect("a twin")).expect("JSON");
    let panels = figure["panels"].as_array().expect("panels");
    assert_eq!(panels.len(), 6);
    for subclasses in ["M0, M1", "M2, M3", "M4, M5"] {
        let of =
            |panel: &&serde_json::Value| panel["panel"].as_str().unwrap().starts_with(subclasses);
        let drawn: Vec<_> = panels.iter().filter(of).collect();
        assert_eq!(drawn.len(), 2);
        assert!(drawn.iter().all(|panel| panel["marks"].as_array().is_some_and(|m| m.len() == 2)));
    }
}

#[test]
fn every_spectrum_is_accounted_for() {
    let Some(nearby) = nearby("every_spectrum_is_accounted_for") else { return };
    let catalog = nearby.call(&["show", "catalog", "--json"]).json();
    let rows = catalog["outputs"][0]["rows"].as_u64().expect("a count");
    let rejected: usize = ["unreadable.csv", "unmatched.csv", "rejects.csv", "not_normalized.csv"]
        .iter()
        .map(|file| nearby.rows(file).len())
        .sum();
    assert_eq!(rows + rejected as u64, 50);
}

#[test]
fn a_kept_and_a_rejected_star_are_traced() {
    let Some(nearby) = nearby("a_kept_and_a_rejected_star_are_traced") else { return };
    nearby.call(&["trace", "183404083"]).says("matched").says("catalog").says("TEFF_LIT");
    // RUWE 3.4.
    nearby.call(&["trace", "134308161"]).says("3 ruwe").says("3.418").says("1.4");
    let unknown = nearby.call(&["trace", "1"]);
    assert_eq!(unknown.code, 2);
    let steps = nearby.call(&["trace", "183404083", "--json"]).json();
    assert!(steps.as_array().is_some_and(|steps| steps.len() > 5));
}

#[test]
fn a_label_is_followed_to_the_bytes_it_comes_from() {
    let Some(nearby) = nearby("a_label_is_followed_to_the_bytes_it_comes_from") else { return };
    let lineage = nearby.call(&["lineage", "catalog.TEFF_LIT", "--json"]).json();
    let edges = lineage["edges"].as_array().expect("edges");
    let leads = |from: &str| edges.iter().any(|e| e["from"].as_str() == Some(from));
    assert!(leads("dataset:lamost_spectra") && leads("dataset:lit_compilation"));
    assert!(leads("training_lit.labels.Teff"));
    let files = lineage["nodes"].as_array().expect("nodes").iter();
    let spectra = files.clone().find(|n| n["id"] == "dataset:lamost_spectra").expect("the slot");
    assert_eq!(spectra["files"].as_array().map(Vec::len), Some(50));
    assert_eq!(spectra["files"][0]["blake3"].as_str().map(str::len), Some(64));
}
