//! Cone search: all sources within a radius of a position, by a k-d tree over unit vectors.

use kiddo::{ImmutableKdTree, SquaredEuclidean};
use rayon::prelude::*;
use thiserror::Error;

use super::sky::{is_position, separation_arcsec, unit_vector};

/// Slack of the tree's radius (chord, in radians): unit vectors are rounded, the separations that decide are not.
const CHORD_SLACK: f64 = 1e-12;

/// Why sources cannot be searched.
#[derive(Debug, Error, PartialEq)]
pub enum NeighborError {
    /// Coordinates differ in length.
    #[error(
        "sky search: {n_ra} right ascensions and {n_dec} declinations: pass columns of one table"
    )]
    Length { n_ra: usize, n_dec: usize },
    /// The radius is no radius.
    #[error("sky search: radius {0} arcsec must be finite and not negative")]
    Radius(f64),
    /// The tree cannot be built.
    #[error("sky search: index of {n_source} sources: {why}")]
    Index { n_source: usize, why: String },
}

/// A source near a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Row of the source in the table that the index was made of.
    pub index: usize,
    /// Angle between position and source, arcsec.
    pub separation_arcsec: f64,
}

/// Sources that can be searched by position.
pub struct SkyIndex {
    ra_deg: Vec<f64>,
    dec_deg: Vec<f64>,
    /// Rows with a position, in the order of the tree's items.
    rows: Vec<usize>,
    tree: Option<ImmutableKdTree<f64, 3>>,
}

impl SkyIndex {
    /// Indexes sources, `(n_source,)` degrees. Rows without a position (NaN, sentinels) are never found.
    pub fn new(ra_deg: &[f64], dec_deg: &[f64]) -> Result<Self, NeighborError> {
        check_length(ra_deg, dec_deg)?;
        let rows: Vec<usize> =
            (0..ra_deg.len()).filter(|&i| is_position(ra_deg[i], dec_deg[i])).collect();
        let points: Vec<[f64; 3]> =
            rows.iter().map(|&i| unit_vector(ra_deg[i], dec_deg[i])).collect();
        let tree = if points.is_empty() {
            None
        } else {
            let tree = ImmutableKdTree::new_from_slice(&points);
            Some(tree.map_err(|error| NeighborError::Index {
                n_source: points.len(),
                why: format!("{error:?}"),
            })?)
        };
        Ok(Self { ra_deg: ra_deg.to_vec(), dec_deg: dec_deg.to_vec(), rows, tree })
    }

    /// Finds all sources within `radius_arcsec` (included), sorted by separation, then row.
    pub fn within(
        &self,
        ra_deg: f64,
        dec_deg: f64,
        radius_arcsec: f64,
    ) -> Result<Vec<Neighbor>, NeighborError> {
        check_radius(radius_arcsec)?;
        Ok(self.cone(ra_deg, dec_deg, radius_arcsec))
    }

    /// Finds the neighbors of many positions, in parallel; element i depends on position i only.
    pub fn within_each(
        &self,
        ra_deg: &[f64],
        dec_deg: &[f64],
        radius_arcsec: f64,
    ) -> Result<Vec<Vec<Neighbor>>, NeighborError> {
        check_length(ra_deg, dec_deg)?;
        check_radius(radius_arcsec)?;
        Ok((0..ra_deg.len())
            .into_par_iter()
            .map(|i| self.cone(ra_deg[i], dec_deg[i], radius_arcsec))
            .collect())
    }

    fn cone(&self, ra_deg: f64, dec_deg: f64, radius_arcsec: f64) -> Vec<Neighbor> {
        let Some(tree) = self.tree.as_ref().filter(|_| is_position(ra_deg, dec_deg)) else {
            return Vec::new();
        };
        let radius_deg = (radius_arcsec / 3600.0).min(180.0);
        let chord = 2.0 * (0.5 * radius_deg.to_radians()).sin() + CHORD_SLACK;
        let candidates = tree
            .query(&unit_vector(ra_deg, dec_deg))
            .within::<SquaredEuclidean<f64>>(chord * chord)
            .unsorted()
            .execute();
        let mut found: Vec<Neighbor> = candidates
            .iter()
            .map(|candidate| {
                let index = self.rows[candidate.item as usize];
                let (ra, dec) = (self.ra_deg[index], self.dec_deg[index]);
                Neighbor { index, separation_arcsec: separation_arcsec(ra_deg, dec_deg, ra, dec) }
            })
            .filter(|neighbor| neighbor.separation_arcsec <= radius_arcsec)
            .collect();
        found.sort_unstable_by(|a, b| {
            let by_separation = a.separation_arcsec.total_cmp(&b.separation_arcsec);
            by_separation.then(a.index.cmp(&b.index))
        });
        found
    }
}

