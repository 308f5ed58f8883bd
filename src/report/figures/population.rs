//! Diagnostic: who is in the sample, a sheet of distributions.

use crate::report::plot::{
    Axis, Color, Corner, Figure, Hexes, Line, OKABE_ITO, Origin, PAGE_MM, Rect, Sample, Sheet,
    count, finite,
};

/// All spectra, and those that the cuts keep.
#[derive(Debug, Clone)]
pub struct PopulationFigure<'a> {
    /// Color G_BP - G_RP of all spectra, mag, `(n_spectrum,)`.
    pub bp_rp: &'a [f64],
    /// Absolute magnitude M_G of all spectra, mag, `(n_spectrum,)`.
    pub m_g: &'a [f64],
    /// The distributions, a panel each.
    pub distributions: Vec<Distribution<'a>>,
}

/// The distribution of one property.
#[derive(Debug, Clone)]
pub struct Distribution<'a> {
    /// Marked text with unit.
    pub label: String,
    /// Range that is drawn, and the number of bins.
    pub range: (f64, f64),
    /// Whether bins are even in the logarithm.
    pub log: bool,
    /// Values of all spectra, any length.
    pub all: &'a [f64],
    /// Values of the spectra that the cuts keep; may be empty.
    pub kept: &'a [f64],
}

const BINS: usize = 30;
const ALL: Color = Color::hex(0x99_99_99);

/// Draws the sheet.
pub fn population(data: &PopulationFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("population", origin, PAGE_MM, 118.0);
    let place = |i: usize| {
        let (column, row) = ((i % 4) as f64, (i / 4) as f64);
        Rect::new(32.0 + 121.0 * column, 12.0 + 162.0 * row, 92.0, 118.0)
    };
    diagram(&mut sheet, place(0), data);
    for (i, distribution) in data.distributions.iter().enumerate() {
        histogram(&mut sheet, place(i + 1), distribution);
    }
    let caption = "Distributions of the sample: color-magnitude diagram of all spectra, and histograms of all spectra (gray) and of those that the cuts keep or that have a label (blue line). Bins are even, in the logarithm where the axis is logarithmic.";
    let alt = "A sheet of panels: color-magnitude diagram and histograms of signal-to-noise ratio, distance, proper motion, apparent magnitude, temperature and metallicity.";
    sheet.figure("The sample", caption, alt)
}

fn diagram(sheet: &mut Sheet, rect: Rect, data: &PopulationFigure<'_>) {
    if finite(data.bp_rp, data.m_g).len() < 2 {
        sheet.missing("color-magnitude diagram", rect, "No spectrum has a color and a distance.");
        return;
    }
    let axes = (
        Axis::new("G_{BP} − G_{RP} (mag)", 0.5, 5.0).ticks(4),
        Axis::new("M_{G} (mag)", 17.5, -4.0),
    );
    sheet.panel("color-magnitude diagram", rect, axes, |frame| {
        frame.hexagons("all", data.bp_rp, data.m_g, Hexes { pitch: 1.8, tint: None });
        frame.note(Corner::BottomLeft, &[format!("n = {}", count(data.bp_rp.len()))]);
    });
}

fn histogram(sheet: &mut Sheet, rect: Rect, data: &Distribution<'_>) {
    let edges = edges(data);
    let all = share(data.all, &edges);
    let kept = share(data.kept, &edges);
    let most = all.iter().chain(&kept).copied().fold(0.0, f64::max);
    if most == 0.0 {
        let why = "No spectrum has this property within the range.";
        sheet.missing(&data.label, rect, why);
        return;
    }
    let (from, to) = data.range;
    let x = match data.log {
        true => Axis::log(&data.label, from, to, &decades(from, to)),
        false => Axis::new(&data.label, from, to).ticks(4),
    };
    let y = Axis::new("spectra in a bin, share", 0.0, 1.45 * most).ticks(4);
    sheet.panel(&data.label, rect, (x, y), |frame| {
        frame.columns("all", &edges, &all, ALL);
        let line = Line::whole(OKABE_ITO[0], 1.0);
        let (x, y) = steps(&edges, &kept);
        frame.line("kept", &x, &y, line);
        let n = |values: &[f64]| count(values.iter().filter(|v| v.is_finite()).count());
        let mut entries = vec![(Sample::Area(ALL), format!("all, n = {}", n(data.all)))];
        if !data.kept.is_empty() {
            entries.push((Sample::Line(line), format!("kept, n = {}", n(data.kept))));
        }
        if data.all.is_empty() {
            entries.remove(0);
        }
        frame.legend(Corner::TopRight, &entries);
    });
}

/// Edges of the bins, `(BINS + 1,)`.
fn edges(data: &Distribution<'_>) -> Vec<f64> {
    let (from, to) = data.range;
    let at = |i: usize| i as f64 / BINS as f64;
    match data.log {
        true => (0..=BINS).map(|i| from * (to / from).powf(at(i))).collect(),
        false => (0..=BINS).map(|i| from + (to - from) * at(i)).collect(),
    }
}

/// The share of the finite values that lies in each bin, `(BINS,)`.
fn share(values: &[f64], edges: &[f64]) -> Vec<f64> {
    let mut counts = vec![0.0; edges.len() - 1];
    let mut n = 0.0;
    for value in values.iter().filter(|value| value.is_finite()) {
        n += 1.0;
        let bin = edges.partition_point(|edge| edge <= value);
        if bin > 0 && bin < edges.len() {
            counts[bin - 1] += 1.0;
        }
    }
    counts.iter().map(|count| if n > 0.0 { count / n } else { 0.0 }).collect()
}

/// A histogram's outline.
fn steps(edges: &[f64], heights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let corners = heights.iter().enumerate();
    corners.flat_map(|(i, height)| [(edges[i], *height), (edges[i + 1], *height)]).unzip()
}

/// Powers of ten within a range.
fn decades(from: f64, to: f64) -> Vec<f64> {
    (-3..7).map(|power| 10f64.powi(power)).filter(|tick| (from..=to).contains(tick)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_finite_values() {
        let data = Distribution {
            label: "x".into(),
            range: (1.0, 1000.0),
            log: true,
            all: &[],
            kept: &[],
        };
        let edges = edges(&data);
        assert_eq!(edges.len(), BINS + 1);
        assert!((edges[10] - 10.0).abs() < 1e-9);
        let share = share(&[1.0, 1.1, 500.0, 2000.0, f64::NAN], &edges);
        assert_eq!((share[0], share.iter().sum::<f64>()), (0.5, 0.75));
        assert_eq!(decades(1.0, 1000.0), [1.0, 10.0, 100.0, 1000.0]);
    }
}
