//! One row of a comparison: one-to-one, residuals below it, their histogram beside it (Figures 3, 4 and 5).

use super::sample::{bins, differences, gaussian, histogram, moments, or_bare, running, stated};
use crate::report::plot::{
    Axis, Color, Corner, Dot, Frame, Hexes, INK, Line, Measured, OKABE_ITO, PALE, Panel, Rect,
    Sample, Sheet, count, finite, fixed,
};

/// Two measurements of the same stars, slices of equal length `(n_star,)`.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a> {
    /// The pipeline's label, K or dex.
    pub ours: &'a [f64],
    /// The label compared with, K or dex.
    pub reference: &'a [f64],
    /// Whether the star (or a repeat or companion of it) was in training; empty if none was.
    pub in_training: &'a [bool],
    /// Mean of ours minus reference; computed here without interval if not given.
    pub bias: Option<Measured>,
    /// Standard deviation of ours minus reference; computed here without interval if not given.
    pub scatter: Option<Measured>,
}

/// What differs between rows.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    /// Name of the panel.
    pub name: &'t str,
    /// Marked text.
    pub reference: &'t str,
    /// Marked text.
    pub ours: &'t str,
    /// Marked text of the residual's axis.
    pub residual: &'t str,
    /// Range of both axes.
    pub range: (f64, f64),
    /// Half range of the residuals.
    pub reach: f64,
    /// Decimals in annotations.
    pub decimals: usize,
    /// Bias and scatter that the paper states.
    pub published: Option<(f64, f64)>,
    /// A vertical line in the one-to-one panel.
    pub split: Option<f64>,
    /// Where the statistics stand.
    pub corner: Corner,
    /// What is missing, if no star has both.
    pub none: &'t str,
}

/// Height of a row, points.
pub const ROW: f64 = 160.0;
const POINTS: Color = OKABE_ITO[0];
const HELD_OUT: Color = OKABE_ITO[3];
/// Up to this many stars are drawn as dots.
const DOTS: usize = 1_200;

/// Draws a row whose upper edge is at `top`.
pub fn row(sheet: &mut Sheet, top: f64, panel: &Panel<Pairs<'_>>, row: &Row<'_>) {
    let pairs = match panel.data() {
        Ok(pairs) if finite(pairs.ours, pairs.reference).len() >= 2 => pairs,
        Ok(_) => return empty(sheet, top, row, row.none),
        Err(why) => return empty(sheet, top, row, why),
    };
    let residual = differences(pairs.ours, pairs.reference);
    let one = Axis::new(row.ours, row.range.0, row.range.1);
    let across = || Axis::new(row.reference, row.range.0, row.range.1);
    let rect = Rect::new(34.0, top, 106.0, 96.0);
    sheet.panel(row.name, rect, (across().bare(), one), |frame| {
        one_to_one(frame, pairs, row);
        frame.note(row.corner, &statistics(pairs, &residual, row));
    });
    let rect = Rect::new(34.0, top + 96.0, 106.0, 34.0);
    let half = halves(Axis::new("residual", -row.reach, row.reach), row);
    sheet.panel(&format!("{}, residual", row.name), rect, (across(), half), |frame| {
        let thin = Line::whole(INK, 0.5);
        cloud(frame, pairs.reference, &residual, 1.6);
        frame.level("zero", 0.0, thin);
        running(pairs.reference, &residual).draw(frame);
    });
    distribution(sheet, Rect::new(166.0, top, 70.0, 130.0), pairs, &residual, row);
}

/// Ticks at zero and halfway to both ends.
fn halves(axis: Axis, row: &Row<'_>) -> Axis {
    let half = row.reach / 2.0;
    let text = |v: f64| fixed(v, row.decimals.saturating_sub(1));
    axis.at(&[(-half, &text(-half)), (0.0, "0"), (half, &text(half))])
}

fn empty(sheet: &mut Sheet, top: f64, row: &Row<'_>, why: &str) {
    sheet.missing(row.name, Rect::new(34.0, top, 202.0, 130.0), why);
}

