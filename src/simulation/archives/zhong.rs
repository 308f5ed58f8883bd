//! M giants of LAMOST (Zhong et al. 2019, ApJS 244, 8; names of the columns unchecked): 35,382 spectra.

use super::super::survey::APOGEE_BASE;
use super::super::survey::GIANT_BASE;
use super::super::table::Table;
use super::super::visits;
use super::{Record, Shard};

/// Rows of the table: the shard's giants of that catalog.
pub fn table(shard: &Shard) -> Table {
    let rows: Vec<&Record> = shard
        .records
        .iter()
        .filter(|record| (GIANT_BASE..APOGEE_BASE).contains(&record.star().id))
        .collect();
    Table::new("zhong_2019")
        .i64(("obsid", "", "LAMOST spectrum"), &rows, |r| {
            visits::first_obsid(&shard.survey, r.star()) as i64
        })
        .f64(("ra", "deg", "Right ascension"), &rows, |r| r.ra_2000_deg)
        .f64(("dec", "deg", "Declination"), &rows, |r| r.dec_2000_deg)
        .f64(("rv", "km/s", "Radial velocity"), &rows, |r| r.star().rv_km_s)
        .f32(("jmag", "mag", "2MASS J"), &rows, |r| r.star().apparent.j)
        .f32(("hmag", "mag", "2MASS H"), &rows, |r| r.star().apparent.h)
        .f32(("kmag", "mag", "2MASS Ks"), &rows, |r| r.star().apparent.ks)
        .i64(("source_id", "", "Gaia DR2 source"), &rows, |r| r.source().source_id as i64)
}
