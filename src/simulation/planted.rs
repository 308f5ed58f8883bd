//! Everything that is planted in the simulated survey: faults with their rates, offsets between label scales.
//!
//! These numbers were fixed before the pipeline first ran on the survey and are not to be changed to suit a result.
//! Each fault must come up in a named flag of the pipeline; the truth table holds what was planted where, and the
//! scorer alone may read it. A small survey plants the rare faults more densely, so that each occurs at all (see
//! `Size::fault_density`).

use super::random::Stream;

/// A fault of one spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpectrumFault {
    /// Header's redshift is the sentinel -9999.
    ZSentinel,
    /// Wavelengths are in air though the header says vacuum.
    AirWavelengths,
    /// Header's obsid is that of another spectrum: the flux belongs to another star.
    SwappedObsid,
    /// A run of flux pixels is NaN.
    NanFlux,
    /// A run of pixels has inverse variance 0.
    ZeroIvarBlock,
    /// The obsid occurs a second time.
    DuplicatedObsid,
    /// The fiber took its light from another star than the catalog's.
    WrongObject,
    /// H-alpha in strong emission from a flare.
    HAlphaFlare,
}

impl SpectrumFault {
    /// All, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::ZSentinel,
        Self::AirWavelengths,
        Self::SwappedObsid,
        Self::NanFlux,
        Self::ZeroIvarBlock,
        Self::DuplicatedObsid,
        Self::WrongObject,
        Self::HAlphaFlare,
    ];

    /// Name in the truth table.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZSentinel => "z_sentinel",
            Self::AirWavelengths => "air_wavelengths",
            Self::SwappedObsid => "swapped_obsid",
            Self::NanFlux => "nan_flux",
            Self::ZeroIvarBlock => "zero_ivar_block",
            Self::DuplicatedObsid => "duplicated_obsid",
            Self::WrongObject => "wrong_object",
            Self::HAlphaFlare => "h_alpha_flare",
        }
    }

    /// Share of the spectra that have it in the full survey. The sentinel's is that of real headers (3 of 50); the
    /// others are set so that 50,000 spectra hold 50 to 250 of each.
    pub fn rate(self) -> f64 {
        match self {
            Self::ZSentinel => 0.03,
            Self::ZeroIvarBlock => 0.003,
            Self::WrongObject => 0.005,
            Self::AirWavelengths | Self::NanFlux | Self::HAlphaFlare => 0.002,
            Self::SwappedObsid | Self::DuplicatedObsid => 0.001,
        }
    }

    /// The fault, if any, of a spectrum. `density` multiplies the rates of all but the sentinel.
    pub fn of_spectrum(seed: u64, obsid: u64, density: f64) -> Option<Self> {
        let mut draw = Stream::new(seed, obsid, "spectrum fault").uniform();
        Self::ALL.into_iter().find(|fault| {
            let rate =
                if *fault == Self::ZSentinel { fault.rate() } else { fault.rate() * density };
            draw -= rate;
            draw < 0.0
        })
    }
}

/// A fault of one star, in its nature or in the catalogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StarFault {
    /// Teff of 4,700 K on the APOGEE scale: outside the hull of the labels.
    HotOutsideHull,
    /// [M/H] of -2.3: outside the hull of the labels.
    PoorOutsideHull,
    /// Two stars of like brightness in one spectrum, their lines apart (double-lined).
    DoubleLined,
    /// A giant in the catalog of dwarfs.
    GiantInCatalog,
    /// The catalog's position is that of an unrelated source beside the star, so that the match finds that one.
    WrongGaiaMatch,
    /// The measured parallax is negative.
    NegativeParallax,
    /// Behind a small cloud that the dust map does not resolve.
    ReddenedCloud,
}

impl StarFault {
    /// All, in the order of the enum.
    pub const ALL: [Self; 7] = [
        Self::HotOutsideHull,
        Self::PoorOutsideHull,
        Self::DoubleLined,
        Self::GiantInCatalog,
        Self::WrongGaiaMatch,
        Self::NegativeParallax,
        Self::ReddenedCloud,
    ];

