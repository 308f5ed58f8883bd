//! Figure 6: the dereddened Hertzsprung-Russell diagram colored by metallicity, with PARSEC isochrones (Li et
//! al. 2021, section 4.3).

use crate::report::plot::{
    Anchor, Axis, COLUMN_MM, Color, Corner, Dot, Figure, Frame, INK, Line, Origin, PALE, Rect,
    Sheet, count, finite, signed, viridis,
};

/// One isochrone; slices of equal length `(n_point,)`, in the order of mass.
#[derive(Debug, Clone, Copy)]
pub struct Isochrone<'a> {
    /// Metallicity [M/H], dex.
    pub m_h: f64,
    /// Initial mass, solar masses.
    pub mass: &'a [f64],
    /// Effective temperature, K.
    pub teff: &'a [f64],
    /// Absolute magnitude M_G, mag.
    pub m_g: &'a [f64],
}

/// Data of Figure 6; slices of equal length `(n_star,)`. NaN where a star has no value.
#[derive(Debug, Clone, Copy)]
pub struct HrdFigure<'a> {
    /// TEFF_AP, K.
    pub teff_ap: &'a [f64],
    /// TEFF_BT, K.
    pub teff_bt: &'a [f64],
    /// Color G_BP - G_RP, dereddened, mag.
    pub bp_rp: &'a [f64],
    /// Absolute magnitude M_G, dereddened, mag.
    pub m_g: &'a [f64],
    /// M_H_AP, dex.
    pub m_h: &'a [f64],
    /// PARSEC isochrones of 1 Gyr; may be empty.
    pub isochrones: &'a [Isochrone<'a>],
    /// Masses whose places are joined, solar masses.
    pub masses: &'a [f64],
    /// Correlation (Spearman's rho) of M_H_AP with the height above the sequence at fixed color, if measured.
    pub rho: Option<f64>,
}

const M_G: (f64, f64) = (14.5, 5.5);
const TEFF: (f64, f64) = (4500.0, 2800.0);
const BP_RP: (f64, f64) = (1.3, 3.9);
const COLOR_TICKS: [(f64, &str); 5] =
    [(1.5, "1.5"), (2.0, "2"), (2.5, "2.5"), (3.0, "3"), (3.5, "3.5")];
const M_H: (f64, f64) = (-1.0, 0.6);
/// Parts of the stars that contours enclose.
const ENCLOSED: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 0.95];
/// Fewer stars have no density.
const FEW: usize = 300;
const W: f64 = 83.0;
const H: f64 = 100.0;

/// Draws Figure 6.
pub fn hrd(data: &HrdFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("fig6_hrd", origin, COLUMN_MM, 93.0);
    let rect = |column: u8, row: u8| {
        Rect::new(29.0 + 92.0 * f64::from(column), 12.0 + 125.0 * f64::from(row), W, H)
    };
    let y = || Axis::new("M_{G,0} (mag)", M_G.0, M_G.1);
    let temperature =
        |label: &str| Axis::log(label, TEFF.0, TEFF.1, &[4400.0, 3800.0, 3300.0, 2900.0]);
    let color = Axis::new("(G_{BP} − G_{RP})_{0} (mag)", BP_RP.0, BP_RP.1).at(&COLOR_TICKS);
    let panels = [
        ("TEFF_AP", rect(0, 0), (temperature("TEFF_AP (K)"), y()), data.teff_ap, false),
        ("color", rect(1, 0), (color, y().bare()), data.bp_rp, false),
        ("TEFF_AP, density", rect(0, 1), (temperature("TEFF_AP (K)"), y()), data.teff_ap, true),
        (
            "TEFF_BT, density",
            rect(1, 1),
            (temperature("TEFF_BT (K)"), y().bare()),
            data.teff_bt,
            true,
        ),
    ];
    for (name, rect, axes, x, density) in panels {
        if complete(data, x) < 2 {
            let why =
                format!("No star has {}, M_G and M_H_AP.", name.split(',').next().unwrap_or(name));
            sheet.missing(name, rect, &why);
        } else if density {
            sheet.panel(name, rect, axes, |frame| isochrones(frame, data, x));
        } else {
            let top = if name == "color" { data.rho } else { None };
            sheet.panel(name, rect, axes, |frame| stars(frame, data, x, top));
        }
    }
    sheet.color_bar(
        Rect::new(207.0, 12.0, 6.0, H),
        Axis::new("M_H_AP (dex)", M_H.0, M_H.1).ticks(4),
    );
    sheet.figure("Hertzsprung-Russell diagram", CAPTION, ALT)
}

