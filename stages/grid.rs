//! Grid (§2.2): the pixels that spectra and models share.
//!
//! No ports. Output `pixels`: `pixel` (row id, from 0), `index` on the LAMOST grid,
//! `wave_angstrom` (vacuum). The paper does not print its pixels; these are those of the authors'
//! released model: log10 wave = 3.5682 + 1e-4 index without the six pixels of H-alpha (§4.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, i64_array, u32_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, NewColumn, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{ColumnMeta, F64, I64, U32};
use crate::science::wavelength::PixelGrid;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Grid>("grid", 1, "lists the pixels of the model");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Every so many pixels.
    #[serde(default = "one")]
    step: u32,
    /// Keeps the six pixels of H-alpha.
    #[serde(default)]
    keep_h_alpha: bool,
}

fn one() -> u32 {
    1
}

impl Grid {
    fn pixels(&self) -> Result<PixelGrid, StageError> {
        Ok(PixelGrid::with_options(self.step as usize, self.keep_h_alpha)?)
    }
}

impl Stage for Grid {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.pixels()?;
        let columns = vec![
            NewColumn::new(ColumnMeta::new("pixel", I64).about("place in every spectrum")),
            NewColumn::new(ColumnMeta::new("index", U32).about("pixel number on the LAMOST grid")),
            NewColumn::new(
                ColumnMeta::new("wave_angstrom", F64)
                    .unit("Angstrom")
                    .ucd("em.wl")
                    .about("vacuum wavelength at rest"),
            ),
        ];
        Ok(vec![Output::table("pixels", columns).id("pixel")])
    }

    fn run(&self, _job: &Job) -> Result<Vec<Product>, StageError> {
        let grid = self.pixels()?;
        Ok(vec![Product::new(
            "pixels",
            vec![
                i64_array((0..grid.len() as i64).collect()),
                u32_array(grid.index().to_vec()),
                f64_array(grid.wave_angstrom().to_vec()),
            ],
        )])
    }
}
