//! Training set (§2.2, step 1; §3.2): labels and spectra of the training stars, turned into one row a pixel.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `stars` | id, star id, label columns, normalized flux and its inverse variance |
//! | `grid` | `pixel`, `wave_angstrom` |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `labels` | a training spectrum, by id | `id`, `star_id`, and the labels: every other column |
//! | `pixels` | a pixel of the grid | `pixel`, `wave_angstrom`, `flux` and `ivar` of all training spectra in the order of `labels` |
//! | `rejects` | a spectrum that cannot train | id, reason |
//!
//! Deviations: none; the paper does not say what becomes of stars with a missing label.

use std::collections::BTreeSet;

use arrow::array::{Array, RecordBatch, UInt32Array};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    f64_array, f64_lists, f64_row, f64s, i64_array, ids, list_row, optional_ids, text_array,
};
use super::model::check_labels;
use super::named::Named;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Job, Need, NewColumn, Output, Port, Product, Rows, Schemas, Split, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<TrainingSet>("training_set", 1, "turns training spectra into one row a pixel");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingSet {
    /// Row id of a spectrum.
    #[serde(default = "super::defaults::obsid")]
    id: String,
    /// Column that tells which spectra are of one star.
    star_id: String,
    /// Label columns: `"name"`, or `["label", "name in stars"]`.
    labels: Vec<Named>,
    /// Normalized flux.
    #[serde(default = "super::defaults::flux_norm")]
    flux: String,
    /// Inverse variance of the normalized flux, 0 where masked.
    #[serde(default = "super::defaults::ivar_norm")]
    ivar: String,
    /// Pixels a part of `pixels`: so many are trained in one job.
    #[serde(default = "sixty_four")]
    chunk: u32,
}

fn sixty_four() -> u32 {
    64
}

