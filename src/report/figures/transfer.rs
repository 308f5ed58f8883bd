//! Diagnostic: what another training set does to the scale of the labels.

use super::sample::{differences, moments, or_bare, running, stated};
use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, Hexes, Line, Measured, OKABE_ITO, Origin, PALE, Panel,
    Rect, Sheet, around, count, finite, plain,
};

/// One label on both scales; slices of equal length `(n_star,)`.
#[derive(Debug, Clone)]
pub struct TransferLabel<'a> {
    /// Marked text with unit.
    pub label: String,
    /// Label by the first training set.
    pub old: &'a [f64],
    /// Label by the second.
    pub new: &'a [f64],
    /// Mean of new minus old.
    pub offset: Option<Measured>,
    /// Slope of new minus old against old, errors in both: label unit per label unit.
    pub slope: Option<Measured>,
    /// Intercept at `pivot` of the fitted line; drawn if both slope and pivot are given.
    pub pivot: Option<(f64, f64)>,
    /// Decimals in annotations.
    pub decimals: usize,
}

/// Data of the figure.
#[derive(Debug, Clone)]
pub struct TransferFigure<'a> {
    /// Name of the first training set.
    pub old: &'a str,
    /// Name of the second.
    pub new: &'a str,
    /// The labels.
    pub labels: Vec<Panel<TransferLabel<'a>>>,
}

const ROW: f64 = 124.0;

/// Draws the transfer between two scales.
pub fn transfer(data: &TransferFigure<'_>, origin: Origin) -> Figure {
    let rows = data.labels.len().max(1);
    let mut sheet =
        Sheet::new("scale_transfer", origin, COLUMN_MM, (14.0 + ROW * rows as f64) * 25.4 / 72.0);
    let rect = |i: usize| Rect::new(38.0, 12.0 + ROW * i as f64, 196.0, 96.0);
    if data.labels.is_empty() {
        sheet.missing("scale transfer", rect(0), "Only one training set was used.");
    }
    for (i, panel) in data.labels.iter().enumerate() {
        match panel.data() {
            Ok(label) if finite(label.old, label.new).len() > 1 => draw(&mut sheet, rect(i), label),
            Ok(label) => sheet.missing(
                &label.label,
                rect(i),
                "Fewer than two stars have this label on both scales.",
            ),
            Err(why) => sheet.missing("scale transfer", rect(i), why),
        }
    }
    let caption = format!(
        "Labels trained by {} minus those trained by {}, against the latter; vermillion: running median with 16th and 84th percentiles; green: fitted line.",
        data.new, data.old
    );
    let alt =
        "Differences of labels between two training sets against the label, with a running median.";
    sheet.figure("Scale transfer", &caption, alt)
}

fn draw(sheet: &mut Sheet, rect: Rect, label: &TransferLabel<'_>) {
    let difference = differences(label.new, label.old);
    let (mean, sd) = moments(&difference).unwrap_or((0.0, 1.0));
    let reach = 4.0 * sd.max(1e-6 * mean.abs()).max(1e-9);
    let (low, high) = ((mean - reach).min(-0.2 * reach), (mean + 1.6 * reach).max(0.2 * reach));
    let (from, to) = around(label.old);
    let axes = (Axis::new(&label.label, from, to), Axis::new("new − old", low, high));
    sheet.panel(&plain(&label.label), rect, axes, |frame| {
        if finite(label.old, &difference).len() > 1_500 {
            frame.hexagons("stars", label.old, &difference, Hexes { pitch: 1.8, tint: None });
        } else {
            frame.dots("stars", label.old, &difference, Dot::disc(OKABE_ITO[0].alpha(0.4), 1.8));
        }
        frame.level("zero", 0.0, Line::whole(PALE, 0.6));
        running(label.old, &difference).draw(frame);
        if let (Some(slope), Some((pivot, at))) = (label.slope, label.pivot) {
            let y = [from, to].map(|x| at + slope.value * (x - pivot));
            frame.line("fitted line", &[from, to], &y, Line::whole(OKABE_ITO[2], 1.1).dashed());
        }
        let mut notes = vec![format!("n = {}", count(finite(label.old, label.new).len()))];
        notes.extend(
            or_bare(label.offset, Some(mean))
                .map(|m| stated("offset", m, label.decimals, "", true)),
        );
        notes.extend(label.slope.map(|m| stated("slope", m, 3, "", true)));
        frame.note(Corner::TopLeft, &notes);
    });
}
