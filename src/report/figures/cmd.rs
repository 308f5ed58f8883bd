//! Figure 1: the color-magnitude diagram of the candidates, the quadrangle that selects the main sequence, and
//! the M giants (Li et al. 2021, section 3.1).

use crate::report::plot::{
    Axis, COLUMN_MM, Color, Corner, Dot, Figure, Frame, Hexes, INK, Line, OKABE_ITO, Origin, Rect,
    Sample, Sheet, count, finite,
};

/// Data of Figure 1; the slices of the candidates are of equal length `(n_spectrum,)`.
#[derive(Debug, Clone, Copy)]
pub struct CmdFigure<'a> {
    /// Color G_BP - G_RP of the candidates, mag.
    pub bp_rp: &'a [f64],
    /// Absolute magnitude M_G of the candidates, not dereddened, mag.
    pub m_g: &'a [f64],
    /// Whether the candidate passed the cuts of the diagram; empty if that is not known.
    pub selected: &'a [bool],
    /// Color of the M giants of Zhong et al. (2019), mag; may be empty.
    pub giant_bp_rp: &'a [f64],
    /// Absolute magnitude of the M giants, mag.
    pub giant_m_g: &'a [f64],
    /// The quadrangle in convex order: upper blue, upper red, lower red, lower blue corner.
    pub quadrangle: [(f64, f64); 4],
    /// Stars brighter than this absolute magnitude are giants, mag.
    pub giant_limit: f64,
}

/// The quadrangle as printed, put into convex order.
pub const PRINTED_QUADRANGLE: [(f64, f64); 4] = [(0.7, 5.0), (1.4, 5.0), (5.0, 16.5), (4.0, 16.5)];

const BP_RP: (f64, f64) = (0.5, 5.0);
const M_G: (f64, f64) = (17.5, -6.0);
/// Colors of the two samples that are no density of selected stars.
const GIANTS: Color = OKABE_ITO[1];
/// Up to this many selected spectra are drawn as dots.
const DOTS: usize = 500;
const REJECTED: Color = Color::hex(0x77_77_77);

const EDGE: Line = Line::whole(INK, 0.9).dashed();
const LIMIT: Line = Line::whole(INK, 0.9).dotted();

/// Draws Figure 1.
pub fn cmd(data: &CmdFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("fig1_cmd", origin, COLUMN_MM, 88.0);
    let rect = Rect::new(30.0, 12.0, 168.0, 210.0);
    let n = finite(data.bp_rp, data.m_g).len();
    if n < 2 {
        let why = "No candidate has both a Gaia color and a distance.";
        sheet.missing("M_{G} against G_{BP} − G_{RP}", rect, why);
    } else {
        let axes = (
            Axis::new("G_{BP} − G_{RP} (mag)", BP_RP.0, BP_RP.1),
            Axis::new("M_{G} (mag)", M_G.0, M_G.1),
        );
        let mut largest = None;
        sheet.panel("color-magnitude diagram", rect, axes, |frame| largest = draw(frame, data));
        if let Some(largest) = largest {
            let ticks = decades(largest);
            let scale = Axis::log("selected spectra per cell", 1.0, largest.max(2) as f64, &ticks);
            sheet.color_bar(Rect::new(204.0, 12.0, 7.0, 210.0), scale);
        }
    }
    sheet.figure("Color-magnitude diagram and selection", &caption(data), ALT)
}

const ALT: &str = "Color-magnitude diagram: the selected M dwarfs lie along the main sequence inside a slanted quadrangle; the M giants lie above the line at absolute magnitude 5.";

fn caption(data: &CmdFigure<'_>) -> String {
    let giants = match finite(data.giant_bp_rp, data.giant_m_g).len() {
        0 => String::new(),
        n => format!("; vermillion: the {} M giants of Zhong et al. (2019)", count(n)),
    };
    format!(
        "Figure 1. Color-magnitude diagram of the M dwarf candidates, M_G with the distances of Bailer-Jones et al. (2018), not dereddened. \
         Selected spectra in color; gray: spectra that the cuts remove{giants}. \
         Dashed: the quadrangle of the selection, vertices in convex order; dotted: M_G = {}.",
        data.giant_limit
    )
}

fn decades(largest: usize) -> Vec<f64> {
    let mut ticks = vec![1.0];
    for power in 0..7 {
        for step in [2.0, 5.0, 10.0] {
            let tick = step * 10_f64.powi(power);
            if tick <= largest as f64 && (largest < 100 || step == 10.0) {
                ticks.push(tick);
            }
        }
    }
    ticks
}

/// Largest count of a cell, if the selected spectra are drawn as a density.
fn draw(frame: &mut Frame<'_>, data: &CmdFigure<'_>) -> Option<usize> {
    let known = data.selected.len() == data.bp_rp.len();
    let split = |want: bool| -> (Vec<f64>, Vec<f64>) {
        let rows = data.bp_rp.iter().zip(data.m_g).enumerate();
        rows.filter(|(i, _)| !known && want || known && data.selected[*i] == want)
            .map(|(_, (x, y))| (*x, *y))
            .unzip()
    };
    let (out_x, out_y) = split(false);
    let (in_x, in_y) = split(true);
    let tinted = |tint| Hexes { pitch: 1.8, tint: Some(tint) };
    frame.hexagons("removed", &out_x, &out_y, tinted(REJECTED));
    frame.hexagons("M giants", data.giant_bp_rp, data.giant_m_g, tinted(GIANTS));
    let is_many = finite(&in_x, &in_y).len() > DOTS;
    let largest = if is_many {
        Some(frame.hexagons("selected", &in_x, &in_y, Hexes { pitch: 1.8, tint: None }))
    } else {
        frame.dots("selected", &in_x, &in_y, Dot::disc(OKABE_ITO[0], 2.0));
        None
    };
    edges(frame, data);
    let counted = |x: &[f64], y: &[f64]| count(finite(x, y).len());
    let mut entries = vec![
        (
            Sample::Area(if is_many { OKABE_ITO[2] } else { OKABE_ITO[0] }),
            format!("selected, n = {}", counted(&in_x, &in_y)),
        ),
        (Sample::Area(REJECTED), format!("removed, n = {}", counted(&out_x, &out_y))),
        (
            Sample::Area(GIANTS),
            format!("M giants, n = {}", counted(data.giant_bp_rp, data.giant_m_g)),
        ),
        (Sample::Line(EDGE), "quadrangle".to_owned()),
        (Sample::Line(LIMIT), format!("M_{{G}} = {}", data.giant_limit)),
    ];
    entries.retain(|(_, text)| !text.ends_with("n = 0"));
    frame.legend(Corner::BottomLeft, &entries);
    largest
}

/// The quadrangle's slanted edges and the giants' limit.
fn edges(frame: &mut Frame<'_>, data: &CmdFigure<'_>) {
    let [top_blue, top_red, low_red, low_blue] = data.quadrangle;
    for (name, from, to) in [("upper edge", top_red, low_red), ("lower edge", top_blue, low_blue)] {
        frame.line(name, &[from.0, to.0], &[from.1, to.1], EDGE);
    }
    frame.level("giant limit", data.giant_limit, LIMIT);
}
