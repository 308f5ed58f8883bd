//! A run as one archive: the project's texts, the products, the records and objects of all results, with a list of
//! their digests in front.
//!
//! Reading trusts nothing: names are plain and relative, entries are regular files that the list names with size and
//! digest, no more bytes come out than the list says, and an object or a record is what its name says. What was
//! unpacked appears under its name only when all of it is sound.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::store::parse_record;
use super::ustar::{BLOCK, Entry, header, padding, parse};

/// The name of the list, the first entry.
const MANIFEST: &str = "bundle.json";
/// Format of archives; others are not read.
const FORMAT: u32 = 1;
/// The list itself may not be larger.
const MOST_MANIFEST_BYTES: u64 = 256 << 20;
/// Nor name more files.
const MOST_FILES: usize = 2_000_000;
/// Longest name in the archive.
const MOST_NAME_BYTES: usize = 255;
/// What of a store an archive may hold.
const STORE_FOLDERS: [&str; 5] = ["objects", "records", "gathers", "inputs", "runs"];

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the archive.
    pub format: u32,
    /// The command that the run was, and that makes it again.
    pub command: String,
    /// The run.
    pub run: String,
    /// Its profile.
    pub profile: String,
    /// Its method.
    pub method: String,
    /// Its `--set` arguments.
    pub sets: Vec<String>,
    /// The program that wrote the archive.
    pub code: String,
    /// Instruction set of the machine.
    pub machine: String,
    /// What is not in it, and why.
    pub without: Vec<String>,
    /// The files: name -> digest and size.
    pub files: BTreeMap<String, Listed>,
}

/// A file of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Digest of its bytes.
    pub blake3: Digest,
    /// Its size.
    pub bytes: u64,
}

