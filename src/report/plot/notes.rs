//! Annotations in a panel: texts at data points, notes and legends in its corners.

use super::axis::Axis;
use super::color::{Color, INK, PAPER};
use super::font::{CAP_HEIGHT, Weight};
use super::frame::Frame;
use super::marks::{Dot, Line};
use super::rich_text::{plain, width};
use super::scene::{Anchor, Item, Rect, Text};
use super::sheet::{SMALL, Sheet};

/// A corner of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    /// Upper left.
    TopLeft,
    /// Upper right.
    TopRight,
    /// Lower left.
    BottomLeft,
    /// Lower right.
    BottomRight,
}

impl Corner {
    fn is_left(self) -> bool {
        matches!(self, Corner::TopLeft | Corner::BottomLeft)
    }

    fn is_top(self) -> bool {
        matches!(self, Corner::TopLeft | Corner::TopRight)
    }
}

/// What a legend's entry explains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    /// A dot.
    Dot(Dot),
    /// A line.
    Line(Line),
    /// An area.
    Area(Color),
    /// Nothing: the entry goes on with the one above.
    Blank,
}

/// Width of a legend's sample and its gap, points.
const SWATCH: f64 = 11.0;
const GAP: f64 = 3.0;
const LEADING: f64 = SMALL * 1.28;

impl Frame<'_> {
    /// Text at a data point.
    pub fn text(&mut self, text: &str, (x, y): (f64, f64), anchor: Anchor, color: Color) {
        let at = self.at(x, y);
        if !at.0.is_finite() || !at.1.is_finite() {
            return;
        }
        self.notes.push(plain(text));
        self.put(text, at, anchor, color);
    }

    fn put(&mut self, text: &str, at: (f64, f64), anchor: Anchor, color: Color) {
        self.sheet.scene.items.push(Item::Text(Text {
            text: text.to_owned(),
            at,
            size: SMALL,
            weight: Weight::Regular,
            anchor,
            upward: false,
            color,
            halo: true,
        }));
    }

    /// Lines of text in a corner.
    pub fn note(&mut self, corner: Corner, lines: &[String]) {
        let (x, anchor) = if corner.is_left() {
            (self.rect.x + 4.0, Anchor::Start)
        } else {
            (self.rect.right() - 4.0, Anchor::End)
        };
        let mut y = self.first_baseline(corner, lines.len());
        for line in lines {
            self.notes.push(plain(line));
            self.put(line, (x, y), anchor, INK);
            y += LEADING;
        }
    }

    fn first_baseline(&self, corner: Corner, n: usize) -> f64 {
        if corner.is_top() {
            return self.rect.y + 4.0 + SMALL * CAP_HEIGHT + 1.0;
        }
        self.rect.bottom() - 5.0 - LEADING * (n.max(1) - 1) as f64
    }

    /// Entries in a corner, each with a sample of its mark.
    pub fn legend(&mut self, corner: Corner, entries: &[(Sample, String)]) {
        self.legend_below(corner, 0, entries);
    }

    /// The same, as many lines farther from the corner as a note there has.
    pub fn legend_below(&mut self, corner: Corner, skip: usize, entries: &[(Sample, String)]) {
        let widest =
            entries.iter().map(|(_, text)| width(Weight::Regular, text)).fold(0.0, f64::max);
        let full = SWATCH + GAP + widest * SMALL;
        let x = if corner.is_left() { self.rect.x + 4.0 } else { self.rect.right() - 4.0 - full };
        let skipped = LEADING * skip as f64;
        let first = self.first_baseline(corner, entries.len());
        let mut y = if corner.is_top() { first + skipped } else { first - skipped };
        let height = LEADING * entries.len() as f64 + 1.0;
        let ground = Rect::new(x - 1.5, y - LEADING + 1.2, full + 3.0, height);
        self.sheet.path(vec![ground.corners()], true, Some(PAPER.alpha(0.8)), None);
        for (sample, text) in entries {
            self.swatch(*sample, x, y - SMALL * CAP_HEIGHT / 2.0);
            self.notes.push(plain(text));
            self.put(text, (x + SWATCH + GAP, y), Anchor::Start, INK);
            y += LEADING;
        }
    }

    fn swatch(&mut self, sample: Sample, x: f64, y: f64) {
        match sample {
            Sample::Dot(dot) => self.draw_dots(
                vec![(x + SWATCH / 2.0, y)],
                Dot { diameter: dot.diameter.max(2.5), ..dot },
            ),
            Sample::Line(line) => {
                self.sheet.path(
                    vec![vec![(x, y), (x + SWATCH, y)]],
                    false,
                    None,
                    Some(line.stroke()),
                );
            }
            Sample::Blank => {}
            Sample::Area(color) => {
                let area = Rect::new(x, y - 2.0, SWATCH, 4.0);
                self.sheet.path(vec![area.corners()], true, Some(color), None);
            }
        }
    }
}

impl Sheet {
    /// A legend outside of panels.
    pub fn key(&mut self, rect: Rect, corner: Corner, entries: &[(Sample, String)]) {
        let blank = || Axis::new("", 0.0, 1.0).bare();
        let panels = self.panels.len();
        let mut frame = Frame::new(self, "", rect, (blank(), blank()));
        frame.legend(corner, entries);
        // Not finished: no frame is drawn, no panel recorded.
        drop(frame);
        self.panels.truncate(panels);
    }
}
