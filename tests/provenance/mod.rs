//! Where a column and a star come from.
//!
//! - `sound`: lineage names all that moves, and little else
//! - `told`: what lineage, trace and diff say, also after a sweep
//! - `carried`: histories in the forms of others, and bundles

mod carried;
mod sound;
mod told;

use std::collections::BTreeMap;

use crate::parts::labelled_between;
use crate::project::Project;
use crate::spectra::{fits, survey};

/// The shape of the main pipeline in little: join, match, cuts, training, prediction, catalog.
const PIPELINE: &str = r#"
[pipeline]
name = "provenance"
seed = 7

[dataset.files]
about = "made-up spectra"

[dataset.gaia]
about = "made-up astrometry"

[dataset.quality]
about = "made-up qualities"

[dataset.labels]
about = "made-up labels"

[node.spectra]
stage = "read_spectra"
section = "§3.1"
dataset = "files"
buckets = 3

[node.sources]
stage = "read_table"
section = "§3.1"
dataset = "gaia"
format = "csv"
id = "source_id"
buckets = 4
columns = [
  { name = "source_id", type = "i64" },
  { name = "gaia_ra_deg", from = "ra", type = "f64", unit = "deg" },
  { name = "gaia_dec_deg", from = "dec", type = "f64", unit = "deg" },
  { name = "pmra", type = "f64", unit = "mas/yr" },
  { name = "pmdec", type = "f64", unit = "mas/yr" },
  { name = "parallax", type = "f64", unit = "mas" },
  { name = "parallax_error", type = "f64", unit = "mas" },
  { name = "g", type = "f64", unit = "mag" },
  { name = "bp_rp", type = "f64", unit = "mag" },
  { name = "epoch_note", type = "text" },
]

[node.qualities]
stage = "read_table"
section = "§3.1"
dataset = "quality"
format = "csv"
id = "source_id"
columns = [
  { name = "source_id", type = "i64" },
  { name = "ruwe", type = "f64" },
  { name = "n_visits", type = "i64" },
]

[node.gaia_joined]
stage = "join"
section = "§3.1"
in = { rows = "sources", catalog = "qualities" }
id = "source_id"
key = "source_id"
keep_unmatched = true

[node.matched]
stage = "crossmatch"
section = "§3.1"
in = { targets = "spectra.spectra", catalog = "gaia_joined" }
id = "obsid"
observed_mjd = "mjd"
catalog_id = "source_id"
catalog_ra = "gaia_ra_deg"
catalog_dec = "gaia_dec_deg"
proper_motion = ["pmra", "pmdec"]
parallax = "parallax"
catalog_epoch_yr = 2015.5
radius_arcsec = 3.0
prefix = "gaia_"

[node.photometry]
stage = "derive"
section = "§3.1"
in = { rows = "matched" }
columns = [
  { name = "M_G", expr = "g + 5 * log10(parallax / 100)", unit = "mag", about = "absolute magnitude" },
  { name = "red", expr = "bp_rp > 2", about = "red" },
]

[node.selected]
stage = "cuts"
section = "§3.1"
in = { stars = "photometry" }
id = "obsid"
criteria = [["parallax", "parallax / parallax_error > 5"], ["ruwe", "ruwe < 1.4"], ["snri", "snri > 5"]]

[node.grid]
stage = "grid"
section = "§2.2"
step = 80

[node.normalized]
stage = "normalize"
section = "§2.2"
in = { spectra = "selected.kept" }
step = 80

[node.literature]
stage = "read_table"
section = "§3.2"
dataset = "labels"
format = "csv"
sentinels = [-9999.0]
columns = [
  { name = "lit_ra_deg", from = "ra", type = "f64", unit = "deg" },
  { name = "lit_dec_deg", from = "dec", type = "f64", unit = "deg" },
  { name = "Teff", from = "teff", type = "f64", unit = "K", scale = "LIT" },
  { name = "e_Teff", from = "e_teff", type = "f64", unit = "K" },
  { name = "logg", type = "f64" },
  { name = "remark", type = "text" },
]
"#;

/// What follows on the labels.
const TRAINING_AND_ON: &str = r#"
[node.trusted]
stage = "cuts"
section = "§3.2"
in = { stars = "labelled.matched" }
id = "obsid"
criteria = [["error", "e_Teff < 100"]]

