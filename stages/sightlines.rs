//! Sightlines (§3.1): the reddening towards each star, from the dust map of Bayestar2019.
//!
//! Dataset: the map's HDF5 file. It is as large as all else together, so it is opened once, for all stars, and only those
//! parts of it that hold their lines of sight are unpacked; stage `extinction` then works part by part.
//!
//! | port | reads |
//! |---|---|
//! | `stars` (whole) | id, direction (ICRS, or Galactic), distance |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `sightlines` | a star | id; `bayestar_B`, null outside of the map and without a distance; `dust_converged`; `dust_reliable`: converged, and the distance within the map's reliable range |
//!
//! A row depends on its own star and the map only. The paper names the map but neither sample nor statistic: the median
//! of the samples, each interpolated in distance modulus, is the default.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64s, finite_array, i64_array, ids};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type};
use crate::formats::hdf5::{Curves, DustFile, Hdf5Error};
use crate::science::dust::{
    Footprint, distance_modulus, galactic, is_reliable, median_reddening_at, reddening_at,
};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Sightlines>("sightlines", 1, "looks up the reddening towards stars");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sightlines {
    /// The dataset slot. (Its name decides nothing, its bytes do: it is not part of the key.)
    #[serde(skip_serializing)]
    dataset: String,
    /// Row id of the stars.
    id: String,
    /// Right ascension, ICRS, deg.
    #[serde(default = "ra_deg")]
    ra: String,
    /// Declination, ICRS, deg.
    #[serde(default = "dec_deg")]
    dec: String,
    /// Galactic longitude and latitude, deg, in place of the above.
    #[serde(default)]
    galactic: Option<[String; 2]>,
    /// Distance, pc.
    #[serde(default = "distance_pc")]
    distance: String,
    /// `median` of the samples, `best_fit`, or `sample:N` with N from 0.
    #[serde(default)]
    #[schemars(with = "String")]
    map: Map,
}

fn ra_deg() -> String {
    "ra_deg".into()
}

fn dec_deg() -> String {
    "dec_deg".into()
}

fn distance_pc() -> String {
    "distance_pc".into()
}

/// What is taken of the map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
enum Map {
    #[default]
    Median,
    BestFit,
    Sample(usize),
}

impl TryFrom<String> for Map {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_prefix("sample:").and_then(|number| number.parse().ok());
        match (text.as_str(), number) {
            ("median", _) => Ok(Map::Median),
            ("best_fit", _) => Ok(Map::BestFit),
            (_, Some(sample)) => Ok(Map::Sample(sample)),
            _ => Err(format!("`{text}` is not `median`, `best_fit` or `sample:N`")),
        }
    }
}

impl From<Map> for String {
    fn from(map: Map) -> Self {
        map.to_string()
    }
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Map::Median => f.write_str("median"),
            Map::BestFit => f.write_str("best_fit"),
            Map::Sample(sample) => write!(f, "sample:{sample}"),
        }
    }
}

impl Map {
    fn curves(self) -> Curves {
        match self {
            Map::Median => Curves::Samples,
            Map::BestFit => Curves::BestFit,
            Map::Sample(sample) => Curves::Sample(sample),
        }
    }
}

impl Stage for Sightlines {
    fn ports(&self) -> Vec<Port> {
        let [x, y] = self.direction();
        let degrees = |column: &str| Need::in_unit(column, "deg");
        let needs = vec![
            Need::of(&self.id, I64),
            degrees(x),
            degrees(y),
            Need::in_unit(&self.distance, "pc"),
        ];
        vec![Port::whole("stars", needs)]
    }

