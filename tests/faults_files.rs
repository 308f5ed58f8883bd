//! Odd files, odd names, odd clocks, moved projects, full disks: a right result or a clear error.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::project::{Answer, Project, Ran};
use crate::spectra::{fits, survey};
use crate::tally::trials;

const PIPELINE: &str = r#"
[pipeline]
name = "odd"
seed = 7
[dataset.files]
about = "spectra"
[dataset.table]
about = "a table"
[node.spectra]
stage = "read_spectra"
section = "-"
dataset = "files"
buckets = 2
[node.stars]
stage = "read_table"
section = "-"
dataset = "table"
format = "csv"
columns = [{ name = "x", type = "f64" }]
[node.squared]
stage = "derive"
section = "-"
in = { rows = "stars" }
columns = [{ name = "y", expr = "x * x", about = "square" }]
[publish]
"spectra.csv" = "spectra.spectra"
"squared.csv" = "squared"
"#;

const PROFILE: &str = "[profile]\nname = \"test\"\nabout = \"odd\"\n\
    [dataset.files]\npath = \"spectra\"\n[dataset.table]\npath = \"table.csv\"\n";

const TEN_YEARS_S: i64 = 10 * 365 * 86_400;

fn project() -> Project {
    let mut project = Project::new()
        .file("pipeline.toml", PIPELINE)
        .file("profiles/test.toml", PROFILE)
        .file("table.csv", "x\n1\n2\n3\n");
    for (star, name) in survey(3).iter().zip(["a", "b", "c"]) {
        project = project.file(&format!("spectra/{name}.fits"), fits(star));
    }
    project
}

fn results(project: &Project) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = project.path("results/test");
    let entries = fs::read_dir(folder).expect("results").flatten();
    entries.map(|e| (e.file_name().into(), fs::read(e.path()).expect("a file"))).collect()
}

fn clean() -> BTreeMap<PathBuf, Vec<u8>> {
    let project = project();
    project.run();
    results(&project)
}

/// The program on a project at a path, with more of an environment.
fn run_at(root: &Path, environment: &[(&str, &OsStr)]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdwarf"));
    command
        .args(["run", "--profile", "test", "--json", "-C"])
        .arg(root)
        .env_remove("MDWARF_MIRROR")
        .env_remove("MDWARF_CACHE")
        .envs(environment.iter().copied());
    Answer::of(command.output().expect("the program runs"))
}

fn ran(answer: &Answer, nodes: &[&str]) {
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    Ran(answer.last_json()).ran(nodes);
}

const ALL: [&str; 3] = ["spectra", "stars", "squared"];

#[test]
fn names_of_files_decide_nothing_whatever_they_are() {
    let clean = clean();
    let project = project();
    let names: [&[u8]; 3] = [b"line\nbreak.fits", b"no text \xff.fits", b"no text \xfe.fits"];
    for (old, new) in ["a", "b", "c"].iter().zip(names) {
        let new = project.path("spectra").join(OsStr::from_bytes(new));
        fs::rename(project.path(&format!("spectra/{old}.fits")), new).expect("a name");
    }
    project.run().ran(&ALL);
    assert_eq!(results(&project), clean);
    project.run().ran(&[]);
    let changed = project.path("spectra").join(OsStr::from_bytes(names[1]));
    let mut bytes = fs::read(&changed).expect("a spectrum");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&changed, bytes).expect("an edit");
    project.run().ran(&["spectra"]);
    trials(4, "names with a line break, names that are no UTF-8", 3, 0, "");
}

#[test]
fn a_project_works_in_a_folder_of_any_name_and_reached_by_any_way() {
    let clean = clean();
    let project = project();
    let names: [&[u8]; 4] = [b"two words", b"line\nbreak", b"no text \xff", b"-C"];
    let above = project.root().parent().expect("a folder").to_owned();
    let mut root = project.root();
    ran(&run_at(&root, &[]), &ALL);
    for name in names {
        let moved = above.join(OsStr::from_bytes(name));
        fs::rename(&root, &moved).expect("a move");
        root = moved;
        ran(&run_at(&root, &[]), &[]);
    }
    let link = above.join("link");
    symlink(&root, &link).expect("a link");
    ran(&run_at(&link, &[]), &[]);
    fs::rename(&root, project.root()).expect("a move");
    assert_eq!(results(&project), clean);
    project.edit("table.csv", "3", "4");
    fs::remove_file(&link).expect("the link");
    symlink(project.root(), &link).expect("a link");
    ran(&run_at(&link, &[]), &["stars", "squared"]);
    trials(4, "a project moved, renamed, reached by a link", 7, 0, "nothing reran");
}

