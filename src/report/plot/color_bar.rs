//! A color bar beside panels.

use serde_json::json;

use super::axis::Axis;
use super::color::{INK, viridis};
use super::font::{CAP_HEIGHT, Weight};
use super::numbers::rounded;
use super::rich_text::{plain, width};
use super::scene::{Anchor, Item, Rect, Stroke, Text};
use super::sheet::{LABEL, SMALL, Sheet};

/// Steps that look continuous.
const STEPS: usize = 64;

impl Sheet {
    /// A vertical viridis bar with its scale at the right.
    pub fn color_bar(&mut self, rect: Rect, axis: Axis) {
        let axis = axis.fitted(((rect.height / 17.0) as usize).clamp(2, 7));
        let step = rect.height / STEPS as f64;
        for i in 0..STEPS {
            let y = rect.bottom() - (i + 1) as f64 * step;
            let cell = Rect::new(rect.x, y - 0.1, rect.width, step + 0.2);
            let color = viridis((i as f64 + 0.5) / STEPS as f64);
            self.path(vec![cell.corners()], true, Some(color), None);
        }
        let ink = Stroke { color: INK, width: 0.5, dash: Vec::new() };
        self.path(vec![rect.corners()], true, None, Some(ink.clone()));
        let mut widest = 0.0_f64;
        for tick in axis.all_ticks().iter().filter(|t| !t.text.is_empty()) {
            let y = rect.bottom() - rect.height * axis.place(tick.value);
            self.path(
                vec![vec![(rect.right(), y), (rect.right() + 2.0, y)]],
                false,
                None,
                Some(ink.clone()),
            );
            let at = (rect.right() + 3.5, y + SMALL * CAP_HEIGHT / 2.0);
            self.text(&tick.text, at, SMALL, Anchor::Start, Weight::Regular);
            widest = widest.max(SMALL * width(Weight::Regular, &tick.text));
        }
        self.scene.items.push(Item::Text(Text {
            text: axis.label().to_owned(),
            at: (rect.right() + widest + 6.0 + LABEL, rect.y + rect.height / 2.0),
            size: LABEL,
            weight: Weight::Regular,
            anchor: Anchor::Middle,
            upward: true,
            color: INK,
            halo: false,
        }));
        let [from, to] = axis.range();
        self.panels.push(json!({
            "color_bar": plain(axis.label()), "range": [rounded(from), rounded(to)],
            "scale": if axis.is_log() { "log" } else { "linear" },
        }));
    }
}