fn check_length(ra_deg: &[f64], dec_deg: &[f64]) -> Result<(), NeighborError> {
    let (n_ra, n_dec) = (ra_deg.len(), dec_deg.len());
    if n_ra == n_dec { Ok(()) } else { Err(NeighborError::Length { n_ra, n_dec }) }
}

fn check_radius(radius_arcsec: f64) -> Result<(), NeighborError> {
    if radius_arcsec.is_finite() && radius_arcsec >= 0.0 {
        Ok(())
    } else {
        Err(NeighborError::Radius(radius_arcsec))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute(sources: &[(f64, f64)], at: (f64, f64), radius: f64) -> Vec<Neighbor> {
        let mut found: Vec<Neighbor> = sources
            .iter()
            .enumerate()
            .map(|(index, s)| Neighbor {
                index,
                separation_arcsec: separation_arcsec(at.0, at.1, s.0, s.1),
            })
            .filter(|n| n.separation_arcsec <= radius)
            .collect();
        found.sort_by(|a, b| {
            (a.separation_arcsec, a.index).partial_cmp(&(b.separation_arcsec, b.index)).unwrap()
        });
        found
    }

    fn index_of(sources: &[(f64, f64)]) -> SkyIndex {
        let (ra, dec): (Vec<f64>, Vec<f64>) = sources.iter().copied().unzip();
        SkyIndex::new(&ra, &dec).unwrap()
    }

    /// Positions near a pole, near RA = 0 and anywhere, so that many pairs are close.
    fn position() -> impl Strategy<Value = (f64, f64)> {
        prop_oneof![
            (0.0..360.0, 89.998..=90.0),
            (0.0..360.0, -90.0..=-89.998),
            (prop_oneof![0.0..0.002, 359.998..360.0], -0.002..0.002),
            (0.0..360.0, -90.0..90.0),
            Just((12.5, 33.0)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn equals_brute_force(
            sources in prop::collection::vec(position(), 0..300),
            at in position(),
            radius in prop_oneof![Just(0.0), 0.1..10.0, 10.0..4e4, Just(648_000.0)],
        ) {
            let found = index_of(&sources).within(at.0, at.1, radius).unwrap();
            prop_assert_eq!(found, brute(&sources, at, radius));
        }
    }

    #[test]
    fn nan_and_sentinels_never_match() {
        let sources =
            [(f64::NAN, 0.0), (10.0, f64::NAN), (-9999.0, 0.0), (10.0, -9999.0), (10.0, 20.0)];
        let index = index_of(&sources);
        let found = index.within(10.0, 20.0, 648_000.0).unwrap();
        assert_eq!(found.iter().map(|n| n.index).collect::<Vec<_>>(), [4]);
        let each = index.within_each(&[f64::NAN, 10.0, -9999.0], &[20.0, 20.0, 20.0], 3.0).unwrap();
        assert_eq!(each.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0]);
        assert!(index_of(&[]).within(0.0, 0.0, 3.0).unwrap().is_empty());
    }

    #[test]
    fn many_sources_at_one_place_are_all_found_in_row_order() {
        let found = index_of(&[(266.4, -28.9); 500]).within(266.4, -28.9, 1.0).unwrap();
        assert_eq!(found.len(), 500);
        assert!(found.iter().enumerate().all(|(i, n)| n.index == i && n.separation_arcsec == 0.0));
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(
            SkyIndex::new(&[1.0], &[]),
            Err(NeighborError::Length { n_ra: 1, n_dec: 0 })
        ));
        let index = index_of(&[(1.0, 2.0)]);
        assert_eq!(index.within(1.0, 2.0, -1.0), Err(NeighborError::Radius(-1.0)));
        assert!(index.within_each(&[1.0], &[2.0], f64::NAN).is_err());
    }
}