#[test]
fn links_are_followed_to_files_and_lead_nowhere_else() {
    let linked = project();
    fs::rename(linked.path("table.csv"), linked.path("real.csv")).expect("a move");
    symlink("real.csv", linked.path("middle.csv")).expect("a link");
    symlink("middle.csv", linked.path("table.csv")).expect("a link");
    linked.run().ran(&ALL);
    linked.write("real.csv", "x\n1\n2\n9\n");
    linked.run().ran(&["stars", "squared"]);

    let cases: [(&str, &str, &str); 4] = [
        ("spectra/circle.fits", "circle.fits", "in a circle"),
        ("spectra/up", "..", "a folder where a file is expected"),
        ("spectra/lost.fits", "nowhere", "leads nowhere"),
        ("spectra/device.fits", "/dev/zero", "not a regular file"),
    ];
    for (name, target, says) in cases {
        let project = project();
        symlink(target, project.path(name)).expect("a link");
        let answer = run_at(&project.root(), &[]);
        assert_eq!(answer.code, 1, "{name}: {}", answer.stderr);
        answer.says(says).says(name);
        fs::remove_file(project.path(name)).expect("the link");
        project.run().ran(&ALL);
    }
    trials(4, "links: to files, in circles, to folders, to nothing, to a device", 6, 0, "");
}

#[test]
fn a_fifo_in_a_folder_of_spectra_is_refused_at_once() {
    let project = project();
    let made = Command::new("mkfifo").arg(project.path("spectra/pipe.fits")).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a_fifo_in_a_folder_of_spectra_is_refused_at_once needs mkfifo");
        return;
    }
    let answer = run_at(&project.root(), &[]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    answer.says("not a regular file").says("pipe.fits");
    trials(4, "a FIFO among the spectra", 1, 0, "refused at once");
}

