//! Stories: edit → run → what ran, what was reused (architecture.md's first two invariants).

use std::fs::{self, FileTimes};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::parts::{labelled_between, rows_claim};
use crate::project::Project;
use crate::spectra::{Star, fits, survey};

const PIPELINE: &str = r#"
[pipeline]
name = "story"
seed = 7

[dataset.files]
about = "made-up spectra"

[dataset.labels]
about = "made-up labels"

[node.spectra]
stage = "read_spectra"
section = "§3.1"
dataset = "files"
buckets = 4

[node.bright]
stage = "cuts"
section = "§3.1"
in = { stars = "spectra.spectra" }
id = "obsid"
criteria = [["snri", "snri > 5"]]

[node.grid]
stage = "grid"
section = "§2.2"
step = 40

[node.normalized]
stage = "normalize"
section = "§2.2"
in = { spectra = "bright.kept" }
step = 40

[node.literature]
stage = "read_table"
section = "§3.2"
dataset = "labels"
format = "csv"
columns = [
  { name = "lit_ra_deg", from = "ra", type = "f64", unit = "deg" },
  { name = "lit_dec_deg", from = "dec", type = "f64", unit = "deg" },
  { name = "Teff", type = "f64", unit = "K" },
  { name = "logg", type = "f64" },
  { name = "remark", type = "text" },
]
"#;

/// What follows on the labels.
const TRAINING_AND_ON: &str = r#"
[node.training]
stage = "training_set"
section = "§2.2"
in = { stars = "labelled.matched", grid = "grid" }
star_id = "row"
labels = ["Teff"]
chunk = 20

[node.slam]
stage = "train"
section = "§2.2"
in = { training = "training" }
folds = 3
min_stars = 5

[node.predicted]
stage = "predict"
section = "§2.2"
in = { spectra = "normalized.spectra", model = "slam" }
min_pixels = 20

[node.catalog]
stage = "catalog"
section = "§4.5"
in = { rows = "predicted" }
id = "obsid"
star_id = "obsid"
snr = "snri"
columns = ["obsid", "snri", ["TEFF_LIT", "Teff"], ["TEFF_LIT_ERR", "Teff_ERR"]]

[publish]
"catalog.parquet" = "catalog"
"catalog.fits" = "catalog"
"#;

const PROFILE: &str = r#"
[profile]
name = "test"
about = "made-up stars"

[dataset.files]
path = "data/spectra"
glob = "*.fits*"

[dataset.labels]
path = "data/labels.csv"
"#;

pub const ALL: [&str; 10] = [
    "spectra",
    "bright",
    "grid",
    "normalized",
    "literature",
    "labelled",
    "training",
    "slam",
    "predicted",
    "catalog",
];

fn labels(stars: &[Star], remark: &str) -> String {
    let rows =
        stars.iter().map(|s| format!("{},{},{:.1},4.8,{remark}\n", s.ra_deg, s.dec_deg, s.teff_k));
    format!("ra,dec,Teff,logg,remark\n{}", rows.collect::<String>())
}

fn spectrum_name(star: &Star) -> String {
    format!("data/spectra/spec-{}.fits", star.obsid)
}

pub fn project() -> Project {
    let stars = survey(16);
    let mut project = Project::new()
        .file("pipeline.toml", labelled_between(PIPELINE, TRAINING_AND_ON))
        .file("profiles/test.toml", PROFILE)
        .file("data/labels.csv", labels(&stars, "first"));
    for star in &stars {
        project = project.file(&spectrum_name(star), fits(star));
    }
    project
}

#[test]
fn everything_runs_once_and_then_nothing() {
    let project = project();
    project.run().ran(&ALL);
    project.run().ran(&[]);
    let table = project.path("results/test/catalog.fits");
    assert!(table.exists() && project.path("results/test/catalog.parquet").exists());
    fs::remove_file(&table).expect("a published file");
    project.run().ran(&[]);
    assert!(table.exists(), "a deleted copy is restored without running anything");
}

#[test]
fn what_decides_nothing_reruns_nothing() {
    let project = project();
    project.run();
    let file = project.path(&spectrum_name(&survey(1)[0]));
    let touched = FileTimes::new().set_modified(SystemTime::now() + Duration::from_secs(90));
    fs::File::options().append(true).open(&file).and_then(|f| f.set_times(touched)).expect("touch");
    project.run().ran(&[]);
    fs::rename(&file, project.path("data/spectra/renamed.fits")).expect("rename");
    project.run().ran(&[]);
    project.run_with(&["-j", "1"]).ran(&[]);
    project.edit("pipeline.toml", "[node.grid]", "# a comment\n[node.grid]");
    project.run().ran(&[]);
    let moved = project.moved();
    moved.run().ran(&[]);
}