fn cloud(frame: &mut Frame<'_>, x: &[f64], y: &[f64], pitch: f64) {
    if finite(x, y).len() > DOTS {
        frame.hexagons("stars", x, y, Hexes { pitch, tint: None });
    } else if x.len() > 200 {
        frame.dots("stars", x, y, Dot::disc(POINTS.alpha(0.4), 1.9));
    } else {
        frame.dots("stars", x, y, Dot::disc(POINTS, 2.2));
    }
}

fn one_to_one(frame: &mut Frame<'_>, pairs: &Pairs<'_>, row: &Row<'_>) {
    cloud(frame, pairs.reference, pairs.ours, 1.6);
    let ends = [row.range.0, row.range.1];
    frame.line("one to one", &ends, &ends, Line::whole(INK, 0.7));
    if let Some(split) = row.split {
        frame.upright("split", split, Line::whole(PALE, 0.7).dashed());
    }
}

/// n, bias and standard deviation as a note.
pub fn statistics(pairs: &Pairs<'_>, residual: &[f64], row: &Row<'_>) -> Vec<String> {
    let found = moments(residual);
    let n = residual.iter().filter(|v| v.is_finite()).count();
    let mut lines = vec![format!("n = {}", count(n))];
    let bias = or_bare(pairs.bias, found.map(|m| m.0));
    let scatter = or_bare(pairs.scatter, found.map(|m| m.1));
    lines.extend(bias.map(|m| stated("bias", m, row.decimals, "", true)));
    lines.extend(scatter.map(|m| stated("sd", m, row.decimals, "", false)));
    lines
}

/// Draws the histogram of residuals with the Gaussians of ours and of the paper's statistics.
pub fn distribution(
    sheet: &mut Sheet,
    rect: Rect,
    pairs: &Pairs<'_>,
    residual: &[f64],
    row: &Row<'_>,
) {
    let range = (-row.reach, row.reach);
    let n = residual.iter().filter(|v| v.is_finite()).count();
    let n_bins = bins(n, moments(residual).map_or(0.0, |m| m.1), range);
    let (edges, counts) = histogram(residual, range, n_bins);
    let bin = (range.1 - range.0) / n_bins as f64;
    let curve = moments(residual).map(|m| gaussian(m, range, n as f64 * bin));
    let printed = row.published.map(|m| gaussian(m, range, n as f64 * bin));
    let curves_y = curve.iter().chain(&printed).flat_map(|c| &c.1);
    let top = 1.45 * counts.iter().chain(curves_y).copied().fold(1.0, f64::max);
    let axes =
        (halves(Axis::new(row.residual, range.0, range.1), row), Axis::new("stars", 0.0, top));
    sheet.panel(&format!("{}, distribution", row.name), rect, axes, |frame| {
        let fill = POINTS.alpha(0.35);
        frame.columns("all stars", &edges, &counts, fill);
        let mut legend = vec![(Sample::Area(fill), "stars".to_owned())];
        if let Some(held) = held_out(pairs, residual) {
            let fill = HELD_OUT.alpha(0.7);
            frame.columns("held out", &edges, &histogram(&held, range, n_bins).1, fill);
            legend.push((Sample::Area(fill), "held out".to_owned()));
        }
        let curves = [
            (curve, Line::whole(INK, 0.8), "Gaussian"),
            (printed, Line::whole(OKABE_ITO[1], 0.9).dashed(), "paper"),
        ];
        for (curve, line, name) in curves {
            if let Some((x, y)) = curve {
                frame.line(name, &x, &y, line);
                legend.push((Sample::Line(line), name.to_owned()));
            }
        }
        frame.upright("zero", 0.0, Line::whole(PALE, 0.5).dotted());
        frame.legend(Corner::TopLeft, &legend);
    });
}

/// Residuals of stars that were not in training, if some were.
fn held_out(pairs: &Pairs<'_>, residual: &[f64]) -> Option<Vec<f64>> {
    let is_known = pairs.in_training.len() == residual.len() && pairs.in_training.contains(&true);
    let rows = residual.iter().zip(pairs.in_training).filter(|(_, trained)| !**trained);
    is_known.then(|| rows.map(|(v, _)| *v).collect())
}
