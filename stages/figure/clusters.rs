//! Figure 8: members of open clusters.

use super::Figure;
use super::data::{Data, Read, STATISTICS};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{ClustersFigure, clusters};

/// Ports and columns.
pub const READS: &[Read] =
    &[("stars", &["cluster", "ours", "theirs", "is_member", "leaked"]), ("statistics", STATISTICS)];

/// Draws it: of the rows those that count.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let member = data.marks("stars", "is_member");
    let rows: Vec<usize> =
        (0..data.n_row("stars")).filter(|row| member.get(*row) != Some(&false)).collect();
    let of = |name: &str| -> Result<Vec<f64>, StageError> {
        let all = data.numbers("stars", name)?;
        Ok(rows.iter().map(|row| all[*row]).collect())
    };
    let names = data.texts("stars", "cluster")?;
    let names: Vec<String> = rows.iter().map(|row| names[*row].clone()).collect();
    let known = data.marks("stars", "leaked");
    let known: Vec<bool> = rows.iter().filter_map(|row| known.get(*row).copied()).collect();
    let figure = ClustersFigure {
        cluster: &names,
        m_h: &of("ours")?,
        fe_h: &of("theirs")?,
        in_training: &known,
        bias: data.statistic("statistics", None, "mean")?,
        scatter: data.statistic("statistics", None, "sd")?,
    };
    Ok(clusters(&figure, spec.origin()))
}
