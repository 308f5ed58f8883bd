//! Figure 9: metallicities of the two components of wide binaries (Li et al. 2021, section 5.2).

use super::sample::{gaussian, histogram, moments, or_bare, stated};
use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, Frame, INK, Line, Measured, OKABE_ITO, Origin, PALE,
    Rect, Sample, Sheet, fixed,
};

/// Data of Figure 9; slices of equal length `(n_pair,)`.
#[derive(Debug, Clone, Copy)]
pub struct BinariesFigure<'a> {
    /// M_H_AP of the primary (the brighter in G), dex.
    pub primary: &'a [f64],
    /// Its adopted error, dex.
    pub primary_error: &'a [f64],
    /// M_H_AP of the secondary, dex.
    pub secondary: &'a [f64],
    /// Its adopted error, dex.
    pub secondary_error: &'a [f64],
    /// Mean of primary minus secondary, dex.
    pub mean: Option<Measured>,
    /// Standard deviation of primary minus secondary, dex.
    pub scatter: Option<Measured>,
    /// Width of the differences over their errors (1 if the errors are right).
    pub sigma_norm: Option<Measured>,
    /// Differences over their errors of shuffled pairs: what unrelated stars would show; may be empty.
    pub shuffled: &'a [f64],
}

const RANGE: (f64, f64) = (-1.2, 1.0);
const REACH: f64 = 5.0;
const BINS: usize = 25;

/// Draws Figure 9.
pub fn binaries(data: &BinariesFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("fig9_binaries", origin, COLUMN_MM, 58.0);
    let pulls = pulls(data);
    let n = pulls.iter().filter(|v| v.is_finite()).count();
    if n < 2 {
        let why = "Fewer than two wide binaries have both components in the catalog.";
        sheet.missing("wide binaries", Rect::new(34.0, 12.0, 202.0, 122.0), why);
    } else {
        let axis = |label: &str| Axis::new(label, RANGE.0, RANGE.1);
        let axes = (axis("primary M_H_AP (dex)"), axis("secondary M_H_AP (dex)"));
        sheet.panel("components", Rect::new(34.0, 12.0, 106.0, 122.0), axes, |frame| {
            components(frame, data, &pulls, n);
        });
        distribution(&mut sheet, Rect::new(162.0, 12.0, 74.0, 122.0), data, &pulls);
    }
    let caption = "Figure 9. Wide binaries with projected separations below 3000 au. Left: M_H_AP of the components with adopted errors; vermillion: pairs that differ by more than three errors. Right: the difference over its error, with Gaussians of unit width and of the width found; gray: shuffled pairs, scaled to the same number. Brackets: 95% bootstrap intervals over pairs.";
    let alt = "Metallicities of the two components follow each other; the distribution of their normalized differences is compared with Gaussians and with shuffled pairs.";
    sheet.figure("Wide binaries", caption, alt)
}

fn pulls(data: &BinariesFigure<'_>) -> Vec<f64> {
    let n =
        [data.primary, data.primary_error, data.secondary, data.secondary_error].map(<[f64]>::len);
    (0..n.into_iter().min().unwrap_or(0))
        .map(|i| {
            let error = data.primary_error[i].hypot(data.secondary_error[i]);
            (data.primary[i] - data.secondary[i]) / error
        })
        .collect()
}

