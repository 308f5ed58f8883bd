//! Where a column and a star come from: lineage that is sound and tight.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::project::Project;
use crate::spectra::{fits, survey};
use crate::tally::trials;

/// The shape of the main pipeline in little: join, match, cuts, training, prediction, catalog.
const PIPELINE: &str = r#"
[pipeline]
name = "provenance"
seed = 7

[dataset.files]
about = "made-up spectra"

[dataset.gaia]
about = "made-up astrometry"

[dataset.quality]
about = "made-up qualities"

[dataset.labels]
about = "made-up labels"

[node.spectra]
stage = "read_spectra"
section = "§3.1"
dataset = "files"
buckets = 3

[node.sources]
stage = "read_table"
section = "§3.1"
dataset = "gaia"
format = "csv"
id = "source_id"
buckets = 4
columns = [
  { name = "source_id", type = "i64" },
  { name = "gaia_ra_deg", from = "ra", type = "f64", unit = "deg" },
  { name = "gaia_dec_deg", from = "dec", type = "f64", unit = "deg" },
  { name = "pmra", type = "f64", unit = "mas/yr" },
  { name = "pmdec", type = "f64", unit = "mas/yr" },
  { name = "parallax", type = "f64", unit = "mas" },
  { name = "parallax_error", type = "f64", unit = "mas" },
  { name = "g", type = "f64", unit = "mag" },
  { name = "bp_rp", type = "f64", unit = "mag" },
  { name = "epoch_note", type = "text" },
]

[node.qualities]
stage = "read_table"
section = "§3.1"
dataset = "quality"
format = "csv"
id = "source_id"
columns = [
  { name = "source_id", type = "i64" },
  { name = "ruwe", type = "f64" },
  { name = "n_visits", type = "i64" },
]

[node.gaia_joined]
stage = "join"
section = "§3.1"
in = { rows = "sources", catalog = "qualities" }
id = "source_id"
key = "source_id"
keep_unmatched = true

[node.matched]
stage = "crossmatch"
section = "§3.1"
in = { targets = "spectra.spectra", catalog = "gaia_joined" }
id = "obsid"
observed_mjd = "mjd"
catalog_id = "source_id"
catalog_ra = "gaia_ra_deg"
catalog_dec = "gaia_dec_deg"
proper_motion = ["pmra", "pmdec"]
parallax = "parallax"
catalog_epoch_yr = 2015.5
radius_arcsec = 3.0
prefix = "gaia_"

[node.photometry]
stage = "derive"
section = "§3.1"
in = { rows = "matched" }
columns = [
  { name = "M_G", expr = "g + 5 * log10(parallax / 100)", unit = "mag", about = "absolute magnitude" },
  { name = "red", expr = "bp_rp > 2", about = "red" },
]

[node.selected]
stage = "cuts"
section = "§3.1"
in = { stars = "photometry" }
id = "obsid"
criteria = [["parallax", "parallax / parallax_error > 5"], ["ruwe", "ruwe < 1.4"], ["snri", "snri > 5"]]

[node.grid]
stage = "grid"
section = "§2.2"
step = 80

[node.normalized]
stage = "normalize"
section = "§2.2"
in = { spectra = "selected.kept" }
step = 80

[node.literature]
stage = "read_table"
section = "§3.2"
dataset = "labels"
format = "csv"
sentinels = [-9999.0]
columns = [
  { name = "lit_ra_deg", from = "ra", type = "f64", unit = "deg" },
  { name = "lit_dec_deg", from = "dec", type = "f64", unit = "deg" },
  { name = "Teff", from = "teff", type = "f64", unit = "K", scale = "LIT" },
  { name = "e_Teff", from = "e_teff", type = "f64", unit = "K" },
  { name = "logg", type = "f64" },
  { name = "remark", type = "text" },
]

[node.labelled]
stage = "crossmatch"
section = "§3.2"
in = { targets = "normalized.spectra", catalog = "literature" }
id = "obsid"
catalog_id = "row"
catalog_ra = "lit_ra_deg"
catalog_dec = "lit_dec_deg"

[node.trusted]
stage = "cuts"
section = "§3.2"
in = { stars = "labelled.matched" }
id = "obsid"
criteria = [["error", "e_Teff < 100"]]

[node.training]
stage = "training_set"
section = "§2.2"
in = { stars = "trusted.kept", grid = "grid" }
star_id = "source_id"
labels = ["Teff"]
chunk = 10

