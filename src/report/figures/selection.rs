//! Diagnostic: the selection function, the fraction of stars that the cuts keep as a function of a property.

use crate::report::plot::{
    Axis, COLUMN_MM, Color, Corner, Dot, Figure, Frame, Line, Measured, OKABE_ITO, Origin, PALE,
    Panel, Rect, Sample, Sheet, count, finite,
};

/// Fraction kept along one property; slices of length `(n_bin,)`.
#[derive(Debug, Clone)]
pub struct SelectionCurve<'a> {
    /// Marked text with unit: the property.
    pub label: String,
    /// Middle of the bins.
    pub at: &'a [f64],
    /// Fraction kept, 0 to 1, with its interval.
    pub kept: &'a [Measured],
    /// Fraction of what is kept that belongs there (purity), if it is known; may be empty.
    pub pure: &'a [Measured],
    /// Stars in the bins before the cuts.
    pub n: &'a [usize],
}

/// Data of the figure: a panel for each property.
#[derive(Debug, Clone)]
pub struct SelectionFigure<'a> {
    /// The properties.
    pub curves: Vec<Panel<SelectionCurve<'a>>>,
}

const ROW: f64 = 112.0;

/// Draws the selection function.
pub fn selection(data: &SelectionFigure<'_>, origin: Origin) -> Figure {
    let rows = data.curves.len().max(1);
    let height = 14.0 + ROW * rows as f64;
    let mut sheet = Sheet::new("selection", origin, COLUMN_MM, height * 25.4 / 72.0);
    let rect = |i: usize| Rect::new(32.0, 12.0 + ROW * i as f64, 202.0, 84.0);
    if data.curves.is_empty() {
        sheet.missing("selection function", rect(0), "The stars before the cuts are not known.");
    }
    for (i, panel) in data.curves.iter().enumerate() {
        match panel.data() {
            Ok(curve) => draw(&mut sheet, rect(i), curve),
            Err(why) => sheet.missing("selection function", rect(i), why),
        }
    }
    let caption = "Selection function: fraction of stars that the cuts keep, by property; bars: 95% intervals.";
    let alt = "Curves of the fraction of stars kept against color, magnitude or metallicity.";
    sheet.figure("Selection function", caption, alt)
}

fn draw(sheet: &mut Sheet, rect: Rect, curve: &SelectionCurve<'_>) {
    let kept: Vec<f64> = curve.kept.iter().map(|m| m.value).collect();
    if finite(curve.at, &kept).is_empty() {
        sheet.missing(&curve.label, rect, "No bin holds enough stars.");
        return;
    }
    let (from, to) = crate::report::plot::around(curve.at);
    let axes = (
        Axis::new(&curve.label, from, to),
        Axis::new("fraction", 0.0, 1.35).at(&[
            (0.0, "0"),
            (0.25, ""),
            (0.5, "0.5"),
            (0.75, ""),
            (1.0, "1"),
        ]),
    );
    sheet.panel(&curve.label, rect, axes, |frame| {
        frame.level("all", 1.0, Line::whole(PALE, 0.5).dotted());
        let mut legend = Vec::new();
        for (name, values, color) in
            [("kept", curve.kept, OKABE_ITO[0]), ("pure", curve.pure, OKABE_ITO[1])]
        {
            if !values.is_empty() {
                legend.push((
                    Sample::Line(series(frame, name, (curve.at, values), color)),
                    name.to_owned(),
                ));
            }
        }
        frame.note(Corner::TopLeft, &[format!("n = {}", count(curve.n.iter().sum()))]);
        frame.legend(Corner::TopRight, &legend);
    });
}

fn series(
    frame: &mut Frame<'_>,
    name: &str,
    (at, values): (&[f64], &[Measured]),
    color: Color,
) -> Line {
    let column = |get: fn(&Measured) -> f64| values.iter().map(get).collect::<Vec<f64>>();
    let ends = (column(|m| m.low), column(|m| m.high));
    frame.error_bars(&format!("interval, {name}"), at, (&ends.0, &ends.1), Line::whole(color, 0.7));
    let line = Line::whole(color, 0.8);
    frame.line(name, at, &column(|m| m.value), line);
    frame.dots(name, at, &column(|m| m.value), Dot::disc(color, 2.6));
    line
}
