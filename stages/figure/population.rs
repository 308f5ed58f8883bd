//! Who is in the sample.

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{Distribution, PopulationFigure, population};

/// Ports and columns.
pub const READS: &[Read] = &[
    ("candidates", &["bp_rp", "M_G", "phot_g_mean_mag", "snri", "r_est", "pmra", "pmdec"]),
    ("stars", &["phot_g_mean_mag", "snri", "r_est", "pmra", "pmdec", "ap_Teff", "ap_M_H"]),
];

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let total = |port: &str| -> Result<Vec<f64>, StageError> {
        let (ra, dec) = (data.numbers(port, "pmra")?, data.numbers(port, "pmdec")?);
        Ok(ra.iter().zip(&dec).map(|(ra, dec)| ra.hypot(*dec)).collect())
    };
    let both = |column: &str| -> Result<[Vec<f64>; 2], StageError> {
        Ok([data.numbers("candidates", column)?, data.numbers("stars", column)?])
    };
    let [g, snr, distance] = [both("phot_g_mean_mag")?, both("snri")?, both("r_est")?];
    let motion = [total("candidates")?, total("stars")?];
    let labels = [data.numbers("stars", "ap_Teff")?, data.numbers("stars", "ap_M_H")?];
    let of = |label: &str, range: (f64, f64), log: bool| Distribution {
        label: label.into(),
        range,
        log,
        all: &[],
        kept: &[],
    };
    let pair = |values: &'_ [Vec<f64>; 2]| (values[0].clone(), values[1].clone());
    let pairs = [pair(&g), pair(&snr), pair(&distance), pair(&motion)];
    let drawn = [
        of("G (mag)", (8.0, 20.0), false),
        of("signal-to-noise ratio in i", (3.0, 2000.0), true),
        of("distance (pc)", (3.0, 3000.0), true),
        of("proper motion (mas/yr)", (1.0, 5000.0), true),
    ];
    let mut distributions: Vec<Distribution<'_>> = drawn
        .into_iter()
        .zip(&pairs)
        .map(|(drawn, (all, kept))| Distribution { all, kept, ..drawn })
        .collect();
    let label = |text: &str, range: (f64, f64), i: usize| Distribution {
        kept: &labels[i],
        ..of(text, range, false)
    };
    distributions.push(label("T_{eff} (K)", (2700.0, 4700.0), 0));
    distributions.push(label("[M/H] (dex)", (-2.0, 0.7), 1));
    let figure = PopulationFigure {
        bp_rp: &data.numbers("candidates", "bp_rp")?,
        m_g: &data.numbers("candidates", "M_G")?,
        distributions,
    };
    Ok(population(&figure, spec.origin()))
}
