//! Marks: dots, lines, bands, error bars and histograms. Each draws what is finite and records its numbers.

use serde_json::json;

use super::color::{Color, viridis};
use super::frame::Frame;
use super::numbers::{finite, list, rounded};
use super::rich_text::plain;
use super::scene::{Item, Stroke};

/// Shape of a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Filled circle.
    Disc,
    /// Open circle.
    Ring,
    /// Filled square.
    Square,
    /// Filled rhombus.
    Diamond,
}

/// A dot's look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// Color.
    pub color: Color,
    /// Diameter, points.
    pub diameter: f64,
    /// Shape.
    pub shape: Shape,
}

impl Dot {
    /// A disc.
    pub const fn disc(color: Color, diameter: f64) -> Self {
        Self { color, diameter, shape: Shape::Disc }
    }

    /// Another shape.
    pub const fn shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }
}

/// A line's look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Color.
    pub color: Color,
    /// Width, points.
    pub width: f64,
    /// Length of dashes and gaps, points; none for a whole line.
    pub dash: &'static [f64],
}

impl Line {
    /// A whole line.
    pub const fn whole(color: Color, width: f64) -> Self {
        Self { color, width, dash: &[] }
    }

    /// Dashes.
    pub const fn dashed(self) -> Self {
        Self { dash: &[4.0, 2.0], ..self }
    }

    /// Points.
    pub const fn dotted(self) -> Self {
        Self { dash: &[1.0, 1.6], ..self }
    }

    pub(super) fn stroke(self) -> Stroke {
        Stroke { color: self.color, width: self.width, dash: self.dash.to_vec() }
    }
}

/// Colors and layers that colored dots are sorted into: enough for the eye, few for the file.
const LEVELS: usize = 48;
const LAYERS: usize = 8;