impl Manifest {
    /// An empty list.
    pub fn new(run: &str, command: &str) -> Self {
        Manifest {
            format: FORMAT,
            command: command.to_owned(),
            run: run.to_owned(),
            profile: String::new(),
            method: String::new(),
            sets: Vec::new(),
            code: super::record::code_version(),
            machine: super::record::machine_class(),
            without: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

/// Where a file of an archive comes from.
pub enum Content {
    /// A file.
    File(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Content {
    fn read(&self) -> Result<Vec<u8>> {
        match self {
            Content::Bytes(bytes) => Ok(bytes.clone()),
            Content::File(path) => fs::read(path).map_err(EngineError::io("read", path)),
        }
    }
}

fn refused(bundle: &Path, why: impl Into<String>) -> EngineError {
    EngineError::corrupt(bundle, format!("{}; nothing was unpacked", why.into()))
}

/// Writes an archive; it appears whole or not at all.
pub fn pack(
    bundle: &Path,
    mut manifest: Manifest,
    files: &BTreeMap<String, Content>,
) -> Result<Manifest> {
    for (name, content) in files {
        check_name(name).map_err(|why| EngineError::Table { place: name.clone(), why })?;
        let bytes = content.read()?;
        let listed = Listed { blake3: Digest::of_bytes(&bytes), bytes: bytes.len() as u64 };
        manifest.files.insert(name.clone(), listed);
    }
    let folder = match bundle.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temp = tempfile::NamedTempFile::new_in(folder)
        .map_err(EngineError::io("create a file in", folder))?;
    let io = EngineError::io("write", bundle);
    let write = || -> std::io::Result<()> {
        // Objects are compressed already.
        let mut out = GzEncoder::new(BufWriter::new(temp.as_file()), Compression::fast());
        let list = serde_json::to_vec(&manifest)?;
        append(&mut out, MANIFEST, &list)?;
        for (name, content) in files {
            let bytes = content.read().map_err(std::io::Error::other)?;
            if Digest::of_bytes(&bytes) != manifest.files[name].blake3 {
                return Err(std::io::Error::other(format!("`{name}` changed meanwhile")));
            }
            append(&mut out, name, &bytes)?;
        }
        out.write_all(&[0; 2 * BLOCK])?;
        out.finish()?.flush()
    };
    write().map_err(io)?;
    use std::os::unix::fs::PermissionsExt;
    let readable = fs::Permissions::from_mode(0o644);
    temp.as_file()
        .set_permissions(readable)
        .map_err(EngineError::io("set the permissions of", bundle))?;
    temp.as_file().sync_all().map_err(EngineError::io("sync", bundle))?;
    temp.persist(bundle).map_err(|why| EngineError::io("move into place", bundle)(why.error))?;
    Ok(manifest)
}

fn append(out: &mut impl Write, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let entry = Entry { name: name.to_owned(), size: bytes.len() as u64 };
    let header = header(&entry)
        .ok_or_else(|| std::io::Error::other(format!("`{name}` is too long a name")))?;
    out.write_all(&header)?;
    out.write_all(bytes)?;
    out.write_all(&[0; BLOCK][..padding(entry.size)])
}

/// Refuses names that do not stay where they are put.
fn check_name(name: &str) -> std::result::Result<(), String> {
    let odd = |why: &str| Err(format!("the name `{}` {why}", name.escape_debug()));
    if name.is_empty() || name.len() > MOST_NAME_BYTES {
        return odd("is empty or too long");
    }
    if name.starts_with('/') {
        return odd("is absolute");
    }
    if name.chars().any(|c| c.is_control() || c == '\\' || c == ':') {
        return odd("has signs that are none of a plain name");
    }
    for part in name.split('/') {
        if part.is_empty() || part.starts_with('.') {
            return odd("leads out of its folder, or is hidden");
        }
    }
    if let Some(rest) = name.strip_prefix("cache/") {
        let folder = rest.strip_prefix("v1/").and_then(|rest| rest.split('/').next());
        if !folder.is_some_and(|folder| STORE_FOLDERS.contains(&folder)) {
            return odd("is no part of a store");
        }
    }
    Ok(())
}

/// Counts what comes out of the compressed stream and ends it where more comes than was said.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            std::io::Error::other("more comes out of it than it says, or than is allowed")
        })?;
        Ok(n)
    }
}

/// Checks an archive and unpacks it into `into`, which must not be there, or be empty.
///
/// # Errors
/// [`EngineError::Corrupt`] with what is wrong; then nothing is left behind.
pub fn unpack(bundle: &Path, into: &Path, max_bytes: u64) -> Result<Manifest> {
    if fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) || into.is_file() {
        return Err(EngineError::Table {
            place: into.display().to_string(),
            why: "the folder is not empty; hint: name another with `--into DIR`".into(),
        });
    }
    let parent = match into.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(EngineError::io("create the folder", parent))?;
    let staging = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(parent)
        .map_err(EngineError::io("create a folder in", parent))?;
    let manifest = unpack_into(bundle, staging.path(), max_bytes)?;
    // An empty folder makes way; what came into it meanwhile does not.
    if into.exists() {
        fs::remove_dir(into).map_err(EngineError::io("replace the folder", into))?;
    }
    fs::rename(staging.path(), into).map_err(EngineError::io("move into place", into))?;
    Ok(manifest)
}

