//! Diagnostic: projections of the training labels' hull and of the stars labeled with them.

use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, Frame, Hexes, INK, OKABE_ITO, Origin, Rect, Sample,
    Shape, Sheet, around, count, finite,
};

/// Labels of training set and catalog.
#[derive(Debug, Clone, Copy)]
pub struct HullFigure<'a> {
    /// Training labels Teff (K), log g (dex) and [M/H] (dex), each `(n_train,)`.
    pub training: [&'a [f64]; 3],
    /// The catalog's labels in the same order, each `(n_star,)`.
    pub stars: [&'a [f64]; 3],
    /// Whether a star lies outside the hull, `(n_star,)`.
    pub outside: &'a [bool],
}

const LABELS: [&str; 3] = ["T_{eff} (K)", "log g (dex)", "[M/H] (dex)"];

/// Draws the projections.
pub fn hull(data: &HullFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("hull", origin, COLUMN_MM, 86.0);
    let places = [(0, 2, 0, 0), (0, 1, 0, 1), (2, 1, 1, 1)];
    for (a, b, column, row) in places {
        let rect =
            Rect::new(32.0 + 110.0 * f64::from(column), 12.0 + 114.0 * f64::from(row), 92.0, 88.0);
        let name = format!("{} and {}", LABELS[a], LABELS[b]);
        if finite(data.training[a], data.training[b]).len() < 3 {
            sheet.missing(&name, rect, "These labels are not both in the training set.");
            continue;
        }
        let axis = |i: usize| {
            let (from, to) = around(data.training[i].iter().chain(data.stars[i]));
            if i == 0 {
                Axis::new(LABELS[i], to, from).ticks(3)
            } else {
                Axis::new(LABELS[i], from, to)
            }
        };
        let y = if column == 1 { axis(b).bare() } else { axis(b) };
        sheet.panel(&name, rect, (axis(a), y), |frame| projection(frame, data, (a, b)));
    }
    legend(&mut sheet, data);
    let caption = "Training labels and the labels of the catalog, projected. Outside of the convex hull of the training set, in all labels together, the model extrapolates, and the stars are flagged.";
    let alt = "Three projections of temperature, surface gravity and metallicity: training stars, stars inside and outside their hull.";
    sheet.figure("Hull of the training set", caption, alt)
}

fn part(data: &HullFigure<'_>, label: usize, outside: bool) -> Vec<f64> {
    let known = data.outside.len() == data.stars[label].len();
    let rows = data.stars[label].iter().enumerate();
    rows.filter(|(i, _)| if known { data.outside[*i] == outside } else { !outside })
        .map(|(_, v)| *v)
        .collect()
}

fn projection(frame: &mut Frame<'_>, data: &HullFigure<'_>, (a, b): (usize, usize)) {
    let stars = Hexes { pitch: 1.8, tint: Some(OKABE_ITO[5]) };
    frame.hexagons("stars inside the hull", &part(data, a, false), &part(data, b, false), stars);
    frame.dots("training set", data.training[a], data.training[b], Dot::disc(INK.alpha(0.5), 0.9));
    frame.dots("stars outside the hull", &part(data, a, true), &part(data, b, true), outside());
}

fn outside() -> Dot {
    Dot::disc(OKABE_ITO[1], 2.0).shape(Shape::Ring)
}

/// Drawn in the free quarter of the sheet.
fn legend(sheet: &mut Sheet, data: &HullFigure<'_>) {
    let n = |outside| count(part(data, 0, outside).iter().filter(|v| v.is_finite()).count());
    let entries = [
        (
            Sample::Dot(Dot::disc(INK, 2.0)),
            format!("training, n = {}", count(data.training[0].len())),
        ),
        (Sample::Area(OKABE_ITO[5]), format!("inside, n = {}", n(false))),
        (Sample::Dot(outside()), format!("outside, n = {}", n(true))),
    ];
    sheet.key(Rect::new(142.0, 12.0, 92.0, 60.0), Corner::TopLeft, &entries);
}
