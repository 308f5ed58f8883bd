//! Diagnostic: how many rows each cut leaves.

use crate::report::plot::{
    Anchor, Axis, COLUMN_MM, Figure, INK, OKABE_ITO, Origin, Rect, Sheet, count,
};

/// A cut in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// In a few words.
    pub name: String,
    /// Rows that go in.
    pub n_in: usize,
    /// Rows that it leaves.
    pub n_out: usize,
    /// Rows that the paper states after it.
    pub paper: Option<usize>,
}

/// Data of the figure.
#[derive(Debug, Clone, Copy)]
pub struct AttritionFigure<'a> {
    /// The cuts in order.
    pub steps: &'a [Step],
}

const ROW: f64 = 24.0;

/// Draws a bar for each cut: rows left, and rows removed by it.
pub fn attrition(data: &AttritionFigure<'_>, origin: Origin) -> Figure {
    let n = data.steps.len();
    let height = ROW * n.max(3) as f64;
    let mut sheet = Sheet::new("attrition", origin, COLUMN_MM, (height + 44.0) * 25.4 / 72.0);
    let rect = Rect::new(8.0, 14.0, 226.0, height);
    if n == 0 {
        sheet.missing("attrition", rect, "No cut was made.");
    } else {
        let most = data.steps.iter().map(|s| s.n_in.max(s.n_out)).max().unwrap_or(1).max(1) as f64;
        let axes =
            (Axis::new("rows", 0.0, 1.02 * most), Axis::new("", n as f64 + 0.15, 0.0).at(&[]));
        sheet.panel("attrition", rect, axes, |frame| {
            for (i, step) in data.steps.iter().enumerate() {
                bar(frame, i as f64, step);
            }
        });
    }
    let caption = "Rows that each cut leaves (blue) and removes (orange), in order.";
    let alt = "Horizontal bars, one for each cut in order, with the number of rows left.";
    sheet.figure("Attrition", caption, alt)
}

fn bar(frame: &mut crate::report::plot::Frame<'_>, top: f64, step: &Step) {
    let (low, high) = (top + 0.62, top + 0.92);
    let left = step.n_out.min(step.n_in) as f64;
    frame.boxes(&format!("{}: left", step.name), &[[0.0, left, low, high]], OKABE_ITO[0]);
    frame.boxes(
        &format!("{}: removed", step.name),
        &[[left, step.n_in as f64, low, high]],
        OKABE_ITO[3],
    );
    let percent = if step.n_in == 0 { 0.0 } else { 100.0 * step.n_out as f64 / step.n_in as f64 };
    let mut text =
        format!("{}: {} of {} ({percent:.1}%)", step.name, count(step.n_out), count(step.n_in));
    if let Some(paper) = step.paper {
        text.push_str(&format!("; paper {}", count(paper)));
    }
    frame.text(&format!(" {text}"), (0.0, top + 0.5), Anchor::Start, INK);
}
