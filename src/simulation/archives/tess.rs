//! TESS Cool Dwarf Catalog (Muirhead et al. 2018, AJ 155, 180; VizieR J/AJ/155/180, names of its columns unchecked).

use super::super::label_scales;
use super::super::table::Table;
use super::{Record, Shard};

/// Rows of the table.
pub fn table(shard: &Shard) -> Table {
    let rows: Vec<(&Record, f64)> = shard
        .records
        .iter()
        .filter_map(|record| {
            Some((record, label_scales::tess_teff_k(&shard.survey, record.star())?))
        })
        .collect();
    Table::new("tess_cool_dwarfs")
        .i64(("TIC", "", "TESS Input Catalog identifier"), &rows, |(r, _)| {
            100_000_000 + r.star().id as i64
        })
        .f64(("RAJ2000", "deg", "Right ascension, J2000"), &rows, |(r, _)| r.ra_2000_deg)
        .f64(("DEJ2000", "deg", "Declination, J2000"), &rows, |(r, _)| r.dec_2000_deg)
        .text(("2MASS", "", "2MASS name"), 16, &rows, |(r, _)| {
            label_scales::apogee_id(r.ra_2000_deg, r.dec_2000_deg)[2..].to_owned()
        })
        .f32(("Jmag", "mag", "2MASS J"), &rows, |(r, _)| r.star().apparent.j)
        .f32(("Ksmag", "mag", "2MASS Ks"), &rows, |(r, _)| r.star().apparent.ks)
        .f32(("Tmag", "mag", "TESS magnitude, near RP"), &rows, |(r, _)| {
            r.star().apparent.rp - 0.02
        })
        .f64(("Teff", "K", "Effective temperature"), &rows, |(_, teff)| *teff)
        .f32(("Mass", "Msun", "Mass"), &rows, |(r, _)| r.star().atmosphere.mass_msun)
        .f32(("Rad", "Rsun", "Radius"), &rows, |(r, _)| r.star().atmosphere.radius_rsun)
}