fn components(frame: &mut Frame<'_>, data: &BinariesFigure<'_>, pulls: &[f64], n: usize) {
    let bar = Line::whole(PALE.alpha(0.6), 0.4);
    let ends = |v: &[f64], e: &[f64], sign: f64| -> Vec<f64> {
        v.iter().zip(e).map(|(v, e)| v + sign * e).collect()
    };
    let (p, q) = ((data.primary, data.primary_error), (data.secondary, data.secondary_error));
    frame.side_bars(
        "error of the primary",
        (&ends(p.0, p.1, -1.0), &ends(p.0, p.1, 1.0)),
        q.0,
        bar,
    );
    frame.error_bars(
        "error of the secondary",
        p.0,
        (&ends(q.0, q.1, -1.0), &ends(q.0, q.1, 1.0)),
        bar,
    );
    frame.line("one to one", &[RANGE.0, RANGE.1], &[RANGE.0, RANGE.1], Line::whole(INK, 0.7));
    let part = |far: bool| -> (Vec<f64>, Vec<f64>) {
        let rows = pulls.iter().zip(p.0.iter().zip(q.0));
        rows.filter(|(pull, _)| (pull.abs() > 3.0) == far).map(|(_, (a, b))| (*a, *b)).unzip()
    };
    let (near, far) = (part(false), part(true));
    frame.dots("pairs", &near.0, &near.1, Dot::disc(OKABE_ITO[0], 2.4));
    frame.dots("pairs beyond three errors", &far.0, &far.1, Dot::disc(OKABE_ITO[1], 3.0));
    let difference: Vec<f64> = p.0.iter().zip(q.0).map(|(a, b)| a - b).collect();
    let found = moments(&difference);
    let mut notes = vec![format!("n = {n}, {} beyond 3σ", far.0.len())];
    notes.extend(or_bare(data.mean, found.map(|m| m.0)).map(|m| stated("mean Δ", m, 2, "", true)));
    notes.extend(or_bare(data.scatter, found.map(|m| m.1)).map(|m| stated("sd", m, 2, "", false)));
    frame.note(Corner::TopLeft, &notes);
}

fn distribution(sheet: &mut Sheet, rect: Rect, data: &BinariesFigure<'_>, pulls: &[f64]) {
    let range = (-REACH, REACH);
    let bin = 2.0 * REACH / BINS as f64;
    let n = pulls.iter().filter(|v| v.is_finite()).count() as f64;
    let (edges, counts) = histogram(pulls, range, BINS);
    let width = or_bare(data.sigma_norm, moments(pulls).map(|m| m.1));
    let unit = gaussian((0.0, 1.0), range, n * bin);
    let top = 1.9 * counts.iter().chain(&unit.1).copied().fold(1.0, f64::max);
    let axes = (Axis::new("Δ[M/H] / σ", range.0, range.1).ticks(4), Axis::new("pairs", 0.0, top));
    sheet.panel("difference over its error", rect, axes, |frame| {
        let fill = OKABE_ITO[5].alpha(0.5);
        frame.columns("pairs", &edges, &counts, fill);
        let one = Line::whole(INK, 0.9).dashed();
        frame.line("Gaussian, σ = 1", &unit.0, &unit.1, one);
        let mut legend =
            vec![(Sample::Area(fill), "pairs".to_owned()), (Sample::Line(one), "σ = 1".to_owned())];
        if let Some(width) = width.filter(|w| w.value > 0.0) {
            let (x, y) = gaussian((0.0, width.value), range, n * bin);
            let line = Line::whole(OKABE_ITO[1], 1.0);
            frame.line(&stated("Gaussian, σ =", width, 2, "", false), &x, &y, line);
            legend.push((Sample::Line(line), format!("σ = {}", fixed(width.value, 2))));
            if width.has_interval() {
                let interval = format!("[{}, {}]", fixed(width.low, 2), fixed(width.high, 2));
                legend.push((Sample::Blank, interval));
            }
        }
        let shuffled = data.shuffled.iter().filter(|v| v.is_finite()).count();
        if shuffled > 0 {
            let (edges, counts) = histogram(data.shuffled, range, BINS);
            let (x, y) = steps(&edges, &counts, n / shuffled as f64);
            let line = Line::whole(PALE, 0.9);
            frame.line("shuffled pairs", &x, &y, line);
            legend.push((Sample::Line(line), "shuffled".to_owned()));
        }
        frame.legend(Corner::TopLeft, &legend);
    });
}

/// The outline of a histogram.
fn steps(edges: &[f64], counts: &[f64], scale: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (pair, count) in edges.windows(2).zip(counts) {
        x.extend([pair[0], pair[1]]);
        y.extend([count * scale; 2]);
    }
    (x, y)
}
