//! Densities of many points in hexagons.

use std::collections::BTreeMap;

use serde_json::json;

use super::color::{Color, viridis};
use super::frame::Frame;
use super::numbers::{finite, list};
use super::rich_text::plain;

/// Shades that counts are sorted into.
const SHADES: usize = 24;

/// Look of hexagons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hexes {
    /// Distance between centers, points.
    pub pitch: f64,
    /// One color, fainter where fewer; viridis if none.
    pub tint: Option<Color>,
}

impl Frame<'_> {
    /// Counts points in hexagons, colored by the logarithm of the count. Returns the largest count, the
    /// upper end of the color scale, whose lower end is 1.
    pub fn hexagons(&mut self, name: &str, x: &[f64], y: &[f64], hexes: Hexes) -> usize {
        let pairs = finite(x, y);
        let outside = self.outside(&pairs);
        let inside: Vec<(f64, f64)> = pairs
            .iter()
            .copied()
            .filter(|(x, y)| self.x.contains(*x) && self.y.contains(*y))
            .collect();
        let mut counts: BTreeMap<(i64, i64), usize> = BTreeMap::new();
        for place in self.places(&inside) {
            *counts.entry(cell(place, hexes.pitch)).or_default() += 1;
        }
        let largest = counts.values().copied().max().unwrap_or(0);
        let mut groups: Vec<Vec<Vec<(f64, f64)>>> = vec![Vec::new(); SHADES];
        let (mut centers_x, mut centers_y, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for (&index, &n) in &counts {
            let place = center(index, hexes.pitch);
            groups[(shade(n, largest) * (SHADES - 1) as f64).round() as usize]
                .push(hexagon(place, hexes.pitch));
            centers_x.push(self.x.value((place.0 - self.rect.x) / self.rect.width));
            centers_y.push(self.y.value((self.rect.bottom() - place.1) / self.rect.height));
            numbers.push(n);
        }
        self.record(json!({
            "kind": "hexagons", "name": plain(name), "n": pairs.len(), "n_outside": outside,
            "x": list(&centers_x), "y": list(&centers_y), "counts": numbers,
        }));
        for (i, group) in groups.into_iter().enumerate() {
            let part = i as f64 / (SHADES - 1) as f64;
            let color = hexes.tint.map_or(viridis(part), |c| c.alpha(0.25 + 0.75 * part as f32));
            if !group.is_empty() {
                self.clipped(group, true, Some(color), None);
            }
        }
        largest
    }
}

/// Place of a count on the color scale.
fn shade(n: usize, largest: usize) -> f64 {
    if largest < 2 { 0.0 } else { (n as f64).ln() / (largest as f64).ln() }
}

/// Row height over pitch.
const ROW: f64 = 0.866_025_403_784_438_6;

/// The hexagon whose center is nearest.
fn cell((x, y): (f64, f64), pitch: f64) -> (i64, i64) {
    let row = (y / (ROW * pitch)).floor() as i64;
    let candidates = [row, row + 1].map(|row| {
        let shift = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
        ((x / pitch - shift).round() as i64, row)
    });
    let distance = |index: (i64, i64)| {
        let (cx, cy) = center(index, pitch);
        (x - cx).powi(2) + (y - cy).powi(2)
    };
    if distance(candidates[0]) <= distance(candidates[1]) { candidates[0] } else { candidates[1] }
}

fn center((column, row): (i64, i64), pitch: f64) -> (f64, f64) {
    let shift = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
    ((column as f64 + shift) * pitch, row as f64 * ROW * pitch)
}

fn hexagon((x, y): (f64, f64), pitch: f64) -> Vec<(f64, f64)> {
    // A hair larger than the cell: no seams between neighbors.
    let radius = pitch / 3_f64.sqrt() * 1.03;
    (0..6)
        .map(|i| {
            let angle = std::f64::consts::FRAC_PI_3 * (f64::from(i) + 0.5);
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_the_hexagon_of_the_nearest_center() {
        for i in 0..500 {
            let place = (f64::from(i) * 0.37 % 20.0, f64::from(i) * 0.73 % 17.0);
            let (cx, cy) = center(cell(place, 2.0), 2.0);
            let away = ((place.0 - cx).powi(2) + (place.1 - cy).powi(2)).sqrt();
            assert!(away <= 2.0 / 3_f64.sqrt() + 1e-9, "{place:?}: {away}");
        }
    }
}
