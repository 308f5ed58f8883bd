//! The dust map and a profile of archives, through the program.

use std::collections::BTreeMap;
use std::fs;

use crate::project::Project;

const PIPELINE: &str = r#"
[pipeline]
name = "dust"
seed = 7

[dataset.stars]
about = "made-up stars"
format = "csv"
section = "§3.1"

[dataset.bayestar]
about = "the dust map of Bayestar2019"
format = "hdf5"
section = "§3.1"

[node.stars]
stage = "read_table"
section = "§3.1"
dataset = "stars"
format = "csv"
id = "id"
buckets = 3
columns = [
  { name = "id", type = "i64" },
  { name = "ra_deg", type = "f64", unit = "deg" },
  { name = "dec_deg", type = "f64", unit = "deg" },
  { name = "distance_pc", type = "f64", unit = "pc" },
  { name = "bp_rp", type = "f64", unit = "mag" },
]

[node.sightlines]
stage = "sightlines"
section = "§3.1"
dataset = "bayestar"
in = { stars = "stars" }
id = "id"

[node.dereddened]
stage = "extinction"
section = "§3.1"
in = { stars = "stars", dust = "sightlines" }
id = "id"

[publish]
"dust.csv" = "dereddened"
"#;

const PROFILE: &str = r#"
[profile]
name = "test"
about = "made-up stars behind real dust"

[dataset.stars]
path = "stars.csv"

[dataset.bayestar]
path = "archives/map.h5"

[dataset.bayestar.archive]
release = "Bayestar2019"
url = "https://example.org/map"
get = ["Open the page and take the file.", "$ curl -o archives/map.h5 https://example.org/map/file"]
licence = "CC0 1.0"
acknowledgement = "Green et al. 2019"
volume_bytes = 1_500_000_000
"#;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/formats/hdf5/fixtures");
    fs::read(format!("{folder}/{name}")).expect("a fixture")
}

/// The first look-ups made with healpy: direction, distance, median reddening, reliable.
fn lookups(n: usize) -> Vec<[f64; 5]> {
    let text = String::from_utf8(fixture("lookups.csv")).expect("text");
    let lines = text.lines().skip(2).take(n);
    let row = |line: &str| {
        let v: Vec<f64> = line.split(',').map(|v| v.parse().expect("a number")).collect();
        [v[0], v[1], v[2], v[3], v[5]]
    };
    lines.map(row).collect()
}

fn project(stars: &[(usize, [f64; 5])]) -> Project {
    let rows: String =
        stars.iter().map(|(id, [ra, dec, pc, ..])| format!("{id},{ra},{dec},{pc},2.2\n")).collect();
    Project::new()
        .file("pipeline.toml", PIPELINE)
        .file("profiles/test.toml", PROFILE)
        .file("stars.csv", format!("id,ra_deg,dec_deg,distance_pc,bp_rp\n{rows}"))
        .file("archives/map.h5", fixture("h5py.h5"))
}

/// Rows of the published table by id, as texts by column.
fn published(project: &Project) -> BTreeMap<String, BTreeMap<String, String>> {
    let text = fs::read_to_string(project.path("results/test/dust.csv")).expect("a table");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("names").split(',').collect();
    let row = |line: &str| {
        let cells = line.split(',').map(str::to_owned);
        let row: BTreeMap<String, String> =
            names.iter().map(|name| (*name).to_owned()).zip(cells).collect();
        (row["id"].clone(), row)
    };
    lines.map(row).collect()
}

#[test]
fn stars_get_the_extinction_of_their_line_of_sight() {
    let stars: Vec<(usize, [f64; 5])> = lookups(80).into_iter().enumerate().collect();
    let whole = project(&stars);
    whole.run();
    let table = published(&whole);
    assert_eq!(table.len(), 80);
    for (id, [.., reddening, reliable]) in &stars {
        let row = &table[&id.to_string()];
        let number = |name: &str| row[name].parse::<f64>().unwrap_or(f64::NAN);
        let close = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-5;
        assert!(close(number("bayestar_B"), *reddening), "{id}: {row:?}");
        assert!(close(number("A_V"), 3.1 * 0.884 * reddening), "{id}: {row:?}");
        assert!(close(number("A_G"), 0.789 * 3.1 * 0.884 * reddening), "{id}: {row:?}");
        assert_eq!(row["dust_reliable"], (*reliable == 1.0).to_string(), "{id}: {row:?}");
    }
    // A star alone has the row that it has among the others.
    let alone = project(&stars[17..18]);
    alone.run();
    assert_eq!(published(&alone)["17"], table["17"]);
    // The law follows the color only where it is asked to; the map is not read again.
    let ran = whole.run_with(&["--set", "dereddened.coefficients=color_dependent"]);
    ran.ran(&["dereddened"]).reused("sightlines");
    let redder = published(&whole);
    for (id, row) in &redder {
        assert_eq!(row["A_V"], table[id]["A_V"]);
        let [now, before] = [row, &table[id]].map(|r| r["A_G"].parse::<f64>().unwrap_or(0.0));
        assert!(now <= before);
    }
}