[node.slam]
stage = "train"
section = "§2.2"
in = { training = "training" }
folds = 3
min_stars = 5
grid = { C = [1.0], epsilon = [0.05], gamma = [0.5] }

[node.predicted]
stage = "predict"
section = "§2.2"
in = { spectra = "normalized.spectra", model = "slam" }
min_pixels = 10
star_id = "source_id"

[node.catalog]
stage = "catalog"
section = "§4.5"
in = { rows = "predicted" }
id = "obsid"
star_id = "source_id"
snr = "snri"
columns = ["obsid", "source_id", "snri", "bp_rp", "M_G", ["TEFF_LIT", "Teff"], ["TEFF_LIT_ERR", "Teff_ERR"], "chi2", "in_training"]

[publish]
"catalog.parquet" = "catalog"
"#;

const PROFILE: &str = r#"
[profile]
name = "test"
about = "made-up stars"

[dataset.files]
path = "data/spectra"
glob = "*.fits*"

[dataset.gaia]
path = "data/gaia.csv"

[dataset.quality]
path = "data/quality.csv"

[dataset.labels]
path = "data/labels.csv"
"#;

const STARS: usize = 14;

/// Column names, and texts by row and column.
#[derive(Clone)]
struct Csv(Vec<&'static str>, Vec<Vec<String>>);

impl Csv {
    fn text(&self) -> String {
        let line = |cells: Vec<&str>| cells.join(",") + "\n";
        let rows = self.1.iter().map(|row| line(row.iter().map(String::as_str).collect()));
        line(self.0.clone()) + &rows.collect::<String>()
    }
}

/// The tables of the project by slot.
fn tables() -> BTreeMap<&'static str, Csv> {
    let stars = survey(STARS);
    let rows = |of: &dyn Fn(usize) -> Vec<String>| (0..STARS).map(of).collect::<Vec<_>>();
    // The odd ones out: a star without a good parallax, one with a large ruwe, one with poor labels.
    let gaia = rows(&|i| {
        let star = &stars[i];
        let parallax = if i == 3 { 0.4 } else { 20.0 + i as f64 };
        vec![
            (5000 + 7 * i).to_string(),
            format!("{:.6}", star.ra_deg),
            format!("{:.6}", star.dec_deg),
            (10 + i).to_string(),
            (-5 - (i as i64)).to_string(),
            parallax.to_string(),
            "0.1".into(),
            format!("{:.2}", 14.0 + 0.1 * i as f64),
            format!("{:.2}", 1.8 + 0.05 * i as f64),
            "a".into(),
        ]
    });
    let quality = rows(&|i| {
        let ruwe = if i == 5 { "2.0" } else { "1.1" };
        vec![(5000 + 7 * i).to_string(), ruwe.into(), (9 + i).to_string()]
    });
    let labels = rows(&|i| {
        let star = &stars[i];
        let error = if i == 7 { 150 } else { 60 };
        vec![
            format!("{:.6}", star.ra_deg),
            format!("{:.6}", star.dec_deg),
            format!("{:.1}", star.teff_k),
            error.to_string(),
            "4.8".into(),
            "b".into(),
        ]
    });
    let gaia_names = [
        "source_id",
        "ra",
        "dec",
        "pmra",
        "pmdec",
        "parallax",
        "parallax_error",
        "g",
        "bp_rp",
        "epoch_note",
    ];
    BTreeMap::from([
        ("gaia", Csv(gaia_names.to_vec(), gaia)),
        ("quality", Csv(vec!["source_id", "ruwe", "n_visits"], quality)),
        ("labels", Csv(vec!["ra", "dec", "teff", "e_teff", "logg", "remark"], labels)),
    ])
}

fn place(slot: &str) -> String {
    format!("data/{slot}.csv")
}

/// A project with these tables.
pub fn project() -> Project {
    let mut project =
        Project::new().file("pipeline.toml", PIPELINE).file("profiles/test.toml", PROFILE);
    for star in survey(STARS) {
        project = project.file(&format!("data/spectra/spec-{}.fits", star.obsid), fits(&star));
    }
    for (slot, table) in tables() {
        project = project.file(&place(slot), table.text());
    }
    project
}

