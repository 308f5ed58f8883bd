//! Files that a node makes and a reader is handed, as if they lay in a folder.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::pipeline::Node;
use super::source::{FILE_BYTES, FILE_NAME};
use super::stage::InputFile;

/// The files of a table that another node made, by row id inside and digest as those of a folder.
pub(super) fn made_files(node: &Node, table: Option<RecordBatch>) -> Result<Vec<InputFile>> {
    let Some(table) = table else { return Ok(Vec::new()) };
    let missing = || EngineError::Table {
        place: format!("files of `{}`", node.name),
        why: "there are no names and bytes".into(),
    };
    let names = table.column_by_name(FILE_NAME).and_then(|c| c.as_string_opt::<i32>());
    let bytes = table.column_by_name(FILE_BYTES).and_then(|c| c.as_binary_opt::<i64>());
    let (names, bytes) = names.zip(bytes).ok_or_else(missing)?;
    let file = |row: usize| {
        let content = bytes.value(row);
        InputFile {
            name: names.value(row).to_owned(),
            digest: Digest::of_bytes(content),
            id: node.work.probe(content),
            bytes: Arc::new(content.to_vec()),
        }
    };
    let mut files: Vec<InputFile> = (0..table.num_rows()).map(file).collect();
    files.sort_by_key(|file| (file.id, file.digest));
    Ok(files)
}
