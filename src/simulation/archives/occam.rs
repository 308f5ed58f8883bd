//! Members of open clusters of OCCAM DR16 (Donor et al. 2020, AJ 159, 199), names of the columns as in the file
//! `occam_member-DR16.fits`; -9999.99 means none. As in the real file most rows are field stars with probabilities of
//! 0.

use super::super::clusters::{self, Cluster};
use super::super::label_scales;
use super::super::random::Stream;
use super::super::table::Table;
use super::{Record, Shard};

const NONE: f64 = -9999.99;

struct Row<'a> {
    record: &'a Record,
    cluster: &'static Cluster,
    fe_h: f64,
    fe_h_err: f64,
    /// Probabilities from velocity, metallicity, proper motion, and of Cantat-Gaudin et al. (2018).
    probability: [f64; 4],
}

/// Rows of the table: the shard's stars in the windows of Table 3's clusters.
pub fn table(shard: &Shard) -> Table {
    let rows: Vec<Row<'_>> = shard.records.iter().filter_map(|r| row(shard, r)).collect();
    Table::new("occam_member")
        .text(("CLUSTER", "", "Cluster"), 13, &rows, |r| r.cluster.name.to_owned())
        .text(("APOGEE_ID", "", "2MASS-style name"), 18, &rows, |r| {
            label_scales::apogee_id(r.record.ra_2000_deg, r.record.dec_2000_deg)
        })
        .i64(("LOCATION_ID", "", "Field location"), &rows, |_| 5000)
        .f64(("GLON", "deg", "Galactic longitude"), &rows, |r| r.record.star().l_deg)
        .f64(("GLAT", "deg", "Galactic latitude"), &rows, |r| r.record.star().b_deg)
        .f64(("VHELIO_AVG", "km/s", "Heliocentric velocity"), &rows, |r| r.record.star().rv_km_s)
        .f64(("VSCATTER", "km/s", "Scatter of visits"), &rows, |_| 0.1)
        .f64(("FE_H", "dex", "[Fe/H]"), &rows, |r| r.fe_h)
        .f64(("FE_H_ERR", "dex", "Its error"), &rows, |r| r.fe_h_err)
        .f64(("PMRA", "mas/yr", "Proper motion, right ascension"), &rows, |r| {
            r.record.source().pmra_mas_yr
        })
        .f64(("PMRA_ERR", "mas/yr", "Its error"), &rows, |r| r.record.source().pmra_error_mas_yr)
        .f64(("PMDEC", "mas/yr", "Proper motion, declination"), &rows, |r| {
            r.record.source().pmdec_mas_yr
        })
        .f64(("PMDEC_ERR", "mas/yr", "Its error"), &rows, |r| r.record.source().pmdec_error_mas_yr)
        .f64(("RV_PROB", "", "Probability from velocity"), &rows, |r| r.probability[0])
        .f64(("FEH_PROB", "", "Probability from metallicity"), &rows, |r| r.probability[1])
        .f64(("PM_PROB", "", "Probability from proper motion"), &rows, |r| r.probability[2])
        .f64(("CG_PROB", "", "Probability of Cantat-Gaudin et al. 2018"), &rows, |r| {
            r.probability[3]
        })
}

fn row<'a>(shard: &Shard, record: &'a Record) -> Option<Row<'a>> {
    let star = record.star();
    let number = clusters::number_of(star.id).filter(|number| *number != clusters::HYADES)?;
    let cluster = &clusters::CLUSTERS[number];
    let (fe_h, fe_h_err) = label_scales::occam_fe_h(&shard.survey, star);
    // One in seven has no metallicity, as in the real file.
    let mut stream = Stream::new(shard.survey.seed, star.id, "occam row");
    let (fe_h, fe_h_err) = if stream.chance(0.14) { (NONE, NONE) } else { (fe_h, fe_h_err) };
    let likely = |off: f64, sigma: f64| {
        let p = (-0.5 * (off / sigma).powi(2)).exp();
        if p < 0.005 { 0.0 } else { p }
    };
    let source = record.source();
    let slow = (source.pmra_mas_yr - cluster.pmra_mas_yr)
        .hypot(source.pmdec_mas_yr - cluster.pmdec_mas_yr);
    let metal = if fe_h == NONE { 0.0 } else { likely(fe_h - (cluster.m_h - 0.15), 0.12) };
    let known = if clusters::is_member(star) { stream.uniform_in(0.5, 1.0) } else { 0.0 };
    let probability = [
        likely(star.rv_km_s - cluster.rv_km_s, 2.0),
        metal,
        likely(slow, 1.5 + 0.04 * cluster.pmra_mas_yr.hypot(cluster.pmdec_mas_yr)),
        known,
    ];
    Some(Row { record, cluster, fe_h, fe_h_err, probability })
}
