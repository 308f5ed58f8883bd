//! Figure 1: candidates, those that the cuts keep, and giants.

use std::collections::BTreeSet;

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{CmdFigure, PRINTED_QUADRANGLE, cmd};

/// Ports and columns.
pub const READS: &[Read] = &[
    ("candidates", &["obsid", "bp_rp", "M_G"]),
    ("selected", &["obsid"]),
    ("giants", &["bp_rp", "M_G"]),
];

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let kept: BTreeSet<i64> = data.ids("selected", "obsid")?.into_iter().collect();
    let ids = data.ids("candidates", "obsid")?;
    // Without the table of kept rows nothing is known about them.
    let selected = match data.table("selected") {
        Some(_) => ids.iter().map(|id| kept.contains(id)).collect(),
        None => Vec::new(),
    };
    let figure = CmdFigure {
        bp_rp: &data.numbers("candidates", "bp_rp")?,
        m_g: &data.numbers("candidates", "M_G")?,
        selected: &selected,
        giant_bp_rp: &data.numbers("giants", "bp_rp")?,
        giant_m_g: &data.numbers("giants", "M_G")?,
        quadrangle: PRINTED_QUADRANGLE,
        giant_limit: 5.0,
    };
    Ok(cmd(&figure, spec.origin()))
}