[node.training]
stage = "training_set"
section = "§2.2"
in = { stars = "trusted.kept", grid = "grid" }
star_id = "source_id"
labels = ["Teff"]
chunk = 10

[node.slam]
stage = "train"
section = "§2.2"
in = { training = "training" }
folds = 3
min_stars = 5
grid = { C = [1.0], epsilon = [0.05], gamma = [0.5] }

[node.predicted]
stage = "predict"
section = "§2.2"
in = { spectra = "normalized.spectra", model = "slam" }
min_pixels = 10
star_id = "source_id"

[node.catalog]
stage = "catalog"
section = "§4.5"
in = { rows = "predicted" }
id = "obsid"
star_id = "source_id"
snr = "snri"
columns = ["obsid", "source_id", "snri", "bp_rp", "M_G", ["TEFF_LIT", "Teff"], ["TEFF_LIT_ERR", "Teff_ERR"], "chi2", "in_training"]

[publish]
"catalog.parquet" = "catalog"
"#;

const PROFILE: &str = r#"
[profile]
name = "test"
about = "made-up stars"

[dataset.files]
path = "data/spectra"
glob = "*.fits*"

[dataset.gaia]
path = "data/gaia.csv"

[dataset.quality]
path = "data/quality.csv"

[dataset.labels]
path = "data/labels.csv"
"#;

const STARS: usize = 14;

/// Column names, and texts by row and column.
#[derive(Clone)]
struct Csv(Vec<&'static str>, Vec<Vec<String>>);

impl Csv {
    fn text(&self) -> String {
        let line = |cells: Vec<&str>| cells.join(",") + "\n";
        let rows = self.1.iter().map(|row| line(row.iter().map(String::as_str).collect()));
        line(self.0.clone()) + &rows.collect::<String>()
    }
}

/// The tables of the project by slot.
fn tables() -> BTreeMap<&'static str, Csv> {
    let stars = survey(STARS);
    let rows = |of: &dyn Fn(usize) -> Vec<String>| (0..STARS).map(of).collect::<Vec<_>>();
    // The odd ones out: a star without a good parallax, one with a large ruwe, one with poor labels.
    let gaia = rows(&|i| {
        let star = &stars[i];
        let parallax = if i == 3 { 0.4 } else { 20.0 + i as f64 };
        vec![
            (5000 + 7 * i).to_string(),
            format!("{:.6}", star.ra_deg),
            format!("{:.6}", star.dec_deg),
            (10 + i).to_string(),
            (-5 - (i as i64)).to_string(),
            parallax.to_string(),
            "0.1".into(),
            format!("{:.2}", 14.0 + 0.1 * i as f64),
            format!("{:.2}", 1.8 + 0.05 * i as f64),
            "a".into(),
        ]
    });
    let quality = rows(&|i| {
        let ruwe = if i == 5 { "2.0" } else { "1.1" };
        vec![(5000 + 7 * i).to_string(), ruwe.into(), (9 + i).to_string()]
    });
    let labels = rows(&|i| {
        let star = &stars[i];
        let error = if i == 7 { 150 } else { 60 };
        vec![
            format!("{:.6}", star.ra_deg),
            format!("{:.6}", star.dec_deg),
            format!("{:.1}", star.teff_k),
            error.to_string(),
            "4.8".into(),
            "b".into(),
        ]
    });
    let gaia_names = [
        "source_id",
        "ra",
        "dec",
        "pmra",
        "pmdec",
        "parallax",
        "parallax_error",
        "g",
        "bp_rp",
        "epoch_note",
    ];
    BTreeMap::from([
        ("gaia", Csv(gaia_names.to_vec(), gaia)),
        ("quality", Csv(vec!["source_id", "ruwe", "n_visits"], quality)),
        ("labels", Csv(vec!["ra", "dec", "teff", "e_teff", "logg", "remark"], labels)),
    ])
}

fn place(slot: &str) -> String {
    format!("data/{slot}.csv")
}

/// A project with these tables.
pub fn project() -> Project {
    let mut project = Project::new()
        .file("pipeline.toml", labelled_between(PIPELINE, TRAINING_AND_ON))
        .file("profiles/test.toml", PROFILE);
    for star in survey(STARS) {
        project = project.file(&format!("data/spectra/spec-{}.fits", star.obsid), fits(&star));
    }
    for (slot, table) in tables() {
        project = project.file(&place(slot), table.text());
    }
    project
}
