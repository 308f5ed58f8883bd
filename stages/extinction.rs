//! Extinction (§3.1, §4.3): A_V and the extinctions in Gaia's passbands, from the reddening of the dust map.
//!
//! | port | reads |
//! |---|---|
//! | `stars` (driving) | id; with `coefficients = "color_dependent"` the observed color too |
//! | `dust` (whole) | id, `bayestar_B`, `dust_reliable` of stage `sightlines` |
//!
//! Output `rows`: all of `stars`, widened by `bayestar_B`, `E_BV`, `A_V`, `A_G`, `A_BP`, `A_RP` (null where the map has
//! nothing) and `dust_reliable` (false there).
//!
//! The map's unit is not E(B-V): E(B-V) = 0.884 of it (Bayestar's authors, through g-r; 0.995 through r-z) and
//! A_V = 3.1 E(B-V), 2.74 of it. A_G = 0.789 A_V is the paper's (Wang & Chen 2019, of red-clump stars, at their R_V of
//! 3.16, which is not mixed in here); for M dwarfs `color_dependent` is nearer to the truth.

use std::collections::HashMap;

use arrow::array::AsArray;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64s, finite_array, ids, optional_ids};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type};
use crate::science::dust::bands::{Bands, Law};
use crate::science::dust::{E_BV_PER_UNIT, R_V};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Extinction>(
    "extinction",
    1,
    "turns the reddening of the dust map into extinctions",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extinction {
    /// Row id of the stars, and of `dust`.
    id: String,
    /// From A_V to G, BP, RP.
    #[serde(default)]
    coefficients: Coefficients,
    /// Observed BP-RP, mag, for `color_dependent`.
    #[serde(default = "bp_rp")]
    color: String,
    /// E(B-V), mag, of one unit of the map.
    #[serde(default = "e_bv_per_unit")]
    e_bv_per_unit: f64,
}

fn bp_rp() -> String {
    "bp_rp".into()
}

fn e_bv_per_unit() -> f64 {
    E_BV_PER_UNIT
}

/// Ratios to A_V.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Coefficients {
    /// 0.789, 1.002, 0.589 for every star, as in the paper (Wang & Chen 2019).
    #[default]
    #[serde(rename = "wang_chen_2019")]
    WangChen2019,
    /// By intrinsic color and A_V (Gaia Collaboration, Babusiaux et al. 2018).
    ColorDependent,
}

impl Coefficients {
    fn law(self) -> Law {
        match self {
            Coefficients::WangChen2019 => Law::WangChen2019,
            Coefficients::ColorDependent => Law::ColorDependent,
        }
    }
}

impl Stage for Extinction {
    fn ports(&self) -> Vec<Port> {
        let mut stars = vec![Need::of(&self.id, I64)];
        if self.coefficients == Coefficients::ColorDependent {
            stars.push(Need::in_unit(&self.color, "mag"));
        }
        let dust = vec![
            Need::of(&self.id, I64),
            Need::in_unit("bayestar_B", "mag"),
            Need::of("dust_reliable", Type::Bool),
        ];
        vec![Port::driving("stars", stars), Port::whole("dust", dust)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if !(self.e_bv_per_unit > 0.0 && self.e_bv_per_unit <= 2.0) {
            return Err(StageError::new(
                "`e_bv_per_unit` must lie between 0 and 2; 0.884 is usual",
            ));
        }
        let mut columns = vec![self.column("bayestar_B", "reddening in the unit of Bayestar2019")];
        columns.push(self.column("E_BV", "reddening E(B-V)"));
        for (name, about) in [
            ("A_V", "extinction in V at R_V = 3.1"),
            ("A_G", "extinction in Gaia's G"),
            ("A_BP", "extinction in Gaia's BP"),
            ("A_RP", "extinction in Gaia's RP"),
        ] {
            columns.push(self.column(name, about));
        }
        let about = "whether the dust map is reliable at this distance";
        let reliable = ColumnMeta::new("dust_reliable", Type::Bool).about(about);
        columns.push(NewColumn::new(reliable).from("dust", "dust_reliable", "identity"));
        Ok(vec![Output::widened("rows", "stars", &inputs["stars"], columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let stars = optional_ids(job, "stars", &self.id)?;
        let color = match self.coefficients {
            Coefficients::WangChen2019 => vec![f64::NAN; stars.len()],
            Coefficients::ColorDependent => f64s(job, "stars", &self.color)?,
        };
        let dust = job.shared(|whole| Dust::read(whole, &self.id))?;
        let row = |id: &Option<i64>| id.and_then(|id| dust.row_of.get(&id).copied());
        let rows: Vec<Option<usize>> = stars.iter().map(row).collect();
        let unit = |row: &Option<usize>| row.map_or(f64::NAN, |row| dust.reddening[row]);
        let units: Vec<f64> = rows.iter().map(unit).collect();
        let e_bv: Vec<f64> = units.iter().map(|unit| self.e_bv_per_unit * unit).collect();
        let a_v: Vec<f64> = e_bv.iter().map(|e_bv| R_V * e_bv).collect();
        let law = self.coefficients.law();
        let bands: Vec<Bands> =
            a_v.iter().zip(&color).map(|(a_v, color)| law.extinction(*a_v, *color)).collect();
        let band = |of: fn(&Bands) -> f64| finite_array(bands.iter().map(of).collect());
        let is_reliable = |row: &Option<usize>| row.is_some_and(|row| dust.reliable[row]);
        Ok(vec![Product::new(
            "rows",
            vec![
                finite_array(units),
                finite_array(e_bv),
                finite_array(a_v),
                band(|b| b.g),
                band(|b| b.bp),
                band(|b| b.rp),
                bool_array(rows.iter().map(is_reliable).collect()),
            ],
        )])
    }
}

/// The dust map's answers, by row.
struct Dust {
    row_of: HashMap<i64, usize>,
    /// In the map's unit, NaN where it is silent.
    reddening: Vec<f64>,
    /// Whether the map vouches for it.
    reliable: Vec<bool>,
}

impl Dust {
    fn read(job: &Job, id: &str) -> Result<Self, StageError> {
        let ids = ids(job, "dust", id)?;
        let reliable = job.column("dust", "dust_reliable")?.as_boolean();
        Ok(Dust {
            row_of: ids.into_iter().enumerate().map(|(row, id)| (id, row)).collect(),
            reddening: f64s(job, "dust", "bayestar_B")?,
            reliable: reliable.iter().map(|flag| flag == Some(true)).collect(),
        })
    }
}

impl Extinction {
    fn column(&self, name: &str, about: &str) -> NewColumn {
        let ucd = if name.starts_with("A_") { "phys.absorption" } else { "phot.color.excess" };
        let meta = ColumnMeta::new(name, F64).unit("mag").ucd(ucd).about(about);
        let column = NewColumn::new(meta).from("dust", "bayestar_B", "reddening");
        let of_color = ["A_G", "A_BP", "A_RP"].contains(&name)
            && self.coefficients == Coefficients::ColorDependent;
        if of_color { column.from("stars", &self.color, "color") } else { column }
    }
}
