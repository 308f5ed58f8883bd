//! Copies for people in `results/<profile>/`: written when their content changes or when they are
//! gone, and only then.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use arrow::array::{AsArray, RecordBatch};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::footer;
use super::project::Project;
use super::run_facts::Ended;
use crate::engine::artifact::Artifact;
use crate::engine::digest::Digest;
use crate::engine::error::{EngineError, unless_read_only};
use crate::engine::pipeline::Pipeline;
use crate::engine::source::{FILE_BYTES, FILE_NAME};
use crate::engine::spec::PRINTED;
use crate::engine::types::{ColumnMeta, Type};
use crate::formats::cds::{ACKNOWLEDGEMENTS, wrapped};
use crate::formats::csv::write_csv;
use crate::formats::fits_table::write_table;
use crate::formats::parquet_out::write_parquet;
use crate::report::page::{RunFacts, filled};

/// A file for people.
pub struct Published {
    /// Where it lies.
    pub path: PathBuf,
    /// Whether this run wrote it.
    pub written: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    content: Digest,
    size: u64,
    mtime_ns: u128,
}

/// Publishes all files of the pipeline whose source exists; the slots of the page and of the ReadMe are filled.
pub fn publish(ended: &Ended<'_>) -> Result<Vec<Published>, Failure> {
    let project = ended.project;
    let variant = variant(&project.pipeline.profile, &project.pipeline.method, &ended.entry.sets)?;
    let folder = results_folder(project, &ended.entry.sets)?;
    let memory_path = project.store.root().join("published").join(format!("{variant}.json"));
    let mut memory: BTreeMap<String, Stamp> = project
        .store
        .read_sealed(&memory_path)
        .and_then(|body| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    let mut published = Vec::new();
    let mut changed = false;
    let slots = Slots::new(ended)?;
    for (file, node, output) in &project.pipeline.publish {
        let Some(outputs) = &ended.done[*node] else { continue };
        let artifact = &outputs[*output];
        let path = folder.join(file);
        let mut content = content(project, artifact)?;
        if has_slots(&path) {
            content = Digest::of_sequence([&content, &slots.digest]);
        }
        // Parquet says in its footer what its columns are made of.
        let has_footer = file.ends_with(".parquet");
        if has_footer {
            content = footer::with_origin(project, ended.done, *node, content);
        }
        let known = memory.get(file);
        let there =
            project.store.files().metadata(&path).ok().and_then(|there| stamp(&there, content));
        let written = known.is_none() || known != there.as_ref();
        if written {
            let origin = match has_footer {
                true => footer::provenance(project, ended.done, (*node, *output))?,
                false => String::new(),
            };
            let metadata = write(project, artifact, &path, (&slots, &origin))?;
            memory.extend(stamp(&metadata, content).map(|stamp| (file.clone(), stamp)));
            changed = true;
        }
        published.push(Published { path, written });
    }
    if changed {
        let body = serde_json::to_vec(&memory).map_err(EngineError::table("published"))?;
        project.store.commit_sealed(&memory_path, &body).or_else(unless_read_only)?;
    }
    Ok(published)
}

/// What stands in the slots of files, made when the first of them is written.
struct Slots<'a> {
    ended: &'a Ended<'a>,
    digest: Digest,
    facts: OnceCell<RunFacts>,
}

impl<'a> Slots<'a> {
    fn new(ended: &'a Ended<'a>) -> Result<Self, Failure> {
        Ok(Slots { ended, digest: ended.digest()?, facts: OnceCell::new() })
    }

    /// The file with its slots filled; one that has none, or is no text, as it is.
    fn fill(&self, path: &Path, bytes: Vec<u8>) -> Vec<u8> {
        if !has_slots(path) {
            return bytes;
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(other) => return other.into_bytes(),
        };
        let facts = self.facts.get_or_init(|| self.ended.facts());
        if path.extension().is_some() {
            return filled(&text, facts).into_bytes();
        }
        let thanks = facts.acknowledgements.iter();
        let thanks = thanks.map(|(what, words)| wrapped("    ", 8, &format!("{what}: {words}")));
        text.replace(&format!("{ACKNOWLEDGEMENTS}\n"), &thanks.collect::<String>()).into_bytes()
    }
}

/// Whether a file may say something of its run: pages, and the ReadMe of a table.
fn has_slots(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension == "html")
}

/// Where a run's copies lie.
///
/// # Errors
/// `--set` that has no JSON form.
pub fn results_folder(project: &Project, sets: &[String]) -> Result<PathBuf, Failure> {
    let name = variant(&project.pipeline.profile, &project.pipeline.method, sets)?;
    Ok(project.root.join("results").join(name))
}

/// The name of the folder of a run's copies: a method or `--set` of its own never overwrites the plain ones.
fn variant(profile: &str, method: &str, sets: &[String]) -> Result<String, Failure> {
    let mut name = profile.to_owned();
    if method != PRINTED {
        name = format!("{name}+{method}");
    }
    if !sets.is_empty() {
        let digest = Digest::of_json(&sets).map_err(EngineError::table("--set"))?;
        name = format!("{name}+set-{}", digest.short());
    }
    Ok(name)
}

