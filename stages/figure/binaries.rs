//! Figure 9: wide binaries.

use super::Figure;
use super::data::{Data, Read, STATISTICS};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{BinariesFigure, binaries};

/// Ports and columns.
pub const READS: &[Read] = &[
    ("pairs", &["M_H_1", "M_H_1_ERR", "M_H_2", "M_H_2_ERR", "Teff_2"]),
    ("statistics", STATISTICS),
];

/// Strangers that each primary is set beside.
const STRANGERS: usize = 5;

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let of = |name: &str| data.numbers("pairs", name);
    let primary = [of("M_H_1")?, of("M_H_1_ERR")?];
    let secondary = [of("M_H_2")?, of("M_H_2_ERR")?];
    let statistic = |name: &str| data.statistic("statistics", Some("M_H"), name);
    let figure = BinariesFigure {
        primary: &primary[0],
        primary_error: &primary[1],
        secondary: &secondary[0],
        secondary_error: &secondary[1],
        mean: statistic("mean")?,
        scatter: statistic("sd")?,
        sigma_norm: statistic("robust_pull")?,
        shuffled: &shuffled(&primary, &secondary, &of("Teff_2")?),
    };
    Ok(binaries(&figure, spec.origin()))
}

/// Differences over errors of primaries and the secondaries of other pairs: those next in temperature, so that
/// strangers are as like each other as the stars of pairs are.
fn shuffled(primary: &[Vec<f64>; 2], secondary: &[Vec<f64>; 2], teff: &[f64]) -> Vec<f64> {
    let known =
        |row: &usize| [&primary[0], &secondary[0]].iter().all(|values| values[*row].is_finite());
    let mut rows: Vec<usize> = (0..teff.len()).filter(known).collect();
    rows.sort_by(|a, b| teff[*a].total_cmp(&teff[*b]).then(a.cmp(b)));
    let n = rows.len();
    let mut pulls = Vec::new();
    for step in 1..=STRANGERS.min(n.saturating_sub(1)) {
        for (at, row) in rows.iter().enumerate() {
            let other = rows[(at + step) % n];
            let error = primary[1][*row].hypot(secondary[1][other]);
            pulls.push((primary[0][*row] - secondary[0][other]) / error);
        }
    }
    pulls
}