/// Digests of all columns of all tables, by `node.output.column`, and rows by `node.output`.
fn digests(project: &Project) -> BTreeMap<String, String> {
    let answer = project.mdwarf(&["lock", "--profile", "test", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let lock = answer.json();
    let mut found = BTreeMap::new();
    for (node, facts) in lock["node"].as_object().expect("nodes") {
        for (output, table) in facts["output"].as_object().into_iter().flatten() {
            for (column, digest) in table["columns"].as_object().into_iter().flatten() {
                let digest = digest.as_str().expect("a digest").to_owned();
                found.insert(format!("{node}.{output}.{column}"), digest);
            }
        }
    }
    found
}

/// Identifiers of all that lineage says a thing touches.
fn touched(project: &Project, what: &str) -> BTreeSet<String> {
    let answer = project.mdwarf(&["lineage", "--impact", what, "--profile", "test", "--json"]);
    if answer.code != 0 {
        // A column that nothing reads.
        assert!(answer.stderr.contains("there is no"), "{}", answer.stderr);
        return BTreeSet::new();
    }
    let nodes = answer.json()["nodes"].as_array().expect("nodes").clone();
    nodes.iter().map(|n| n["id"].as_str().expect("an id").to_owned()).collect()
}

/// Ways to change a column's texts.
type Change = (&'static str, fn(&mut Vec<Vec<String>>, usize));

fn nudge(text: &str, by: f64) -> String {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(n), _) => (n + (by * 1e3).round().max(1.0) as i64).to_string(),
        (_, Ok(x)) => format!("{:.7}", x * (1.0 + by)),
        _ => format!("{text}x"),
    }
}

const CHANGES: [Change; 5] = [
    ("one value a little", |rows, c| rows[2][c] = nudge(&rows[2][c], 1e-6)),
    ("one value a lot", |rows, c| rows[6][c] = nudge(&rows[6][c], 0.8)),
    ("all values a lot", |rows, c| rows.iter_mut().for_each(|r| r[c] = nudge(&r[c], 0.2))),
    ("one value missing", |rows, c| rows[4][c] = String::new()),
    ("values of two rows swapped", |rows, c| {
        let (one, other) = (rows[1][c].clone(), rows[8][c].clone());
        (rows[1][c], rows[8][c]) = (other, one);
    }),
];

/// What came of perturbing one source column.
#[derive(Default)]
struct Tried {
    changes: u64,
    refused: u64,
    moved: BTreeSet<String>,
}

#[test]
fn nothing_moves_outside_of_a_lineage() {
    let project = project();
    project.run();
    let before = digests(&project);
    let long = std::env::var_os("MDWARF_LONG").is_some();
    let changes = if long { &CHANGES[..] } else { &CHANGES[..2] };
    let (mut unsound, mut without_effect) = (Vec::new(), Vec::new());
    let (mut tried, mut moved_in_all, mut inside) = (0, 0, 0);
    for (slot, table) in tables() {
        for (index, column) in table.0.iter().enumerate() {
            let name = format!("dataset:{slot}.{column}");
            let touched = touched(&project, &name);
            let mut outcome = Tried::default();
            for (_, change) in changes {
                let mut changed = table.clone();
                change(&mut changed.1, index);
                project.write(&place(slot), changed.text());
                outcome.changes += 1;
                if project.mdwarf(&["run", "--profile", "test"]).code != 0 {
                    // Two rows of one id, or no spectrum left: an error, and no result.
                    outcome.refused += 1;
                    continue;
                }
                let after = digests(&project);
                let differs = |id: &&String| after.get(*id) != before.get(*id);
                outcome.moved.extend(before.keys().filter(differs).cloned());
            }
            project.write(&place(slot), table.text());
            let outside: Vec<&String> =
                outcome.moved.iter().filter(|id| !touched.contains(*id)).collect();
            unsound.extend(outside.into_iter().map(|id| format!("{name} moved {id}")));
            if outcome.moved.is_empty() {
                without_effect.push(name.clone());
            }
            let columns = before.keys().filter(|id| touched.contains(*id)).count();
            eprintln!(
                "{name}: {columns} columns in its lineage, {} moved, {} of {} changes refused",
                outcome.moved.len(),
                outcome.refused,
                outcome.changes
            );
            tried += outcome.changes;
            moved_in_all += outcome.moved.len();
            inside += columns;
        }
    }
    let note = format!(
        "{} columns of tables; {inside} dependences said, {moved_in_all} seen; without effect: {}",
        before.len(),
        without_effect.join(", ")
    );
    trials(8, "source columns perturbed", tried, unsound.len() as u64, &note);
    assert!(unsound.is_empty(), "{}", unsound.join("\n"));
    // Columns that a test of every kind moved, and one that nothing reads.
    assert!(!without_effect.iter().any(|c| c.ends_with("teff") || c.ends_with("ruwe")));
    assert!(moved_in_all > 200, "{moved_in_all}");
    project.run().ran(&[]);
}

#[test]
fn lineage_is_tight_where_stages_say_so() {
    let project = project();
    project.run();
    let names = |ids: BTreeSet<String>| -> BTreeSet<String> {
        let catalog = ids.iter().filter_map(|id| id.strip_prefix("catalog.catalog."));
        catalog.map(str::to_owned).collect()
    };
    // What nothing reads touches its own column only.
    let note = touched(&project, "dataset:gaia.epoch_note");
    assert!(names(note.clone()).is_empty(), "{note:?}");
    let visits = touched(&project, "dataset:quality.n_visits");
    assert!(names(visits).is_empty());
    // A color that is no criterion touches itself and what is derived of it.
    assert_eq!(
        names(touched(&project, "dataset:gaia.bp_rp")),
        BTreeSet::from(["bp_rp".to_owned()])
    );
    // The error of a label decides who trains, and so the labels, but not who is in the catalog.
    let error = names(touched(&project, "dataset:labels.e_teff"));
    assert!(error.contains("TEFF_LIT") && !error.contains("M_G") && !error.contains("obsid"));
    // A criterion decides on the rows of all.
    let ruwe = touched(&project, "dataset:quality.ruwe");
    assert!(ruwe.contains("catalog.catalog.#rows") && names(ruwe).contains("bp_rp"));
}

#[test]
fn lineage_names_every_source_and_all_that_was_done() {
    let project = project();
    project.run();
    let answer = project.mdwarf(&["lineage", "TEFF_LIT", "--profile", "test", "--json"]);
    let lineage = answer.json();
    let edges = lineage["edges"].as_array().expect("edges");
    let edge = |from: &str, to: &str| {
        let found = edges.iter().find(|e| e["from"] == from && e["to"] == to);
        let found = found.unwrap_or_else(|| panic!("no edge {from} -> {to}"));
        (found["kind"].as_str().expect("a kind"), found["how"].as_str().expect("words"))
    };
    assert_eq!(edge("predicted.labels.Teff", "catalog.catalog.TEFF_LIT"), ("DIRECT", "identity"));
    assert_eq!(edge("normalized.spectra.flux_norm", "predicted.labels.Teff"), ("DIRECT", "flux"));
    assert_eq!(edge("training.labels.Teff", "predicted.labels.Teff"), ("DIRECT", "label"));
    assert_eq!(edge("slam.model.gamma", "predicted.labels.Teff"), ("INDIRECT", "hyper-parameter"));
    assert_eq!(
        edge("photometry.rows.ruwe", "selected.kept.#rows"),
        ("INDIRECT", "filter: ruwe: ruwe < 1.4")
    );
    assert_eq!(edge("gaia_joined.rows.gaia_ra_deg", "matched.matched.#rows").1, "join: position");
    assert_eq!(
        edge("dataset:labels.teff", "literature.rows.Teff"),
        ("DIRECT", "identity, sentinels as nulls")
    );
    let nodes = lineage["nodes"].as_array().expect("nodes");
    let labels = nodes.iter().find(|n| n["id"] == "dataset:labels").expect("the dataset");
    let bytes = fs::read(project.path("data/labels.csv")).expect("labels");
    assert_eq!(labels["files"][0]["blake3"], blake3::hash(&bytes).to_hex().as_str());
    let stages = lineage["stages"].as_array().expect("stages");
    let slam = stages.iter().find(|s| s["node"] == "slam").expect("the training");
    assert_eq!((slam["stage"].as_str(), &slam["params"]["folds"]), (Some("train"), &3.into()));
    assert!(slam["seed"].is_string() && slam["code"].is_string() && slam["key"].is_string());
    // What was reused is told like what was made.
    project.run().ran(&[]);
    let again = project.mdwarf(&["lineage", "TEFF_LIT", "--profile", "test", "--json"]);
    assert_eq!(again.stdout, answer.stdout);
    let text = project.mdwarf(&["lineage", "TEFF_LIT", "--profile", "test"]);
    text.says("DIRECT: what the values are made of").says("rows: filter: ruwe: ruwe < 1.4");
    text.says("columns, INDIRECT: dec, e_teff, ra");
}

#[test]
fn a_star_is_followed_through_every_table() {
    let project = project();
    project.run();
    let steps = project.mdwarf(&["trace", "1000", "--profile", "test", "--json"]).json();
    let steps = steps.as_array().expect("steps").clone();
    let nodes: Vec<&str> = steps.iter().filter_map(|s| s["node"].as_str()).collect();
    for node in
        ["spectra", "matched", "photometry", "selected", "normalized", "predicted", "catalog"]
    {
        assert!(nodes.contains(&node), "{node} is not in {nodes:?}");
    }
    let of = |node: &str| steps.iter().find(|s| s["node"] == node).expect("the step").clone();
    assert_eq!(of("spectra")["rows"][0]["file"], "spec-1000.fits");
    let checks = of("selected")["checks"].as_array().expect("checks").clone();
    assert_eq!(checks.len(), 3);
    assert_eq!((&checks[1]["criterion"], &checks[1]["threshold"]), (&"ruwe".into(), &1.4.into()));
    assert_eq!(checks[1]["holds"], true);
    // The training set calls the id by another name.
    assert!(nodes.contains(&"training"), "{nodes:?}");
    assert!(of("predicted")["rows"][0]["Teff"].is_number());
    assert!(of("catalog")["rows"][0]["TEFF_LIT"].is_number());
    // Cut by ruwe: where, and by how much; nothing of it comes after.
    let cut = project.mdwarf(&["trace", "1005", "--profile", "test"]);
    cut.says("not in `catalog`: rejected by `selected` (§3.1) by `ruwe`: value 2, threshold 1.4");
    cut.says("passes snri: snri > 5").says("FAILS ruwe: ruwe < 1.4, is 2");
    assert!(!cut.stdout.contains("normalized"), "{}", cut.stdout);
    // Asked again, from the pages; a damaged page is made again.
    let again = project.mdwarf(&["trace", "1005", "--profile", "test"]);
    assert_eq!(again.stdout, cut.stdout);
    for page in fs::read_dir(project.path("cache/v1/index")).expect("pages") {
        let path = page.expect("a page").path();
        let mut bytes = fs::read(&path).expect("a page");
        bytes[20] ^= 1;
        fs::write(&path, bytes).expect("a page");
    }
    assert_eq!(project.mdwarf(&["trace", "1005", "--profile", "test"]).stdout, cut.stdout);
}

#[test]
fn two_runs_are_compared_to_the_last_star() {
    let project = project();
    project.run();
    project.run_with(&["--set", "predicted.loss=soft_l1"]);
    let answer = project.mdwarf(&["diff", "latest~1", "latest", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let diff = answer.json();
    assert_eq!(diff["causes"][0]["place"], "node `predicted` parameter `loss`");
    let nodes: Vec<&str> =
        diff["nodes"].as_array().into_iter().flatten().filter_map(|n| n["node"].as_str()).collect();
    assert_eq!(nodes[0], "predicted");
    let table = &diff["tables"][0];
    assert_eq!((&table["table"], &table["row_id"]), (&"catalog.catalog".into(), &"obsid".into()));
    let changed = table["changed"].as_array().expect("columns");
    let teff = changed.iter().find(|c| c["column"] == "TEFF_LIT").expect("a label");
    assert!(teff["rows"].as_u64() > Some(0) && teff["largest"].is_number());
    // Rows come and go with a criterion.
    project.run_with(&[
        "--set",
        r#"selected.criteria=[["parallax", "parallax / parallax_error > 5"]]"#,
    ]);
    let answer = project.mdwarf(&["diff", "latest~2", "latest"]);
    answer.says("1 entered, 0 left").says("entered: 1005");
    let same = project.mdwarf(&["diff", "latest", "latest"]);
    same.says("NODES: all 16 the same");
    assert_eq!(project.mdwarf(&["diff", "latest~99"]).code, 2);
}

#[test]
fn what_a_sweep_takes_is_said_and_the_rest_is_still_told() {
    let project = project();
    project.run();
    project.mdwarf(&["trace", "1000", "--profile", "test"]);
    let lineage = project.mdwarf(&["lineage", "TEFF_LIT", "--profile", "test"]);
    let swept =
        project.mdwarf(&["gc", "--intermediate", "--profile", "test", "--json"]).last_json();
    assert!(swept["removed"]["objects"]["files"].as_u64() > Some(5), "{swept}");
    assert_eq!(swept["removed"]["records"]["files"].as_u64().unwrap_or(0), 0);
    // Lineage is what the records say.
    assert_eq!(
        project.mdwarf(&["lineage", "TEFF_LIT", "--profile", "test"]).stdout,
        lineage.stdout
    );
    // Tables that were traced before are told; then, without their pages, it is said what is not.
    project.mdwarf(&["trace", "1000", "--profile", "test"]).says("passes ruwe");
    fs::remove_dir_all(project.path("cache/v1/index")).expect("pages");
    let trace = project.mdwarf(&["trace", "1000", "--profile", "test"]);
    trace.says("in `catalog`").says("Not shown").says("its data were swept from the store");
    // The catalog itself is read as before; the next run makes the rest again, bit for bit.
    assert_eq!(project.mdwarf(&["diff", "latest", "latest"]).code, 0);
    let before = fs::read(project.path("results/test/catalog.parquet")).expect("the catalog");
    fs::remove_file(project.path("results/test/catalog.parquet")).expect("the catalog");
    project.run().reused("matched").reused("catalog");
    assert_eq!(fs::read(project.path("results/test/catalog.parquet")).expect("it"), before);
}

#[test]
fn histories_in_the_forms_of_others() {
    let project = project();
    project.run();
    let export = |format: &str, file: &str| {
        let path = project.path(file);
        let path = path.to_str().expect("a path");
        let answer = project.mdwarf(&["export", "--format", format, path, "--profile", "test"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        fs::read_to_string(path).unwrap_or_default()
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let prov = json(&export("prov-json", "out/prov.json"));
    assert!(prov["entity"]["mdwarf:column/catalog.catalog.TEFF_LIT"].is_object());
    assert!(prov["wasDerivedFrom"].to_string().contains("mdwarf:dataset-column/labels.teff"));
    let ivoa = json(&export("provdm", "out/provdm.json"));
    assert!(ivoa["activityDescription"]["mdwarf:stage/train"].is_object());
    let events = export("openlineage", "out/events.jsonl");
    assert_eq!(events.lines().count(), 2 * 16 + 2);
    let last = json(events.lines().rev().nth(1).expect("an event"));
    let fields = &last["outputs"][0]["facets"]["columnLineage"]["fields"];
    assert_eq!(fields["TEFF_LIT"]["inputFields"][0]["field"], "Teff");
    export("ro-crate", "out/crate");
    let text = fs::read_to_string(project.path("out/crate/ro-crate-metadata.json"));
    assert!(text.expect("metadata").contains("https://w3id.org/ro/wfrun/provenance/"));
    for file in ["catalog.parquet", "pipeline.toml", "mdwarf.lock", "prov.json"] {
        assert!(project.path("out/crate").join(file).exists(), "{file}");
    }
    // The same twice; a folder in use is left alone.
    let path = project.path("out/crate");
    let path = path.to_str().expect("a path");
    let again = project.mdwarf(&["export", "--format", "ro-crate", path, "--profile", "test"]);
    assert_eq!(again.code, 2);
    assert_eq!(json(&export("prov-json", "out/again.json")), prov);
}

#[test]
fn a_bundle_is_replayed_elsewhere_without_doing_anything_again() {
    let project = project();
    project.run();
    let bundle = project.path("run.tar.gz");
    let bundle_text = bundle.to_str().expect("a path").to_owned();
    let answer = project.mdwarf(&["export", &bundle_text, "--profile", "test"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let into = elsewhere.path().join("replay");
    let into = into.to_str().expect("a path");
    let import = |bundle: &str| project.mdwarf(&["import", bundle, "--into", into, "--json"]);
    let answer = import(&bundle_text);
    assert_eq!(answer.code, 0, "{}\n{}", answer.stderr, answer.stdout);
    let line = answer.last_json();
    assert_eq!(
        (line["ran"].as_array().map(Vec::len), line["reused"].as_array().map(Vec::len)),
        (Some(0), Some(16))
    );
    let catalog =
        |root: &std::path::Path| fs::read(root.join("results/test/catalog.parquet")).expect("it");
    assert_eq!(catalog(std::path::Path::new(into)), catalog(&project.root()));
    // A second import does not write over it; one flipped bit is refused and leaves nothing.
    assert_eq!(import(&bundle_text).code, 1);
    fs::remove_dir_all(into).expect("the replay");
    let mut bytes = fs::read(&bundle).expect("the bundle");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bundle, &bytes).expect("the bundle");
    let answer = import(&bundle_text);
    assert_eq!(answer.code, 5, "{}", answer.stderr);
    answer.says("nothing was unpacked");
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
    assert_eq!(project.mdwarf(&["export", "run.zip", "--profile", "test"]).code, 2);
}
