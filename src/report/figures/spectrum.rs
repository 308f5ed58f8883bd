//! Diagnostic: one normalized spectrum, the best-fitting model and the residual.

use crate::report::plot::{
    Axis, Color, Corner, Figure, INK, Line, OKABE_ITO, Origin, PAGE_MM, PALE, Rect, Sheet, around,
    finite,
};

/// One spectrum; slices of equal length `(n_pix,)`.
#[derive(Debug, Clone, Copy)]
pub struct SpectrumFigure<'a> {
    /// Identifier of the spectrum.
    pub obsid: &'a str,
    /// Vacuum wavelength, angstrom, ascending.
    pub wave: &'a [f64],
    /// Normalized flux.
    pub flux: &'a [f64],
    /// Its error; NaN where unknown.
    pub sigma: &'a [f64],
    /// Model at the best labels, normalized flux.
    pub model: &'a [f64],
    /// Whether a pixel is left out of the fit.
    pub masked: &'a [bool],
    /// Lines of text: labels with errors, chi-square, flags.
    pub notes: &'a [String],
}

/// Draws the spectrum of one star.
pub fn spectrum(data: &SpectrumFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new(&format!("spectrum_{}", data.obsid), origin, PAGE_MM, 78.0);
    let (top, low) = (Rect::new(36.0, 12.0, 462.0, 132.0), Rect::new(36.0, 144.0, 462.0, 48.0));
    if finite(data.wave, data.flux).len() < 2 {
        let all = Rect::new(36.0, 12.0, 462.0, 180.0);
        sheet.missing("spectrum", all, "The spectrum has no usable pixel.");
    } else {
        let (from, to) = around(data.wave);
        let (from, to) = (from + 0.04 * (to - from), to - 0.04 * (to - from));
        let x = || Axis::new("vacuum wavelength (Å)", from, to);
        let (bottom, height) = around(data.flux.iter().chain(data.model));
        // Room for the notes.
        let y = Axis::new("normalized flux", bottom, height + 0.25 * (height - bottom));
        sheet.panel("spectrum and model", top, (x().bare(), y), |frame| {
            shade(frame, data, (bottom, height));
            frame.line("observed", data.wave, data.flux, Line::whole(INK, 0.6));
            frame.line("model", data.wave, data.model, Line::whole(OKABE_ITO[1], 0.8));
            frame.note(Corner::TopLeft, &[format!("obsid {}", data.obsid)]);
            frame.note(Corner::TopRight, data.notes);
        });
        residual(&mut sheet, low, data, x());
    }
    let caption = format!(
        "Spectrum {}: normalized flux (black), model at the best labels (vermillion) and residual over the error of the observation; shaded: pixels left out of the fit. Chi-square is that of the observation's error and the intrinsic error of the model.",
        data.obsid
    );
    let alt = "A normalized M dwarf spectrum with its model over it and the residual below.";
    sheet.figure(&format!("Spectrum {}", data.obsid), &caption, alt)
}

/// Stretches of masked pixels, from halfway to the neighbors.
fn shade(
    frame: &mut crate::report::plot::Frame<'_>,
    data: &SpectrumFigure<'_>,
    (low, high): (f64, f64),
) {
    let n = data.wave.len().min(data.masked.len());
    let border = |i: usize| match (i, n) {
        (0, _) => data.wave[0],
        (i, n) if i >= n => data.wave[n - 1],
        _ => (data.wave[i - 1] + data.wave[i]) / 2.0,
    };
    let mut boxes = Vec::new();
    let mut i = 0;
    while i < n {
        let end = (i..n).find(|&j| data.masked[j] != data.masked[i]).unwrap_or(n);
        if data.masked[i] {
            boxes.push([border(i), border(end), low - 10.0, high + 10.0]);
        }
        i = end;
    }
    frame.boxes("left out of the fit", &boxes, Color::hex(0xd9_d9_d9));
}

fn residual(sheet: &mut Sheet, rect: Rect, data: &SpectrumFigure<'_>, x: Axis) {
    let rows = data.flux.iter().zip(data.model).zip(data.sigma);
    let pulls: Vec<f64> =
        rows.map(|((f, m), s)| if *s > 0.0 { (f - m) / s } else { f64::NAN }).collect();
    if finite(data.wave, &pulls).len() < 2 {
        sheet.missing("residual", rect, "The spectrum has no model or no errors.");
        return;
    }
    let y = Axis::new("Δ / σ", -6.0, 6.0).at(&[(-3.0, "−3"), (0.0, "0"), (3.0, "3")]);
    sheet.panel("residual", rect, (x, y), |frame| {
        shade(frame, data, (-6.0, 6.0));
        for level in [-3.0, 0.0, 3.0] {
            frame.level("level", level, Line::whole(PALE, 0.5).dotted());
        }
        frame.line("residual over error", data.wave, &pulls, Line::whole(OKABE_ITO[0], 0.6));
    });
}
