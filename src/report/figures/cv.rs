//! Figure 2: cross-validated scatter and bias against signal-to-noise ratio (Li et al. 2021, section 4.1,
//! equations 4 and 5; the scatter is the rms about zero).

use crate::report::plot::{
    Axis, COLUMN_MM, Color, Corner, Dot, Figure, Frame, Line, Measured, OKABE_ITO, Origin, PALE,
    Panel, Rect, Sample, Shape, Sheet, fixed, signed,
};

/// A law fitted to the scatter as a function of signal-to-noise ratio s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScatterLaw {
    /// sqrt(floor^2 + (slope / s)^2).
    Quadrature {
        /// At high signal-to-noise ratio, unit of the label.
        floor: f64,
        /// At s = 1, unit of the label.
        slope: f64,
    },
    /// amplitude s^-exponent + offset.
    Power {
        /// At s = 1, unit of the label.
        amplitude: f64,
        /// Exponent.
        exponent: f64,
        /// Unit of the label.
        offset: f64,
    },
}

impl ScatterLaw {
    /// The scatter at `snr`, unit of the label.
    pub fn at(&self, snr: f64) -> f64 {
        match *self {
            ScatterLaw::Quadrature { floor, slope } => floor.hypot(slope / snr),
            ScatterLaw::Power { amplitude, exponent, offset } => {
                amplitude * snr.powf(-exponent) + offset
            }
        }
    }

    fn text(&self, decimals: usize) -> String {
        match *self {
            ScatterLaw::Quadrature { floor, slope } => {
                format!(
                    "√({}^{{2}} + ({}/S)^{{2}})",
                    fixed(floor, decimals),
                    fixed(slope, decimals.min(2))
                )
            }
            ScatterLaw::Power { amplitude, exponent, offset } => {
                let tail = if offset == 0.0 {
                    String::new()
                } else {
                    format!(
                        " {}",
                        signed(offset, decimals).replacen(
                            ['+', '\u{2212}'],
                            if offset < 0.0 { "\u{2212} " } else { "+ " },
                            1
                        )
                    )
                };
                format!("{} S^{{{}}}{tail}", fixed(amplitude, decimals), fixed(-exponent, 3))
            }
        }
    }
}

/// One label's curve; all slices have the length `(n_bin,)`.
#[derive(Debug, Clone, Copy)]
pub struct CvCurve<'a> {
    /// Signal-to-noise ratio of the bins: a representative value.
    pub snr: &'a [f64],
    /// Stars or spectra in the bins.
    pub n: &'a [usize],
    /// Rms of predicted minus true label with its interval, unit of the label.
    pub scatter: &'a [Measured],
    /// Mean of predicted minus true label with its interval, unit of the label.
    pub bias: &'a [Measured],
    /// Laws fitted to the scatter.
    pub laws: &'a [ScatterLaw],
    /// Scatter and bias that the paper states for SNR > 100, unit of the label.
    pub published: (f64, f64),
}

/// Data of Figure 2.
#[derive(Debug, Clone)]
pub struct CvFigure<'a> {
    /// TEFF_AP, K, against snri.
    pub teff_ap: Panel<CvCurve<'a>>,
    /// M_H_AP, dex, against snri.
    pub m_h_ap: Panel<CvCurve<'a>>,
    /// TEFF_BT, K, against the signal-to-noise ratio of the noise added.
    pub teff_bt: Panel<CvCurve<'a>>,
}

const SCATTER: Color = OKABE_ITO[0];
const BIAS: Color = OKABE_ITO[1];
const LAWS: [Color; 2] = [OKABE_ITO[2], OKABE_ITO[4]];

/// What differs between the panels.
struct Look<'t> {
    name: &'t str,
    label: &'t str,
    snr: &'t str,
    decimals: usize,
    /// Smallest upper end of the axis.
    least: f64,
}

/// Draws Figure 2.
pub fn cv(data: &CvFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("fig2_cv", origin, COLUMN_MM, 158.0);
    let snr_i = "SNR_{i}";
    let added = "SNR of the noise added";
    let looks = [
        (
            &data.teff_ap,
            Look {
                name: "TEFF_AP",
                label: "CV T_{eff} (K)",
                snr: snr_i,
                decimals: 0,
                least: 100.0,
            },
        ),
        (
            &data.m_h_ap,
            Look { name: "M_H_AP", label: "CV [M/H] (dex)", snr: snr_i, decimals: 2, least: 0.2 },
        ),
        (
            &data.teff_bt,
            Look {
                name: "TEFF_BT",
                label: "CV T_{eff} (K)",
                snr: added,
                decimals: 0,
                least: 100.0,
            },
        ),
    ];
    for (i, (panel, look)) in looks.into_iter().enumerate() {
        let rect = Rect::new(38.0, 12.0 + 146.0 * i as f64, 196.0, 117.0);
        match usable(panel) {
            Ok(curve) => draw(&mut sheet, rect, curve, &look),
            Err(why) => sheet.missing(look.name, rect, &why),
        }
    }
    sheet.figure("Cross-validated errors against signal-to-noise ratio", CAPTION, ALT)
}

