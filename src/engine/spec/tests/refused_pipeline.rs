//! Each mistake in `pipeline.toml`, with the text it is told in.

use super::*;

/// Loads PIPELINE with one line replaced and expects errors to begin as given.
fn expect_pipeline(cases: &[(&str, &str, &str)]) {
    for (line, replacement, expected) in cases {
        assert_eq!(PIPELINE.matches(line).count(), 1, "{line:?} must be unique");
        let text = PIPELINE.replace(line, replacement);
        let found = load_with(&text, PROFILE, &good_list(), PRINTED, &[]).unwrap_err();
        assert!(
            found.starts_with(expected),
            "{replacement:?}\n  found    {found}\n  expected {expected}"
        );
    }
}

#[test]
fn mistakes_in_the_head_and_the_slots_are_told() {
    expect_pipeline(&[
        (
            "seed = 7",
            "sead = 7",
            "pipeline.toml:4:1: unknown key `sead` in [pipeline]\n  hint: did you mean `seed`? accepted: `name`, `seed`",
        ),
        ("seed = 7", "", "pipeline.toml:2:2: missing key `seed` in [pipeline]"),
        (
            "seed = 7",
            "seed = -7",
            "pipeline.toml:4:8: key `seed` of [pipeline]: expected a non-negative integer, found integer `-7`",
        ),
        (
            "seed = 7",
            "seed = 7.0",
            "pipeline.toml:4:8: key `seed` of [pipeline]: expected a non-negative integer, found number `7.0`",
        ),
        ("version = 1", "version = 2", "pipeline.toml:5:11: language version 2 is not known"),
        ("\"tiny\"", "\"Tiny one\"", "pipeline.toml:3:8: `Tiny one` cannot name a pipeline"),
        (
            "[pipeline]\n",
            "[pipelines]\n",
            "pipeline.toml:1:1: missing section [pipeline]\npipeline.toml:2:2: unknown section [pipelines]\n  hint: did you mean `pipeline`?",
        ),
        (
            "about = \"Gaia DR2\"",
            "abuot = \"Gaia DR2\"",
            "pipeline.toml:14:1: unknown key `abuot` in [dataset.gaia]\n  hint: did you mean `about`?",
        ),
        ("about = \"Gaia DR2\"", "", "pipeline.toml:13:10: missing key `about` in [dataset.gaia]"),
        ("[dataset.gaia]", "[dataset.Gaia]", "pipeline.toml:13:10: `Gaia` cannot name a dataset"),
        (
            "[dataset.gaia]",
            "[dataset]\nx = 3\n[dataset.gaia]",
            "pipeline.toml:14:5: expected tables [dataset.x], found an integer",
        ),
        ("bibcode = \"", "bibcode = inf #", "pipeline.toml:6:11: `inf` is not a finite number"),
    ]);
}

#[test]
fn mistakes_in_nodes_are_told() {
    expect_pipeline(&[
        ("stage = \"source\"", "", "pipeline.toml:16:7: missing key `stage` in [node.stars]"),
        (
            "section = \"§2\"",
            "section = 2",
            "pipeline.toml:18:11: key `section` of [node.stars]: expected text, found integer `2`",
        ),
        (
            "dataset = \"gaia\"",
            "when = true",
            "pipeline.toml:19:1: `when` is not a key of [node.stars]",
        ),
        (
            "dataset = \"gaia\"",
            "x = [1, { y = nan }]",
            "pipeline.toml:19:15: `nan` is not a finite number",
        ),
        ("[node.stars]", "[node.Stars]", "pipeline.toml:16:7: `Stars` cannot name a node"),
        (
            "[node.stars]",
            "[node.pipeline]",
            "pipeline.toml:16:7: a node cannot be called `pipeline`",
        ),
        (
            "[node.stars]",
            "[nodes.stars]",
            "pipeline.toml:16:2: unknown section [nodes]\n  hint: did you mean `node`?",
        ),
        (
            "training = \"cuts.kept\"",
            "training = \"cust.kept\"",
            "pipeline.toml:34:19: there is no node `cust`\n  hint: did you mean `cuts`? accepted: `stars`, `cuts`, `train`",
        ),
        (
            "training = \"cuts.kept\"",
            "training = \"gaia\"",
            "pipeline.toml:34:19: there is no node `gaia`\n  hint: `gaia` is a dataset",
        ),
        (
            "training = \"cuts.kept\"",
            "training = \"train\"",
            "pipeline.toml:34:19: port `training` of node `train` reads the node itself",
        ),
        (
            "training = \"cuts.kept\"",
            "training = \"a.b.c\"",
            "pipeline.toml:34:19: `a.b.c` is neither `node` nor `node.port`",
        ),
        (
            "training = \"cuts.kept\"",
            "training = 3",
            "pipeline.toml:34:19: port `training` of [node.train]: expected `node` or `node.port`, found an integer",
        ),
        (
            "training = \"cuts.kept\"",
            "\"a b\" = \"cuts\"",
            "pipeline.toml:34:8: `a b` cannot name a port",
        ),
        (
            "in = { training = \"cuts.kept\" }",
            "in = \"cuts\"",
            "pipeline.toml:34:6: `in` of [node.train]: expected a table, found text",
        ),
        (
            "epsilon = 0.05",
            "training = 1",
            "pipeline.toml:36:1: `training` is both a port and a parameter of node `train`\n  pipeline.toml:34:19: as port",
        ),
        ("epsilon = 0.05", "C = 2", "pipeline.toml:36:1: duplicate key"),
    ]);
}

