//! Figures 3, 4 and 5: labels against those of APOGEE, of Birky et al. (2020, B20) and of Galgano et al. (2020).

use super::comparison::{Pairs, ROW, Row, row};
use crate::report::plot::{COLUMN_MM, Corner, Figure, Origin, Panel, Sheet};

/// Data of Figure 3, K.
#[derive(Debug, Clone)]
pub struct TeffComparisons<'a> {
    /// TEFF_AP against APOGEE.
    pub ap_apogee: Panel<Pairs<'a>>,
    /// TEFF_AP against B20.
    pub ap_b20: Panel<Pairs<'a>>,
    /// TEFF_BT against B20.
    pub bt_b20: Panel<Pairs<'a>>,
}

/// Data of Figure 4, K.
#[derive(Debug, Clone)]
pub struct GalganoComparison<'a> {
    /// TEFF_BT against Galgano et al. (2020).
    pub bt_galgano: Panel<Pairs<'a>>,
}

/// Data of Figure 5, dex.
#[derive(Debug, Clone)]
pub struct MetallicityComparisons<'a> {
    /// M_H_AP against APOGEE.
    pub ap_apogee: Panel<Pairs<'a>>,
    /// M_H_AP against [Fe/H] of B20.
    pub ap_b20: Panel<Pairs<'a>>,
    /// M_H_BT against APOGEE.
    pub bt_apogee: Panel<Pairs<'a>>,
    /// Metallicity at which the paper splits its samples, dex.
    pub split: f64,
}

const TEFF: Row<'_> = Row {
    name: "TEFF_AP, APOGEE",
    reference: "APOGEE T_{eff} (K)",
    ours: "TEFF_AP (K)",
    residual: "ΔT_{eff} (K)",
    range: (2800.0, 4500.0),
    reach: 400.0,
    decimals: 0,
    published: Some((3.0, 50.0)),
    split: None,
    corner: Corner::TopLeft,
    none: "No star has both TEFF_AP and an APOGEE temperature.",
};

const M_H: Row<'_> = Row {
    name: "M_H_AP, APOGEE",
    reference: "APOGEE [M/H] (dex)",
    ours: "M_H_AP (dex)",
    residual: "Δ[M/H] (dex)",
    range: (-1.6, 0.6),
    reach: 0.8,
    decimals: 2,
    published: Some((0.0, 0.13)),
    split: None,
    corner: Corner::TopLeft,
    none: "No star has both M_H_AP and an APOGEE metallicity.",
};

/// Draws Figure 3.
pub fn teff(data: &TeffComparisons<'_>, origin: Origin) -> Figure {
    let b20 = Row {
        name: "TEFF_AP, B20",
        reference: "B20 T_{eff} (K)",
        published: Some((185.0, 60.0)),
        none: "No star has both TEFF_AP and a B20 temperature.",
        // The stars lie above the line.
        corner: Corner::BottomRight,
        ..TEFF
    };
    let bt = Row {
        name: "TEFF_BT, B20",
        ours: "TEFF_BT (K)",
        published: Some((110.0, 90.0)),
        none: "No star has both TEFF_BT and a B20 temperature.",
        ..b20
    };
    let rows = [(&data.ap_apogee, TEFF), (&data.ap_b20, b20), (&data.bt_b20, bt)];
    let sheet = stacked("fig3_teff", origin, &rows);
    let alt = "Three rows: effective temperatures follow those of APOGEE along the one-to-one line; against Birky et al. they lie above it.";
    sheet.figure("Effective temperatures compared", &caption(3, "effective temperatures: TEFF_AP with APOGEE and with Birky et al. (2020, B20), TEFF_BT with B20"), alt)
}

