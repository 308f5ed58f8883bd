//! Tests only: reads arrays of the reference bundle, whose `.npz` members are deflated.

use std::io::{Cursor, Read};
use std::path::PathBuf;

use ndarray::{Array, Dimension};
use ndarray_npy::{ReadNpyExt, ReadableElement};

/// Path of a file of the shared reference material, or `None` (with a line on stderr) when it is absent.
pub(crate) fn shared_file(test: &str, name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: {test} needs ../shared/{name}");
        return None;
    }
    Some(path)
}

/// An `.npz` archive in memory.
pub(crate) struct ReferenceNpz(Vec<u8>);

impl ReferenceNpz {
    /// Opens a file of the shared reference material, see [`shared_file`].
    pub(crate) fn open(test: &str, name: &str) -> Option<Self> {
        shared_file(test, name).map(|path| Self(std::fs::read(path).unwrap()))
    }

    /// Reads the array `name` (without `.npy`).
    pub(crate) fn array<T: ReadableElement, D: Dimension>(&self, name: &str) -> Array<T, D> {
        Array::read_npy(Cursor::new(self.member(&format!("{name}.npy")))).unwrap()
    }

    fn u16_at(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0[at..at + 2].try_into().unwrap()))
    }

    fn u32_at(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap()) as usize
    }

    /// Finds a member by the zip's central directory; sizes in local headers may be absent.
    fn member(&self, name: &str) -> Vec<u8> {
        let end = self.0.windows(4).rposition(|w| w == b"PK\x05\x06").unwrap();
        let mut at = self.u32_at(end + 16);
        while at < end {
            let name_len = self.u16_at(at + 28);
            if &self.0[at + 46..at + 46 + name_len] == name.as_bytes() {
                return self.inflate(at);
            }
            at += 46 + name_len + self.u16_at(at + 30) + self.u16_at(at + 32);
        }
        panic!("no member {name}");
    }

    fn inflate(&self, entry: usize) -> Vec<u8> {
        let (method, size) = (self.u16_at(entry + 10), self.u32_at(entry + 20));
        let local = self.u32_at(entry + 42);
        let start = local + 30 + self.u16_at(local + 26) + self.u16_at(local + 28);
        let bytes = &self.0[start..start + size];
        let mut out = Vec::new();
        match method {
            0 => out.extend_from_slice(bytes),
            8 => {
                flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut out).unwrap();
            }
            other => panic!("zip method {other}"),
        }
        out
    }
}
