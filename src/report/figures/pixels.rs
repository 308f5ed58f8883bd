//! Diagnostic: what the regressions of the pixels chose: cross-validated error and hyper-parameters by wavelength.

use crate::report::plot::{
    Axis, Corner, Dot, Figure, Line, OKABE_ITO, Origin, PAGE_MM, Rect, Sample, Sheet, around, fixed,
};

/// One model; slices of equal length `(n_pix,)`.
#[derive(Debug, Clone, Copy)]
pub struct PixelFigure<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// Vacuum wavelength, angstrom.
    pub wave: &'a [f64],
    /// Cross-validated mean squared error of the standardized flux (eq. 1).
    pub cv_mse: &'a [f64],
    /// Part of it that is photon noise of the training spectra, same unit; may be empty.
    pub photon: &'a [f64],
    /// Penalty C.
    pub c: &'a [f64],
    /// Width gamma of the kernel.
    pub gamma: &'a [f64],
    /// Radius epsilon of the tube.
    pub epsilon: &'a [f64],
}

const X: (f64, f64) = (40.0, 458.0);
/// Photon noise below this part of the error is none: the spectra are synthetic.
const NOISELESS: f64 = 1e-3;

impl PixelFigure<'_> {
    /// Whether the training spectra have photon noise that is worth a line.
    fn is_noisy(&self) -> bool {
        let sum = |values: &[f64]| values.iter().filter(|v| v.is_finite()).sum::<f64>();
        sum(self.photon) > NOISELESS * sum(self.cv_mse)
    }
}

/// Draws the model's pixels.
pub fn pixels(data: &PixelFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new(&format!("pixels_{}", data.model), origin, PAGE_MM, 104.0);
    let (from, to) = around(data.wave);
    let x = || Axis::new("vacuum wavelength (Å)", from, to);
    errors(&mut sheet, data, x().bare());
    let strips = [("C", data.c), ("γ", data.gamma), ("ε", data.epsilon)];
    for (i, (name, values)) in strips.into_iter().enumerate() {
        let rect = Rect::new(X.0, 126.0 + 48.0 * i as f64, X.1, 44.0);
        let axis = if i == 2 { x() } else { x().bare() };
        strip(&mut sheet, rect, name, axis, (data.wave, values));
    }
    let noise = match data.photon.is_empty() || data.is_noisy() {
        true => "",
        false => " Its training spectra have no photon noise.",
    };
    let caption = format!(
        "Model {}: cross-validated mean squared error of the standardized flux (eq. 1) and the hyper-parameters chosen, pixel by pixel.{noise}",
        data.model
    );
    let alt = "Four strips against wavelength: cross-validated error, penalty, kernel width and tube radius of each pixel's regression.";
    sheet.figure(&format!("Pixels of {}", data.model), &caption, alt)
}

fn errors(sheet: &mut Sheet, data: &PixelFigure<'_>, x: Axis) {
    let top = Rect::new(X.0, 12.0, X.1, 110.0);
    let positive = |v: &&f64| v.is_finite() && **v > 0.0;
    if data.cv_mse.iter().filter(positive).count() < 2 {
        sheet.missing("cross-validated error", top, "The model has no cross-validated error.");
    } else {
        let photon_shown = if data.is_noisy() { data.photon } else { &[] };
        let shown = data.cv_mse.iter().chain(photon_shown).filter(positive);
        let (low, high) = shown.fold((f64::INFINITY, 0.0_f64), |(a, b), v| (a.min(*v), b.max(*v)));
        let y = Axis::log(
            "CV-MSE",
            0.8 * low,
            2.0 * high,
            &[
                1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2,
                0.5, 1.0, 2.0,
            ],
        );
        sheet.panel("cross-validated error", top, (x, y), |frame| {
            let (total, photon) = (Line::whole(OKABE_ITO[0], 0.6), Line::whole(OKABE_ITO[1], 0.6));
            let mut legend = vec![(Sample::Line(total), "CV-MSE, standardized flux".to_owned())];
            frame.line("CV-MSE", data.wave, data.cv_mse, total);
            if !photon_shown.is_empty() {
                frame.line("photon noise", data.wave, photon_shown, photon);
                legend.push((
                    Sample::Line(photon),
                    "photon noise of the training spectra".to_owned(),
                ));
            }
            frame.legend(Corner::TopRight, &legend);
        });
    }
}

/// Hyper-parameters take few values: each is a tick.
fn strip(sheet: &mut Sheet, rect: Rect, name: &str, x: Axis, (wave, values): (&[f64], &[f64])) {
    let mut taken: Vec<f64> =
        values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect();
    taken.sort_by(f64::total_cmp);
    taken.dedup();
    let (Some(&low), Some(&high)) = (taken.first(), taken.last()) else {
        sheet.missing(name, rect, "Not chosen pixel by pixel in this model.");
        return;
    };
    let every = taken.len().div_ceil(5);
    let texts: Vec<(f64, String)> = taken.iter().step_by(every).map(|&v| (v, short(v))).collect();
    let ticks: Vec<(f64, &str)> = texts.iter().map(|(v, text)| (*v, text.as_str())).collect();
    let y = Axis::log(name, low / 1.6, high * 1.6, &[1.0]).at(&ticks);
    sheet.panel(name, rect, (x, y), |frame| {
        frame.dots(name, wave, values, Dot::disc(OKABE_ITO[0], 1.2));
    });
}

/// Up to three significant digits.
fn short(value: f64) -> String {
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = fixed(value, decimals);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
