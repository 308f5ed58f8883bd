//! `[matrix.NAME]` and `[[contradiction]]`: what is accepted, and how mistakes are told.

use super::*;

const MATRIX: &str = r#"
[matrix.sets]
about = "what a training set does"
methods = ["printed", "released"]
axes = [[{ name = "a" }, { name = "b", set = ["train.C=2"] }], [{ name = "plain" }]]
"#;

const ENTRY: &str = r#"
[[contradiction]]
id = "loss"
section = "§2.2"
problem = "two losses"
resolution = "the first"
at = ["train.C", "cuts.errors.floor"]
"#;

fn with(more: &str) -> Result<(Spec, SourceMap), String> {
    load_with(&format!("{PIPELINE}{more}"), PROFILE, &good_list(), PRINTED, &[])
}

fn refused(more: &str, from: &str, to: &str) -> String {
    assert!(more.contains(from));
    with(&more.replace(from, to)).unwrap_err()
}

#[test]
fn a_matrix_is_all_combinations_in_order() {
    let (spec, _) = with(MATRIX).unwrap();
    let runs = &spec.matrices[0].runs;
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(
        names,
        ["printed, a, plain", "printed, b, plain", "released, a, plain", "released, b, plain"]
    );
    assert_eq!(runs[3].method.as_deref(), Some("released"));
    assert_eq!(runs[3].sets, ["train.C=2"]);
    let (spec, _) = with(&MATRIX.replace("methods = [\"printed\", \"released\"]", "")).unwrap();
    assert_eq!(spec.matrices[0].runs[1].name, "b, plain");
    assert_eq!(spec.matrices[0].runs[1].method_or("recommended"), "recommended");
}

#[test]
fn a_profile_may_bring_a_matrix() {
    let profile = format!("{PROFILE}{}", MATRIX.replace("matrix.sets", "matrix.own"));
    let pipeline = format!("{PIPELINE}{MATRIX}");
    let (spec, _) = load_with(&pipeline, &profile, &good_list(), PRINTED, &[]).unwrap();
    let names: Vec<&str> = spec.matrices.iter().map(|matrix| matrix.name.as_str()).collect();
    assert_eq!(names, ["sets", "own"]);
    let profile = format!("{PROFILE}{MATRIX}");
    let why = load_with(&pipeline, &profile, &good_list(), PRINTED, &[]).unwrap_err();
    assert!(why.contains("matrix `sets` is written twice"), "{why}");
}

#[test]
fn mistakes_in_matrices_are_told() {
    let why = refused(MATRIX, "\"released\"", "\"relased\"");
    assert!(why.contains("there is no method `relased`") && why.contains("`released`?"), "{why}");
    let why = refused(MATRIX, ", [{ name = \"plain\" }]", ", []");
    assert!(why.contains("an axis without choices"), "{why}");
    let axis = format!(", [{}]", "{ name = \"x\" },".repeat(33));
    let why = refused(MATRIX, ", [{ name = \"plain\" }]", &axis);
    assert!(why.contains("matrix `sets` would be 132 runs"), "{why}");
    let exploding = format!(", {}", "[{ name = \"x\" }, { name = \"y\" }], ".repeat(80));
    let why = refused(MATRIX, ", [{ name = \"plain\" }]", &exploding);
    assert!(why.contains("would be 18446744073709551615 runs"), "{why}");
    let why = with("[matrix.none]\nabout = \"x\"\n").unwrap_err();
    assert!(why.contains("neither methods nor axes"), "{why}");
}

#[test]
fn the_register_names_what_decides() {
    let (spec, _) = with(ENTRY).unwrap();
    let at: Vec<String> = spec.contradictions[0].at.iter().map(ToString::to_string).collect();
    assert_eq!(at, ["train.C", "cuts.errors.floor"]);
    assert_eq!(spec.contradictions[0].resolution, "the first");
}

#[test]
fn mistakes_in_the_register_are_told() {
    let why = refused(ENTRY, "train.C", "trian.C");
    assert!(why.contains("there is no node `trian`") && why.contains("`train`?"), "{why}");
    let why = refused(ENTRY, "train.C", "train");
    assert!(why.contains("`train` is not `node.parameter`"), "{why}");
    let why = refused(ENTRY, "problem = \"two losses\"\n", "");
    assert!(why.contains("missing key `problem`"), "{why}");
    let why = with(&format!("{ENTRY}{ENTRY}")).unwrap_err();
    assert!(why.contains("contradiction `loss` is written twice"), "{why}");
}
