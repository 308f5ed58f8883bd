//! Positions of targets and catalog, and which of them lie near each other.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::super::columns::{f64s, ids, texts};
use super::Crossmatch;
use crate::engine::stage::{Job, StageError};
use crate::science::neighbors::SkyIndex;
use crate::science::sky::{Astrometry, is_position, propagate, separation_arcsec};

/// A pair of target and catalog row.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub target: usize,
    pub row: usize,
    pub rank: i32,
    /// At the match epoch, at the catalog's, at the observation's; NaN where unknown.
    pub separations: [f64; 3],
    pub by_id: bool,
}

/// A catalog with its positions at the match epoch.
pub struct Catalog {
    stars: Vec<Astrometry>,
    moving: bool,
    matched: (Vec<f64>, Vec<f64>),
    radius: Option<Vec<f64>>,
    rank: Option<Vec<i64>>,
    /// Rows by id, where targets know theirs; the first of equal ids.
    by_id: HashMap<String, usize>,
    pub index: SkyIndex,
}

impl Catalog {
    pub fn read(spec: &Crossmatch, job: &Job) -> Result<Self, StageError> {
        let stars = read_stars(spec, job)?;
        let moving = spec.proper_motion.is_some();
        let at_epoch: Vec<(f64, f64)> = stars
            .par_iter()
            .map(|star| position_at(star, moving, spec.catalog_epoch_yr, spec.epoch_yr))
            .collect();
        let matched: (Vec<f64>, Vec<f64>) = at_epoch.into_iter().unzip();
        let radius = spec.radius_column.as_ref().map(|c| f64s(job, "catalog", c)).transpose()?;
        let rank = spec.rank_column.as_ref().map(|c| ids(job, "catalog", c)).transpose()?;
        let mut by_id = HashMap::new();
        if spec.target_catalog_id.is_some() {
            for (row, id) in texts(job, "catalog", &spec.catalog_id)?.into_iter().enumerate() {
                if let Some(id) = id {
                    by_id.entry(id).or_insert(row);
                }
            }
        }
        let index = SkyIndex::new(&matched.0, &matched.1)?;
        Ok(Catalog { stars, moving, matched, radius, rank, by_id, index })
    }
}

/// Targets beside the catalog.
pub struct Sky {
    positions: (Vec<f64>, Vec<f64>),
    observed_yr: Vec<f64>,
    catalog_ids: Option<Vec<Option<String>>>,
    pub catalog: Arc<Catalog>,
}

impl Sky {
    pub fn read(spec: &Crossmatch, job: &Job) -> Result<Self, StageError> {
        let positions = (f64s(job, "targets", &spec.ra)?, f64s(job, "targets", &spec.dec)?);
        let observed_yr = match &spec.observed_mjd {
            Some(column) => f64s(job, "targets", column)?.iter().map(|d| julian_year(*d)).collect(),
            None => vec![f64::NAN; positions.0.len()],
        };
        let catalog_ids =
            spec.target_catalog_id.as_ref().map(|c| texts(job, "targets", c)).transpose()?;
        let catalog = job.shared(|whole| Catalog::read(spec, whole))?;
        Ok(Sky { positions, observed_yr, catalog_ids, catalog })
    }

    pub fn target(&self, target: usize) -> (f64, f64) {
        (self.positions.0[target], self.positions.1[target])
    }

    pub fn candidates(
        &self,
        spec: &Crossmatch,
        target: usize,
    ) -> Result<Vec<Candidate>, StageError> {
        let known = self.catalog_ids.as_ref().and_then(|ids| ids[target].as_ref());
        if let Some(row) = known.and_then(|id| self.catalog.by_id.get(id)) {
            return Ok(vec![self.candidate(spec, target, *row, true)]);
        }
        let (ra, dec) = self.target(target);
        if !is_position(ra, dec) {
            return Ok(Vec::new());
        }
        let near = self.catalog.index.within(ra, dec, spec.radius_arcsec)?;
        Ok(near
            .iter()
            .filter(|n| {
                self.catalog.radius.as_ref().is_none_or(|r| n.separation_arcsec <= r[n.index])
            })
            .map(|n| self.candidate(spec, target, n.index, false))
            .collect())
    }

    fn candidate(&self, spec: &Crossmatch, target: usize, row: usize, by_id: bool) -> Candidate {
        let (ra, dec) = self.target(target);
        let Catalog { stars, moving, matched, rank, .. } = &*self.catalog;
        let star = &stars[row];
        let observed = if self.observed_yr[target].is_finite() {
            position_at(star, *moving, spec.catalog_epoch_yr, self.observed_yr[target])
        } else {
            (f64::NAN, f64::NAN)
        };
        let separations = [
            separation_arcsec(ra, dec, matched.0[row], matched.1[row]),
            separation_arcsec(ra, dec, star.ra_deg, star.dec_deg),
            separation_arcsec(ra, dec, observed.0, observed.1),
        ];
        let rank = rank.as_ref().map_or(0, |rank| rank[row] as i32);
        Candidate { target, row, rank, separations, by_id }
    }
}

fn read_stars(spec: &Crossmatch, job: &Job) -> Result<Vec<Astrometry>, StageError> {
    let ra = f64s(job, "catalog", &spec.catalog_ra)?;
    let dec = f64s(job, "catalog", &spec.catalog_dec)?;
    let unknown = || Ok(vec![f64::NAN; ra.len()]);
    let read = |column: Option<&String>| match column {
        Some(column) => f64s(job, "catalog", column),
        None => unknown(),
    };
    let pmra = read(spec.proper_motion.as_ref().map(|c| &c[0]))?;
    let pmdec = read(spec.proper_motion.as_ref().map(|c| &c[1]))?;
    let parallax = read(spec.parallax.as_ref())?;
    Ok((0..ra.len())
        .map(|row| Astrometry {
            ra_deg: ra[row],
            dec_deg: dec[row],
            pmra_mas_yr: pmra[row],
            pmdec_mas_yr: pmdec[row],
            parallax_mas: parallax[row],
            rv_km_s: f64::NAN,
        })
        .collect())
}

/// Position at an epoch; where it cannot be carried there, as it is.
fn position_at(star: &Astrometry, moving: bool, from_yr: f64, to_yr: f64) -> (f64, f64) {
    if !moving || from_yr == to_yr || !is_position(star.ra_deg, star.dec_deg) {
        return (star.ra_deg, star.dec_deg);
    }
    match propagate(star, from_yr, to_yr) {
        Ok(moved) => (moved.ra_deg, moved.dec_deg),
        Err(_) => (star.ra_deg, star.dec_deg),
    }
}

/// Julian year of a modified Julian date.
fn julian_year(mjd: f64) -> f64 {
    2000.0 + (mjd - 51_544.5) / 365.25
}
