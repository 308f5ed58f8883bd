//! Diagnostic: are the errors right? How often the truth lies within an interval of the adopted errors.

use super::sample::{gaussian, histogram, moments};
use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, INK, Line, Measured, OKABE_ITO, Origin, PALE, Panel,
    Rect, Sample, Sheet, count, fixed,
};

/// One label.
#[derive(Debug, Clone)]
pub struct Pulls<'a> {
    /// Name of the label.
    pub label: String,
    /// Nominal probabilities of the intervals, 0 to 1, `(n_level,)`.
    pub nominal: &'a [f64],
    /// Fractions found, with intervals, `(n_level,)`.
    pub found: &'a [Measured],
    /// Differences from the truth over the adopted errors, `(n_star,)`.
    pub pulls: &'a [f64],
}

/// Data of the figure.
#[derive(Debug, Clone)]
pub struct CoverageFigure<'a> {
    /// The labels.
    pub labels: Vec<Panel<Pulls<'a>>>,
}

const ROW: f64 = 124.0;

/// Draws the coverage of the errors.
pub fn coverage(data: &CoverageFigure<'_>, origin: Origin) -> Figure {
    let rows = data.labels.len().max(1);
    let mut sheet =
        Sheet::new("coverage", origin, COLUMN_MM, (14.0 + ROW * rows as f64) * 25.4 / 72.0);
    let whole = |i: usize| Rect::new(32.0, 12.0 + ROW * i as f64, 202.0, 96.0);
    if data.labels.is_empty() {
        sheet.missing("coverage", whole(0), "No label has a reference to compare with.");
    }
    for (i, panel) in data.labels.iter().enumerate() {
        match panel.data() {
            Ok(pulls) if pulls.pulls.iter().filter(|v| v.is_finite()).count() > 1 => {
                draw(&mut sheet, 12.0 + ROW * i as f64, pulls);
            }
            Ok(pulls) => sheet.missing(
                &pulls.label,
                whole(i),
                "Fewer than two stars have an error and a reference.",
            ),
            Err(why) => sheet.missing("coverage", whole(i), why),
        }
    }
    let caption = "Coverage of the adopted errors. Left: fraction of stars within the central interval of a nominal probability, with 95% intervals; right: differences over their errors, with the unit Gaussian (dashed).";
    let alt = "Found against nominal coverage along the diagonal; histograms of normalized differences beside the unit Gaussian.";
    sheet.figure("Coverage of the errors", caption, alt)
}

fn draw(sheet: &mut Sheet, top: f64, label: &Pulls<'_>) {
    let n = label.pulls.iter().filter(|v| v.is_finite()).count();
    let percent = [(0.0, "0"), (0.25, ""), (0.5, "0.5"), (0.75, ""), (1.0, "1")];
    let axis = |text: &str| Axis::new(text, 0.0, 1.0).at(&percent);
    let axes = (axis("nominal probability"), axis("fraction found"));
    sheet.panel(&label.label, Rect::new(32.0, top, 96.0, 96.0), axes, |frame| {
        frame.line("right", &[0.0, 1.0], &[0.0, 1.0], Line::whole(PALE, 0.7));
        let column = |get: fn(&Measured) -> f64| label.found.iter().map(get).collect::<Vec<f64>>();
        let ends = (column(|m| m.low), column(|m| m.high));
        frame.error_bars(
            "interval",
            label.nominal,
            (&ends.0, &ends.1),
            Line::whole(OKABE_ITO[0], 0.7),
        );
        frame.line("found", label.nominal, &column(|m| m.value), Line::whole(OKABE_ITO[0], 0.8));
        frame.dots("found", label.nominal, &column(|m| m.value), Dot::disc(OKABE_ITO[0], 2.8));
        frame.note(Corner::TopLeft, &[label.label.clone(), format!("n = {}", count(n))]);
    });
    let (edges, counts) = histogram(label.pulls, (-5.0, 5.0), 40);
    let unit = gaussian((0.0, 1.0), (-5.0, 5.0), n as f64 * 0.25);
    let high = 1.5 * counts.iter().chain(&unit.1).copied().fold(1.0, f64::max);
    let axes = (Axis::new("Δ / σ", -5.0, 5.0), Axis::new("stars", 0.0, high));
    sheet.panel(
        &format!("{}, pulls", label.label),
        Rect::new(160.0, top, 74.0, 96.0),
        axes,
        |frame| {
            let fill = OKABE_ITO[5].alpha(0.5);
            frame.columns("stars", &edges, &counts, fill);
            let line = Line::whole(INK, 0.8).dashed();
            frame.line("unit Gaussian", &unit.0, &unit.1, line);
            let sd = moments(label.pulls).map_or(f64::NAN, |m| m.1);
            let entry = (Sample::Area(fill), format!("sd = {}", fixed(sd, 2)));
            frame.legend(Corner::TopLeft, &[entry, (Sample::Line(line), "σ = 1".to_owned())]);
        },
    );
}
