//! The store: `cache/v1/{objects,records,runs,gathers,downloads}` and the commit protocol.
//!
//! Everything is written to a temporary file in the store, synced, renamed and its folder synced;
//! the record of a result comes last. What a digest names is checked whenever it is read.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::gathers::Gathers;
use super::record::{FORMAT, Record};

const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder is a cache of mdwarf: it can be deleted and will be made again.\n";

/// A store on disk.
///
/// Clones share a small memory of objects just read: a job reads several columns of each.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    recent: Arc<Mutex<VecDeque<(Digest, Bytes)>>>,
    gathers: Arc<Mutex<HashMap<Digest, Gathers>>>,
}

/// How many bytes of objects just read are kept at hand.
const RECENT_BYTES: usize = 256 << 20;

impl Store {
    /// Opens the store in `cache`, making its folders where they are missing.
    pub fn open(cache: &Path) -> Result<Self> {
        let root = cache.join("v1");
        let staging = root.join("tmp");
        fs::create_dir_all(&staging).map_err(EngineError::io("create the folder", &staging))?;
        let store = Store { root, recent: Arc::default(), gathers: Arc::default() };
        if !store.root.join("CACHEDIR.TAG").exists() {
            for folder in ["objects", "records", "runs", "gathers", "downloads", "tmp"] {
                let path = store.root.join(folder);
                fs::create_dir_all(&path).map_err(EngineError::io("create the folder", &path))?;
            }
            store.commit(&store.root.join("CACHEDIR.TAG"), CACHEDIR_TAG.as_bytes())?;
        }
        Ok(store)
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn sharded(&self, folder: &str, digest: Digest, suffix: &str) -> PathBuf {
        let name = digest.to_string();
        self.root.join(folder).join(&name[..2]).join(format!("{}{suffix}", &name[2..]))
    }

    /// Where an object lies.
    pub fn object_path(&self, digest: Digest) -> PathBuf {
        self.sharded("objects", digest, ".parquet")
    }

    /// Where the record of a key lies.
    pub fn record_path(&self, key: Digest) -> PathBuf {
        self.sharded("records", key, ".json")
    }

    /// Where a downloaded source file lies.
    pub fn download_path(&self, digest: Digest) -> PathBuf {
        self.sharded("downloads", digest, "")
    }

    /// Writes a file so that it is either there whole or not at all.
    pub fn commit(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(EngineError::io("create the folder", folder))?;
        let staging = self.root.join("tmp");
        let mut file = tempfile::NamedTempFile::new_in(&staging)
            .map_err(EngineError::io("create a file in", &staging))?;
        file.write_all(bytes).map_err(EngineError::io("write", file.path()))?;
        file.as_file().sync_data().map_err(EngineError::io("sync", path))?;
        file.persist(path).map_err(|why| EngineError::io("move into place", path)(why.error))?;
        let folder_handle = File::open(folder).map_err(EngineError::io("open", folder))?;
        folder_handle.sync_data().map_err(EngineError::io("sync", folder))
    }

    /// Writes a file of no consequence (it can be made again at once): whole, but not synced.
    pub fn commit_unsynced(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(EngineError::io("create the folder", folder))?;
        let staging = self.root.join("tmp");
        let mut file = tempfile::NamedTempFile::new_in(&staging)
            .map_err(EngineError::io("create a file in", &staging))?;
        file.write_all(bytes).map_err(EngineError::io("write", file.path()))?;
        file.persist(path).map_err(|why| EngineError::io("move into place", path)(why.error))?;
        Ok(())
    }

    /// Stores bytes as an object named by their digest.
    pub fn put_object(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of_bytes(bytes);
        let path = self.object_path(digest);
        // A damaged object of the right size must not outlive its making again.
        if !fs::read(&path).is_ok_and(|there| there == bytes) {
            self.commit(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Reads columns of the Parquet file that lies `at` (first byte, length) in an object. The
    /// bytes of the object are checked; a damaged one is set aside.
    pub fn read_columns(
        &self,
        object: Digest,
        at: [u64; 2],
        columns: &[&str],
    ) -> Result<Vec<ArrayRef>> {
        let path = self.object_path(object);
        let bytes = match self.recent(object) {
            Some(bytes) => bytes,
            None => self.read_object(object, &path)?,
        };
        let [start, length] = at;
        let range = start as usize..(start.saturating_add(length)) as usize;
        if range.end > bytes.len() || range.start > range.end {
            return Err(EngineError::corrupt(&path, "a part lies beyond its end"));
        }
        read_parquet(bytes.slice(range), columns)
            .map_err(|why| EngineError::corrupt(&path, why.to_string()))
    }

    fn recent(&self, object: Digest) -> Option<Bytes> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().find(|(digest, _)| *digest == object).map(|(_, bytes)| bytes.clone())
    }

    fn read_object(&self, object: Digest, path: &Path) -> Result<Bytes> {
        let bytes = Bytes::from(fs::read(path).map_err(EngineError::io("read the object", path))?);
        let found = Digest::of_bytes(&bytes);
        if found != object {
            self.quarantine(path);
            return Err(EngineError::wrong_digest(path, object, found));
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back((object, bytes.clone()));
        while recent.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > RECENT_BYTES {
            recent.pop_front();
        }
        Ok(bytes)
    }

    /// Moves a damaged file out of the way, so that the next plan sees it missing and rebuilds.
    fn quarantine(&self, path: &Path) {
        let folder = self.root.join("quarantine");
        let name = path.file_name().unwrap_or_default();
        if fs::create_dir_all(&folder).is_ok() {
            // Failing to move it only means that it is found damaged again.
            let _ = fs::rename(path, folder.join(name));
        }
    }

    /// Whether an object of that size is there (its content is checked when it is read).
    pub fn has_object(&self, object: Digest, bytes: u64) -> bool {
        fs::metadata(self.object_path(object)).is_ok_and(|m| m.is_file() && m.len() == bytes)
    }

    /// The record of a key, if it is there, of this format, and speaks of this key.
    pub fn record(&self, key: Digest) -> Result<Option<Record>> {
        let path = self.record_path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(EngineError::io("read the record", &path)(why)),
        };
        let sound = sealed(&bytes)
            .and_then(|body| serde_json::from_slice::<Record>(body).ok())
            .filter(|record| record.format == FORMAT && record.name == key);
        if sound.is_none() {
            self.quarantine(&path);
        }
        Ok(sound)
    }

    /// Writes the record of a node: the last step of a commit.
    pub fn put_record(&self, record: &Record) -> Result<Digest> {
        let key = record.name;
        self.commit(&self.record_path(key), &sealed_json(record)?)?;
        Ok(key)
    }

    /// Writes the record of a shard. It is not synced: one that a power cut tears or loses costs
    /// the shard's work, never a wrong result, because its seal and its objects are checked.
    pub fn put_shard_record(&self, record: &Record) -> Result<Digest> {
        let key = record.name;
        self.commit_unsynced(&self.record_path(key), &sealed_json(record)?)?;
        Ok(key)
    }

    /// The remembered digest of a gathered column of one part.
    pub fn part_memo(&self, name: Digest) -> Option<Digest> {
        let bytes = fs::read(self.sharded("gathers", name, "")).ok()?;
        std::str::from_utf8(sealed(&bytes)?).ok()?.parse().ok()
    }

    /// Remembers the digest of a gathered column of one part.
    pub fn put_part_memo(&self, name: Digest, digest: Digest) -> Result<()> {
        let body = seal(digest.to_string().as_bytes());
        self.commit_unsynced(&self.sharded("gathers", name, ""), &body)
    }

    /// The remembered digests of a carried column of a record's output, if they are of what it is
    /// gathered from now (`signature`).
    pub fn gathered(
        &self,
        record: Digest,
        output: usize,
        column: &str,
        signature: Digest,
    ) -> Option<Vec<Digest>> {
        self.with_gathers(record, |gathers| gathers.get(output, column, signature))
    }

    /// Remembers them; [`Store::save_gathered`] keeps them for the next run.
    pub fn remember_gathered(
        &self,
        record: Digest,
        output: usize,
        column: &str,
        signature: Digest,
        digests: &[Digest],
    ) {
        self.with_gathers(record, |gathers| gathers.put(output, column, signature, digests));
    }

    /// Writes what was remembered since: one small file a record.
    pub fn save_gathered(&self) -> Result<()> {
        let mut all = self.gathers.lock().unwrap_or_else(PoisonError::into_inner);
        for (record, gathers) in all.iter_mut() {
            if let Some(bytes) = gathers.unsaved() {
                self.commit_unsynced(&self.sharded("gathers", *record, ".all"), &seal(&bytes))?;
            }
        }
        Ok(())
    }

    fn with_gathers<T>(&self, record: Digest, ask: impl FnOnce(&mut Gathers) -> T) -> T {
        let mut all = self.gathers.lock().unwrap_or_else(PoisonError::into_inner);
        let gathers = all.entry(record).or_insert_with(|| {
            let bytes = fs::read(self.sharded("gathers", record, ".all")).ok();
            bytes.and_then(|bytes| Gathers::read(sealed(&bytes)?)).unwrap_or_default()
        });
        ask(gathers)
    }
}

/// Small files end in a line with the digest of what stands before it: a flipped bit is seen.
pub(super) fn seal(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend_from_slice(format!("\n#{}\n", Digest::of_bytes(body)).as_bytes());
    bytes
}

pub(super) fn sealed(bytes: &[u8]) -> Option<&[u8]> {
    const SEAL: usize = 67;
    let at = bytes.len().checked_sub(SEAL)?;
    let (body, seal) = bytes.split_at(at);
    let seal = std::str::from_utf8(seal).ok()?.strip_prefix("\n#")?.strip_suffix('\n')?;
    (seal.parse::<Digest>().ok()? == Digest::of_bytes(body)).then_some(body)
}

fn sealed_json(record: &Record) -> Result<Vec<u8>> {
    let body = serde_json::to_vec(record).map_err(EngineError::table("record"))?;
    Ok(seal(&body))
}

/// Tables smaller than this are not compressed: a compressor costs more to set up than it saves.
const SMALL_BYTES: usize = 32 << 10;

/// A table as a Parquet file.
pub fn parquet_bytes(batch: &RecordBatch) -> Result<Vec<u8>> {
    let compression = if batch.get_array_memory_size() < SMALL_BYTES {
        Compression::UNCOMPRESSED
    } else {
        Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default())
    };
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_created_by("mdwarf".to_owned());
    for field in batch.schema().fields() {
        if field.data_type().is_nested() || field.data_type().is_floating() {
            let path = if field.data_type().is_nested() {
                vec![field.name().clone(), "list".to_owned(), "element".to_owned()]
            } else {
                vec![field.name().clone()]
            };
            // Floats hardly ever repeat: a dictionary of them only costs time.
            properties = properties.set_column_dictionary_enabled(path.into(), false);
        }
    }
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build()))
        .map_err(EngineError::table("object"))?;
    writer.write(batch).map_err(EngineError::table("object"))?;
    writer.close().map_err(EngineError::table("object"))?;
    Ok(bytes)
}

