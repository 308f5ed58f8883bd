//! Inputs made to exhaust time, memory or the stack: a clear error, within memory that is measured.
//!
//! `MDWARF_LONG=1` takes the sizes of which one is warned: a line of 1 GB, 10^5 nodes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use crate::fuzz::long;
use crate::project::{Answer, Project};
use crate::spectra::{fits, survey};
use crate::tally::trials;
use crate::together::start;

const MIB: usize = 1 << 20;

/// What the program holds without any work, and then some.
const BASE_MIB: usize = 200;

const TABLE: &str = "[pipeline]\nname = \"hostile\"\nseed = 1\n[dataset.table]\nabout = \"a table\"\n\
    [node.table]\nstage = \"read_table\"\nsection = \"-\"\ndataset = \"table\"\nformat = \"FORMAT\"\n\
    columns = [{ name = \"x\", type = \"KIND\" }]\n";
const TABLE_PROFILE: &str = "[profile]\nname = \"test\"\nabout = \"t\"\n\
    [dataset.table]\npath = \"table\"\n";

fn table_project(format: &str, kind: &str) -> Project {
    let pipeline = TABLE.replace("FORMAT", format).replace("KIND", kind);
    Project::new().file("pipeline.toml", pipeline).file("profiles/test.toml", TABLE_PROFILE)
}

/// The program's answer, its peak of resident memory, MiB, and its time.
fn measured(project: &Project, arguments: &[&str]) -> (Answer, usize, Duration) {
    let started = Instant::now();
    let child = start(project, arguments);
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak_kib = 0;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            // The line goes with the program's memory.
            let Some(line) = line else { return peak_kib };
            let digits: String = line.chars().filter(char::is_ascii_digit).collect();
            peak_kib = digits.parse().unwrap_or(peak_kib);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let answer = Answer::of(child.wait_with_output().expect("its end"));
    let peak_kib: usize = watch.join().expect("a peak");
    (answer, peak_kib >> 10, started.elapsed())
}

/// Memory and time that an input of so many bytes may cost.
fn bounded(what: &str, project: &Project, arguments: &[&str], input_bytes: usize) -> Answer {
    let (answer, peak_mib, took) = measured(project, arguments);
    let allowed_mib = BASE_MIB + 4 * (input_bytes / MIB);
    let note = format!(
        "input {} MiB, peak {peak_mib} MiB of {allowed_mib}, {:.1} s, exit {}",
        input_bytes / MIB,
        took.as_secs_f64(),
        answer.code
    );
    let sound = [0, 1, 2].contains(&answer.code) && peak_mib <= allowed_mib;
    trials(5, what, 1, u64::from(!sound), &note);
    assert!(sound, "{what}: {note}\n{}", cut(&answer.stderr));
    assert!(!answer.stderr.contains("panicked"), "{what}: {}", cut(&answer.stderr));
    assert!(answer.stderr.len() < 60_000, "{what}: {} bytes of error", answer.stderr.len());
    answer
}

fn cut(text: &str) -> String {
    text.chars().take(2000).collect()
}

const RUN: [&str; 4] = ["run", "--profile", "test", "--json"];
const CHECK: [&str; 3] = ["check", "--profile", "test"];

/// Writes `head`, then so many MiB of `piece`, then `tail`.
fn big_file(project: &Project, name: &str, (head, piece, tail): (&str, &str, &str), mib: usize) {
    let mut file = BufWriter::new(File::create(project.path(name)).expect("a file"));
    let block = piece.repeat(MIB / piece.len());
    file.write_all(head.as_bytes()).expect("written");
    (0..mib).for_each(|_| file.write_all(block.as_bytes()).expect("written"));
    file.write_all(tail.as_bytes()).expect("written");
    file.flush().expect("written");
}

fn pipeline_text(nodes: usize, input: impl Fn(usize) -> String) -> String {
    let head = TABLE.replace("FORMAT", "csv").replace("KIND", "f64");
    let nodes = (0..nodes).map(|i| {
        format!(
            "[node.n{i}]\nstage = \"derive\"\nsection = \"-\"\nin = {{ rows = \"{}\" }}\n\
             columns = [{{ name = \"y{i}\", expr = \"x + {i}\", about = \"y\" }}]\n",
            input(i)
        )
    });
    head + &nodes.collect::<String>()
}

