//! Each mistake in a profile, a list file or a `--set`, with the text it is told in.

use super::*;

#[test]
fn mistakes_in_the_profile_are_told() {
    let head = "[profile]\nname = \"nearby\"\nabout = \"x\"\n";
    let gaia = |text: &str| format!("{head}[dataset.gaia]\n{text}");
    let file = |text: &str| gaia(&format!("blake3 = \"{DIGEST}\"\nbytes = 1\n{text}"));
    let at = |line: usize, column: usize, text: &str| {
        format!("profiles/nearby.toml:{line}:{column}: {text}")
    };
    let cases = [
        (String::new(), at(1, 1, "missing section [profile]")),
        ("[profile]\nname = \"a/b\"\nabout = \"\"".into(), at(2, 8, "`a/b` cannot name a profile")),
        (format!("{head}[claims]\n"), at(4, 2, "unknown section [claims]")),
        (
            format!("{head}[dataset.gaja]\npath = \"x\""),
            at(4, 10, "dataset `gaja` is not a slot of the pipeline\n  hint: did you mean `gaia`?"),
        ),
        (format!("{head}[node.trian]\nC = 1"), at(4, 7, "there is no node `trian`")),
        (
            format!("{head}[node.train]\nstage = \"x\""),
            at(4, 7, "the pipeline has a node `train` already"),
        ),
        (gaia(""), at(4, 10, "nothing fills this dataset\n  hint: write one of `path`")),
        (
            gaia("pth = \"x\""),
            at(5, 1, "unknown key `pth` in [dataset.gaia]\n  hint: did you mean `path`?"),
        ),
        (
            gaia("path = \"x\"\nsimulated = \"cuts\""),
            at(
                6,
                13,
                "`path` and `simulated` exclude each other\n  profiles/nearby.toml:5:8: `path` is here",
            ),
        ),
        (gaia("simulated = \"cuts\"\nglob = \"*\""), at(6, 8, "`glob` goes with `path` only")),
        (gaia("simulated = \"nobody\""), at(5, 13, "there is no node `nobody`")),
        (gaia("absent = \"\""), at(5, 10, "`absent` is empty")),
        (gaia("path = \"\""), at(5, 8, "`path` is empty")),
        (gaia("url = \"https://x.org/a\""), at(4, 10, "missing key `blake3`")),
        (gaia("blake3 = \"abc\"\nbytes = 1"), at(5, 10, "a BLAKE3 digest has 64")),
        (
            gaia("bytes = -1"),
            at(
                5,
                9,
                "key `bytes` of [dataset.gaia]: expected a non-negative integer, found integer `-1`",
            ),
        ),
        (file("url = \"x.org/a\""), at(7, 7, "`x.org/a` is no web address")),
        (file("mirror_path = \"../a\""), at(7, 15, "`../a` cannot be a path in a mirror")),
        (
            gaia("tree = { url = \"https://x.org\", list = [] }"),
            at(5, 16, "the address of a tree's file has `{path}` once"),
        ),
        (gaia("tree = { list = [] }"), at(5, 8, "the tree has no files")),
        (gaia("tree = {}"), at(5, 8, "a tree has either `list` or `list_file`")),
        (
            gaia("tree = { list_file = \"/x\" }"),
            at(5, 22, "`/x` cannot be a list file: it is absolute"),
        ),
        (
            gaia("tree = { list_file = \"x\" }"),
            at(5, 22, "cannot read the list file `x`: entity not found"),
        ),
        (
            gaia("tree = { list = [{ path = \"../x\", blake3 = \"0\", bytes = 1 }] }"),
            at(5, 27, "`../x` cannot be a file of a tree"),
        ),
    ];
    for (profile, expected) in cases {
        let found = load_with(PIPELINE, &profile, "", PRINTED, &[]).unwrap_err();
        assert!(
            found.starts_with(&expected),
            "{profile}\n  found    {found}\n  expected {expected}"
        );
    }
}

