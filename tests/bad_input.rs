//! Wrong input: a named reject or a clear error, never a panic, never a lost row.

use std::fs;
use std::io::Write;
use std::process::Command;

use crate::project::{Answer, Project};
use crate::spectra::{fits, survey};

const PIPELINE: &str = r#"
[pipeline]
name = "bad"
seed = 7

[dataset.files]
about = "spectra, some of them bad"

[dataset.table]
about = "a table"

[node.spectra]
stage = "read_spectra"
section = "§3.1"
dataset = "files"
buckets = 2

[node.normalized]
stage = "normalize"
section = "§2.2"
in = { spectra = "spectra.spectra" }
step = 40

[node.stars]
stage = "read_table"
section = "§3.1"
dataset = "table"
format = "csv"
columns = [{ name = "x", type = "f64" }, { name = "y", type = "f64" }]

[publish]
"rejects.csv" = "spectra.rejects"
"not_normalized.csv" = "normalized.rejects"
"#;

const PROFILE: &str = r#"
[profile]
name = "test"
about = "bad"
[dataset.files]
path = "spectra"
[dataset.table]
path = "table.csv"
"#;

fn project() -> Project {
    let stars = survey(3);
    Project::new()
        .file("pipeline.toml", PIPELINE)
        .file("profiles/test.toml", PROFILE)
        .file("table.csv", "x,y\n1,2\n")
        .file("spectra/a.fits", fits(&stars[0]))
        .file("spectra/b.fits", fits(&stars[1]))
}

fn run(project: &Project) -> Answer {
    project.mdwarf(&["run", "--profile", "test", "--json"])
}

#[test]
fn a_bad_spectrum_is_a_reject_with_its_reason() {
    let project = project();
    let good = fits(&survey(3)[2]);
    let mut gzipped = Vec::new();
    let mut encoder = flate2::write::GzEncoder::new(&mut gzipped, flate2::Compression::fast());
    encoder.write_all(&good).expect("gzip");
    encoder.finish().expect("gzip");
    project.write("spectra/truncated.fits.gz", &gzipped[..gzipped.len() / 2]);
    let text = String::from_utf8_lossy(&good[..2880]).into_owned();
    project.write("spectra/no_end.fits", text.replace("END     ", "NOEND   "));
    let naxis = text.replace(&format!("{:>20}", 3900), "99999999999999999999");
    project.write("spectra/naxis.fits", naxis);
    let mut nan = fits(&crate::spectra::Star { obsid: 77, ..survey(3).remove(2) });
    let data = 2880..2880 + 4 * 3900;
    nan[data].chunks_exact_mut(4).for_each(|f| f.copy_from_slice(&f32::NAN.to_be_bytes()));
    project.write("spectra/nan.fits", nan);
    let mut twin = fits(&survey(3)[0]);
    *twin.last_mut().expect("a byte") = 1;
    project.write("spectra/twin.fits", twin);
    project.write("spectra/empty.fits", b"");

    let answer = run(&project);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let rejects = fs::read_to_string(project.path("results/test/rejects.csv")).expect("rejects");
    let n = rejects.lines().count() - 1;
    assert_eq!(n, 5, "truncated, no END, NAXIS, duplicate, empty:\n{rejects}");
    assert!(rejects.contains("obsid 1000 is already"), "{rejects}");
    let unusable =
        fs::read_to_string(project.path("results/test/not_normalized.csv")).expect("rejects");
    assert!(unusable.contains("77,"), "{unusable}");
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    let folder = project();
    fs::remove_file(folder.path("table.csv")).expect("remove");
    fs::create_dir(folder.path("table.csv")).expect("a folder");
    let answer = run(&folder);
    assert_ne!(answer.code, 0);
    answer.says("table.csv");

    let link = project();
    fs::remove_file(link.path("table.csv")).expect("remove");
    std::os::unix::fs::symlink("nowhere", link.path("table.csv")).expect("a link");
    let answer = run(&link);
    assert_eq!(answer.code, 1);
    answer.says("link that leads nowhere");

    let fifo = project();
    fs::remove_file(fifo.path("table.csv")).expect("remove");
    let made = Command::new("mkfifo").arg(fifo.path("table.csv")).status();
    if made.is_ok_and(|status| status.success()) {
        let answer = run(&fifo);
        assert_eq!(answer.code, 1);
        answer.says("not a regular file");
    }

    let missing = project();
    fs::remove_file(missing.path("table.csv")).expect("remove");
    let answer = run(&missing);
    assert_eq!(answer.code, 1);
    answer.says("table.csv");
}

#[test]
fn a_missing_column_and_an_empty_table_are_named() {
    let project = project();
    project.write("table.csv", "x,z\n1,2\n");
    let answer = run(&project);
    assert_eq!(answer.code, 1);
    answer.says("`y`");
    project.write("table.csv", "x,y\n");
    let answer = run(&project);
    assert_eq!(answer.code, 1);
    answer.says("no rows");
}

#[test]
fn mistakes_in_the_pipeline_are_shown_in_their_place() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("buckets = 2", "bucket = 2", &["unknown", "bucket", "buckets"]),
        ("buckets = 2", "buckets = \"two\"", &["pipeline.toml:16:11", "buckets"]),
        ("stage = \"normalize\"", "stage = \"normalise\"", &["no stage `normalise`", "normalize"]),
        ("spectra.spectra", "spectra.spectr", &["no output `spectr`", "spectra.spectra"]),
        ("in = { spectra = \"spectra.spectra\" }", "", &["leaves port `spectra` unbound"]),
        ("in = { spectra =", "in = { spectrum =", &["no port `spectrum`", "`spectra`"]),
        ("\"spectra.spectra\"", "\"stars\"", &["reads column `obsid`", "lacks"]),
        ("step = 40", "step = nan", &["nan"]),
        ("\"rejects.csv\" =", "\"../rejects.csv\" =", &["../rejects.csv"]),
        ("seed = 7", "seed = 7\nseed = 8", &["seed"]),
        ("dataset = \"files\"", "dataset = \"file\"", &["no dataset `file`", "files"]),
    ];
    for (from, to, said) in cases {
        let project = project();
        project.edit("pipeline.toml", from, to);
        let answer = project.mdwarf(&["check", "--profile", "test"]);
        assert_eq!(answer.code, 2, "{to}: {}{}", answer.stdout, answer.stderr);
        for text in *said {
            answer.says(text);
        }
    }
}

#[test]
fn units_must_fit() {
    let project = project();
    let matched = "[node.m]\nstage = \"crossmatch\"\nsection = \"§3\"\nid = \"obsid\"\n\
        in = { targets = \"spectra.spectra\", catalog = \"stars\" }\ncatalog_id = \"row\"\n\
        catalog_ra = \"x\"\ncatalog_dec = \"y\"\n\n[publish]";
    project.edit("pipeline.toml", "[publish]", matched);
    let answer = project.mdwarf(&["check", "--profile", "test"]);
    assert_eq!(answer.code, 2);
    answer.says("reads `x` in `deg`, but it is in no unit");
}

#[test]
fn cycles_are_shown_as_a_chain() {
    let project = project();
    let ring = "[node.a]\nstage = \"derive\"\nsection = \"§3\"\nin = { rows = \"b\" }\ncolumns = []\n\
        [node.b]\nstage = \"derive\"\nsection = \"§3\"\nin = { rows = \"a\" }\ncolumns = []\n\n[publish]";
    project.edit("pipeline.toml", "[publish]", ring);
    let answer = project.mdwarf(&["check", "--profile", "test"]);
    assert_eq!(answer.code, 2);
    answer.says("wait for each other");
}
