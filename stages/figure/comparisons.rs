//! Figures 3, 4 and 5: labels beside those of APOGEE, of Birky et al. (2020) and of Galgano et al. (2020).

use super::Figure;
use super::data::{Data, Read, STATISTICS, panel};
use crate::engine::stage::StageError;
use crate::report::figures::{
    GalganoComparison, MetallicityComparisons, Pairs, TeffComparisons, galgano as draw_galgano,
    metallicity as draw_metallicity, teff as draw_teff,
};
use crate::report::{Figure as Drawing, Measured, Panel};

/// Ports and columns of Figures 3 and 5.
pub const READS: &[Read] = &[
    ("apogee", &["ap_Teff", "M_H", "bt_M_H", "TEFF_APOGEE", "M_H_APOGEE", "leaked"]),
    ("b20", &["ap_Teff", "bt_Teff", "M_H", "their_TEFF_B20", "their_FE_H_B20", "leaked"]),
    ("apogee_statistics", STATISTICS),
    ("b20_statistics", STATISTICS),
];

/// Ports and columns of Figure 4.
pub const GALGANO: &[Read] =
    &[("galgano", &["bt_Teff", "TEFF_GALGANO"]), ("statistics", STATISTICS)];

const NO_APOGEE: &str = "The APOGEE catalog (DR16) is missing.";
const NO_B20: &str = "The labels of Birky et al. (2020) are missing.";

/// What a row of a comparison borrows.
struct Owned {
    ours: Vec<f64>,
    reference: Vec<f64>,
    in_training: Vec<bool>,
    bias: Option<Measured>,
    scatter: Option<Measured>,
}

/// Rows of `port`: column of ours, that of theirs, whether training can know the star.
fn owned(
    data: &Data<'_>,
    [port, statistics]: [&str; 2],
    [ours, theirs]: [&str; 2],
    (label, trained): (&str, bool),
) -> Result<Owned, StageError> {
    Ok(Owned {
        ours: data.numbers(port, ours)?,
        reference: data.numbers(port, theirs)?,
        in_training: if trained { data.marks(port, "leaked") } else { Vec::new() },
        bias: data.statistic(statistics, Some(label), "mean")?,
        scatter: data.statistic(statistics, Some(label), "sd")?,
    })
}

fn pairs<'a>(data: &Data<'_>, port: &str, why: &str, owned: &'a Owned) -> Panel<Pairs<'a>> {
    let Owned { ours, reference, in_training, bias, scatter } = owned;
    panel(data, port, why, Pairs { ours, reference, in_training, bias: *bias, scatter: *scatter })
}

const APOGEE: [&str; 2] = ["apogee", "apogee_statistics"];
const B20: [&str; 2] = ["b20", "b20_statistics"];

/// Draws Figure 3.
pub fn teff(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let ap = owned(data, APOGEE, ["ap_Teff", "TEFF_APOGEE"], ("TEFF_AP - APOGEE", true))?;
    let b20 = owned(data, B20, ["ap_Teff", "their_TEFF_B20"], ("TEFF_AP - B20", true))?;
    let bt = owned(data, B20, ["bt_Teff", "their_TEFF_B20"], ("TEFF_BT - B20", false))?;
    let figure = TeffComparisons {
        ap_apogee: pairs(data, "apogee", NO_APOGEE, &ap),
        ap_b20: pairs(data, "b20", NO_B20, &b20),
        bt_b20: pairs(data, "b20", NO_B20, &bt),
    };
    Ok(draw_teff(&figure, spec.origin()))
}

/// Draws Figure 4.
pub fn galgano(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let ports = ["galgano", "statistics"];
    let bt = owned(data, ports, ["bt_Teff", "TEFF_GALGANO"], ("TEFF_BT - Galgano", false))?;
    let why = "The temperatures of Galgano et al. (2020) are missing.";
    let figure = GalganoComparison { bt_galgano: pairs(data, "galgano", why, &bt) };
    Ok(draw_galgano(&figure, spec.origin()))
}

/// Draws Figure 5.
pub fn metallicity(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let ap = owned(data, APOGEE, ["M_H", "M_H_APOGEE"], ("M_H_AP - APOGEE", true))?;
    let b20 = owned(data, B20, ["M_H", "their_FE_H_B20"], ("M_H_AP - B20", true))?;
    let bt = owned(data, APOGEE, ["bt_M_H", "M_H_APOGEE"], ("M_H_BT - APOGEE", false))?;
    let figure = MetallicityComparisons {
        ap_apogee: pairs(data, "apogee", NO_APOGEE, &ap),
        ap_b20: pairs(data, "b20", NO_B20, &b20),
        bt_apogee: pairs(data, "apogee", NO_APOGEE, &bt),
        split: -0.25,
    };
    Ok(draw_metallicity(&figure, spec.origin()))
}
