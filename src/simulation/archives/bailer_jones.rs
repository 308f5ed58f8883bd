//! `external.gaiadr2_geometric_distance`: distances of Bailer-Jones et al. (2018, AJ 156, 58).

use super::super::distances::{self, Distance};
use super::super::table::Table;
use super::Shard;

/// Rows of the table: every source of Gaia.
pub fn table(shard: &Shard) -> Table {
    let factor = shard.survey.variant.distance_prior_factor();
    let rows: Vec<(i64, Distance)> = shard
        .sources()
        .into_iter()
        .map(|s| {
            let scale = factor * distances::length_scale_pc(s.l_deg, s.b_deg);
            let distance = distances::estimate(s.parallax_mas, s.parallax_error_mas, scale);
            (s.source_id as i64, distance)
        })
        .collect();
    Table::new("gaiadr2_geometric_distance")
        .i64(("source_id", "", "Gaia DR2 source identifier"), &rows, |r| r.0)
        .f64(("r_est", "pc", "Estimated distance: mode of the posterior"), &rows, |r| r.1.r_est_pc)
        .f64(("r_lo", "pc", "Lower bound of the 68 percent interval"), &rows, |r| r.1.r_lo_pc)
        .f64(("r_hi", "pc", "Upper bound of the 68 percent interval"), &rows, |r| r.1.r_hi_pc)
        .f64(("r_len", "pc", "Length scale of the prior"), &rows, |r| r.1.r_len_pc)
        .text(("result_flag", "", "1: mode and highest density"), 1, &rows, |_| "1".to_owned())
        .i16(("modality_flag", "", "Number of modes"), &rows, |_| 1)
}
