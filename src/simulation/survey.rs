//! The objects of a survey by number: any of them can be made alone, in any order.
//!
//! Numbers have 21 bits and say where an object belongs: the field, a wide pair, a cluster, or a catalog that LAMOST's
//! M-dwarf catalog does not hold. The number is the only thing besides the seed and the size that an object depends on;
//! a larger field leaves the objects of a smaller one as they are.

use std::ops::Range;

use super::clusters;
use super::contaminants;
use super::extinction::DustMap;
use super::field;
use super::multiplicity::CompanionStar;
use super::pairs;
use super::size::{Extent, Size};
use super::star::{Star, Visit};
use super::variant::Variant;
use super::visits;

/// First number of the wide pairs: two numbers a pair.
pub const PAIR_BASE: u64 = 1 << 20;
/// First number of the clusters: [`CLUSTER_SPAN`] numbers a cluster.
pub const CLUSTER_BASE: u64 = PAIR_BASE + (1 << 18);
/// Numbers a cluster.
pub const CLUSTER_SPAN: u64 = 1 << 12;
/// First number of the giants of Zhong et al. (2019).
pub const GIANT_BASE: u64 = PAIR_BASE + (1 << 19);
/// First number of the stars that APOGEE alone observed.
pub const APOGEE_BASE: u64 = GIANT_BASE + (1 << 18);
/// One more than the largest number.
pub const N_OBJECT: u64 = 1 << 21;

/// A simulated survey: its seed and its size.
#[derive(Debug, Clone, Copy)]
pub struct Survey {
    pub seed: u64,
    pub size: Size,
    pub variant: Variant,
    pub extent: Extent,
    pub dust: DustMap,
}

/// One object and what lies with it on the sky.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    pub star: Star,
    /// A companion that Gaia sees as a source of its own.
    pub resolved: Option<CompanionStar>,
}

impl Survey {
    /// The survey of a seed and a size.
    pub fn new(seed: u64, size: Size) -> Self {
        Self::of_variant(seed, size, Variant::Standard)
    }

    /// The survey of a seed and a size in a Galaxy of its own.
    pub fn of_variant(seed: u64, size: Size, variant: Variant) -> Self {
        Self {
            seed,
            size,
            variant,
            extent: size.extent(),
            dust: DustMap::new(seed, variant.dust()),
        }
    }

    /// Ranges of the numbers of all objects of which LAMOST's M-dwarf catalog has spectra: field, pairs, Hyades and the
    /// sixteen clusters.
    pub fn spectra_ranges(&self) -> Vec<Range<u64>> {
        let mut ranges =
            vec![0..self.extent.n_field, PAIR_BASE..PAIR_BASE + 2 * self.extent.n_wide_pair];
        ranges.extend((0..clusters::CLUSTERS.len()).map(|cluster| {
            let first = CLUSTER_BASE + cluster as u64 * CLUSTER_SPAN;
            first..first + clusters::n_spectra(&self.extent, cluster)
        }));
        ranges
    }

    /// Ranges of the numbers of objects that Gaia has and LAMOST's M-dwarf catalog has not: Hyades, the giants of Zhong
    /// et al. and APOGEE's own stars.
    pub fn other_ranges(&self) -> Vec<Range<u64>> {
        let hyades = CLUSTER_BASE + clusters::HYADES as u64 * CLUSTER_SPAN;
        vec![
            hyades + self.extent.n_hyades_spectra..hyades + self.extent.n_hyades,
            GIANT_BASE..GIANT_BASE + self.extent.n_zhong,
            APOGEE_BASE..APOGEE_BASE + self.extent.n_apogee_only,
        ]
    }

    /// All numbers with spectra, in order.
    pub fn ids(&self) -> Vec<u64> {
        self.spectra_ranges().into_iter().flatten().collect()
    }

    /// The object of that number with its resolved companion.
    pub fn system(&self, id: u64) -> System {
        match id {
            0..PAIR_BASE => field::system(self, id),
            PAIR_BASE..CLUSTER_BASE => pairs::system(self, id),
            CLUSTER_BASE..GIANT_BASE => clusters::system(self, id),
            GIANT_BASE..APOGEE_BASE => contaminants::catalog_giant(self, id),
            _ => contaminants::apogee_only(self, id),
        }
    }

    /// The object of that number.
    pub fn star(&self, id: u64) -> Star {
        self.system(id).star
    }

    /// The objects of a range of numbers: a function of each number alone.
    pub fn stars(&self, ids: Range<u64>) -> Vec<Star> {
        ids.map(|id| self.star(id)).collect()
    }

    /// The spectra of an object, in the order in which they were taken in.
    pub fn visits(&self, star: &Star) -> Vec<Visit> {
        visits::of_star(self, star)
    }
}