fn read_parquet(
    bytes: Bytes,
    columns: &[&str],
) -> std::result::Result<Vec<ArrayRef>, Box<dyn std::error::Error>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    // By whole names: a dot in a name is no path.
    let fields = builder.parquet_schema().root_schema().get_fields();
    let roots = fields.iter().enumerate().filter(|(_, field)| columns.contains(&field.name()));
    let roots: Vec<usize> = roots.map(|(index, _)| index).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let n_rows = builder.metadata().file_metadata().num_rows();
    let rows = n_rows.max(1) as usize;
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> =
        builder.with_projection(mask).with_batch_size(rows).build()?.collect::<Result<_, _>>()?;
    columns
        .iter()
        .map(|name| {
            let parts: Vec<ArrayRef> =
                batches.iter().filter_map(|b| b.column_by_name(name).cloned()).collect();
            if parts.is_empty() && n_rows > 0 {
                return Err(format!("the column `{name}` is missing").into());
            }
            if parts.is_empty() {
                let field = schema.field_with_name(name)?;
                return Ok(arrow::array::new_empty_array(field.data_type()));
            }
            concat(&parts)
        })
        .collect()
}

fn concat(parts: &[ArrayRef]) -> std::result::Result<ArrayRef, Box<dyn std::error::Error>> {
    if let [only] = parts {
        return Ok(only.clone());
    }
    let parts: Vec<&dyn arrow::array::Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(arrow::compute::concat(&parts)?)
}

/// A table of the given columns.
pub fn table(
    columns: Vec<(super::types::ColumnMeta, ArrayRef)>,
    rows: usize,
) -> Result<RecordBatch> {
    let (fields, arrays): (Vec<_>, Vec<_>) =
        columns.into_iter().map(|(meta, array)| (meta.field(), array)).unzip();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(EngineError::table("table"))
}