impl Frame<'_> {
    /// Equal dots at `(x, y)`.
    pub fn dots(&mut self, name: &str, x: &[f64], y: &[f64], dot: Dot) {
        let pairs = finite(x, y);
        let outside = self.outside(&pairs);
        self.record(json!({
            "kind": "dots", "name": plain(name), "n": pairs.len(), "n_outside": outside,
            "x": list(&pairs.iter().map(|p| p.0).collect::<Vec<_>>()),
            "y": list(&pairs.iter().map(|p| p.1).collect::<Vec<_>>()),
        }));
        let centers = self.places(&pairs);
        if dot.color.alpha >= 1.0 {
            return self.draw_dots(centers, dot);
        }
        // Dots of one path do not darken each other: several layers let a density show.
        for part in 0..LAYERS {
            let rows = centers.iter().enumerate().filter(|(i, _)| layer(*i) == part);
            self.draw_dots(rows.map(|(_, at)| *at).collect(), dot);
        }
    }

    pub(super) fn draw_dots(&mut self, centers: Vec<(f64, f64)>, dot: Dot) {
        if centers.is_empty() {
            return;
        }
        let clip = Some(self.rect);
        let Dot { color, diameter, shape } = dot;
        let lines = || centers.iter().map(|&at| polygon(at, diameter / 2.0, shape)).collect();
        match shape {
            Shape::Disc => {
                self.sheet.scene.items.push(Item::Dots { centers, diameter, color, clip })
            }
            Shape::Ring => {
                let stroke = Stroke { color, width: 0.2 * diameter, dash: Vec::new() };
                self.clipped(lines(), true, None, Some(stroke));
            }
            Shape::Square | Shape::Diamond => self.clipped(lines(), true, Some(color), None),
        }
    }

    /// Dots colored by `z` from `low` to `high` in viridis. They lie in an order that has nothing to do
    /// with `z`, so that neither end covers the other.
    pub fn colored_dots(
        &mut self,
        name: &str,
        xyz: [&[f64]; 3],
        (low, high): (f64, f64),
        diameter: f64,
    ) {
        let [x, y, z] = xyz;
        let mut rows: Vec<[f64; 3]> = Vec::new();
        for ((&x, &y), &z) in x.iter().zip(y).zip(z) {
            if x.is_finite() && y.is_finite() && z.is_finite() {
                rows.push([x, y, z]);
            }
        }
        let column = |i: usize| list(&rows.iter().map(|r| r[i]).collect::<Vec<_>>());
        let record = json!({
            "kind": "colored dots", "name": plain(name), "n": rows.len(),
            "x": column(0), "y": column(1), "color": column(2),
            "color_range": [rounded(low), rounded(high)],
        });
        self.record(record);
        let mut groups = vec![Vec::new(); LAYERS * LEVELS];
        for (i, &[x, y, z]) in rows.iter().enumerate() {
            let level = ((z - low) / (high - low)).clamp(0.0, 1.0) * (LEVELS - 1) as f64;
            let place = self.at(x, y);
            if place.0.is_finite() && place.1.is_finite() {
                groups[layer(i) * LEVELS + level.round() as usize].push(place);
            }
        }
        for (i, centers) in groups.into_iter().enumerate() {
            let color = viridis((i % LEVELS) as f64 / (LEVELS - 1) as f64);
            self.draw_dots(centers, Dot::disc(color, diameter));
        }
    }

    /// A line through `(x, y)`, broken where a value is not finite.
    pub fn line(&mut self, name: &str, x: &[f64], y: &[f64], line: Line) {
        let record = json!({ "kind": "line", "name": plain(name), "x": list(x), "y": list(y) });
        self.record(record);
        let mut lines = vec![Vec::new()];
        for (&x, &y) in x.iter().zip(y) {
            let (h, v) = self.at(x, y);
            if h.is_finite() && v.is_finite() {
                if let Some(last) = lines.last_mut() {
                    last.push((h, v));
                }
            } else if lines.last().is_some_and(|last| !last.is_empty()) {
                lines.push(Vec::new());
            }
        }
        lines.retain(|line| line.len() > 1);
        if !lines.is_empty() {
            self.clipped(lines, false, None, Some(line.stroke()));
        }
    }

    /// A horizontal line across the panel.
    pub fn level(&mut self, name: &str, y: f64, line: Line) {
        let [from, to] = self.x.range();
        self.line(name, &[from, to], &[y, y], line);
    }

    /// A vertical line across the panel.
    pub fn upright(&mut self, name: &str, x: f64, line: Line) {
        let [from, to] = self.y.range();
        self.line(name, &[x, x], &[from, to], line);
    }

    /// The rim of a polygon.
    pub fn polygon(&mut self, name: &str, corners: &[(f64, f64)], line: Line) {
        let mut x: Vec<f64> = corners.iter().map(|c| c.0).collect();
        let mut y: Vec<f64> = corners.iter().map(|c| c.1).collect();
        x.extend(corners.first().map(|c| c.0));
        y.extend(corners.first().map(|c| c.1));
        self.line(name, &x, &y, line);
    }

    /// The area between `low` and `high`.
    pub fn band(&mut self, name: &str, x: &[f64], (low, high): (&[f64], &[f64]), color: Color) {
        let record = json!({
            "kind": "band", "name": plain(name), "x": list(x), "low": list(low), "high": list(high),
        });
        self.record(record);
        let mut area = self.places(&finite(x, high));
        area.extend(self.places(&finite(x, low)).into_iter().rev());
        if area.len() > 2 {
            self.clipped(vec![area], true, Some(color), None);
        }
    }

    /// Vertical bars from `low` to `high`.
    pub fn error_bars(&mut self, name: &str, x: &[f64], (low, high): (&[f64], &[f64]), line: Line) {
        let record = json!({
            "kind": "error bars", "name": plain(name), "x": list(x), "low": list(low), "high": list(high),
        });
        self.record(record);
        let ends = x.iter().zip(low).zip(high);
        let bars = ends.map(|((&x, &low), &high)| vec![self.at(x, low), self.at(x, high)]);
        self.draw_bars(bars.collect(), line);
    }

    /// Horizontal bars from `low` to `high`.
    pub fn side_bars(&mut self, name: &str, (low, high): (&[f64], &[f64]), y: &[f64], line: Line) {
        let record = json!({
            "kind": "horizontal error bars", "name": plain(name), "y": list(y), "low": list(low), "high": list(high),
        });
        self.record(record);
        let ends = y.iter().zip(low).zip(high);
        let bars = ends.map(|((&y, &low), &high)| vec![self.at(low, y), self.at(high, y)]);
        self.draw_bars(bars.collect(), line);
    }

    fn draw_bars(&mut self, mut bars: Vec<Vec<(f64, f64)>>, line: Line) {
        bars.retain(|bar| bar.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
        if !bars.is_empty() {
            self.clipped(bars, false, None, Some(line.stroke()));
        }
    }

    /// Columns of a histogram between `edges`, one more than `heights`.
    pub fn columns(&mut self, name: &str, edges: &[f64], heights: &[f64], fill: Color) {
        let record = json!({
            "kind": "histogram", "name": plain(name), "edges": list(edges), "heights": list(heights),
        });
        self.record(record);
        let bottom = self.y.range()[0];
        let mut columns = Vec::new();
        for (pair, &height) in edges.windows(2).zip(heights) {
            let corners =
                [(pair[0], bottom), (pair[0], height), (pair[1], height), (pair[1], bottom)];
            let places = self.places(&corners);
            if places.len() == 4 && height > 0.0 {
                columns.push(places);
            }
        }
        if !columns.is_empty() {
            let rim = Stroke { color: fill.alpha(1.0), width: 0.35, dash: Vec::new() };
            self.clipped(columns, true, Some(fill), Some(rim));
        }
    }

    /// Boxes `(x from, x to, y from, y to)`.
    pub fn boxes(&mut self, name: &str, boxes: &[[f64; 4]], fill: Color) {
        let rows: Vec<_> = boxes.iter().map(|b| list(b)).collect();
        self.record(json!({ "kind": "boxes", "name": plain(name), "boxes": rows }));
        let mut lines = Vec::new();
        for &[left, right, low, high] in boxes {
            let places = self.places(&[(left, low), (right, low), (right, high), (left, high)]);
            if places.len() == 4 {
                lines.push(places);
            }
        }
        if !lines.is_empty() {
            self.clipped(lines, true, Some(fill), None);
        }
    }
}

/// A layer for the `i`-th dot, scattered by Knuth's multiplicative hash.
fn layer(i: usize) -> usize {
    (((i as u32).wrapping_mul(2_654_435_769)) >> 29) as usize % LAYERS
}

fn polygon((x, y): (f64, f64), radius: f64, shape: Shape) -> Vec<(f64, f64)> {
    let (n, turn, reach) = match shape {
        Shape::Square => (4, 0.125, 1.2),
        Shape::Diamond => (4, 0.0, 1.3),
        Shape::Disc | Shape::Ring => (16, 0.0, 0.9),
    };
    (0..n)
        .map(|i| {
            let angle = std::f64::consts::TAU * (f64::from(i) / f64::from(n) + turn);
            (x + reach * radius * angle.cos(), y + reach * radius * angle.sin())
        })
        .collect()
}
