//! M dwarfs of LAMOST DR1 (Galgano, Stassun & Rojas-Ayala 2020, AJ 159, 193; names of the columns unchecked). One row a
//! spectrum.

use super::super::label_scales;
use super::super::star::Visit;
use super::super::table::Table;
use super::{Record, Shard};

/// Rows of the table. `spectrum_error_sigma` gives, for an obsid, the error of a temperature measured on the spectrum
/// itself, in units of its standard deviation (see `label_scales::galgano_teff_k`).
pub fn table(shard: &Shard, spectrum_error_sigma: impl Fn(u64) -> Option<f64>) -> Table {
    let rows: Vec<(&Record, &Visit, f64)> = shard
        .spectra()
        .into_iter()
        .filter_map(|(record, visit)| {
            let error = spectrum_error_sigma(visit.obsid);
            let teff = label_scales::galgano_teff_k(&shard.survey, record.star(), visit, error)?;
            Some((record, visit, teff))
        })
        .collect();
    Table::new("galgano_2020")
        .i64(("obsid", "", "LAMOST spectrum"), &rows, |(_, v, _)| v.obsid as i64)
        .text(("designation", "", "LAMOST name"), 19, &rows, |(r, _, _)| {
            label_scales::lamost_designation(r.ra_2000_deg, r.dec_2000_deg)
        })
        .f64(("ra", "deg", "Right ascension"), &rows, |(_, v, _)| v.ra_deg)
        .f64(("dec", "deg", "Declination"), &rows, |(_, v, _)| v.dec_deg)
        .f64(("teff", "K", "Effective temperature"), &rows, |(_, _, teff)| *teff)
        .f64(("e_teff", "K", "Its error"), &rows, |_| 110.0)
}
