//! What the store holds, forged: sealed as if our own hand had written it, so that only sense, not
//! a checksum, stands between it and the engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mdwarf::engine::bind::bind;
use mdwarf::engine::build::build;
use mdwarf::engine::error::EngineError;
use mdwarf::engine::evaluate::Engine;
use mdwarf::engine::events::Silent;
use mdwarf::engine::ledger::{Ledger, NodeEntry, RunEntry};
use mdwarf::engine::run::{Outcome, RunOptions};
use mdwarf::engine::source::Sources;
use mdwarf::engine::spec::{Spec, SpecInput};
use mdwarf::engine::store::{Store, parse_record, seal, sealed};
use mdwarf::engine::verify::verify;
use mdwarf::stages::REGISTRY;

use super::{Target, fuzz};

const PIPELINE: &str = r#"
[pipeline]
name = "forged"
seed = 1
[dataset.stars]
about = "numbers"
[node.stars]
stage = "read_table"
section = "-"
dataset = "stars"
format = "csv"
id = "star"
buckets = 2
columns = [{ name = "star", type = "i64" }, { name = "x", type = "f64" }, { name = "t", type = "text" }]
[node.squared]
stage = "derive"
section = "-"
in = { rows = "stars" }
columns = [{ name = "y", expr = "x * x", about = "square" }]
[node.kept]
stage = "cuts"
section = "-"
in = { stars = "squared" }
id = "star"
criteria = [["y", "y > 0.25"]]
[node.root]
stage = "derive"
section = "-"
in = { rows = "kept" }
columns = [{ name = "z", expr = "y - x", about = "difference" }]
"#;

const PROFILE: &str =
    "[profile]\nname = \"test\"\nabout = \"t\"\n[dataset.stars]\npath = \"stars.csv\"\n";

type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn tree(folder: &Path, found: &mut Tree) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => tree(&path, found),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap_or_default())),
        }
    }
}

/// A small project that has run; in memory where the machine has such a place.
struct World {
    folder: tempfile::TempDir,
    clean: Tree,
    paths: Vec<PathBuf>,
}

impl World {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder");
        let rows: String = (0..12).map(|i| format!("{i},0.{i},M{i}\n")).collect();
        fs::write(folder.path().join("stars.csv"), format!("star,x,t\n{rows}")).expect("a file");
        let mut world = World { folder, clean: Tree::new(), paths: Vec::new() };
        assert_eq!(world.run().expect("a run"), "ran ran ran ran");
        tree(world.folder.path(), &mut world.clean);
        world.paths = world.clean.keys().filter(|path| is_sealed(path)).cloned().collect();
        world
    }

    fn store(&self) -> Result<Store, EngineError> {
        Store::open(&self.folder.path().join("cache"))
    }

    /// A run as the program does it; how each node ended.
    fn run(&self) -> Result<String, EngineError> {
        let input = SpecInput {
            pipeline: ("pipeline.toml", PIPELINE),
            profile: ("profiles/test.toml", PROFILE),
            list_files: &|_| Err(std::io::ErrorKind::NotFound.into()),
            method: "printed",
            sets: &[],
        };
        let (spec, _) = Spec::load(&input).unwrap_or_else(|(errors, _)| panic!("{errors:?}"));
        let store = self.store()?;
        let sources = Sources::open(&store, None, true);
        let binder = |slot: &_| bind(slot, self.folder.path(), &sources, &Silent);
        let pipeline =
            build(&spec, REGISTRY, &binder).unwrap_or_else(|errors| panic!("{errors:?}"));
        let ledger = Ledger::open(&store, "test", "printed")?;
        let engine =
            Engine { pipeline: &pipeline, store: &store, sources: &sources, observer: &Silent };
        let settled = engine.run(&ledger, &RunOptions::all(pipeline.nodes.len(), 1))?;
        let mut words = Vec::new();
        for settled in &settled {
            words.push(match &settled.outcome {
                Outcome::Ran { .. } => "ran".to_owned(),
                Outcome::Failed { error, .. } => error.to_string(),
                other => format!("{other:?}"),
            });
            for artifact in settled.outputs.iter().flatten() {
                for column in &artifact.schema.columns {
                    artifact.part_digests(&store, &column.name)?;
                    for part in 0..artifact.parts().len() {
                        artifact.read_part(&store, &column.name, part)?;
                    }
                }
            }
        }
        let nodes = pipeline.nodes.iter().zip(settled).map(|(node, settled)| NodeEntry {
            node: node.name.clone(),
            stage: node.stage.name.to_owned(),
            key: settled.key,
            reasons: settled.reasons,
            dataset: None,
            outcome: settled.outcome,
        });
        let entry = RunEntry {
            id: "20260101".into(),
            started: 0,
            seconds: 0.0,
            pipeline: "forged".into(),
            profile: "test".into(),
            method: "printed".into(),
            sets: vec![],
            code: String::new(),
            nodes: nodes.collect(),
            claims: vec![],
        };
        sources.remember()?;
        store.save_gathered()?;
        ledger.write(&store, &entry)?;
        Ok(words.join(" "))
    }

    fn restore(&self) {
        let mut now = Tree::new();
        tree(self.folder.path(), &mut now);
        for path in now.keys().filter(|path| !self.clean.contains_key(*path)) {
            fs::remove_file(path).expect("removed");
        }
        for (path, bytes) in self.clean.iter().filter(|(path, bytes)| now.get(*path) != Some(bytes))
        {
            fs::write(path, bytes).expect("a file");
        }
    }

    /// The first byte chooses the file, the rest is its body.
    fn forged(&self, bytes: &[u8]) -> String {
        let Some((which, body)) = bytes.split_first() else { return String::new() };
        let path = &self.paths[usize::from(*which) % self.paths.len()];
        let file = seal(body);
        // What it says of itself is not always what it lies under.
        let named = parse_record(&file).map(|record| record.name);
        fs::write(path, &file).expect("a file");
        let told = |run: Result<String, EngineError>| run.unwrap_or_else(|why| why.to_string());
        let run = told(self.run());
        let verified = self.store().and_then(|store| verify(&store, true, &Silent));
        let sound = verified.map(|report| report.is_sound());
        let again = told(self.run());
        self.restore();
        format!("{:?} {run} | {sound:?} | {again}", named.is_some())
    }
}

