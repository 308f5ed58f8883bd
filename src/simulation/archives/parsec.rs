//! Isochrones of 1 Gyr in the columns of the CMD web interface of PARSEC (Bressan et al. 2012, MNRAS 427, 127; Chen et
//! al. 2014, MNRAS 444, 2525), with the passbands of Gaia DR2.
//!
//! Made from this survey's own main sequence, not from their models. So they match its stars on purpose, but for what
//! is planted: the blind variant of the survey takes others.

use super::super::spine::{self, Deviations};
use super::super::table::Table;
use super::super::variant::Variant;

/// Solar mass fraction of metals of PARSEC.
pub const Z_SUN: f64 = 0.0152;

struct Row {
    m_h: f64,
    mass: f64,
    log_l: f64,
    log_t: f64,
    logg: f64,
    g: f64,
    bp: f64,
    rp: f64,
}

/// The table: [M/H] -1.0 to 0.6 in steps of 0.1, masses 0.10 to 0.70 solar in steps of 0.01.
pub fn table(variant: Variant) -> Table {
    let at = |m_h: i32, m: i32| row(variant, f64::from(m_h) / 10.0, f64::from(m) / 100.0);
    let rows: Vec<Row> = (-10..=6).flat_map(|m_h| (10..=70).map(move |m| at(m_h, m))).collect();
    Table::new("parsec")
        .f64(("Zini", "", "Initial mass fraction of metals"), &rows, |r| Z_SUN * 10f64.powf(r.m_h))
        .f64(("MH", "dex", "[M/H]"), &rows, |r| r.m_h)
        .f64(("logAge", "log(yr)", "Age"), &rows, |_| 9.0)
        .f64(("Mini", "Msun", "Initial mass"), &rows, |r| r.mass)
        .f64(("Mass", "Msun", "Mass"), &rows, |r| r.mass)
        .f64(("logL", "log(Lsun)", "Luminosity"), &rows, |r| r.log_l)
        .f64(("logTe", "log(K)", "Effective temperature"), &rows, |r| r.log_t)
        .f64(("logg", "log(cgs)", "Surface gravity"), &rows, |r| r.logg)
        .i16(("label", "", "Evolutionary stage; 1: main sequence"), &rows, |_| 1)
        .f64(("Gmag", "mag", "Gaia DR2 G"), &rows, |r| r.g)
        .f64(("G_BPmag", "mag", "Gaia DR2 BP"), &rows, |r| r.bp)
        .f64(("G_RPmag", "mag", "Gaia DR2 RP"), &rows, |r| r.rp)
}

/// The table as the CMD web form answers: names in a comment line, columns between blanks, a last line that says so.
pub fn cmd_text(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let mut text = format!(
        "# Simulated isochrones in the columns of CMD\n# Photometric system: Gaia DR2\n# {}\n",
        names.join(" ")
    );
    for row in 0..table.n_row() {
        let cells: Vec<String> = table.columns.iter().map(|c| c.values.text(row)).collect();
        text.push_str(&cells.join(" "));
        text.push('\n');
    }
    text.push_str("#isochrone terminated\n");
    text
}

fn row(variant: Variant, m_h: f64, mass: f64) -> Row {
    let (color, teff_k, per_dex) = variant.isochrone_shift();
    let (a, m) = spine::main_sequence_star(mass, m_h, 0.0, Deviations::default());
    Row {
        m_h,
        mass,
        log_l: 2.0 * a.radius_rsun.log10() + 4.0 * ((a.teff_k + teff_k) / 5_772.0).log10(),
        log_t: (a.teff_k + teff_k).log10(),
        logg: a.logg,
        g: m.g - per_dex * m_h,
        bp: m.bp - per_dex * m_h + 0.5 * color,
        rp: m.rp - per_dex * m_h - 0.5 * color,
    }
}
