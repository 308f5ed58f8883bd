//! Diagnostic: all that tells the errors, on one plot: cross-validation, repeats, wide binaries, clusters, and
//! the errors adopted in the catalog.

use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, Frame, INK, Line, Measured, OKABE_ITO, Origin, Panel,
    Rect, Sample, Shape, Sheet,
};

/// One way to measure the error of one spectrum; slices of length `(n_bin,)`.
#[derive(Debug, Clone)]
pub struct PrecisionSeries<'a> {
    /// In a few words: `repeats`, `wide binaries`.
    pub name: String,
    /// Signal-to-noise ratio of the bins.
    pub snr: &'a [f64],
    /// Scatter of one spectrum with its interval, unit of the label.
    pub sigma: &'a [Measured],
}

/// One label.
#[derive(Debug, Clone)]
pub struct PrecisionLabel<'a> {
    /// Marked text with unit: `σ(T_{eff}) (K)`.
    pub label: String,
    /// The ways.
    pub series: Vec<PrecisionSeries<'a>>,
    /// The adopted error against signal-to-noise ratio: abscissas and values; may be empty.
    pub adopted: (&'a [f64], &'a [f64]),
}

/// Data of the figure.
#[derive(Debug, Clone)]
pub struct PrecisionFigure<'a> {
    /// The labels.
    pub labels: Vec<Panel<PrecisionLabel<'a>>>,
}

const ROW: f64 = 144.0;
const SHAPES: [Shape; 4] = [Shape::Disc, Shape::Square, Shape::Diamond, Shape::Ring];

/// Draws the errors told by different ways.
pub fn precision(data: &PrecisionFigure<'_>, origin: Origin) -> Figure {
    let rows = data.labels.len().max(1);
    let height = 14.0 + ROW * rows as f64;
    let mut sheet = Sheet::new("precision", origin, COLUMN_MM, height * 25.4 / 72.0);
    let rect = |i: usize| Rect::new(38.0, 12.0 + ROW * i as f64, 196.0, 116.0);
    if data.labels.is_empty() {
        sheet.missing("precision", rect(0), "Nothing tells the errors of this sample.");
    }
    for (i, panel) in data.labels.iter().enumerate() {
        match panel.data() {
            Ok(label) if values(label).next().is_some() => draw(&mut sheet, rect(i), label),
            Ok(label) => sheet.missing(&label.label, rect(i), "No bin holds enough stars."),
            Err(why) => sheet.missing("precision", rect(i), why),
        }
    }
    let caption = "Errors of one spectrum as cross-validation, repeated spectra, wide binaries and clusters tell them, with 95% intervals, and the errors adopted in the catalog (line), against signal-to-noise ratio.";
    let alt =
        "Scatter against signal-to-noise ratio by several ways, compared with the adopted error.";
    sheet.figure("Precision", caption, alt)
}

/// What can be drawn: `(snr, sigma)`.
fn values<'a>(label: &'a PrecisionLabel<'_>) -> impl Iterator<Item = (f64, f64)> + 'a {
    let points = label.series.iter().flat_map(|s| s.snr.iter().zip(s.sigma));
    points
        .map(|(snr, sigma)| (*snr, sigma.value))
        .filter(|(snr, sigma)| snr.is_finite() && *snr > 0.0 && sigma.is_finite())
}

fn draw(sheet: &mut Sheet, rect: Rect, label: &PrecisionLabel<'_>) {
    let (mut first, mut last, mut top) = (5.0_f64, 200.0_f64, 0.0_f64);
    for (snr, sigma) in values(label) {
        (first, last, top) = (first.min(0.9 * snr), last.max(1.1 * snr), top.max(1.5 * sigma));
    }
    let ticks = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let axes = (Axis::log("SNR_{i}", first, last, &ticks), Axis::new(&label.label, 0.0, top));
    sheet.panel(&label.label, rect, axes, |frame| marks(frame, label));
}

fn marks(frame: &mut Frame<'_>, label: &PrecisionLabel<'_>) {
    let mut legend = Vec::new();
    if !label.adopted.0.is_empty() {
        let line = Line::whole(INK, 0.9);
        frame.line("adopted", label.adopted.0, label.adopted.1, line);
        legend.push((Sample::Line(line), "adopted".to_owned()));
    }
    for (i, series) in label.series.iter().enumerate() {
        let color = OKABE_ITO[i % OKABE_ITO.len()];
        let dot = Dot::disc(color, 3.4).shape(SHAPES[i % SHAPES.len()]);
        let column = |get: fn(&Measured) -> f64| series.sigma.iter().map(get).collect::<Vec<f64>>();
        let ends = (column(|m| m.low), column(|m| m.high));
        frame.error_bars(
            &format!("interval, {}", series.name),
            series.snr,
            (&ends.0, &ends.1),
            Line::whole(color, 0.7),
        );
        frame.dots(&series.name, series.snr, &column(|m| m.value), dot);
        legend.push((Sample::Dot(dot), series.name.clone()));
    }
    frame.legend(Corner::TopRight, &legend);
}