#[test]
fn mistakes_in_methods_and_publishing_are_told() {
    expect_pipeline(&[
        (
            "\"train.C\" = 10.0",
            "\"trian.C\" = 10.0",
            "pipeline.toml:39:1: there is no node `trian`\n  hint: did you mean `train`?",
        ),
        ("\"train.C\" = 10.0", "train = 10.0", "pipeline.toml:41:18: duplicate key"),
        (
            "\"train.C\" = 10.0",
            "cuts = 10.0",
            "pipeline.toml:39:8: `cuts`: expected a table of parameters, found a number",
        ),
        (
            "\"train.C\" = 10.0",
            "\"train.\" = 10.0",
            "pipeline.toml:39:1: `train.` is not `node.parameter`",
        ),
        (
            "[method.released.train]",
            "[method.printed.train]",
            "pipeline.toml:41:9: [method.printed] is not accepted",
        ),
        (
            "\"catalog.parquet\"",
            "\"../catalog.parquet\"",
            "pipeline.toml:47:1: `../catalog.parquet` cannot be a published file: `.` and `..` would leave",
        ),
        (
            "\"catalog.parquet\"",
            "\"/etc/x\"",
            "pipeline.toml:47:1: `/etc/x` cannot be a published file: it is absolute",
        ),
        (
            "\"catalog.parquet\"",
            "'a\\b'",
            "pipeline.toml:47:1: `a\\\\b` cannot be a published file: `\\`",
        ),
        (
            "\"catalog.parquet\"",
            "\"\"",
            "pipeline.toml:47:1: `` cannot be a published file: it is empty",
        ),
        (
            "\"catalog.parquet\"",
            "\"a/.git\"",
            "pipeline.toml:47:1: `a/.git` cannot be a published file: a part of it is hidden",
        ),
        (
            "\"catalog.parquet\"",
            "\"figures\"",
            "pipeline.toml:48:1: `figures/fig1.png` cannot be below the file `figures`\n  pipeline.toml:47:1: the file",
        ),
        (
            "\"catalog.parquet\" = \"train\"",
            "\"a\" = \"trane\"",
            "pipeline.toml:47:7: there is no node `trane`",
        ),
        (
            "\"catalog.parquet\" = \"train\"",
            "\"a\" = [1]",
            "pipeline.toml:47:7: `a` in [publish]: expected `node` or `node.port`, found an array",
        ),
    ]);
}

#[test]
fn mistakes_in_claims_are_told() {
    expect_pipeline(&[
        (
            "id = \"S2\"",
            "id = \"S1\"",
            "pipeline.toml:61:6: claim `S1` is written twice\n  pipeline.toml:51:6: first",
        ),
        ("id = \"S2\"", "id = \"\"", "pipeline.toml:61:6: a claim's id is empty"),
        ("paper = \"71 K\"", "", "pipeline.toml:60:1: missing key `paper` in [[claim]]"),
        (
            "paper = \"71 K\"",
            "paper = 71",
            "pipeline.toml:64:9: key `paper` of [[claim]]: expected text, found integer `71`",
        ),
        ("accept = [60, 80]", "accept = [80, 60]", "pipeline.toml:65:10: `accept` is not a band"),
        (
            "accept = [60, 80]",
            "accept = [60, 70, 80]",
            "pipeline.toml:65:10: `accept` is not a band",
        ),
        (
            "accept = [60, 80]",
            "accept = [60, inf]",
            "pipeline.toml:65:15: `inf` is not a finite number",
        ),
        (
            "node = \"cuts\", port",
            "node = \"cut\", port",
            "pipeline.toml:58:18: there is no node `cut`",
        ),
        (
            "port = \"kept\", rows = true",
            "port = \"kept\"",
            "pipeline.toml:58:9: a value needs `rows` or `column`",
        ),
        ("rows = true", "rows = false", "pipeline.toml:58:48: `rows` can only be `true`"),
        (
            "rows = true",
            "rows = true, column = \"x\"",
            "pipeline.toml:58:48: a value is `rows` or `column`, not both",
        ),
        (
            "rows = true",
            "rows = true, where = {}",
            "pipeline.toml:58:62: `where` does not go with `rows`",
        ),
        (
            "rows = true",
            "row = true",
            "pipeline.toml:58:41: unknown key `row` in `value` of [[claim]]\n  hint: did you mean `rows`?",
        ),
        (
            "fold = 1",
            "fold = [1]",
            "pipeline.toml:68:80: key `value.where.fold` of [[claim]]: expected text, a number or true or false",
        ),
        ("[[claim]]\nid = \"S1\"", "[claim]\nid = \"S1\"", "pipeline.toml:60:3: duplicate key"),
    ]);
    let text = "[pipeline]\nname = \"x\"\nseed = 1\n[claim]\nid = \"S1\"\n";
    let found = load_with(text, PROFILE, "", PRINTED, &[]).unwrap_err();
    assert!(found.starts_with("pipeline.toml:4:2: a claim is written as [[claim]]"), "{found}");
}