const CAPTION: &str = "Figure 6. Dereddened Hertzsprung-Russell diagram. Upper: stars colored by M_H_AP against TEFF_AP and against color; lower: contours around 20, 40, 60, 80 and 95% of the stars for TEFF_AP and TEFF_BT, with PARSEC isochrones of 1 Gyr in the colors of their [M/H] (solid) and lines of equal mass (gray, dashed).";
const ALT: &str = "Four panels of absolute magnitude against temperature or color: at a given temperature or color metal-rich stars are brighter; isochrones bracket the sequence.";

/// Stars with all that a panel needs.
fn complete(data: &HrdFigure<'_>, x: &[f64]) -> usize {
    let rows = x.iter().zip(data.m_g).zip(data.m_h);
    rows.filter(|((x, g), m)| x.is_finite() && g.is_finite() && m.is_finite()).count()
}

fn stars(frame: &mut Frame<'_>, data: &HrdFigure<'_>, x: &[f64], rho: Option<f64>) {
    let n = finite(x, data.m_g).len();
    let diameter = if n > 3_000 { 1.0 } else { 1.7 };
    frame.colored_dots("stars", [x, data.m_g, data.m_h], M_H, diameter);
    let mut lines = vec![format!("n = {}", count(n))];
    lines.extend(rho.map(|rho| format!("ρ = {}", signed(rho, 2))));
    frame.note(Corner::TopRight, &lines);
}

fn isochrones(frame: &mut Frame<'_>, data: &HrdFigure<'_>, teff: &[f64]) {
    if finite(teff, data.m_g).len() < FEW {
        frame.dots("stars", teff, data.m_g, Dot::disc(PALE, 1.6));
    } else {
        frame.contours("stars", teff, data.m_g, &ENCLOSED, Line::whole(INK, 0.5));
    }
    for isochrone in data.isochrones {
        let part = (isochrone.m_h - M_H.0) / (M_H.1 - M_H.0);
        let line = Line::whole(viridis(part), 1.0);
        frame.line(
            &format!("[M/H] = {}", signed(isochrone.m_h, 2)),
            isochrone.teff,
            isochrone.m_g,
            line,
        );
    }
    for &mass in data.masses {
        let places: Vec<(f64, f64)> =
            data.isochrones.iter().filter_map(|isochrone| at_mass(isochrone, mass)).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = places.iter().copied().unzip();
        let gray: Color = PALE;
        frame.line(&format!("{mass} solar masses"), &x, &y, Line::whole(gray, 0.8).dashed());
        let coolest = places.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((x, y)) = coolest {
            frame.text(&format!(" {mass}"), (x, y), Anchor::Start, INK);
        }
    }
    if !data.isochrones.is_empty() && !data.masses.is_empty() {
        frame.note(Corner::BottomLeft, &["masses in M_{Sun}".to_owned()]);
    }
}

/// Temperature and magnitude at a mass, linear between points.
fn at_mass(isochrone: &Isochrone<'_>, mass: f64) -> Option<(f64, f64)> {
    let points: Vec<(f64, f64, f64)> = isochrone
        .mass
        .iter()
        .zip(isochrone.teff)
        .zip(isochrone.m_g)
        .map(|((m, t), g)| (*m, *t, *g))
        .collect();
    points.windows(2).find_map(|pair| {
        let ((m0, t0, g0), (m1, t1, g1)) = (pair[0], pair[1]);
        let part = (mass - m0) / (m1 - m0);
        (m1 > m0 && (0.0..=1.0).contains(&part))
            .then_some((t0 + part * (t1 - t0), g0 + part * (g1 - g0)))
    })
}
