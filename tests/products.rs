//! Products: what is published of a run, its slots, and what a change of them reruns.

use std::fs;

use arrow::array::{Array, RecordBatch};
use mdwarf::formats::votable::{VoTableOptions, read_votable};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::parts::rows_claim;
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
"##;

const PUBLISHED: &str = r##"[publish]
"catalog.vot" = "catalog_files"
"written.parquet" = "catalog_files"
"cds/ReadMe" = "catalog_files"
"cds/catalog.dat" = "catalog_files"
"slam.md" = "card"
"report.html" = "page"
"##;

fn project() -> Project {
    let project = stories::project();
    let more = [MORE, &rows_claim("C1"), PUBLISHED].concat();
    project.edit("pipeline.toml", "[publish]", more.trim_start());
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

/// The table of a VOTable, and of a Parquet file what its footer says.
fn read(project: &Project, file: &str) -> (RecordBatch, serde_json::Value) {
    let bytes = fs::read(project.path(&format!("results/test/{file}"))).expect("a file");
    if file.ends_with(".vot") {
        let read = read_votable(&bytes, &VoTableOptions::default()).expect("a VOTable");
        return (read.table, serde_json::Value::Null);
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).expect("it");
    let entries = reader.metadata().file_metadata().key_value_metadata().cloned();
    let entries = entries.expect("a footer");
    let told = entries.iter().find(|entry| entry.key == "mdwarf.provenance");
    let told = told.and_then(|entry| entry.value.as_deref()).expect("provenance");
    let table = reader.build().expect("rows").next().expect("a batch").expect("rows");
    (table, serde_json::from_str(told).expect("JSON"))
}

#[test]
fn the_files_of_the_catalog_tell_where_their_columns_are_from() {
    let project = project();
    project.run();
    let document = text(&project, "catalog.vot");
    let header = document.split("<DATA>").next().expect("a header");
    let labels = fs::read(project.path("data/labels.csv")).expect("labels");
    let program =
        format!("name=\"server_software\" value=\"mdwarf {}\"", env!("CARGO_PKG_VERSION"));
    for part in [
        program.as_str(),
        "<INFO name=\"profile\" value=\"test\"/>",
        "<INFO name=\"pipeline_digest\" value=\"blake3:",
        "<INFO name=\"is_derived_from\" value=\"dataset:labels\"/>",
        "<GROUP name=\"dataset_labels\" utype=\"voprov:DatasetEntity\">",
        blake3::hash(&labels).to_hex().as_str(),
    ] {
        assert!(header.contains(part), "{part} is not in\n{header}");
    }
    let group = header.split("<GROUP name=\"provenance_TEFF_LIT\"").nth(1).expect("its group");
    let group = group.split("</GROUP>").next().expect("an end");
    let value = |name: &str| {
        let param = group.split(&format!("<PARAM name=\"{name}\"")).nth(1);
        let param = param.unwrap_or_else(|| panic!("{name} is not in {group}"));
        param.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a value")
    };
    assert!(group.contains("<FIELDref ref=\"TEFF_LIT\"/>"), "{group}");
    assert_eq!((value("column"), value("node")), ("predicted.labels.Teff", "predicted"));
    let predicted = project.mdwarf(&["show", "predicted", "--profile", "test", "--json"]).json();
    assert_eq!(value("stage"), "predict");
    assert_eq!(value("revision"), predicted["revision"].to_string());
    assert!(value("from").contains("flux of normalized.spectra.flux_norm"), "{group}");
    assert!(value("sources").contains("dataset:labels.Teff"), "{group}");
    assert!(value("decided_by").contains("dataset:labels.ra"), "{group}");
    // The footer of the Parquet file that a node wrote says the same.
    let (parquet, footer) = read(&project, "written.parquet");
    assert_eq!(footer["columns"]["TEFF_LIT"]["digest"], value("blake3"));
    let (votable, _) = read(&project, "catalog.vot");
    assert!(votable.num_rows() == 16 && votable.num_columns() == parquet.num_columns());
    for (at, field) in parquet.schema().fields().iter().enumerate() {
        assert_eq!(votable.schema().field(at).name(), field.name());
        // VOTable has no unsigned integers.
        let kind = votable.schema().field(at).data_type().clone();
        let same = arrow::compute::cast(parquet.column(at), &kind).expect("a wider type");
        assert_eq!(votable.column(at).to_data(), same.to_data(), "{}", field.name());
    }
}

#[test]
fn provenance_knows_no_run_and_follows_what_is_said_of_a_source() {
    let project = project();
    project.run();
    let file =
        |name: &str| fs::read(project.path(&format!("results/test/{name}"))).expect("a file");
    let names = ["catalog.vot", "written.parquet", "catalog.parquet"];
    let before = names.map(file);
    // All of it again, from nothing: the same bytes.
    fs::remove_dir_all(project.path("cache/v1")).expect("the store");
    fs::remove_dir_all(project.path("results")).expect("the copies");
    project
        .run()
        .ran(&[&stories::ALL[..], &["card", "catalog_files", "fig_pixels", "page"]].concat());
    assert!(names.map(file) == before, "another run wrote other bytes");
    project.edit("pipeline.toml", "about = \"made-up labels\"", "about = \"better labels\"");
    project.run().ran(&[]);
    assert!(text(&project, "catalog.vot").contains("<DESCRIPTION>better labels</DESCRIPTION>"));
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