#[test]
fn a_measured_run_tells_what_each_node_cost() {
    let project = project();
    let costs = |project: &Project| -> Vec<Value> {
        let status = project.mdwarf(&["status", "--profile", "test", "--json"]).json();
        let nodes = status["nodes"].as_array().expect("nodes").iter();
        nodes.map(|node| node["cost"].clone()).collect()
    };
    project.run();
    assert!(costs(&project).iter().all(Value::is_null));
    assert!(!project.mdwarf(&["status", "--profile", "test"]).stdout.contains("CPU S"));
    project.run_with(&["--force", "--measure"]);
    let table = project.mdwarf(&["status", "--profile", "test"]);
    if std::path::Path::new("/proc/self/clear_refs").exists() {
        table.says("CPU S").says("PEAK MB");
        for cost in costs(&project) {
            let peak = cost["peak_bytes"].as_u64().expect("a number");
            assert!(cost["cpu_seconds"].as_f64().is_some_and(|s| s >= 0.0), "{cost}");
            assert!((1 << 20..1 << 40).contains(&peak), "{cost}");
        }
    }
}

#[test]
fn a_renamed_node_reruns_nothing() {
    let project = project();
    project.run();
    let text = PIPELINE.replace("normalized", "rest_frame").replace("slam", "svr");
    project.write("pipeline.toml", text);
    project.run().ran(&[]);
}

#[test]
fn new_bytes_with_the_old_time_and_size_are_seen() {
    let project = project();
    project.run();
    let path = project.path("data/labels.csv");
    let times = fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
    let text = fs::read_to_string(&path).expect("labels");
    let row = text.lines().nth(1).expect("a row");
    let changed = row.replace("4.8,first", "4.8,other");
    assert_eq!(row.len(), changed.len());
    project.write("data/labels.csv", text.replace(row, &changed));
    fs::File::options()
        .append(true)
        .open(&path)
        .and_then(|f| f.set_times(FileTimes::new().set_modified(times)))
        .expect("old time");
    project.run().ran(&["literature"]);
}

#[test]
fn a_label_column_that_training_does_not_read_leaves_it_alone() {
    let project = project();
    project.run();
    project.write("data/labels.csv", labels(&survey(16), "second"));
    project.run().ran(&["literature"]).reused("slam").reused("labelled");
    project.write("data/labels.csv", labels(&survey(16), "first"));
    project.run().ran(&[]);
}

#[test]
fn a_threshold_that_changes_no_fate_reruns_only_the_cut() {
    let project = project();
    project.run();
    project.edit("pipeline.toml", "snri > 5", "snri > 6");
    project.run().ran(&["bright"]).reused("normalized").reused("slam");
    project.edit("pipeline.toml", "snri > 6", "snri  >  (6)");
    project.run().ran(&[]);
}

#[test]
fn a_parameter_reruns_its_node_and_what_changes_below_it() {
    let project = project();
    project.run();
    project.edit("pipeline.toml", "min_pixels = 20", "min_pixels = 20\nloss = \"soft_l1\"");
    project.run().reused("slam").reused("normalized");
    project.run_with(&["--set", "predicted.loss=linear"]).ran(&[]);
}

#[test]
fn one_changed_spectrum_reruns_its_bucket() {
    let project = project();
    project.run();
    let mut star = survey(16).remove(3);
    star.snr *= 1.5;
    project.write(&spectrum_name(&star), fits(&star));
    let ran = project.run();
    ran.reused("literature").reused("grid");
    let status = project.mdwarf(&["status", "--profile", "test", "--json"]);
    let nodes = status.json();
    let spectra = nodes["nodes"]
        .as_array()
        .and_then(|nodes| nodes.iter().find(|n| n["node"] == "spectra"))
        .expect("the node")
        .clone();
    assert_eq!((spectra["jobs_run"].as_u64(), spectra["jobs"].as_u64()), (Some(1), Some(4)));
    star.snr /= 1.5;
    project.write(&spectrum_name(&star), fits(&star));
    project.run().ran(&[]);
}

#[test]
fn why_names_old_and_new() {
    let project = project();
    project.run();
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    project
        .mdwarf(&["why", "bright", "--profile", "test"])
        .says("snri > 5")
        .says("->")
        .says("snri > 60");
    let plan = project.mdwarf(&["plan", "--profile", "test", "--json", "--check"]);
    assert_eq!(plan.code, 3, "{}", plan.stderr);
}

