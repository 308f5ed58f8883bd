//! A small store, damaged at every byte of every file: what is read is refused, set aside, made
//! again; nothing wrong is ever given to anybody.
//!
//! `MDWARF_LONG=1` runs the whole pipeline after each damage; else after one in many.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::crash_tests::{Found, Small, long, told};
use crate::engine::error::EngineError;
use crate::engine::events::Silent;
use crate::engine::files::Files;
use crate::engine::store::Store;
use crate::engine::verify::{Report, verify};

/// The files of a folder, by path.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
    found
}

/// A project that has run, and what was clean then.
struct Ran {
    small: Small,
    clean: Found,
    store: Tree,
}

impl Ran {
    fn new() -> Self {
        let small = Small::new();
        let clean = small.run(Files::disk()).unwrap_or_else(|why| panic!("{}", why.message));
        let store = tree(&small.path("cache/v1"));
        Ran { small, clean, store }
    }

    fn files(&self, folder: &str) -> Vec<(&PathBuf, &Vec<u8>)> {
        let folder = self.small.path("cache/v1").join(folder);
        self.store.iter().filter(|(path, _)| path.starts_with(&folder)).collect()
    }

    fn store(&self) -> Store {
        Store::open(&self.small.path("cache")).expect("a store")
    }

    fn verify(&self, repair: bool) -> Report {
        verify(&self.store(), repair, &Silent).expect("a store that can be listed")
    }

    /// Brings the store back to what it was.
    fn restore(&self) {
        let root = self.small.path("cache/v1");
        for path in tree(&root).keys().filter(|path| !self.store.contains_key(*path)) {
            fs::remove_file(path).expect("a file");
        }
        for (path, bytes) in &self.store {
            if fs::read(path).ok().as_ref() != Some(bytes) {
                fs::write(path, bytes).expect("a file");
            }
        }
    }

    /// Runs on what is damaged now; at most one named error, then all is right.
    fn mends(&self, what: &str, tally: &mut Tally) {
        let found = self.small.recovered(&mut tally.named);
        assert_eq!(found, self.clean, "silently wrong after {what}");
        // A record of a shard is not looked at while that of its node is there.
        let objects = self.verify(true);
        let shards = |path: &Path| path.starts_with(self.small.path("cache/v1/records"));
        assert!(objects.missing.is_empty(), "{what}: {objects:?}");
        assert!(objects.damaged.iter().all(|f| shards(&f.path)), "{what}: {objects:?}");
        tally.runs += 1;
    }
}

#[derive(Debug, Default)]
struct Tally {
    /// Files damaged, one place at a time, and looked at.
    damaged: usize,
    /// Of these, followed by whole runs.
    runs: usize,
    /// Runs that ended in a named error first.
    named: usize,
}

/// What a file becomes: each byte flipped in one bit and in all, cut at each length.
fn spoiled(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    let flips = (0..bytes.len()).flat_map(move |at| {
        [1u8 << (at % 8), 0xff].map(|mask| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= mask;
            (format!("byte {at} flipped by {mask:#x}"), flipped)
        })
    });
    let cuts = (0..bytes.len()).map(|n| (format!("cut to {n} bytes"), bytes[..n].to_vec()));
    flips.chain(cuts)
}

#[test]
fn every_damage_to_an_object_is_found_wherever_it_is_read() {
    let (ran, mut tally) = (Ran::new(), Tally::default());
    for (path, bytes) in ran.files("objects") {
        let name: String = ["objects/", "/", ".parquet"].iter().fold(
            path.to_string_lossy().into_owned(),
            |name, part| match *part {
                "objects/" => name.rsplit("objects/").next().unwrap_or_default().to_owned(),
                part => name.replace(part, ""),
            },
        );
        let object = name.parse().expect("a digest");
        for (what, spoiled) in spoiled(bytes) {
            fs::write(path, spoiled).expect("damage");
            let read = ran.store().read_columns(object, [0, bytes.len() as u64], &[]);
            assert!(matches!(read, Err(EngineError::Corrupt { .. })), "{what}: {read:?}");
            assert!(!path.exists(), "{what}: set aside");
            tally.damaged += 1;
        }
        fs::write(path, bytes).expect("a file");
    }
    told(2, "objects: each byte flipped twice, cut at each length", tally.damaged, &tally);
}

#[test]
fn every_damage_to_a_record_is_found_when_it_is_read() {
    let (ran, mut tally) = (Ran::new(), Tally::default());
    for (path, bytes) in ran.files("records") {
        let record = crate::engine::store::parse_record(bytes).expect("a record");
        for (what, spoiled) in spoiled(bytes) {
            fs::write(path, spoiled).expect("damage");
            let read = ran.store().record(record.name).expect("readable");
            assert_eq!(read, None, "{what}");
            assert!(!path.exists(), "{what}: set aside");
            tally.damaged += 1;
        }
        fs::write(path, bytes).expect("a file");
    }
    told(2, "records: each byte flipped twice, cut at each length", tally.damaged, &tally);
}

