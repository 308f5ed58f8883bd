//! Magnetic activity of the spectra, as LAMOST's M-star catalog has it (Guo et al. 2019, MNRAS 485, 2167): H-alpha
//! equivalent width, positive in emission, and the class that follows from it. Guo et al. (2015, RAA 15, 1182) do the
//! same for DR1.

use super::super::label_scales;
use super::super::planted::ACTIVE_EW_ANGSTROM;
use super::super::table::Table;
use super::Shard;

/// Rows of the table: one a spectrum.
pub fn table(shard: &Shard) -> Table {
    let rows: Vec<(i64, f64, f64)> = shard
        .spectra()
        .into_iter()
        .map(|(record, visit)| {
            let (width, error) =
                label_scales::measured_h_alpha(&shard.survey, record.star(), visit);
            (visit.obsid as i64, width, error)
        })
        .collect();
    Table::new("activity")
        .i64(("obsid", "", "LAMOST spectrum"), &rows, |r| r.0)
        .f32(("ewha", "Angstrom", "H-alpha equivalent width, positive in emission"), &rows, |r| r.1)
        .f32(("ewha_err", "Angstrom", "Its error"), &rows, |r| r.2)
        .i16(("magact", "", "1 active, 0 inactive, -9999 not to be told"), &rows, |r| {
            let sure = r.1 > 3.0 * r.2;
            match (r.1 > ACTIVE_EW_ANGSTROM, sure) {
                (true, true) => 1,
                (true, false) => -9999,
                (false, _) => 0,
            }
        })
}
