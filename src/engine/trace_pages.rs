//! What a part of a table says of each row, in pages by row id: an answer reads one page, checked by its digest.
//!
//! A file in the store's `index` folder: a mark, the number of pages, for each page its place, length and digest,
//! the digest of all that, then the pages: rows as JSON. It can be deleted, and is made again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::pipeline::bucket;
use super::store::Store;

const MARK: &[u8; 16] = b"mdwarf pages 2\0\0";
/// Rows of a page, about.
const ROWS_A_PAGE: usize = 16;
const MOST_PAGES: usize = 4096;
/// Bytes of a page's entry: place, length, digest.
const ENTRY: usize = 8 + 8 + 32;

/// A row as a page keeps it.
pub(super) type PageRow = (i64, Map<String, Value>);

/// The pages of a table.
pub(super) struct TracePages {
    path: PathBuf,
    file: File,
    entries: Vec<(u64, u64, Digest)>,
}

/// Opens the pages that a signature decides; where there are none, or they are damaged, `rows` tells what is in them.
pub(super) fn trace_pages(
    store: &Store,
    signature: Digest,
    rows: impl FnOnce() -> Result<Vec<PageRow>>,
) -> Result<TracePages> {
    let path = store.root().join("index").join(format!("{signature}.pages"));
    if let Some(pages) = TracePages::open(&path) {
        return Ok(pages);
    }
    store.commit_unsynced(&path, &encode(rows()?)?)?;
    TracePages::open(&path).ok_or_else(|| EngineError::corrupt(&path, "it cannot be read back"))
}

fn encode(rows: Vec<PageRow>) -> Result<Vec<u8>> {
    let n_pages = (rows.len() / ROWS_A_PAGE).clamp(1, MOST_PAGES);
    let mut pages: Vec<Vec<PageRow>> = vec![Vec::new(); n_pages];
    for row in rows {
        pages[bucket(row.0, n_pages as u32) as usize].push(row);
    }
    let header = MARK.len() + 8 + n_pages * ENTRY + 32;
    let (mut bytes, mut body) = (MARK.to_vec(), Vec::new());
    bytes.extend_from_slice(&(n_pages as u64).to_le_bytes());
    for page in &pages {
        let page = serde_json::to_vec(page).map_err(EngineError::table("page"))?;
        bytes.extend_from_slice(&((header + body.len()) as u64).to_le_bytes());
        bytes.extend_from_slice(&(page.len() as u64).to_le_bytes());
        bytes.extend_from_slice(Digest::of_bytes(&page).bytes());
        body.extend(page);
    }
    let of_header = Digest::of_bytes(&bytes);
    bytes.extend_from_slice(of_header.bytes());
    bytes.extend(body);
    Ok(bytes)
}

impl TracePages {
    fn open(path: &std::path::Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut head = [0u8; 24];
        file.read_exact_at(&mut head, 0).ok()?;
        let n_pages = number(&head[16..])? as usize;
        if &head[..16] != MARK || n_pages > MOST_PAGES {
            return None;
        }
        let mut bytes = vec![0u8; head.len() + n_pages * ENTRY + 32];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let (header, digest) = bytes.split_at(bytes.len() - 32);
        if Digest::of_bytes(header).bytes() != digest {
            return None;
        }
        let entries = header[head.len()..].chunks_exact(ENTRY).map(|entry| {
            let digest = entry[16..].try_into().ok()?;
            Some((number(entry)?, number(&entry[8..])?, Digest::from_bytes(digest)))
        });
        Some(TracePages { path: path.to_owned(), file, entries: entries.collect::<Option<_>>()? })
    }

    /// The rows of the page in which an id would be.
    pub(super) fn page(&self, id: i64) -> Result<Vec<PageRow>> {
        let Some((at, length, digest)) =
            self.entries.get(bucket(id, self.entries.len() as u32) as usize)
        else {
            return Ok(Vec::new());
        };
        let damaged = |what: &str| {
            // What is gone is made again by the next question.
            let _ = std::fs::remove_file(&self.path);
            EngineError::corrupt(&self.path, format!("{what}; hint: ask again"))
        };
        let known = self.file.metadata().map_err(EngineError::io("read", &self.path))?.len();
        if at.checked_add(*length).is_none_or(|end| end > known) {
            return Err(damaged("it is cut off"));
        }
        let mut bytes = vec![0u8; *length as usize];
        self.file.read_exact_at(&mut bytes, *at).map_err(EngineError::io("read", &self.path))?;
        if Digest::of_bytes(&bytes) != *digest {
            return Err(damaged("a page is not what it was"));
        }
        serde_json::from_slice(&bytes).map_err(|why| damaged(&why.to_string()))
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_found_by_id_and_a_flipped_bit_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.pages");
        let row = |id: i64| (id, json!({"x": id * 2}).as_object().cloned().unwrap_or_default());
        let bytes = encode((0..100).chain([7]).map(row).collect()).expect("pages");
        std::fs::write(&path, &bytes).expect("a file");
        let pages = TracePages::open(&path).expect("sound");
        let found = pages.page(7).expect("a page");
        assert_eq!(found.iter().filter(|(id, _)| *id == 7).count(), 2);
        assert!(found.iter().all(|(id, row)| row["x"] == json!(id * 2)));
        let mut damaged = bytes.clone();
        damaged[30] ^= 1;
        std::fs::write(&path, &damaged).expect("a file");
        assert!(TracePages::open(&path).is_none());
        let mut damaged = bytes.clone();
        let last = damaged.len() - 3;
        damaged[last] ^= 1;
        std::fs::write(&path, &damaged).expect("a file");
        let pages = TracePages::open(&path).expect("a sound header");
        assert!((0..100).any(|id| pages.page(id).is_err()));
        assert!(!path.exists());
        assert!(TracePages::open(&folder.path().join("none")).is_none());
    }
}