impl Stage for TrainingSet {
    fn ports(&self) -> Vec<Port> {
        let mut stars = vec![Need::of(&self.id, I64), Need::any(&self.star_id)];
        stars.extend(self.labels.iter().map(|label| Need::any(label.there())));
        stars.push(Need::any(&self.flux));
        stars.push(Need::any(&self.ivar));
        let grid = vec![Need::of("pixel", I64), Need::in_unit("wave_angstrom", "Angstrom")];
        vec![Port::whole("stars", stars), Port::whole("grid", grid)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let names: Vec<String> = self.labels.iter().map(|label| label.here().to_owned()).collect();
        check_labels(&names)?;
        let mut labels = Output::table("labels", Vec::new()).id("id");
        labels.rows = Rows::Select("stars".into());
        let id = Named::Renamed("id".into(), self.id.clone());
        let star_id = Named::Renamed("star_id".into(), self.star_id.clone());
        for column in [&id, &star_id].into_iter().chain(&self.labels) {
            labels.carried.extend(column.carried("stars", &inputs["stars"])?);
        }
        let reason = ColumnMeta::new("reason", Type::Text).about("why it cannot train");
        let rejects = vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id of the spectrum"))
                .from("stars", &self.id, "identity"),
            NewColumn::new(reason),
        ];
        Ok(vec![
            labels,
            Output::table("pixels", self.pixel_columns())
                .id("pixel")
                .split(Split::Chunks(self.chunk)),
            Output::table("rejects", rejects).id(&self.id),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts { port: "stars".into(), kept: "labels".into(), rejects: "rejects".into() })
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let stars = job.table("stars")?;
        let wave = f64s(job, "grid", "wave_angstrom")?;
        let ids = ids(job, "stars", &self.id)?;
        let sorted = self.sort(job, &ids, wave.len())?;
        let flux = transposed(stars, &self.flux, &sorted.kept, wave.len())?;
        let ivar = transposed(stars, &self.ivar, &sorted.kept, wave.len())?;
        let kept = UInt32Array::from_iter_values(sorted.kept.iter().map(|row| *row as u32));
        job.note(format!(
            "{} training spectra, {} rejected, {} pixels",
            sorted.kept.len(),
            sorted.rejected.len(),
            wave.len()
        ));
        let rejected = sorted.rejected.iter();
        Ok(vec![
            Product::new("labels", Vec::new()).rows("stars", kept),
            Product::new(
                "pixels",
                vec![
                    i64_array(super::columns::ids(job, "grid", "pixel")?),
                    f64_array(wave),
                    f64_lists(flux),
                    f64_lists(ivar),
                ],
            ),
            Product::new(
                "rejects",
                vec![
                    i64_array(rejected.clone().map(|(row, _)| ids[*row]).collect()),
                    text_array(rejected.map(|(_, reason)| Some(reason))),
                ],
            ),
        ])
    }
}

/// Rows of `stars`: those that train, by id, and the others with the reason.
struct Sorted {
    kept: Vec<usize>,
    rejected: Vec<(usize, String)>,
}

impl TrainingSet {
    fn pixel_columns(&self) -> Vec<NewColumn> {
        let new = |name: &str, kind: Type, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).about(about))
        };
        let wave = ColumnMeta::new("wave_angstrom", F64)
            .unit("Angstrom")
            .ucd("em.wl")
            .about("vacuum wavelength of the pixel");
        vec![
            new("pixel", I64, "pixel of the grid").from("grid", "pixel", "identity"),
            NewColumn::new(wave).from("grid", "wave_angstrom", "identity"),
            new("flux", F64.list(), "normalized flux of all training spectra")
                .from("stars", &self.flux, "flux"),
            new("ivar", F64.list(), "its inverse variance, 0 where masked")
                .from("stars", &self.ivar, "flux"),
        ]
    }

    fn sort(&self, job: &Job, ids: &[i64], n_pix: usize) -> Result<Sorted, StageError> {
        let stars = optional_ids(job, "stars", &self.star_id)?;
        let labels = self
            .labels
            .iter()
            .map(|label| f64s(job, "stars", label.there()))
            .collect::<Result<Vec<_>, _>>()?;
        let table = job.table("stars")?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|row| ids[*row]);
        let (mut seen, mut sorted) =
            (BTreeSet::new(), Sorted { kept: Vec::new(), rejected: Vec::new() });
        for row in order {
            let missing = self.labels.iter().zip(&labels).find(|(_, v)| !v[row].is_finite());
            let reason = match missing {
                _ if stars[row].is_none() => Some(format!("no {}", self.star_id)),
                Some((label, _)) => Some(format!("no {}", label.there())),
                None if !self.has_spectrum(table, row, n_pix)? => Some("no usable pixel".into()),
                None if !seen.insert(ids[row]) => Some(format!("{} occurs before", self.id)),
                None => None,
            };
            match reason {
                Some(reason) => sorted.rejected.push((row, reason)),
                None => sorted.kept.push(row),
            }
        }
        Ok(sorted)
    }

    /// Whether any pixel has flux and weight; a spectrum on another grid is an error.
    fn has_spectrum(
        &self,
        table: &RecordBatch,
        row: usize,
        n_pix: usize,
    ) -> Result<bool, StageError> {
        let flux = f64_row(table, &self.flux, row)?;
        let ivar = f64_row(table, &self.ivar, row)?;
        if flux.is_empty() {
            return Ok(false);
        }
        if flux.len() != n_pix || ivar.len() != n_pix {
            return Err(StageError::new(format!(
                "row {row} of `stars` has {} values of `{}` and {} of `{}`, but `grid` has {n_pix} \
                 pixels; bind the grid on which the spectra were normalized",
                flux.len(),
                self.flux,
                ivar.len(),
                self.ivar
            )));
        }
        Ok(flux.iter().zip(&ivar).any(|(f, w)| f.is_finite() && w.is_finite() && *w > 0.0))
    }
}

/// A column of spectra as one vector a pixel, in the order of `rows`.
fn transposed(
    table: &RecordBatch,
    column: &str,
    rows: &[usize],
    n_pix: usize,
) -> Result<Vec<Vec<f64>>, StageError> {
    let mut spectra = Array2::zeros((rows.len(), n_pix));
    for (mut spectrum, row) in spectra.outer_iter_mut().zip(rows) {
        if list_row(table, column, *row)?.len() == n_pix {
            spectrum.assign(&ndarray::Array1::from(f64_row(table, column, *row)?));
        }
    }
    Ok(spectra.columns().into_iter().map(|pixel| pixel.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn pixels_follow_the_order_of_the_labels() {
        let lists = f64_lists(vec![vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]]);
        let table = RecordBatch::try_from_iter([("flux", Arc::clone(&lists))]).unwrap();
        let pixels = transposed(&table, "flux", &[2, 0], 2).unwrap();
        assert_eq!(pixels, vec![vec![5.0, 1.0], vec![6.0, 2.0]]);
    }
}
