//! What a profile says of an archive: read whole, and refused where it contradicts itself.

use super::*;

const HEAD: &str =
    "[profile]\nname = \"nearby\"\nabout = \"x\"\n[dataset.gaia]\npath = \"gaia.csv\"\n";
const GOOD: &str = r#"
[dataset.gaia.archive]
release = "DR2"
url = "https://example.org/gaia"
get = ["Open the page.", "$ curl -O https://example.org/gaia/file"]
query_file = "nearby/spectra.blake3"
licence = "CC BY"
acknowledgement = "Gaia Collaboration"
volume_bytes = 250_000_000
format = "csv"
rows = 10
columns = [
  { name = "source_id" },
  { name = "parallax", unit = "mas", range = [-5, 800.5], sentinels = [-9999.0], optional = true },
]
unique = [["source_id"], ["source_id", "parallax"]]
"#;

fn archive_of(text: &str) -> Result<Archive, String> {
    let (spec, _) = load_with(PIPELINE, &format!("{HEAD}{text}"), "", PRINTED, &[])?;
    Ok(spec.datasets.get("gaia").unwrap().archive.clone().unwrap())
}

#[test]
fn an_archive_is_read_whole() {
    let archive = archive_of(GOOD).unwrap();
    assert_eq!((archive.release.as_str(), archive.volume_bytes), ("DR2", 250_000_000));
    assert_eq!((archive.get.len(), archive.rows, archive.unique.len()), (2, Some(10), 2));
    let parallax = &archive.columns[1];
    assert_eq!((parallax.range, parallax.optional), (Some((-5.0, 800.5)), true));
    assert_eq!(archive.columns[0].range, None);
    // A slot without one has none.
    let (spec, _) = load(PRINTED, &[]).unwrap();
    assert!(spec.datasets.values().all(|slot| slot.archive.is_none()));
}

#[test]
fn mistakes_in_an_archive_are_told() {
    let cases = [
        ("release = \"DR2\"", "release = \" \"", "`release` is empty"),
        ("release = \"DR2\"\n", "", "missing key `release`"),
        ("licence =", "license =", "did you mean `licence`?"),
        ("url = \"https://", "url = \"ftp://", "is no web address"),
        ("spectra.blake3", "query.adql", "cannot read the query `nearby/query.adql`"),
        ("\"nearby/spectra.blake3\"", "\"../x\"", "`../x` cannot be a query"),
        (
            "[\"Open the page.\", \"$ curl -O https://example.org/gaia/file\"]",
            "[]",
            "`get` has no steps",
        ),
        ("volume_bytes = 250_000_000", "volume_bytes = -1", "non-negative integer"),
        (
            "{ name = \"source_id\" },",
            "{ name = \"parallax\" },",
            "column `parallax` is listed twice",
        ),
        ("[-5, 800.5]", "[800.5, -5]", "the range of column `parallax` is empty"),
        (
            "[[\"source_id\"]",
            "[[\"source\"]",
            "`unique` names `source`, which is none of the columns",
        ),
        ("unit = \"mas\"", "units = \"mas\"", "unknown key `units`"),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let found = archive_of(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(found.contains(expected), "{to}\n  found    {found}\n  expected {expected}");
    }
}
