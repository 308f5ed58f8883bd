//! Figure 2: cross-validated scatter and bias against signal-to-noise ratio.

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::figures::{CvCurve, CvFigure, ScatterLaw, cv};
use crate::report::{Figure as Drawing, Measured, Panel};

const CURVE: &[&str] =
    &["label", "snr", "n", "bias", "bias_lo", "bias_hi", "rms", "rms_lo", "rms_hi"];
const LAWS: &[&str] = &["label", "source", "law", "v1", "v2"];

/// Ports and columns.
pub const READS: &[Read] =
    &[("ap_curve", CURVE), ("ap_laws", LAWS), ("bt_curve", CURVE), ("bt_laws", LAWS)];

/// What a curve borrows.
struct Owned {
    snr: Vec<f64>,
    n: Vec<usize>,
    scatter: Vec<Measured>,
    bias: Vec<Measured>,
    laws: Vec<ScatterLaw>,
}

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    // The paper's [M/H]; other training sets have [Fe/H].
    let metallicity = spec.name_of("M_H");
    let teff_ap = owned(data, ["ap_curve", "ap_laws"], "Teff")?;
    let m_h_ap = owned(data, ["ap_curve", "ap_laws"], metallicity)?;
    let teff_bt = owned(data, ["bt_curve", "bt_laws"], "Teff")?;
    let apogee = "Labels of spectra with APOGEE labels were not cross-validated.";
    let synthetic = "SLAM_1 was not tested: the BT-Settl spectra are missing.";
    let figure = CvFigure {
        teff_ap: panel(data, "ap_curve", apogee, &teff_ap, (50.0, 0.0)),
        m_h_ap: panel(data, "ap_curve", apogee, &m_h_ap, (0.10, 0.0)),
        teff_bt: panel(data, "bt_curve", synthetic, &teff_bt, (40.0, 0.0)),
    };
    Ok(cv(&figure, spec.origin()))
}

fn panel<'a>(
    data: &Data<'_>,
    port: &str,
    why: &str,
    owned: &'a Owned,
    published: (f64, f64),
) -> Panel<CvCurve<'a>> {
    let Owned { snr, n, scatter, bias, laws } = owned;
    super::data::panel(data, port, why, CvCurve { snr, n, scatter, bias, laws, published })
}

fn owned(data: &Data<'_>, [curve, laws]: [&str; 2], label: &str) -> Result<Owned, StageError> {
    let rows = data.rows(curve, &[("label", label)])?;
    let (snr, n) = (data.numbers(curve, "snr")?, data.counts(curve, "n")?);
    let (scatter, bias) = (data.with_intervals(curve, "rms")?, data.with_intervals(curve, "bias")?);
    Ok(Owned {
        snr: rows.iter().map(|row| snr[*row]).collect(),
        n: rows.iter().map(|row| n[*row]).collect(),
        scatter: rows.iter().map(|row| scatter[*row]).collect(),
        bias: rows.iter().map(|row| bias[*row]).collect(),
        laws: scatter_laws(data, laws, label)?,
    })
}

/// The laws of the ratio alone that have two numbers.
fn scatter_laws(data: &Data<'_>, port: &str, label: &str) -> Result<Vec<ScatterLaw>, StageError> {
    let (sources, names) = (data.texts(port, "source")?, data.texts(port, "law")?);
    let (v1, v2) = (data.numbers(port, "v1")?, data.numbers(port, "v2")?);
    let law = |row: usize| {
        if !["cv_curve", "cv_power_law"].contains(&sources[row].as_str()) {
            return None;
        }
        match names[row].as_str() {
            "photon" => Some(ScatterLaw::Quadrature { floor: v1[row], slope: v2[row] }),
            "power_law" => {
                Some(ScatterLaw::Power { amplitude: v1[row], exponent: v2[row], offset: 0.0 })
            }
            _ => None,
        }
    };
    Ok(data.rows(port, &[("label", label)])?.into_iter().filter_map(law).collect())
}
