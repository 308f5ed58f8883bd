//! The whole way from texts to a `Spec`: what is accepted, what wins, and how each mistake is told.

use std::io;

use super::*;

mod accepted;
mod archive;
mod matrix;
mod refused_elsewhere;
mod refused_pipeline;

const PIPELINE: &str = r#"
[pipeline]
name = "tiny"
seed = 7
version = 1
bibcode = "2021ApJS..253...45L"

[dataset.spectra]
about = "LAMOST spectra"
format = "lamost-lrs"
section = "§3.1"

[dataset.gaia]
about = "Gaia DR2"

[node.stars]
stage = "source"
section = "§2"
dataset = "gaia"

[node.cuts]
stage = "cuts"
section = "§3.1"
about = "M dwarfs"
in = { stars = "stars", other = "stars.sources" }
criteria = ["a > 1"]
[node.cuts.errors]
source = "catalog"
floor = 0.1

[node.train]
stage = "train"
section = "§3.2"
in = { training = "cuts.kept" }
C = 1.0
epsilon = 0.05

[method.released]
"train.C" = 10.0
"cuts.errors.floor" = 0.2
[method.released.train]
epsilon = 0.5
[method.recommended.train]
C = 100.0

[publish]
"catalog.parquet" = "train"
"figures/fig1.png" = "cuts.kept"

[[claim]]
id = "S1"
section = "§3.1"
about = "stars kept"
paper = "1,407"
accept = [1407, 1407.5]
sample = "all"
statistic = "count"
value = { node = "cuts", port = "kept", rows = true }

[[claim]]
id = "S2"
section = "§3.2"
about = "scatter"
paper = "71 K"
accept = [60, 80]
sample = "SNR > 20, out of fold"
statistic = "scatter"
value = { node = "train", column = "scatter", where = { label = "TEFF", fold = 1 }, statistic = "count" }
"#;

const PROFILE: &str = r#"
[profile]
name = "nearby"
about = "real stars"
[dataset.spectra]
tree = { url = "https://example.org/{path}", list_file = "nearby/spectra.blake3" }
[dataset.gaia]
path = "data/gaia.fits"
[node.train]
C = 20.0
max_stars = 10
"#;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn load_with(
    pipeline: &str,
    profile: &str,
    list: &str,
    method: &str,
    sets: &[&str],
) -> Result<(Spec, SourceMap), String> {
    let sets: Vec<String> = sets.iter().map(|s| s.to_string()).collect();
    let list_files = |path: &str| match path {
        "nearby/spectra.blake3" => Ok(list.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    Spec::load(&SpecInput {
        pipeline: ("pipeline.toml", pipeline),
        profile: ("profiles/nearby.toml", profile),
        list_files: &list_files,
        method,
        sets: &sets,
    })
    .map_err(|(errors, map)| errors.render(&map))
}

fn good_list() -> String {
    format!("# digest size path\n{DIGEST} 12 a.fits\n\n{DIGEST}   13\tdeep/b c.fits\r\n")
}

fn load(method: &str, sets: &[&str]) -> Result<(Spec, SourceMap), String> {
    load_with(PIPELINE, PROFILE, &good_list(), method, sets)
}