fn is_sealed(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| sealed(&bytes).is_some())
}

const RECORD_WORDS: &[&str] = &[
    "null",
    "[]",
    "{}",
    "\"at\":[0,18446744073709551615]",
    "\"rows\":18446744073709551615",
    "\"rows\":4294967296",
    "\"object\":null",
    "\"parts\":[]",
    "\"outputs\":[]",
    "\"digests\":[]",
    "\"selections\":{}",
    "\"columns\":[]",
    "-1",
    "1e999",
    "\"\"",
    "[[[[[[",
    "\"list\":2147483647",
    "\"f64\"",
    "\"i64\"",
    "\"text\"",
    "\"name\":",
    ",",
    "true",
    "\\ud800",
    "\"format\":3",
];

#[test]
fn records() {
    let world = World::new();
    let seed = |(which, path): (usize, &PathBuf)| {
        let body = sealed(&world.clean[path]).expect("a seal").to_vec();
        [vec![which as u8], body].concat()
    };
    fuzz(&Target {
        name: "records",
        seeds: world.paths.iter().enumerate().map(seed).collect(),
        words: RECORD_WORDS,
        most_bytes: 64 << 10,
        memory: (64 << 20, 1024),
        read: &|bytes| world.forged(bytes),
    });
}

/// The object's digest is right, and what it holds is not.
fn parts(world: &World, bytes: &[u8]) -> String {
    let store = world.store().expect("a store");
    let object = store.put_object(bytes).expect("an object");
    let at = [0, bytes.len() as u64];
    let read = |columns: &[&str]| match store.read_columns(object, at, columns) {
        Ok(arrays) => format!("{:?}", arrays.iter().map(|a| a.data_type()).collect::<Vec<_>>()),
        Err(why) => why.to_string(),
    };
    let outcome = ["star", "x", "t", "y", "#rows"].map(|name| read(&[name])).join(" | ");
    let _ = fs::remove_file(store.object_path(object));
    outcome.replace(&object.to_string(), "")
}

const PARQUET_WORDS: &[&str] =
    &["PAR1", "\u{15}\u{0}\u{15}", "\u{19}", "\u{1c}", "\u{28}", "list", "element"];

#[test]
fn parquet_parts() {
    let world = World::new();
    let objects =
        world.clean.iter().filter(|(path, _)| path.to_string_lossy().contains("/objects/"));
    fuzz(&Target {
        name: "parquet",
        seeds: objects.map(|(_, bytes)| bytes.clone()).collect(),
        words: PARQUET_WORDS,
        most_bytes: 64 << 10,
        memory: (64 << 20, 4096),
        read: &|bytes| parts(&world, bytes),
    });
}
