//! Diagnostic: injection and recovery: what a disturbance of the spectra does to the labels.

use crate::report::plot::{
    Anchor, Axis, COLUMN_MM, Dot, Figure, Frame, INK, Line, Measured, OKABE_ITO, Origin, PALE,
    Rect, Sheet,
};

/// One disturbance: recovered minus injected labels, with 95 % intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct Disturbance {
    /// In a few words: `velocity +40 km/s`.
    pub name: String,
    /// Change of the effective temperature, K.
    pub teff: Measured,
    /// Change of the metallicity, dex.
    pub m_h: Measured,
}

/// Data of the figure.
#[derive(Debug, Clone, Copy)]
pub struct SensitivityFigure<'a> {
    /// The disturbances; the first is none at all, as control.
    pub rows: &'a [Disturbance],
}

const ROW: f64 = 20.0;

/// Draws the change of the labels by each disturbance.
pub fn sensitivity(data: &SensitivityFigure<'_>, origin: Origin) -> Figure {
    let n = data.rows.len();
    let height = ROW * n.max(3) as f64;
    let mut sheet = Sheet::new("sensitivity", origin, COLUMN_MM, (height + 44.0) * 25.4 / 72.0);
    if n == 0 {
        let all = Rect::new(8.0, 14.0, 226.0, height);
        sheet.missing("injection and recovery", all, "No spectrum was disturbed.");
    } else {
        let teff: Vec<Measured> = data.rows.iter().map(|r| r.teff).collect();
        let m_h: Vec<Measured> = data.rows.iter().map(|r| r.m_h).collect();
        let names: Vec<&str> = data.rows.iter().map(|r| r.name.as_str()).collect();
        let left = Rect::new(8.0, 14.0, 110.0, height);
        let right = Rect::new(124.0, 14.0, 110.0, height);
        panel(&mut sheet, left, "ΔT_{eff} (K)", (&teff, 20.0), &names);
        panel(&mut sheet, right, "Δ[M/H] (dex)", (&m_h, 0.02), &[]);
    }
    let caption = "Injection and recovery: mean change of the labels when spectra of known labels are disturbed, with 95% intervals.";
    let alt = "A row for each disturbance with the change of temperature and of metallicity.";
    sheet.figure("Injection and recovery", caption, alt)
}

fn panel(
    sheet: &mut Sheet,
    rect: Rect,
    label: &str,
    (values, least): (&[Measured], f64),
    names: &[&str],
) {
    let ends = values.iter().flat_map(|m| [m.value, m.low, m.high]).filter(|v| v.is_finite());
    let reach = ends.fold(least, |most, v| most.max(1.2 * v.abs()));
    let rows = Axis::new("", values.len() as f64, 0.0).at(&[]);
    sheet.panel(label, rect, (Axis::new(label, -reach, reach).ticks(4), rows), |frame| {
        // Beside the marks only: names stand above them, across the panel.
        let y: Vec<f64> =
            (0..values.len()).flat_map(|i| [0.52, 0.94, f64::NAN].map(|y| i as f64 + y)).collect();
        frame.line("no change", &vec![0.0; y.len()], &y, Line::whole(PALE, 0.6));
        marks(frame, values);
        for (i, name) in names.iter().enumerate() {
            frame.text(&format!(" {name}"), (-reach, i as f64 + 0.42), Anchor::Start, INK);
        }
    });
}

fn marks(frame: &mut Frame<'_>, values: &[Measured]) {
    let y: Vec<f64> = (0..values.len()).map(|i| i as f64 + 0.7).collect();
    let column = |get: fn(&Measured) -> f64| values.iter().map(get).collect::<Vec<f64>>();
    let ends = (column(|m| m.low), column(|m| m.high));
    frame.side_bars("interval", (&ends.0, &ends.1), &y, Line::whole(OKABE_ITO[0], 0.9));
    frame.dots("change", &column(|m| m.value), &y, Dot::disc(OKABE_ITO[0], 3.2));
}