fn unpack_into(bundle: &Path, folder: &Path, max_bytes: u64) -> Result<Manifest> {
    let file = File::open(bundle).map_err(EngineError::io("open", bundle))?;
    let unzipped = GzDecoder::new(BufReader::new(file));
    let mut input = Bounded { inner: unzipped, left: MOST_MANIFEST_BYTES };
    let fail = |why: String| refused(bundle, why);
    let first = next(&mut input).map_err(fail)?.ok_or_else(|| refused(bundle, "it is empty"))?;
    if first.name != MANIFEST || first.size > MOST_MANIFEST_BYTES / 2 {
        return Err(refused(bundle, format!("it does not begin with `{MANIFEST}`")));
    }
    let list = content(&mut input, first.size).map_err(fail)?;
    let manifest: Manifest =
        serde_json::from_slice(&list).map_err(|why| refused(bundle, format!("its list: {why}")))?;
    check_manifest(&manifest, max_bytes).map_err(fail)?;
    // Headers and padding: two blocks a file, and the end.
    input.left = manifest.bytes() + (manifest.files.len() as u64 + 64) * 2 * BLOCK as u64;
    let mut missing = manifest.files.clone();
    while let Some(entry) = next(&mut input).map_err(fail)? {
        let listed = missing
            .remove(&entry.name)
            .ok_or_else(|| fail(format!("`{}` is not in its list, or twice in it", entry.name)))?;
        if listed.bytes != entry.size {
            return Err(fail(format!(
                "`{}` is {} bytes, not {}",
                entry.name, entry.size, listed.bytes
            )));
        }
        check_name(&entry.name).map_err(fail)?;
        let bytes = content(&mut input, entry.size).map_err(fail)?;
        let found = Digest::of_bytes(&bytes);
        if found != listed.blake3 {
            return Err(fail(format!(
                "`{}` has blake3 {found}, not {}",
                entry.name, listed.blake3
            )));
        }
        check_store(&entry.name, &bytes, found).map_err(fail)?;
        place(&folder.join(&entry.name), &bytes)?;
    }
    if let Some(name) = missing.keys().next() {
        return Err(fail(format!(
            "`{name}` is in its list and not in it, {} in all",
            missing.len()
        )));
    }
    let mut rest = Vec::new();
    input.read_to_end(&mut rest).map_err(|why| fail(why.to_string()))?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(fail("something follows its end".into()));
    }
    let mut after = input.inner.into_inner();
    if after.read(&mut [0; 1]).map_err(|why| fail(why.to_string()))? > 0 {
        return Err(fail("something follows its end".into()));
    }
    Ok(manifest)
}

fn check_manifest(manifest: &Manifest, max_bytes: u64) -> std::result::Result<(), String> {
    if manifest.format != FORMAT {
        return Err(format!("its format is {}, this version reads {FORMAT}", manifest.format));
    }
    if manifest.files.len() > MOST_FILES {
        return Err(format!("it lists {} files", manifest.files.len()));
    }
    if manifest.bytes() > max_bytes {
        return Err(format!(
            "it unpacks to {} bytes, more than {max_bytes}; hint: `--max-size` allows more",
            manifest.bytes()
        ));
    }
    manifest.files.keys().try_for_each(|name| check_name(name))
}

/// The next header.
fn next(input: &mut impl Read) -> std::result::Result<Option<Entry>, String> {
    let mut block = [0u8; BLOCK];
    input.read_exact(&mut block).map_err(cut_off)?;
    parse(&block)
}

/// A file's bytes. What is set aside grows with what comes, not with what is claimed.
fn content(input: &mut impl Read, size: u64) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let n = input.by_ref().take(size).read_to_end(&mut bytes).map_err(cut_off)?;
    if n as u64 != size {
        return Err("it is cut off".into());
    }
    input.read_exact(&mut [0; BLOCK][..padding(size)]).map_err(cut_off)?;
    Ok(bytes)
}

fn cut_off(why: std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::UnexpectedEof => "it is cut off".into(),
        _ => why.to_string(),
    }
}

/// What the store finds by name must be what the name says.
fn check_store(name: &str, bytes: &[u8], found: Digest) -> std::result::Result<(), String> {
    let Some(rest) = name.strip_prefix("cache/v1/") else { return Ok(()) };
    let digits: String = rest.split('/').skip(1).collect();
    let named = |suffix: &str| digits.strip_suffix(suffix).and_then(|d| d.parse::<Digest>().ok());
    match rest.split('/').next() {
        Some("objects") if named(".parquet") != Some(found) => {
            Err(format!("`{name}` is not the object of that name"))
        }
        Some("records") => match parse_record(bytes) {
            Some(record) if Some(record.name) == named(".json") => Ok(()),
            _ => Err(format!("`{name}` is not the record of that name")),
        },
        _ => Ok(()),
    }
}

fn place(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(EngineError::io("create the folder", folder))?;
    }
    let write = || OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes);
    write().map_err(EngineError::io("write", path))
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
