//! LAMOST's catalog of M stars as a table: rows of `m_star_row` in columns, with the units of the release.

use super::m_star_row::MStarRow;
use crate::simulation::table::Table;

/// The catalog of some rows, in their order.
pub fn m_star_table(rows: &[MStarRow]) -> Table {
    let table = signal_columns(target_columns(Table::new("lamost_m_stars"), rows), rows);
    measured_columns(magnitude_columns(table, rows), rows)
}

fn target_columns(table: Table, rows: &[MStarRow]) -> Table {
    table
        .i64(("obsid", "", "Unique number ID of this spectrum"), rows, |r| r.obsid)
        .text(("designation", "", "Target designation"), 34, rows, |r| r.designation.clone())
        .text(("obsdate", "", "Target observation date"), 10, rows, |r| r.obsdate.clone())
        .i32(("lmjd", "d", "Local modified Julian day"), rows, |r| r.lmjd)
        .i32(("mjd", "d", "Modified Julian day"), rows, |r| r.mjd)
        .text(("planid", "", "Plan name"), 20, rows, |r| r.planid.clone())
        .i32(("spid", "", "Spectrograph ID"), rows, |r| r.spid)
        .i32(("fiberid", "", "Fiber ID"), rows, |r| r.fiberid)
        .f64(("ra_obs", "deg", "Fiber pointing right ascension"), rows, |r| r.ra_obs)
        .f64(("dec_obs", "deg", "Fiber pointing declination"), rows, |r| r.dec_obs)
}

fn signal_columns(table: Table, rows: &[MStarRow]) -> Table {
    table
        .f32(("snru", "", "S/N a pixel of the u band"), rows, |r| r.snr[0])
        .f32(("snrg", "", "S/N a pixel of the g band"), rows, |r| r.snr[1])
        .f32(("snrr", "", "S/N a pixel of the r band"), rows, |r| r.snr[2])
        .f32(("snri", "", "S/N a pixel of the i band"), rows, |r| r.snr[3])
        .f32(("snrz", "", "S/N a pixel of the z band"), rows, |r| r.snr[4])
        .text(("objtype", "", "Object type from the input catalog"), 10, rows, |r| r.objtype.into())
        .text(("class", "", "Class of the spectrum"), 10, rows, |r| r.class.into())
        .text(("subclass", "", "Subclass of the spectrum"), 10, rows, |r| r.subclass.clone())
        .f64(("z", "", "Redshift, -9999 when not measured"), rows, |r| r.z)
        .f64(("z_err", "", "Error of the redshift"), rows, |r| r.z_err)
}

fn magnitude_columns(table: Table, rows: &[MStarRow]) -> Table {
    const NAMES: [&str; 7] = ["mag1", "mag2", "mag3", "mag4", "mag5", "mag6", "mag7"];
    let start =
        table.text(("magtype", "", "Bands of the magnitudes"), 10, rows, |r| r.magtype.into());
    let magnitudes = NAMES.into_iter().enumerate().fold(start, |table, (n, name)| {
        table.f32((name, "mag", "Associated magnitude, 99 when missing"), rows, |r| r.mag[n])
    });
    magnitudes
        .i64(("fibermask", "", "Bitmask of warnings of the fiber"), rows, |r| r.fibermask)
        .f64(("ra", "deg", "Right ascension of the input catalog, J2000"), rows, |r| r.ra)
        .f64(("dec", "deg", "Declination of the input catalog, J2000"), rows, |r| r.dec)
}

fn measured_columns(table: Table, rows: &[MStarRow]) -> Table {
    const TIO: [&str; 5] = ["tio1", "tio2", "tio3", "tio4", "tio5"];
    const CAH: [&str; 3] = ["cah1", "cah2", "cah3"];
    let start = table
        .f32(("rv", "km/s", "Radial velocity, -9999 when not measured"), rows, |r| r.rv)
        .f32(("ewha", "Angstrom", "Equivalent width of H-alpha emission"), rows, |r| r.ewha)
        .f32(("ewha_err", "Angstrom", "Error of ewha"), rows, |r| r.ewha_err);
    let tio = TIO.into_iter().enumerate().fold(start, |table, (n, name)| {
        table.f32((name, "", "Spectral index of a TiO band"), rows, |r| r.tio[n])
    });
    let cah = CAH.into_iter().enumerate().fold(tio, |table, (n, name)| {
        table.f32((name, "", "Spectral index of a CaH band"), rows, |r| r.cah[n])
    });
    cah.f32(("caoh", "", "Spectral index of a CaOH band"), rows, |r| r.caoh)
        .f32(("zeta", "", "Metallicity index"), rows, |r| r.zeta)
        .f32(("zeta_err", "", "Error of zeta"), rows, |r| r.zeta_err)
        .i32(("magact", "", "1 active, 0 inactive, -9999 unknown"), rows, |r| r.magact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::spectra::m_star_row;
    use crate::simulation::spectra::observe::Observatory;
    use crate::simulation::spectra::observe_tests::{star, visit};
    use crate::simulation::table::Values;

    #[test]
    fn rows_become_columns_with_sentinels() {
        let observatory = Observatory::new(3);
        let mut sky = star(3500.0);
        sky.kind = crate::simulation::star::Kind::Sky;
        let rows: Vec<_> = [(star(3500.0), 41), (sky, 42)]
            .iter()
            .map(|(star, obsid)| {
                let visit = visit(*obsid, 80.0);
                m_star_row::row(star, &visit, &observatory.observe(star, &visit))
            })
            .collect();
        let table = m_star_table(&rows);
        assert_eq!(table.n_row(), 2);
        assert_eq!(table.numbers("obsid"), Some(vec![41.0, 42.0]));
        let z = table.numbers("z").unwrap();
        assert!(z[0].abs() < 1e-3 && z[1] == -9999.0);
        let tio5 = table.numbers("tio5").unwrap()[0];
        assert!((tio5 - 0.6).abs() < 0.12, "{tio5}");
        assert_eq!(table.numbers("magact").unwrap()[0], 0.0);
        let Values::Text(subclass, _) = &table.column("subclass").unwrap().values else { panic!() };
        assert_eq!(subclass[1], "Non");
    }
}
