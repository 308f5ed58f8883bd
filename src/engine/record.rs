//! Records: what came out of a key, written last, when all its objects are safe.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cost::Cost;
use super::digest::Digest;
use super::key::Key;
use super::types::ColumnMeta;

/// Format of the records in `cache/v1`; other formats are not read.
pub const FORMAT: u32 = 3;

/// The result of a node or of one of its shards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Format of this file.
    pub format: u32,
    /// The key's digest. (A number in the key's JSON need not read back to its last bit, so the
    /// digest cannot be made again from what was read.)
    pub name: Digest,
    /// What decided the result.
    pub key: Key,
    /// The tables that came out, in the stage's order.
    pub outputs: Vec<OutputRecord>,
    /// The stage's notes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// Wall seconds of the work.
    pub seconds: f64,
    /// What it took beside, where no other work ran at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Version of this program.
    pub code: String,
    /// Instruction set: bytes are promised identical within one machine class.
    pub machine: String,
}

/// A table that came out: a manifest of parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Output name.
    pub name: String,
    /// The stored columns (carried ones are resolved through the inputs).
    pub columns: Vec<ColumnMeta>,
    /// The parts in order.
    pub parts: Vec<Part>,
}

/// One part of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Rows.
    pub rows: u64,
    /// Content digests of the stored columns, in the order of [`OutputRecord::columns`].
    pub digests: Vec<Digest>,
    /// Content digests of the row numbers by port; a port is absent where all its rows are kept
    /// in order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selections: BTreeMap<String, Digest>,
    /// The object that holds the Parquet file of the stored columns and row numbers; `None` if
    /// there are none. A job's parts lie in one object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Digest>,
    /// Size of the object in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Where in the object the Parquet file lies: first byte and length.
    #[serde(default)]
    pub at: [u64; 2],
}

impl Record {
    /// Whether its numbers can be true: rows of a part are counted in 32 bits, each column of each part has a
    /// digest, and rows of which something is stored have an object. All arithmetic on records relies on that.
    pub fn adds_up(&self) -> bool {
        let part_adds_up = |output: &OutputRecord, part: &Part| {
            let stores = !part.digests.is_empty() || !part.selections.is_empty();
            part.rows <= u64::from(u32::MAX)
                && part.digests.len() == output.columns.len()
                && (part.object.is_some() || part.rows == 0 || !stores)
        };
        let of_key = self.key.ports.values().flat_map(|port| &port.rows);
        self.outputs.iter().all(|output| output.parts.iter().all(|part| part_adds_up(output, part)))
            && of_key.copied().all(|rows| rows <= 1 << 44)
    }
}

impl OutputRecord {
    /// Rows of all parts.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|p| p.rows).sum()
    }
}

/// The program's version, as records name it.
pub fn code_version() -> String {
    format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

/// The machine class within which bytes are promised identical.
pub fn machine_class() -> String {
    let mut class = std::env::consts::ARCH.to_owned();
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            class.push_str("+avx512f");
        } else if std::arch::is_x86_feature_detected!("avx2") {
            class.push_str("+avx2");
        }
        if std::arch::is_x86_feature_detected!("fma") {
            class.push_str("+fma");
        }
    }
    class
}
