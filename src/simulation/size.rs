//! How large a survey is made.

/// Size of the simulated survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// About 600 spectra, 300 of training stars: for tests.
    Tiny,
    /// About 6,000 spectra, 700 training stars: the default.
    Demo,
    /// About 50,000 spectra, 4,317 training stars.
    Full,
    /// About 607,142 spectra, 4,317 training stars: as many as the paper.
    Paper,
}

/// What a size decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Objects of the field.
    pub n_field: u64,
    /// Wide pairs of which both stars have spectra.
    pub n_wide_pair: u64,
    /// Members of the Hyades in Gaia, and how many of them LAMOST took.
    pub n_hyades: u64,
    pub n_hyades_spectra: u64,
    /// Share of Table 3's members that is made, at least one a cluster.
    pub cluster_share: f64,
    /// Factor on the APOGEE targeting rate (see `label_scales`).
    pub apogee_density: f64,
    /// Probability that a star outside APOGEE is in Birky et al.'s table.
    pub b20_extra: f64,
    /// Factor on the rates of rare faults.
    pub fault_density: f64,
    /// Stars of the APOGEE table that LAMOST did not see.
    pub n_apogee_only: u64,
    /// Giants of Zhong et al.'s table.
    pub n_zhong: u64,
    /// Samples of each pixel of the dust map.
    pub n_dust_sample: usize,
}

const TINY: Extent = Extent {
    n_field: 400,
    n_wide_pair: 12,
    n_hyades: 30,
    n_hyades_spectra: 9,
    cluster_share: 0.1,
    apogee_density: 60.0,
    b20_extra: 0.05,
    fault_density: 8.0,
    n_apogee_only: 60,
    n_zhong: 40,
    n_dust_sample: 1,
};

const DEMO: Extent = Extent {
    n_field: 4_060,
    n_wide_pair: 170,
    n_hyades: 166,
    n_hyades_spectra: 25,
    cluster_share: 1.0,
    apogee_density: 0.41,
    b20_extra: 0.03,
    fault_density: 2.0,
    n_apogee_only: 1_000,
    n_zhong: 350,
    n_dust_sample: 3,
};

const FULL: Extent = Extent {
    n_field: 37_550,
    n_wide_pair: 170,
    n_hyades: 166,
    n_hyades_spectra: 25,
    cluster_share: 1.0,
    apogee_density: 0.35,
    b20_extra: 0.019,
    fault_density: 1.0,
    n_apogee_only: 8_000,
    n_zhong: 2_900,
    n_dust_sample: 5,
};

const PAPER: Extent = Extent {
    n_field: 462_900,
    n_wide_pair: 170,
    n_hyades: 166,
    n_hyades_spectra: 25,
    cluster_share: 1.0,
    apogee_density: 0.028,
    b20_extra: 0.0014,
    fault_density: 1.0,
    n_apogee_only: 40_000,
    n_zhong: 35_382,
    n_dust_sample: 5,
};

impl Size {
    /// All sizes, from small to large.
    pub const ALL: [Self; 4] = [Self::Tiny, Self::Demo, Self::Full, Self::Paper];

    /// The size of that name: `tiny`, `demo`, `full` or `paper`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Demo => "demo",
            Self::Full => "full",
            Self::Paper => "paper",
        }
    }

    /// Number of spectra that are aimed at.
    pub fn n_spectrum(self) -> u64 {
        match self {
            Self::Tiny => 600,
            Self::Demo => 6_000,
            Self::Full => 50_000,
            Self::Paper => 607_142,
        }
    }

    /// What it decides.
    pub fn extent(self) -> Extent {
        match self {
            Self::Tiny => TINY,
            Self::Demo => DEMO,
            Self::Full => FULL,
            Self::Paper => PAPER,
        }
    }
}
