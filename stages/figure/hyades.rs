//! Figure 7: the Hyades.

use super::Figure;
use super::data::{Data, Read, STATISTICS};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{HyadesFigure, hyades};

/// Ports and columns.
pub const READS: &[Read] = &[("stars", &["M_H", "M_H_ERR", "ap_Teff"]), ("statistics", STATISTICS)];

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let statistic = |name: &str| data.statistic("statistics", Some("M_H"), name);
    let figure = HyadesFigure {
        m_h: &data.numbers("stars", "M_H")?,
        m_h_error: &data.numbers("stars", "M_H_ERR")?,
        teff: &data.numbers("stars", "ap_Teff")?,
        mean: statistic("mean")?,
        sd: statistic("sd")?,
        slope: statistic("slope")?,
        literature: 0.13,
    };
    Ok(hyades(&figure, spec.origin()))
}
