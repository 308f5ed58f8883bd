//! What is accepted, and what wins.

use super::*;

#[test]
fn everything_written_is_there_in_order() {
    let (spec, map) = load(PRINTED, &[]).unwrap();
    assert_eq!((spec.name.as_str(), spec.seed), ("tiny", 7));
    assert_eq!(spec.bibcode.as_deref(), Some("2021ApJS..253...45L"));
    assert_eq!(spec.profile.name.value, "nearby");
    assert_eq!(spec.methods, ["printed", "released", "recommended"]);
    assert!(spec.nodes.keys().eq(["stars", "cuts", "train"]));
    let cuts = spec.nodes.get("cuts").unwrap();
    assert!(cuts.inputs.keys().eq(["stars", "other"]));
    assert_eq!(cuts.inputs.get("other").unwrap().port.as_deref(), Some("sources"));
    assert_eq!(cuts.param_paths(), ["criteria", "errors.source", "errors.floor"]);
    let place = map.locate(&cuts.stage.span).unwrap();
    assert_eq!((place.name, place.line, place.column), ("pipeline.toml", 22, 9));
    assert_eq!(&place.text[place.range.clone()], "\"cuts\"");
    let name = map.locate(&cuts.name_span).unwrap();
    assert_eq!(&name.text[name.range.clone()], "cuts");
    assert_eq!(spec.publish[1].file.value, "figures/fig1.png");
    assert_eq!(cycle(&spec), None);
}

#[test]
fn claims_are_read() {
    let (spec, _) = load(PRINTED, &[]).unwrap();
    assert_eq!(spec.claims[0].accept, [1407.0, 1407.5]);
    assert_eq!(spec.claims[0].value.measure, Measure::Rows);
    assert_eq!(spec.claims[0].value.from.port.as_deref(), Some("kept"));
    let Measure::Column { column, filter, statistic } = &spec.claims[1].value.measure else {
        panic!("a column")
    };
    assert_eq!(column.value, "scatter");
    assert_eq!(filter["label"], Scalar::Text("TEFF".into()));
    assert_eq!(filter["fold"], Scalar::Integer(1));
    assert_eq!(statistic.as_ref().unwrap().value, "count");
}

#[test]
fn slots_are_bound_by_the_profile_and_absent_otherwise() {
    let (spec, map) = load(PRINTED, &[]).unwrap();
    let Binding::Tree { url, files } = &spec.datasets.get("spectra").unwrap().binding else {
        panic!("a tree")
    };
    assert_eq!(url.as_deref(), Some("https://example.org/{path}"));
    assert_eq!((files[1].path.as_str(), files[1].bytes), ("deep/b c.fits", 13));
    assert_eq!(map.texts().nth(2).unwrap().0, "profiles/nearby/spectra.blake3");
    let profile = "[profile]\nname = \"x\"\nabout = \"\"\n";
    let (spec, map) = load_with(PIPELINE, profile, "", PRINTED, &[]).unwrap();
    let slot = spec.datasets.get("gaia").unwrap();
    let reason = "not bound by profile x".to_owned();
    assert_eq!(slot.binding, Binding::Absent { reason });
    assert_eq!(map.locate(&slot.binding_span).unwrap().name, "pipeline.toml");
}

#[test]
fn each_way_of_binding_is_read() {
    let bound = |text: &str| {
        let profile = format!("[profile]\nname = \"x\"\nabout = \"y\"\n[dataset.gaia]\n{text}\n");
        let (spec, _) = load_with(PIPELINE, &profile, "", PRINTED, &[]).unwrap();
        spec.datasets.get("gaia").unwrap().binding.clone()
    };
    let Binding::Simulated { from } = bound("simulated = \"cuts.kept\"") else { panic!("made") };
    assert_eq!((from.node.as_str(), from.port.as_deref()), ("cuts", Some("kept")));
    assert_eq!(bound("absent = \"too large\""), Binding::Absent { reason: "too large".into() });
    let Binding::Path { path, glob } = bound("path = \"/d\"\nglob = \"*.fits*\"") else { panic!() };
    assert_eq!((path.as_str(), glob.unwrap().as_str()), ("/d", "*.fits*"));
    let file = bound(&format!("blake3 = \"{DIGEST}\"\nbytes = 5\nmirror_path = \"a/b.csv\""));
    let expected = Binding::File {
        url: None,
        blake3: DIGEST.into(),
        bytes: 5,
        mirror_path: Some("a/b.csv".into()),
    };
    assert_eq!(file, expected);
    let tree = bound(&format!(
        "tree = {{ list = [{{ path = \"a\", blake3 = \"{DIGEST}\", bytes = 1 }}] }}"
    ));
    let files = vec![TreeFile { path: "a".into(), blake3: DIGEST.into(), bytes: 1 }];
    assert_eq!(tree, Binding::Tree { url: None, files });
}

