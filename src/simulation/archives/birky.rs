//! Labels of Birky et al. (2020, ApJ 892, 31): the columns of their machine-readable table of 5,875 stars. Join on
//! APOGEE_ID: in the real table GAIA_ID is rounded to 15 digits, and so it is here.

use super::super::label_scales::{self, TeffMetal};
use super::super::table::Table;
use super::{Record, Shard};

/// Rows of the table.
pub fn table(shard: &Shard) -> Table {
    let rows: Vec<(&Record, TeffMetal)> = shard
        .records
        .iter()
        .filter_map(|record| Some((record, label_scales::b20(&shard.survey, record.star())?)))
        .collect();
    Table::new("birky_2020")
        .text(("APOGEE_ID", "", "2MASS-style name"), 18, &rows, |(r, _)| {
            label_scales::apogee_id(r.ra_2000_deg, r.dec_2000_deg)
        })
        .f64(("RA", "deg", "Right ascension"), &rows, |(r, _)| r.ra_2000_deg)
        .f64(("DEC", "deg", "Declination"), &rows, |(r, _)| r.dec_2000_deg)
        .f64(("GAIA_ID", "", "Gaia DR2 source, rounded"), &rows, |(r, _)| {
            (r.source().source_id as f64 / 1e4).round() * 1e4
        })
        .f64(("BP_RP", "mag", "Gaia color"), &rows, |(r, _)| r.source().bp.mag - r.source().rp.mag)
        .f64(("G_MAG", "mag", "Gaia G"), &rows, |(r, _)| r.source().g.mag)
        .f64(("PLX", "mas", "Gaia parallax"), &rows, |(r, _)| r.source().parallax_mas)
        .f64(("TEFF", "K", "Effective temperature"), &rows, |(_, l)| l.teff_k)
        .f64(("FE_H", "dex", "[Fe/H]"), &rows, |(_, l)| l.m_h)
}