fn check_pipeline(what: &str, text: &str) -> Answer {
    let project = table_project("csv", "f64").file("table", "x\n1\n");
    project.write("pipeline.toml", text);
    // A node of 120 bytes of text is one of some kB with its ports, parameters and columns.
    bounded(what, &project, &CHECK, 16 * text.len())
}

#[test]
fn deep_nesting_is_refused() {
    let n = 100_000;
    let head = TABLE.replace("FORMAT", "csv").replace("KIND", "f64");
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(n), close.repeat(n));
    let expression = |expr: String| {
        format!(
            "{head}[node.n]\nstage = \"derive\"\nsection = \"-\"\nin = {{ rows = \"table\" }}\n\
             columns = [{{ name = \"y\", expr = \"{expr}\", about = \"y\" }}]\n"
        )
    };
    for (what, text) in [
        ("brackets, 10^5 deep", format!("{head}deep = {}\n", nested("[", "]"))),
        ("inline tables, 10^5 deep", format!("{head}deep = {}\n", nested("{a=", "}"))),
        ("a dotted key of 10^5 parts", format!("{head}a{} = 1\n", ".a".repeat(n))),
        ("a head of 10^5 parts", format!("{head}[a{}]\n", ".a".repeat(n))),
        ("parentheses, 10^5 deep", expression(nested("(", ")"))),
        ("10^5 signs", expression("-".repeat(n) + "x")),
        ("10^5 nots", expression("not ".repeat(n) + "x")),
        ("10^5 powers", expression("x**".repeat(n) + "x")),
        ("10^5 calls", expression(nested("sqrt(", ")"))),
        ("a quote that is not closed", format!("{head}a = \"{}", "x".repeat(n))),
    ] {
        let answer = check_pipeline(what, &text);
        assert_eq!(answer.code, 2, "{what}: {}", cut(&answer.stderr));
    }
    for what in ["x + ", "x > 1 and "] {
        check_pipeline(&format!("10^5 times `{what}`"), &expression(what.repeat(n) + "x > 1"));
    }
}

#[test]
fn very_many_nodes_are_bounded() {
    let n = if long() { 100_000 } else { 3_000 };
    let star = pipeline_text(n, |_| "table".into());
    check_pipeline(&format!("{n} nodes that read one"), &star);
    let chain = |i: usize| if i == 0 { "table".into() } else { format!("n{}", i - 1) };
    let answer = check_pipeline(&format!("a chain of {n} nodes"), &pipeline_text(n, chain));
    assert!(!long() || answer.code == 2, "{}", cut(&answer.stderr));
    let ring = |i: usize| format!("n{}", (i + 1) % n);
    let answer = check_pipeline(&format!("a ring of {n} nodes"), &pipeline_text(n, ring));
    assert_eq!(answer.code, 2);
    let lost = check_pipeline(
        &format!("{n} nodes that read nothing"),
        &pipeline_text(n, |i| format!("z{i}")),
    );
    assert_eq!(lost.code, 2);
}

#[test]
fn giant_numbers_in_a_pipeline_are_refused() {
    let text = |buckets: &str| {
        format!(
            "{}buckets = {buckets}\nid = \"x\"\n",
            TABLE.replace("FORMAT", "csv").replace("KIND", "i64")
        )
    };
    for buckets in ["4294967295", "100000000", "18446744073709551615", "-1"] {
        let answer = check_pipeline(&format!("buckets = {buckets}"), &text(buckets));
        assert_eq!(answer.code, 2, "{}", cut(&answer.stderr));
    }
    let spectra = Project::new()
        .file(
            "pipeline.toml",
            "[pipeline]\nname = \"h\"\nseed = 1\n[dataset.files]\nabout = \"f\"\n[node.s]\n\
             stage = \"read_spectra\"\nsection = \"-\"\ndataset = \"files\"\nbuckets = 4000000000\n",
        )
        .file("profiles/test.toml", "[profile]\nname = \"test\"\nabout = \"t\"\n[dataset.files]\npath = \"spectra\"\n")
        .file("spectra/a.fits", fits(&survey(1)[0]));
    assert_eq!(bounded("buckets of spectra", &spectra, &RUN, 0).code, 2);
}