const CAPTION: &str = "Figure 2. Cross-validated errors of the labels against signal-to-noise ratio. Dotted, discs: scatter (rms about zero); dashed, squares: bias; bars: 95% bootstrap intervals; lines: laws fitted to the scatter, S being the signal-to-noise ratio; gray: scatter that Li et al. (2021) state above 100.";
const ALT: &str = "Three panels, effective temperature and metallicity trained by APOGEE and effective temperature trained by BT-Settl: scatter falls with signal-to-noise ratio, bias stays near zero.";

fn usable<'p, 'a>(panel: &'p Panel<CvCurve<'a>>) -> Result<&'p CvCurve<'a>, String> {
    let curve = panel.data().map_err(str::to_owned)?;
    let drawn = curve
        .snr
        .iter()
        .zip(curve.scatter)
        .filter(|(s, v)| **s > 0.0 && s.is_finite() && v.value.is_finite());
    if drawn.count() == 0 {
        return Err("No bin of signal-to-noise ratio holds enough stars.".to_owned());
    }
    Ok(curve)
}

fn draw(sheet: &mut Sheet, rect: Rect, curve: &CvCurve<'_>, look: &Look<'_>) {
    let ends = curve.scatter.iter().chain(curve.bias).flat_map(|m| [m.value, m.low, m.high]);
    let (mut low, mut high) = (-0.25 * look.least, look.least);
    for end in ends.filter(|v| v.is_finite()) {
        (low, high) = (low.min(1.15 * end), high.max(1.15 * end));
    }
    let positive = curve.snr.iter().copied().filter(|s| s.is_finite() && *s > 0.0);
    let (first, last) =
        positive.fold((5.0_f64, 250.0_f64), |(a, b), s| (a.min(0.9 * s), b.max(1.1 * s)));
    let ticks = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let axes = (Axis::log(look.snr, first, last, &ticks), Axis::new(look.label, low, high));
    sheet.panel(look.name, rect, axes, |frame| marks(frame, curve, look, (first, last)));
}

fn marks(frame: &mut Frame<'_>, curve: &CvCurve<'_>, look: &Look<'_>, (first, last): (f64, f64)) {
    frame.level("zero", 0.0, Line::whole(PALE, 0.4));
    let paper = Line::whole(PALE, 2.0);
    frame.line("paper, SNR > 100", &[100.0, last], &[curve.published.0; 2], paper);
    let mut legend = Vec::new();
    let snr: Vec<f64> =
        (0..=60).map(|i| first * (last / first).powf(f64::from(i) / 60.0)).collect();
    for (law, color) in curve.laws.iter().zip(LAWS) {
        let line = Line::whole(color, 1.0);
        let values: Vec<f64> = snr.iter().map(|&s| law.at(s)).collect();
        frame.line(&law.text(look.decimals), &snr, &values, line);
        legend.push((Sample::Line(line), law.text(look.decimals)));
    }
    let scatter = Dot::disc(SCATTER, 3.4);
    let bias = Dot::disc(BIAS, 3.0).shape(Shape::Square);
    measured(frame, "bias", (curve.snr, curve.bias), bias, Line::whole(BIAS, 0.8).dashed());
    measured(
        frame,
        "scatter",
        (curve.snr, curve.scatter),
        scatter,
        Line::whole(SCATTER, 0.8).dotted(),
    );
    let mut entries = vec![
        (Sample::Dot(scatter), "scatter (rms)".to_owned()),
        (Sample::Dot(bias), "bias (mean)".to_owned()),
        (Sample::Line(paper), format!("paper: {}", fixed(curve.published.0, look.decimals))),
    ];
    entries.append(&mut legend);
    let n: usize = curve.n.iter().sum();
    frame
        .note(Corner::TopRight, &[format!("{}, n = {}", look.name, crate::report::plot::count(n))]);
    frame.legend_below(Corner::TopRight, 1, &entries);
}

fn measured(
    frame: &mut Frame<'_>,
    name: &str,
    (snr, values): (&[f64], &[Measured]),
    dot: Dot,
    line: Line,
) {
    let column = |get: fn(&Measured) -> f64| values.iter().map(get).collect::<Vec<f64>>();
    let value = column(|m| m.value);
    frame.line(name, snr, &value, line);
    let ends = (column(|m| m.low), column(|m| m.high));
    frame.error_bars(
        &format!("95% interval of the {name}"),
        snr,
        (&ends.0, &ends.1),
        Line::whole(dot.color, 0.7),
    );
    frame.dots(name, snr, &value, dot);
}
