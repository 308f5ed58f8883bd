//! Contours of the density of points, each around a given part of them.

use serde_json::json;

use super::frame::Frame;
use super::marks::Line;
use super::numbers::{finite, list};
use super::rich_text::plain;

/// Cells along each side of the frame.
const CELLS: usize = 48;
/// Smoothing length, cells.
const SIGMA: f64 = 1.3;

impl Frame<'_> {
    /// Lines of equal density that enclose `parts` (0 to 1) of the points.
    pub fn contours(&mut self, name: &str, x: &[f64], y: &[f64], parts: &[f64], line: Line) {
        let pairs = finite(x, y);
        let (places_x, places_y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        self.record(json!({
            "kind": "contours", "name": plain(name), "n": pairs.len(), "enclosed": parts,
            "x": list(&places_x), "y": list(&places_y),
        }));
        let mut grid = vec![0.0; CELLS * CELLS];
        for (x, y) in pairs {
            let (h, v) = (self.x.place(x) * CELLS as f64, self.y.place(y) * CELLS as f64);
            if (0.0..CELLS as f64).contains(&h) && (0.0..CELLS as f64).contains(&v) {
                grid[v as usize * CELLS + h as usize] += 1.0;
            }
        }
        let grid = smoothed(&smoothed(&grid, 1), CELLS);
        let mut lines = Vec::new();
        for &part in parts {
            if let Some(level) = level(&grid, part) {
                lines.extend(segments(&grid, level));
            }
        }
        let (rect, cells) = (self.rect, CELLS as f64);
        let place = |(h, v): (f64, f64)| {
            (
                rect.x + rect.width * (h + 0.5) / cells,
                rect.bottom() - rect.height * (v + 0.5) / cells,
            )
        };
        let lines: Vec<Vec<(f64, f64)>> =
            lines.into_iter().map(|(a, b)| vec![place(a), place(b)]).collect();
        if !lines.is_empty() {
            self.clipped(lines, false, None, Some(line.stroke()));
        }
    }
}

/// Smooths along one direction: `stride` 1 is along rows.
fn smoothed(grid: &[f64], stride: usize) -> Vec<f64> {
    let reach = (3.0 * SIGMA).ceil() as i64;
    let weights: Vec<f64> =
        (-reach..=reach).map(|d| (-0.5 * (d as f64 / SIGMA).powi(2)).exp()).collect();
    let total: f64 = weights.iter().sum();
    (0..grid.len())
        .map(|i| {
            let along = (i / stride % CELLS) as i64;
            let sum: f64 = (-reach..=reach)
                .zip(&weights)
                .filter(|(d, _)| (0..CELLS as i64).contains(&(along + d)))
                .map(|(d, w)| w * grid[(i as i64 + d * stride as i64) as usize])
                .sum();
            sum / total
        })
        .collect()
}

/// The density above which `part` of the whole lies.
fn level(grid: &[f64], part: f64) -> Option<f64> {
    let total: f64 = grid.iter().sum();
    let mut sorted = grid.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    sorted.into_iter().filter(|v| *v > 0.0).find(|value| {
        sum += value;
        sum >= part * total
    })
}

type Segment = ((f64, f64), (f64, f64));

/// Marching squares: pieces of the line at `level` in cell units.
fn segments(grid: &[f64], level: f64) -> Vec<Segment> {
    let mut found = Vec::new();
    for v in 0..CELLS - 1 {
        for h in 0..CELLS - 1 {
            let corners = [(h, v), (h + 1, v), (h + 1, v + 1), (h, v + 1)];
            let mut cuts = Vec::new();
            for i in 0..4 {
                let (from, to) = (corners[i], corners[(i + 1) % 4]);
                let (a, b) = (grid[from.1 * CELLS + from.0], grid[to.1 * CELLS + to.0]);
                if (a >= level) != (b >= level) {
                    let t = (level - a) / (b - a);
                    let mix = |p: usize, q: usize| p as f64 + t * (q as f64 - p as f64);
                    cuts.push((mix(from.0, to.0), mix(from.1, to.1)));
                }
            }
            found.extend(cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
    }
    found
}
