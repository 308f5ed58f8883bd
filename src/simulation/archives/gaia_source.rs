//! `gaiadr2.gaia_source` and `gaiadr2.ruwe` (Gaia Collaboration, Brown et al. 2018, A&A 616, A1): the columns that the
//! paper's cuts and matches need, under their names in the archive.

use super::super::gaia::GaiaSource;
use super::super::table::Table;
use super::Shard;

/// Rows of `gaia_source`.
pub fn table(shard: &Shard) -> Table {
    let rows = shard.sources();
    photometry(astrometry(&rows), &rows)
}

fn astrometry(rows: &[&GaiaSource]) -> Table {
    Table::new("gaia_source")
        .i64(("source_id", "", "Unique source identifier"), rows, |s| s.source_id as i64)
        .f64(("ref_epoch", "yr", "Reference epoch"), rows, |_| 2015.5)
        .f64(("ra", "deg", "Right ascension"), rows, |s| s.ra_deg)
        .f64(("ra_error", "mas", "Standard error of right ascension"), rows, |s| s.ra_error_mas)
        .f64(("dec", "deg", "Declination"), rows, |s| s.dec_deg)
        .f64(("dec_error", "mas", "Standard error of declination"), rows, |s| s.dec_error_mas)
        .f64(("parallax", "mas", "Parallax"), rows, |s| s.parallax_mas)
        .f64(("parallax_error", "mas", "Standard error of parallax"), rows, |s| {
            s.parallax_error_mas
        })
        .f32(("parallax_over_error", "", "Parallax over its error"), rows, |s| {
            s.parallax_mas / s.parallax_error_mas
        })
        .f64(("pmra", "mas.yr**-1", "Proper motion in right ascension"), rows, |s| s.pmra_mas_yr)
        .f64(("pmra_error", "mas.yr**-1", "Standard error of pmra"), rows, |s| s.pmra_error_mas_yr)
        .f64(("pmdec", "mas.yr**-1", "Proper motion in declination"), rows, |s| s.pmdec_mas_yr)
        .f64(("pmdec_error", "mas.yr**-1", "Standard error of pmdec"), rows, |s| {
            s.pmdec_error_mas_yr
        })
        .i32(
            ("astrometric_params_solved", "", "Parameters that were solved, 31: five"),
            rows,
            |_| 31,
        )
        .i32(("visibility_periods_used", "", "Visibility periods used"), rows, |s| {
            s.visibility_periods_used as i32
        })
        .bool(("duplicated_source", "", "Source with a duplicate"), rows, |_| false)
}

fn photometry(table: Table, rows: &[&GaiaSource]) -> Table {
    table
        .f64(("phot_g_mean_flux", "'electron'.s**-1", "Mean G flux"), rows, |s| s.g.flux)
        .f64(("phot_g_mean_flux_error", "'electron'.s**-1", "Error of G flux"), rows, |s| s.g.error)
        .f32(("phot_g_mean_flux_over_error", "", "G flux over error"), rows, |s| {
            s.g.flux / s.g.error
        })
        .f32(("phot_g_mean_mag", "mag", "Mean G magnitude"), rows, |s| s.g.mag)
        .f64(("phot_bp_mean_flux", "'electron'.s**-1", "Mean BP flux"), rows, |s| s.bp.flux)
        .f64(("phot_bp_mean_flux_error", "'electron'.s**-1", "Error of BP flux"), rows, |s| {
            s.bp.error
        })
        .f32(("phot_bp_mean_flux_over_error", "", "BP flux over error"), rows, |s| {
            s.bp.flux / s.bp.error
        })
        .f32(("phot_bp_mean_mag", "mag", "Mean BP magnitude"), rows, |s| s.bp.mag)
        .f64(("phot_rp_mean_flux", "'electron'.s**-1", "Mean RP flux"), rows, |s| s.rp.flux)
        .f64(("phot_rp_mean_flux_error", "'electron'.s**-1", "Error of RP flux"), rows, |s| {
            s.rp.error
        })
        .f32(("phot_rp_mean_flux_over_error", "", "RP flux over error"), rows, |s| {
            s.rp.flux / s.rp.error
        })
        .f32(("phot_rp_mean_mag", "mag", "Mean RP magnitude"), rows, |s| s.rp.mag)
        .f32(("phot_bp_rp_excess_factor", "", "BP/RP excess factor"), rows, |s| {
            s.bp_rp_excess_factor
        })
        .f32(("bp_rp", "mag", "BP - RP color"), rows, |s| s.bp.mag - s.rp.mag)
        .f64(("l", "deg", "Galactic longitude"), rows, |s| s.l_deg)
        .f64(("b", "deg", "Galactic latitude"), rows, |s| s.b_deg)
}

/// Rows of `ruwe`, a table of its own in DR2.
pub fn ruwe(shard: &Shard) -> Table {
    let rows = shard.sources();
    Table::new("ruwe")
        .i64(("source_id", "", "Unique source identifier"), &rows, |s| s.source_id as i64)
        .f32(("ruwe", "", "Renormalised unit weight error"), &rows, |s| s.ruwe)
}