#[test]
fn what_stands_in_the_way_of_the_store_or_the_results_is_named() {
    let clean = clean();
    for (folder, in_the_way) in
        [("cache", ""), ("cache/v1/objects", ""), ("cache/v1/records", ""), ("results", "")]
    {
        let project = project();
        if folder.contains("v1") {
            project.run();
            fs::remove_dir_all(project.path(folder)).expect("a folder");
        }
        project.write(folder, in_the_way);
        let answer = run_at(&project.root(), &[]);
        assert!([1, 2].contains(&answer.code), "{folder}: {} {}", answer.code, answer.stderr);
        answer.says(folder);
        fs::remove_file(project.path(folder)).expect("the file");
        project.run();
        assert_eq!(results(&project), clean, "{folder}");
    }
    let project = project();
    fs::create_dir_all(project.path("results/test/squared.csv")).expect("a folder");
    let answer = run_at(&project.root(), &[]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    answer.says("squared.csv");
    fs::remove_dir(project.path("results/test/squared.csv")).expect("the folder");
    project.run().ran(&[]);
    assert_eq!(results(&project), clean);
}

#[test]
fn stamps_ten_years_off_decide_nothing() {
    let clean = clean();
    let project = project();
    project.run();
    let ten_years = Duration::from_secs(TEN_YEARS_S as u64);
    for time in [SystemTime::now() + ten_years, SystemTime::now() - ten_years] {
        for name in ["table.csv", "spectra/a.fits"] {
            let file = fs::File::options().write(true).open(project.path(name)).expect("a file");
            file.set_modified(time).expect("a time");
        }
        project.run().ran(&[]);
        project.run().ran(&[]);
        assert_eq!(results(&project), clean);
        edits_are_seen(&project, time, &[]);
    }
    trials(4, "time stamps 10 years off; same-size edits under one stamp", 2 * 5, 0, "");
}

/// Same-size edits under one time stamp, each followed by a run.
fn edits_are_seen(project: &Project, time: SystemTime, environment: &[(&str, &OsStr)]) {
    for x in [4, 5, 3] {
        project.write("table.csv", format!("x\n1\n2\n{x}\n"));
        let file = fs::File::options().write(true).open(project.path("table.csv")).expect("one");
        file.set_modified(time).expect("a time");
        let answer = run_at(&project.root(), environment);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let squares = fs::read_to_string(project.path("results/test/squared.csv")).expect("it");
        assert!(squares.contains(&(x * x).to_string()), "{x}: {squares}");
    }
}

/// A library that moves the program's clock by `SHIFT_S` seconds, if a C compiler is there.
fn shifted_clock(folder: &Path) -> Option<PathBuf> {
    let source = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdlib.h>\n#include <time.h>\n\
        int clock_gettime(clockid_t id, struct timespec *t) {\n\
        static int (*real)(clockid_t, struct timespec *);\n\
        if (!real) real = dlsym(RTLD_NEXT, \"clock_gettime\");\n\
        int failed = real(id, t);\n const char *shift = getenv(\"SHIFT_S\");\n\
        if (id == CLOCK_REALTIME && shift) t->tv_sec += atol(shift);\n return failed;\n}\n";
    let (code, library) = (folder.join("clock.c"), folder.join("clock.so"));
    fs::write(&code, source).expect("a file");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &code])
        .arg("-ldl")
        .output();
    built.is_ok_and(|output| output.status.success()).then_some(library)
}

#[test]
fn a_clock_ten_years_off_decides_nothing() {
    let clean = clean();
    let project = project();
    let Some(library) = shifted_clock(project.root().parent().expect("a folder")) else {
        eprintln!("skipped: a_clock_ten_years_off_decides_nothing needs cc");
        return;
    };
    for years in [1, -1] {
        let shift = (years * TEN_YEARS_S).to_string();
        let environment =
            [("LD_PRELOAD", library.as_os_str()), ("SHIFT_S", OsStr::new(shift.as_str()))];
        let answer = run_at(&project.root(), &environment);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let id = answer.last_json()["run"].as_str().expect("an id").to_owned();
        let this_year = project.run().0["run"].as_str().expect("an id")[..4].parse::<i64>();
        let that_year = id[..4].parse::<i64>().expect("a year");
        let apart = that_year - this_year.expect("a year");
        assert!((apart - 10 * years).abs() <= 1, "the clock was moved: {id}");
        assert_eq!(results(&project), clean);
        edits_are_seen(&project, SystemTime::now(), &environment);
        edits_are_seen(&project, SystemTime::now(), &[]);
        assert_eq!(project.mdwarf(&["plan", "--check", "--profile", "test"]).code, 0);
        assert_eq!(results(&project), clean);
    }
    trials(4, "a clock 10 years off; same-size edits meanwhile", 2 * 9, 0, "");
}

/// While runs go on, a table is written anew again and again, of the same size: by a rename, or in
/// place, where a reader may meet half of it.
#[test]
fn an_input_that_changes_during_a_run_is_named_or_right() {
    let project = project();
    let digits = |x: u32| format!("x\n{}\n", vec![x.to_string(); 30_000].join("\n"));
    project.write("table.csv", digits(0));
    let stop = AtomicBool::new(false);
    let n = if std::env::var_os("MDWARF_LONG").is_some() { 200 } else { 10 };
    let (mut named, mut right) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let table = project.path("table.csv");
            for x in (0..10).cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                if x % 2 == 0 {
                    fs::write(&table, digits(x)).expect("written");
                } else {
                    let new = table.with_extension("new");
                    fs::write(&new, digits(x)).expect("written");
                    fs::rename(&new, &table).expect("renamed");
                }
                std::thread::sleep(Duration::from_millis(u64::from(x) * 3));
            }
        });
        let _stops = StopOnDrop(&stop);
        for _ in 0..n {
            let answer = run_at(&project.root(), &[]);
            match answer.code {
                0 => {
                    is_one_version(&project);
                    right += 1;
                }
                1 => named += 1,
                code => panic!("{code}: {}", answer.stderr),
            }
        }
    });
    project.run();
    is_one_version(&project);
    project.run().ran(&[]);
    project.write("table.csv", "x\n1\n2\n3\n");
    project.run();
    assert_eq!(results(&project), clean());
    let note = format!("{right} right, {named} named it");
    trials(4, "an input that changes during the run", n, 0, &note);
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The squares are all of one version of the table; one that was being written has fewer rows.
fn is_one_version(project: &Project) {
    let text = fs::read_to_string(project.path("results/test/squared.csv")).expect("it");
    // Number, row, square.
    let mut rows = text.lines().skip(1).map(|row| {
        let mut cells = row.split(',');
        (cells.next().expect("a number"), cells.nth(1).expect("its square"))
    });
    let first = rows.next().expect("a row");
    assert!(rows.all(|row| row == first), "two versions in one table");
}