#[test]
fn later_overlays_win() {
    let (printed, _) =
        load_with(PIPELINE, "[profile]\nname = \"x\"\nabout = \"\"", "", PRINTED, &[]).unwrap();
    assert_eq!(float(&printed, "train", "C"), 1.0);
    let (released, _) =
        load_with(PIPELINE, "[profile]\nname = \"x\"\nabout = \"\"", "", "released", &[]).unwrap();
    assert_eq!(float(&released, "train", "C"), 10.0);
    assert_eq!(float(&released, "train", "epsilon"), 0.5);
    assert_eq!(float(&released, "cuts", "errors.floor"), 0.2);
    let (profiled, map) = load("released", &[]).unwrap();
    assert_eq!(float(&profiled, "train", "C"), 20.0);
    assert_eq!(float(&profiled, "train", "epsilon"), 0.5);
    let at = map.locate(&profiled.nodes.get("train").unwrap().param_span("C")).unwrap();
    assert_eq!((at.name, at.line), ("profiles/nearby.toml", 10));
    let (set, map) =
        load("released", &["train.C=30", "train.C=40", "cuts.errors.source=Gaia"]).unwrap();
    assert_eq!(float(&set, "train", "C"), 40.0);
    let source = set.nodes.get("cuts").unwrap().param("errors.source").unwrap();
    assert_eq!(source.value, Value::Text("Gaia".into()));
    assert_eq!(float(&set, "cuts", "errors.floor"), 0.2);
    let at = map.locate(&set.nodes.get("train").unwrap().param_span("C")).unwrap();
    assert_eq!((at.name, at.line, at.column), ("--set train.C=40", 1, 9));
    assert_eq!(set.nodes.get("train").unwrap().param_paths(), ["C", "epsilon", "max_stars"]);
}

#[test]
fn a_set_binds_ports_and_the_seed() {
    let (spec, _) =
        load(PRINTED, &["train.training=stars.sources", "pipeline.seed=1", "cuts.in.new=stars"])
            .unwrap();
    let train = spec.nodes.get("train").unwrap();
    let training = train.inputs.get("training").unwrap();
    assert_eq!((training.node.as_str(), training.port.as_deref()), ("stars", Some("sources")));
    assert!(train.param("training").is_none());
    assert_eq!(spec.seed, 1);
    assert!(spec.nodes.get("cuts").unwrap().inputs.keys().eq(["stars", "other", "new"]));
}

#[test]
fn a_set_takes_any_toml_value_and_bare_words() {
    let value = |text: &str| {
        let (spec, _) = load(PRINTED, &[&format!("train.x={text}")]).unwrap();
        let value = spec.nodes.get("train").unwrap().param("x").unwrap().clone();
        serde_json::to_string(&value).unwrap()
    };
    for (text, expected) in [
        ("1", "1"),
        (" 1.50 ", "1.5"),
        ("true", "true"),
        ("\"a b\"", "\"a b\""),
        ("soft_l1", "\"soft_l1\""),
        ("https://x.org/a-b", "\"https://x.org/a-b\""),
        ("[1, \"a=b\"]", "[1,\"a=b\"]"),
        ("{ a = 1, b.c = 2 }", "{\"a\":1,\"b\":{\"c\":2}}"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn cycles_are_told_with_their_ports() {
    let (spec, map) = load(PRINTED, &["cuts.stars=train"]).unwrap();
    assert_eq!(cycle(&spec), Some(vec!["cuts".into(), "train".into()]));
    let text = cycle_error(&spec).unwrap().render(&map).to_string();
    assert_eq!(
        text,
        "--set cuts.stars=train:1:12: nodes wait for each other: `cuts` reads `train` reads `cuts`\n  pipeline.toml:34:19: `train` reads `cuts`\n  hint: bind one of these ports to another node"
    );
}

#[test]
fn parameters_of_a_loaded_node_point_at_what_won() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Train {
        #[serde(rename = "C")]
        cost: f64,
        epsilon: f64,
        max_stars: usize,
    }
    let (spec, _) = load(PRINTED, &[]).unwrap();
    let train: Train = spec.nodes.get("train").unwrap().params().unwrap();
    assert_eq!((train.cost, train.max_stars), (20.0, 10));
    let (spec, map) = load(PRINTED, &["train.C=big"]).unwrap();
    let error = spec.nodes.get("train").unwrap().params::<Train>().unwrap_err();
    assert_eq!(
        error.render(&map).to_string(),
        "--set train.C=big:1:9: parameter `C` of node `train` (stage `train`): expected a number, found text `big`"
    );
    let (spec, map) = load(PRINTED, &["train.epsilonn=1"]).unwrap();
    let error = spec.nodes.get("train").unwrap().params::<Train>().unwrap_err();
    assert!(
        error
            .render(&map)
            .to_string()
            .starts_with("--set train.epsilonn=1:1:7: unknown parameter `epsilonn`")
    );
}

fn float(spec: &Spec, node: &str, path: &str) -> f64 {
    match spec.nodes.get(node).unwrap().param(path).unwrap().value {
        Value::Float(number) => number,
        Value::Integer(number) => number as f64,
        ref other => panic!("{other:?}"),
    }
}
