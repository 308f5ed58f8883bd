//! A sheet with panels, and what a finished figure consists of.

use serde_json::{Value, json};

use super::axis::Axis;
use super::color::{Color, INK, OKABE_ITO, PALE};
use super::font::Weight;
use super::frame::Frame;
use super::raster::png;
use super::rich_text::{plain, wrapped};
use super::scene::{Anchor, Item, Rect, Scene, Stroke, Text};
use super::svg::svg;

/// Width of a journal's column.
pub const COLUMN_MM: f64 = 85.0;
/// Width of its text.
pub const PAGE_MM: f64 = 178.0;
/// Points in a millimeter.
const POINTS: f64 = 72.0 / 25.4;
/// Resolution of the PNG.
const DPI: f64 = 300.0;
/// Font size of labels.
pub const LABEL: f64 = 7.5;
/// Font size of ticks, notes and legends.
pub const SMALL: f64 = 6.5;

/// Where the data come from; simulated data are said to be so on the figure itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Telescopes.
    Observed,
    /// The simulated survey.
    Simulated,
}

/// What a panel shows, or a plain sentence why it shows nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel<T> {
    /// There are data.
    Data(T),
    /// There are none: the sentence stands in the panel's place.
    Missing(String),
}

impl<T> Panel<T> {
    /// A missing panel.
    pub fn missing(why: &str) -> Self {
        Panel::Missing(why.to_owned())
    }

    /// The data, or the sentence.
    pub fn data(&self) -> Result<&T, &str> {
        match self {
            Panel::Data(data) => Ok(data),
            Panel::Missing(why) => Err(why),
        }
    }
}

/// A statistic with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Lower end of the interval; NaN if there is none.
    pub low: f64,
    /// Upper end; NaN if there is none.
    pub high: f64,
}

impl Measured {
    /// A value without interval.
    pub const fn bare(value: f64) -> Self {
        Self { value, low: f64::NAN, high: f64::NAN }
    }

    /// Whether both ends are there.
    pub fn has_interval(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }
}

/// A finished figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// File stem, unique in a report.
    pub name: String,
    /// SVG with its font inside.
    pub svg: String,
    /// PNG at 300 dots in an inch.
    pub png: Vec<u8>,
    /// All numbers drawn, by panel and mark.
    pub json: Value,
    /// Caption, plain text.
    pub caption: String,
    /// What is to be seen, for those who do not see it.
    pub alt: String,
    /// The drawing, to be written again in other colors; `None` of a figure that was read from files.
    pub drawing: Option<Drawing>,
}

/// What a figure's SVG and PNG are written from.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    scene: Scene,
    title: String,
}

impl Figure {
    /// The same figure with colors in the place of others: pairs of old and new.
    pub fn recolored(self, colors: &[(Color, Color)]) -> Self {
        let Some(mut drawing) = self.drawing.filter(|_| !colors.is_empty()) else {
            return Self { drawing: None, ..self };
        };
        drawing.scene.recolor(colors);
        Self {
            svg: svg(&drawing.scene, &self.name, &drawing.title, &self.alt),
            png: png(&drawing.scene, DPI),
            drawing: Some(drawing),
            ..self
        }
    }
}

/// A sheet on which panels are drawn.
#[derive(Debug)]
pub struct Sheet {
    name: String,
    origin: Origin,
    pub(super) scene: Scene,
    pub(super) panels: Vec<Value>,
}

impl Sheet {
    /// An empty sheet. `name` becomes the file stem.
    pub fn new(name: &str, origin: Origin, width_mm: f64, height_mm: f64) -> Self {
        let (width, height) = (width_mm * POINTS, height_mm * POINTS);
        let scene = Scene { width, height, items: Vec::new() };
        Self { name: name.to_owned(), origin, scene, panels: Vec::new() }
    }

    /// Width, points.
    pub fn width(&self) -> f64 {
        self.scene.width
    }

    /// Height, points.
    pub fn height(&self) -> f64 {
        self.scene.height
    }

    /// Draws a panel: `draw` puts marks into the frame, whose axes are drawn over them.
    pub fn panel(
        &mut self,
        name: &str,
        rect: Rect,
        axes: (Axis, Axis),
        draw: impl FnOnce(&mut Frame<'_>),
    ) {
        let mut frame = Frame::new(self, name, rect, axes);
        draw(&mut frame);
        frame.finish();
    }

    /// Says in a panel's place why it is missing.
    pub fn missing(&mut self, name: &str, rect: Rect, why: &str) {
        let stroke = Stroke { color: PALE, width: 0.5, dash: vec![2.0, 2.0] };
        self.path(vec![rect.corners()], true, None, Some(stroke));
        let title = plain(name);
        let lines = wrapped(Weight::Regular, why, (rect.width - 10.0).max(10.0) / SMALL);
        let leading = SMALL * 1.25;
        let mut y = rect.y + rect.height / 2.0 - leading * lines.len() as f64 / 2.0;
        let x = rect.x + rect.width / 2.0;
        if !title.is_empty() {
            self.text(name, (x, y - 2.0), SMALL, Anchor::Middle, Weight::Bold);
            y += leading;
        }
        for line in &lines {
            self.text(line, (x, y), SMALL, Anchor::Middle, Weight::Regular);
            y += leading;
        }
        self.panels.push(json!({ "panel": title, "missing": why }));
    }

    /// A line of text in ink.
    pub fn text(&mut self, text: &str, at: (f64, f64), size: f64, anchor: Anchor, weight: Weight) {
        self.scene.items.push(Item::Text(Text {
            text: text.to_owned(),
            at,
            size,
            weight,
            anchor,
            upward: false,
            color: INK,
            halo: false,
        }));
    }

    /// A path anywhere on the sheet.
    pub(super) fn path(
        &mut self,
        lines: Vec<Vec<(f64, f64)>>,
        closed: bool,
        fill: Option<super::Color>,
        stroke: Option<Stroke>,
    ) {
        self.scene.items.push(Item::Path { lines, closed, fill, stroke, clip: None });
    }

    /// Finishes the figure. `title` heads its JSON, `caption` stands below it, `alt` says what is to be seen.
    pub fn figure(mut self, title: &str, caption: &str, alt: &str) -> Figure {
        let simulated = self.origin == Origin::Simulated;
        if simulated {
            let at = (self.width() - 2.0, 7.0);
            self.text("SIMULATED DATA", at, 6.0, Anchor::End, Weight::Bold);
            if let Some(Item::Text(text)) = self.scene.items.last_mut() {
                text.color = OKABE_ITO[1];
            }
        }
        let caption =
            if simulated { format!("Simulated data. {caption}") } else { caption.to_owned() };
        let json = json!({
            "figure": self.name,
            "title": plain(title),
            "origin": if simulated { "simulated" } else { "observed" },
            "caption": caption,
            "panels": self.panels,
        });
        Figure {
            svg: svg(&self.scene, &self.name, title, alt),
            png: png(&self.scene, DPI),
            name: self.name,
            json,
            caption,
            alt: alt.to_owned(),
            drawing: Some(Drawing { scene: self.scene, title: title.to_owned() }),
        }
    }
}
