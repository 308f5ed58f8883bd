//! Fields on the sky with the same window in space and motion: a cluster, and others at its latitude for comparison.
//!
//! How many stars that are no members fall into a window is seen where there is no cluster: the field is turned about
//! the axis of the Galaxy, so that latitude, and with it the density of field stars, stays.

use sofars::coords::{g2icrs, icrs2g};

use super::super::sky::{is_position, separation_arcsec};

/// A circle on the sky.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Center, degrees, ICRS.
    pub ra_deg: f64,
    /// Declination of the center.
    pub dec_deg: f64,
    /// Galactic longitude of the center, degrees, 0 to 360.
    pub l_deg: f64,
    /// Galactic latitude of the center.
    pub b_deg: f64,
    /// Radius, degrees.
    pub radius_deg: f64,
}

impl Field {
    /// A field about a center; `None` for a center that is no position or a radius beyond 0 to 90 degrees.
    pub fn new(ra_deg: f64, dec_deg: f64, radius_deg: f64) -> Option<Self> {
        if !(is_position(ra_deg, dec_deg) && radius_deg > 0.0 && radius_deg <= 90.0) {
            return None;
        }
        let (l, b) = icrs2g(ra_deg.to_radians(), dec_deg.to_radians());
        let l_deg = l.to_degrees().rem_euclid(360.0);
        Some(Self { ra_deg, dec_deg, l_deg, b_deg: b.to_degrees(), radius_deg })
    }

    /// `n` fields at the same galactic latitude, evenly spread over the other longitudes.
    pub fn turned(&self, n: usize) -> Vec<Self> {
        let step = 360.0 / (n + 1) as f64;
        let turn = |k: usize| {
            let l_deg = (self.l_deg + k as f64 * step).rem_euclid(360.0);
            let (ra, dec) = g2icrs(l_deg.to_radians(), self.b_deg.to_radians());
            let ra_deg = ra.to_degrees().rem_euclid(360.0);
            Self { ra_deg, dec_deg: dec.to_degrees(), l_deg, ..*self }
        };
        (1..=n).map(turn).collect()
    }

    /// Distance of a position from the center, degrees; NaN for what is no position.
    pub fn separation_deg(&self, ra_deg: f64, dec_deg: f64) -> f64 {
        if !is_position(ra_deg, dec_deg) {
            return f64::NAN;
        }
        separation_arcsec(self.ra_deg, self.dec_deg, ra_deg, dec_deg) / 3600.0
    }

    /// Whether a position lies within the field.
    pub fn contains(&self, ra_deg: f64, dec_deg: f64) -> bool {
        // Most stars are far away in declination alone.
        (dec_deg - self.dec_deg).abs() < self.radius_deg
            && self.separation_deg(ra_deg, dec_deg) < self.radius_deg
    }
}

/// How many field stars a window takes, from fields without a cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contamination {
    /// Fields with any star at all: the others say nothing, for the table does not reach there.
    pub n_covered: usize,
    /// Mean stars in the window of a covered field.
    pub per_field: Option<f64>,
    /// Standard error of that mean, from the scatter of the fields.
    pub per_field_error: Option<f64>,
    /// Mean over the stars in the window of the cluster's own field.
    pub fraction: Option<f64>,
}

/// Contamination of a field with `n_member` stars in the window; `others` are stars and stars in the window of the
/// fields without a cluster.
pub fn contamination(n_member: u64, others: &[(u64, u64)]) -> Contamination {
    let covered: Vec<f64> =
        others.iter().filter(|(stars, _)| *stars > 0).map(|(_, window)| *window as f64).collect();
    let per_field = super::super::statistics::mean(&covered);
    let scatter = super::super::statistics::standard_deviation(&covered);
    Contamination {
        n_covered: covered.len(),
        per_field,
        per_field_error: scatter.map(|sd| sd / (covered.len() as f64).sqrt()),
        fraction: per_field.filter(|_| n_member > 0).map(|n| n / n_member as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hyades() -> Field {
        Field::new(66.725, 15.867, 5.0).unwrap()
    }

    #[test]
    fn hyades_lie_where_they_are_known_to() {
        let field = hyades();
        assert!((field.l_deg - 180.1).abs() < 0.2 && (field.b_deg + 22.3).abs() < 0.2, "{field:?}");
        assert!(field.contains(66.725, 20.86) && !field.contains(66.725, 20.87));
        assert!(
            !field.contains(66.725 + 6.0, 15.867) && field.separation_deg(f64::NAN, 0.0).is_nan()
        );
        assert!(Field::new(66.7, 95.0, 5.0).is_none() && Field::new(66.7, 15.0, 0.0).is_none());
    }

    #[test]
    fn turned_fields_keep_latitude_and_do_not_touch() {
        let field = hyades();
        let turned = field.turned(20);
        assert_eq!(turned.len(), 20);
        for (k, other) in turned.iter().enumerate() {
            let again = Field::new(other.ra_deg, other.dec_deg, 5.0).unwrap();
            assert!((again.b_deg - field.b_deg).abs() < 1e-9);
            let rest = turned[k + 1..].iter().chain([&field]);
            let nearest = rest.map(|f| f.separation_deg(other.ra_deg, other.dec_deg));
            assert!(nearest.fold(f64::INFINITY, f64::min) > 10.0);
        }
    }

    #[test]
    fn fields_beyond_the_table_do_not_count() {
        let found = contamination(20, &[(100, 2), (0, 0), (80, 4)]);
        assert_eq!((found.n_covered, found.per_field, found.fraction), (2, Some(3.0), Some(0.15)));
        assert!((found.per_field_error.unwrap() - 1.0).abs() < 1e-12);
        let nowhere = contamination(20, &[(0, 0)]);
        assert_eq!((nowhere.n_covered, nowhere.per_field, nowhere.fraction), (0, None, None));
    }
}
