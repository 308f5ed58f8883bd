//! What is drawn, in order: paths, dots and texts in points on a sheet. Knows no data and no format.

use super::color::Color;
use super::font::Weight;

/// A rectangle; `y` grows downward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge, points.
    pub x: f64,
    /// Upper edge, points.
    pub y: f64,
    /// Width, points.
    pub width: f64,
    /// Height, points.
    pub height: f64,
}

impl Rect {
    /// A rectangle from its upper left corner and size, in points.
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The four corners in order.
    pub fn corners(&self) -> Vec<(f64, f64)> {
        let (r, b) = (self.right(), self.bottom());
        vec![(self.x, self.y), (r, self.y), (r, b), (self.x, b)]
    }
}

/// A line's look.
#[derive(Debug, Clone, PartialEq)]
pub struct Stroke {
    /// Color.
    pub color: Color,
    /// Width, points.
    pub width: f64,
    /// Lengths of dashes and gaps, points; empty for a whole line.
    pub dash: Vec<f64>,
}

/// Side of a text that stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The beginning.
    Start,
    /// The middle.
    Middle,
    /// The end.
    End,
}

impl Anchor {
    /// Part of the width that lies before the place.
    pub fn part(self) -> f64 {
        match self {
            Anchor::Start => 0.0,
            Anchor::Middle => 0.5,
            Anchor::End => 1.0,
        }
    }
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Marked text, see `rich_text`.
    pub text: String,
    /// Place of the anchor on the baseline, points.
    pub at: (f64, f64),
    /// Font size, points.
    pub size: f64,
    /// Weight.
    pub weight: Weight,
    /// Anchor.
    pub anchor: Anchor,
    /// Turned a quarter to the left, as labels of vertical axes are.
    pub upward: bool,
    /// Color.
    pub color: Color,
    /// A rim in the paper's color, so that the text is legible on data.
    pub halo: bool,
}

/// One thing drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Polygons and lines.
    Path {
        /// Each a row of points.
        lines: Vec<Vec<(f64, f64)>>,
        /// Whether each is closed.
        closed: bool,
        /// Inside.
        fill: Option<Color>,
        /// Rim or line.
        stroke: Option<Stroke>,
        /// Nothing is drawn outside.
        clip: Option<Rect>,
    },
    /// Equal dots.
    Dots {
        /// Centers.
        centers: Vec<(f64, f64)>,
        /// Diameter, points.
        diameter: f64,
        /// Color.
        color: Color,
        /// Nothing is drawn outside.
        clip: Option<Rect>,
    },
    /// Text.
    Text(Text),
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width, points.
    pub width: f64,
    /// Height, points.
    pub height: f64,
    /// From the back to the front.
    pub items: Vec<Item>,
}

impl Scene {
    /// Puts colors in the place of others, opacity kept.
    pub fn recolor(&mut self, colors: &[(Color, Color)]) {
        let change = |color: &mut Color| {
            if let Some((_, new)) = colors.iter().find(|(old, _)| old.rgb == color.rgb) {
                color.rgb = new.rgb;
            }
        };
        for item in &mut self.items {
            match item {
                Item::Path { fill, stroke, .. } => {
                    fill.iter_mut().for_each(change);
                    stroke.iter_mut().for_each(|stroke| change(&mut stroke.color));
                }
                Item::Dots { color, .. } => change(color),
                Item::Text(text) => change(&mut text.color),
            }
        }
    }
}
