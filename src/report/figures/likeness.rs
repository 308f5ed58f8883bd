//! Diagnostic: simulated spectra beside observed ones of the same subclass.

use crate::report::plot::{
    Axis, Corner, Figure, INK, Line, OKABE_ITO, Origin, PAGE_MM, Rect, Sample, Sheet, count,
};

/// Median spectra of neighboring subclasses; slices of length `(n_pix,)`, NaN where no spectrum has a value.
#[derive(Debug, Clone)]
pub struct Likeness<'a> {
    /// Subclasses: `M2, M3`.
    pub subclass: String,
    /// Spectra of each kind.
    pub n: [usize; 2],
    /// Vacuum wavelength at rest, angstrom, ascending.
    pub wave: &'a [f64],
    /// Median flux over the continuum: observed, simulated.
    pub normalized: [Vec<f64>; 2],
    /// Median flux over its value at 7,500 angstrom: observed, simulated.
    pub shape: [Vec<f64>; 2],
}

const NAMES: [&str; 2] = ["observed", "simulated"];

/// Draws a column of two panels for each subclass.
pub fn likeness(data: &[Likeness<'_>], origin: Origin) -> Figure {
    let mut sheet = Sheet::new("likeness", origin, PAGE_MM, 122.0);
    for (column, likeness) in data.iter().enumerate() {
        let left = 32.0 + 164.0 * column as f64;
        let upper = Rect::new(left, 12.0, 134.0, 132.0);
        let lower = Rect::new(left, 180.0, 134.0, 132.0);
        let (subclass, wave) = (&likeness.subclass, likeness.wave);
        if likeness.n.contains(&0) || wave.len() < 2 {
            let side = if likeness.n[0] == 0 { NAMES[0] } else { NAMES[1] };
            let why = format!("There is no {side} spectrum of {subclass}.");
            [upper, lower].into_iter().for_each(|rect| sheet.missing(subclass, rect, &why));
            continue;
        }
        let is_first = column == 0;
        let flux = ("flux over that at 7500 Å", is_first);
        panel(&mut sheet, upper, likeness, (&likeness.shape, flux), (0.0, 1.7));
        let flux = ("flux over the continuum", is_first);
        panel(&mut sheet, lower, likeness, (&likeness.normalized, flux), (0.6, 1.8));
    }
    let caption = "Median spectra of observed (black) and simulated (vermillion) stars, by the subclass that LAMOST gives or that the simulation would be given; above as they are, below over their continuum, which is what the model learns.";
    let alt =
        "Pairs of median M dwarf spectra, observed and simulated, with the same molecular bands.";
    sheet.figure("Simulated and observed spectra", caption, alt)
}

fn panel(
    sheet: &mut Sheet,
    rect: Rect,
    data: &Likeness<'_>,
    (spectra, (quantity, is_first)): (&[Vec<f64>; 2], (&str, bool)),
    (low, high): (f64, f64),
) {
    let (from, to) = (data.wave[0], data.wave[data.wave.len() - 1]);
    let label = if is_first { quantity } else { "" };
    let axes = (Axis::new("vacuum wavelength (Å)", from, to).ticks(3), Axis::new(label, low, high));
    let lines = [Line::whole(INK, 0.7), Line::whole(OKABE_ITO[1], 0.7)];
    sheet.panel(&format!("{} {quantity}", data.subclass), rect, axes, |frame| {
        let mut entries = Vec::new();
        for (i, line) in lines.into_iter().enumerate() {
            frame.line(NAMES[i], data.wave, &spectra[i], line);
            entries.push((Sample::Line(line), format!("{}, n = {}", NAMES[i], count(data.n[i]))));
        }
        frame.note(Corner::BottomRight, std::slice::from_ref(&data.subclass));
        frame.legend(Corner::TopLeft, &entries);
    });
}