#[test]
fn what_is_missing_is_told_with_how_to_get_it() {
    let project = project(&[(1, [10.0, 20.0, 100.0, 0.0, 0.0])]);
    let answer = project.mdwarf(&["check", "--profile", "test"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.says("bayestar good").says("ok: 3 nodes, 2 datasets (0 absent)");

    fs::remove_file(project.path("archives/map.h5")).expect("remove");
    let answer = project.mdwarf(&["check", "--profile", "test"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.says("bayestar: missing").says("$ curl -o archives/map.h5 https://example.org/map/file");
    answer.says("1 missing (1.5 GB to get)").says("(1 absent)");
    // What does not need it runs all the same.
    project.run().ran(&["stars"]);

    project.write("archives/map.h5", "<html><body>Log in</body></html>");
    let answer = project.mdwarf(&["check", "--profile", "test", "--json"]);
    assert_eq!(answer.code, 2);
    let dataset = &answer.json()["archives"][0];
    assert_eq!((&dataset["dataset"], &dataset["state"]), (&"bayestar".into(), &"wrong".into()));
    assert!(dataset["faults"][0].as_str().is_some_and(|fault| fault.contains("a web page")));
}

#[test]
fn a_simulated_survey_is_unpacked_as_files_and_tables() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read(root.join(name)).expect("a file of the project");
    let project = Project::new()
        .file("pipeline.toml", read("pipeline.toml"))
        .file("profiles/simulated.toml", read("profiles/simulated.toml"))
        .file("profiles/paper/table3.csv", read("profiles/paper/table3.csv"))
        .file("profiles/paper/table4.csv", read("profiles/paper/table4.csv"));
    let tiny = ["--set", "simulate.size=tiny", "--set", "simulate.n_field=20"];
    let run = |words: &[&str]| project.mdwarf(&[words, &tiny].concat());
    assert_eq!(run(&["run", "--until", "gaia_source"]).code, 0);
    let folder = project.path("survey");
    let folder = folder.to_str().expect("plain");
    assert_eq!(run(&["unpack", folder]).code, 0);
    assert_eq!(fs::read_dir(project.path("survey/simulated_gaia")).expect("files").count(), 4);
    assert_eq!(run(&["unpack", folder, "gaia_source"]).code, 0);
    assert!(project.path("survey/gaia_source.rows.parquet").exists());
    let answer = run(&["unpack", folder, "simulated_b20"]);
    assert_eq!(answer.code, 2);
    answer.says("`mdwarf run --until simulated_b20` makes it");
}

/// A node's parameters as the archive profile leaves them.
fn parameter<'a>(
    pipeline: &'a toml::Table,
    profile: &'a toml::Table,
    node: &str,
    name: &str,
) -> Option<&'a toml::Value> {
    let of = |table: &'a toml::Table| table.get("node")?.get(node)?.get(name);
    of(profile).or_else(|| of(pipeline))
}

#[test]
fn nodes_read_what_the_archives_are_said_to_hold() {
    let read = |name: &str| -> toml::Table {
        let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).expect("a file").parse().expect("TOML")
    };
    let (pipeline, profile) = (read("pipeline.toml"), read("profiles/archive.toml"));
    let mut seen = 0;
    for node in pipeline["node"].as_table().expect("nodes").keys() {
        let parameter = |name: &str| parameter(&pipeline, &profile, node, name);
        let Some(dataset) = parameter("dataset").and_then(toml::Value::as_str) else { continue };
        let Some(archive) = profile["dataset"].get(dataset).and_then(|slot| slot.get("archive"))
        else {
            continue;
        };
        seen += 1;
        if let Some(format) = parameter("format") {
            assert_eq!(archive.get("format"), Some(format), "{node} reads {dataset}");
        }
        let told: Vec<&str> = archive
            .get("columns")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|column| column["name"].as_str())
            .collect();
        for column in parameter("columns").and_then(toml::Value::as_array).into_iter().flatten() {
            let name = column.get("from").unwrap_or(&column["name"]).as_str().expect("a name");
            assert!(
                told.contains(&name),
                "{node} reads `{name}`, which {dataset} is not told to have"
            );
        }
    }
    assert!(seen >= 13, "{seen} nodes read archives");
}