    /// Name in the truth table.
    pub fn name(self) -> &'static str {
        match self {
            Self::HotOutsideHull => "hot_outside_hull",
            Self::PoorOutsideHull => "poor_outside_hull",
            Self::DoubleLined => "double_lined",
            Self::GiantInCatalog => "giant_in_catalog",
            Self::WrongGaiaMatch => "wrong_gaia_match",
            Self::NegativeParallax => "negative_parallax",
            Self::ReddenedCloud => "reddened_cloud",
        }
    }

    /// Share of the field stars that have it in the full survey; 1 percent of wrong matches, as the design says.
    pub fn rate(self) -> f64 {
        match self {
            Self::WrongGaiaMatch => 0.01,
            Self::GiantInCatalog => GIANT_FRACTION,
            Self::HotOutsideHull | Self::PoorOutsideHull => 0.001,
            Self::DoubleLined | Self::NegativeParallax | Self::ReddenedCloud => 0.002,
        }
    }

    /// The fault, if any, of a field star. `density` multiplies the rates of all but giants and wrong matches.
    pub fn of_star(seed: u64, object: u64, density: f64) -> Option<Self> {
        let mut draw = Stream::new(seed, object, "star fault").uniform();
        Self::ALL.into_iter().find(|fault| {
            let common = matches!(fault, Self::GiantInCatalog | Self::WrongGaiaMatch);
            draw -= if common { fault.rate() } else { fault.rate() * density };
            draw < 0.0
        })
    }
}

/// Teff, K, on the truth's scale, of a star of [`StarFault::HotOutsideHull`]: 4,700 K on APOGEE's.
pub const HOT_TEFF_K: f64 = 4_700.0 - APOGEE_TEFF_OFFSET_K;
/// [M/H] of a star of [`StarFault::PoorOutsideHull`].
pub const POOR_M_H: f64 = -2.3;
/// Velocity between the components of [`StarFault::DoubleLined`], km/s: two pixels.
pub const DOUBLE_LINED_RV_KM_S: f64 = 140.0;
/// Extinction in V, mag, of the unresolved cloud of [`StarFault::ReddenedCloud`].
pub const CLOUD_AV_MAG: f64 = 2.5;
/// Distance of the unrelated source of [`StarFault::WrongGaiaMatch`], arcsec: within the matching radius of 3 arcsec,
/// and nearer to the catalog's position than the star is.
pub const WRONG_MATCH_ARCSEC: f64 = 2.2;

/// Proper motion, mas/yr, above which a faint unrelated source may stand where the star was in 2000.
pub const TRAP_MOTION_MAS_YR: f64 = 120.0;
/// Share of such stars that have one: a match without proper motion takes it for the star.
pub const TRAP_FRACTION: f64 = 0.25;

// Mixture of the field objects that LAMOST's M-dwarf catalog holds.

/// Share of giants. Zhong et al. (2019) find 35,382 M giants beside the 607,142 spectra; nearly all are sorted out.
pub const GIANT_FRACTION: f64 = 0.03;
/// Share of stars above the main sequence because they are young. Together with near-equal pairs of the latest types
/// they are the 1.8 percent that the paper removes above the quadrangle (about 7,000 of 387,000).
pub const PRE_MAIN_SEQUENCE_FRACTION: f64 = 0.025;
/// Share of M dwarfs with an unresolved white dwarf: the paper removes 0.26 percent (1,000) below the quadrangle, and
/// about half of the pairs stay within it.
pub const WHITE_DWARF_FRACTION: f64 = 0.003;
/// Share of K dwarfs that the templates took for M dwarfs.
pub const K_DWARF_FRACTION: f64 = 0.02;
/// Share of fibers without a star.
pub const SKY_FRACTION: f64 = 0.02;

// Label scales, against the truth (the scale of Mann et al. 2015 and Birky et al. 2020).