#[test]
fn a_text_of_very_many_bytes_is_refused() {
    let project = table_project("csv", "f64").file("table", "x\n1\n");
    let mib = if long() { 1000 } else { 70 };
    big_file(&project, "pipeline.toml", ("# ", "x", "\n"), mib);
    bounded("a pipeline.toml of 1 GB", &project, &CHECK, mib * MIB).says("the most is 64 MiB");
}

#[test]
fn endless_lines_are_named() {
    let mib = if long() { 1000 } else { 20 };
    let ecsv = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: x, datatype: string}\nx\n";
    let votable = "<VOTABLE><RESOURCE><TABLE><FIELD name=\"x\" datatype=\"char\" arraysize=\"*\"/>\
        <DATA><TABLEDATA><TR><TD>";
    for (format, kind, head, piece, says) in [
        ("csv", "text", "x\n", "y", "16 MiB"),
        ("csv", "f64", "x\n", "1", "16 MiB"),
        ("csv", "f64", "x\n", ",", "fields"),
        ("csv", "text", "x\n\"", "y\n", "quote"),
        ("csv", "text", "", "y,", "fields"),
        ("csv", "text", "x\n\"", "\"\"", "quote"),
        ("ecsv", "text", ecsv, "y", "more than"),
        ("ecsv", "text", "# %ECSV 1.0\n# ---\n", "# - a\n", "longer"),
        ("ecsv", "text", &format!("{ecsv}\""), "y\n", "quote"),
        ("votable", "text", votable, "y", "more than"),
        ("votable", "text", "<VOTABLE>", "<A>", "elements inside"),
        ("votable", "text", "<VOTABLE><INFO ", "a='b' ", "more than"),
        ("votable", "text", "<VOTABLE>", "<FIELD name='x' datatype='int'/>", "at most"),
        ("mrt", "text", "Title: x\n", "y", "more than"),
        ("parsec", "f64", "# Zini\n", "1 ", "more than"),
        ("fits-table", "f64", "SIMPLE  =                    T", " ", "FITS"),
    ] {
        let project = table_project(format, kind);
        big_file(&project, "table", (head, piece, ""), mib);
        let what = format!(
            "{format}: {mib} MiB of {piece:?} after {:?}",
            &head[head.len().saturating_sub(12)..]
        );
        let answer = bounded(&what, &project, &RUN, mib * MIB);
        assert_eq!(answer.code, 1, "{what}: {}", cut(&answer.stderr));
        answer.says(says);
    }
}

fn bomb(plain_mib: usize, head: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(head).expect("packed");
    let zeros = vec![b' '; MIB];
    (0..plain_mib).for_each(|_| encoder.write_all(&zeros).expect("packed"));
    encoder.finish().expect("packed")
}

#[test]
fn bombs_are_refused() {
    // A thousandth of what they unpack to.
    let mib = if long() { 10_000 } else { 300 };
    let plain = bomb(mib, b"SIMPLE  =                    T");
    for format in ["csv", "fits-table", "votable", "ecsv", "mrt", "parsec"] {
        let project = table_project(format, "f64").file("table", &plain);
        let what = format!("{format}: a gzip bomb of {mib} MiB in {} KiB", plain.len() >> 10);
        // What is unpacked before it is refused: 256 MiB, or 100 times the file.
        let allowed = (64 * MIB).max(25 * plain.len());
        let answer = bounded(&what, &project, &RUN, allowed);
        assert_eq!(answer.code, 1, "{what}");
    }
}

fn card(text: &str) -> String {
    format!("{text:<80}")
}

fn header(cards: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = cards.iter().flat_map(|text| card(text).into_bytes()).collect();
    bytes.resize(bytes.len().div_ceil(2880) * 2880, b' ');
    bytes
}

const PRIMARY: [&str; 5] = [
    "SIMPLE  =                    T",
    "BITPIX  =                    8",
    "NAXIS   =                    0",
    "EXTEND  =                    T",
    "END",
];

/// A file with a table of these cards.
fn table_of(cards: &[&str]) -> Vec<u8> {
    let head = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
    ];
    [header(&PRIMARY), header(&[&head, cards, &["END"]].concat()), vec![0; 2880]].concat()
}

