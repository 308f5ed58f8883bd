//! APOGEE DR16 `allStar` (Joensson et al. 2020, AJ 160, 120): the columns of the data model that a user of stellar
//! labels reads, in its order. Missing labels are -9999; a second row of a star has bit 4 of EXTRATARG.

use super::super::label_scales::{self, ApogeeLabels};
use super::super::random::Stream;
use super::super::table::Table;
use super::{Record, Shard};

/// Bit of EXTRATARG of a duplicate observation.
pub const EXTRATARG_DUPLICATE: i32 = 1 << 4;
/// Bit of ASPCAPFLAG that says that the star is bad.
pub const ASPCAPFLAG_STAR_BAD: i64 = 1 << 23;
const MISSING: f64 = -9999.0;

struct Row<'a> {
    record: &'a Record,
    labels: ApogeeLabels,
    apogee_id: String,
    location: i16,
    duplicate: bool,
}

/// Rows of the table: the shard's stars that APOGEE observed, duplicates right after.
pub fn table(shard: &Shard) -> Table {
    let rows = rows(shard);
    gaia_columns(label_columns(target_columns(&rows), &rows), &rows)
}

fn rows(shard: &Shard) -> Vec<Row<'_>> {
    let survey = &shard.survey;
    let mut rows = Vec::new();
    for record in &shard.records {
        let star = record.star();
        if !label_scales::in_apogee(survey, star) {
            continue;
        }
        let labels = label_scales::apogee(survey, star);
        let location =
            4100 + (Stream::new(survey.seed, star.id, "apogee field").index(1800) as i16);
        let apogee_id = label_scales::apogee_id(record.ra_2000_deg, record.dec_2000_deg);
        for duplicate in [false, true].into_iter().take(1 + usize::from(labels.duplicated)) {
            let labels = if duplicate { again(labels, survey.seed, star.id) } else { labels };
            let apogee_id = apogee_id.clone();
            let location = location + i16::from(duplicate);
            rows.push(Row { record, labels, apogee_id, location, duplicate });
        }
    }
    rows
}

/// Labels of a second observation, of half the depth: the same but for a little noise.
fn again(labels: ApogeeLabels, seed: u64, id: u64) -> ApogeeLabels {
    let mut s = Stream::new(seed, id, "apogee again");
    ApogeeLabels {
        teff_k: labels.teff_k + s.gaussian(0.0, 15.0),
        m_h: labels.m_h + s.gaussian(0.0, 0.02),
        snr: 0.6 * labels.snr,
        ..labels
    }
}

fn target_columns(rows: &[Row<'_>]) -> Table {
    Table::new("allStar")
        .text(("APSTAR_ID", "", "Unique apStar identifier"), 45, rows, |r| {
            format!("apogee.apo25m.stars.{}.{}", r.location, r.apogee_id)
        })
        .text(("TARGET_ID", "", "Target identifier: location and name"), 36, rows, |r| {
            format!("apo25m.{}.{}", r.location, r.apogee_id)
        })
        .text(("APOGEE_ID", "", "2MASS-style name"), 18, rows, |r| r.apogee_id.clone())
        .text(("TELESCOPE", "", "Telescope"), 8, rows, |_| "apo25m".to_owned())
        .i16(("LOCATION_ID", "", "Field location"), rows, |r| r.location)
        .f32(("J", "mag", "2MASS J"), rows, |r| r.record.star().apparent.j)
        .f32(("H", "mag", "2MASS H"), rows, |r| r.record.star().apparent.h)
        .f32(("K", "mag", "2MASS Ks"), rows, |r| r.record.star().apparent.ks)
        .f64(("RA", "deg", "Right ascension, J2000"), rows, |r| r.record.ra_2000_deg)
        .f64(("DEC", "deg", "Declination, J2000"), rows, |r| r.record.dec_2000_deg)
        .f64(("GLON", "deg", "Galactic longitude"), rows, |r| r.record.star().l_deg)
        .f64(("GLAT", "deg", "Galactic latitude"), rows, |r| r.record.star().b_deg)
        .i32(("NVISITS", "", "Number of visits"), rows, |r| if r.duplicate { 1 } else { 3 })
        .f32(("SNR", "", "Median signal to noise per pixel"), rows, |r| r.labels.snr)
        .i64(("STARFLAG", "", "Bits of the star's spectra"), rows, |_| 0)
        .f32(("VHELIO_AVG", "km/s", "Heliocentric velocity"), rows, |r| r.labels.vhelio_km_s)
        .f32(("VSCATTER", "km/s", "Scatter of visits"), rows, |r| r.labels.vscatter_km_s)
}

fn label_columns(table: Table, rows: &[Row<'_>]) -> Table {
    let label = |r: &Row<'_>, value: f64| if r.labels.missing { MISSING } else { value };
    table
        .f32(("TEFF", "K", "Effective temperature"), rows, |r| label(r, r.labels.teff_k))
        .f32(("TEFF_ERR", "K", "Its error"), rows, |r| label(r, r.labels.teff_err_k))
        .f32(("LOGG", "log (cgs)", "Surface gravity"), rows, |r| label(r, r.labels.logg))
        .f32(("LOGG_ERR", "log (cgs)", "Its error"), rows, |r| label(r, r.labels.logg_err))
        .f32(("M_H", "dex", "[M/H]"), rows, |r| label(r, r.labels.m_h))
        .f32(("M_H_ERR", "dex", "Its error"), rows, |r| label(r, r.labels.m_h_err))
        .f32(("ALPHA_M", "dex", "[alpha/M]"), rows, |r| label(r, r.labels.alpha_m))
        .f32(("ALPHA_M_ERR", "dex", "Its error"), rows, |r| label(r, r.labels.alpha_m_err))
        .i64(("ASPCAPFLAG", "", "Bits of the label fit"), rows, |r| {
            if r.labels.star_bad { ASPCAPFLAG_STAR_BAD } else { 0 }
        })
        .text(("ASPCAPFLAGS", "", "The same in words"), 114, rows, |r| {
            if r.labels.star_bad { "STAR_BAD".to_owned() } else { String::new() }
        })
        .i32(("EXTRATARG", "", "Bits: 0 not main survey, 4 duplicate"), rows, |r| {
            if r.duplicate { EXTRATARG_DUPLICATE } else { 0 }
        })
}

fn gaia_columns(table: Table, rows: &[Row<'_>]) -> Table {
    table
        .i64(("GAIA_SOURCE_ID", "", "Gaia DR2 source"), rows, |r| {
            r.record.source().source_id as i64
        })
        .f32(("GAIA_PARALLAX", "mas", "Gaia DR2 parallax"), rows, |r| {
            r.record.source().parallax_mas
        })
        .f32(("GAIA_PHOT_G_MEAN_MAG", "mag", "Gaia DR2 G"), rows, |r| r.record.source().g.mag)
}