/// Draws Figure 4.
pub fn galgano(data: &GalganoComparison<'_>, origin: Origin) -> Figure {
    let only = Row {
        name: "TEFF_BT, Galgano",
        reference: "Galgano+20 T_{eff} (K)",
        ours: "TEFF_BT (K)",
        published: Some((50.0, 65.0)),
        none: "No star has both TEFF_BT and a temperature of Galgano et al.",
        corner: Corner::BottomRight,
        ..TEFF
    };
    let sheet = stacked("fig4_galgano", origin, &[(&data.bt_galgano, only)]);
    let alt = "Effective temperature trained by BT-Settl against that of Galgano et al.: a narrow band a little above the one-to-one line.";
    sheet.figure(
        "TEFF_BT and Galgano et al. (2020)",
        &caption(4, "TEFF_BT with the temperatures of Galgano et al. (2020)"),
        alt,
    )
}

/// Draws Figure 5.
pub fn metallicity(data: &MetallicityComparisons<'_>, origin: Origin) -> Figure {
    let split = Some(data.split).filter(|v| v.is_finite());
    let apogee = Row { split, ..M_H };
    let b20 = Row {
        name: "M_H_AP, B20",
        reference: "B20 [Fe/H] (dex)",
        published: Some((-0.2, 0.16)),
        none: "No star has both M_H_AP and a B20 metallicity.",
        ..apogee
    };
    let bt = Row {
        name: "M_H_BT, APOGEE",
        ours: "M_H_BT (dex)",
        reach: 1.2,
        corner: Corner::BottomRight,
        published: Some((0.16, 0.35)),
        none: "No star has both M_H_BT and an APOGEE metallicity.",
        ..apogee
    };
    let rows = [(&data.ap_apogee, apogee), (&data.ap_b20, b20), (&data.bt_apogee, bt)];
    let sheet = stacked("fig5_metallicity", origin, &rows);
    let alt = "Three rows: metallicities follow those of APOGEE; they lie below those of Birky et al.; those trained by BT-Settl scatter widely and lose the trend at high metallicity.";
    let compared = format!(
        "metallicities: M_H_AP with APOGEE and with Birky et al. (2020, B20), M_H_BT with APOGEE; gray dashes: {} dex",
        data.split
    );
    let caption = format!("{}{}", caption(5, &compared), piled(&data.bt_apogee));
    sheet.figure("Metallicities compared", &caption, alt)
}

/// Stars at the same value as the largest that are worth a sentence, as a share.
const PILE_UP: f64 = 0.02;

/// A sentence on M_H_BT that stop at the upper bound of the fit; none where few do.
fn piled(panel: &Panel<Pairs<'_>>) -> String {
    let Panel::Data(pairs) = panel else { return String::new() };
    let both = pairs.ours.iter().zip(pairs.reference);
    let there: Vec<f64> =
        both.filter(|(a, b)| (*a + *b).is_finite()).map(|(ours, _)| *ours).collect();
    let largest = there.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let n = there.iter().filter(|v| largest - **v < 1e-3).count();
    if n < 2 || (n as f64) < PILE_UP * there.len() as f64 {
        return String::new();
    }
    format!(
        " {n} of {} M_H_BT stand at {largest:.2} dex, where the fit stops: the model grid ends at [M/H] = 0, and what is \
         richer in metals piles up there.",
        there.len()
    )
}

fn caption(number: u8, what: &str) -> String {
    format!(
        "Figure {number}. Comparison of {what}. Left: one to one, and residuals (ours minus reference) with running medians and 16th to 84th percentiles; \
         right: the residuals with the Gaussian of their mean and standard deviation (no clipping) and, dashed, that of the paper's. Brackets: 95% bootstrap intervals."
    )
}

fn stacked(name: &str, origin: Origin, rows: &[(&Panel<Pairs<'_>>, Row<'_>)]) -> Sheet {
    let height = 14.0 + ROW * rows.len() as f64;
    let mut sheet = Sheet::new(name, origin, COLUMN_MM, height * 25.4 / 72.0);
    for (i, (panel, look)) in rows.iter().enumerate() {
        row(&mut sheet, 12.0 + ROW * i as f64, panel, look);
    }
    sheet
}