/// TEFF of APOGEE DR16 less truth, K (paper, section 4.1.1: 182 K against Birky et al.).
pub const APOGEE_TEFF_OFFSET_K: f64 = 182.0;
/// Scatter of APOGEE's TEFF, K.
pub const APOGEE_TEFF_SIGMA_K: f64 = 45.0;
/// M_H of APOGEE less truth, dex, above and below [`APOGEE_M_H_BREAK`] (paper, section 4.2: 0.15 and 0.25).
pub const APOGEE_M_H_OFFSET_RICH: f64 = -0.15;
/// See [`APOGEE_M_H_OFFSET_RICH`].
pub const APOGEE_M_H_OFFSET_POOR: f64 = -0.25;
/// True metallicity at which the offset changes, over [`APOGEE_M_H_BLEND`] dex.
pub const APOGEE_M_H_BREAK: f64 = -0.05;
/// Width of the change, dex.
pub const APOGEE_M_H_BLEND: f64 = 0.10;
/// Scatter of APOGEE's M_H, dex.
pub const APOGEE_M_H_SIGMA: f64 = 0.08;
/// Scatter of APOGEE's LOGG, dex.
pub const APOGEE_LOGG_SIGMA: f64 = 0.06;
/// Scatter of APOGEE's ALPHA_M, dex.
pub const APOGEE_ALPHA_M_SIGMA: f64 = 0.04;
/// Median and spread (dex) of the catalog's TEFF_ERR, K: 6 percent lie above the paper's limit of 100 K.
pub const APOGEE_TEFF_ERR_K: (f64, f64) = (70.0, 0.0996);
/// Median and spread (dex) of the catalog's M_H_ERR: 4 percent lie above the paper's limit of 0.1 dex.
pub const APOGEE_M_H_ERR: (f64, f64) = (0.05, 0.172);
/// Share of APOGEE stars whose TEFF is off by [`APOGEE_OUTLIER_K`], of either sign.
pub const APOGEE_OUTLIER_FRACTION: f64 = 0.01;
/// See [`APOGEE_OUTLIER_FRACTION`], K.
pub const APOGEE_OUTLIER_K: f64 = 300.0;
/// Share of APOGEE stars without labels: TEFF and the others are -9999.
pub const APOGEE_NO_LABEL_FRACTION: f64 = 0.02;
/// Share of APOGEE stars with a bad-star bit in ASPCAPFLAG.
pub const APOGEE_STAR_BAD_FRACTION: f64 = 0.03;
/// Share of APOGEE stars with a second row (EXTRATARG bit 4).
pub const APOGEE_DUPLICATE_FRACTION: f64 = 0.05;

/// Scatter of Birky et al.'s Teff (K) and [Fe/H] (dex) about the truth, without offset.
pub const B20_SIGMA: (f64, f64) = (40.0, 0.06);
/// Offset and scatter of the TESS Cool Dwarf Catalog's Teff, K.
pub const TESS_TEFF_K: (f64, f64) = (10.0, 90.0);
/// Offset and scatter of Galgano et al.'s Teff, K. Their labels come from the LAMOST spectra themselves: half of the
/// variance at SNR 50 is tied to the spectrum, through the number of the spectrum.
pub const GALGANO_TEFF_K: (f64, f64) = (60.0, 45.0);
/// Scatter of [M/H] between the components of a wide pair, dex.
pub const WIDE_PAIR_M_H_SIGMA: f64 = 0.01;
/// Share of chance alignments among the wide pairs, at the least and at the largest separation (paper of Tian et al.
/// 2020: rising with separation).
pub const CHANCE_ALIGNMENT: (f64, f64) = (0.03, 0.08);
/// Zero point of Gaia DR2 parallaxes, mas (Lindegren et al. 2018, A&A 616, A2).
pub const PARALLAX_ZERO_POINT_MAS: f64 = -0.029;
/// Share of the nodes of the synthetic grid that are missing.
pub const MISSING_NODE_FRACTION: f64 = 0.03;
/// Least equivalent width of H-alpha emission of an active star, Angstrom (West et al. 2011, AJ 141, 97).
pub const ACTIVE_EW_ANGSTROM: f64 = 0.75;

/// True when the node of that number is missing from the synthetic grid.
pub fn grid_node_missing(seed: u64, node: u64) -> bool {
    Stream::new(seed, node, "grid node missing").chance(MISSING_NODE_FRACTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_occur_at_their_rates() {
        let n = 200_000;
        let count = |wanted| {
            (0..n).filter(|id| SpectrumFault::of_spectrum(5, *id, 1.0) == Some(wanted)).count()
        };
        for fault in [SpectrumFault::ZSentinel, SpectrumFault::WrongObject, SpectrumFault::NanFlux]
        {
            let expected = fault.rate() * n as f64;
            let got = count(fault) as f64;
            assert!((got - expected).abs() < 4.0 * expected.sqrt(), "{}: {got}", fault.name());
        }
        let stars = (0..n).filter_map(|id| StarFault::of_star(5, id, 1.0)).count() as f64;
        let expected = n as f64 * StarFault::ALL.iter().map(|f| f.rate()).sum::<f64>();
        assert!((stars - expected).abs() < 4.0 * expected.sqrt());
    }
}
