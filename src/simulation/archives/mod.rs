//! The simulated survey as the archives list it: one file an archive, with the names and units of the real one.
//!
//! [`Shard`] measures a set of objects; each builder lists its part of a table. Parts of consecutive shards, appended,
//! are the table of all.

pub mod activity;
pub mod apogee;
pub mod bailer_jones;
pub mod bayestar;
pub mod birky;
pub mod gaia_source;
pub mod galgano;
pub mod occam;
pub mod parsec;
pub mod tess;
pub mod tian;
pub mod truth;
pub mod zhong;

use super::gaia::{self, Component, GaiaSource};
use super::star::{Star, Visit};
use super::survey::{Survey, System};
use super::visits;

/// One object with all that was seen of it.
#[derive(Debug, Clone)]
pub struct Record {
    pub system: System,
    /// Gaia's sources on and around it, itself first.
    pub sources: Vec<GaiaSource>,
    /// Its spectra; none for an object that is not in LAMOST's M-dwarf catalog.
    pub visits: Vec<Visit>,
    /// Its direction at J2000, degrees, ICRS.
    pub ra_2000_deg: f64,
    pub dec_2000_deg: f64,
}

impl Record {
    /// The object.
    pub fn star(&self) -> &Star {
        &self.system.star
    }

    /// Its row in Gaia.
    pub fn source(&self) -> &GaiaSource {
        &self.sources[0]
    }
}

/// A set of objects, measured.
#[derive(Debug, Clone)]
pub struct Shard {
    pub survey: Survey,
    pub records: Vec<Record>,
}

impl Shard {
    /// Measures the objects of the given numbers; those of `Survey::spectra_ranges` get their spectra.
    pub fn new(survey: &Survey, ids: &[u64]) -> Self {
        let observed = survey.spectra_ranges();
        let records = ids
            .iter()
            .map(|id| {
                let system = survey.system(*id);
                let sources = gaia::sources(survey, &system);
                let seen = observed.iter().any(|range| range.contains(id));
                let visits = if seen { survey.visits(&system.star) } else { Vec::new() };
                let (ra_2000_deg, dec_2000_deg) = visits::position_at(&system.star, 2000.0);
                Record { system, sources, visits, ra_2000_deg, dec_2000_deg }
            })
            .collect();
        Self { survey: *survey, records }
    }

    /// Every source of Gaia, in the order of the objects.
    pub fn sources(&self) -> Vec<&GaiaSource> {
        self.records.iter().flat_map(|record| &record.sources).collect()
    }

    /// Every spectrum with its object.
    pub fn spectra(&self) -> Vec<(&Record, &Visit)> {
        self.records
            .iter()
            .flat_map(|record| record.visits.iter().map(move |visit| (record, visit)))
            .collect()
    }
}

/// Row of a source of that component of a record, if it exists.
pub fn component(record: &Record, wanted: Component) -> Option<&GaiaSource> {
    record.sources.iter().find(|source| source.component == wanted)
}

#[cfg(test)]
#[path = "archives_tests.rs"]
mod tests;
