//! Histories carried elsewhere.

use std::fs;

use super::project;

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
