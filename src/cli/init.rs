//! The verb `init`: a small project that runs, to be changed into one's own.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::args::{Cli, DEFAULT_PROFILE};
use super::failure::Failure;
use super::talk::Talk;
use crate::engine::error::EngineError;

const PIPELINE: &str = r#"# A pipeline. `mdwarf check` checks it, `mdwarf plan` tells what a change would do, `mdwarf run` does it.
# `mdwarf schema` prints all that may stand here.

[pipeline]
name = "example"
# All randomness comes from here.
seed = 1

# A dataset is a slot: profiles/NAME.toml says which bytes fill it.
[dataset.stars]
about = "parallaxes and magnitudes of stars"

# A node is one use of a stage. Its name is yours; `stage` is the kind of work; other keys are parameters.
[node.stars]
stage = "read_table"
section = "1"
dataset = "stars"
format = "csv"
# What identifies a row: `mdwarf trace 3 --column star` follows it through all nodes.
id = "star"
columns = [
  { name = "star", type = "i64", about = "number of the star" },
  { name = "parallax", type = "f64", unit = "mas", about = "parallax" },
  { name = "g_mag", type = "f64", unit = "mag", about = "apparent magnitude" },
  { name = "bp_rp", type = "f64", unit = "mag", about = "color" },
]

# `in` binds ports to outputs: `node` is a node's first output, `node.output` another one.
[node.absolute]
stage = "derive"
section = "2"
in = { rows = "stars" }
columns = [
  { name = "M_G", expr = "g_mag + 5 * log10(parallax) - 10", unit = "mag", about = "absolute magnitude" },
]

# Each row is kept, or is a reject with the criterion that it failed: `mdwarf show dwarfs.rejects`.
[node.dwarfs]
stage = "cuts"
section = "2"
in = { stars = "absolute" }
id = "star"
criteria = [
  ["nearby", "parallax > 10"],
  ["red", "bp_rp > 1.8"],
  ["faint", "M_G > 8"],
]

# Copies for people, in results/<profile>/: .csv, .fits or .parquet.
[publish]
"dwarfs.csv" = "dwarfs"

# A number that is claimed somewhere, measured by every run: `mdwarf claims`.
[[claim]]
id = "N"
section = "2"
about = "number of dwarfs"
paper = "4"
accept = [4, 4]
sample = "all rows of `dwarfs`"
statistic = "count"
value = { node = "dwarfs", column = "star", statistic = "count" }
"#;

const TABLE: &str = "star,parallax,g_mag,bp_rp\n\
    1,120.5,9.84,2.31\n\
    2,88.1,10.92,2.64\n\
    3,61.7,12.47,2.95\n\
    4,45.2,8.31,0.98\n\
    5,30.9,13.06,2.72\n\
    6,12.4,5.77,1.92\n\
    7,4.3,15.20,2.40\n\
    8,,14.10,2.20\n";

const IGNORED: &str = "/cache\n/results\n";

fn profile(name: &str) -> String {
    format!(
        "# A profile says which bytes fill the datasets of pipeline.toml: a path, or an URL with its blake3.\n\
         # Where no data are at hand: `absent = \"why\"`; what needs them is then left out.\n\n\
         [profile]\n\
         name = \"{name}\"\n\
         about = \"a made-up table of eight stars\"\n\n\
         [dataset.stars]\n\
         path = \"data/stars.csv\"\n"
    )
}

/// Writes the files of a new project, none of which may be there yet.
pub fn init(cli: &Cli, folder: Option<&Path>, talk: &Talk) -> Result<u8, Failure> {
    let root = folder.unwrap_or(&cli.common.directory);
    let name = &cli.common.profile;
    if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
    {
        return Err(Failure::usage(format!("`{name}` cannot be the name of a profile"))
            .hint("use letters, digits, `-` and `_`"));
    }
    let files = [
        ("pipeline.toml".to_owned(), PIPELINE.to_owned()),
        (format!("profiles/{name}.toml"), profile(name)),
        ("data/stars.csv".to_owned(), TABLE.to_owned()),
        (".gitignore".to_owned(), IGNORED.to_owned()),
    ];
    let in_the_way = |(file, _): &&(String, String)| {
        file != ".gitignore" && fs::symlink_metadata(root.join(file)).is_ok()
    };
    if let Some((file, _)) = files.iter().find(in_the_way) {
        return Err(Failure::usage(format!("`{}` is there already", root.join(file).display()))
            .hint("name a new folder: `mdwarf init FOLDER`"));
    }
    let mut written = Vec::new();
    for (file, text) in &files {
        if write_new(&root.join(file), text)? {
            written.push(file);
        }
    }
    if cli.common.json {
        talk.json(&json!({ "folder": root, "files": written }));
        return Ok(0);
    }
    written.iter().for_each(|file| talk.out(&root.join(file).display().to_string()));
    let place =
        if root == Path::new(".") { String::new() } else { format!(" -C {}", root.display()) };
    let profile =
        if name == DEFAULT_PROFILE { String::new() } else { format!(" --profile {name}") };
    talk.hint(&format!("`mdwarf run{place}{profile}` runs it"));
    Ok(0)
}

/// Writes a file unless it is there; tells whether it did.
fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(EngineError::io("create the folder", folder))?;
    let file = fs::File::options().write(true).create_new(true).open(path);
    match file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())) {
        Ok(()) => Ok(true),
        Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(why) => Err(EngineError::io("write", path)(why).into()),
    }
}
