//! A panel: a frame with two axes, into which marks are drawn in data units.

use serde_json::{Value, json};

use super::axis::{Axis, Tick};
use super::color::INK;
use super::font::{CAP_HEIGHT, Weight};
use super::numbers::rounded;
use super::rich_text::{plain, width};
use super::scene::{Anchor, Item, Rect, Stroke, Text};
use super::sheet::{LABEL, SMALL, Sheet};

/// Points that a tick's text wants along the horizontal and the vertical axis.
const ROOM: (f64, f64) = (26.0, 17.0);
/// Farther from the sheet nothing is told apart, points.
const FAR: f64 = 1e4;
const TICK: (f64, f64) = (2.8, 1.6);

/// A panel being drawn.
#[derive(Debug)]
pub struct Frame<'s> {
    pub(super) sheet: &'s mut Sheet,
    name: String,
    pub(super) rect: Rect,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) marks: Vec<Value>,
    pub(super) notes: Vec<String>,
}

impl<'s> Frame<'s> {
    pub(super) fn new(sheet: &'s mut Sheet, name: &str, rect: Rect, (x, y): (Axis, Axis)) -> Self {
        let room = |points: f64, each: f64| ((points / each) as usize).clamp(2, 7);
        let x = x.fitted(room(rect.width, ROOM.0));
        let y = y.fitted(room(rect.height, ROOM.1));
        Self { sheet, name: name.to_owned(), rect, x, y, marks: Vec::new(), notes: Vec::new() }
    }

    /// The frame on the sheet, points.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Place of a data point on the sheet, not farther from it than drawings can tell.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let horizontal = self.rect.x + self.rect.width * self.x.place(x);
        let vertical = self.rect.bottom() - self.rect.height * self.y.place(y);
        (horizontal.clamp(-FAR, FAR), vertical.clamp(-FAR, FAR))
    }

    /// Places of the pairs that are finite, also on the axes' scales.
    pub(super) fn places(&self, pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let places = pairs.iter().map(|&(x, y)| self.at(x, y));
        places.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
    }

    /// How many pairs lie outside of the axes' ranges.
    pub(super) fn outside(&self, pairs: &[(f64, f64)]) -> usize {
        pairs.iter().filter(|(x, y)| !self.x.contains(*x) || !self.y.contains(*y)).count()
    }

    /// A path in sheet units, cut at the frame.
    pub(super) fn clipped(
        &mut self,
        lines: Vec<Vec<(f64, f64)>>,
        closed: bool,
        fill: Option<super::Color>,
        stroke: Option<Stroke>,
    ) {
        let clip = Some(self.rect);
        self.sheet.scene.items.push(Item::Path { lines, closed, fill, stroke, clip });
    }

    /// Records a mark's numbers.
    pub(super) fn record(&mut self, mark: Value) {
        self.marks.push(mark);
    }

    /// Draws frame and axes over the marks and records the panel.
    pub(super) fn finish(mut self) {
        let ink = || Stroke { color: INK, width: 0.6, dash: Vec::new() };
        let (x_ticks, y_ticks) = (self.x.all_ticks(), self.y.all_ticks());
        self.sheet.path(vec![self.rect.corners()], true, None, Some(ink()));
        let lines = self.tick_lines(&x_ticks, &y_ticks);
        if !lines.is_empty() {
            self.sheet.path(lines, false, None, Some(Stroke { width: 0.45, ..ink() }));
        }
        if self.x.has_numbers() {
            self.x_texts(&x_ticks);
        }
        if self.y.has_numbers() {
            self.y_texts(&y_ticks);
        }
        let panel = json!({
            "panel": plain(&self.name),
            "x": axis_json(&self.x),
            "y": axis_json(&self.y),
            "annotations": self.notes,
            "marks": self.marks,
        });
        self.sheet.panels.push(panel);
    }

    fn tick_lines(&self, x_ticks: &[Tick], y_ticks: &[Tick]) -> Vec<Vec<(f64, f64)>> {
        let rect = self.rect;
        let length = |tick: &Tick| if tick.text.is_empty() { TICK.1 } else { TICK.0 };
        let mut lines = Vec::new();
        for tick in x_ticks {
            let x = rect.x + rect.width * self.x.place(tick.value);
            lines.push(vec![(x, rect.bottom()), (x, rect.bottom() - length(tick))]);
            lines.push(vec![(x, rect.y), (x, rect.y + length(tick))]);
        }
        for tick in y_ticks {
            let y = rect.bottom() - rect.height * self.y.place(tick.value);
            lines.push(vec![(rect.x, y), (rect.x + length(tick), y)]);
            lines.push(vec![(rect.right(), y), (rect.right() - length(tick), y)]);
        }
        lines
    }

    fn x_texts(&mut self, ticks: &[Tick]) {
        let y = self.rect.bottom() + SMALL + 1.8;
        for tick in ticks.iter().filter(|t| !t.text.is_empty()) {
            let x = self.rect.x + self.rect.width * self.x.place(tick.value);
            self.sheet.text(&tick.text, (x, y), SMALL, Anchor::Middle, Weight::Regular);
        }
        let at = (self.rect.x + self.rect.width / 2.0, y + LABEL + 2.6);
        let label = self.x.label().to_owned();
        self.sheet.text(&label, at, LABEL, Anchor::Middle, Weight::Regular);
    }

    fn y_texts(&mut self, ticks: &[Tick]) {
        let mut widest = 0.0_f64;
        for tick in ticks.iter().filter(|t| !t.text.is_empty()) {
            widest = widest.max(SMALL * width(Weight::Regular, &tick.text));
            let y = self.rect.bottom() - self.rect.height * self.y.place(tick.value);
            let at = (self.rect.x - 2.5, y + SMALL * CAP_HEIGHT / 2.0);
            self.sheet.text(&tick.text, at, SMALL, Anchor::End, Weight::Regular);
        }
        if self.y.label().is_empty() {
            return;
        }
        self.sheet.scene.items.push(Item::Text(Text {
            text: self.y.label().to_owned(),
            at: (self.rect.x - widest - 6.0, self.rect.y + self.rect.height / 2.0),
            size: LABEL,
            weight: Weight::Regular,
            anchor: Anchor::Middle,
            upward: true,
            color: INK,
            halo: false,
        }));
    }
}

fn axis_json(axis: &Axis) -> Value {
    let [from, to] = axis.range();
    json!({
        "label": plain(axis.label()),
        "range": [rounded(from), rounded(to)],
        "scale": if axis.is_log() { "log" } else { "linear" },
    })
}