/// Refuses files that could not be written, before anything is done.
pub fn check_extensions(pipeline: &Pipeline) -> Result<(), Failure> {
    for (file, node, output) in &pipeline.publish {
        // Which files a stage makes is known when it has made them.
        let of_files = pipeline.nodes[*node].schemas[*output].columns.iter().any(is_bytes);
        let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !of_files && !TABLES.contains(&extension) {
            let failure = Failure::usage(format!("`[publish]` cannot write `{file}`"));
            return Err(failure.hint("use a name that ends in .parquet, .fits or .csv"));
        }
    }
    Ok(())
}

fn is_bytes(column: &ColumnMeta) -> bool {
    column.kind == Type::Bytes
}

/// Forms of a table.
const TABLES: [&str; 3] = ["parquet", "fits", "csv"];

/// Of an output of files the one that is meant: `tables/ReadMe` is the file `ReadMe`, else `figures/fig1.svg` is
/// the only one that ends in `.svg`.
fn file_of(project: &Project, artifact: &Artifact, path: &Path) -> Result<Vec<u8>, Failure> {
    let columns = [FILE_NAME.to_owned(), FILE_BYTES.to_owned()];
    let table = artifact.read_table(&project.store, &columns, None)?;
    let wrong = |what: String| {
        Failure::usage(format!("`[publish]`: {} has {what}", artifact.name))
            .hint("publish an output of files under names, or of the kinds, that it has")
    };
    let names = table.column(0).as_string_opt::<i32>();
    let bytes = table.column(1).as_binary_opt::<i64>();
    let (names, bytes) = names.zip(bytes).ok_or_else(|| wrong("no files".into()))?;
    let text = |part: Option<&OsStr>| part.and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let (name, end) = (text(path.file_name()), format!(".{}", text(path.extension())));
    let named = (0..table.num_rows()).find(|row| names.value(*row) == name);
    if let Some(row) = named {
        return Ok(bytes.value(row).to_vec());
    }
    let rows: Vec<usize> =
        (0..table.num_rows()).filter(|row| names.value(*row).ends_with(&end)).collect();
    match rows[..] {
        [row] => Ok(bytes.value(row).to_vec()),
        _ => Err(wrong(format!("no file `{name}` and {} that end in `{end}`", rows.len()))),
    }
}

/// What decides a copy: names, meanings and contents of the columns.
fn content(project: &Project, artifact: &Artifact) -> Result<Digest, Failure> {
    let mut digests = Vec::new();
    for column in &artifact.schema.columns {
        digests.push(Digest::of_json(column).map_err(EngineError::table("schema"))?);
        digests.push(artifact.column_digest(&project.store, &column.name)?);
    }
    Ok(Digest::of_sequence(&digests))
}

fn stamp(metadata: &Metadata, content: Digest) -> Option<Stamp> {
    let mtime = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Stamp { content, size: metadata.len(), mtime_ns: mtime.as_nanos() })
}

/// Writes a copy; tells the metadata of what it wrote, whatever another run may put in its place.
fn write(
    project: &Project,
    artifact: &Artifact,
    path: &Path,
    (slots, origin): (&Slots<'_>, &str),
) -> Result<Metadata, Failure> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if artifact.schema.columns.iter().any(is_bytes) {
        let bytes = slots.fill(path, file_of(project, artifact, path)?);
        return Ok(project.store.publish(path, &bytes)?);
    }
    let keeps_vectors = extension == "parquet";
    let columns: Vec<String> = artifact
        .schema
        .columns
        .iter()
        .filter(|c| keeps_vectors || !matches!(c.kind, Type::List(_)))
        .map(|c| c.name.clone())
        .collect();
    let table = artifact.read_table(&project.store, &columns, None)?;
    let bytes = encode(extension, &table, artifact, origin)?;
    Ok(project.store.publish(path, &bytes)?)
}

fn encode(
    extension: &str,
    table: &RecordBatch,
    artifact: &Artifact,
    origin: &str,
) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| EngineError::Table { place: artifact.name.clone(), why };
    let key = artifact.record.name.to_string();
    Ok(match extension {
        "parquet" => {
            let footer = [
                ("mdwarf.key", key.as_str()),
                ("mdwarf.stage", artifact.record.key.stage.as_str()),
                ("mdwarf.code", artifact.record.code.as_str()),
                ("mdwarf.output", artifact.name.as_str()),
                (footer::PROVENANCE, origin),
            ];
            write_parquet(table, &footer).map_err(|why| failed(why.to_string()))?
        }
        "fits" => write_table(table, "CATALOG").map_err(|why| failed(why.to_string()))?,
        "csv" => {
            let mut bytes = Vec::new();
            write_csv(table, &mut bytes).map_err(|why| failed(why.to_string()))?;
            bytes
        }
        other => {
            return Err(Failure::usage(format!("`[publish]` cannot write `.{other}` files"))
                .hint("use .parquet, .fits or .csv"));
        }
    })
}
