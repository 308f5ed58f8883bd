//! Template: the median spectrum that velocities are measured against.
//!
//! | port | reads |
//! |---|---|
//! | `spectra` (whole) | `flux_norm`, `ivar_norm`, `rv_source`, signal-to-noise ratio |
//! | `grid` (whole) | `wave_angstrom` (Angstrom) |
//!
//! Output `template`: one row with `wave_angstrom`, `flux` and the number of spectra, or no row
//! where too few spectra qualify. Only spectra that the catalog's z brought to rest and whose
//! signal-to-noise ratio is above `min_snr` count, so measured velocities are on the catalog's
//! scale. All spectra are in memory at once: a `cuts` node before lets only those through that count.
//!
//! Deviations: the paper measures no velocities.

use arrow::array::RecordBatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_lists, f64_row, f64s, i64_array, texts, u32_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32};
use crate::science::statistics::median;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Template>("template", 1, "takes the median of normalized spectra at rest");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Column of the signal-to-noise ratio.
    #[serde(default = "snri")]
    snr: String,
    /// Spectra must be above.
    #[serde(default = "thirty")]
    min_snr: f64,
    /// With fewer spectra there is no template.
    #[serde(default = "five")]
    min_spectra: u32,
}

fn snri() -> String {
    "snri".into()
}

fn thirty() -> f64 {
    30.0
}

fn five() -> u32 {
    5
}

impl Stage for Template {
    fn ports(&self) -> Vec<Port> {
        let spectra = vec![
            Need::of("flux_norm", F64.list()),
            Need::of("ivar_norm", F64.list()),
            Need::of("rv_source", Type::Text),
            Need::any(&self.snr),
        ];
        let grid = vec![Need::in_unit("wave_angstrom", "Angstrom")];
        vec![Port::whole("spectra", spectra), Port::whole("grid", grid)]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let new = |name: &str, kind: Type, about: &str| ColumnMeta::new(name, kind).about(about);
        let columns = vec![
            NewColumn::new(new("template", I64, "number of the template")),
            NewColumn::new(
                new("wave_angstrom", F64.list(), "vacuum wavelength at rest").unit("Angstrom"),
            )
            .from("grid", "wave_angstrom", "identity"),
            NewColumn::new(new("flux", F64.list(), "median normalized flux, 1 without spectra"))
                .from("spectra", "flux_norm", "flux"),
            NewColumn::new(new("n_spectra", U32, "spectra that count")),
        ];
        Ok(vec![Output::table("template", columns).id("template")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let wave = f64s(job, "grid", "wave_angstrom")?;
        let snr = f64s(job, "spectra", &self.snr)?;
        let source = texts(job, "spectra", "rv_source")?;
        let counts =
            |row: &usize| snr[*row] > self.min_snr && source[*row].as_deref() == Some("catalog_z");
        let rows: Vec<usize> = (0..snr.len()).filter(counts).collect();
        let templates = if rows.len() < self.min_spectra.max(1) as usize {
            job.note(format!(
                "{} spectra qualify, {} needed: there is no template",
                rows.len(),
                self.min_spectra
            ));
            Vec::new()
        } else {
            vec![median_spectrum(job.table("spectra")?, &rows, wave.len())?]
        };
        let n = templates.len();
        Ok(vec![Product::new(
            "template",
            vec![
                i64_array((0..n as i64).collect()),
                f64_lists(vec![wave; n]),
                f64_lists(templates),
                u32_array(vec![rows.len() as u32; n]),
            ],
        )])
    }
}

/// Median of the unmasked flux in each pixel, `(n_pix,)`; 1, the continuum, where all are masked.
fn median_spectrum(
    batch: &RecordBatch,
    rows: &[usize],
    n_pix: usize,
) -> Result<Vec<f64>, StageError> {
    let mut pixels: Vec<Vec<f64>> = vec![Vec::with_capacity(rows.len()); n_pix];
    for &row in rows {
        let flux = f64_row(batch, "flux_norm", row)?;
        let ivar = f64_row(batch, "ivar_norm", row)?;
        if flux.len() != n_pix || ivar.len() != n_pix {
            return Err(StageError::new(format!(
                "a spectrum has {} pixels and the grid has {n_pix}: use one `step` and \
                 `keep_h_alpha` for both",
                flux.len()
            )));
        }
        for (pixel, (flux, ivar)) in pixels.iter_mut().zip(flux.into_iter().zip(ivar)) {
            if ivar > 0.0 && flux.is_finite() {
                pixel.push(flux);
            }
        }
    }
    Ok(pixels.iter().map(|values| median(values).unwrap_or(1.0)).collect())
}

#[cfg(test)]
mod tests {
    use arrow::array::ArrayRef;

    use super::*;

    fn batch(flux: Vec<Vec<f64>>, ivar: Vec<Vec<f64>>) -> RecordBatch {
        let columns: [(&str, ArrayRef); 2] =
            [("flux_norm", f64_lists(flux)), ("ivar_norm", f64_lists(ivar))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn median_leaves_masked_pixels_and_other_rows_out() {
        let flux = vec![vec![1.0, 9.0, 5.0], vec![2.0, 3.0, 5.0], vec![7.0, 4.0, 5.0]];
        let ivar = vec![vec![1.0, 0.0, 0.0], vec![1.0, 1.0, 0.0], vec![1.0, 1.0, 0.0]];
        let batch = batch(flux, ivar);
        assert_eq!(median_spectrum(&batch, &[0, 1, 2], 3).unwrap(), [2.0, 3.5, 1.0]);
        assert_eq!(median_spectrum(&batch, &[2], 3).unwrap(), [7.0, 4.0, 1.0]);
    }

    #[test]
    fn spectra_of_another_grid_are_refused() {
        let batch = batch(vec![vec![1.0, 2.0]], vec![vec![1.0, 1.0]]);
        let why = median_spectrum(&batch, &[0], 3).unwrap_err().to_string();
        assert!(why.contains("2 pixels") && why.contains("3"), "{why}");
    }
}