#[test]
fn mistakes_in_a_list_file_are_told_in_that_file() {
    let cases = [
        ("abc".to_owned(), "1:1: expected `digest size path`"),
        (format!("\n  {DIGEST} x a.fits"), "2:3: expected `digest size path`"),
        (format!("{DIGEST} 1"), "1:1: expected `digest size path`"),
        ("abc 1 a.fits".to_owned(), "1:1: a BLAKE3 digest"),
        (format!("{DIGEST} 1 ../a"), "1:68: `../a` cannot be a file of a tree"),
        (
            format!("{DIGEST} 1 a\n{DIGEST} 1 a"),
            "2:68: file `a` is listed twice\n  profiles/nearby/spectra.blake3:1:68: first",
        ),
    ];
    for (list, expected) in cases {
        let found = load_with(PIPELINE, PROFILE, &list, PRINTED, &[]).unwrap_err();
        let expected = format!("profiles/nearby/spectra.blake3:{expected}");
        assert!(found.starts_with(&expected), "{list}\n  found    {found}\n  expected {expected}");
    }
    let found = load_with(PIPELINE, PROFILE, "# none\n", PRINTED, &[]).unwrap_err();
    assert!(found.starts_with("profiles/nearby.toml:6:8: the tree has no files"), "{found}");
}

#[test]
fn mistakes_on_the_command_line_are_told() {
    let cases = [
        (
            "trian.C=1",
            "1:1: there is no node `trian`\n  hint: did you mean `train`? accepted: `stars`, `cuts`, `train`",
        ),
        ("train.C", "1:1: there is no `=`"),
        ("train=1", "1:1: a node alone cannot be set"),
        ("=1", "1:1: `` is not a path of plain names"),
        ("train..C=1", "1:1: `train..C` is not a path"),
        ("train.C=", "1:9: "),
        ("train.C=1 2", "1:"),
        ("train.C=[1,", "1:"),
        ("train.C=a b", "1:9: "),
        ("train.C=1\n[node.x]", "1:"),
        ("train.C=nan", "1:9: `nan` is not a finite number"),
        ("train.stage=x", "1:7: `stage` of node `train` cannot be set from outside"),
        (
            "train.training=3",
            "1:16: port `training` of node `train`: expected `node` or `node.port`, found an integer",
        ),
        ("train.training=cust", "1:16: there is no node `cust`"),
        (
            "train.training=train.kept",
            "1:16: port `training` of node `train` reads the node itself",
        ),
        ("pipeline.name=x", "1:10: `pipeline.name` cannot be set"),
        ("pipeline.seed=x", "1:15: the seed is a non-negative integer"),
    ];
    for (set, expected) in cases {
        let found = load(PRINTED, &[set]).unwrap_err();
        let shown: String = set.chars().filter(|c| !c.is_control()).collect();
        let expected = format!("--set {shown}:{expected}");
        assert!(found.starts_with(&expected), "{set}\n  found    {found}\n  expected {expected}");
    }
    let long = format!("train.{}=1", "a.".repeat(100) + "b");
    assert!(load(PRINTED, &[&long]).unwrap_err().contains("nested more than 64 deep"));
}

#[test]
fn an_unknown_method_is_told() {
    let found = load("relesed", &[]).unwrap_err();
    let expected = "pipeline.toml:1:1: there is no method `relesed`\n  hint: did you mean `released`? accepted: `printed`, `released`, `recommended`";
    assert_eq!(found, expected);
}

#[test]
fn errors_of_all_texts_are_told_together() {
    let pipeline = PIPELINE.replace("seed = 7", "seed = []").replace("stage = \"source\"", "");
    let profile = PROFILE.replace("name = \"nearby\"", "nam = \"x\"");
    let found = load_with(&pipeline, &profile, "", PRINTED, &[]).unwrap_err();
    let firsts: Vec<&str> = found.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        firsts,
        [
            "pipeline.toml:4:8: key `seed` of [pipeline]: expected a non-negative integer, found an array",
            "pipeline.toml:16:7: missing key `stage` in [node.stars]",
            "profiles/nearby.toml:3:1: unknown key `nam` in [profile]",
        ]
    );
    let found = load(PRINTED, &["a.b=1", "train.C", "cuts.stars=nothing"]).unwrap_err();
    assert_eq!(found.lines().filter(|line| line.starts_with("--set")).count(), 3);
    let found = load_with("a = ", "b = ", "", PRINTED, &[]).unwrap_err();
    assert!(
        found.contains("pipeline.toml:1:") && found.contains("profiles/nearby.toml:1:"),
        "{found}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Cut or damaged texts give errors or a specification, never a panic.
    #[test]
    fn damaged_texts_do_not_panic(at in 0..PIPELINE.len(), byte in 0x20u8..0x7f, cut in proptest::bool::ANY) {
        let mut bytes = PIPELINE.as_bytes().to_vec();
        match cut {
            true => bytes.truncate(at),
            false => bytes[at] = byte,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = load_with(&text, PROFILE, &good_list(), "released", &["train.C=1"]);
        let _ = load_with(PIPELINE, &text, &text, PRINTED, &[&text]);
    }
}
