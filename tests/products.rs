//! Products: what is published of a run, its slots, and what a change of them reruns.

use std::fs;

use crate::project::Project;
use crate::stories;

const MORE: &str = r##"
[node.catalog_files]
stage = "products"
section = "§4.5"
in = { rows = "catalog" }
name = "catalog"
formats = ["parquet", "fits", "votable", "csv", "cds"]
title = "Labels"

[node.card]
stage = "model_card"
section = "§2.2"
in = { model = "slam" }
name = "slam"
title = "a model"
purpose = "It is tested."

[node.fig_pixels]
stage = "figure"
section = "§2.2"
in = { model = "slam" }
figure = "pixels"
names = ["slam"]

[node.page]
stage = "report"
section = "§4"
in = { pixels = "fig_pixels", card = "card" }
title = "A story"
diagnostics = ["pixels"]
cards = ["card"]

[[claim]]
id = "C1"
section = "§4.5"
about = "rows of the catalog"
paper = "16"
accept = [16, 16]
sample = "all"
statistic = "rows"
value = { node = "catalog", rows = true }

[publish]
"catalog.vot" = "catalog_files"
"cds/ReadMe" = "catalog_files"
"cds/catalog.dat" = "catalog_files"
"slam.md" = "card"
"report.html" = "page"
"##;

fn project() -> Project {
    let project = stories::project();
    project.edit("pipeline.toml", "[publish]", MORE.trim_start());
    let cite = "path = \"data/labels.csv\"\ncite = \"Somebody et al. 2019\"";
    project.edit("profiles/test.toml", "path = \"data/labels.csv\"", cite);
    project
}

fn text(project: &Project, file: &str) -> String {
    fs::read_to_string(project.path(&format!("results/test/{file}"))).expect("a published file")
}

#[test]
fn the_page_tells_of_the_run_that_published_it() {
    let project = project();
    project.run();
    let page = text(&project, "report.html");
    for part in [
        "✓ 1 PASS",
        "Somebody et al. 2019",
        "column-TEFF_LIT",
        "mdwarf run --profile test",
        "a model",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let readme = text(&project, "cds/ReadMe");
    assert!(readme.contains("Somebody et al. 2019") && !readme.contains("[acknowledgements]"));
    assert!(text(&project, "catalog.vot").contains("name=\"TEFF_LIT\""));
    assert!(text(&project, "slam.md").contains("# slam: a model"));
    let rows = text(&project, "cds/catalog.dat").lines().count();
    assert_eq!(rows, 16);
    project.run().ran(&[]);
    assert_eq!(text(&project, "report.html"), page, "a run that changes nothing leaves the page");
}

#[test]
fn a_band_of_a_claim_changes_the_page_and_no_node() {
    let project = project();
    project.run();
    project.edit("pipeline.toml", "accept = [16, 16]", "accept = [17, 18]");
    project.run().ran(&[]);
    let page = text(&project, "report.html");
    assert!(page.contains("✗ 1 MISS") && page.contains("17 to 18"), "the verdict");
}

#[test]
fn a_color_reruns_the_figure_and_the_page() {
    let project = project();
    project.run();
    let drawn = "names = [\"slam\"]\n";
    project.edit(
        "pipeline.toml",
        drawn,
        &format!("{drawn}colors = [[\"#0072b2\", \"#123456\"]]\n"),
    );
    project.run().ran(&["fig_pixels", "page"]);
    assert!(text(&project, "report.html").contains("#123456"));
}

#[test]
fn a_description_reruns_the_files_that_state_it() {
    let project = project();
    project.run();
    let column = "{ name = \"Teff\", type = \"f64\", unit = \"K\" }";
    let described =
        "{ name = \"Teff\", type = \"f64\", unit = \"K\", about = \"a made-up temperature\" }";
    project.edit("pipeline.toml", column, described);
    project.run().ran(&["catalog_files"]).reused("slam").reused("predicted");
    assert!(text(&project, "catalog.vot").contains("a made-up temperature"));
}

/// The table of bits in docs/products.md is that of the shipped pipeline.
#[test]
fn every_bit_of_the_shipped_catalog_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).expect(file);
    let document: toml::Table = read("pipeline.toml").parse().expect("TOML");
    let demands = document["node"]["catalog"]["demands"].as_array().expect("demands");
    let docs = read("docs/products.md");
    assert!(demands.len() > 5);
    for (bit, demand) in demands.iter().enumerate() {
        let name = demand[0].as_str().expect("a name").trim_end_matches('?');
        let rule = demand[1].as_str().expect("a rule");
        let line = format!("| {bit} | {} | {name} | `{rule}` |", 1_u64 << bit);
        assert!(docs.contains(&line), "docs/products.md lacks: {line}");
    }
}
