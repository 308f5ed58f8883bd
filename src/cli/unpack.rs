//! The verb `unpack`: what nodes made, as files in a folder, for other programs to read: files as they are, tables as
//! Parquet.

use std::path::{Component, Path, PathBuf};

use arrow::array::AsArray;
use serde_json::json;

use super::args::Cli;
use super::failure::Failure;
use super::project::Planned;
use super::table::count;
use super::talk::Talk;
use crate::engine::artifact::Artifact;
use crate::engine::error::EngineError;
use crate::engine::source::{FILE_BYTES, FILE_NAME};
use crate::engine::store::Store;
use crate::engine::types::Type;
use crate::formats::parquet_out::write_parquet;

/// Writes the files of an output, or of all outputs of files, each into a folder of the node's name.
pub fn unpack(cli: &Cli, what: Option<&str>, folder: &Path, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::open(&cli.common, talk)?;
    let (pipeline, store) = (&planned.project.pipeline, &planned.project.store);
    let chosen: Vec<(usize, usize)> = match what {
        Some(reference) => vec![pipeline.output(reference)?],
        None => (0..pipeline.nodes.len())
            .flat_map(|node| (0..pipeline.nodes[node].schemas.len()).map(move |o| (node, o)))
            .filter(|(node, output)| holds_files(&pipeline.nodes[*node].schemas[*output].columns))
            .collect(),
    };
    let mut written = 0;
    for (node, output) in chosen {
        let name = &pipeline.nodes[node].name;
        let Some(outputs) = &planned.plan.done[node] else {
            match what {
                None => continue,
                Some(_) => {
                    return Err(Failure::usage(format!("`{name}` is not up to date"))
                        .hint(format!("`mdwarf run --until {name}` makes it")));
                }
            }
        };
        let artifact = &outputs[output];
        written += match holds_files(&artifact.schema.columns) {
            true => write_files(store, artifact, &folder.join(name))?,
            false => write_table(store, artifact, folder)?,
        };
    }
    match cli.common.json {
        true => talk.json(&json!({ "files": written, "folder": folder })),
        false => talk.note(&format!("wrote {} to {}", count(written, "file"), folder.display())),
    }
    Ok(0)
}

fn holds_files(columns: &[crate::engine::types::ColumnMeta]) -> bool {
    columns.iter().any(|column| column.name == FILE_BYTES && column.kind == Type::Bytes)
}

/// Writes a table as `node.output.parquet`.
fn write_table(store: &Store, artifact: &Artifact, folder: &Path) -> Result<usize, Failure> {
    let columns: Vec<String> = artifact.schema.columns.iter().map(|c| c.name.clone()).collect();
    let table = artifact.read_table(store, &columns, None)?;
    let footer = [("mdwarf.output", artifact.name.as_str())];
    let bytes = write_parquet(&table, &footer)
        .map_err(|why| EngineError::Table { place: artifact.name.clone(), why: why.to_string() })?;
    store.publish(&folder.join(format!("{}.parquet", artifact.name)), &bytes)?;
    Ok(1)
}

/// Writes all files of an artifact, part by part; tells how many.
fn write_files(store: &Store, artifact: &Artifact, folder: &Path) -> Result<usize, Failure> {
    let columns = [FILE_NAME.to_owned(), FILE_BYTES.to_owned()];
    let mut written = 0;
    for part in 0..artifact.parts().len() {
        let table = artifact.read_table(store, &columns, Some(part))?;
        let names = table.column(0).as_string_opt::<i32>();
        let bytes = table.column(1).as_binary_opt::<i64>();
        let Some((names, bytes)) = names.zip(bytes) else {
            return Err(Failure::usage(format!("`{}` has no files", artifact.name)));
        };
        for row in 0..table.num_rows() {
            store.publish(&safe(folder, names.value(row))?, bytes.value(row))?;
            written += 1;
        }
    }
    Ok(written)
}

/// The path of a file below the folder; a name that leads out of it is refused.
fn safe(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    match plain && path.file_name().is_some() {
        true => Ok(folder.join(path)),
        false => Err(Failure::usage(format!("`{}` is no name of a file", name.escape_debug()))
            .hint("names may have folders, but not `..` or a leading `/`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        let folder = Path::new("out");
        let inside = safe(folder, "a/b.fits.gz").ok();
        assert_eq!(inside.as_deref(), Some(Path::new("out/a/b.fits.gz")));
        for name in ["../x", "/etc/x", "a/../../x", "", ".", "a/.."] {
            assert!(safe(folder, name).is_err(), "{name}");
        }
    }
}