    fn dataset(&self) -> Option<&str> {
        Some(&self.dataset)
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let [x, y] = self.direction();
        let made = |name: &str, kind: Type, about: &str| {
            let meta = ColumnMeta::new(name, kind).about(about);
            let column = NewColumn::new(meta).from("stars", x, "direction");
            column.from("stars", y, "direction").from("stars", &self.distance, "distance")
        };
        let unit = "reddening in the unit of Bayestar2019, which is not E(B-V)";
        let mut reddening = made("bayestar_B", F64, unit);
        reddening.meta = reddening.meta.unit("mag").ucd("phot.color.excess");
        let id = ColumnMeta::new(&self.id, I64).about("the star");
        let columns = vec![
            NewColumn::new(id).from("stars", &self.id, "identity"),
            reddening,
            made("dust_converged", Type::Bool, "whether the map's fit has converged"),
            made("dust_reliable", Type::Bool, "converged, and within the map's reliable distances"),
        ];
        Ok(vec![Output::table("sightlines", columns).id(&self.id)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let stars = ids(job, "stars", &self.id)?;
        let mut met = BTreeSet::new();
        if let Some(twice) = stars.iter().find(|id| !met.insert(**id)) {
            let what = format!("`{}` {twice} is in `stars` twice: it identifies no row", self.id);
            return Err(StageError::new(what));
        }
        let [x, y] = self.direction();
        let x = f64s(job, "stars", x)?;
        let y = f64s(job, "stars", y)?;
        let distance = f64s(job, "stars", &self.distance)?;
        let direction = |(x, y): (&f64, &f64)| match self.galactic {
            Some(_) => (*x, *y),
            None => galactic(*x, *y),
        };
        let lines: Vec<Line> = (x.iter().zip(&y).map(direction).zip(&distance))
            .map(|((l_deg, b_deg), pc)| Line { l_deg, b_deg, modulus: distance_modulus(*pc) })
            .collect();
        let [file] = job.files() else {
            let n = job.files().len();
            return Err(StageError::new(format!("a dust map is one file, but {n} are bound")));
        };
        let dust = DustFile::open(file.bytes.clone())
            .and_then(|map| look_up(&map, self.map, &lines))
            .map_err(|why| StageError::new(format!("{}: {why}; hint: {}", file.name, why.hint())))?
            .map_err(|why| StageError::new(format!("{}: {why}", file.name)))?;
        let outside = dust.iter().filter(|seen| seen.reddening.is_nan()).count();
        job.note(format!("{} stars, {outside} outside of the map or without distance", dust.len()));
        Ok(vec![Product::new(
            "sightlines",
            vec![
                i64_array(stars),
                finite_array(dust.iter().map(|seen| seen.reddening).collect()),
                bool_array(dust.iter().map(|seen| seen.converged).collect()),
                bool_array(dust.iter().map(|seen| seen.reliable).collect()),
            ],
        )])
    }
}

impl Sightlines {
    fn direction(&self) -> [&str; 2] {
        match &self.galactic {
            Some([l, b]) => [l, b],
            None => [&self.ra, &self.dec],
        }
    }
}

/// Where a star is.
#[derive(Debug, Clone, Copy)]
struct Line {
    l_deg: f64,
    b_deg: f64,
    modulus: f64,
}

/// What the map says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    reddening: f64,
    converged: bool,
    reliable: bool,
}

type Found = Result<Vec<Seen>, crate::science::dust::DustError>;

/// Looks stars up in the order of the map's rows, so that no part of the file is unpacked twice.
fn look_up(file: &DustFile, map: Map, lines: &[Line]) -> Result<Found, Hdf5Error> {
    let pixels = file.pixels();
    let footprint = match Footprint::new(pixels.iter().map(|p| (p.nside, p.healpix_index))) {
        Ok(footprint) => footprint,
        Err(why) => return Ok(Err(why)),
    };
    let mut stars: Vec<(usize, usize)> = Vec::new();
    for (star, line) in lines.iter().enumerate().filter(|(_, line)| !line.modulus.is_nan()) {
        stars.extend(footprint.row(line.l_deg, line.b_deg).map(|row| (row, star)));
    }
    stars.sort_unstable();
    let mut rows: Vec<usize> = stars.iter().map(|(row, _)| *row).collect();
    rows.dedup();
    let nothing = Seen { reddening: f64::NAN, converged: false, reliable: false };
    let mut seen = vec![nothing; lines.len()];
    let moduli = file.distance_moduli();
    file.visit(map.curves(), &rows, |row, curves| {
        let first = stars.partition_point(|(other, _)| *other < row);
        let pixel = &pixels[row];
        for (_, star) in stars[first..].iter().take_while(|(other, _)| *other == row) {
            let modulus = lines[*star].modulus;
            let reddening = match map {
                Map::Median => median_reddening_at(moduli, curves, modulus),
                _ => reddening_at(moduli, curves, modulus),
            };
            let limits = (pixel.dm_reliable_min.into(), pixel.dm_reliable_max.into());
            let reliable = pixel.converged && is_reliable(modulus, limits.0, limits.1);
            seen[*star] = Seen { reddening, converged: pixel.converged, reliable };
        }
    })?;
    Ok(Ok(seen))
}

#[cfg(test)]
#[path = "sightlines_tests.rs"]
mod tests;
