//! The catalog (§4.5, Table 2): chosen columns under their published names, sorted by id, with the
//! spectra of a star counted.
//!
//! Port `rows` (whole): id, star id, signal-to-noise ratio, and the columns to publish. Output
//! `catalog`: these columns, `n_obs_star` (spectra of the star in the catalog) and `is_best_snr`
//! (the one to use if one a star is wanted; of equals the smallest id).
//!
//! Deviation: the paper counts spectra and publishes neither of the two new columns.

use std::collections::BTreeMap;

use arrow::array::UInt32Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64s, ids, optional_ids, u32_array};
use super::named::Named;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Rows, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, I64, Type, U32};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Catalog>("catalog", 1, "chooses, names and sorts what is published");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The row id, by which the catalog is sorted.
    id: String,
    /// The star that a spectrum is of.
    star_id: String,
    /// The signal-to-noise ratio that decides on the best spectrum.
    snr: String,
    /// Columns in order: `"name"`, or `["published name", "name"]`; `{scale}` in a published name stands for the scale
    /// of the training labels, `?` after a name leaves the column out where there is none.
    columns: Vec<Named>,
}

impl Stage for Catalog {
    fn ports(&self) -> Vec<Port> {
        let needs = vec![
            Need::of(&self.id, I64).role("sort"),
            Need::of(&self.star_id, I64).role("group: star"),
            Need::any(&self.snr).role("order within a star"),
        ];
        vec![Port::whole("rows", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let rows = &inputs["rows"];
        let counted = ColumnMeta::new("n_obs_star", U32)
            .ucd("meta.number")
            .about("spectra of this star in the catalog");
        let best = ColumnMeta::new("is_best_snr", Type::Bool)
            .ucd("meta.code.qual")
            .about("whether it is the spectrum of the star with the highest signal-to-noise ratio");
        let columns = vec![
            NewColumn::new(counted).from("rows", &self.star_id, "derived: count"),
            NewColumn::new(best).from("rows", &self.snr, "derived: largest of the star"),
        ];
        let mut catalog = Output::table("catalog", columns);
        catalog.rows = Rows::Select("rows".into());
        for published in &self.columns {
            let Some(carried) = published.carried("rows", rows)? else { continue };
            if carried.column == self.id {
                catalog.row_id = Some(carried.name.clone());
            }
            catalog.carried.push(carried);
        }
        Ok(vec![catalog])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let row_ids = ids(job, "rows", &self.id)?;
        let stars = optional_ids(job, "rows", &self.star_id)?;
        let snr = f64s(job, "rows", &self.snr)?;
        let mut order: Vec<usize> = (0..row_ids.len()).collect();
        order.sort_by_key(|row| row_ids[*row]);
        let mut spectra: BTreeMap<i64, (u32, usize)> = BTreeMap::new();
        for &row in &order {
            let Some(star) = stars[row] else { continue };
            let (count, best) = spectra.entry(star).or_insert((0, row));
            *count += 1;
            // Without a ratio a spectrum never wins over one that has it.
            if snr[row] > snr[*best] || (snr[*best].is_nan() && !snr[row].is_nan()) {
                *best = row;
            }
        }
        let of = |row: &usize| stars[*row].and_then(|star| spectra.get(&star));
        let columns = vec![
            u32_array(order.iter().map(|row| of(row).map_or(1, |s| s.0)).collect()),
            bool_array(order.iter().map(|row| of(row).is_none_or(|s| s.1 == *row)).collect()),
        ];
        let rows = UInt32Array::from_iter_values(order.iter().map(|row| *row as u32));
        Ok(vec![Product::new("catalog", columns).rows("rows", rows)])
    }
}
