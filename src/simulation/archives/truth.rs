//! The truth, for the scorer alone: of stars, of spectra, of wide pairs.

use super::super::activity;
use super::super::clusters;
use super::super::gaia;
use super::super::label_scales;
use super::super::pairs;
use super::super::star::{Star, Visit};
use super::super::survey::PAIR_BASE;
use super::super::table::Table;
use super::{Record, Shard};

/// One row a star.
pub fn stars(shard: &Shard) -> Table {
    let rows: Vec<&Record> = shard.records.iter().collect();
    sky_columns(shard, nature_columns(&rows), &rows)
}

fn nature_columns(rows: &[&Record]) -> Table {
    let a = |r: &&Record| r.star().atmosphere;
    let ratio = |r: &&Record| r.star().companion.map_or(0.0, |c| c.flux_ratio_i);
    Table::new("truth_stars")
        .i64(("star_id", "", "Number of the object"), rows, |r| r.star().id as i64)
        .i64(("source_id", "", "Its Gaia source"), rows, |r| r.source().source_id as i64)
        .text(("kind", "", "What it is"), 20, rows, |r| r.star().kind.name().to_owned())
        .text(("population", "", "Stellar population"), 12, rows, |r| {
            r.star().population.name().to_owned()
        })
        .text(("cluster", "", "Cluster of which it is a member"), 13, rows, |r| {
            let window = clusters::window_of(r.star().id).filter(|_| clusters::is_member(r.star()));
            window.map_or(String::new(), |cluster| cluster.name.to_owned())
        })
        .f64(("teff", "K", "Effective temperature, scale of Mann et al. 2015"), rows, |r| {
            a(r).teff_k
        })
        .f64(("logg", "log(cgs)", "Surface gravity"), rows, |r| a(r).logg)
        .f64(("m_h", "dex", "[M/H], scale of Mann et al. 2015"), rows, |r| a(r).m_h)
        .f64(("teff_ap", "K", "Its Teff on APOGEE's scale, without noise"), rows, |r| {
            label_scales::apogee_scale(r.star()).0
        })
        .f64(("m_h_ap", "dex", "Its [M/H] on APOGEE's scale, without noise"), rows, |r| {
            label_scales::apogee_scale(r.star()).1
        })
        .f64(("alpha_m", "dex", "[alpha/M]"), rows, |r| a(r).alpha_m)
        .f64(("mass", "Msun", "Mass of the primary"), rows, |r| a(r).mass_msun)
        .f64(("radius", "Rsun", "Radius of the primary"), rows, |r| a(r).radius_rsun)
        .f64(("subtype", "", "Decimal M subtype"), rows, |r| activity::subtype(a(r).teff_k))
        .f64(("companion_ratio_i", "", "Unresolved companion's light in i; 0: none"), rows, ratio)
        .f64(("companion_teff", "K", "Its temperature"), rows, |r| {
            r.star().companion.map_or(f64::NAN, |c| c.atmosphere.teff_k)
        })
        .f64(("h_alpha_ew", "Angstrom", "H-alpha emission"), rows, |r| {
            r.star().activity.h_alpha_ew_angstrom
        })
}

fn sky_columns(shard: &Shard, table: Table, rows: &[&Record]) -> Table {
    let survey = &shard.survey;
    let dwarf = |r: &&Record| -> Star { *r.star() };
    table
        .f64(("distance", "pc", "Distance"), rows, |r| dwarf(r).distance_pc)
        .f64(("ra", "deg", "Right ascension, J2015.5"), rows, |r| dwarf(r).ra_deg)
        .f64(("dec", "deg", "Declination, J2015.5"), rows, |r| dwarf(r).dec_deg)
        .f64(("l", "deg", "Galactic longitude"), rows, |r| dwarf(r).l_deg)
        .f64(("b", "deg", "Galactic latitude"), rows, |r| dwarf(r).b_deg)
        .f64(("pmra", "mas.yr**-1", "Proper motion, right ascension"), rows, |r| {
            dwarf(r).pmra_mas_yr
        })
        .f64(("pmdec", "mas.yr**-1", "Proper motion, declination"), rows, |r| dwarf(r).pmdec_mas_yr)
        .f64(("rv", "km/s", "Radial velocity"), rows, |r| dwarf(r).rv_km_s)
        .f64(("a_v", "mag", "Extinction in V"), rows, |r| dwarf(r).av_mag)
        .f64(("abs_g", "mag", "Absolute G of the source"), rows, |r| dwarf(r).absolute.g)
        .f64(("bp_rp", "mag", "Intrinsic color of the source"), rows, |r| {
            dwarf(r).intrinsic_bp_rp()
        })
        .i32(("wide_pair", "", "Number of its wide pair; -1: none"), rows, |r| {
            dwarf(r).wide_pair.map_or(-1, |number| number as i32)
        })
        .bool(("in_apogee", "", "APOGEE observed it"), rows, |r| {
            label_scales::in_apogee(survey, r.star())
        })
        .bool(("in_b20", "", "It is in the table of Birky et al."), rows, |r| {
            label_scales::b20(survey, r.star()).is_some()
        })
        .bool(("apogee_outlier", "", "Its APOGEE TEFF is off on purpose"), rows, |r| {
            label_scales::in_apogee(survey, r.star())
                && label_scales::apogee(survey, r.star()).outlier
        })
        .text(("fault", "", "Planted fault of the star"), 20, rows, |r| {
            gaia::fault_of(survey, r.star()).map_or(String::new(), |f| f.name().to_owned())
        })
        .bool(("trap", "", "An unrelated source stands where it was in 2000"), rows, |r| {
            super::component(r, gaia::Component::Trap).is_some()
        })
}

/// One row a spectrum.
pub fn spectra(shard: &Shard) -> Table {
    let rows: Vec<(&Record, &Visit)> = shard.spectra();
    Table::new("truth_spectra")
        .i64(("obsid", "", "LAMOST spectrum"), &rows, |(_, v)| v.obsid as i64)
        .i64(("star_id", "", "Number of the object"), &rows, |(r, _)| r.star().id as i64)
        .i64(("source_id", "", "Its Gaia source"), &rows, |(r, _)| r.source().source_id as i64)
        .i16(("visit", "", "Number of the visit"), &rows, |(_, v)| v.number as i16)
        .f64(("snr_i", "", "Wanted signal-to-noise ratio in i"), &rows, |(_, v)| v.snr_i)
        .text(("fault", "", "Planted fault of the spectrum"), 20, &rows, |(_, v)| {
            v.fault.map_or(String::new(), |fault| fault.name().to_owned())
        })
}

/// One row a wide pair, in the shard that holds its primary.
pub fn wide_pairs(shard: &Shard) -> Table {
    let rows: Vec<pairs::WidePair> = shard
        .records
        .iter()
        .filter(|record| record.star().wide_pair.is_some() && record.star().id.is_multiple_of(2))
        .map(|record| pairs::wide_pair(&shard.survey, (record.star().id - PAIR_BASE) / 2))
        .collect();
    Table::new("truth_wide_pairs")
        .i32(("wide_pair", "", "Number of the pair"), &rows, |p| p.number as i32)
        .i64(("star_id1", "", "Number of the brighter star"), &rows, |p| p.primary.id as i64)
        .i64(("star_id2", "", "Number of the fainter star"), &rows, |p| p.secondary.id as i64)
        .f64(("separation", "au", "Projected separation"), &rows, |p| p.truth.separation_au)
        .bool(("chance", "", "The two merely lie side by side"), &rows, |p| p.truth.chance)
}