#[test]
fn giants_in_fits_headers_are_named() {
    let giant = "9223372036854775807";
    let naxis = |n1: &str, n2: &str, form: &str| {
        table_of(&[
            &format!("NAXIS1  = {n1:>20}"),
            &format!("NAXIS2  = {n2:>20}"),
            "PCOUNT  =                    0",
            "GCOUNT  =                    1",
            "TFIELDS =                    1",
            "TTYPE1  = 'x       '",
            &format!("TFORM1  = '{form}'"),
        ])
    };
    let fields = |n: &str| {
        table_of(&[
            "NAXIS1  =                    8",
            "NAXIS2  =                    1",
            "PCOUNT  =                    0",
            "GCOUNT  =                    1",
            &format!("TFIELDS = {n:>20}"),
            "TTYPE1  = 'x       '",
            "TFORM1  = 'D       '",
        ])
    };
    let axes: Vec<String> = (1..=999).map(|i| format!("NAXIS{i:<3}= {giant:>20}")).collect();
    let axes: Vec<&str> = axes.iter().map(String::as_str).collect();
    let many = header(
        &[
            &[
                "SIMPLE  =                    T",
                "BITPIX  =                  -64",
                "NAXIS   =                  999",
            ],
            &axes[..],
            &["END"],
        ]
        .concat(),
    );
    for (what, bytes) in [
        ("NAXIS2 of 2^63-1", naxis("8", giant, "D")),
        ("NAXIS1 of 2^63-1", naxis(giant, "1", "D")),
        ("both", naxis(giant, giant, "D")),
        ("TFORM of 2^63-1", naxis(giant, "1", "9223372036854775807D")),
        ("TFORM of 10^12 in a small row", naxis("8", "1", "1000000000000D")),
        ("TFORM beyond 64 bits", naxis("8", "1", "99999999999999999999999D")),
        ("a text of 2 GB", naxis("2147483648", "1", "2147483648A")),
        ("rows of no width", naxis("0", giant, "0D")),
        ("TFIELDS of 2^63-1", fields(giant)),
        ("TFIELDS of 10^9", fields("1000000000")),
        ("999 giant axes", many.clone()),
    ] {
        let project = table_project("fits-table", "f64").file("table", &bytes);
        let answer = bounded(&format!("FITS table: {what}"), &project, &RUN, bytes.len());
        assert_eq!(answer.code, 1, "{what}: {}", cut(&answer.stderr));
    }
    spectra_with_giants(many);
}

/// A spectrum that cannot be read is a reject; the others are read.
fn spectra_with_giants(many: Vec<u8>) {
    let mib = if long() { 400 } else { 40 };
    let good = fits(&survey(1)[0]);
    let text = String::from_utf8_lossy(&good[..2880]).into_owned();
    let with = |from: &str, to: &str| {
        let edited = text.replace(from, to);
        assert_ne!(edited, text, "{from}");
        [edited.as_bytes(), &good[2880..]].concat()
    };
    let pixels = format!("{:>20}", 3900);
    let project = Project::new()
        .file(
            "pipeline.toml",
            "[pipeline]\nname = \"h\"\nseed = 1\n[dataset.files]\nabout = \"f\"\n[node.s]\n\
             stage = \"read_spectra\"\nsection = \"-\"\ndataset = \"files\"\nbuckets = 2\n\
             [publish]\n\"rejects.csv\" = \"s.rejects\"\n",
        )
        .file(
            "profiles/test.toml",
            "[profile]\nname = \"test\"\nabout = \"t\"\n[dataset.files]\npath = \"spectra\"\n",
        )
        .file("spectra/good.fits", &good)
        .file("spectra/axes.fits", many)
        .file("spectra/n1.fits", with(&pixels, " 9223372036854775807"))
        .file("spectra/n1b.fits", with(&pixels, "          4294967296"))
        .file("spectra/n1c.fits", with(&pixels, "                  -1"))
        .file("spectra/bomb.fits.gz", bomb(600, &good[..2800]));
    let endless = ("SIMPLE  =                    T", "COMMENT  x", "");
    big_file(&project, "spectra/endless.fits", endless, mib);
    let answer = bounded("spectra with giants", &project, &RUN, mib * MIB);
    assert_eq!(answer.code, 0, "{}", cut(&answer.stderr));
    let rejects = std::fs::read_to_string(project.path("results/test/rejects.csv")).expect("it");
    assert_eq!(rejects.lines().count(), 7, "{rejects}");
}
