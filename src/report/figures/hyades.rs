//! Figure 7: metallicities of Hyades members (Li et al. 2021, section 5.1), and against temperature, where a
//! cluster must show no trend.

use super::sample::{histogram, moments, or_bare, stated};
use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, Line, Measured, OKABE_ITO, Origin, PALE, Rect, Sample,
    Sheet, signed,
};

/// Data of Figure 7; slices of equal length `(n_member,)`.
#[derive(Debug, Clone, Copy)]
pub struct HyadesFigure<'a> {
    /// M_H_AP, dex.
    pub m_h: &'a [f64],
    /// Its adopted error, dex.
    pub m_h_error: &'a [f64],
    /// TEFF_AP, K.
    pub teff: &'a [f64],
    /// Mean of M_H_AP, dex.
    pub mean: Option<Measured>,
    /// Standard deviation of M_H_AP, dex.
    pub sd: Option<Measured>,
    /// Slope of M_H_AP against TEFF_AP, dex per 100 K.
    pub slope: Option<Measured>,
    /// Metallicity of the literature, dex: 0.13 (Schuler et al. 2006).
    pub literature: f64,
}

const RANGE: (f64, f64) = (-0.6, 0.6);

/// Draws Figure 7.
pub fn hyades(data: &HyadesFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("fig7_hyades", origin, COLUMN_MM, 58.0);
    let n = data.m_h.iter().filter(|v| v.is_finite()).count();
    let (left, right) = (Rect::new(28.0, 12.0, 92.0, 122.0), Rect::new(146.0, 12.0, 90.0, 122.0));
    if n == 0 {
        let all = Rect::new(28.0, 12.0, 208.0, 122.0);
        sheet.missing("Hyades", all, "No member of the Hyades is in the catalog.");
    } else {
        distribution(&mut sheet, left, data, n);
        trend(&mut sheet, right, data);
    }
    let caption = "Figure 7. M_H_AP of Hyades members. Left: their distribution, its mean (blue) and the literature's [Fe/H] (vermillion, Schuler et al. 2006); right: against TEFF_AP, with adopted errors: a cluster must show no trend. Brackets: 95% bootstrap intervals.";
    let alt = "Histogram of the metallicities of Hyades members around zero, a vertical line at the literature's value; scatter plot of the same against temperature.";
    sheet.figure("Hyades", caption, alt)
}

fn distribution(sheet: &mut Sheet, rect: Rect, data: &HyadesFigure<'_>, n: usize) {
    let found = moments(data.m_h);
    let mean = or_bare(data.mean, found.map(|m| m.0));
    let sd = or_bare(data.sd, found.map(|m| m.1));
    let (edges, counts) = histogram(data.m_h, RANGE, 24);
    let top = 1.75 * counts.iter().copied().fold(1.0, f64::max);
    let axes = (Axis::new("M_H_AP (dex)", RANGE.0, RANGE.1), Axis::new("members", 0.0, top));
    let (ours, literature) =
        (Line::whole(OKABE_ITO[0], 1.2), Line::whole(OKABE_ITO[1], 1.2).dashed());
    sheet.panel("distribution", rect, axes, |frame| {
        frame.columns("members", &edges, &counts, OKABE_ITO[5].alpha(0.5));
        let to = 0.62 * top;
        frame.line("literature", &[data.literature; 2], &[0.0, to], literature);
        let mut notes = vec![format!("n = {n}")];
        if let Some(mean) = mean {
            frame.line("mean", &[mean.value; 2], &[0.0, to], ours);
            notes.push(stated("mean", mean, 2, "", true));
        }
        notes.extend(sd.map(|sd| stated("sd", sd, 2, "", false)));
        let rows = notes.len();
        frame.note(Corner::TopLeft, &notes);
        let entry = format!("literature {}", signed(data.literature, 2));
        frame.legend_below(Corner::TopLeft, rows, &[(Sample::Line(literature), entry)]);
    });
}

fn trend(sheet: &mut Sheet, rect: Rect, data: &HyadesFigure<'_>) {
    let known = crate::report::plot::finite(data.teff, data.m_h).len();
    if known == 0 {
        sheet.missing("trend with T_{eff}", rect, "No member has TEFF_AP.");
        return;
    }
    let (from, to) = crate::report::plot::around(data.teff);
    let axes = (Axis::new("TEFF_AP (K)", from, to).ticks(3), Axis::new("", RANGE.0, RANGE.1));
    sheet.panel("M_H_AP against TEFF_AP", rect, axes, |frame| {
        frame.level("literature", data.literature, Line::whole(OKABE_ITO[1], 0.9).dashed());
        let ends = |sign: f64| -> Vec<f64> {
            data.m_h.iter().zip(data.m_h_error).map(|(m, e)| m + sign * e).collect()
        };
        frame.error_bars(
            "adopted error",
            data.teff,
            (&ends(-1.0), &ends(1.0)),
            Line::whole(PALE, 0.5),
        );
        frame.dots("members", data.teff, data.m_h, Dot::disc(OKABE_ITO[0], 3.0));
        if let Some(slope) = data.slope {
            let mut lines = vec![format!("slope {} dex per 100 K", signed(slope.value, 3))];
            if slope.has_interval() {
                lines.push(format!("[{}, {}]", signed(slope.low, 3), signed(slope.high, 3)));
            }
            frame.note(Corner::BottomLeft, &lines);
        }
    });
}
