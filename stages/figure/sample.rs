//! Diagnostics of the sample: attrition and selection function.

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::figures::{
    AttritionFigure, SelectionCurve, SelectionFigure, Step, attrition as draw_attrition,
    selection as draw_selection,
};
use crate::report::{Figure as Drawing, Measured, Panel};

/// Ports and columns of the attrition.
pub const ATTRITION: &[Read] = &[("attrition", &["criterion", "n_in", "n_out"])];
/// Ports and columns of the selection function.
pub const SELECTION: &[Read] =
    &[("selection", &["by", "low", "high", "n", "share", "share_low", "share_high"])];

/// The cuts of a table of attrition, in its order.
///
/// # Errors
/// A column of another kind than such a table has.
pub fn steps(data: &Data<'_>, port: &str) -> Result<Vec<Step>, StageError> {
    let names = data.texts(port, "criterion")?;
    let (n_in, n_out) = (data.counts(port, "n_in")?, data.counts(port, "n_out")?);
    let rows = names.into_iter().zip(n_in).zip(n_out);
    Ok(rows.map(|((name, n_in), n_out)| Step { name, n_in, n_out, paper: None }).collect())
}

/// Draws the attrition.
pub fn attrition(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let figure = AttritionFigure { steps: &steps(data, "attrition")? };
    Ok(draw_attrition(&figure, spec.origin()))
}

/// Properties of the selection function, and what they are called.
const PROPERTIES: [(&str, &str); 5] = [
    ("distance", "distance (pc)"),
    ("bp_rp", "G_{BP} − G_{RP} (mag)"),
    ("abs_g", "M_{G} (mag)"),
    ("m_h", "[M/H] (dex)"),
    ("a_v", "A_{V} (mag)"),
];

/// What a curve borrows.
struct Owned {
    label: &'static str,
    at: Vec<f64>,
    kept: Vec<Measured>,
    n: Vec<usize>,
}

/// Draws the selection function.
pub fn selection(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let curves: Vec<Owned> = PROPERTIES
        .iter()
        .map(|(property, label)| curve(data, property, label))
        .collect::<Result<_, _>>()?;
    let curves = curves.iter().filter(|curve| !curve.at.is_empty());
    let figure = SelectionFigure {
        curves: curves
            .map(|c| {
                Panel::Data(SelectionCurve {
                    label: c.label.to_owned(),
                    at: &c.at,
                    kept: &c.kept,
                    pure: &[],
                    n: &c.n,
                })
            })
            .collect(),
    };
    Ok(draw_selection(&figure, spec.origin()))
}

/// Shares kept in the bins of a property; the last bin, which is open, is taken to be as wide as the one before.
fn curve(data: &Data<'_>, property: &str, label: &'static str) -> Result<Owned, StageError> {
    let port = "selection";
    let of = |name: &str| data.numbers(port, name);
    let (low, high, share) = (of("low")?, of("high")?, of("share")?);
    let (ends, n) = ([of("share_low")?, of("share_high")?], data.counts(port, "n")?);
    let mut owned = Owned { label, at: Vec::new(), kept: Vec::new(), n: Vec::new() };
    let mut width = f64::NAN;
    for row in data.rows(port, &[("by", property)])? {
        if high[row].is_finite() {
            width = high[row] - low[row];
        }
        owned.at.push(low[row] + width / 2.0);
        owned.kept.push(Measured { value: share[row], low: ends[0][row], high: ends[1][row] });
        owned.n.push(n[row]);
    }
    Ok(owned)
}
