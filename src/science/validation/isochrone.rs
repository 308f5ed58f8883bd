//! Absolute magnitudes of isochrones at a color and a metallicity, and of the stars about them.

use std::collections::BTreeMap;

use super::super::statistics::median;

/// Isochrones of one age, a track a metallicity.
#[derive(Debug, Clone, PartialEq)]
pub struct Isochrones {
    tracks: Vec<Track>,
}

/// One metallicity: magnitudes along ascending color.
#[derive(Debug, Clone, PartialEq)]
struct Track {
    m_h: f64,
    color: Vec<f64>,
    magnitude: Vec<f64>,
}

impl Isochrones {
    /// Tracks of the rows `(m_h, color, magnitude)`, each of one metallicity; rows with a missing number are left out.
    ///
    /// The rows must be of the main sequence, on which a color has one magnitude; of several rows of one color the last
    /// counts. `None` without two rows of one metallicity.
    pub fn new(rows: &[[f64; 3]]) -> Option<Self> {
        let mut of: BTreeMap<i64, BTreeMap<i64, [f64; 3]>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.iter().all(|v| v.is_finite())) {
            // Metallicities and colors are told apart to 1e-6: they are sorted, and printed with fewer digits.
            let key = |value: f64| (value * 1e6).round() as i64;
            of.entry(key(row[0])).or_default().insert(key(row[1]), *row);
        }
        let track = |rows: BTreeMap<i64, [f64; 3]>| Track {
            m_h: rows.values().next().map_or(f64::NAN, |row| row[0]),
            color: rows.values().map(|row| row[1]).collect(),
            magnitude: rows.values().map(|row| row[2]).collect(),
        };
        let tracks: Vec<Track> = of.into_values().filter(|t| t.len() > 1).map(track).collect();
        (!tracks.is_empty()).then_some(Self { tracks })
    }

    /// Metallicities of the tracks, ascending.
    pub fn metallicities(&self) -> Vec<f64> {
        self.tracks.iter().map(|track| track.m_h).collect()
    }

    /// Magnitude at a color and metallicity, linear between points and between tracks.
    ///
    /// `None` beyond the tracks, for nothing is extrapolated.
    pub fn magnitude(&self, color: f64, m_h: f64) -> Option<f64> {
        let above = self.tracks.iter().position(|track| track.m_h >= m_h)?;
        let upper = &self.tracks[above];
        if upper.m_h == m_h {
            return upper.at(color);
        }
        let lower = &self.tracks[above.checked_sub(1)?];
        let share = (m_h - lower.m_h) / (upper.m_h - lower.m_h);
        let (low, high) = (lower.at(color)?, upper.at(color)?);
        Some(low + share * (high - low))
    }
}

impl Track {
    fn at(&self, color: f64) -> Option<f64> {
        let above = self.color.iter().position(|c| *c >= color)?;
        if self.color[above] == color {
            return Some(self.magnitude[above]);
        }
        let below = above.checked_sub(1)?;
        let share = (color - self.color[below]) / (self.color[above] - self.color[below]);
        Some(self.magnitude[below] + share * (self.magnitude[above] - self.magnitude[below]))
    }
}

/// Medians of a sample in bins of an abscissa.
#[derive(Debug, Clone, PartialEq)]
pub struct Medians {
    /// Middle of each bin with enough values.
    pub middle: Vec<f64>,
    /// Values in it.
    pub n: Vec<usize>,
    /// Their median.
    pub median: Vec<f64>,
}

/// Medians of `y` in bins of `x` of this width, counted from 0; bins with fewer than `least` values are left out.
pub fn binned_medians(x: &[f64], y: &[f64], width: f64, least: usize) -> Medians {
    let mut bins: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (x, y) in x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()) {
        bins.entry((x / width).floor() as i64).or_default().push(*y);
    }
    let mut medians = Medians { middle: Vec::new(), n: Vec::new(), median: Vec::new() };
    for (bin, values) in bins.iter().filter(|(_, values)| values.len() >= least.max(1)) {
        medians.middle.push((*bin as f64 + 0.5) * width);
        medians.n.push(values.len());
        medians.median.push(median(values).unwrap_or(f64::NAN));
    }
    medians
}

impl Medians {
    /// The median at an abscissa, linear between the middles of bins; `None` beyond them.
    pub fn at(&self, x: f64) -> Option<f64> {
        let track = Track { m_h: 0.0, color: self.middle.clone(), magnitude: self.median.clone() };
        track.at(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tracks M_G = 5 + 3 color - 0.9 m_h between colors 1.8 and 3.0.
    fn tracks() -> Isochrones {
        let colors = (0..=12).map(|i| 1.8 + 0.1 * f64::from(i));
        let row = |c: f64, m: f64| [m, c, 5.0 + 3.0 * c - 0.9 * m];
        let rows: Vec<[f64; 3]> = colors
            .flat_map(|c| [-1.0, 0.0, 0.6].map(|m| row(c, m)))
            .chain([[0.0, f64::NAN, 1.0]])
            .collect();
        Isochrones::new(&rows).unwrap()
    }

    #[test]
    fn magnitudes_are_linear_between_tracks_and_nothing_is_extrapolated() {
        let tracks = tracks();
        assert_eq!(tracks.metallicities(), [-1.0, 0.0, 0.6]);
        for (color, m_h) in [(1.8, -1.0), (2.33, -0.4), (3.0, 0.6), (2.5, 0.0)] {
            let expected = 5.0 + 3.0 * color - 0.9 * m_h;
            assert!((tracks.magnitude(color, m_h).unwrap() - expected).abs() < 1e-9);
        }
        for (color, m_h) in [(1.7, 0.0), (3.1, 0.0), (2.0, -1.1), (2.0, 0.7), (f64::NAN, 0.0)] {
            assert_eq!(tracks.magnitude(color, m_h), None);
        }
        assert_eq!(Isochrones::new(&[[0.0, 1.0, 2.0]]), None);
    }

    #[test]
    fn medians_follow_the_sequence() {
        let x: Vec<f64> = (0..100).map(|i| 2.0 + 0.01 * f64::from(i)).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 * x).collect();
        let medians = binned_medians(&x, &y, 0.25, 5);
        assert_eq!(medians.n.iter().sum::<usize>(), 100);
        assert!((medians.at(2.5).unwrap() - 7.5).abs() < 0.02);
        assert_eq!(medians.at(1.0), None);
        assert!(binned_medians(&x, &y, 0.25, 50).n.is_empty());
    }
}
