use serde_json::{Value, json};

use super::history::{Activity, Column, Dependence, File, History, Product, Source, Table};
use super::openlineage::openlineage;
use super::prov_json::prov_json;
use super::provdm::provdm;
use super::ro_crate::{CrateFile, ro_crate};

/// A file, read and cut, and a catalog.
fn history() -> History {
    let from = |table: &str, column: &str, direct: bool, how: &str| Dependence {
        table: table.into(),
        column: Some(column.into()),
        direct,
        how: how.into(),
    };
    let column = |name: &str, from: Vec<Dependence>| Column {
        name: name.into(),
        kind: "f64".into(),
        from,
        ..Column::default()
    };
    let read = Table {
        rows: 9,
        digest: "aa".into(),
        columns: vec![column("ruwe", vec![from("dataset:gaia", "ruwe", true, "identity")])],
        rows_from: vec![],
    };
    let cut = Table {
        rows: 7,
        digest: "bb".into(),
        columns: vec![column("ruwe", vec![from("read.rows", "ruwe", true, "identity")])],
        rows_from: vec![from("read.rows", "ruwe", false, "filter: ruwe < 1.4")],
    };
    let activity = |name: &str, stage: &str, makes: &str| Activity {
        name: name.into(),
        stage: stage.into(),
        revision: 2,
        params: json!({"a": {"b": 1.5}, "c": "x \"y\""}),
        makes: vec![makes.into()],
        ..Activity::default()
    };
    let file = File { name: "g.csv".into(), blake3: "cc".into(), ..File::default() };
    History {
        pipeline: "p".into(),
        run: "r1".into(),
        started: 1_611_964_800,
        activities: vec![
            Activity {
                dataset: Some("gaia".into()),
                ..activity("read", "read_table", "read.rows")
            },
            Activity {
                uses: vec![("stars".into(), "read.rows".into())],
                seed: Some("18446744073709551615".into()),
                ..activity("cut", "cuts", "cut.kept")
            },
        ],
        tables: [("read.rows".to_owned(), read), ("cut.kept".to_owned(), cut)].into(),
        sources: [("gaia".to_owned(), Source { files: vec![file], ..Source::default() })].into(),
        products: vec![Product {
            path: "catalog.csv".into(),
            table: "cut.kept".into(),
            ..Product::default()
        }],
        ..History::default()
    }
}

/// Every identifier that a relation names is one of a record.
#[test]
fn prov_relations_name_records() {
    for document in [prov_json(&history()), provdm(&history())] {
        let mut known = Vec::new();
        for kind in [
            "entity",
            "datasetEntity",
            "activity",
            "agent",
            "parameter",
            "parameterDescription",
            "activityDescription",
        ] {
            known
                .extend(document[kind].as_object().into_iter().flatten().map(|(id, _)| id.clone()));
        }
        let mut relations = 0;
        for (kind, records) in document.as_object().expect("a document") {
            for record in records.as_object().into_iter().flatten().map(|(_, record)| record) {
                for (key, value) in record.as_object().into_iter().flatten() {
                    let names_record = value.as_str().is_some_and(|v| v.starts_with("mdwarf:"));
                    if names_record {
                        relations += 1;
                        assert!(
                            known.iter().any(|id| Some(id.as_str()) == value.as_str()),
                            "{kind} {key} {value}"
                        );
                    }
                }
            }
        }
        assert!(relations > 15, "{relations}");
    }
}

#[test]
fn prov_tells_direct_from_indirect() {
    let document = prov_json(&history());
    let derived = document["wasDerivedFrom"].to_string();
    assert!(derived.contains("mdwarf:dataset-column/gaia.ruwe"), "{derived}");
    let influenced = document["wasInfluencedBy"].to_string();
    assert!(influenced.contains("filter: ruwe < 1.4"), "{influenced}");
    assert_eq!(document["activity"]["mdwarf:run/r1"]["prov:startTime"], "2021-01-30T00:00:00Z");
}

#[test]
fn openlineage_has_a_start_and_an_end_of_each_run_and_the_columns() {
    let events = openlineage(&history(), &|name| {
        let mut bytes = [0u8; 16];
        bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        bytes
    });
    assert_eq!(events.len(), 6);
    let runs: Vec<&Value> = events.iter().map(|e| &e["run"]["runId"]).collect();
    assert!(runs.iter().all(|run| runs.iter().filter(|other| other == &run).count() == 2));
    let cut = &events[4]["outputs"][0]["facets"]["columnLineage"];
    assert_eq!(
        cut["fields"]["ruwe"]["inputFields"][0]["transformations"][0]["subtype"],
        "IDENTITY"
    );
    assert_eq!(cut["dataset"][0]["transformations"][0]["subtype"], "FILTER");
    let id = events[0]["run"]["runId"].as_str().expect("an id");
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'8'));
}

#[test]
fn a_crate_refers_to_what_it_describes() {
    let files = [CrateFile {
        path: "pipeline.toml".into(),
        about: "the pipeline".into(),
        media_type: "application/toml".into(),
        bytes: 3,
    }];
    let text = ro_crate(&history(), &files);
    let graph = text["@graph"].as_array().expect("a graph");
    let known: Vec<&str> = graph.iter().filter_map(|e| e["@id"].as_str()).collect();
    let mut unique = known.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), known.len(), "an entity is described twice");
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) if map.len() == 1 && map.contains_key("@id") => {
                found.extend(map["@id"].as_str());
            }
            Value::Object(map) => map.values().for_each(|v| references(v, found)),
            Value::Array(items) => items.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&text["@graph"], &mut found);
    let outside = [
        "https://w3id.org/ro/crate/1.1",
        "https://toml.io/",
        "http://schema.org/CompletedActionStatus",
    ];
    for id in found {
        assert!(known.contains(&id) || outside.contains(&id), "{id} is not described");
    }
}
