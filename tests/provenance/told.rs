//! What is told of columns, stars and runs.

use std::fs;

use serde_json::Value;

use super::project;

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
fn a_star_names_the_training_spectra_that_weigh_most() {
    let project = project();
    project.run();
    let ask = |more: &[&str]| {
        project.mdwarf(&[&["trace", "1000", "--profile", "test"][..], more].concat())
    };
    let steps = ask(&["--neighbours", "100", "--json"]).json();
    let with = |step: &&serde_json::Value| step["neighbours"].is_array();
    let told: Vec<&serde_json::Value> =
        steps.as_array().expect("steps").iter().filter(with).collect();
    assert_eq!(told.iter().map(|step| &step["node"]).collect::<Vec<_>>(), ["predicted"]);
    let spectra = told[0]["neighbours"].as_array().expect("spectra");
    let number = |one: &serde_json::Value, key: &str| one[key].as_f64().expect("a number");
    // Of 14 stars three are cut; the training set is told whole, by falling weight.
    assert_eq!(spectra.len(), 11);
    let shares: Vec<f64> = spectra.iter().map(|one| number(one, "share")).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[0] > 1.0 / 11.0, "{shares:?}");
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    // The spectrum is one of them, nearly where its labels were fitted.
    let itself = spectra.iter().find(|one| one["id"] == 1000).expect("the star itself");
    let nearest = spectra.iter().map(|one| number(one, "distance")).fold(f64::INFINITY, f64::min);
    assert_eq!(number(itself, "distance"), nearest, "{spectra:?}");
    assert!(number(itself, "kernel") > 0.9 && itself["labels"]["Teff"].is_number());
    let text = ask(&["--neighbours", "3"]);
    text.says("Training spectra that weigh most").says("`predicted` at Teff = ");
    text.says("3 of 11 training spectra hold");
    // The steps are the same with and without.
    let plain = ask(&["--json"]).json();
    assert_eq!(plain.as_array().map(Vec::len), steps.as_array().map(Vec::len));
    assert!(!plain.to_string().contains("neighbours"));
    let cut = project.mdwarf(&["trace", "1005", "--neighbours", "3", "--profile", "test"]);
    cut.says("No model has fitted labels to it");
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
    let nodes = |diff: &Value| -> Vec<String> {
        let nodes = diff["nodes"].as_array().into_iter().flatten();
        nodes.filter_map(|n| n["node"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(nodes(&diff)[0], "predicted");
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
    // What a run was not asked for is no result of it, though the store has one.
    project.run_with(&["--until", "predicted", "--set", "predicted.loss=soft_l1"]);
    let diff = project.mdwarf(&["diff", "latest~3", "latest", "--json"]).json();
    assert_eq!(nodes(&diff), ["predicted"]);
    assert!(diff["not_shown"].to_string().contains("has no result: `"), "{}", diff["not_shown"]);
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
