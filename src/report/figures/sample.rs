//! Small statistics that figures draw: of what is finite, without intervals. Intervals come with the data.

use crate::report::plot::{Frame, Line, Measured, OKABE_ITO, fixed, signed};

/// Mean and sample standard deviation (n - 1) of the finite values, `None` of fewer than two or beyond numbers.
pub fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if finite.len() < 2 {
        return None;
    }
    let n = finite.len() as f64;
    let mean = finite.iter().sum::<f64>() / n;
    let square = finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    square.is_finite().then(|| (mean, square.sqrt()))
}

/// Value at the part `p` of the sorted finite values, linear between neighbors.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = p.clamp(0.0, 1.0) * last as f64;
    let low = place.floor() as usize;
    let high = (low + 1).min(last);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}

/// Counts of values in `n` equal bins from `low` to `high`: edges and counts. Values outside are left out.
pub fn histogram(values: &[f64], (low, high): (f64, f64), n: usize) -> (Vec<f64>, Vec<f64>) {
    let width = (high - low) / n as f64;
    let edges: Vec<f64> = (0..=n).map(|i| low + i as f64 * width).collect();
    let mut counts = vec![0.0; n];
    for value in values.iter().filter(|v| v.is_finite() && **v >= low && **v < high) {
        let bin = (((value - low) / width) as usize).min(n - 1);
        counts[bin] += 1.0;
    }
    (edges, counts)
}

/// Number of bins across `range` for `n` values with standard deviation `sd`: Scott's (1979) rule, within what
/// a small panel can show.
pub fn bins(n: usize, sd: f64, range: (f64, f64)) -> usize {
    let width = 3.49 * sd / (n.max(1) as f64).cbrt();
    let number = (range.1 - range.0) / width;
    if number.is_finite() { (number.ceil() as usize).clamp(8, 60) } else { 8 }
}

/// A Gaussian of `total` times `bin` area under it, at 81 places.
pub fn gaussian(
    (mean, sd): (f64, f64),
    (low, high): (f64, f64),
    area: f64,
) -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..=80).map(|i| low + f64::from(i) / 80.0 * (high - low)).collect();
    let top = area / (sd * std::f64::consts::TAU.sqrt());
    let y = x.iter().map(|x| top * (-0.5 * ((x - mean) / sd).powi(2)).exp()).collect();
    (x, y)
}

/// Running statistics in bins of equal number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// Medians of the abscissa.
    pub x: Vec<f64>,
    /// Medians.
    pub median: Vec<f64>,
    /// 16th percentiles.
    pub low: Vec<f64>,
    /// 84th percentiles.
    pub high: Vec<f64>,
}

/// Medians and 16th and 84th percentiles of `y` in up to ten bins of `x`, none with fewer than 15 points.
pub fn running(x: &[f64], y: &[f64]) -> Running {
    let mut pairs = crate::report::plot::finite(x, y);
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let n_bins = (pairs.len() / 15).min(10);
    let mut found = Running::default();
    if n_bins < 2 {
        return found;
    }
    for bin in 0..n_bins {
        let part = &pairs[bin * pairs.len() / n_bins..(bin + 1) * pairs.len() / n_bins];
        let mut y: Vec<f64> = part.iter().map(|p| p.1).collect();
        y.sort_by(f64::total_cmp);
        found.x.push(part[part.len() / 2].0);
        found.median.push(quantile(&y, 0.5));
        found.low.push(quantile(&y, 0.16));
        found.high.push(quantile(&y, 0.84));
    }
    found
}

impl Running {
    /// Draws medians, with the 16th to 84th percentiles as bars.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let line = Line::whole(OKABE_ITO[1], 0.9);
        frame.error_bars("16th to 84th percentile", &self.x, (&self.low, &self.high), line);
        frame.line("running median", &self.x, &self.median, line);
    }
}

/// The statistic as given, or as computed here without interval.
pub fn or_bare(given: Option<Measured>, computed: Option<f64>) -> Option<Measured> {
    given.or(computed.map(Measured::bare))
}

/// `name value unit [low, high]`; the interval only where there is one.
pub fn stated(name: &str, measured: Measured, decimals: usize, unit: &str, sign: bool) -> String {
    let write = |v: f64| if sign { signed(v, decimals) } else { fixed(v, decimals) };
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let mut text = format!("{name} {}{unit}", write(measured.value));
    if measured.has_interval() {
        text.push_str(&format!(" [{}, {}]", write(measured.low), write(measured.high)));
    }
    text
}

/// Differences `a - b`, NaN where either is not finite.
pub fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