#[test]
fn verify_finds_every_damage_and_repair_leads_to_the_clean_result() {
    let (ran, mut tally) = (Ran::new(), Tally::default());
    assert!(ran.verify(false).is_sound());
    let kinds = ["objects", "records"].map(|folder| ran.files(folder));
    let smallest = |files: &Vec<(_, &Vec<u8>)>| files.iter().min_by_key(|f| f.1.len()).map(|f| f.0);
    let small: Vec<&PathBuf> = kinds.iter().filter_map(smallest).collect();
    let files = kinds.concat();
    for (file, (path, bytes)) in files.into_iter().enumerate() {
        let stride = if long() && small.contains(&path) { 1 } else { 211 };
        for (what, spoiled) in spoiled(bytes).skip(file * 17 % stride).step_by(stride) {
            fs::write(path, spoiled).expect("damage");
            let report = ran.verify(false);
            assert_eq!(report.damaged.len(), 1, "{what}: {report:?}");
            assert_eq!(&report.damaged[0].path, path);
            assert!(ran.verify(true).set_aside >= 1);
            assert!(ran.verify(false).is_sound(), "{what}");
            let named = tally.named;
            ran.mends(&what, &mut tally);
            assert_eq!(tally.named, named, "{what}: after a repair nothing is met damaged");
            ran.restore();
            tally.damaged += 1;
        }
    }
    told(2, "smallest object and record at each byte: verify, repair, run", tally.damaged, &tally);
}

#[test]
fn a_run_on_any_damaged_file_of_the_store_is_right_or_names_it() {
    let (ran, mut tally) = (Ran::new(), Tally::default());
    for (file, (path, bytes)) in ran.store.iter().enumerate() {
        let stride = if long() { 29 } else { 307 };
        for (what, spoiled) in spoiled(bytes).skip(file * 31 % stride).step_by(stride) {
            fs::write(path, spoiled).expect("damage");
            let found = ran.small.recovered(&mut tally.named);
            assert_eq!(found, ran.clean, "silently wrong: {what} of {}", path.display());
            ran.restore();
            (tally.damaged, tally.runs) = (tally.damaged + 1, tally.runs + 1);
        }
    }
    told(2, "a run on any damaged file of the store", tally.damaged, &tally);
}

#[test]
fn swapped_emptied_and_missing_files_are_mended() {
    let (ran, mut tally) = (Ran::new(), Tally::default());
    for folder in ["objects", "records"] {
        let files = ran.files(folder);
        for (i, (a, of_a)) in files.iter().enumerate() {
            for (b, of_b) in &files[i + 1..] {
                fs::write(a, of_b).expect("a file");
                fs::write(b, of_a).expect("a file");
                assert_eq!(ran.verify(false).damaged.len(), 2);
                // Two objects are damaged, and a run meets one at a time.
                ran.verify(true);
                ran.mends("a swap", &mut tally);
                ran.restore();
            }
            fs::write(a, b"").expect("a file");
            ran.mends("a file of no length", &mut tally);
            ran.restore();
            fs::remove_file(a).expect("a file");
            let report = ran.verify(false);
            assert_eq!(report.missing.len(), usize::from(folder == "objects"), "{report:?}");
            ran.mends("a missing file", &mut tally);
            ran.restore();
        }
    }
    for (path, _) in ran.files("objects") {
        fs::remove_file(path).expect("a file");
    }
    ran.mends("all objects missing", &mut tally);
    told(2, "two files swapped, a file of no length, a missing part", tally.runs, &tally);
}

#[test]
fn what_nobody_names_is_told_but_harms_nothing() {
    let ran = Ran::new();
    let orphan = ran.store().put_object(b"left by a killed run").expect("an object");
    let report = ran.verify(true);
    assert!(report.is_sound() && report.set_aside == 0, "{report:?}");
    assert_eq!(report.orphans, [ran.store().object_path(orphan)]);
}

#[test]
fn a_record_of_another_version_is_no_damage() {
    let ran = Ran::new();
    let (path, bytes) = ran.files("records")[0];
    let body = crate::engine::store::sealed(bytes).expect("a seal");
    let text = String::from_utf8(body.to_vec()).expect("text");
    let old = text.replacen("\"format\":", "\"format\":1000", 1);
    fs::write(path, crate::engine::store::seal(old.as_bytes())).expect("a record");
    assert!(ran.verify(false).damaged.is_empty());
    ran.mends("a record of another version", &mut Tally::default());
}
