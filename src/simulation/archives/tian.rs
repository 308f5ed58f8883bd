//! Wide binaries of Gaia DR2 (Tian et al. 2020, ApJS 246, 4; names of the columns unchecked): the pairs of which LAMOST
//! has both stars, and field stars with a resolved companion beyond 50 au.

use super::super::gaia::{Component, GaiaSource};
use super::super::survey::PAIR_BASE;
use super::super::table::Table;
use super::super::{gaia, pairs};
use super::{Shard, component};

struct Row {
    first: GaiaSource,
    second: GaiaSource,
}

impl Row {
    fn separation_arcsec(&self) -> f64 {
        crate::science::sky::separation_arcsec(
            self.first.ra_deg,
            self.first.dec_deg,
            self.second.ra_deg,
            self.second.dec_deg,
        )
    }

    /// Projected separation, au, from the measured parallax of the brighter star.
    fn separation_au(&self) -> f64 {
        1e3 * self.separation_arcsec() / self.first.parallax_mas
    }
}

/// Rows of the table: the brighter star first. A pair belongs to the shard that holds its primary.
pub fn table(shard: &Shard) -> Table {
    let rows: Vec<Row> = shard.records.iter().filter_map(|record| row(shard, record)).collect();
    Table::new("tian_2020")
        .i64(("source_id1", "", "Gaia DR2 source of the primary"), &rows, |r| {
            r.first.source_id as i64
        })
        .i64(("source_id2", "", "Gaia DR2 source of the secondary"), &rows, |r| {
            r.second.source_id as i64
        })
        .f64(("ra1", "deg", "Right ascension of the primary"), &rows, |r| r.first.ra_deg)
        .f64(("dec1", "deg", "Declination of the primary"), &rows, |r| r.first.dec_deg)
        .f64(("ra2", "deg", "Right ascension of the secondary"), &rows, |r| r.second.ra_deg)
        .f64(("dec2", "deg", "Declination of the secondary"), &rows, |r| r.second.dec_deg)
        .f64(("parallax1", "mas", "Parallax of the primary"), &rows, |r| r.first.parallax_mas)
        .f64(("parallax2", "mas", "Parallax of the secondary"), &rows, |r| r.second.parallax_mas)
        .f64(("phot_g_mean_mag1", "mag", "G of the primary"), &rows, |r| r.first.g.mag)
        .f64(("phot_g_mean_mag2", "mag", "G of the secondary"), &rows, |r| r.second.g.mag)
        .f64(("theta", "arcsec", "Angular separation"), &rows, Row::separation_arcsec)
        .f64(("s_AU", "au", "Projected separation"), &rows, Row::separation_au)
}

fn row(shard: &Shard, record: &super::Record) -> Option<Row> {
    let star = record.star();
    if star.wide_pair.is_some() {
        let primary = star.id.is_multiple_of(2);
        let pair = pairs::wide_pair(&shard.survey, (star.id - PAIR_BASE) / 2);
        let second = gaia::source(&shard.survey, &pair.secondary);
        return primary.then_some(Row { first: *record.source(), second });
    }
    let second = *component(record, Component::Companion)?;
    let row = Row { first: *record.source(), second };
    let found =
        row.first.parallax_mas > 0.25 && second.g.mag < 20.0 && row.separation_arcsec() > 1.5;
    let separation = record.system.resolved.map_or(0.0, |pair| pair.companion.separation_au);
    (found && (50.0..206_265.0).contains(&separation)).then_some(row)
}
