//! Simulated spectra beside observed ones of the same subclass.

use arrow::array::RecordBatch;

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{Likeness, likeness};
use crate::science::statistics::median;
use crate::stages::columns::f64_row;

/// Ports and columns. Spectra are normalized ones that have kept their continuum.
pub const READS: &[Read] = &[
    ("observed", &["subclass", "flux_norm", "ivar_norm", "continuum"]),
    ("simulated", &["subclass", "flux_norm", "ivar_norm", "continuum"]),
    ("grid", &["wave_angstrom"]),
];

/// Subclasses that are drawn together; LAMOST writes `dM4` for M4 as well.
const SUBCLASSES: [[&str; 2]; 3] = [["M0", "M1"], ["M2", "M3"], ["M4", "M5"]];
/// Where shapes are one, angstrom.
const REFERENCE_ANGSTROM: f64 = 7_500.0;

/// Median spectra of one kind: flux over continuum, and flux over its value at the reference.
struct Medians {
    n: usize,
    normalized: Vec<f64>,
    shape: Vec<f64>,
}

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let wave = data.numbers("grid", "wave_angstrom")?;
    let mut found = Vec::new();
    for subclasses in SUBCLASSES {
        let observed = medians(data, "observed", subclasses, &wave)?;
        let simulated = medians(data, "simulated", subclasses, &wave)?;
        found.push(Likeness {
            subclass: subclasses.join(", "),
            n: [observed.n, simulated.n],
            wave: &wave,
            normalized: [observed.normalized, simulated.normalized],
            shape: [observed.shape, simulated.shape],
        });
    }
    Ok(likeness(&found, spec.origin()))
}

fn medians(
    data: &Data<'_>,
    port: &str,
    subclasses: [&str; 2],
    wave: &[f64],
) -> Result<Medians, StageError> {
    let classes = data.texts(port, "subclass")?;
    let mut spectra: [Vec<Vec<f64>>; 2] = [Vec::new(), Vec::new()];
    let reference = wave.partition_point(|w| *w < REFERENCE_ANGSTROM);
    if let Some(table) = data.table(port) {
        let is_asked = |row: &usize| subclasses.contains(&classes[*row].trim_start_matches('d'));
        for row in (0..classes.len()).filter(is_asked) {
            let [normalized, shape] = spectrum(table, row, reference)?;
            if normalized.len() != wave.len() {
                return Err(StageError::new(format!(
                    "`{port}` has {} pixels, `grid` {}: give `normalize` the `step` of the grid",
                    normalized.len(),
                    wave.len()
                )));
            }
            spectra[0].push(normalized);
            spectra[1].push(shape);
        }
    }
    let n = spectra[0].len();
    let [normalized, shape] = spectra.map(|spectra| {
        (0..wave.len())
            .map(|pixel| {
                let values: Vec<f64> = spectra
                    .iter()
                    .filter_map(|spectrum| spectrum.get(pixel).copied())
                    .filter(|value| value.is_finite())
                    .collect();
                median(&values).unwrap_or(f64::NAN)
            })
            .collect::<Vec<f64>>()
    });
    Ok(Medians { n, normalized, shape })
}

/// A spectrum over its continuum, and over its flux at the reference; NaN where masked.
fn spectrum(
    table: &RecordBatch,
    row: usize,
    reference: usize,
) -> Result<[Vec<f64>; 2], StageError> {
    let flux = f64_row(table, "flux_norm", row)?;
    let ivar = f64_row(table, "ivar_norm", row)?;
    let continuum = f64_row(table, "continuum", row)?;
    let scale = continuum.get(reference).copied().unwrap_or(f64::NAN);
    let good = |i: usize| ivar.get(i).is_some_and(|weight| *weight > 0.0);
    let normalized = (0..flux.len()).map(|i| if good(i) { flux[i] } else { f64::NAN });
    let shape = (0..flux.len().min(continuum.len()))
        .map(|i| if good(i) { flux[i] * continuum[i] / scale } else { f64::NAN });
    Ok([normalized.collect(), shape.collect()])
}
