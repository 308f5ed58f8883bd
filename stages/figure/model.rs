//! Diagnostics of the model: another training set, the pixels' regressions, the hull of the training labels.

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::figures::{
    HullFigure, PixelFigure, TransferFigure, TransferLabel, hull as draw_hull,
    pixels as draw_pixels, transfer as draw_transfer,
};
use crate::report::{Figure as Drawing, Measured, Panel};

const LABELS: &[&str] = &["obsid", "ap_Teff", "ap_M_H"];
/// Ports and columns of the scale transfer.
pub const TRANSFER: &[Read] = &[
    ("old", LABELS),
    ("new", LABELS),
    (
        "summary",
        &[
            "label",
            "offset",
            "offset_lo",
            "offset_hi",
            "slope",
            "slope_lo",
            "slope_hi",
            "pivot",
            "shift",
        ],
    ),
];
/// Ports and columns of the pixels.
pub const PIXELS: &[Read] =
    &[("model", &["wave_angstrom", "cv_mse", "mean_scaled_variance", "C", "gamma", "epsilon"])];
/// Ports and columns of the hull.
pub const HULL: &[Read] = &[
    ("stars", &["ap_Teff", "ap_logg", "ap_M_H", "ap_in_hull"]),
    // Read for its training set, so that a swap is followed.
    ("model", &["wave_angstrom"]),
    ("training", &["Teff", "logg", "M_H"]),
];

/// Draws the scale transfer.
pub fn transfer(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let teff = both(data, "ap_Teff")?;
    let m_h = both(data, "ap_M_H")?;
    let named =
        [(&teff, "Teff", "T_{eff} (K)", 0_usize), (&m_h, spec.name_of("M_H"), "[M/H] (dex)", 2)];
    let mut labels = Vec::new();
    for ((old, new), name, label, decimals) in named {
        // The same labels on both sides: nothing was swapped.
        if old.iter().zip(new).all(|(a, b)| a == b || !(a - b).is_finite()) {
            continue;
        }
        let fitted = fitted(data, name)?;
        labels.push(Panel::Data(TransferLabel {
            label: label.to_owned(),
            old,
            new,
            offset: fitted.offset,
            slope: fitted.slope,
            pivot: fitted.pivot,
            decimals,
        }));
    }
    let name = |at: usize, usual: &'static str| spec.names.get(at).map_or(usual, String::as_str);
    let figure = TransferFigure {
        old: name(0, "the first training set"),
        new: name(1, "the second"),
        labels,
    };
    Ok(draw_transfer(&figure, spec.origin()))
}

/// A label of the spectra that both tables have.
fn both(data: &Data<'_>, label: &str) -> Result<(Vec<f64>, Vec<f64>), StageError> {
    let new = data.numbers("new", label)?;
    let ids = data.ids("new", "obsid")?.into_iter();
    let by_id: std::collections::BTreeMap<i64, f64> = ids.zip(new).collect();
    let old = data.ids("old", "obsid")?.into_iter().zip(data.numbers("old", label)?);
    Ok(old.filter_map(|(id, old)| Some((old, *by_id.get(&id)?))).unzip())
}

#[derive(Default)]
struct Fitted {
    offset: Option<Measured>,
    slope: Option<Measured>,
    pivot: Option<(f64, f64)>,
}

/// What `transfer` found; its slope is of new labels, that of the figure of differences.
fn fitted(data: &Data<'_>, label: &str) -> Result<Fitted, StageError> {
    let Some(row) = data.rows("summary", &[("label", label)])?.first().copied() else {
        return Ok(Fitted::default());
    };
    let finite = |m: Measured| m.value.is_finite().then_some(m);
    let less_one =
        |m: Measured| Measured { value: m.value - 1.0, low: m.low - 1.0, high: m.high - 1.0 };
    let (pivot, shift) =
        (data.numbers("summary", "pivot")?[row], data.numbers("summary", "shift")?[row]);
    Ok(Fitted {
        offset: finite(data.with_intervals("summary", "offset")?[row]),
        slope: finite(data.with_intervals("summary", "slope")?[row]).map(less_one),
        pivot: (pivot + shift).is_finite().then_some((pivot, shift)),
    })
}

/// Draws the pixels.
pub fn pixels(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let of = |name: &str| data.numbers("model", name);
    let figure = PixelFigure {
        model: spec.names.first().map_or("SLAM", String::as_str),
        wave: &of("wave_angstrom")?,
        cv_mse: &of("cv_mse")?,
        photon: &of("mean_scaled_variance")?,
        c: &of("C")?,
        gamma: &of("gamma")?,
        epsilon: &of("epsilon")?,
    };
    Ok(draw_pixels(&figure, spec.origin()))
}

/// Draws the hull.
pub fn hull(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let training = |name: &str| data.numbers("training", name);
    let stars = |name: &str| data.numbers("stars", name);
    let inside = data.marks("stars", "ap_in_hull");
    let (t, s) = (
        [training("Teff")?, training("logg")?, training("M_H")?],
        [stars("ap_Teff")?, stars("ap_logg")?, stars("ap_M_H")?],
    );
    let figure = HullFigure {
        training: [&t[0], &t[1], &t[2]],
        stars: [&s[0], &s[1], &s[2]],
        outside: &inside.iter().map(|inside| !inside).collect::<Vec<_>>(),
    };
    Ok(draw_hull(&figure, spec.origin()))
}