#[test]
fn damaged_downloads_are_fetched_again_or_named() {
    let table = "x\n1\n2\n3\n";
    let digest = blake3::hash(table.as_bytes()).to_hex();
    let project = project();
    project.write("mirror/table.csv", table);
    let bound =
        format!("mirror_path = \"table.csv\"\nblake3 = \"{digest}\"\nbytes = {}", table.len());
    project.edit("profiles/test.toml", "path = \"table.csv\"", &bound);
    let mirror = project.path("mirror").to_string_lossy().into_owned();
    project.run_with(&["--mirror", &mirror]).ran(&ALL);
    project.write("mirror/table.csv", "x\n1\n2\n4\n");
    // What was made of the declared bytes is fresh; nothing else is made of others.
    project.run_with(&["--mirror", &mirror]).ran(&[]);
    let forced = ["run", "--profile", "test", "--force=stars", "--mirror", &mirror];
    let answer = project.mdwarf(&forced);
    assert_eq!(answer.code, 1);
    answer.says("its blake3 is").says("fetch the file again");
    let kept = project.path(&format!("cache/v1/downloads/{}/{}", &digest[..2], &digest[2..]));
    fs::create_dir_all(kept.parent().expect("a folder")).expect("a folder");
    fs::write(&kept, "x\n1\n2\n5\n").expect("a damaged download");
    assert_eq!(project.mdwarf(&["verify"]).code, 5);
    let answer = project.mdwarf(&forced);
    assert_eq!(answer.code, 1);
    assert!(!kept.exists(), "set aside");
    project.write("mirror/table.csv", table);
    assert_eq!(project.mdwarf(&forced).code, 0);
    assert_eq!(project.mdwarf(&["verify"]).code, 0);
    assert_eq!(results(&project), clean());
}

/// A small file system in memory, gone with this value; needs root.
struct Disk(PathBuf);

impl Disk {
    fn new(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let disk = Disk(folder.to_owned());
        disk.mount("size=16k").then_some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&self.0)
            .output();
        mounted.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
#[ignore = "needs root, to mount a small file system"]
fn a_full_disk_is_named_and_room_mends_it() {
    let clean = clean();
    let project = project();
    let Some(disk) = Disk::new(&project.path("small")) else {
        eprintln!("skipped: a_full_disk_is_named_and_room_mends_it needs root");
        return;
    };
    let cache = disk.0.to_string_lossy().into_owned();
    let arguments = ["run", "--profile", "test", "--json", "--cache", &cache];
    let mut full = 0;
    for size_kb in (16..).step_by(8) {
        assert!(disk.mount(&format!("remount,size={size_kb}k")), "more room");
        let answer = project.mdwarf(&arguments);
        if answer.code == 0 {
            break;
        }
        assert_eq!(answer.code, 1, "{}", answer.stderr);
        answer.says("No space left on device");
        full += 1;
    }
    trials(1, "runs on a small tmpfs that is full", full, 0, "each named it; then one had room");
    assert!((6..120).contains(&full), "{full}");
    assert_eq!(results(&project), clean);
    assert_eq!(project.mdwarf(&["verify", "--cache", &cache]).code, 0);
}
