//! Hertzsprung-Russell diagram (§4.3, Fig. 6): stars beside isochrones of their own metallicity.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `stars` | row id, color, absolute magnitude, metallicity, optionally A_V, the columns of the condition |
//! | `isochrones` | metallicity, initial mass, magnitudes |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `stars` | all | all of `stars`; color and magnitude without extinction, isochrone at the star's own metallicity, magnitude less isochrone, less the median of its color; whether it lies above the most metal-rich track |
//! | `sequence` | a bin of color | n, median magnitude |
//! | `gradient` | a bin of magnitude less median of the color | n, median metallicity with interval |
//! | `summary` | one | statistics of magnitude less isochrone; share above the top track; metallicity against height above the sequence |
//!
//! A star above the track of [M/H] = `top` is likely a binary (§4.3). A star without A_V has no magnitude here.
//!
//! Deviation: the paper compares with isochrones by eye.

mod diagram;

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::diagram::{Diagram, bin_arrays, summary};
use super::columns::{f64s, optional_f64_array};
use super::figures::{check_filters, chosen, report_columns, units, units_of};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::{Bootstrap, Interval, median};
use crate::science::validation::isochrone::{Isochrones, binned_medians};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Hrd>("hrd", 2, "compares stars with isochrones of their own metallicity");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hrd {
    /// Row id.
    id: String,
    /// Color G_BP - G_RP, mag.
    #[serde(default = "bp_rp")]
    color: String,
    /// Absolute magnitude in G, mag.
    #[serde(default = "m_g")]
    magnitude: String,
    /// Metallicity, dex.
    m_h: String,
    /// Extinction A_V, mag; without it color and magnitude are taken as they are.
    #[serde(default)]
    av: Option<String>,
    /// A_BP, A_G and A_RP over A_V (Wang & Chen 2019).
    #[serde(default = "wang_chen")]
    extinction: [f64; 3],
    /// Isochrones: metallicity, initial mass, G, BP, RP.
    #[serde(default = "parsec")]
    isochrone: [String; 5],
    /// Largest initial mass of the main sequence of M dwarfs, solar masses.
    #[serde(default = "most")]
    max_mass: f64,
    /// Metallicity of the track above which stars are counted, dex.
    #[serde(default = "top")]
    top: f64,
    /// Width of the bins of color, mag.
    #[serde(default = "width")]
    color_width: f64,
    /// Width of the bins of magnitude less median, mag.
    #[serde(default = "width")]
    height_width: f64,
    /// Fewest stars of a bin.
    #[serde(default = "few")]
    min_stars: usize,
    /// Column of the star that the bootstrap draws.
    #[serde(default)]
    unit_id: Option<String>,
    /// Which rows count.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

fn bp_rp() -> String {
    "bp_rp".into()
}

fn m_g() -> String {
    "M_G".into()
}

fn wang_chen() -> [f64; 3] {
    [1.002, 0.789, 0.589]
}

fn parsec() -> [String; 5] {
    ["MH", "Mini", "Gmag", "G_BPmag", "G_RPmag"].map(str::to_owned)
}

fn most() -> f64 {
    0.75
}

fn top() -> f64 {
    0.6
}

fn width() -> f64 {
    0.2
}

fn few() -> usize {
    10
}

fn two_thousand() -> usize {
    2_000
}

impl Stage for Hrd {
    fn ports(&self) -> Vec<Port> {
        let mut stars = vec![Need::of(&self.id, I64)];
        let magnitudes = [&self.color, &self.magnitude].into_iter().chain(&self.av);
        stars.extend(magnitudes.map(|column| Need::in_unit(column, "mag")));
        stars.push(Need::in_unit(&self.m_h, "dex"));
        stars.extend(self.unit_id.iter().map(Need::any));
        stars.extend(self.filter.iter().flat_map(|f| f.0.columns()).map(Need::any));
        let isochrones = self.isochrone.iter().map(Need::any).collect();
        vec![Port::whole("stars", stars), Port::whole("isochrones", isochrones)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_filters(self.filter.iter(), &inputs["stars"])?;
        if !(self.color_width > 0.0 && self.height_width > 0.0) {
            return Err(StageError::new("`color_width` and `height_width` must be positive"));
        }
        Ok(vec![
            Output::widened("stars", "stars", &inputs["stars"], self.star_columns()).id(&self.id),
            Output::table(
                "sequence",
                self.bin_columns("color", "median magnitude", &self.magnitude),
            ),
            Output::table("gradient", self.gradient_columns()),
            Output::table("summary", self.summary_columns()),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("hrd")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let diagram = self.diagram(job)?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let units = units(job, "stars", self.unit_id.as_ref())?;
        let known = |row: &usize| {
            diagram.counts[*row] && (diagram.magnitude[*row] - diagram.isochrone[*row]).is_finite()
        };
        let rows: Vec<usize> = (0..diagram.counts.len()).filter(known).collect();
        let sample = diagram.sample(&rows);
        let report = sample.report(&units_of(&units, &rows), &bootstrap);
        let shares = diagram.shares(&units, &bootstrap);
        Ok(vec![
            Product::new("stars", diagram.star_arrays()),
            Product::new("sequence", bin_arrays(&diagram.sequence)),
            Product::new("gradient", self.gradient(&diagram, &bootstrap)),
            Product::new("summary", summary(report, shares)),
        ])
    }
}

impl Hrd {
    fn diagram(&self, job: &Job) -> Result<Diagram, StageError> {
        let isochrones = self.isochrones(job)?;
        let star = |column: &String| f64s(job, "stars", column);
        let av = match &self.av {
            Some(column) => star(column)?,
            None => vec![0.0; job.table("stars")?.num_rows()],
        };
        let [bp, g, rp] = self.extinction;
        let less = |values: Vec<f64>, per_av: f64| -> Vec<f64> {
            values.iter().zip(&av).map(|(value, av)| value - per_av * av).collect()
        };
        let color = less(star(&self.color)?, bp - rp);
        let magnitude = less(star(&self.magnitude)?, g);
        let m_h = star(&self.m_h)?;
        let at = |row: usize, m_h: f64| isochrones.magnitude(color[row], m_h);
        let counts = chosen(self.filter.as_ref(), job.table("stars")?)?;
        let all = 0..counts.len();
        let isochrone = all.clone().map(|row| at(row, m_h[row]).unwrap_or(f64::NAN)).collect();
        let above = |row: usize| {
            let track = at(row, self.top).filter(|_| magnitude[row].is_finite())?;
            Some(magnitude[row] < track)
        };
        let above = all.clone().map(above).collect();
        let shown = |row: usize, values: &[f64]| if counts[row] { values[row] } else { f64::NAN };
        let counted: Vec<f64> = all.clone().map(|row| shown(row, &color)).collect();
        let sequence = binned_medians(&counted, &magnitude, self.color_width, self.min_stars);
        let height = |row: usize| sequence.at(color[row]).map_or(f64::NAN, |m| magnitude[row] - m);
        let height = all.map(height).collect();
        Ok(Diagram { counts, isochrone, above, height, color, magnitude, m_h, sequence })
    }

    fn isochrones(&self, job: &Job) -> Result<Isochrones, StageError> {
        let mut columns = Vec::new();
        for name in &self.isochrone {
            columns.push(f64s(job, "isochrones", name)?);
        }
        let [m_h, mass, g, bp, rp] = [0, 1, 2, 3, 4].map(|at| &columns[at]);
        let sound =
            |row: &usize| mass[*row] <= self.max_mass && [g, bp, rp].iter().all(|m| m[*row] < 90.0);
        let rows: Vec<[f64; 3]> =
            (0..m_h.len()).filter(sound).map(|row| [m_h[row], bp[row] - rp[row], g[row]]).collect();
        Isochrones::new(&rows).ok_or_else(|| {
            StageError::new(format!(
                "no isochrone has two points below {} solar masses; are `isochrone` and `max_mass` right?",
                self.max_mass
            ))
        })
    }

    fn made(&self, name: &str, kind: Type, unit: &str, about: &str) -> NewColumn {
        let meta = ColumnMeta::new(name, kind).unit(unit).about(about);
        let column = [&self.color, &self.magnitude, &self.m_h].into_iter().chain(&self.av);
        column.fold(NewColumn::new(meta), |c, name| c.from("stars", name, "derived: isochrone"))
    }

    fn star_columns(&self) -> Vec<NewColumn> {
        vec![
            self.made("bp_rp_0", F64, "mag", "color without extinction"),
            self.made("M_G_0", F64, "mag", "absolute magnitude without extinction"),
            self.made("M_G_isochrone", F64, "mag", "of the isochrone at color and own metallicity"),
            self.made("delta_M_G", F64, "mag", "magnitude less that isochrone"),
            self.made("height", F64, "mag", "magnitude less the median at its color"),
            self.made("above_top", Type::Bool, "", "whether it is above the top track"),
        ]
    }

    fn bin_columns(&self, of: &str, value: &str, from: &str) -> Vec<NewColumn> {
        vec![
            self.made(of, F64, "mag", "middle of the bin"),
            self.made("n", U64, "", "stars"),
            NewColumn::new(ColumnMeta::new("median", F64).about(value)).from(
                "stars",
                from,
                "derived: median",
            ),
        ]
    }

    fn gradient_columns(&self) -> Vec<NewColumn> {
        let mut columns = self.bin_columns("height", "median metallicity, dex", &self.m_h);
        for (name, about) in [("median_lo", "2.5 % of it"), ("median_hi", "97.5 % of it")] {
            columns.push(self.made(name, F64, "dex", about));
        }
        columns
    }

    /// Median metallicity in bins of height.
    fn gradient(&self, diagram: &Diagram, bootstrap: &Bootstrap) -> Vec<ArrayRef> {
        let rows: Vec<usize> = diagram.rows_of_sequence();
        let height: Vec<f64> = rows.iter().map(|row| diagram.height[*row]).collect();
        let m_h: Vec<f64> = rows.iter().map(|row| diagram.m_h[*row]).collect();
        let bins = binned_medians(&height, &m_h, self.height_width, self.min_stars);
        let interval = |middle: &f64| {
            let inside = |at: &usize| (height[*at] - middle).abs() <= 0.5 * self.height_width;
            let values: Vec<f64> = (0..rows.len()).filter(inside).map(|at| m_h[at]).collect();
            let units = crate::science::statistics::Units::rows(values.len());
            let [interval] = bootstrap.intervals(&units, |drawn| {
                [median(&drawn.iter().map(|at| values[*at]).collect::<Vec<_>>())]
            });
            interval
        };
        let intervals: Vec<Option<Interval>> = bins.middle.iter().map(interval).collect();
        let mut columns = bin_arrays(&bins);
        columns.push(optional_f64_array(intervals.iter().map(|i| Some((*i)?.low)).collect()));
        columns.push(optional_f64_array(intervals.iter().map(|i| Some((*i)?.high)).collect()));
        columns
    }

    fn summary_columns(&self) -> Vec<NewColumn> {
        let mut columns = report_columns("stars", &[&self.color, &self.magnitude, &self.m_h]);
        columns.extend([
            self.made("n_above", U64, "", "stars above the top track"),
            self.made("above_fraction", F64, "", "their share of stars beside that track"),
            self.made("above_fraction_lo", F64, "", "2.5 % of it"),
            self.made("above_fraction_hi", F64, "", "97.5 % of it"),
            self.made("gradient_spearman", F64, "", "rank correlation of metallicity with height"),
            self.made("gradient_spearman_lo", F64, "", "2.5 % of it"),
            self.made("gradient_spearman_hi", F64, "", "97.5 % of it"),
            self.made("gradient_slope", F64, "", "metallicity over height, dex per mag"),
            self.made("gradient_slope_lo", F64, "", "2.5 % of it"),
            self.made("gradient_slope_hi", F64, "", "97.5 % of it"),
        ]);
        columns
    }
}

#[cfg(test)]
#[path = "hrd_tests.rs"]
mod tests;