#[test]
fn bytes_do_not_depend_on_threads_or_buckets() {
    let catalogs: Vec<Vec<u8>> = [("1", "4"), ("2", "1"), ("2", "7"), ("1", "256")]
        .iter()
        .map(|(jobs, buckets)| {
            let project = project();
            project.edit("pipeline.toml", "buckets = 4", &format!("buckets = {buckets}"));
            project.run_with(&["-j", jobs]);
            fs::read(project.path("results/test/catalog.fits")).expect("the catalog")
        })
        .collect();
    assert!(catalogs.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_variant_leaves_the_plain_copies_alone() {
    let project = project();
    project.run();
    let plain = fs::read(project.path("results/test/catalog.fits")).expect("the catalog");
    project.run_with(&["--set", "predicted.model_error=none"]);
    assert_eq!(fs::read(project.path("results/test/catalog.fits")).expect("it"), plain);
    let folders = fs::read_dir(project.path("results")).expect("results").count();
    assert_eq!(folders, 2);
}

#[test]
fn a_failure_is_recorded_and_never_served() {
    let project = project();
    project.edit("pipeline.toml", "min_pixels = 20", "min_pixels = 1000000");
    let labels = project.path("data/labels.csv");
    let text = fs::read_to_string(&labels).expect("labels");
    project.write("data/labels.csv", text.replace("ra,dec,Teff", "ra,dec,Temp"));
    let arguments = ["run", "--profile", "test", "--json"];
    let answer = project.mdwarf(&arguments);
    assert_eq!(answer.code, 1);
    answer.says("literature").says("Teff");
    assert_eq!(answer.last_json()["failed"][0], "literature");
    let again = project.mdwarf(&arguments);
    assert_eq!((again.code, &again.last_json()["failed"][0]), (1, &"literature".into()));
    project.mdwarf(&["log", "literature", "--profile", "test"]).says("Teff");
    project.write("data/labels.csv", text);
    assert_eq!(project.mdwarf(&arguments).code, 0);
}

#[test]
fn an_absent_dataset_leaves_its_nodes_out_and_the_ledger_readable() {
    let project = project();
    let from = "[dataset.labels]\npath = \"data/labels.csv\"";
    project.edit("profiles/test.toml", from, "[dataset.labels]\nabsent = \"not given\"");
    project.run().ran(&["spectra", "bright", "grid", "normalized"]);
    let status = project.mdwarf(&["status", "--profile", "test", "--json"]).json();
    let slam = status["nodes"]
        .as_array()
        .and_then(|nodes| nodes.iter().find(|n| n["node"] == "slam"))
        .expect("the node")
        .clone();
    assert_eq!((&slam["outcome"], &slam["dataset"]), (&"absent".into(), &"labels".into()));
    project.edit("profiles/test.toml", "absent = \"not given\"", "path = \"data/labels.csv\"");
    project.run().reused("spectra").reused("normalized");
}

#[test]
fn a_matrix_shares_what_its_runs_have_in_common() {
    let project = project();
    let matrix = r#"
[method.unbounded]
"predicted.bounds" = "none"

[matrix.bounds]
about = "what bounds do"
methods = ["printed", "unbounded"]
axes = [[{ name = "all" }, { name = "bright", set = ["bright.criteria=[[\"snri\", \"snri > 40\"]]"] }]]
"#;
    project.edit("pipeline.toml", "[publish]", &format!("{matrix}{}[publish]\n", rows_claim("N")));
    let answer = project.mdwarf(&["run", "--profile", "test", "--matrix", "bounds", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let told: serde_json::Value = serde_json::from_str(answer.stdout.trim()).expect("JSON");
    let runs = told["runs"].as_array().expect("runs");
    let ran: Vec<u64> = runs.iter().map(|run| run["ran"].as_u64().expect("a number")).collect();
    assert_eq!(
        ran,
        [10, 7, 1, 1],
        "bounds are an option of the fits; the catalog gathers their columns"
    );
    let claims: Vec<&str> =
        runs.iter().map(|run| run["claims"][0]["status"].as_str().expect("a status")).collect();
    assert_eq!(claims, ["PASS", "MISS", "PASS", "MISS"]);
    let csv = fs::read_to_string(project.path("results/test/matrix_bounds.csv")).expect("a file");
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let answer = project.mdwarf(&["run", "--profile", "test", "--matrix", "bouds"]);
    assert!(answer.stderr.contains("did you mean `bounds`?"), "{}", answer.stderr);
}
